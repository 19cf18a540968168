//! How a roll goes about it: settings of the manifests and of the command line, resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::windows::windows;
use crate::health::{Group, Machine};
use crate::spec::ResolvedRolling;
use crate::spec::value::Share;

/// How a roll goes about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// What is rolled: groups by the name of their manifest, members of the control plane included. Other groups are
    /// looked at, and never touched but as fallbacks.
    pub groups: BTreeMap<String, GroupPolicy>,
    /// Machines that are replaced although their template is the newest: instance ids.
    pub forced: BTreeSet<String>,
    /// Whether pods are deleted when a budget has refused for the whole drain timeout. Explicit, and recorded.
    pub ignore_budgets: bool,
    /// How long a gate that concerns all may be red before the roll stops, and how long it waits for a window.
    pub gate_timeout: Duration,
    /// How old the newest snapshot of etcd may be before a member is replaced; `None`: the cluster has no backup.
    pub snapshot_age: Option<Duration>,
    /// How long etcd's leader must have stayed the same after a member came back.
    pub leader_stable: Duration,
}

/// How one group is rolled. Numbers are resolved from its size when the roll looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupPolicy {
    /// How many machines there may be above the group's size.
    pub max_surge: Amount,
    /// How many ready nodes fewer than the group's size there may be.
    pub max_unavailable: Amount,
    /// How many are replaced first, alone.
    pub canary: u32,
    /// Whether pods are evicted before a machine goes.
    pub drain: bool,
    /// How long a drain may take before it counts as blocked.
    pub drain_timeout: Duration,
    /// How long a new machine may take until its node is Ready.
    pub ready_timeout: Duration,
    /// How long a probe of this group may be red before the roll stops.
    pub gate_timeout: Duration,
    /// When its machines may be replaced (the maintenance windows); `None`: at any time.
    pub windows: Option<Vec<Window>>,
}

/// A number, or a share of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Amount {
    /// So many.
    Number(u32),
    /// Percent of the group's size.
    Percent(u32),
}

/// When nodes may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// It opens.
    pub opens: Timestamp,
    /// It closes.
    pub closes: Timestamp,
}

impl Policy {
    /// Whether a machine of a group is to be replaced.
    #[must_use]
    pub fn replaces(&self, group: &Group, machine: &Machine) -> bool {
        group.is_stale(machine) || self.forced.contains(&machine.id)
    }
}

impl GroupPolicy {
    /// What the manifests say about a group; windows are worked out from `now` on.
    #[must_use]
    pub fn of(rolling: &ResolvedRolling, now: Timestamp) -> Self {
        let seconds = |duration: &crate::spec::value::Duration| Duration::from_secs(duration.as_seconds());
        Self {
            max_surge: Amount::from(&rolling.max_surge),
            max_unavailable: Amount::from(&rolling.max_unavailable),
            canary: rolling.canary,
            drain: rolling.drain,
            drain_timeout: seconds(&rolling.drain_timeout),
            ready_timeout: seconds(&rolling.ready_timeout),
            gate_timeout: seconds(&rolling.gate_timeout),
            windows: windows(&rolling.maintenance_windows, now),
        }
    }

    /// How many ready nodes fewer than its `size` a group may have. At least one of surge and unavailable must be there, or
    /// nothing could ever be replaced; and a group of several is never emptied: the pods of its nodes could go nowhere, and a
    /// budget that lets them go one by one would hold all of its drains at once.
    #[must_use]
    pub fn unavailable(&self, size: u32) -> u32 {
        match (self.max_surge.of(size), self.max_unavailable.of(size)) {
            (0, 0) => 1,
            (0, unavailable) => unavailable.min(size.saturating_sub(1).max(1)),
            (_, unavailable) => unavailable.min(size.saturating_sub(1)),
        }
    }
}

impl Amount {
    /// How many that is in a group of `size` machines: shares are rounded down, but to one at least, unless they are 0 %
    /// (as [`crate::spec::value::Share::of`]).
    #[must_use]
    pub const fn of(self, size: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Percent(percent) => match size.saturating_mul(percent) / 100 {
                0 if percent > 0 && size > 0 => 1,
                share => share,
            },
        }
    }
}

impl From<&Share> for Amount {
    fn from(share: &Share) -> Self {
        match share {
            Share::Count(count) => Self::Number(*count),
            Share::Percent(percent) => Self::Percent(percent.get()),
        }
    }
}
