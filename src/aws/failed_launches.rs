//! Launches of a cluster's groups that failed: scaling activities of all groups in one list, newest first, read as far back
//! as somebody asks for. What a message means is told by AWS' own words in it.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types as sdk;
use jiff::Timestamp;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use crate::health::{CapacityFailure, CapacityReason};

/// Activities in one page; the most that Auto Scaling gives (API reference, DescribeScalingActivities).
const PAGE: i32 = 100;
/// Pages that are read in one look: a roll of a thousand machines makes some hundred activities in an hour.
const PAGES: usize = 20;

/// Failed launches of these groups since a moment, newest first: one call, or a few pages of it, for all of them.
///
/// # Errors
/// That of the call.
pub async fn failed_launches(aws: &Aws, groups: &[&str], since: Timestamp) -> Result<Vec<CapacityFailure>, Error> {
    const OPERATION: &str = "DescribeScalingActivities";
    let mut failures = Vec::new();
    let mut token = None;
    for _ in 0..PAGES {
        let request = aws.auto_scaling().describe_scaling_activities().max_records(PAGE).set_next_token(token);
        let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
        let page = answer.activities.unwrap_or_default();
        // They come by the time at which they began (API reference, DescribeScalingActivities): the rest is older.
        let is_old = page.last().and_then(begun).is_some_and(|begun| begun < since);
        failures.extend(page.iter().filter_map(|activity| read(activity, groups, since)));
        token = answer.next_token.filter(|token| !token.is_empty());
        if is_old || token.is_none() {
            break;
        }
    }
    failures.sort_by(|one, other| (other.at, &other.activity).cmp(&(one.at, &one.activity)));
    Ok(failures)
}

fn begun(activity: &sdk::Activity) -> Option<Timestamp> {
    Timestamp::from_second(activity.start_time()?.secs()).ok()
}

fn read(activity: &sdk::Activity, groups: &[&str], since: Timestamp) -> Option<CapacityFailure> {
    let group = activity.auto_scaling_group_name()?;
    let launches = activity.description().unwrap_or_default().starts_with("Launching");
    let failed = matches!(
        activity.status_code(),
        Some(sdk::ScalingActivityStatusCode::Failed | sdk::ScalingActivityStatusCode::Cancelled)
    );
    let ended = activity.end_time().and_then(|time| Timestamp::from_second(time.secs()).ok());
    let at = ended.or_else(|| begun(activity))?;
    if !groups.contains(&group) || !launches || !failed || at < since {
        return None;
    }
    let message = activity.status_message().unwrap_or("Auto Scaling gave no reason").to_owned();
    let details =
        activity.details().and_then(|text| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text).ok());
    let zone = details.as_ref().and_then(|it| it.get("Availability Zone")?.as_str().map(str::to_owned));
    Some(CapacityFailure {
        at,
        auto_scaling_group: group.to_owned(),
        activity: activity.activity_id().unwrap_or_default().to_owned(),
        reason: reason(&message),
        machine_type: machine_type(&message),
        zone: zone_in(&message).or(zone),
        spot: spot(&message),
        message,
    })
}

/// Why, by the codes and phrases of the Auto Scaling user guide ("Troubleshoot EC2 Auto Scaling: EC2 instance launch
/// failures", "Troubleshoot EC2 Auto Scaling: Launch templates") and the EC2 API's error codes.
fn reason(message: &str) -> CapacityReason {
    const WORDS: [(CapacityReason, &[&str]); 4] = [
        (
            CapacityReason::Price,
            &["SpotMaxPriceTooLow", "Your Spot request price", "price-too-low", "Spot price is lower than"],
        ),
        (
            CapacityReason::Quota,
            &[
                "MaxSpotInstanceCountExceeded",
                "Max spot instance count exceeded",
                "VcpuLimitExceeded",
                "InstanceLimitExceeded",
                "more vCPU capacity than your current vCPU limit",
                "instance(s) are already running",
            ],
        ),
        (
            CapacityReason::NotOffered,
            &[
                "is not supported in your requested Availability Zone",
                "The requested configuration is currently not supported",
                "Unsupported",
            ],
        ),
        (
            CapacityReason::NoCapacity,
            &[
                "InsufficientInstanceCapacity",
                "InsufficientHostCapacity",
                "UnfulfillableCapacity",
                "InsufficientCapacityOnHost",
                "do not have sufficient",
                "no Spot capacity",
                "capacity-not-available",
                "Insufficient capacity",
            ],
        ),
    ];
    let has = |words: &&[&str]| words.iter().any(|word| message.contains(word));
    WORDS.iter().find(|(_, words)| has(words)).map_or(CapacityReason::Other, |(reason, _)| *reason)
}

