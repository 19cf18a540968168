//! Row 13: every object that somebody deleted or changed by hand is shown as drift and healed, and nothing of others is
//! touched.

use std::collections::BTreeMap;

use super::account::{Account, Git};
use super::hand::{Deed, deeds};
use super::oracle::inventory;
use super::sample::Sample;
use super::story::created;
use crate::exit::Exit;

/// Does something by hand, and has it healed. Gives whether AWS let it happen.
fn healed(whole: &Account, deed: &Deed) -> Result<bool, String> {
    let mut account = whole.fork();
    if account.does(deed).is_none() {
        return Ok(false);
    }
    let planned = account.run("plan CLUSTER --detailed-exitcode");
    if planned.exit != Some(Exit::Drift) {
        return Err(format!("is no drift, but {:?}:\n{}", planned.exit, planned.text));
    }
    let healed = account.run("apply CLUSTER --yes --allow 20");
    if healed.exit != Some(Exit::Done) {
        return Err(format!("is not healed:\n{}", healed.text));
    }
    let again = account.run("plan CLUSTER --detailed-exitcode");
    if again.exit != Some(Exit::Done) {
        return Err(format!("is still there, {:?}:\n{}", again.exit, again.text));
    }
    if inventory(&account) != inventory(whole) {
        return Err(String::from("left another number of things behind"));
    }
    let (now, before) = (account.live(), Account::new(&Sample::small(), Git::Imitated).live());
    let touched: BTreeMap<_, _> = before.iter().filter(|(key, it)| now.get(*key) != Some(*it)).collect();
    if touched.is_empty() { Ok(true) } else { Err(format!("touched what is not ours: {:?}", touched.keys())) }
}

#[test]
fn what_somebody_deletes_or_changes_is_drift_and_is_healed() {
    let whole = created(Git::Imitated);
    let deeds = deeds(&whole);
    let (mut cases, mut refused, mut wrong) = (0, 0, Vec::new());
    for deed in &deeds {
        match healed(&whole, deed) {
            Ok(true) => cases += 1,
            Ok(false) => refused += 1,
            Err(why) => wrong.push(format!("{} {:?} {why}", deed.operation, deed.parameters)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases + wrong.len(), wrong.join("\n\n"));
    say!("proof: row 13: {cases} cases ({refused} more that AWS refuses, because something uses the object)");
}
