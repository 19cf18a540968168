//! The network of a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::{Cidr, SubnetId, SubnetName, VpcId, Zone};

/// VPC, subnets, ways out, ranges of pods and services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// `cidr` to make a VPC, or `id` to use one that exists.
    pub vpc: Vpc,
    /// The subnets; control-plane members and node groups refer to them by name.
    pub subnets: Vec<Subnet>,
    /// How instances in private subnets reach the internet. Default: `perZone`, or `existing` in an existing VPC.
    #[serde(default)]
    pub nat: Option<Nat>,
    /// Range of the pods' addresses. Default: `100.64.0.0/13` (from RFC 6598's shared space, so that it meets no
    /// company network; half a million addresses).
    #[serde(default = "default_pod_cidr", rename = "podCIDR")]
    #[schemars(default = "default_pod_cidr")]
    pub pod_cidr: Cidr,
    /// Range of the services' addresses; the API server's is the first one. Default: `100.72.0.0/16`.
    #[serde(default = "default_service_cidr", rename = "serviceCIDR")]
    #[schemars(default = "default_service_cidr")]
    pub service_cidr: Cidr,
    /// The network plug-in that the cluster will run: security rules are made for it. Default: `cilium`.
    #[serde(default)]
    pub cni: Cni,
}

/// The VPC: exactly one of `cidr` and `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Vpc {
    /// Range of a new VPC, `/16` to `/28` (EC2 API reference, CreateVpc).
    Cidr(Cidr),
    /// An existing VPC: windlass never changes or deletes it.
    Id(VpcId),
}

/// A subnet: exactly one of `cidr` (a new one) and `id` (an existing one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subnet {
    /// What members and groups call it; unique.
    pub name: SubnetName,
    /// Availability zone.
    pub zone: Zone,
    /// Range of a new subnet, `/16` to `/28` (EC2 API reference, CreateSubnet), within the VPC's.
    #[serde(default)]
    pub cidr: Option<Cidr>,
    /// Id of an existing subnet of the existing VPC.
    #[serde(default)]
    pub id: Option<SubnetId>,
    /// Whether it has a direct way to the internet.
    #[serde(rename = "type")]
    pub subnet_type: SubnetType,
}

/// Whether a subnet has a direct way to the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SubnetType {
    /// Its default route is the internet gateway.
    Public,
    /// Its default route, if it has one, is a NAT gateway.
    Private,
}

/// How instances in private subnets reach the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Nat {
    /// A NAT gateway in every zone that has a private subnet: a zone can fail alone, and no traffic between zones is paid.
    PerZone,
    /// One NAT gateway for all zones: cheaper, and its zone's failure cuts off all.
    Single,
    /// None: private subnets have no way out.
    None,
    /// The existing VPC's own.
    Existing,
}

/// The network plug-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cni {
    /// Cilium: VXLAN (UDP 8472) and health checks (TCP 4240) between nodes.
    #[default]
    Cilium,
    /// Calico: VXLAN (UDP 4789), BGP (TCP 179) and Typha (TCP 5473) between nodes.
    Calico,
    /// Flannel: VXLAN (UDP 8472) between nodes.
    Flannel,
    /// The Amazon VPC plug-in: pods have addresses of the VPC.
    AmazonVpc,
    /// Another one: all traffic between nodes is allowed.
    Other,
}

fn default_pod_cidr() -> Cidr {
    constant("100.64.0.0/13")
}

fn default_service_cidr() -> Cidr {
    constant("100.72.0.0/16")
}

fn constant(text: &str) -> Cidr {
    text.parse().expect("a constant range, read by a test")
}

impl Network {
    /// How private subnets reach the internet, with the default filled in.
    #[must_use]
    pub fn nat(&self) -> Nat {
        self.nat.unwrap_or(match self.vpc {
            Vpc::Cidr(_) => Nat::PerZone,
            Vpc::Id(_) => Nat::Existing,
        })
    }

    /// The subnet called `name`.
    #[must_use]
    pub fn subnet(&self, name: &SubnetName) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| &subnet.name == name)
    }

    /// The id of the existing VPC, if it is one.
    #[must_use]
    pub const fn existing_vpc(&self) -> Option<&VpcId> {
        match &self.vpc {
            Vpc::Id(id) => Some(id),
            Vpc::Cidr(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_ranges_do_not_overlap() {
        assert!(!default_pod_cidr().overlaps(default_service_cidr()));
    }
}
