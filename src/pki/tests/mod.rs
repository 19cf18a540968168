//! Certificates by the word of openssl, which nobody here wrote.

mod import;
mod issuing;
mod keys;
mod openssl;
mod soak;
mod times;
mod verifying;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::spec::KeyAlgorithm;

pub(super) const YEAR: u64 = 365 * 24 * 3600;

pub(super) fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

pub(super) fn now() -> Timestamp {
    moment("2026-11-20T12:00:00Z")
}

/// Of five years, from now on.
pub(super) fn authority(name: AuthorityName, revision: u32) -> Authority {
    let cluster = "prod.example.com".parse().expect("a name");
    let ends = Ends::issued_at(now(), 5 * YEAR);
    Authority::create(name, &cluster, revision, KeyAlgorithm::EcdsaP256, ends).expect("an authority")
}

pub(super) fn leaf(name: &str, usages: &[Usage]) -> Leaf {
    Leaf {
        common_name: name.to_owned(),
        organizations: BTreeSet::new(),
        usages: usages.iter().copied().collect(),
        names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        algorithm: KeyAlgorithm::EcdsaP256,
    }
}
