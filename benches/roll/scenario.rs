//! The worlds that every policy is tried on.

use crate::measure::permille;
use crate::world::{Span, Timing};

/// How much budgets allow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Budgets {
    /// One pod of each application.
    Tight,
    /// A quarter of its pods, one at least.
    Loose,
}

/// A time without machines for the first group, whose declared fallback is the second.
#[derive(Clone, Copy)]
pub struct Drought {
    /// Second at which it begins.
    pub from: i64,
    /// Second at which it is over.
    pub until: i64,
    /// Machines by which the fallback may grow.
    pub reserve: u32,
}

/// A world's plan.
pub struct Scenario {
    pub name: String,
    /// Sizes of the groups.
    pub groups: Vec<u32>,
    pub budgets: Budgets,
    /// From one reclaim to the next; `None`: there are none.
    pub reclaims: Option<Span>,
    pub drought: Option<Drought>,
    pub timing: Timing,
    pub seed: u64,
}

/// Launch → Ready 60–120 s, pods that end within 30–90 s; on top, Auto Scaling's reaction, and
/// the pull, start and first readiness probe of a pod.
const SEEDED: Timing = Timing { reaction: Span(20, 40), boot: Span(60, 120), grace: Span(30, 90), start: Span(10, 30) };

/// The fixed times for which durations of kops' algorithm were worked out by hand.
const FIXED: Timing = Timing { reaction: Span(30, 30), boot: Span(120, 120), grace: Span(60, 60), start: Span(20, 20) };

/// A reclaim every ten minutes on average: a bad day.
const RECLAIMS: Span = Span(300, 900);

/// Long enough that a machine is terminated within it, and longer than kops validates.
const DROUGHT: Drought = Drought { from: 120, until: 120 + 25 * 60, reserve: 4 };

impl Scenario {
    fn new(number: usize, size: u32, budgets: Budgets) -> Self {
        let shape = format!("{number} × {size}");
        let word = match budgets {
            Budgets::Tight => "tight",
            Budgets::Loose => "loose",
        };
        Self {
            name: format!("{shape}, {word}"),
            groups: vec![size; number],
            budgets,
            reclaims: None,
            drought: None,
            timing: SEEDED,
            seed: 20_261_129,
        }
    }

    fn with_reclaims(self) -> Self {
        Self { name: format!("{}, reclaims", self.name), reclaims: Some(RECLAIMS), ..self }
    }

    fn with_drought(self) -> Self {
        Self { name: format!("{}, no capacity", self.name), drought: Some(DROUGHT), ..self }
    }

    /// Machines of the cluster.
    pub fn size(&self) -> u32 {
        self.groups.iter().sum()
    }

    /// Tenths of a percent of a group that must stay ready, by the defaults of ours: the tenth of it that may be
    /// missing is one machine at least.
    pub fn floor(&self) -> u32 {
        let floor = |size: &u32| permille(size - (size / 10).max(1), *size);
        self.groups.iter().map(floor).min().unwrap_or(0)
    }

    /// Whether nothing but the policy takes machines away or withholds them.
    pub const fn is_quiet(&self) -> bool {
        self.reclaims.is_none() && self.drought.is_none()
    }
}

/// All worlds, the small ones first.
pub fn all() -> Vec<Scenario> {
    use Budgets::{Loose, Tight};
    vec![
        Scenario::new(12, 3, Tight),
        Scenario::new(12, 3, Loose),
        Scenario::new(12, 10, Tight),
        Scenario::new(12, 10, Loose),
        Scenario::new(12, 10, Loose).with_reclaims(),
        Scenario::new(12, 10, Loose).with_drought(),
        Scenario::new(1, 100, Tight),
        Scenario::new(1, 100, Loose),
        Scenario::new(1, 300, Tight),
        Scenario::new(1, 300, Loose),
        Scenario::new(1, 300, Loose).with_reclaims(),
        Scenario::new(1, 1000, Tight),
        Scenario::new(1, 1000, Loose),
    ]
}

/// A world in which everything takes its fixed time.
pub fn fixed(number: usize, size: u32) -> Scenario {
    Scenario { timing: FIXED, ..Scenario::new(number, size, Budgets::Loose) }
}
