//! Auto Scaling groups and their scheduled actions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Describe, Kind, Reference};

/// An Auto Scaling group. Its id is its name. It always launches the default version of its template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoScalingGroup {
    /// 1 to 255 characters, unique in the region.
    pub name: String,
    /// The launch template.
    pub launch_template: Reference,
    /// Several types and purchase options; `None`: the template's own type, on demand.
    pub mixed_instances: Option<MixedInstances>,
    /// Fewest instances.
    pub min_size: u32,
    /// Most instances.
    pub max_size: u32,
    /// Where instances are launched.
    pub placement: Placement,
    /// Target groups that instances are registered with, sorted.
    pub target_groups: Vec<Reference>,
    /// What makes an instance unhealthy.
    pub health_check_type: HealthCheckType,
    /// Seconds after launch without health checks.
    pub health_check_grace_period: u32,
    /// Whether a spot instance at risk is replaced before it is reclaimed.
    pub capacity_rebalance: bool,
    /// In order.
    pub termination_policies: Vec<String>,
    /// Seconds after which an instance is replaced; 0: never.
    pub max_instance_lifetime: u32,
    /// Process names such as `AZRebalance`.
    pub suspended_processes: BTreeSet<String>,
    /// Instances kept ready beside the group.
    pub warm_pool: Option<WarmPool>,
    /// Tags by key.
    pub tags: BTreeMap<String, GroupTag>,
}

/// A tag of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupTag {
    /// The value.
    pub value: String,
    /// Whether launched instances get it too.
    pub propagate: bool,
}

/// Where a group launches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// In these subnets, sorted.
    Subnets(Vec<Reference>),
    /// In these zones: for a template that brings its own network interface.
    Zones(Vec<String>),
}

/// What makes an instance unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthCheckType {
    /// EC2's status checks.
    Ec2,
    /// The load balancer's as well.
    Elb,
}

/// Several instance types, bought as spot or on demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MixedInstances {
    /// At most 40, in order of preference.
    pub machine_types: Vec<String>,
    /// Instances that are on demand in any case.
    pub on_demand_base: u32,
    /// Share of on-demand instances above the base, 0 to 100.
    pub on_demand_percentage_above_base: u32,
    /// How spot pools are chosen.
    pub spot_allocation_strategy: SpotAllocationStrategy,
    /// Dollars an hour, as AWS takes it (`0.12`); `None`: up to the on-demand price.
    pub spot_max_price: Option<String>,
}

/// How Auto Scaling chooses among spot pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SpotAllocationStrategy {
    /// The cheapest.
    LowestPrice,
    /// The least likely to be reclaimed.
    CapacityOptimized,
    /// The same, but the declared order counts.
    CapacityOptimizedPrioritized,
    /// Price and reclaim risk together; what AWS recommends.
    PriceCapacityOptimized,
}

/// Instances kept ready beside a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarmPool {
    /// Fewest instances in the pool.
    pub min_size: u32,
    /// Most instances in pool and group together; `None`: the group's maximum.
    pub max_prepared: Option<u32>,
    /// In what state they wait.
    pub state: WarmPoolState,
    /// Whether instances return to the pool when the group shrinks.
    pub reuse_on_scale_in: bool,
}

/// In what state instances of a warm pool wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum WarmPoolState {
    /// Only their disks cost.
    Stopped,
    /// At once usable, fully paid.
    Running,
    /// Memory kept on disk.
    Hibernated,
}

impl Describe for AutoScalingGroup {
    const KIND: Kind = Kind::AutoScalingGroup;
    const REPLACED_BY: &'static [&'static str] = &["name"];

    fn references(&self) -> Vec<&Reference> {
        let subnets: &[Reference] = match &self.placement {
            Placement::Subnets(subnets) => subnets,
            Placement::Zones(_) => &[],
        };
        std::iter::once(&self.launch_template).chain(subnets).chain(&self.target_groups).collect()
    }
}

/// A change of a group's size at a time of the week. Its id is `group name/action name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduledAction {
    /// The group.
    pub group: Reference,
    /// Unique in the group.
    pub name: String,
    /// Unix cron expression of five fields.
    pub recurrence: String,
    /// IANA name, `Europe/Paris`.
    pub time_zone: String,
    /// New minimum; `None`: as it is.
    pub min_size: Option<u32>,
    /// New maximum.
    pub max_size: Option<u32>,
    /// New desired capacity.
    pub desired_capacity: Option<u32>,
}

impl Describe for ScheduledAction {
    const KIND: Kind = Kind::ScheduledAction;
    const REPLACED_BY: &'static [&'static str] = &["group", "name"];

    fn references(&self) -> Vec<&Reference> {
        vec![&self.group]
    }
}
