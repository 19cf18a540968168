//! Row 8: contenders that are real processes, on real hosts with their rules and faults, stopped and killed at any moment.
//!
//! Each takes the lock, makes calls that it asks the fence for, writes, and gives the lock back or dies with it. What is
//! left must be one line of commits, one holder per epoch, every acknowledged run in it, and no call of a holder after the
//! first call of a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use windlass::clock::Clock;
use windlass::state::{Error, FindingKind, Lease, Location, RunResult, Store, StoreSettings, Timing};

use super::bench::{self, Bench};
use super::hosts::{HEADS_AND_TAGS, PROTECTED};
use crate::support::dice::Dice;
use crate::support::git::{self, Host};
use crate::support::proof;

/// What a contender is told, by its environment.
const PLACE: &str = "WINDLASS_TEST_RACE";

/// The seed of everything that happens by chance; a failure prints it.
const SEED: &str = "WINDLASS_TEST_SEED";

/// How long a lease lasts here. A stopped holder is robbed after that, and a dead one.
const LEASE: Duration = Duration::from_secs(3);

/// How long a call may take, for the fence.
const CALL: Duration = Duration::from_millis(100);

fn seed() -> u64 {
    std::env::var(SEED).ok().map_or(8, |seed| seed.parse().expect("a number"))
}

/// The more contend, the less often each of them looks: else most of the processors' time goes into looks, not into turns.
fn timing(contenders: usize) -> Timing {
    let poll = Duration::from_millis(25) * u32::try_from(contenders * contenders).expect("few");
    Timing { spacing: Duration::ZERO, poll, ..Timing::of_lease(LEASE) }
}

/// A race: its host, and how far it goes.
struct Race {
    contenders: usize,
    rounds: u64,
    /// Another one is disturbed at other moments.
    pass: u64,
    rules: &'static str,
    way: Way,
}

/// How the host is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Path,
    File,
    Http,
}

