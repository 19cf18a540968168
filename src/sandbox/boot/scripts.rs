//! What windlass' own scripts do when somebody runs them on a machine. Any other command ends as a shell ends that does
//! not find it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::ec2::Phase;
use super::super::iam::Request;
use super::super::s3;
use super::super::world::World;
use super::caller::may;
use super::facts::{Facts, Role, SCRIPTS};
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
    match invoked(lines).0.strip_prefix(SCRIPTS) {
        Some("refresh.sh") => 6.0,
        Some("snapshot.sh") => 12.0,
        Some("restore.sh") => 40.0,
        _ => 0.5,
    }
}

/// Runs a script to its end.
pub fn run(world: &mut World, instance: &str, lines: &[String]) -> Outcome {
    let (program, arguments) = invoked(lines);
    let not_found = |program: &str| Outcome::failed(127, format!("sh: 1: {program}: not found"));
    let Some(mut machine) = world.boot.machines.get(instance).cloned() else { return not_found(&program) };
    let Some(facts) = machine.facts.clone() else { return not_found(&program) };
    let script = program.strip_prefix(SCRIPTS).filter(|name| facts.scripts.contains(*name));
    let outcome = match (script, facts.role) {
        (Some("refresh.sh"), _) => match machine.fetch(world, instance, &facts) {
            Ok(()) => Outcome::said("installed what changed"),
            Err(why) => Outcome::failed(1, why),
        },
        (Some("worker-refresh.sh"), Role::Node) => match machine.fetch(world, instance, &facts) {
            Ok(()) => Outcome::said("installed what changed"),
            Err(why) => Outcome::failed(1, why),
        },
        (Some("snapshot.sh"), Role::Member) => {
            snapshot(world, instance, &facts, &machine).unwrap_or_else(|why| Outcome::failed(1, why))
        }
        (Some("restore.sh"), Role::Member) => {
            restore(world, instance, &facts, &mut machine, &arguments).unwrap_or_else(|why| Outcome::failed(1, why))
        }
        _ => return not_found(&program),
    };
    world.boot.machines.insert(instance.to_owned(), machine);
    outcome
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

/// Puts the data aside and takes that of a snapshot.
fn restore(
    world: &mut World,
    instance: &str,
    facts: &Facts,
    machine: &mut Machine,
    arguments: &[String],
) -> Result<Outcome, String> {
    let (bucket, prefix) = backup(facts)?;
    let key = arguments.first().ok_or("usage: restore.sh KEY")?;
    let key = key.strip_prefix(&format!("s3://{bucket}/")).unwrap_or(key).to_owned();
    if !key.starts_with(&format!("{prefix}/")) {
        return Err(format!("{key} is not beneath {prefix}/"));
    }
    may(world, instance, Request::new("s3:GetObject", object(&bucket, &key)))?;
    let stored = world.s3.bucket(&bucket, &world.account).map_err(|refusal| refusal.to_string())?;
    let stored = stored.objects.get(&key).ok_or_else(|| format!("fatal error: s3://{bucket}/{key} does not exist"))?;
    let content = data_encoding::BASE64.decode(stored.content.as_bytes()).unwrap_or_default();
    let content: BTreeMap<String, String> =
        serde_json::from_slice(&content).map_err(|_| String::from("etcdutl: the snapshot is damaged"))?;
    if content.get("cluster") != Some(&facts.cluster) {
        return Err(format!("{key} is not a snapshot of {}", facts.cluster));
    }
    let disk = volume::disk_mut(world, facts).ok_or("/var/lib/etcd is not mounted")?;
    let before =
        std::mem::replace(&mut disk.data, format!("{key} ({})", content.get("data").map_or("", String::as_str)));
    disk.aside.push(before);
    machine.stage = Stage::Waiting(String::from("etcd has no quorum yet"));
    machine.next = Some(super::later(world.now, super::RETRY));
    machine.tries = 0;
    machine.print(world.now, &format!("restored {key}"));
    Ok(Outcome::said(format!("restored {key}; what was there before is in /var/lib/etcd")))
}
