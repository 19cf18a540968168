//! The fault matrix: every command that changes something, with every fault at every place, and what must hold after.
//!
//! Each case plays whole processes: the command that is disturbed, the same command once more, and what the oracle asks.
//! docs/design/proofs.md lists the rows.

mod account;
mod answers;
mod clocks;
mod destroys;
mod drift;
mod git;
mod hand;
mod kills;
mod oracle;
mod row;
mod sample;
mod story;

use story::Fate;

/// The case of a failed row, again.
#[test]
#[ignore = "plays the one case that WINDLASS_PROOF names"]
fn again() {
    let case = std::env::var("WINDLASS_PROOF").expect("WINDLASS_PROOF says which case: a failed row prints it");
    let (name, rest) = case.split_once(' ').expect("a command, a fate and a plan");
    let (fate, plan) = rest.split_once(' ').expect("a command, a fate and a plan");
    let fate = match fate {
        "Killed" => Fate::Killed,
        "SatOut" => Fate::SatOut,
        "GivesUp" => Fate::GivesUp,
        "Refused" => Fate::Refused,
        other => panic!("there is no fate {other}"),
    };
    let plan = serde_json::from_str(plan).expect("a plan of faults");
    if let Err(wrong) = story::named(name).survives(&plan, fate) {
        panic!("{wrong}");
    }
}
