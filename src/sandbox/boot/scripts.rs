//! What windlass' own scripts do when somebody runs them on a machine. Any other command ends as a shell ends that does
//! not find it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::ec2::Phase;
use super::super::iam::Request;
use super::super::s3;
use super::super::world::World;
use super::caller::may;
use super::etcd;
use super::facts::{Facts, Role};
use super::machine::{Machine, Stage};
use super::volume;

/// What became of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Outcome {
    fn said(output: impl Into<String>) -> Self {
        Self { output: output.into() + "\n", ..Self::default() }
    }

    fn failed(code: i32, errors: impl Into<String>) -> Self {
        Self { code, errors: errors.into() + "\n", ..Self::default() }
    }
}

/// Whether the agent on an instance is registered: it runs, and its role lets it report.
#[must_use]
pub fn is_managed(world: &World, instance: &str) -> bool {
    let arn = world.arn("ec2", &format!("instance/{instance}"));
    let running = world.ec2.instances.get(instance).is_some_and(|it| it.phase == Phase::Running);
    running && may(world, instance, Request::new("ssm:UpdateInstanceInformation", arn)).is_ok()
}

/// The script that lines run, by name, with its arguments: the last line says it, the others prepare.
fn invoked(lines: &[String]) -> (String, Vec<String>) {
    let words = lines.last().map(String::as_str).unwrap_or_default().split_whitespace();
    let mut words = words.filter(|word| *word != "sudo" && *word != "exec").map(|word| word.trim_matches(['\'', '"']));
    let program = words.next().unwrap_or_default().to_owned();
    (program, words.map(str::to_owned).collect())
}

/// How long a script takes, in seconds: what a small cluster needs.
#[must_use]
pub fn seconds(lines: &[String]) -> f64 {
    let program = invoked(lines).0;
    match program.rsplit(['/', '-']).next().unwrap_or_default().trim_end_matches(".sh") {
        "refresh" => 6.0,
        "snapshot" => 12.0,
        "restore" => 20.0,
        _ => 0.5,
    }
}

/// A script that runs.
struct Step<'a> {
    arguments: &'a [String],
    begun: Timestamp,
}

/// Runs a script that began at `begun`, at the moment at which it may end; `None`: it goes on.
pub fn run(world: &mut World, instance: &str, lines: &[String], begun: Timestamp) -> Option<Outcome> {
    let (program, arguments) = invoked(lines);
    let not_found = |program: &str| Some(Outcome::failed(127, format!("sh: 1: {program}: not found")));
    let Some(mut machine) = world.boot.machines.get(instance).cloned() else { return not_found(&program) };
    let Some(facts) = machine.facts.clone() else { return not_found(&program) };
    let script = facts.scripts.get(&program).map(String::as_str);
    let outcome = match (script, facts.role) {
        (Some("refresh.sh"), Role::Member) | (Some("worker-refresh.sh"), Role::Node) => {
            refresh(world, instance, &mut machine)
        }
        (Some("snapshot.sh"), Role::Member) => snapshot(world, instance, &facts, &machine).map(Some),
        (Some("restore.sh"), Role::Member) => {
            let step = Step { arguments: &arguments, begun };
            restore(world, instance, &facts, &mut machine, &step)
        }
        (Some("etcd-members.sh"), Role::Member) => match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["status"] => etcd::status(world, &facts).map(|said| Some(Outcome::said(said))),
            ["move-leader", id] => etcd::move_leader(world, &facts, id).map(|said| Some(Outcome::said(said))),
            _ => Err(String::from("usage: windlass-etcd status | move-leader ID")),
        },
        _ => return not_found(&program),
    };
    world.boot.machines.insert(instance.to_owned(), machine);
    outcome.unwrap_or_else(|why| Some(Outcome::failed(1, format!("windlass: {why}"))))
}

fn refresh(world: &mut World, instance: &str, machine: &mut Machine) -> Result<Option<Outcome>, String> {
    let Some(facts) = machine.facts.clone() else { return Ok(None) };
    if machine.stage == Stage::Halted {
        let errors = String::from("windlass: etcd is being restored: nothing is changed meanwhile\n");
        return Ok(Some(Outcome { errors, ..Outcome::default() }));
    }
    machine.fetch(world, instance, &facts)?;
    Ok(Some(Outcome::default()))
}

/// Bucket and prefix of the cluster's snapshots.
fn backup(facts: &Facts) -> Result<(String, String), String> {
    let backup = facts.backup.as_deref().and_then(|text| text.split_once('/'));
    let (bucket, prefix) = backup.ok_or("no backup is configured")?;
    Ok((bucket.to_owned(), prefix.trim_matches('/').to_owned()))
}

