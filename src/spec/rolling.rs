//! How nodes are replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::overlay::overlay;
use super::value::{Cron, Duration, Share, TimeZoneName};

overlay! {
    /// How nodes are replaced. A node group's field wins over the cluster's, the cluster's over the default.
    Rolling resolved by ResolvedRolling {
        /// How many new nodes may exist before old ones go: a number or a percentage of the group. Default: `10%`.
        max_surge: Share = Share::Percent(super::value::Percent::new(10)),
        /// How many ready nodes fewer than before there may be: a number or a percentage of the group. Default: `10%`.
        max_unavailable: Share = Share::Percent(super::value::Percent::new(10)),
        /// How many nodes are replaced first, alone. Default: 1.
        canary: u32 = 1,
        /// Whether pods are evicted before a node goes. Default: true.
        drain: bool = true,
        /// How long a drain may take before it stops and names what blocks it. Default: `15m`.
        drain_timeout: Duration = Duration::minutes(15),
        /// How long a new node may take until it is Ready. Default: `10m`.
        ready_timeout: Duration = Duration::minutes(10),
        /// How long a gate may be red before the roll stops. Default: `30m`.
        gate_timeout: Duration = Duration::minutes(30),
        /// Probes that must be green between batches. Default: none beside the health of nodes and system pods.
        gates: Vec<Gate> = Vec::new(),
        /// When nodes may be replaced. Default: at any time.
        maintenance_windows: Vec<MaintenanceWindow> = Vec::new(),
    }
}

/// A probe that must be green between batches: exactly one of `http` and `promQL`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Gate {
    /// A URL that must answer with a 2xx status.
    Http(String),
    /// A query on a Prometheus server that must give nothing but true values.
    #[serde(rename = "promQL")]
    PromQl(PromQlGate),
}

/// A query on a Prometheus server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromQlGate {
    /// Base URL of the server.
    pub server: String,
    /// The query; a comparison, such as `sum(rate(http_errors_total[5m])) < 1`.
    pub query: String,
}

/// When nodes may be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// When it opens: a cron expression of five fields.
    pub start: Cron,
    /// How long it is open.
    pub duration: Duration,
    /// IANA time zone of `start`. Default: `UTC`.
    #[serde(default = "super::scaling::utc")]
    pub time_zone: TimeZoneName,
}
