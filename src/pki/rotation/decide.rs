//! The decision: from the recorded phases the stage, from the reports what is missing.

use super::super::name::KeyPhase;
use super::{Missing, Position, Revision, RotationError, Situation, Stage, Step};
use crate::planted::{self, Bug};

/// Phases that make sense together: one revision signs, and at most one other is on its way in or out.
pub(super) struct Phases {
    pub(super) issuing: u32,
    pub(super) other: Option<(u32, KeyPhase)>,
    highest: u32,
}

impl Phases {
    pub(super) fn prepared(&self) -> Option<u32> {
        self.other.filter(|(_, phase)| *phase == KeyPhase::Prepared).map(|(number, _)| number)
    }

    pub(super) fn retiring(&self) -> Option<u32> {
        self.other.filter(|(_, phase)| *phase == KeyPhase::Retiring).map(|(number, _)| number)
    }

    pub(super) fn trusted(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.other.iter().map(|(number, _)| *number).chain([self.issuing]).collect();
        all.sort_unstable();
        all
    }
}

pub(super) fn phases(revisions: &[Revision]) -> Result<Phases, RotationError> {
    let refused = |why: String| Err(RotationError::Phases(why));
    let mut numbers: Vec<u32> = revisions.iter().map(|it| it.number).collect();
    numbers.sort_unstable();
    if let Some(pair) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        return refused(format!("revision {} is recorded twice", pair[0]));
    }
    let of = |wanted: KeyPhase| revisions.iter().filter(move |it| it.phase == wanted).map(|it| it.number);
    let issuing: Vec<u32> = of(KeyPhase::Issuing).collect();
    let &[issuing] = issuing.as_slice() else {
        return refused(format!("{} revisions sign, and it must be one", issuing.len()));
    };
    let others: Vec<(u32, KeyPhase)> = [KeyPhase::Prepared, KeyPhase::Retiring]
        .into_iter()
        .flat_map(|phase| of(phase).map(move |number| (number, phase)))
        .collect();
    if others.len() > 1 {
        return refused(format!(
            "{} revisions are trusted beside the one that signs, and one is possible",
            others.len()
        ));
    }
    let highest = numbers.last().copied().unwrap_or(issuing);
    Ok(Phases { issuing, other: others.first().copied(), highest })
}

/// Where the rotation of an authority is and what it waits for.
///
/// # Errors
/// When the recorded phases contradict each other.
pub fn decide(situation: &Situation) -> Result<Position, RotationError> {
    let phases = phases(&situation.revisions)?;
    let mut missing = Vec::new();
    let (stage, next, back) = match phases.other {
        None => {
            // A rotation that is over: the dropped one must be gone everywhere before the next begins.
            bundle_everywhere(situation, &phases, &mut missing);
            // Whoever trusts too much for a while distrusts nobody.
            missing.retain(|it| !matches!(it, Missing::Wait { .. }));
            missing.extend(leafs(situation, &phases));
            (Stage::Steady, Step::Prepare { new: phases.highest + 1 }, None)
        }
        Some((new, KeyPhase::Prepared)) => {
            bundle_everywhere(situation, &phases, &mut missing);
            (Stage::Trusting { new }, Step::Switch { to: new }, Some(Step::Withdraw { new }))
        }
        Some((old, _)) => {
            // Both are trusted since the preparation; a member that was replaced meanwhile must trust both as well.
            bundle_everywhere(situation, &phases, &mut missing);
            missing.extend(leafs(situation, &phases));
            missing.extend(situation.holders.iter().map(|name| Missing::Holder { name: name.clone() }));
            (Stage::Replacing { old }, Step::Drop { old }, Some(Step::Return { to: old }))
        }
    };
    missing.sort();
    missing.dedup();
    if planted::is(Bug::HastyRotation) {
        missing.clear();
    }
    Ok(Position { stage, missing, next, back })
}

/// What is missing until everybody trusts exactly the revisions that are to be trusted.
fn bundle_everywhere(situation: &Situation, phases: &Phases, missing: &mut Vec<Missing>) {
    match situation.published {
        None => missing.push(Missing::Published),
        Some(ago) if ago < situation.silent_wait => missing.push(Missing::Wait { left: situation.silent_wait - ago }),
        Some(_) => {}
    }
    let trusted = phases.trusted();
    for (member, report) in &situation.members {
        let member = member.clone();
        let Some(report) = report else {
            missing.push(Missing::Silent { member });
            continue;
        };
        if report.age > situation.report_limit {
            missing.push(Missing::Stale { member: member.clone(), age: report.age });
        }
        for revision in &situation.revisions {
            let (member, number) = (member.clone(), revision.number);
            let Some(fingerprint) = &revision.fingerprint else {
                if situation.published.is_none_or(|ago| report.age >= ago) {
                    missing.push(Missing::Unrefreshed { member });
                }
                continue;
            };
            match (trusted.contains(&number), report.trusted.contains(fingerprint)) {
                (true, false) => missing.push(Missing::Distrusts { member, revision: number }),
                (false, true) => missing.push(Missing::Trusts { member, revision: number }),
                _ => {}
            }
        }
    }
}

/// Leafs that another revision signed, or that are not installed.
fn leafs(situation: &Situation, phases: &Phases) -> Vec<Missing> {
    let mut missing = Vec::new();
    for it in &situation.leafs {
        let (member, leaf) = (it.member.clone(), it.leaf.clone());
        if it.revision != phases.issuing {
            missing.push(Missing::Signed { member, leaf, revision: it.revision });
            continue;
        }
        let report = situation.members.get(&it.member).and_then(Option::as_ref);
        if report.is_some_and(|report| report.installed.get(&it.leaf) != Some(&it.serial)) {
            missing.push(Missing::Installed { member, leaf });
        }
    }
    missing
}
