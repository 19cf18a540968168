//! What stands in a parameter's description: whose it is, and what is in it. Listings show descriptions but no values, so
//! that looking at a cluster decrypts nothing.

use std::fmt;

use crate::aws::identity::{Identity, tag};
use crate::name::ClusterName;
use crate::resource::{Address, Kind, Tags};

/// The first word of a description of ours.
const MARK: &str = "windlass";

/// The public facts of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// The cluster's 128-bit id.
    pub(super) uid: String,
    /// Which resource.
    pub(super) address: Address,
    /// Which one of that address.
    pub(super) generation: u32,
    /// [`crate::resource::Parameter::digest`] of what was written.
    pub(super) digest: String,
    /// Serial number of the certificate in it.
    pub(super) serial: Option<String>,
}

impl Label {
    /// What a write of `digest` says.
    pub(super) fn new(identity: &Identity, digest: String, serial: Option<String>) -> Self {
        let (uid, address, generation) = (identity.uid.clone(), identity.address.clone(), identity.generation);
        Self { uid, address, generation, digest, serial }
    }

    /// Reads a description; `None`: it is none of ours.
    pub(super) fn read(description: &str) -> Option<Self> {
        let mut words = description.split(' ');
        if words.next() != Some(MARK) {
            return None;
        }
        let pairs: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let value = |key: &str| pairs.iter().find(|(it, _)| *it == key).map(|(_, value)| (*value).to_owned());
        let address: Address = value("address")?.parse().ok()?;
        (address.kind() == Kind::Parameter).then_some(())?;
        Some(Self {
            uid: value("uid")?,
            address,
            generation: value("generation")?.parse().ok()?,
            digest: value("digest")?,
            serial: value("serial"),
        })
    }

    /// The same as tags, which is how everything else says whose it is.
    pub(super) fn tags(&self, cluster: &ClusterName) -> Tags {
        Tags::from([
            (String::from(tag::CLUSTER), cluster.to_string()),
            (String::from(tag::UID), self.uid.clone()),
            (String::from(tag::ADDRESS), self.address.to_string()),
            (String::from(tag::GENERATION), self.generation.to_string()),
        ])
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, address, generation, digest, serial } = self;
        write!(formatter, "{MARK} uid={uid} address={address} generation={generation} digest={digest}")?;
        serial.iter().try_for_each(|serial| write!(formatter, " serial={serial}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_as_it_was_written() {
        for serial in [None, Some(String::from("0a1b"))] {
            let label = Label {
                uid: String::from("1f"),
                address: Address::new(Kind::Parameter, "members/a/etcd-peer.pem"),
                generation: 2,
                digest: String::from("ab"),
                serial,
            };
            assert_eq!(Label::read(&label.to_string()), Some(label));
        }
    }

    #[test]
    fn other_descriptions_are_not_ours() {
        for text in ["", "windlass", "the token of windlass", "windlass uid=1f address=vpc/main generation=1 digest=a"]
        {
            assert_eq!(Label::read(text), None, "{text}");
        }
    }
}
