//! The vocabulary: every kind of AWS object that windlass manages, as pure data, one file per area.
//!
//! The same types say what should exist ([`crate::desired`]), what was seen ([`crate::aws`]) and what was recorded
//! ([`crate::state`]), so that a plan is a comparison of equals. Nothing here calls anything.

mod access;
mod address;
mod compute;
mod dns;
mod found;
mod group;
mod load_balancer;
mod network;
mod parameter;
mod security;

pub use access::{InstanceProfile, Role};
pub use address::{Address, InvalidAddress, Kind, Reference};
pub use compute::{BlockDevice, LaunchNetwork, LaunchTemplate, MetadataOptions, NetworkInterface, Volume};
pub use dns::{Alias, RecordSet, Weight};
pub use found::{Attributes, Clash, Found, Instance, Observed, Readiness, attribute};
pub use group::{
    AutoScalingGroup, GroupTag, HealthCheckType, MixedInstances, Placement, ScheduledAction, SpotAllocationStrategy,
    WarmPool, WarmPoolState,
};
pub use load_balancer::{HealthCheck, Listener, LoadBalancer, Scheme, TargetGroup};
pub use network::{ElasticIp, InternetGateway, NatGateway, Route, RouteTable, RouteTarget, Subnet, Vpc};
pub use parameter::{CertificateRequest, Content, Parameter};
pub use security::{Peer, Rule, SecurityGroup, SecurityGroupRules};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tags without windlass' own `windlass.dev/…` ones, which say whose a resource is and never take part in a diff.
pub type Tags = BTreeMap<String, String>;

/// What every kind says about itself, beside its fields.
pub trait Describe: Serialize {
    /// Which kind it is.
    const KIND: Kind;
    /// The top-level fields (as serialized) that AWS cannot change in place: a change of one forces a replacement.
    /// The source of each is the service's Modify… operation in the API reference, which lacks the field.
    const REPLACED_BY: &'static [&'static str];

    /// What must exist before it: its references, to others of this cluster or to things that exist already.
    fn references(&self) -> Vec<&Reference>;
}

macro_rules! kinds {
    ($($variant:ident),+ $(,)?) => {
        /// Any one resource.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        pub enum Resource {
            $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant($variant),)+
        }

        impl Resource {
            /// Which kind it is.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant,)+ }
            }

            /// The top-level fields whose change forces a replacement.
            #[must_use]
            pub fn replaced_by(&self) -> &'static [&'static str] {
                match self { $(Self::$variant(_) => $variant::REPLACED_BY,)+ }
            }

            /// What it refers to.
            #[must_use]
            pub fn references(&self) -> Vec<&Reference> {
                match self { $(Self::$variant(it) => it.references(),)+ }
            }

            /// Its fields as JSON, for diffs and digests; the key `kind` is not among them.
            #[must_use]
            pub fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
                let value = match self { $(Self::$variant(it) => serde_json::to_value(it),)+ };
                match value {
                    Ok(serde_json::Value::Object(fields)) => fields,
                    // Every kind is a struct with string keys, so it serializes to an object.
                    Ok(_) | Err(_) => serde_json::Map::new(),
                }
            }
        }

        $(impl From<$variant> for Resource {
            fn from(it: $variant) -> Self { Self::$variant(it) }
        })+
    };
}

kinds!(
    Vpc,
    Subnet,
    InternetGateway,
    ElasticIp,
    NatGateway,
    RouteTable,
    SecurityGroup,
    SecurityGroupRules,
    Role,
    InstanceProfile,
    NetworkInterface,
    Volume,
    LoadBalancer,
    TargetGroup,
    Listener,
    LaunchTemplate,
    AutoScalingGroup,
    ScheduledAction,
    RecordSet,
    Parameter,
);
