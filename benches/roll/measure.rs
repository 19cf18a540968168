//! What is measured while a policy works.

/// Counts and sums of one run.
pub struct Meter {
    /// Machines that the cluster should have.
    size: u32,
    sizes: Vec<u32>,
    /// Machines that are paid for now.
    machines: u32,
    /// Machine-seconds above the size.
    extra: i64,
    lowest: u32,
    /// The lowest of each group, its fallback standing in.
    lowest_of: Vec<u32>,
    violations: u32,
    moved: u32,
    started: bool,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Seconds from the beginning to the end.
    pub seconds: i64,
    /// Why the policy gave up, if it did, and how many machines it left stale.
    pub stopped: Option<(String, usize)>,
    /// Pods taken away below what their budget wants.
    pub violations: u32,
    /// Lowest number of ready nodes of the whole cluster, tenths of a percent of its size.
    pub lowest: u32,
    /// The same for the group that it was worst for.
    pub lowest_group: u32,
    /// Node-hours above the cluster's size.
    pub extra_hours: f64,
    /// Pods that were evicted or lost.
    pub moved: u32,
}

impl Meter {
    pub fn new(size: u32, sizes: &[u32]) -> Self {
        let sizes = sizes.to_vec();
        let lowest_of = sizes.clone();
        Self { size, lowest: size, lowest_of, sizes, machines: 0, extra: 0, violations: 0, moved: 0, started: false }
    }

    /// From now on it counts: before, the world is built.
    pub const fn start(&mut self) {
        self.started = true;
    }

    pub fn pass(&mut self, seconds: i64) {
        self.extra += seconds * i64::from(self.machines.saturating_sub(self.size));
    }

    pub const fn machine_came(&mut self) {
        self.machines += 1;
    }

    pub const fn machine_left(&mut self) {
        self.machines -= 1;
    }

    /// Ready nodes now: of the cluster, and those that stand for each group.
    pub fn ready(&mut self, all: u32, standing: &[u32]) {
        if self.started {
            self.lowest = self.lowest.min(all);
            for (lowest, now) in self.lowest_of.iter_mut().zip(standing) {
                *lowest = (*lowest).min(*now);
            }
        }
    }

    pub const fn violated(&mut self) {
        self.violations += 1;
    }

    pub const fn pod_moved(&mut self) {
        self.moved += 1;
    }

    /// The run is over.
    pub fn end(&self, seconds: i64, stopped: Option<(String, usize)>) -> Measured {
        let groups = self.lowest_of.iter().zip(&self.sizes).map(|(ready, size)| permille(*ready, *size));
        Measured {
            seconds,
            stopped,
            violations: self.violations,
            lowest: permille(self.lowest, self.size),
            lowest_group: groups.min().unwrap_or(1000),
            extra_hours: hours(self.extra),
            moved: self.moved,
        }
    }
}

/// A part of a whole in tenths of a percent, rounded down: the lowest is never made to look higher.
pub fn permille(part: u32, whole: u32) -> u32 {
    part * 1000 / whole.max(1)
}

/// Seconds as hours.
pub fn hours(seconds: i64) -> f64 {
    // Virtual time is days at most, which fits.
    f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)) / 3600.0
}
