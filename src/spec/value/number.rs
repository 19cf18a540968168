//! Numbers with a rule: percentages, and shares of a group.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A whole percentage, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("maximum" = 100))]
pub struct Percent(u32);

impl Percent {
    /// `percent`, or 100 if it is more.
    #[must_use]
    pub const fn new(percent: u32) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// 0 to 100.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Percent {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number <= 100 { Ok(Self(number)) } else { Err(format!("{number} is no percentage: it is more than 100")) }
    }
}

impl From<Percent> for u32 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

/// A number of nodes, or a percentage of the group written as text: `3` or `"10%"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u32),
    /// Of the group's size.
    Percent(Percent),
}

impl Share {
    /// How many of `total` that is; a percentage is rounded down but at least 1, unless it is 0 %.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(Percent(0)) => 0,
            Self::Percent(Percent(percent)) => {
                let nodes = u64::from(total) * u64::from(percent) / 100;
                u32::try_from(nodes).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent(percent) => write!(formatter, "{}%", percent.0),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Share;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number, or a percentage such as \"10%\"")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Share, E> {
                u32::try_from(number).map(Share::Count).map_err(|_| E::custom(format!("{number} is too large")))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Share, E> {
                u32::try_from(number)
                    .map(Share::Count)
                    .map_err(|_| E::custom(format!("{number} is no number of nodes")))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
                text.strip_suffix('%')
                    .and_then(|digits| digits.parse::<u32>().ok())
                    .and_then(|percent| Percent::try_from(percent).ok())
                    .map(Share::Percent)
                    .ok_or_else(|| E::custom(format!("{text:?} is neither a number nor a percentage such as \"10%\"")))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Share")
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of nodes, or a percentage of the group.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]{1,3}%$", "examples": ["10%"] },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_small_group_is_at_least_one_node() {
        let tenth = Share::Percent(Percent::new(10));
        assert_eq!((tenth.of(3), tenth.of(100), tenth.of(0)), (1, 10, 1));
        assert_eq!(Share::Percent(Percent::new(0)).of(100), 0);
        assert_eq!(Share::Count(2).of(1), 2);
    }

    #[test]
    fn shares_are_numbers_or_percentages() {
        let read = |json: &str| serde_json::from_str::<Share>(json);
        assert_eq!(read("3").expect("a number"), Share::Count(3));
        assert_eq!(read("\"25%\"").expect("a percentage"), Share::Percent(Percent::new(25)));
        assert!(read("\"101%\"").is_err());
        assert!(read("-1").is_err());
        assert!(read("\"many\"").is_err());
    }
}