/// An instance type in a text: `r6a.xlarge`, `u-6tb1.metal`.
fn machine_type(message: &str) -> Option<String> {
    let words = message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
    let is_type = |word: &&str| {
        let Some((family, size)) = word.trim_end_matches('.').split_once('.') else { return false };
        let sizes = ["nano", "micro", "small", "medium", "large", "metal"];
        family.starts_with(|c: char| c.is_ascii_lowercase())
            && family.contains(|c: char| c.is_ascii_digit())
            && sizes.iter().any(|known| size.ends_with(known) || size.starts_with("metal"))
    };
    words.map(|word| word.trim_end_matches('.')).find(|word| is_type(word)).map(str::to_owned)
}

/// A zone in a text: `eu-west-3a`.
fn zone_in(message: &str) -> Option<String> {
    let words = message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let is_zone = |word: &&str| {
        let letter = word.chars().next_back().is_some_and(|c| c.is_ascii_lowercase());
        let number = word.chars().rev().nth(1).is_some_and(|c| c.is_ascii_digit());
        letter && number && word.matches('-').count() >= 2
    };
    words.into_iter().find(is_zone).map(str::to_owned)
}

fn spot(message: &str) -> Option<bool> {
    let lower = message.to_ascii_lowercase();
    if lower.contains("spot") {
        Some(true)
    } else if lower.contains("on-demand instances") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_own_words_tell_reason_type_and_zone() {
        let cases = [
            (
                "We currently do not have sufficient m5.large capacity in the Availability Zone you requested (eu-west-3a). Our \
                 system will be working on provisioning additional capacity. Launching EC2 instance failed.",
                (CapacityReason::NoCapacity, Some("m5.large"), Some("eu-west-3a"), None),
            ),
            (
                "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request \
                 configuration. Launching EC2 instance failed.",
                (CapacityReason::NoCapacity, None, None, Some(true)),
            ),
            (
                "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded.",
                (CapacityReason::Quota, None, None, Some(true)),
            ),
            (
                "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your \
                 current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to.",
                (CapacityReason::Quota, None, None, Some(false)),
            ),
            (
                "Your Spot request price of 0.01 is lower than the minimum required Spot request fulfillment price of 0.09.",
                (CapacityReason::Price, None, None, Some(true)),
            ),
            (
                "Your requested instance type (c7a.metal-48xl) is not supported in your requested Availability Zone \
                 (us-east-1e). Launching EC2 instance failed.",
                (CapacityReason::NotOffered, Some("c7a.metal-48xl"), Some("us-east-1e"), None),
            ),
            ("The image id '[ami-1]' does not exist.", (CapacityReason::Other, None, None, None)),
        ];
        for (message, (why, machine, zone, option)) in cases {
            assert_eq!(reason(message), why, "{message}");
            assert_eq!(machine_type(message).as_deref(), machine, "{message}");
            assert_eq!(zone_in(message).as_deref(), zone, "{message}");
            assert_eq!(spot(message), option, "{message}");
        }
    }

    #[test]
    fn only_failed_launches_of_the_groups_since_then_count() {
        let activity = |group: &str, description: &str, status| {
            sdk::Activity::builder()
                .activity_id("1")
                .cause("a difference")
                .auto_scaling_group_name(group)
                .description(description)
                .status_message("We currently do not have sufficient m5.large capacity")
                .status_code(status)
                .details(r#"{"Subnet ID":"subnet-1","Availability Zone":"eu-west-3b"}"#)
                .start_time(aws_smithy_types::DateTime::from_secs(100))
                .build()
        };
        let since = Timestamp::from_second(50).expect("a moment");
        let failed = sdk::ScalingActivityStatusCode::Failed;
        let read_one = |activity: &sdk::Activity| read(activity, &["spot"], since);
        let seen = read_one(&activity("spot", "Launching a new EC2 instance.", failed.clone())).expect("it counts");
        assert_eq!((seen.zone.as_deref(), seen.reason), (Some("eu-west-3b"), CapacityReason::NoCapacity));
        assert!(read_one(&activity("other", "Launching a new EC2 instance.", failed.clone())).is_none());
        assert!(read_one(&activity("spot", "Terminating EC2 instance: i-1", failed.clone())).is_none());
        let fine = sdk::ScalingActivityStatusCode::Successful;
        assert!(read_one(&activity("spot", "Launching a new EC2 instance.", fine)).is_none());
        let later = Timestamp::from_second(200).expect("a moment");
        assert!(read(&activity("spot", "Launching a new EC2 instance.", failed), &["spot"], later).is_none());
    }
}
