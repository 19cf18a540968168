//! The way through a rotation, and every way out of it.

use super::*;

const MEMBERS: [&str; 3] = ["a", "b", "c"];

fn revision(number: u32, phase: KeyPhase) -> Revision {
    Revision { number, phase, fingerprint: Some(format!("f{number}")) }
}

/// Everybody has what these phases ask for, and every leaf is of the revision that signs.
fn settled(revisions: &[Revision]) -> Situation {
    let (trusted, issuing) = trusted(revisions).expect("phases");
    let leafs = MEMBERS.map(|member| CurrentLeaf {
        member: member.to_owned(),
        leaf: String::from("etcd-peer"),
        revision: issuing,
        serial: format!("{member}{issuing}"),
    });
    let report = |leaf: &CurrentLeaf| Report {
        age: 60,
        trusted: trusted.iter().map(|number| format!("f{number}")).collect(),
        installed: BTreeMap::from([(leaf.leaf.clone(), leaf.serial.clone())]),
    };
    Situation {
        revisions: revisions.to_vec(),
        members: leafs.iter().map(|leaf| (leaf.member.clone(), Some(report(leaf)))).collect(),
        leafs: leafs.to_vec(),
        published: Some(7200),
        silent_wait: 3600,
        report_limit: 5400,
        holders: BTreeSet::new(),
    }
}

fn step(step: Step, revisions: &[Revision]) -> Vec<Revision> {
    after(step, revisions).expect("possible").into_iter().map(|(number, phase)| revision(number, phase)).collect()
}

#[test]
fn a_rotation_goes_through_its_steps() {
    let mut revisions = vec![revision(1, KeyPhase::Issuing)];
    let mut seen = Vec::new();
    for _ in 0..4 {
        let position = decide(&settled(&revisions)).expect("a position");
        assert!(position.is_ready(), "{position:?}");
        seen.push((position.stage, position.next, position.back));
        revisions = step(position.next, &revisions);
    }
    assert_eq!(
        seen,
        [
            (Stage::Steady, Step::Prepare { new: 2 }, None),
            (Stage::Trusting { new: 2 }, Step::Switch { to: 2 }, Some(Step::Withdraw { new: 2 })),
            (Stage::Replacing { old: 1 }, Step::Drop { old: 1 }, Some(Step::Return { to: 1 })),
            (Stage::Steady, Step::Prepare { new: 3 }, None),
        ]
    );
    assert_eq!(trusted(&revisions), Ok((vec![2, 3], 2)));
}

#[test]
fn nothing_is_switched_before_everybody_trusts_the_new_one() {
    let revisions = [revision(1, KeyPhase::Issuing), revision(2, KeyPhase::Prepared)];
    let mut situation = settled(&revisions);
    situation.published = None;
    situation.members.insert(String::from("a"), None);
    let report = |situation: &mut Situation, member: &str, change: fn(&mut Report)| {
        change(situation.members.get_mut(member).and_then(Option::as_mut).expect("a report"));
    };
    report(&mut situation, "b", |report| report.age = 6000);
    report(&mut situation, "c", |report| report.trusted.retain(|it| it != "f2"));
    let position = decide(&situation).expect("a position");
    assert_eq!(
        position.missing,
        [
            Missing::Published,
            Missing::Silent { member: String::from("a") },
            Missing::Stale { member: String::from("b"), age: 6000 },
            Missing::Distrusts { member: String::from("c"), revision: 2 },
        ]
    );
    let mut situation = settled(&revisions);
    situation.published = Some(3000);
    let position = decide(&situation).expect("a position");
    assert_eq!(position.missing, [Missing::Wait { left: 600 }]);
    let said = position.missing[0].to_string();
    assert_eq!(said, "workers, and kubeconfigs of people, may still be without the new one for 10 min");
    // The first step can be taken at any time.
    let mut situation = settled(&[revision(1, KeyPhase::Issuing)]);
    situation.published = Some(0);
    assert!(decide(&situation).expect("a position").is_ready());
}

#[test]
fn nothing_is_dropped_before_nobody_needs_the_old_one() {
    let revisions = [revision(1, KeyPhase::Retiring), revision(2, KeyPhase::Issuing)];
    let mut situation = settled(&revisions);
    situation.leafs[0].revision = 1;
    situation.leafs[1].serial = String::from("newer");
    situation.holders.insert(String::from("node ip-10-0-0-9"));
    let position = decide(&situation).expect("a position");
    let leaf = || String::from("etcd-peer");
    assert_eq!(
        position.missing,
        [
            Missing::Signed { member: String::from("a"), leaf: leaf(), revision: 1 },
            Missing::Installed { member: String::from("b"), leaf: leaf() },
            Missing::Holder { name: String::from("node ip-10-0-0-9") },
        ]
    );
    // A member that was replaced meanwhile and has not said anything yet.
    let mut situation = settled(&revisions);
    situation.members.insert(String::from("c"), None);
    let position = decide(&situation).expect("a position");
    assert_eq!(position.missing, [Missing::Silent { member: String::from("c") }]);
}

