//! A row of the fault matrix: runs its cases, counts them, and says how a failed one is played again.

use super::story::{Fate, Seen, Story};
use crate::fault::{At, FaultPlan, Kind};

/// Says how many cases there are: `ci` (the default), `thorough`, `nightly` (all of them), or a number: one of so many.
const SIZE: &str = "WINDLASS_PROOF_SIZE";

/// CI has an hour for everything: it plays one of so many of the thorough cases.
const CI: usize = 2;

/// For a mistake on purpose: one of so many cases, then the next ones, until it is noticed.
const COARSE: usize = 10;

/// Cases of a row about one command.
pub struct Row {
    pub row: &'static str,
    pub story: &'static Story,
    pub fate: Fate,
}

/// A share of `all` cases, evenly over the whole: one of `every` in CI, all of them nightly.
pub fn share(all: usize, every: usize) -> Vec<usize> {
    let every = match std::env::var(SIZE).as_deref() {
        Err(_) | Ok("ci") => every * CI,
        Ok("thorough") => every,
        Ok("nightly") => 1,
        Ok(other) => {
            other.parse().unwrap_or_else(|_| panic!("{SIZE} is ci, thorough, nightly or a number, not {other:?}"))
        }
    };
    (0..all).step_by(every.max(1)).collect()
}

/// An index as plans have it.
pub fn number(index: usize) -> u64 {
    u64::try_from(index).expect("small")
}

/// One fault at one call.
pub fn at_call(index: usize, kind: Kind) -> FaultPlan {
    FaultPlan::one(At::Call(number(index)), kind)
}

/// A rule for calls with a probability.
pub fn now_and_then(seed: u64, probability: f64, kind: Kind) -> FaultPlan {
    FaultPlan { seed, ..FaultPlan::one(At::Probability { probability, only_changes: false }, kind) }
}

impl Row {
    /// Runs the cases, and reports them.
    pub fn holds(&self, plans: impl IntoIterator<Item = FaultPlan>) -> Vec<Seen> {
        let (mut seen, mut failed) = (Vec::new(), Vec::new());
        let is_planted = crate::planted::chosen().is_some();
        let mut plans: Vec<FaultPlan> = plans.into_iter().collect();
        if is_planted {
            // A mistake on purpose mostly shows at more than one place: all over the command at first.
            plans = (0..COARSE).flat_map(|first| plans.iter().skip(first).step_by(COARSE).cloned()).collect();
        }
        for plan in plans {
            match self.story.survives(&plan, self.fate) {
                Ok(case) => seen.push(case),
                Err(wrong) => {
                    let told = format!("{}\n  {}", wrong.replace('\n', "\n    "), self.replay(&plan));
                    // At once: the row may go on for minutes.
                    say!("failed: {}, {}: {told}", self.row, self.story.name);
                    failed.push(told);
                    // One shows that a mistake on purpose is noticed.
                    if is_planted {
                        break;
                    }
                }
            }
        }
        let (row, name, cases) = (self.row, self.story.name, seen.len() + failed.len());
        assert!(cases > 0, "{row} has no case for {name}");
        assert!(failed.is_empty(), "{row}, {name}: {} of {cases} cases failed, see above", failed.len());
        let slowest = seen.iter().map(|case| case.recovery).max().unwrap_or(0);
        let undisturbed = self.story.undisturbed.took.as_secs();
        say!("proof: {row}: {cases} cases ({name}; undisturbed {undisturbed} s, slowest recovery {slowest} s)");
        seen
    }

    fn replay(&self, plan: &FaultPlan) -> String {
        let plan = serde_json::to_string(plan).expect("a plan is JSON");
        let (name, fate) = (self.story.name, self.fate);
        format!("again: WINDLASS_PROOF='{name} {fate:?} {plan}' cargo test --lib cli::tests::again -- --ignored")
    }
}
