//! Names and values in Kubernetes' own syntax.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{check, text, text_schema};
use crate::name::{InvalidName, dns_label};

text!(
    /// The name of a node group: a DNS label of at most 63 characters, unique in the cluster. It is part of the names
    /// of the Auto Scaling group and the launch template.
    GroupName, label, r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "spot-nodes-4x-32gb"
);

text!(
    /// What the manifest calls a subnet: a DNS label, unique in the cluster.
    SubnetName, label, r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "private-a"
);

text!(
    /// What the manifest calls a control-plane member: a DNS label, unique in the cluster.
    MemberName, label, r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "a"
);

text!(
    /// The name of a hook script: a DNS label.
    HookName, label, r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "sysctl"
);

text!(
    /// The name of a file, without folders: letters, digits, `.`, `_`, `-`.
    FileName, file_name, r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "member.sh"
);

text!(
    /// An amount as Kubernetes writes it: `100m`, `1`, `512Mi`, `10Gi`, or a percentage where the field takes one.
    Quantity, quantity, r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|%)?$", "512Mi"
);

fn label(text: &str) -> Result<(), String> {
    dns_label(text).map_err(|InvalidName(why)| why)
}

fn file_name(text: &str) -> Result<(), String> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    check(begins && text.len() <= 64 && text.chars().all(good), text, "is no file name: expected such as member.sh")
}

fn quantity(text: &str) -> Result<(), String> {
    let suffix = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(suffix);
    let units = ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "%"];
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(number),
    };
    check(number && units.contains(&unit), text, "is no quantity: expected such as 100m, 2, 512Mi or 10%")
}

/// A Kubernetes version of three numbers, `1.34.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KubernetesVersion {
    /// `1`.
    pub major: u32,
    /// `34`.
    pub minor: u32,
    /// `2`.
    pub patch: u32,
}

text_schema!(
    KubernetesVersion,
    r"^[0-9]+\.[0-9]+\.[0-9]+$",
    "1.34.2",
    ["A Kubernetes version of three numbers, without v."]
);

impl FromStr for KubernetesVersion {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong =
            || InvalidName(format!("{text:?} is no Kubernetes version: expected three numbers, such as 1.34.2"));
        let number = |part: &str| -> Option<u32> {
            (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let mut parts = text.split('.').map(number);
        let (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        Ok(Self { major, minor, patch })
    }
}

impl TryFrom<String> for KubernetesVersion {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<KubernetesVersion> for String {
    fn from(version: KubernetesVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A taint as kops and kubectl write it: `key=value:Effect` or `key:Effect`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Taint {
    /// A label key: `dedicated`, `example.com/dedicated`.
    pub key: String,
    /// May be empty.
    pub value: String,
    /// What happens to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaintEffect {
    /// They are not scheduled here.
    NoSchedule,
    /// They are scheduled here only if nowhere else.
    PreferNoSchedule,
    /// Those that run are evicted too.
    NoExecute,
}

impl TaintEffect {
    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

text_schema!(
    Taint,
    r"^[A-Za-z0-9./_-]+(=[A-Za-z0-9._-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$",
    "dedicated=metrics:NoSchedule",
    ["A taint: key=value:Effect or key:Effect; Effect is NoSchedule, PreferNoSchedule or NoExecute."]
);

impl FromStr for Taint {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = |why: &str| InvalidName(format!("{text:?} is no taint: {why}"));
        let (rest, effect) = text
            .rsplit_once(':')
            .ok_or_else(|| wrong("expected key=value:Effect, such as dedicated=metrics:NoSchedule"))?;
        let effect = [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute]
            .into_iter()
            .find(|known| known.as_str() == effect)
            .ok_or_else(|| wrong("the effect is NoSchedule, PreferNoSchedule or NoExecute"))?;
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        label_key(key).map_err(|why| wrong(&why))?;
        label_value(value).map_err(|why| wrong(&why))?;
        Ok(Self { key: key.to_owned(), value: value.to_owned(), effect })
    }
}

impl TryFrom<String> for Taint {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Taint> for String {
    fn from(taint: Taint) -> Self {
        taint.to_string()
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        if value.is_empty() {
            write!(formatter, "{key}:{}", effect.as_str())
        } else {
            write!(formatter, "{key}={value}:{}", effect.as_str())
        }
    }
}

/// Checks the key of a label or taint: an optional DNS prefix of at most 253 characters and `/`, then a name
/// (Kubernetes documentation, "Labels and Selectors: syntax and character set").
pub(crate) fn label_key(key: &str) -> Result<(), String> {
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            let good = prefix.len() <= 253 && prefix.split('.').all(|label| dns_label(label).is_ok());
            check(good, key, "has a prefix that is no DNS name")?;
            name
        }
        None => key,
    };
    check(!name.is_empty() && is_label_text(name), key, "is no label key: its name has 1 to 63 of A-Z a-z 0-9 - _ .")
}

/// Checks the value of a label or taint: empty, or like the name of a key.
pub(crate) fn label_value(value: &str) -> Result<(), String> {
    check(
        is_label_text(value),
        value,
        "is no label value: at most 63 of A-Z a-z 0-9 - _ ., at the ends a letter or digit",
    )
}

fn is_label_text(text: &str) -> bool {
    let end = |letter: Option<char>| letter.is_none_or(|letter| letter.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        && end(text.chars().next())
        && end(text.chars().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_three_numbers() {
        let version: KubernetesVersion = "1.34.2".parse().expect("a version");
        assert_eq!((version.major, version.minor, version.patch), (1, 34, 2));
        for wrong in ["1.34", "v1.34.2", "1.34.2-rc1", "1.34.2.1", "1..2"] {
            assert!(wrong.parse::<KubernetesVersion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn taints_read_as_they_print() {
        for text in ["dedicated=metrics:NoSchedule", "example.com/gpu:NoExecute"] {
            assert_eq!(text.parse::<Taint>().expect("a taint").to_string(), text);
        }
        let message = |text: &str| text.parse::<Taint>().expect_err("wrong").to_string();
        assert_eq!(
            message("dedicated=metrics:noschedule"),
            r#""dedicated=metrics:noschedule" is no taint: the effect is NoSchedule, PreferNoSchedule or NoExecute"#
        );
        assert!(message("dedicated").contains("expected key=value:Effect"));
        assert!(message("=x:NoSchedule").contains("is no label key"));
        assert!(message("a=b c:NoSchedule").contains("is no label value"));
    }

    #[test]
    fn quantities_are_numbers_with_known_units() {
        for good in ["1", "100m", "0.5", "512Mi", "10%"] {
            assert!(good.parse::<Quantity>().is_ok(), "{good}");
        }
        for wrong in ["", "Mi", "5MB", "1.", "1.2.3", "-1"] {
            assert!(wrong.parse::<Quantity>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn label_keys_may_have_a_dns_prefix() {
        assert!(label_key("node-role.kubernetes.io/admin").is_ok());
        assert!(label_key("Foo_bar.baz").is_ok());
        for wrong in ["", "/x", "a/", "UPPER.prefix/x", "a/b/c", "-a"] {
            assert!(label_key(wrong).is_err(), "{wrong}");
        }
    }
}
