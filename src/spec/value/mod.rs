//! The small values of manifests as types: whoever holds one knows that its text was checked.
//!
//! Each has one parsing function, which says in a sentence fragment what is wrong; reading a manifest adds the place.

mod aws;
mod cidr;
mod kubernetes;
mod number;
mod time;

pub(in crate::spec) use aws::image_id;
pub use aws::{AccountId, HostedZoneName, MachineType, Region, SecurityGroupId, SubnetId, VpcId, Zone};
pub use cidr::Cidr;
pub use kubernetes::{
    FileName, GroupName, HookName, KubernetesVersion, MemberName, Quantity, SubnetName, Taint, TaintEffect,
};
pub(crate) use kubernetes::{label_key, label_value};
pub use number::{Percent, Share};
pub use time::{Cron, Duration, TimeZoneName};

use crate::name::ClusterName;

/// Makes a newtype over checked text: `text!(Name, check, "pattern", "example")`, where `check` is
/// `fn(&str) -> Result<(), String>`.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident, $check:path, $pattern:literal, $example:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::name::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check(text).map_err(crate::name::InvalidName)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::name::InvalidName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        crate::spec::value::text_schema!($name, $pattern, $example, [$($doc),+]);
    };
}

/// The JSON Schema of a type that is written as one string.
macro_rules! text_schema {
    ($name:ty, $pattern:literal, $example:literal, [$($doc:literal),+]) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let description = [$($doc),+].map(str::trim).join(" ");
                schemars::json_schema!({
                    "type": "string",
                    "description": description,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}

pub(crate) use {text, text_schema};

text_schema!(
    ClusterName,
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$",
    "prod-customer.k8s.foo.bar",
    ["The DNS name of a cluster: lowercase labels joined by dots, at most 63 characters in all."]
);

/// What is wrong with `text` as a sentence fragment, unless `good`.
fn check(good: bool, text: &str, rule: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(format!("{text:?} {rule}")) }
}
