//! Whose an object is: the tags and the client token that every create carries.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::name::ClusterName;
use crate::planted::{self, Bug};
use crate::resource::{Address, Tags};

/// All tags of windlass' own begin with it; they never take part in a diff.
pub const TAG_PREFIX: &str = "windlass.dev/";

/// The keys of windlass' own tags.
pub mod tag {
    /// The cluster's name.
    pub const CLUSTER: &str = "windlass.dev/cluster";
    /// The cluster's 128-bit id.
    pub const UID: &str = "windlass.dev/uid";
    /// The resource's address.
    pub const ADDRESS: &str = "windlass.dev/address";
    /// Which one of that address: raised by every replacement.
    pub const GENERATION: &str = "windlass.dev/generation";
}

/// Which object of which cluster a create makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its 128-bit id in hexadecimal.
    pub uid: String,
    /// Which resource.
    pub address: Address,
    /// 1 for the first; raised by every replacement.
    pub generation: u32,
    /// When an earlier run that meant to make the very same object has ended without saying what came of it. Kinds
    /// without token and without unique name are then looked for, until a minute after it, before they are made.
    pub earlier_intent: Option<Timestamp>,
}

impl Identity {
    /// The client token: base32 of SHA-256 over uid, address and generation, each ended by a line feed so that no two
    /// identities give one text. 52 characters; AWS takes 64 (EC2 API reference, "Ensuring idempotency").
    #[must_use]
    pub fn client_token(&self) -> String {
        let text = format!("{}\n{}\n{}\n", self.uid, self.address, self.generation);
        if planted::is(Bug::OtherToken) {
            return data_encoding::BASE32_NOPAD.encode(&Sha256::digest(format!("{:?}", std::time::Instant::now())));
        }
        data_encoding::BASE32_NOPAD.encode(&Sha256::digest(text.as_bytes()))
    }

    /// The resource's own tags with windlass' added.
    #[must_use]
    pub fn tags(&self, own: &Tags) -> Tags {
        let mut tags = own.clone();
        tags.insert(String::from(tag::CLUSTER), self.cluster.to_string());
        tags.insert(String::from(tag::UID), self.uid.clone());
        tags.insert(String::from(tag::ADDRESS), self.address.to_string());
        tags.insert(String::from(tag::GENERATION), self.generation.to_string());
        tags
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::resource::Kind;

    fn identity(uid: &str, name: &str, generation: u32) -> Identity {
        Identity {
            cluster: "a.example.com".parse().expect("a valid name"),
            uid: uid.to_owned(),
            address: Address::new(Kind::Subnet, name),
            generation,
            earlier_intent: None,
        }
    }

    proptest! {
        #[test]
        fn a_token_is_short_ascii_and_always_the_same(uid in "[0-9a-f]{32}", name in "[a-z0-9-]{1,200}", generation: u32) {
            let token = identity(&uid, &name, generation).client_token();
            prop_assert!(token.len() <= 64);
            prop_assert!(token.chars().all(|c| c.is_ascii_alphanumeric()));
            prop_assert_eq!(&token, &identity(&uid, &name, generation).client_token());
        }

        #[test]
        fn two_identities_never_share_a_token(
            all in prop::collection::btree_set(("[0-9a-f]{2}", "[a-z0-9-]{1,3}", 0u32..200), 2..50),
        ) {
            let tokens: BTreeSet<String> =
                all.iter().map(|(uid, name, generation)| identity(uid, name, *generation).client_token()).collect();
            prop_assert_eq!(tokens.len(), all.len());
        }
    }

    #[test]
    fn a_name_that_ends_in_a_digit_is_not_mistaken_for_a_generation() {
        assert_ne!(identity("u", "a1", 1).client_token(), identity("u", "a", 11).client_token());
    }

    #[test]
    fn windlass_tags_win_over_the_resource_s_own() {
        let own = Tags::from([(String::from(tag::CLUSTER), String::from("other")), ("Name".into(), "a".into())]);
        let tags = identity("u", "a", 3).tags(&own);
        assert_eq!(tags.get(tag::CLUSTER).map(String::as_str), Some("a.example.com"));
        assert_eq!(tags.get(tag::GENERATION).map(String::as_str), Some("3"));
        assert_eq!(tags.len(), 5);
    }
}
