//! State that is lost altogether: put back from what a clone remembers, or made anew from what AWS knows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use windlass::clock::Clock;
use windlass::resource::Address;
use windlass::state::{CertificateRecord, Location, Records, ResourceRecord, Store, StoreSettings};

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// The keys that members fetch from Systems Manager, and those that never leave the state branch.
const KEPT: [&str; 3] = ["authority-cluster-1", "encryption-1", "service-account-1"];
const LOST: [&str; 2] = ["authority-etcd-1", "authority-front-proxy-1"];

fn account(fleet: &Fleet) -> Value {
    let live = fleet.sandboxed(&["sandbox", "list", "--output", "json"]).exits(0);
    serde_json::from_str(&live.stdout).expect("the list is JSON")
}

fn records(fleet: &Fleet) -> Records {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let name = CLUSTER.parse().expect("a name");
        let settings = StoreSettings::new(name, Location::Sandbox, fleet.path()).with_clock(Clock::system());
        Store::open(settings).await.expect("a store").read().await.expect("records")
    })
}

fn repository(fleet: &Fleet) -> PathBuf {
    fleet.path().join(".windlass/sandbox-state.git")
}

fn remove_branch(fleet: &Fleet) {
    let repository = repository(fleet).to_string_lossy().into_owned();
    fleet.git(&["--git-dir", &repository, "update-ref", "-d", &format!("refs/heads/windlass-state/{CLUSTER}")]);
}

/// Somebody's clone of the state branch.
struct Hand<'a> {
    fleet: &'a Fleet,
    clone: PathBuf,
}

impl<'a> Hand<'a> {
    fn at(fleet: &'a Fleet) -> Self {
        let hand = Self { fleet, clone: fleet.path().join(".windlass/by-hand") };
        let (from, to) = (repository(fleet), hand.clone.to_string_lossy().into_owned());
        let branch = format!("windlass-state/{CLUSTER}");
        fleet.git(&["clone", "--quiet", "--branch", &branch, &from.to_string_lossy(), &to]);
        hand
    }

    fn git(&self, arguments: &[&str]) -> String {
        let clone = self.clone.to_string_lossy().into_owned();
        let eve = ["-C", &clone, "-c", "user.name=eve", "-c", "user.email=eve@example.org"];
        self.fleet.git(&[&eve, arguments].concat())
    }

    fn push(&self, message: &str) {
        self.git(&["commit", "--quiet", "--all", "--message", message]);
        self.git(&["push", "--quiet", "--force", "origin", &format!("HEAD:windlass-state/{CLUSTER}")]);
    }
}

/// Everything but which run wrote it, and when.
fn resources(records: &Records) -> BTreeMap<Address, ResourceRecord> {
    let anonymous = |record: &ResourceRecord| ResourceRecord { run: String::new(), made: None, ..record.clone() };
    records.resources.iter().map(|(address, record)| (address.clone(), anonymous(record))).collect()
}

fn certificates(records: &Records) -> Vec<CertificateRecord> {
    records.certificates.iter().map(|it| CertificateRecord { run: String::new(), ..it.clone() }).collect()
}

fn reveal(fleet: &Fleet, name: &str) -> String {
    fleet.sandboxed(&["secrets", "reveal", CLUSTER, name]).exits(0).stdout
}

#[test]
fn a_branch_that_was_removed_stops_everything_and_comes_back_as_it_was() {
    let fleet = Fleet::created(CLUSTER);
    let (before, live) = (records(&fleet), account(&fleet));
    remove_branch(&fleet);
    for command in [
        &["plan", CLUSTER][..],
        &["apply", CLUSTER, "--yes"],
        &["roll", CLUSTER, "--yes"],
        &["destroy", CLUSTER, "--yes"],
        &["certs", "renew", CLUSTER, "--yes"],
        &["state", "recover", CLUSTER, "--from-aws", "--yes"],
    ] {
        fleet.sandboxed(command).exits(11).warns("is gone").warns(&format!("windlass state recover {CLUSTER}"));
    }
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(11).says("is gone");
    assert_eq!(account(&fleet), live);

    fleet.sandboxed(&["state", "recover", CLUSTER]).exits(0).warns("is back");
    assert_eq!(records(&fleet), before);
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["state", "recover", CLUSTER]).exits(0).warns("nothing is damaged");
}

