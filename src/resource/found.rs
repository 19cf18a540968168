//! What was seen in AWS, in the same vocabulary as what should exist.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Address, Resource};

/// Facts about a resource that others need beside its id. The keys are the constants in [`attribute`].
pub type Attributes = BTreeMap<String, String>;

/// The keys of [`Attributes`].
pub mod attribute {
    /// DNS name of a load balancer.
    pub const DNS_NAME: &str = "dnsName";
    /// Route 53 zone id of a load balancer, for aliases.
    pub const HOSTED_ZONE: &str = "hostedZone";
    /// Default version of a launch template, a number.
    pub const VERSION: &str = "version";
    /// Primary private address of a network interface.
    pub const PRIVATE_ADDRESS: &str = "privateAddress";
    /// Public address of an elastic IP.
    pub const PUBLIC_ADDRESS: &str = "publicAddress";
    /// Private DNS name of a network interface: the name of the node that has it.
    pub const PRIVATE_NAME: &str = "privateName";
    /// Version of a parameter, a number: each write counts one.
    pub const PARAMETER_VERSION: &str = "parameterVersion";
    /// The public certificate in a parameter, PEM.
    pub const CERTIFICATE: &str = "certificate";
    /// What the maximum of an Auto Scaling group must not fall below as long as a roll is open: a number. Never recorded.
    pub const LENT_MAXIMUM: &str = "lentMaximum";
    /// ARN of a role or an instance profile.
    pub const ARN: &str = "arn";
}

/// One live object that carries this cluster's tags (or, for kinds without tags, its name).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Found {
    /// From the tag `windlass.dev/address`.
    pub address: Address,
    /// The AWS id, ARN or name: what the delete call takes.
    pub id: String,
    /// From the tag `windlass.dev/uid`; `None` for kinds without tags.
    pub uid: Option<String>,
    /// From the tag `windlass.dev/generation`; 1 for kinds without tags.
    pub generation: u32,
    /// Its fields. References to objects of this cluster are addresses, all others ids.
    pub resource: Resource,
    /// Facts that others need.
    pub attributes: Attributes,
    /// Whether it can be used.
    pub readiness: Readiness,
}

/// Whether a resource can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Readiness {
    /// Yes.
    Ready,
    /// Not yet: AWS' word for the state, such as `pending` or `provisioning`, or `2 of 3 instances in service`.
    Pending(String),
    /// It never will be: AWS' word and reason.
    Failed(String),
    /// It is on its way out or gone: for waits after a delete.
    Gone,
}

/// Everything that discovery saw of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observed {
    /// Sorted by address, then id. More than one of an address: a duplicate that a lost answer left.
    pub found: Vec<Found>,
    /// Things that bear a name we need, but not our tags.
    pub clashes: Vec<Clash>,
    /// Instances of the cluster's groups, sorted by id.
    pub instances: Vec<Instance>,
    /// Versions of launch templates that instances were launched from and that are no longer the default: address of the
    /// template → version → the fields in which the default differs from it.
    pub outdated: BTreeMap<Address, BTreeMap<String, BTreeSet<String>>>,
}

/// Something that exists and is not ours, in the place of something we need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clash {
    /// What we would make.
    pub address: Address,
    /// What is there.
    pub id: String,
    /// Why it is not ours: `has no windlass.dev/uid tag`, `belongs to cluster …`.
    pub why: String,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// Name of the Auto Scaling group.
    pub group: String,
    /// Zone name.
    pub zone: String,
    /// Instance type.
    pub machine_type: String,
    /// Whether it was bought as spot; `None`: not asked for, which costs a call.
    pub spot: Option<bool>,
    /// Auto Scaling's life cycle state, `InService`, `Pending`, ….
    pub state: String,
    /// Whether Auto Scaling holds it for healthy.
    pub healthy: bool,
    /// Version of the launch template that it was launched from, where known.
    pub template_version: Option<String>,
}
