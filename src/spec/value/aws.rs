//! Names and ids that AWS gives out.

use super::{check, text};

text!(
    /// An AWS account id: 12 digits, in quotes (a leading zero would be lost in a number).
    AccountId, account_id, r"^[0-9]{12}$", "123456789012"
);

text!(
    /// The code name of an AWS region, such as `eu-west-3`.
    Region, region, r"^[a-z]{2}(-[a-z]+)+-[0-9]+$", "eu-west-3"
);

text!(
    /// The name of an availability zone: its region and one letter.
    Zone, zone, r"^[a-z]{2}(-[a-z]+)+-[0-9]+[a-z]$", "eu-west-3a"
);

text!(
    /// The id of an existing VPC.
    VpcId, vpc_id, r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", "vpc-0a1b2c3d4e5f60718"
);

text!(
    /// The id of an existing subnet.
    SubnetId, subnet_id, r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", "subnet-0c01a2b3c4d5e6f70"
);

text!(
    /// The id of an existing security group.
    SecurityGroupId, security_group_id, r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$", "sg-0c01a2b3c4d5e6f70"
);

text!(
    /// An EC2 instance type: family and size.
    MachineType, machine_type, r"^[a-z][a-z0-9-]*\.([a-z0-9]+)(-[a-z0-9]+)?$", "r6i.xlarge"
);

text!(
    /// The name of a Route 53 hosted zone: lowercase labels joined by dots, without the last dot.
    HostedZoneName, hosted_zone_name, r"^[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", "k8s.foo.bar"
);

impl Zone {
    /// The zone's region: its name without the last letter.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.as_str()[..self.as_str().len() - 1]
    }
}

impl MachineType {
    /// What stands before the dot: `r6i`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.as_str().split_once('.').map_or(self.as_str(), |(family, _)| family)
    }

    /// What stands behind the dot: `xlarge`.
    #[must_use]
    pub fn size(&self) -> &str {
        self.as_str().split_once('.').map_or("", |(_, size)| size)
    }

    /// Whether it has an ARM processor (Graviton): a `g` among the letters behind the generation's digit, or `a1` (EC2
    /// user guide, "Instance type naming conventions").
    #[must_use]
    pub fn is_arm(&self) -> bool {
        let family = self.family();
        let behind = family.find(|letter: char| letter.is_ascii_digit()).map_or("", |digit| &family[digit..]);
        let letters = behind.trim_start_matches(|letter: char| letter.is_ascii_digit());
        family == "a1" || letters.split('-').next().unwrap_or_default().contains('g')
    }

    /// Virtual CPUs, where the size's name tells: `xlarge` 4, `2xlarge` 8, … (EC2 user guide, "Instance type naming
    /// conventions"; metal and the burstable small sizes do not follow one rule).
    #[must_use]
    pub fn virtual_cpus(&self) -> Option<u32> {
        match self.size() {
            // Burstable families have two virtual CPUs from nano to large; others have no size below medium.
            "nano" | "micro" | "small" if self.family().starts_with('t') => Some(2),
            "medium" if self.family().starts_with('t') => Some(2),
            "medium" => Some(1),
            "large" => Some(2),
            "xlarge" => Some(4),
            size => size.strip_suffix("xlarge").and_then(|times| times.parse::<u32>().ok()).map(|times| times * 4),
        }
    }
}

fn account_id(text: &str) -> Result<(), String> {
    let good = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    check(good, text, "is no account id: it has 12 digits")
}

/// `eu-west-3`: two letters, words, a number.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [country, words @ .., number] = parts.as_slice() else { return false };
    let letters = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    country.len() == 2
        && letters(country)
        && !words.is_empty()
        && words.iter().all(|word| letters(word))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn region(text: &str) -> Result<(), String> {
    check(is_region(text), text, "is no region: expected a name such as eu-west-3")
}

fn zone(text: &str) -> Result<(), String> {
    let good = match text.char_indices().last() {
        Some((index, letter)) => letter.is_ascii_lowercase() && is_region(&text[..index]),
        None => false,
    };
    check(good, text, "is no availability zone: expected a name such as eu-west-3a")
}

