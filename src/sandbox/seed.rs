//! What the sandbox's world holds before windlass touches it: the file `sandbox/seed.yaml` at a project's root.
//!
//! It describes things that somebody else made: an existing VPC, hosted zones, machine images. Never anything that
//! windlass makes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scenario::{MOST_PODS, Workload};
use super::world::NetworkPlugin;
use crate::problem::Problem;
use crate::render::source::Source;
use crate::spec::value::{AccountId, Cidr, HostedZoneName, Region, SubnetId, VpcId, Zone};
use crate::spec::{File, Step, steps};

/// The seed that is used where a project has none: the example fleet's.
const EXAMPLE: &str = include_str!("../../sandbox/seed.yaml");

/// A world before windlass touches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seed {
    /// Version of this format: 1.
    pub version: u32,
    /// The account that the credentials belong to.
    pub account: AccountId,
    /// Name of the IAM user whose credentials they are.
    pub user: String,
    /// The one region.
    pub region: Region,
    /// Its zones.
    pub zones: Vec<SeedZone>,
    /// What the sandbox's clock says at first.
    #[schemars(with = "String")]
    pub clock: Timestamp,
    /// Existing VPCs.
    #[serde(default)]
    pub vpcs: Vec<SeedVpc>,
    /// Existing hosted zones.
    #[serde(default)]
    pub hosted_zones: Vec<SeedHostedZone>,
    /// Machine images.
    #[serde(default)]
    pub images: Vec<SeedImage>,
    /// Systems Manager parameters of type `String`: path → value.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Existing S3 buckets, all empty: name → account that owns it.
    #[serde(default)]
    pub buckets: BTreeMap<String, AccountId>,
    /// Instance types that the region has, but not in every zone: type → zones that have it. A type that is not listed
    /// is offered everywhere.
    #[serde(default)]
    pub offered_only_in: BTreeMap<String, Vec<Zone>>,
    /// Where the pods of new nodes get their network from: `addOn`, so that nodes are not Ready before a network add-on runs,
    /// or `builtIn`, as with machine images that bring one. Default: `addOn`.
    #[serde(default)]
    pub network_plugin: NetworkPlugin,
    /// What runs in clusters when they come up: cluster's name with `*` and `?` → workloads.
    #[serde(default)]
    pub workloads: BTreeMap<String, Vec<Workload>>,
}

/// An availability zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedZone {
    /// Name in this account: `eu-west-3a`.
    pub name: Zone,
    /// The same in every account: `euw3-az1`.
    pub id: String,
}

