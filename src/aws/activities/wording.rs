//! Why a launch failed, from the words of its scaling activity: Auto Scaling gives no code of its own.
//!
//! The wordings are those of the Auto Scaling user guide ("Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch
//! failures"), of the EC2 API reference ("Error codes") and of activities that users have published.

use crate::health::CapacityReason;

/// Reasons by words of a message, in lower case. The first that is found wins: a fleet's message begins with its own code
/// and goes on with advice that may name other things.
const WORDS: [(&str, CapacityReason); 21] = [
    ("maxspotinstancecountexceeded", CapacityReason::Quota),
    ("max spot instance count exceeded", CapacityReason::Quota),
    ("vcpulimitexceeded", CapacityReason::Quota),
    ("more vcpu capacity than your current vcpu limit", CapacityReason::Quota),
    ("instancelimitexceeded", CapacityReason::Quota),
    ("quota has been reached", CapacityReason::Quota),
    ("than your current instance limit", CapacityReason::Quota),
    ("spotmaxpricetoolow", CapacityReason::Price),
    ("spot request price", CapacityReason::Price),
    ("spot price", CapacityReason::Price),
    ("not supported in your requested availability zone", CapacityReason::NotOffered),
    ("no longer supported in", CapacityReason::NotOffered),
    ("unsupported - ", CapacityReason::NotOffered),
    ("insufficientinstancecapacity", CapacityReason::NoCapacity),
    ("insufficienthostcapacity", CapacityReason::NoCapacity),
    ("insufficientcapacity", CapacityReason::NoCapacity),
    ("unfulfillablecapacity", CapacityReason::NoCapacity),
    ("do not have sufficient", CapacityReason::NoCapacity),
    ("insufficient capacity", CapacityReason::NoCapacity),
    ("no spot capacity available", CapacityReason::NoCapacity),
    ("enough available capacity", CapacityReason::NoCapacity),
];

/// Why.
pub(super) fn reason(message: &str) -> CapacityReason {
    let message = message.to_lowercase();
    let known = WORDS.iter().find(|(words, _)| message.contains(words));
    known.map_or(CapacityReason::Other, |(_, reason)| *reason)
}

/// The first word that looks like an instance type: `m6i.xlarge`, `u-6tb1.metal`.
pub(super) fn machine_type(message: &str) -> Option<String> {
    words(message).find(|word| is_machine_type(word)).map(str::to_owned)
}

/// The first word that looks like a zone: `eu-west-3a`, `us-gov-east-1b`. The others are those that AWS recommends.
pub(super) fn zone(message: &str) -> Option<String> {
    words(message).find(|word| is_zone(word)).map(str::to_owned)
}

/// Whether spot was asked for, where a message says it.
pub(super) fn spot(message: &str) -> Option<bool> {
    let message = message.to_lowercase();
    if message.contains("on-demand instances") {
        return Some(false);
    }
    (message.contains("spot")).then_some(true)
}

fn words(message: &str) -> impl Iterator<Item = &str> {
    let outside = |character: char| !(character.is_ascii_alphanumeric() || matches!(character, '.' | '-'));
    message.split(outside).map(|word| word.trim_matches('.')).filter(|word| !word.is_empty())
}

fn is_machine_type(word: &str) -> bool {
    let Some((family, size)) = word.split_once('.') else { return false };
    let sized = ["nano", "micro", "small", "medium", "large"].contains(&size)
        || size.ends_with("xlarge")
        || size.starts_with("metal");
    let begins = family.chars().next().is_some_and(|first| first.is_ascii_lowercase());
    sized && begins && family.chars().any(|character| character.is_ascii_digit())
}

fn is_zone(word: &str) -> bool {
    let Some(region) = word.strip_suffix(|last: char| last.is_ascii_lowercase()) else { return false };
    let mut parts: Vec<&str> = region.split('-').collect();
    let numbered = parts.pop().is_some_and(|last| !last.is_empty() && last.bytes().all(|it| it.is_ascii_digit()));
    let lowercase = |part: &&str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_lowercase());
    numbered && parts.len() >= 2 && parts.iter().all(lowercase) && parts[0].len() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_messages_are_understood() {
        type Case = (&'static str, CapacityReason, Option<&'static str>, Option<&'static str>, Option<bool>);
        let cases: [Case; 12] = [
            (
                "We currently do not have sufficient p3.2xlarge capacity in the Availability Zone you requested \
                 (us-east-1a). You can currently get p3.2xlarge capacity by choosing us-east-1b. Launching EC2 instance failed.",
                CapacityReason::NoCapacity,
                Some("p3.2xlarge"),
                Some("us-east-1a"),
                None,
            ),
            (
                "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available \
                 that matches your request. Launching EC2 instance failed.",
                CapacityReason::NoCapacity,
                None,
                None,
                Some(true),
            ),
            (
                "There is no Spot capacity available that matches your request. Launching EC2 instance failed.",
                CapacityReason::NoCapacity,
                None,
                None,
                Some(true),
            ),
            (
                "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request \
                 configuration. Please adjust your request and try again. Launching EC2 instance failed.",
                CapacityReason::NoCapacity,
                None,
                None,
                Some(true),
            ),
            (
                "Could not launch Spot Instances. InvalidFleetConfiguration - Your requested instance type (p3.8xlarge) \
                 is not supported in your requested Availability Zone (us-east-2c). Launching EC2 instance failed.",
                CapacityReason::NotOffered,
                Some("p3.8xlarge"),
                Some("us-east-2c"),
                Some(true),
            ),
            (
                "Max spot instance count exceeded. Launching EC2 instance failed.",
                CapacityReason::Quota,
                None,
                None,
                Some(true),
            ),
            (
                "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than \
                 your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs \
                 to. Launching EC2 instance failed.",
                CapacityReason::Quota,
                None,
                None,
                Some(false),
            ),
            (
                "Your Spot request price of 0.01 is lower than the minimum required Spot request fulfillment price of \
                 0.0321. Launching EC2 instance failed.",
                CapacityReason::Price,
                None,
                None,
                Some(true),
            ),
            (
                "Could not launch On-Demand Instances. Unsupported - The requested configuration is currently not \
                 supported. Please check the documentation for supported configurations. Launching EC2 instance failed.",
                CapacityReason::NotOffered,
                None,
                None,
                Some(false),
            ),
            (
                "InsufficientHostCapacity: no host has it. Launching EC2 instance failed.",
                CapacityReason::NoCapacity,
                None,
                None,
                None,
            ),
            (
                "The image id '[ami-12345678]' does not exist. Launching EC2 instance failed.",
                CapacityReason::Other,
                None,
                None,
                None,
            ),
            (
                "Invalid IAM Instance Profile name. Launching EC2 instance failed.",
                CapacityReason::Other,
                None,
                None,
                None,
            ),
        ];
        for (message, why, machine, place, option) in cases {
            assert_eq!(reason(message), why, "{message}");
            assert_eq!(machine_type(message).as_deref(), machine, "{message}");
            assert_eq!(zone(message).as_deref(), place, "{message}");
            assert_eq!(spot(message), option, "{message}");
        }
    }

    #[test]
    fn a_type_at_the_end_of_a_sentence_is_one() {
        assert_eq!(machine_type("no u-6tb1.metal.").as_deref(), Some("u-6tb1.metal"));
        assert_eq!(machine_type("see docs.large text"), None);
        assert_eq!(zone("in us-gov-east-1b.").as_deref(), Some("us-gov-east-1b"));
        assert_eq!(zone("on-demand x-1a eu-west-3"), None);
    }
}
