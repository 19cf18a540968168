//! Address ranges.

use std::fmt;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::text_schema;
use crate::name::InvalidName;

/// An IPv4 range such as `10.20.0.0/16`; the address is the first one of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(Ipv4Net);

text_schema!(
    Cidr,
    r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$",
    "10.20.0.0/16",
    ["An IPv4 range; the address is the first one of the range."]
);

impl Cidr {
    /// The range.
    #[must_use]
    pub const fn net(self) -> Ipv4Net {
        self.0
    }

    /// Whether `inner` lies wholly in this range.
    #[must_use]
    pub fn contains(self, inner: Self) -> bool {
        self.0.contains(&inner.0)
    }

    /// Whether the two have an address in common: one then contains the other.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }
}

impl FromStr for Cidr {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let net: Ipv4Net = text.parse().map_err(|_| {
            InvalidName(format!("{text:?} is no IPv4 range: expected address/length, such as 10.20.0.0/16"))
        })?;
        if net.trunc() != net {
            return Err(InvalidName(format!("{text:?} has an address within the range: did you mean {}", net.trunc())));
        }
        Ok(Self(net))
    }
}

impl TryFrom<String> for Cidr {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().expect("a range")
    }

    #[test]
    fn an_address_within_the_range_is_corrected_in_the_message() {
        let error = "10.20.1.0/16".parse::<Cidr>().expect_err("host bits");
        assert_eq!(error.to_string(), r#""10.20.1.0/16" has an address within the range: did you mean 10.20.0.0/16"#);
    }

    #[test]
    fn ranges_overlap_only_when_one_contains_the_other() {
        assert!(cidr("10.0.0.0/8").overlaps(cidr("10.20.0.0/16")));
        assert!(cidr("10.20.0.0/16").overlaps(cidr("10.0.0.0/8")));
        assert!(!cidr("10.20.0.0/16").overlaps(cidr("10.21.0.0/16")));
    }
}
