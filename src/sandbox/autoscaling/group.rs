//! A group and its instances, as data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::distribution::Distribution;

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it launches.
    pub template: Template,
    /// Several types and purchase options.
    pub mixed: Option<Mixed>,
    /// Fewest instances.
    pub min: u32,
    /// Most instances.
    pub max: u32,
    /// Wanted instances.
    pub desired: u32,
    /// Zones, in the order given.
    pub zones: Vec<String>,
    /// Subnets with their zones, in the order given; empty: the template or the default VPC decides.
    pub subnets: Vec<(String, String)>,
    /// Settings that have little to do with each other.
    pub settings: Settings,
    /// Tags: key → value, and whether instances get it.
    pub tags: BTreeMap<String, (String, bool)>,
    /// ARNs of target groups.
    pub target_groups: BTreeSet<String>,
    /// Suspended processes with the reason.
    pub suspended: BTreeMap<String, String>,
    /// Its instances.
    pub members: BTreeMap<String, Member>,
    /// Warm pool.
    pub warm_pool: Option<WarmPool>,
    /// Lifecycle hooks by name.
    pub hooks: BTreeMap<String, Hook>,
    /// Scheduled actions by name.
    pub scheduled: BTreeMap<String, Scheduled>,
    /// Metrics that are collected.
    pub metrics: BTreeSet<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it is being deleted with its instances.
    pub deleting: bool,
    /// After failed launches: when it tries again, and how often it failed.
    pub retry: Option<(Timestamp, u32)>,
    /// When it last saw that it is out of balance.
    pub rebalance_at: Option<Timestamp>,
}

/// A template with a version as it was given: a number, `$Default` or `$Latest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// `lt-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The version.
    pub version: String,
}

/// Several instance types, bought as spot or on demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mixed {
    /// Instance types in order, each with its weight if it has one.
    pub overrides: Vec<(String, Option<u32>)>,
    /// How many of which.
    pub distribution: Distribution,
}

/// Plain settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Seconds.
    pub default_cooldown: u32,
    /// `EC2`, `ELB`, or both with a comma.
    pub health_check_type: String,
    /// Seconds.
    pub health_check_grace_period: u32,
    /// Policies in order.
    pub termination_policies: Vec<String>,
    /// Whether new instances are protected from scale-in.
    pub protected: bool,
    /// Whether spot instances at risk are replaced early.
    pub capacity_rebalance: bool,
    /// Seconds; 0: for ever.
    pub max_instance_lifetime: u32,
    /// Seconds.
    pub default_instance_warmup: Option<u32>,
    /// Lowest and highest percentage of healthy instances.
    pub maintenance: Option<(i32, i32)>,
    /// ARN of the service-linked role.
    pub service_linked_role: String,
}

/// An instance of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// `i-…`.
    pub id: String,
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// Whether it is a spot instance.
    pub spot: bool,
    /// The template and the version, as a number, that it was launched from.
    pub template: Template,
    /// Where in its life it is.
    pub lifecycle: Lifecycle,
    /// Since when.
    pub since: Timestamp,
    /// When it was launched or attached.
    pub joined: Timestamp,
    /// Marked unhealthy, by a check or by hand.
    pub unhealthy: bool,
    /// Protected from scale-in.
    pub protected: bool,
    /// The activity that is under way.
    pub activity: Option<String>,
    /// Token of the hook that it waits for.
    pub token: Option<String>,
    /// Until when it waits for a hook.
    pub wait_until: Option<Timestamp>,
}

/// Where in its life an instance is (user guide, "Amazon EC2 Auto Scaling instance lifecycle").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// Starting.
    Pending,
    /// Waiting for a launch hook.
    PendingWait,
    /// At work.
    InService,
    /// Waiting for a termination hook.
    TerminatingWait,
    /// On its way out.
    Terminating,
    /// Leaving the group alive.
    Detaching,
    /// Out of work, still a member.
    Standby,
    /// Starting, in the warm pool.
    WarmedPending,
    /// Ready in the warm pool.
    Warmed,
    /// Leaving the warm pool for ever.
    WarmedTerminating,
}

impl Lifecycle {
    /// Whether it counts towards the group's capacity.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::InService)
    }

    /// Whether it is in the warm pool.
    #[must_use]
    pub const fn is_warm(self) -> bool {
        matches!(self, Self::WarmedPending | Self::Warmed | Self::WarmedTerminating)
    }

    /// As answers say it; `state` is that of the warm pool.
    #[must_use]
    pub fn word(self, state: &str) -> String {
        match self {
            Self::Pending => "Pending".to_owned(),
            Self::PendingWait => "Pending:Wait".to_owned(),
            Self::InService => "InService".to_owned(),
            Self::TerminatingWait => "Terminating:Wait".to_owned(),
            Self::Terminating => "Terminating".to_owned(),
            Self::Detaching => "Detaching".to_owned(),
            Self::Standby => "Standby".to_owned(),
            Self::WarmedPending => "Warmed:Pending".to_owned(),
            Self::Warmed => format!("Warmed:{state}"),
            Self::WarmedTerminating => "Warmed:Terminating".to_owned(),
        }
    }
}

/// A warm pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarmPool {
    /// Fewest instances.
    pub min: u32,
    /// Instances in pool and group together; `None`: the group's maximum.
    pub max_prepared: Option<u32>,
    /// `Stopped`, `Running` or `Hibernated`.
    pub state: String,
    /// Whether instances come back when the group shrinks.
    pub reuse: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// A lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    /// Whether it holds launches; otherwise terminations.
    pub launching: bool,
    /// Seconds.
    pub timeout: u32,
    /// `CONTINUE` or `ABANDON`, when nobody answers.
    pub default_result: String,
    /// Free text for who is told.
    pub metadata: Option<String>,
    /// Who is told.
    pub target: Option<String>,
    /// With which role.
    pub role: Option<String>,
}

/// A scheduled action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scheduled {
    /// Its ARN.
    pub arn: String,
    /// Five fields; `None`: once, at the start time.
    pub recurrence: Option<String>,
    /// IANA name; `None`: UTC.
    pub time_zone: Option<String>,
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not after.
    pub end: Option<Timestamp>,
    /// New minimum.
    pub min: Option<u32>,
    /// New maximum.
    pub max: Option<u32>,
    /// New desired capacity.
    pub desired: Option<u32>,
    /// When it runs next; `None`: never again.
    pub next: Option<Timestamp>,
}

impl Group {
    /// Whether a process runs.
    #[must_use]
    pub fn runs(&self, process: &str) -> bool {
        !self.suspended.contains_key(process)
    }

    /// Instances that count towards the capacity.
    pub fn counting(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.lifecycle.counts())
    }

    /// Zones in which it may launch, with the subnet if it has one.
    #[must_use]
    pub fn places(&self) -> Vec<(String, Option<String>)> {
        if self.subnets.is_empty() {
            return self.zones.iter().map(|zone| (zone.clone(), None)).collect();
        }
        let mut seen = BTreeSet::new();
        self.subnets
            .iter()
            .filter(|(_, zone)| seen.insert(zone.clone()))
            .map(|(subnet, zone)| (zone.clone(), Some(subnet.clone())))
            .collect()
    }

    /// The state of instances in its warm pool.
    #[must_use]
    pub fn pool_state(&self) -> &str {
        self.warm_pool.as_ref().map_or("Stopped", |pool| &pool.state)
    }
}
