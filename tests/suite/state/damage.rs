//! Damaged branches: nothing acts on them; each message names the file, the commit and the repair.

use std::path::{Path, PathBuf};

use windlass::exit::Exit;
use windlass::state::{Error, FindingKind, Recover, RunResult, Store};

use super::bench::{self, Bench, LEASE};
use crate::support::git;

/// Somebody's clone of the state branch, in which files are changed by hand.
struct Vandal {
    clone: PathBuf,
}

impl Vandal {
    fn new(bench: &Bench) -> Self {
        let host = bench.host();
        let clone = bench.path().join("vandal");
        git::git(bench.path(), &["clone", "--quiet", "--branch", bench::BRANCH, &host.to_string_lossy(), "vandal"]);
        Self { clone }
    }

    fn file(&self, path: &str) -> PathBuf {
        let file = self.clone.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        file
    }

    /// Commits what was changed, with the trailers of the commit before, but as somebody who needs no lock, so that only
    /// the files are wrong.
    fn push(&self) -> String {
        let message = git::git(&self.clone, &["log", "-1", "--format=%B"]);
        let trailer = |name| message.lines().find(|line| line.starts_with(name)).expect("a trailer");
        let own = format!("Windlass-Op: {}", git::git(&self.clone, &["rev-parse", "HEAD"]));
        let message = message.replace(trailer("Windlass-Op: "), &own);
        self.push_as(&message.replace(trailer("Windlass-Phase: "), "Windlass-Phase: request"))
    }

    fn push_as(&self, message: &str) -> String {
        git::git(&self.clone, &["add", "--all", "--force"]);
        git::git(&self.clone, &["commit", "--quiet", "--allow-empty", "--message", message]);
        git::git(&self.clone, &["push", "--quiet", "origin", &format!("HEAD:{}", bench::BRANCH)]);
        git::git(&self.clone, &["rev-parse", "HEAD"])
    }
}

/// A branch with two gateways, whose last run is r2.
async fn good() -> (Bench, Store) {
    let bench = Bench::new();
    let store = bench.store("ann").await;
    bench::make(&store, bench.clock, "r1", "a").await;
    bench::make(&store, bench.clock, "r2", "b").await;
    (bench, store)
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("a file");
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).expect("a file");
}

type Damage = (&'static str, FindingKind, &'static str, fn(&Vandal, &str));

