//! How the Kubernetes API is reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Cidr, HostedZoneName};

/// Where the members' API servers listen: kubeadm's default.
pub const MEMBER_PORT: u16 = 6443;

/// How the Kubernetes API is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Api {
    /// The network load balancer in front of the members. Default: `internal`.
    pub load_balancer: ApiLoadBalancer,
    /// Who may connect, beside the cluster's own nodes: ranges. Default: nobody else.
    pub allow: Vec<Cidr>,
    /// More names of the API in its certificate, beside `api.<cluster>` and `api.internal.<cluster>`.
    pub additional_names: Vec<HostedZoneName>,
    /// Port of the load balancer; the members listen on 6443. Default: 6443.
    pub port: u16,
    /// Whether each node of the load balancer sends to members in every zone, so that a member that fails does not
    /// cut off its zone. Default: true.
    pub cross_zone_load_balancing: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            load_balancer: ApiLoadBalancer::Internal,
            allow: Vec::new(),
            additional_names: Vec::new(),
            port: MEMBER_PORT,
            cross_zone_load_balancing: true,
        }
    }
}

/// The load balancer in front of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApiLoadBalancer {
    /// With private addresses, in the private subnets.
    Internal,
    /// With public addresses, in the public subnets; `allow` says who may connect.
    Public,
    /// None: the API's names are the members' own addresses.
    None,
}
