//! How a node group buys instances and changes its size.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Cron, Percent, TimeZoneName};
use crate::resource::{SpotAllocationStrategy, WarmPoolState};

/// Spot and on-demand instances in one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MixedInstances {
    /// Instances that are on demand in any case. Default: 0.
    pub on_demand_base: u32,
    /// Share of on-demand instances above the base, in percent. Default: 0, all spot.
    pub on_demand_percentage_above_base: Percent,
    /// How spot pools are chosen. Default: `price-capacity-optimized`.
    pub spot_allocation_strategy: SpotAllocationStrategy,
    /// Most dollars an hour for a spot instance, in quotes: `"0.25"`. Default: up to the on-demand price.
    pub max_price: Option<String>,
}

impl Default for MixedInstances {
    fn default() -> Self {
        Self {
            on_demand_base: 0,
            on_demand_percentage_above_base: Percent::new(0),
            spot_allocation_strategy: SpotAllocationStrategy::PriceCapacityOptimized,
            max_price: None,
        }
    }
}

impl MixedInstances {
    /// Whether any instance of the group can be a spot instance.
    #[must_use]
    pub fn buys_spot(&self) -> bool {
        self.on_demand_percentage_above_base.get() < 100
    }
}

/// Instances kept ready beside a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WarmPool {
    /// Fewest instances in the pool. Default: 0.
    pub min_size: u32,
    /// Most instances in pool and group together. Default: the group's `maxSize`.
    pub max_prepared: Option<u32>,
    /// In what state they wait. Default: `Stopped`.
    pub state: WarmPoolState,
    /// Whether instances return to the pool when the group shrinks. Default: false.
    pub reuse_on_scale_in: bool,
}

impl Default for WarmPool {
    fn default() -> Self {
        Self { min_size: 0, max_prepared: None, state: WarmPoolState::Stopped, reuse_on_scale_in: false }
    }
}

/// A change of a group's size at a time of the week; at least one of the sizes is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// Unique in the group: a DNS label.
    pub name: String,
    /// When: a cron expression of five fields.
    pub recurrence: Cron,
    /// IANA time zone of `recurrence`. Default: `UTC`.
    #[serde(default = "utc")]
    pub time_zone: TimeZoneName,
    /// New minimum. Default: as it is.
    #[serde(default)]
    pub min_size: Option<u32>,
    /// New maximum. Default: as it is.
    #[serde(default)]
    pub max_size: Option<u32>,
    /// New desired capacity. Default: as it is.
    #[serde(default)]
    pub desired_capacity: Option<u32>,
}

pub(in crate::spec) fn utc() -> TimeZoneName {
    "UTC".parse().expect("jiff always knows UTC")
}

/// A process of an Auto Scaling group (Auto Scaling user guide, "Suspend and resume processes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ScalingProcess {
    /// Adds instances.
    Launch,
    /// Removes instances.
    Terminate,
    /// Registers instances with load balancers.
    AddToLoadBalancer,
    /// Acts on alarms.
    AlarmNotification,
    /// Moves instances between zones, by terminating some: harmful to pods.
    #[serde(rename = "AZRebalance")]
    AzRebalance,
    /// Checks health.
    HealthCheck,
    /// Replaces instances by an instance refresh.
    InstanceRefresh,
    /// Replaces unhealthy instances.
    ReplaceUnhealthy,
    /// Acts on schedules.
    ScheduledActions,
}

impl ScalingProcess {
    /// As Auto Scaling writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "Launch",
            Self::Terminate => "Terminate",
            Self::AddToLoadBalancer => "AddToLoadBalancer",
            Self::AlarmNotification => "AlarmNotification",
            Self::AzRebalance => "AZRebalance",
            Self::HealthCheck => "HealthCheck",
            Self::InstanceRefresh => "InstanceRefresh",
            Self::ReplaceUnhealthy => "ReplaceUnhealthy",
            Self::ScheduledActions => "ScheduledActions",
        }
    }
}