/// `prefix` and 8 or 17 hexadecimal digits (EC2 user guide, "Resource IDs").
fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn vpc_id(text: &str) -> Result<(), String> {
    check(is_id(text, "vpc-"), text, "is no VPC id: expected vpc- and 8 or 17 hexadecimal digits")
}

fn subnet_id(text: &str) -> Result<(), String> {
    check(is_id(text, "subnet-"), text, "is no subnet id: expected subnet- and 8 or 17 hexadecimal digits")
}

fn security_group_id(text: &str) -> Result<(), String> {
    check(is_id(text, "sg-"), text, "is no security group id: expected sg- and 8 or 17 hexadecimal digits")
}

/// Whether `text` is an image id.
pub(in crate::spec) fn image_id(text: &str) -> Result<(), String> {
    check(is_id(text, "ami-"), text, "is no image id: expected ami- and 8 or 17 hexadecimal digits")
}

fn machine_type(text: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let good = text.split_once('.').is_some_and(|(family, size)| {
        part(family) && part(size) && family.starts_with(|letter: char| letter.is_ascii_lowercase())
    });
    check(good, text, "is no instance type: expected family.size, such as r6i.xlarge")
}

fn hosted_zone_name(text: &str) -> Result<(), String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let good = text.len() <= 253 && text.split('.').all(label);
    check(good, text, "is no DNS name: expected lowercase labels joined by dots, without the last dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_have_twelve_digits() {
        assert!("012345678901".parse::<AccountId>().is_ok());
        let error = "1234".parse::<AccountId>().expect_err("too short");
        assert_eq!(error.to_string(), r#""1234" is no account id: it has 12 digits"#);
    }

    #[test]
    fn regions_and_zones_are_told_apart() {
        assert!("us-gov-west-1".parse::<Region>().is_ok());
        assert!("eu-west-3a".parse::<Region>().is_err());
        assert!("eu-west-3".parse::<Zone>().is_err());
        let zone: Zone = "eu-west-3a".parse().expect("a zone");
        assert_eq!(zone.region(), "eu-west-3");
    }

    #[test]
    fn ids_have_their_prefix_and_digits() {
        assert!("vpc-0a1b2c3d4e5f60718".parse::<VpcId>().is_ok());
        assert!("vpc-0a1b".parse::<VpcId>().is_err());
        assert!("vpc-0A1B2C3D".parse::<VpcId>().is_err());
        assert!("subnet-0a1b2c3d".parse::<SubnetId>().is_ok());
        assert!("vpc-0a1b2c3d".parse::<SubnetId>().is_err());
    }

    #[test]
    fn machine_types_tell_their_virtual_cpus_where_the_name_does() {
        let cpus = |text: &str| text.parse::<MachineType>().expect("a machine type").virtual_cpus();
        assert_eq!(cpus("r6i.xlarge"), Some(4));
        assert_eq!(cpus("r6i.2xlarge"), Some(8));
        assert_eq!(cpus("m5.large"), Some(2));
        assert_eq!(cpus("t3.micro"), Some(2));
        assert_eq!(cpus("m6g.medium"), Some(1));
        assert_eq!(cpus("i3.metal"), None);
        assert!("r6i".parse::<MachineType>().is_err());
        assert!("R6i.xlarge".parse::<MachineType>().is_err());
    }

    #[test]
    fn graviton_types_are_told_from_graphics_types() {
        let arm = |text: &str| text.parse::<MachineType>().expect("a machine type").is_arm();
        for text in ["m6g.large", "c7gn.xlarge", "t4g.small", "a1.large", "im4gn.large", "g5g.xlarge"] {
            assert!(arm(text), "{text}");
        }
        for text in ["g5.xlarge", "g4dn.xlarge", "m6i.large", "m7i-flex.large", "u7in-16tb.224xlarge"] {
            assert!(!arm(text), "{text}");
        }
    }

    #[test]
    fn hosted_zone_names_are_lowercase_without_the_last_dot() {
        assert!("k8s.foo.bar".parse::<HostedZoneName>().is_ok());
        assert!("_dmarc.foo.bar".parse::<HostedZoneName>().is_ok());
        for wrong in ["k8s.foo.bar.", "K8s.foo", "", "a..b", "-a.b"] {
            assert!(wrong.parse::<HostedZoneName>().is_err(), "{wrong}");
        }
    }
}