#[test]
fn a_key_without_a_certificate_waits_for_refreshes() {
    let bare = |number, phase| Revision { fingerprint: None, ..revision(number, phase) };
    let mut situation = settled(&[revision(1, KeyPhase::Issuing), revision(2, KeyPhase::Prepared)]);
    situation.revisions = vec![bare(1, KeyPhase::Issuing), bare(2, KeyPhase::Prepared)];
    situation.leafs.clear();
    assert!(decide(&situation).expect("a position").is_ready());
    situation.members.get_mut("b").and_then(Option::as_mut).expect("a report").age = 7200;
    situation.report_limit = 10_000;
    let position = decide(&situation).expect("a position");
    assert_eq!(position.missing, [Missing::Unrefreshed { member: String::from("b") }]);
}

#[test]
fn every_step_but_the_last_can_be_taken_back() {
    let prepared = [revision(1, KeyPhase::Issuing), revision(2, KeyPhase::Prepared)];
    let withdrawn = step(Step::Withdraw { new: 2 }, &prepared);
    assert_eq!(withdrawn, [revision(1, KeyPhase::Issuing), revision(2, KeyPhase::Dropped)]);
    // A number is never used again.
    assert_eq!(decide(&settled(&withdrawn)).expect("a position").next, Step::Prepare { new: 3 });

    let switched = [revision(1, KeyPhase::Retiring), revision(2, KeyPhase::Issuing)];
    let returned = step(Step::Return { to: 1 }, &switched);
    assert_eq!(returned, [revision(1, KeyPhase::Issuing), revision(2, KeyPhase::Retiring)]);
    let position = decide(&settled(&returned)).expect("a position");
    assert_eq!((position.stage, position.next), (Stage::Replacing { old: 2 }, Step::Drop { old: 2 }));
    let dropped = step(Step::Drop { old: 2 }, &returned);
    assert_eq!(decide(&settled(&dropped)).expect("a position").back, None);
}

#[test]
fn the_end_of_a_rotation_is_seen_as_well() {
    let revisions = [revision(1, KeyPhase::Dropped), revision(2, KeyPhase::Issuing)];
    let mut situation = settled(&revisions);
    let report = situation.members.get_mut("b").and_then(Option::as_mut).expect("a report");
    report.trusted.insert(String::from("f1"));
    let position = decide(&situation).expect("a position");
    assert_eq!(position.missing, [Missing::Trusts { member: String::from("b"), revision: 1 }]);
}

#[test]
fn steps_out_of_order_are_refused() {
    let steady = [revision(1, KeyPhase::Issuing)];
    let prepared = [revision(1, KeyPhase::Issuing), revision(2, KeyPhase::Prepared)];
    let switched = [revision(1, KeyPhase::Retiring), revision(2, KeyPhase::Issuing)];
    for (revisions, step) in [
        (&steady[..], Step::Switch { to: 2 }),
        (&steady, Step::Drop { old: 1 }),
        (&steady, Step::Prepare { new: 1 }),
        (&prepared, Step::Prepare { new: 3 }),
        (&prepared, Step::Drop { old: 1 }),
        (&prepared, Step::Switch { to: 1 }),
        (&switched, Step::Withdraw { new: 2 }),
        (&switched, Step::Drop { old: 2 }),
    ] {
        assert_eq!(after(step, revisions), Err(RotationError::Step(step)));
    }
}

#[test]
fn records_that_contradict_each_other_decide_nothing() {
    use KeyPhase::{Dropped, Issuing, Prepared, Retiring};
    for phases in [
        &[][..],
        &[(1, Retiring)],
        &[(1, Issuing), (2, Issuing)],
        &[(1, Issuing), (1, Dropped)],
        &[(1, Issuing), (2, Prepared), (3, Prepared)],
        &[(1, Retiring), (2, Issuing), (3, Prepared)],
    ] {
        let revisions: Vec<Revision> = phases.iter().map(|&(number, phase)| revision(number, phase)).collect();
        assert!(matches!(trusted(&revisions), Err(RotationError::Phases(_))), "{phases:?}");
    }
}