fn object(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

/// Stores etcd's data under a key that says when and by whom, and prints it.
fn snapshot(world: &mut World, instance: &str, facts: &Facts, machine: &Machine) -> Result<Outcome, String> {
    if !matches!(machine.stage, Stage::Serving(_)) {
        return Err(String::from("etcdctl: context deadline exceeded: etcd does not answer"));
    }
    super::quorum::of(world, instance, facts, &machine.installed)?;
    let (bucket, prefix) = backup(facts)?;
    let key = format!("{prefix}/{}-{}.db", world.now.strftime("%Y%m%dT%H%M%SZ"), facts.name);
    may(world, instance, Request::new("s3:PutObject", object(&bucket, &key)))?;
    let data = volume::disk(world, facts).map(|disk| disk.data.clone()).unwrap_or_default();
    let content = json!({ "cluster": facts.cluster, "member": facts.name, "data": data }).to_string();
    s3::store(world, &bucket, &key, content.as_bytes()).map_err(|refusal| refusal.to_string())?;
    Ok(Outcome::said(format!("s3://{bucket}/{key}")))
}

/// Seconds that `restore.sh start` waits for the API server.
const READY: i64 = 600;

/// The steps of a restore, and where the member is after one; `None`: the step is not at its end.
fn restore(
    world: &mut World,
    instance: &str,
    facts: &Facts,
    machine: &mut Machine,
    step: &Step<'_>,
) -> Result<Option<Outcome>, String> {
    match step.arguments.first().map(String::as_str) {
        Some("stop") => {
            machine.stage = Stage::Halted;
            machine.next = None;
            machine.print(world.now, "etcd is being restored: stopped");
        }
        Some("load") => {
            let source = step.arguments.get(1).ok_or("which snapshot?")?;
            load(world, instance, facts, machine, source)?;
        }
        Some("start") => {
            if let Some(disk) = volume::disk_mut(world, facts) {
                disk.loaded = None;
            }
            if machine.stage == Stage::Halted {
                machine.stage = Stage::Waiting(String::from("etcd was restored"));
                machine.next = Some(super::later(world.now, super::RETRY));
                machine.tries = 0;
            }
            if let Err(why) = super::quorum::of(world, instance, facts, &machine.installed) {
                let waited = world.now.duration_since(step.begun).as_secs();
                return if waited < READY { Ok(None) } else { Err(format!("the API server is not ready: {why}")) };
            }
        }
        Some("status") => {}
        _ => return Err(String::from("usage: windlass-restore stop | load SNAPSHOT | start | status")),
    }
    let loaded = volume::disk(world, facts).is_some_and(|disk| disk.loaded.is_some());
    Ok(Some(Outcome::said(match (&machine.stage, loaded) {
        (Stage::Halted, true) => "loaded",
        (Stage::Halted, false) => "stopped",
        _ => "running",
    })))
}

/// Puts the data aside and takes that of a snapshot.
fn load(world: &mut World, instance: &str, facts: &Facts, machine: &Machine, source: &str) -> Result<(), String> {
    if machine.stage != Stage::Halted {
        return Err(String::from("run 'windlass-restore stop' first, on every member"));
    }
    let address = source.strip_prefix("s3://").and_then(|path| path.split_once('/'));
    let (bucket, key) = address.ok_or_else(|| format!("cp: cannot stat '{source}': No such file or directory"))?;
    may(world, instance, Request::new("s3:GetObject", object(bucket, key)))?;
    let stored = world.s3.bucket(bucket, &world.account).map_err(|refusal| refusal.to_string())?;
    let stored = stored.objects.get(key).ok_or_else(|| format!("fatal error: {source} does not exist"))?;
    let content = data_encoding::BASE64.decode(stored.content.as_bytes()).unwrap_or_default();
    let content: BTreeMap<String, String> =
        serde_json::from_slice(&content).map_err(|_| format!("{source} is damaged: its checksum differs"))?;
    if !content.contains_key("data") {
        return Err(format!("{source} is damaged: its checksum differs"));
    }
    let disk = volume::disk_mut(world, facts).ok_or("/var/lib/etcd is not mounted")?;
    if disk.loaded.as_deref() != Some(source) {
        let before = std::mem::replace(&mut disk.data, format!("{} from {source}", facts.cluster));
        disk.aside.push(before);
        disk.loaded = Some(source.to_owned());
    }
    Ok(())
}