#[test]
fn records_that_are_nowhere_any_more_are_made_anew_from_aws() {
    let fleet = Fleet::with_add_ons();
    let empty = account(&fleet);
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    let (before, live) = (records(&fleet), account(&fleet));
    let kept: Vec<String> = KEPT.iter().map(|name| reveal(&fleet, name)).collect();
    for folder in ["sandbox-state.git", "sandbox-state-copy.git"] {
        std::fs::remove_dir_all(fleet.path().join(".windlass").join(folder)).expect("it was there");
    }

    // Nothing is taken over, and no new keys are made, without being asked for.
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(11).warns("--from-aws");
    fleet.sandboxed(&["state", "recover", CLUSTER]).exits(0).warns("--from-aws");
    fleet.sandboxed(&["state", "recover", CLUSTER, "--from-aws"]).warns("confirmation");
    let shown = fleet.sandboxed(&["state", "recover", CLUSTER, "--from-aws", "--dry-run"]).exits(0);
    let uid = &before.cluster.as_ref().expect("a cluster").uid;
    shown.says(uid).says("authority-cluster-1").says("lost for good: the key authority-etcd-1").says("rotate-ca");
    assert_eq!(records(&fleet).tip, None, "nothing was written yet");

    let done = fleet.sandboxed(&["state", "recover", CLUSTER, "--from-aws", "--yes"]).exits(0);
    for secret in kept.iter().flat_map(|secret| secret.lines()).filter(|line| line.len() > 40) {
        assert!(!done.stdout.contains(secret) && !done.stderr.contains(secret), "a key was shown");
    }
    let after = records(&fleet);
    assert_eq!(resources(&after), resources(&before));
    assert_eq!(certificates(&after), certificates(&before));
    let identity = |records: &Records| {
        records.cluster.as_ref().map(|it| (it.name.clone(), it.uid.clone(), it.account.clone(), it.region.clone()))
    };
    assert_eq!(identity(&after), identity(&before));
    assert_eq!(after.keys.service_account, before.keys.service_account);
    assert_eq!(after.keys.encryption, before.keys.encryption);
    assert_eq!(after.keys.lost.iter().collect::<Vec<_>>(), LOST);
    assert_eq!(after.keys.sealed.keys().collect::<Vec<_>>(), KEPT);
    for (name, value) in KEPT.iter().zip(&kept) {
        assert_eq!(&reveal(&fleet, name), value, "{name}");
    }
    fleet.sandboxed(&["secrets", "reveal", CLUSTER, LOST[0]]).exits(12).warns("lost-state.md");

    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0).says("Plan: 0 to create, 0 to change");
    fleet.sandboxed(&["state", "recover", CLUSTER, "--from-aws", "--yes"]).exits(0).warns("have everything");
    assert_eq!(account(&fleet), live, "nothing in AWS has changed");

    // The way out for an authority whose key is lost: a new one, which needs nothing of the old.
    fleet.sandboxed(&["certs", "rotate-ca", CLUSTER, "--authority", "etcd", "--yes"]).exits(0);
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);

    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
    assert_eq!(account(&fleet), empty);
}

#[test]
fn nothing_is_made_up_where_nothing_is() {
    let fleet = Fleet::new();
    fleet.sandboxed(&["state", "recover", CLUSTER, "--from-aws", "--yes"]).exits(11).warns("nothing in account");
    assert_eq!(records(&fleet).tip, None);
}

/// Damage can be neither taken over nor unlocked: the repair is the way on, and says so.
#[test]
fn damage_under_the_lock_of_a_dead_run_is_repaired_and_the_cluster_is_finished() {
    let fleet = Fleet::new();
    fleet.killed(&["apply", CLUSTER, "--yes"], r#"{"change":20}"#);
    // As another machine, which cannot know that the run is dead.
    fleet.elsewhere();
    let hand = Hand::at(&fleet);
    let journal =
        std::fs::read_dir(hand.clone.join("journal")).expect("a folder").next().expect("one").expect("a file");
    let lines = std::fs::read(journal.path()).expect("a file");
    std::fs::write(journal.path(), &lines[..lines.len() / 2]).expect("a file");
    hand.push("half a journal");
    let live = account(&fleet);
    for command in [&["apply", CLUSTER, "--yes"][..], &["status", CLUSTER], &["unlock", CLUSTER, "--epoch", "1"]] {
        fleet.sandboxed(command).exits(11).warns("is no journal line").warns("windlass state recover");
    }
    let recover = ["state", "recover", CLUSTER];
    let way_out = format!("windlass state recover {CLUSTER} --epoch 1");
    fleet.sandboxed(&recover).exits(13).warns("is locked by").warns(&way_out);
    fleet.sandboxed(&[&recover[..], &["--epoch", "2"]].concat()).exits(11).warns("--epoch 1");
    assert_eq!(account(&fleet), live);

    fleet.sandboxed(&[&recover[..], &["--epoch", "1"]].concat()).exits(0).warns("repaired in").warns("is broken");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
}

#[test]
fn what_no_version_of_the_branch_makes_good_is_named_and_made_anew_from_aws() {
    let fleet = Fleet::created(CLUSTER);
    let before = records(&fleet);
    let hand = Hand::at(&fleet);
    let message = hand.git(&["log", "-1", "--format=%B"]);
    hand.git(&["checkout", "--quiet", "--orphan", "anew"]);
    hand.git(&["rm", "--quiet", "-f", "keys.json"]);
    hand.push(&message);
    // A checkout that has never seen the branch.
    std::fs::remove_dir_all(fleet.path().join(".windlass/sandbox-state-copy.git")).expect("a folder");
    for _ in 0..2 {
        let ran = fleet.sandboxed(&["state", "recover", CLUSTER]).exits(11);
        ran.warns("no version in the history").warns("keys.json: missing").warns("--from-aws");
    }
    remove_branch(&fleet);
    fleet.sandboxed(&["state", "recover", CLUSTER, "--from-aws", "--yes"]).exits(0);
    assert_eq!(resources(&records(&fleet)), resources(&before));
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}
