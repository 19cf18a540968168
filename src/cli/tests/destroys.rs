//! Row 12: whatever state a cluster is in, destroying it leaves the account as it was before.

use super::account::{Account, Git};
use super::hand::{deed, deeds, deletion, litter, ours};
use super::oracle::inventory;
use super::row::{at_call, number, share};
use super::sample::Sample;
use super::story::{DESTROY, ROLL, SWITCH, UPDATE, created};
use crate::exit::Exit;
use crate::fault::Kind;
use crate::sandbox::wire::Service;

const DESTROYED: &str = "destroy CLUSTER --yes --lock-timeout 10m";

/// Destroys what is there, and compares the account with `before`.
#[track_caller]
fn leaves_nothing(account: &mut Account, before: &Account, what: &str) {
    let ran = account.run(DESTROYED);
    assert_eq!(ran.exit, Some(Exit::Done), "{what}:\n{}", ran.text);
    let (left, was) = (account.live(), before.live());
    let new: Vec<&String> = left.keys().filter(|key| !was.contains_key(*key)).collect();
    assert!(new.is_empty(), "{what}: {new:?} is left");
    assert_eq!(left, was, "{what}");
}

fn half_created(sample: &Sample, places: impl Fn(usize) -> Vec<usize>) -> usize {
    let before = Account::new(sample, Git::Imitated);
    let mut whole = before.fork();
    let calls = whole.exits("apply CLUSTER --yes", Exit::Done).calls.len();
    leaves_nothing(&mut whole, &before, "the whole cluster");
    let places = places(calls);
    for index in &places {
        let mut account = before.fork();
        let killed = account.run_with("apply CLUSTER --yes", at_call(*index, Kind::StopAfter));
        assert_eq!(killed.exit, None, "{}", killed.text);
        leaves_nothing(&mut account, &before, &format!("a create that was killed at call {index}"));
    }
    places.len() + 1
}

#[test]
fn half_created_clusters_go_without_a_trace() {
    let cases = half_created(&Sample::small(), |calls| (0..calls).collect());
    say!("proof: row 12: {cases} cases (half-created)");
}

#[test]
fn half_created_clusters_in_a_network_of_others_go_without_a_trace() {
    let cases = half_created(&Sample::shared(), |calls| share(calls, 2));
    say!("proof: row 12: {cases} cases (half-created in a shared network)");
}

/// Somebody was about to change it when it went.
#[test]
fn half_changed_clusters_go_without_a_trace() {
    let before = Account::new(&Sample::small(), Git::Imitated);
    for (story, every) in [(&*UPDATE, 5), (&*ROLL, 10), (&*SWITCH, 5)] {
        let places = share(story.undisturbed.calls.len(), every);
        for index in &places {
            let mut account = story.killed_before(number(*index));
            leaves_nothing(&mut account, &before, &format!("{} that was killed before call {index}", story.name));
        }
        say!("proof: row 12: {} cases ({}, half-way)", places.len(), story.name);
    }
}

/// Every object deleted or changed by hand before the cluster goes.
#[test]
fn drifted_clusters_go_without_a_trace() {
    let (whole, before) = (created(Git::Imitated), Account::new(&Sample::small(), Git::Imitated));
    let deeds = deeds(&whole);
    let mut cases = 0;
    for index in share(deeds.len(), 2) {
        let mut account = whole.fork();
        if account.does(&deeds[index]).is_some() {
            leaves_nothing(&mut account, &before, &format!("{:?}", deeds[index]));
            cases += 1;
        }
    }
    say!("proof: row 12: {cases} cases (drifted)");
}

#[test]
fn littered_clusters_go_without_a_trace() {
    let (mut whole, before) = (created(Git::Imitated), Account::new(&Sample::small(), Git::Imitated));
    litter(&mut whole);
    leaves_nothing(&mut whole.fork(), &before, "what Kubernetes made");
    let places = share(DESTROY.undisturbed.calls.len(), 12);
    for index in &places {
        let mut account = whole.fork();
        let killed = account.run_with(DESTROYED, at_call(*index, Kind::StopAfter));
        assert_eq!(killed.exit, None, "{}", killed.text);
        leaves_nothing(&mut account, &before, &format!("a destroy among litter that was killed at call {index}"));
    }
    say!("proof: row 12: {} cases (littered)", places.len() + 1);
}

/// Somebody has stopped a destroy, and wants the cluster back: what is on its way out is waited for, and made anew.
#[test]
fn half_destroyed_clusters_are_made_whole_by_an_apply() {
    let whole = created(Git::Imitated);
    let places = share(DESTROY.undisturbed.calls.len(), 6);
    for index in &places {
        let mut account = whole.fork();
        let killed = account.run_with("destroy CLUSTER --yes", at_call(*index, Kind::StopAfter));
        assert_eq!(killed.exit, None, "{}", killed.text);
        let what = format!("a destroy that was killed at call {index}");
        let ran = account.run("apply CLUSTER --yes");
        assert_eq!(ran.exit, Some(Exit::Done), "{what}:\n{}", ran.text);
        assert_eq!(inventory(&account), inventory(&whole), "{what}");
        let planned = account.run("plan CLUSTER --detailed-exitcode");
        assert_eq!(planned.exit, Some(Exit::Done), "{what}:\n{}", planned.text);
    }
    say!("proof: row 12: {} cases (half-destroyed, and wanted again)", places.len());
}

/// What somebody else has put into the network stays, is named, and holds what it holds; without it the rest goes.
#[test]
fn what_others_put_there_stays_and_is_named() {
    let (mut account, before) = (created(Git::Imitated), Account::new(&Sample::small(), Git::Imitated));
    let subnet = ours(&account, "ec2/subnet", "subnet/private-a");
    account.surely_does(&deed(
        Service::Ec2,
        "CreateNetworkInterface",
        [("SubnetId", &subnet), ("Description", "a database of somebody else")],
    ));
    let known = account.live();
    let theirs = known.iter().find(|(_, it)| it["description"] == "a database of somebody else");
    let (key, _) = theirs.expect("the interface");
    let id = key.trim_start_matches("ec2/network-interface/");
    let ran = account.exits(DESTROYED, Exit::LeftBehind);
    assert!(ran.text.contains(id), "{id} is not named:\n{}", ran.text);
    assert!(account.live().contains_key(key), "{id} is not ours, and is gone");
    account.surely_does(&deletion("ec2/network-interface", id).expect("interfaces can be deleted"));
    leaves_nothing(&mut account, &before, "after the other's interface had gone");
    say!("proof: row 12: 2 cases (held by others)");
}