/// An existing VPC. It also has what AWS gives every VPC: a default security group and a network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedVpc {
    /// `vpc-…`.
    pub id: VpcId,
    /// Its ranges, the primary one first.
    pub cidrs: Vec<Cidr>,
    /// Whether instances resolve names through the VPC's resolver. Default: true.
    #[serde(default = "yes")]
    pub dns_support: bool,
    /// Whether instances get names. AWS' default is false.
    pub dns_hostnames: bool,
    /// Id of the attached internet gateway (`igw-…`). Default: none.
    #[serde(default)]
    pub internet_gateway: Option<String>,
    /// Its subnets.
    pub subnets: Vec<SeedSubnet>,
    /// Its NAT gateways, all available.
    #[serde(default)]
    pub nat_gateways: Vec<SeedNatGateway>,
    /// Its route tables; exactly one is the main one. Each has the local routes without being told.
    pub route_tables: Vec<SeedRouteTable>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An existing subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedSubnet {
    /// `subnet-…`.
    pub id: SubnetId,
    /// Its zone.
    pub zone: Zone,
    /// Its range.
    pub cidr: Cidr,
    /// Addresses that others use, beside the five that AWS keeps. Default: 0.
    #[serde(default)]
    pub used_addresses: u32,
    /// Whether instances get a public address. Default: false.
    #[serde(default)]
    pub map_public_ip_on_launch: bool,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An existing NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedNatGateway {
    /// `nat-…`.
    pub id: String,
    /// The public subnet in which it stands.
    pub subnet: SubnetId,
    /// Allocation id of its public address: `eipalloc-…`.
    pub allocation: String,
    /// Its public address.
    pub public_address: Ipv4Addr,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An existing route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedRouteTable {
    /// `rtb-…`.
    pub id: String,
    /// Whether subnets without a table of their own use it. Default: false.
    #[serde(default)]
    pub main: bool,
    /// The subnets associated with it.
    #[serde(default)]
    pub subnets: Vec<SubnetId>,
    /// Its routes beside the local ones: range → id of the internet gateway (`igw-…`) or NAT gateway (`nat-…`).
    #[serde(default)]
    pub routes: BTreeMap<Cidr, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An existing hosted zone. Its SOA and NS records are there without being told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedHostedZone {
    /// `Z…`.
    pub id: String,
    /// Without the last dot.
    pub name: HostedZoneName,
    /// The VPCs that a private zone answers in; empty: it is a public zone.
    #[serde(default)]
    pub vpcs: Vec<VpcId>,
    /// Records that others made.
    #[serde(default)]
    pub records: Vec<SeedRecord>,
}

/// A record that somebody else made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedRecord {
    /// Full name without the last dot.
    pub name: String,
    /// `A`, `CNAME`, `TXT`, ….
    #[serde(rename = "type")]
    pub record_type: String,
    /// Seconds.
    pub ttl: u32,
    /// Values as Route 53 shows them.
    pub values: Vec<String>,
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeedImage {
    /// `ami-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Account id of its owner.
    pub owner: AccountId,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Device of the root disk, such as `/dev/xvda`.
    pub root_device: String,
    /// GiB of the root snapshot: no root disk can be smaller.
    pub root_size: u32,
    /// When it was made.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What does not fit: where, and what is wrong there.
type Misfit = (Vec<Step>, String);

impl Seed {
    /// Reads a seed file.
    ///
    /// # Errors
    /// The first mistake with its place: it is no YAML, has unknown or wrong fields, or its parts do not fit together.
    pub fn read(source: &Source) -> Result<Self, Problem> {
        let (seed, file) = File::read::<Self>(source, "seed")?;
        seed.check().map_err(|(path, why)| file.wrong(&path, why))?;
        Ok(seed)
    }

    /// The example fleet's world.
    #[must_use]
    pub fn example() -> Self {
        Self::read(&Source::new("sandbox/seed.yaml", EXAMPLE)).expect("the built-in seed is read by a test")
    }

    fn check(&self) -> Result<(), Misfit> {
        if self.version != 1 {
            let why = format!("version {} is unknown, this windlass reads version 1", self.version);
            return Err((steps!["version"].to_vec(), why));
        }
        for (index, zone) in self.zones.iter().enumerate() {
            if zone.name.region() != self.region.as_str() {
                let why = format!("zone {} is not in {}", zone.name, self.region);
                return Err((steps!["zones", index, "name"].to_vec(), why));
            }
        }
        for (index, vpc) in self.vpcs.iter().enumerate() {
            self.check_vpc(vpc).map_err(|(path, why)| ([&steps!["vpcs", index], path.as_slice()].concat(), why))?;
        }
        for (cluster, workloads) in &self.workloads {
            if let Some(index) = workloads.iter().position(|workload| workload.replicas > MOST_PODS) {
                let path = steps!["workloads", cluster, index, "replicas"];
                return Err((path.to_vec(), format!("at most {MOST_PODS} pods are possible")));
            }
        }
        for (index, zone) in self.hosted_zones.iter().enumerate() {
            let known = |id: &VpcId| self.vpcs.iter().any(|vpc| vpc.id == *id);
            if let Some((at, id)) = zone.vpcs.iter().enumerate().find(|(_, id)| !known(id)) {
                let why = format!("hosted zone {} is for {id}, which does not exist", zone.name);
                return Err((steps!["hostedZones", index, "vpcs", at].to_vec(), why));
            }
        }
        Ok(())
    }

    fn check_vpc(&self, vpc: &SeedVpc) -> Result<(), Misfit> {
        let misfit = |path: &[Step], why: String| Err((path.to_vec(), why));
        let subnet = |id: &SubnetId| vpc.subnets.iter().any(|subnet| &subnet.id == id);
        for (index, subnet) in vpc.subnets.iter().enumerate() {
            if !vpc.cidrs.iter().any(|cidr| cidr.contains(subnet.cidr)) {
                let why = format!("{} is not within the ranges of {}", subnet.id, vpc.id);
                return misfit(&steps!["subnets", index, "cidr"], why);
            }
            if !self.zones.iter().any(|zone| zone.name == subnet.zone) {
                let why = format!("{} is in {}, which is no zone of this world", subnet.id, subnet.zone);
                return misfit(&steps!["subnets", index, "zone"], why);
            }
        }
        if let Some((index, nat)) = vpc.nat_gateways.iter().enumerate().find(|(_, nat)| !subnet(&nat.subnet)) {
            let why = format!("{} stands in {}, which {} does not have", nat.id, nat.subnet, vpc.id);
            return misfit(&steps!["natGateways", index, "subnet"], why);
        }
        if vpc.route_tables.iter().filter(|table| table.main).count() != 1 {
            return misfit(&steps!["routeTables"], format!("{} needs exactly one main route table", vpc.id));
        }
        for (index, table) in vpc.route_tables.iter().enumerate() {
            if let Some((at, id)) = table.subnets.iter().enumerate().find(|(_, id)| !subnet(id)) {
                let why = format!("{} is for {id}, which {} does not have", table.id, vpc.id);
                return misfit(&steps!["routeTables", index, "subnets", at], why);
            }
            for (range, target) in &table.routes {
                let known = vpc.internet_gateway.as_ref() == Some(target)
                    || vpc.nat_gateways.iter().any(|nat| &nat.id == target);
                if !known {
                    let why = format!("{} has a route to {target}, which {} does not have", table.id, vpc.id);
                    return misfit(&steps!["routeTables", index, "routes", range.to_string().as_str()], why);
                }
            }
        }
        Ok(())
    }
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl Into<String>) -> Result<Seed, Problem> {
        Seed::read(&Source::new("seed.yaml", text))
    }

    /// The line that the mistake is at, and what is wrong.
    fn mistake(text: String) -> (String, String) {
        let problem = read(text).expect_err("a mistake");
        (problem.places[0].text.trim().to_owned(), problem.message)
    }

    #[test]
    fn the_example_world_is_consistent() {
        let seed = read(EXAMPLE).expect("a good seed");
        assert_eq!(seed.zones.len(), 3);
        assert!(seed.vpcs.iter().any(|vpc| vpc.id.as_str() == "vpc-0a1b2c3d4e5f60718"));
        let images: Vec<&str> = seed.images.iter().map(|image| image.id.as_str()).collect();
        for (path, image) in &seed.parameters {
            assert!(images.contains(&image.as_str()), "{path} names {image}, which does not exist");
        }
    }

    #[test]
    fn parts_that_do_not_fit_together_are_named() {
        let good = "subnet: subnet-0aa0000000000000a";
        let broken = EXAMPLE.replace(good, "subnet: subnet-0ff0000000000000f");
        let (line, message) = mistake(broken);
        assert!(line.contains("subnet: subnet-0ff0000000000000f"), "{line}");
        assert!(message.contains("which vpc-0a1b2c3d4e5f60718 does not have"), "{message}");
    }

    #[test]
    fn unknown_fields_are_refused() {
        let (line, message) = mistake(format!("{EXAMPLE}\nqueues: []\n"));
        assert_eq!((line.as_str(), message.as_str()), ("queues: []", "unknown field \"queues\" in seed"));
    }
}