/// Four races at the same time: most of each is waiting for a turn, or for a lease to end.
#[test]
fn two_that_race_on_every_kind_of_host() {
    let rounds = 50 * u64::try_from(proof::size()).expect("small");
    let races = [("", Way::Path), ("", Way::Http), (PROTECTED, Way::File), (HEADS_AND_TAGS, Way::Path)];
    let done = std::thread::scope(|scope| {
        let start = |(rules, way)| scope.spawn(move || race(&Race { contenders: 2, rounds, pass: 0, rules, way }));
        let races = races.map(start);
        races.into_iter().map(|race| race.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    });
    proof::report("row 8, two contenders", done, 200);
}

fn eight_race(rules: &'static str, way: Way) {
    let passes = 5 * u64::try_from(proof::size()).expect("small");
    let done = (0..passes).map(|pass| race(&Race { contenders: 8, rounds: 44, pass, rules, way })).sum();
    proof::report("row 8, eight contenders", done, 250);
}

#[test]
fn eight_that_race_on_a_path() {
    eight_race("", Way::Path);
}

#[test]
fn eight_that_race_on_a_path_whose_branches_are_protected() {
    eight_race(PROTECTED, Way::Path);
}

#[test]
fn eight_that_race_over_http_where_branches_are_protected() {
    eight_race(PROTECTED, Way::Http);
}

#[test]
fn eight_that_race_on_a_file_url_with_heads_and_tags_only() {
    eight_race(HEADS_AND_TAGS, Way::File);
}

/// Runs it, and checks what is left; the number of times that the lock was taken.
fn race(race: &Race) -> usize {
    let Race { contenders, rounds, pass, rules, way } = *race;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let bench = Bench::new();
    git::git(&bench.host(), &["config", "receive.advertiseAtomic", "false"]);
    if !rules.is_empty() {
        git::git(&bench.host(), &["config", "receive.denyNonFastForwards", "true"]);
        git::git(&bench.host(), &["config", "receive.denyDeletes", "true"]);
        git::hook(&bench.host(), "update", rules);
    }
    let http = (way == Way::Http).then(|| Host::serving(bench.path()));
    let url = match way {
        Way::Path => bench.host().to_string_lossy().into_owned(),
        Way::File => format!("file://{}", bench.host().display()),
        Way::Http => http.as_ref().expect("it serves").url("host.git"),
    };
    let log = bench.path().join("log");
    let mut field = Field {
        projects: (0..contenders)
            .map(|index| {
                let project = bench.project(&format!("c{index}"));
                git::git(&project, &["config", "remote.origin.url", &url]);
                project
            })
            .collect(),
        log: log.clone(),
        rounds,
        dice: Dice::new(seed() + rounds + u64::from(way == Way::Http) + (pass << 16)),
        starts: 0,
    };
    field.run(http.as_ref());
    let what = format!("{contenders} contenders, {way:?}, pass {pass}, seed {} ({SEED})", seed());
    runtime.block_on(check(&bench, &log, &what))
}

/// The contenders, and whoever stops and kills them.
struct Field {
    projects: Vec<PathBuf>,
    log: PathBuf,
    rounds: u64,
    dice: Dice,
    starts: usize,
}

impl Field {
    fn start(&mut self, index: usize) -> Child {
        self.starts += 1;
        let (project, log) = (self.projects[index].display(), self.log.display());
        let place = format!("{project}\n{log}\n{}\n{}\n{}", self.rounds, self.starts, self.projects.len());
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--ignored", "--exact", "state::races::contender", "--nocapture"]);
        command.env(PLACE, place).stdout(Stdio::null()).spawn().expect("a process")
    }

    fn run(&mut self, http: Option<&Host>) {
        let mut children: Vec<Option<Child>> = (0..self.projects.len()).map(|index| Some(self.start(index))).collect();
        let began = Instant::now();
        // The more contend, the less often one of them is disturbed: turns are wanted, more than leases that run out.
        let pace = u32::try_from(children.len()).expect("few");
        while children.iter().any(Option::is_some) {
            assert!(began.elapsed() < Duration::from_secs(1200), "the race does not end");
            std::thread::sleep(Duration::from_millis(150 + 5 * self.dice.below(40) as u64) * pace);
            for child in &mut children {
                if let Some(ended) = child.as_mut().and_then(|it| it.try_wait().expect("a process")) {
                    assert!(ended.success(), "a contender failed: {ended}");
                    *child = None;
                }
            }
            let index = self.dice.below(children.len());
            let Some(child) = &mut children[index] else { continue };
            match self.dice.below(10) {
                0 => {
                    child.kill().expect("a process to kill");
                    child.wait().expect("a process");
                    children[index] = Some(self.start(index));
                }
                // Shorter than a lease, or as long as it takes to be robbed.
                1..=3 => {
                    signal(child, "-STOP");
                    let pause = if self.dice.below(3) == 0 { LEASE + LEASE / 2 } else { LEASE / 8 };
                    std::thread::sleep(pause);
                    signal(child, "-CONT");
                }
                other => {
                    if let Some(host) = http {
                        host.fault(["lose-answer", "lose-request", "refuse"][other % 3]);
                    }
                }
            }
        }
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(status.success(), "kill {name}");
}

/// What is left when all have ended.
async fn check(bench: &Bench, log: &Path, what: &str) -> usize {
    let store = bench.store("judge").await;
    let findings = store.fsck().await.expect("a check");
    assert!(findings.iter().all(|it| it.kind != FindingKind::Epoch), "{what}: {findings:?}");
    assert_eq!(findings, [], "{what}");
    // One holder per epoch, by the trailers.
    let trailers = "--format=%(trailers:key=Windlass-Epoch,valueonly,separator=) %(trailers:key=Windlass-Run,valueonly,separator=) \
                    %(trailers:key=Windlass-Phase,valueonly,separator=)";
    let mut holders: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut taken = 0;
    for line in git::git(&bench.host(), &["log", trailers, bench::BRANCH]).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [epoch, run, phase] = words.as_slice() else { panic!("{what}: {line}") };
        holders.entry(epoch.parse().expect("a number")).or_default().insert((*run).to_owned());
        taken += usize::from(["acquire", "steal"].contains(phase));
    }
    assert!(holders.values().all(|runs| runs.len() == 1), "{what}: {holders:?}");
    // Every acknowledged run is there; every call was made before anybody else's time began.
    let history = store.history().await.expect("a history");
    let runs: BTreeMap<&str, RunResult> =
        history.runs.iter().map(|run| (run.record.run.as_str(), run.record.result)).collect();
    let mut first: BTreeMap<u64, u128> = BTreeMap::new();
    let mut calls: Vec<(u64, u128)> = Vec::new();
    let mut released = 0;
    let text = std::fs::read_to_string(log).expect("a log");
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["call", epoch, at] => {
                let (epoch, at) = (epoch.parse().expect("a number"), at.parse().expect("a number"));
                let begun = first.entry(epoch).or_insert(at);
                *begun = at.min(*begun);
                calls.push((epoch, at));
            }
            ["released", run] => {
                assert_eq!(runs.get(run), Some(&RunResult::Done), "{what}: {run} was acknowledged");
                released += 1;
            }
            _ => panic!("{what}: {line}"),
        }
    }
    for (epoch, at) in &calls {
        let later = first.range(epoch + 1..).map(|(_, begun)| *begun).min();
        assert!(later.is_none_or(|later| *at < later), "{what}: a call of epoch {epoch} past its lease");
    }
    assert!(released * 2 > taken && !calls.is_empty(), "{what}: {released} of {taken} went well");
    proof::say(&format!("{what}: taken {taken} times, given back {released} times, {} calls", calls.len()));
    taken
}