/// Path, kind, a part of the message, and how the damage is done.
fn damages() -> Vec<Damage> {
    use FindingKind as Kind;
    let cut: fn(&Vandal, &str) = |vandal, path| {
        let text = std::fs::read(vandal.file(path)).expect("a file");
        std::fs::write(vandal.file(path), &text[..text.len() / 2]).expect("a file");
    };
    let noise: fn(&Vandal, &str) =
        |vandal, path| std::fs::write(vandal.file(path), [0xff, 0, 0x1b, b'[']).expect("a file");
    let empty: fn(&Vandal, &str) = |vandal, path| std::fs::write(vandal.file(path), "").expect("a file");
    let hello: fn(&Vandal, &str) = |vandal, path| std::fs::write(vandal.file(path), "hello\n").expect("a file");
    let remove: fn(&Vandal, &str) = |vandal, path| std::fs::remove_file(vandal.file(path)).expect("a file");
    let link: fn(&Vandal, &str) = |vandal, path| {
        std::fs::remove_file(vandal.file(path)).expect("a file");
        std::os::unix::fs::symlink("/etc/hostname", vandal.file(path)).expect("a link");
    };
    let field: fn(&Vandal, &str) = |vandal, path| replace(&vandal.file(path), "{\n", "{\n  \"surprise\": 1,\n");
    let conflict: fn(&Vandal, &str) = |vandal, path| {
        let text = std::fs::read_to_string(vandal.file(path)).expect("a file");
        std::fs::write(vandal.file(path), format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> x\n")).expect("a file");
    };
    let a = "resources/internet-gateway/a.json";
    vec![
        ("cluster.json", Kind::Unreadable, "cannot be read: ", cut),
        ("cluster.json", Kind::Unreadable, "cannot be read: ", noise),
        ("cluster.json", Kind::Unreadable, "unknown field `surprise`", field),
        ("cluster.json", Kind::Misplaced, "the record of cluster other.k8s.example", |vandal, path| {
            replace(&vandal.file(path), bench::CLUSTER, "other.k8s.example");
        }),
        ("cluster.json", Kind::Missing, "missing, and there are resources", remove),
        ("format.json", Kind::Missing, "missing", remove),
        ("format.json", Kind::Unreadable, "cannot be read: ", hello),
        ("lock.json", Kind::Unreadable, "cannot be read: ", hello),
        ("lock.json", Kind::Unreadable, "cannot be read: ", empty),
        ("lock.json", Kind::Contradiction, "held by run r1, which is closed", |vandal, path| {
            let lock = r#"{"epoch": 9, "run": "r1", "holder": "x", "operation": "apply",
                "started": "2026-11-20T10:00:00Z", "ttl": 300, "beat": 1}"#;
            std::fs::write(vandal.file(path), lock).expect("a file");
        }),
        ("generations.json", Kind::Unreadable, "cannot be read: ", |vandal, path| {
            std::fs::write(vandal.file(path), r#"{"internet-gateway/a": -1}"#).expect("a file");
        }),
        (a, Kind::Unreadable, "cannot be read: ", cut),
        (a, Kind::Unreadable, "cannot be read: ", conflict),
        (a, Kind::Unreadable, "unknown field `surprise`", field),
        (a, Kind::Unreadable, "cannot be read: ", empty),
        (a, Kind::NotAFile, "not a plain file (git mode 120000)", link),
        (a, Kind::Misplaced, "the record of internet-gateway/z", |vandal, path| {
            replace(&vandal.file(path), "internet-gateway/a", "internet-gateway/z");
        }),
        (
            "resources/internet-gateway/b.json",
            Kind::Contradiction,
            "has the id of internet-gateway/a",
            |vandal, path| {
                replace(&vandal.file(path), "igw-b1", "igw-a1");
            },
        ),
        ("resources/bucket/x.json", Kind::Unknown, "windlass writes no such file", hello),
        ("README.md", Kind::Unknown, "windlass writes no such file", hello),
        ("journal/r9.jsonl", Kind::Unreadable, "line 1 is no journal line", hello),
        ("journal/r9.jsonl", Kind::Contradiction, "neither holds the lock nor was closed", |vandal, path| {
            let line = r#"{"intent":{"address":"vpc/a","operation":"create","generation":1,"token":null,"id":null,"resource":null,"at":"2026-11-20T10:00:00Z"}}"#;
            std::fs::write(vandal.file(path), format!("{line}\n")).expect("a file");
        }),
        ("journal/r1.jsonl", Kind::Result, "line 1 is a result without an earlier intent", |vandal, path| {
            let line = r#"{"outcome":{"address":"vpc/a","record":null,"at":"2026-11-20T10:00:00Z"}}"#;
            std::fs::write(vandal.file(path), format!("{line}\n")).expect("a file");
        }),
        ("secrets/ca.age", Kind::NotEncrypted, "not age ciphertext", hello),
        ("former/u1.json", Kind::Misplaced, "the record of another uid", |vandal, path| {
            let record = std::fs::read_to_string(vandal.file("cluster.json")).expect("a file");
            std::fs::write(vandal.file(path), record.replace("\"u1\"", "\"u0\"")).expect("a file");
        }),
        ("manifests/cluster.yaml", Kind::Secret, "line 1 holds a PEM private key", |vandal, path| {
            let key = ["-----BEGIN ", "PRIVATE KEY-----\n"].concat();
            std::fs::write(vandal.file(path), key).expect("a file");
        }),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_damage_is_named_stops_everything_and_can_be_repaired() {
    for (path, kind, part, damage) in damages() {
        let (bench, store) = good().await;
        let vandal = Vandal::new(&bench);
        damage(&vandal, path);
        let commit = vandal.push();
        let case = format!("{path}: {part}");

        let error = bench::acquire(&store, "r3").await.expect_err(&case);
        let Error::Corrupt(findings) = &error else { panic!("{case}: {error:?}") };
        let finding = findings.0.iter().find(|finding| finding.kind == kind && finding.path.as_deref() == Some(path));
        let finding = finding.unwrap_or_else(|| panic!("{case}: {findings}"));
        assert!(finding.message.contains(part), "{case}: {}", finding.message);
        assert_eq!(finding.commit, commit, "{case}");
        assert!(finding.repair.contains(&format!("windlass state recover {} {path}", bench::CLUSTER)), "{case}");
        assert!(error.to_string().contains(path) && error.to_string().contains(&commit[..12]), "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{case}");
        assert_eq!(error.exit(), Exit::Refused);
        assert_eq!(bench.tip(), commit, "{case}: nothing was written");
        assert!(store.read().await.is_err() && store.fsck().await.expect("a check").contains(finding), "{case}");

        let recovered = bench::recover(&store, bench::repair()).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(recovered.restored.contains_key(path), "{case}");
        let records = store.read().await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(records.resources.len(), 2, "{case}");
        assert_eq!(records.cluster.map(|cluster| cluster.uid).as_deref(), Some("u1"), "{case}");
        let lease = bench::acquire(&store, "r3").await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(lease.epoch(), 4, "{case}: a repair is an epoch of its own");
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_format_refuses_to_act_and_names_what_to_install() {
    let (bench, store) = good().await;
    let vandal = Vandal::new(&bench);
    let format = r#"{"version": 2, "oldestWriter": "3.1.0", "compression": "zstd"}"#;
    std::fs::write(vandal.file("format.json"), format).expect("a file");
    std::fs::write(vandal.file("new-kind-of-file"), "?").expect("a file");
    vandal.push();
    let error = bench::acquire(&store, "r3").await.expect_err("too new");
    assert!(matches!(error, Error::TooNew { format: 2, .. }), "{error:?}");
    assert_eq!(error.hint().as_deref(), Some("install windlass 3.1.0 or newer"));
    assert!(
        matches!(bench::recover(&store, bench::repair()).await, Err(Error::TooNew { .. })),
        "what it cannot read it cannot repair"
    );
}

#[tokio::test(start_paused = true)]
async fn a_commit_by_hand_is_not_built_on_until_somebody_says_so() {
    let (bench, store) = good().await;
    let vandal = Vandal::new(&bench);
    let commit = vandal.push_as("fix the state by hand");
    let error = bench::acquire(&store, "r3").await.expect_err("a foreign commit");
    let Error::Corrupt(findings) = &error else { panic!("{error:?}") };
    let finding = &findings.0[0];
    assert_eq!((finding.kind, finding.commit.as_str()), (FindingKind::Foreign, commit.as_str()));
    assert!(finding.repair.contains(&format!("git show {commit}")), "{}", finding.repair);
    bench::recover(&store, bench::repair()).await.expect("a repair").commit.expect("a commit");
    assert_eq!(bench::acquire(&store, "r3").await.expect("the lock").epoch(), 4);
    let left: Vec<_> = store.fsck().await.expect("a check").into_iter().map(|f| (f.kind, f.commit)).collect();
    assert_eq!(left, [(FindingKind::Foreign, commit)], "the history keeps it");
}

/// Somebody wrote the history anew, and what they left out is nowhere.
#[tokio::test(start_paused = true)]
async fn what_no_version_makes_good_is_named() {
    let (bench, _) = good().await;
    let vandal = Vandal::new(&bench);
    let stamp = git::git(&vandal.clone, &["log", "-1", "--format=%B"]);
    git::git(&vandal.clone, &["checkout", "--quiet", "--orphan", "anew"]);
    std::fs::remove_file(vandal.file("cluster.json")).expect("a file");
    let resource = bench.files().into_iter().find(|file| file.starts_with("resources/")).expect("a record");
    std::fs::write(vandal.file(&resource), "{").expect("a file");
    git::git(&vandal.clone, &["add", "--all"]);
    git::git(&vandal.clone, &["commit", "--quiet", "--message", &stamp]);
    git::git(&vandal.clone, &["push", "--quiet", "--force", "origin", &format!("HEAD:{}", bench::BRANCH)]);
    // Nobody has seen the branch before from here.
    let store = bench.store("bob").await;
    let recovered = bench::recover(&store, bench::repair()).await.expect("a repair");
    assert_eq!(recovered.restored, [(resource, None)].into());
    let left: Vec<_> = recovered.left.iter().map(|left| (left.kind, left.path.as_deref())).collect();
    assert_eq!(left, [(FindingKind::Missing, Some("cluster.json"))]);
    let again = bench::recover(&store, bench::repair()).await.expect("nothing to repair");
    assert_eq!((again.commit, again.left.len()), (None, 1));
    assert!(matches!(bench::acquire(&store, "r4").await, Err(Error::Corrupt(_))));
}

#[tokio::test(start_paused = true)]
async fn merges_other_roots_falling_epochs_and_changed_identities_are_found_in_the_history() {
    let (bench, store) = good().await;
    let vandal = Vandal::new(&bench);
    let stamp = git::git(&vandal.clone, &["log", "-1", "--format=%B"]);
    // A merge.
    git::git(&vandal.clone, &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    git::git(&vandal.clone, &["commit", "--quiet", "--allow-empty", "--message", &stamp]);
    git::git(&vandal.clone, &["merge", "--quiet", "--no-edit", "-m", &stamp, "-"]);
    let merge = git::git(&vandal.clone, &["rev-parse", "HEAD"]);
    git::git(&vandal.clone, &["push", "--quiet", "origin", &format!("HEAD:{}", bench::BRANCH)]);
    let found = store.fsck().await.expect("a check");
    assert!(found.iter().any(|f| f.kind == FindingKind::History && f.commit == merge), "{found:?}");
    assert!(
        matches!(bench::recover(&store, bench::repair()).await, Err(Error::Corrupt(_))),
        "that is for a person to judge"
    );

    // A falling epoch, and another region, by commits that look like ours.
    let (bench, store) = good().await;
    let vandal = Vandal::new(&bench);
    replace(&vandal.file("cluster.json"), "eu-west-3", "eu-west-1");
    let commit = vandal.push_as(&stamp.replace("Windlass-Epoch: 2", "Windlass-Epoch: 1"));
    let found: Vec<_> = store.fsck().await.expect("a check").into_iter().map(|f| (f.kind, f.commit)).collect();
    assert_eq!(found, [(FindingKind::Epoch, commit.clone()), (FindingKind::Identity, commit)]);

    // A branch of that name that is no state branch at all.
    let bench = Bench::new();
    let project = bench.project("eve");
    git::git(&project, &["push", "--quiet", "origin", &format!("main:{}", bench::BRANCH)]);
    let store = bench.store("ann").await;
    let error = bench::acquire(&store, "r1").await.expect_err("somebody's branch");
    assert!(error.to_string().contains("does not begin with a commit of ours"), "{error}");
    assert_eq!(bench.subjects(), ["Begin"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_removed_again_is_still_found_in_the_history() {
    let (bench, store) = good().await;
    let vandal = Vandal::new(&bench);
    let token = ["ghp", "_0123456789abcdefghijABCDEFGHIJ01"].concat();
    std::fs::write(vandal.file("manifests/x.yaml"), format!("token: {token}\n")).expect("a file");
    vandal.push();
    std::fs::remove_file(vandal.file("manifests/x.yaml")).expect("a file");
    vandal.push();
    let found = store.fsck().await.expect("a check");
    assert_eq!(found.iter().map(|finding| finding.kind).collect::<Vec<_>>(), [FindingKind::Secret], "{found:?}");
    assert!(!found[0].to_string().contains(&token));
    assert!(found[0].repair.contains("replace that secret"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_nobody_gave_back_is_missed() {
    let (bench, store) = good().await;
    let mut lease = bench::acquire(&store, "r3").await.expect("the lock");
    lease.write("wave 1/1", vec![bench::create("c", 1)], Vec::new()).await.expect("an intent");
    let held = bench.file("lock.json");
    let vandal = Vandal::new(&bench);
    std::fs::remove_file(vandal.file("lock.json")).expect("a file");
    let commit = vandal.push();

    // Nobody takes it for free, whether the holder lives or not.
    let error = bench::acquire(&store, "r4").await.expect_err("a lock that is gone");
    let Error::Corrupt(findings) = &error else { panic!("{error:?}") };
    let [finding] = findings.0.as_slice() else { panic!("the journal is not to blame: {findings}") };
    assert_eq!((finding.kind, finding.path.as_deref()), (FindingKind::Contradiction, Some("lock.json")));
    assert!(finding.message.contains("run r3, whose journal is open, has not given it back"), "{finding}");
    assert_eq!(finding.commit, commit);
    assert_eq!(store.fsck().await.expect("a check"), findings.0);
    assert_eq!(bench.tip(), commit, "nothing was written");
    // Nor does the holder act on.
    let written = lease.write("results", Vec::new(), vec![bench::made("c", 1)]).await;
    assert!(matches!(written, Err(Error::Corrupt(_))), "{written:?}");

    // What the holder has begun is not thrown away as a journal of nobody's.
    let recovered =
        bench::recover(&store, Recover { paths: vec![String::from("journal/r3.jsonl")], ..bench::repair() });
    let recovered = recovered.await.expect("a repair");
    assert_eq!(recovered.restored.keys().collect::<Vec<_>>(), ["lock.json"]);
    assert_eq!(bench.file("lock.json"), held);
    let refused = bench::acquire(&store, "r4").await.map(|lease| lease.epoch());
    assert!(matches!(refused, Err(Error::Held(_))), "{refused:?}");
    // A lock that was broken is no loss.
    let epoch = store.read().await.expect("records").lock.expect("the lock").epoch;
    store.unlock(epoch, "bob@laptop").await.expect("an unlock");
    assert_eq!(store.fsck().await.expect("a check"), []);
    let next = bench::acquire(&store, "r4").await.expect("the lock");
    assert_eq!(next.records().open_journals.keys().collect::<Vec<_>>(), ["r3"]);
}

#[tokio::test(start_paused = true)]
async fn a_live_lock_is_not_repaired_under_its_holder() {
    let (bench, store) = good().await;
    let lease = bench::acquire(&store, "r3").await.expect("the lock");
    let vandal = Vandal::new(&bench);
    std::fs::write(vandal.file("README.md"), "hello").expect("a file");
    vandal.push();
    assert!(matches!(bench::recover(&store, bench::repair()).await, Err(Error::Held(_))));
    // The holder does not build on it either.
    assert!(matches!(lease.release(bench::run(bench.clock, RunResult::Done)).await, Err(Error::Corrupt(_))));
    // That was its end.
    let recovered = bench::recover(&store, bench::repair()).await.expect("a repair");
    assert_eq!(recovered.unlocked.map(|lock| lock.run).as_deref(), Some("r3"));
    assert_eq!(store.fsck().await.expect("a check"), []);
    assert_eq!(bench::acquire(&store, "r4").await.expect("the lock").predecessor(), None);
}

/// Under damage nobody can take the lock over, or break it: the repair does.
#[tokio::test(start_paused = true)]
async fn the_lock_of_a_dead_run_is_broken_by_the_repair() {
    for (case, patience, is_known) in [
        ("a person says that it is dead", Recover { dead: Some(3), ..bench::repair() }, false),
        ("it has stood still for a whole lease", Recover { timeout: LEASE * 2, ..bench::repair() }, false),
        ("it was a process of this machine", bench::repair(), true),
    ] {
        let (bench, ann) = good().await;
        let store = if is_known { ann.clone() } else { bench.store("bob").await };
        let mut lease = bench::acquire(&ann, "r3").await.expect("the lock");
        lease.write("wave 1/1", vec![bench::create("c", 1)], Vec::new()).await.expect("an intent");
        let journal = bench.file("journal/r3.jsonl");
        drop(lease);
        let vandal = Vandal::new(&bench);
        std::fs::write(vandal.file("journal/r3.jsonl"), &journal[..journal.len() / 2]).expect("a file");
        std::fs::write(vandal.file("keys.json"), "{").expect("a file");
        vandal.push();
        assert!(matches!(ann.unlock(3, "bob@laptop").await, Err(Error::Corrupt(_))), "{case}");

        let before = bench.tip();
        if !is_known {
            let refused = bench::recover(&store, bench::repair()).await.expect_err(case);
            let hint = refused.hint().unwrap_or_default();
            assert!(hint.contains("windlass state recover prod.k8s.example --epoch 3"), "{case}: {hint}");
            let other = Recover { dead: Some(2), ..bench::repair() };
            let refused = bench::recover(&store, other).await.expect_err(case);
            assert!(matches!(refused, Error::WrongEpoch { actual: 3, given: 2 }), "{case}: {refused:?}");
            let short = Recover { timeout: LEASE / 2, ..bench::repair() };
            assert!(matches!(bench::recover(&store, short).await, Err(Error::Held(_))), "{case}");
        }
        assert_eq!(bench.tip(), before, "{case}");
        // Only one file: the lock stays, as long as anything is damaged.
        let one = Recover { paths: vec![String::from("keys.json")], ..patience.clone() };
        let recovered = bench::recover(&store, one).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!((recovered.restored.len(), recovered.unlocked), (1, None), "{case}");
        assert!(bench.files().contains(&String::from("lock.json")), "{case}");
        let recovered = bench::recover(&store, patience).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(recovered.restored.keys().collect::<Vec<_>>(), ["journal/r3.jsonl"], "{case}");
        assert_eq!(recovered.unlocked.map(|lock| lock.epoch), Some(3), "{case}");
        assert_eq!(store.fsck().await.expect("a check"), [], "{case}");
        let next = bench::acquire(&store, "r4").await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(next.records().open_journals.keys().collect::<Vec<_>>(), ["r3"], "{case}");
        assert_eq!(next.records().resources.len(), 2, "{case}");
    }
}