#[test]
#[ignore = "a role that another test starts"]
fn contender() {
    let place = std::env::var(PLACE).expect("started by another test");
    let words: Vec<&str> = place.lines().collect();
    let [project, log, rounds, start, contenders] = words.as_slice() else { panic!("{place}") };
    let contender = Contender {
        log: PathBuf::from(log),
        rounds: rounds.parse().expect("a number"),
        start: start.parse().expect("a number"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut settings =
            StoreSettings::new(bench::cluster_name(), Location::Remote(String::from("origin")), Path::new(project));
        settings.timing = timing(contenders.parse().expect("a number"));
        contender.run(&Store::open(settings).await.expect("a store")).await;
    });
}

struct Contender {
    log: PathBuf,
    rounds: u64,
    start: u64,
}

impl Contender {
    async fn run(&self, store: &Store) {
        let mut dice = Dice::new(seed().wrapping_add(self.start << 32));
        for turn in 0.. {
            let run = format!("s{}-{turn}", self.start);
            let mut lease = match store.acquire(bench::waiting(&run, Duration::from_secs(300)), &mut |_| {}).await {
                Ok(lease) => lease,
                Err(error) if is_expected(&error) => continue,
                Err(error) => panic!("{error:?}"),
            };
            let is_last = lease.epoch() >= self.rounds;
            match self.hold(&mut lease, &run, &mut dice).await {
                // A run that dies: somebody else finds its lock.
                Ok(()) if !is_last && dice.below(40) == 0 => drop(lease),
                Ok(()) => match lease.release(bench::run(Clock::system(), RunResult::Done)).await {
                    Ok(_) => self.note(&format!("released {run}")),
                    Err(error) if is_expected(&error) => {}
                    Err(error) => panic!("{error:?}"),
                },
                Err(error) if is_expected(&error) => drop(lease),
                Err(error) => panic!("{error:?}"),
            }
            if is_last {
                return;
            }
        }
    }

    /// Calls, as long as the fence permits, and now and then a push in between.
    async fn hold(&self, lease: &mut Lease, run: &str, dice: &mut Dice) -> Result<(), Error> {
        let fence = lease.fence();
        if lease.records().cluster.is_none() {
            lease.stage_cluster(bench::cluster("u1"))?;
        }
        let writes = dice.below(4) == 0;
        if writes {
            lease.write("wave 1/1", vec![bench::create(run, 1)], Vec::new()).await?;
        }
        for _ in 0..=dice.below(3) {
            let at = Clock::system().since_boot().as_nanos();
            if fence.permit(CALL).is_ok() {
                self.note(&format!("call {} {at}", lease.epoch()));
            }
            tokio::time::sleep(Duration::from_millis(dice.below(4) as u64)).await;
        }
        if writes {
            lease.write("results", Vec::new(), vec![bench::made(run, 1)]).await?;
        }
        Ok(())
    }

    fn note(&self, line: &str) {
        let mut file = std::fs::File::options().create(true).append(true).open(&self.log).expect("a log");
        file.write_all(format!("{line}\n").as_bytes()).expect("a log");
    }
}

/// What may happen to a contender that is stopped, robbed, or whose pushes are lost.
fn is_expected(error: &Error) -> bool {
    matches!(
        error,
        Error::Held(_)
            | Error::LeaseEnded(_)
            | Error::Unpushed { .. }
            | Error::Unreachable { .. }
            | Error::TimedOut { .. }
    )
}
