//! Why a group has fewer instances than it wants: its latest scaling activities.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types as sdk;

use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::resource::Readiness;

/// Activities in one page; the most that Auto Scaling gives (API reference, DescribeScalingActivities).
const PAGE: i32 = 100;
/// Pages that are read. Activities come newest first and stay listed for six weeks: what matters is on the first pages.
const PAGES: usize = 3;
/// Launches that must have failed one after the other before a group counts as failed: Auto Scaling tries another zone or
/// type after each.
const ENOUGH_FAILURES: usize = 3;

/// Codes of failed launches that say that AWS has no machine (Auto Scaling user guide, "Troubleshoot Amazon EC2 Auto
/// Scaling: EC2 instance launch failures"), and texts that mean the same.
const CAPACITY: [&str; 6] = [
    "InsufficientInstanceCapacity",
    "UnfulfillableCapacity",
    "MaxSpotInstanceCountExceeded",
    "SpotMaxPriceTooLow",
    "do not have sufficient",
    "no Spot capacity",
];

/// How the launches of one group went lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Launches {
    /// Reasons of those that failed since the last one that did not, newest first.
    pub(super) failures: Vec<String>,
}

/// The latest launches of `groups`, by group: one call, or a few pages of it, for all of them.
///
/// # Errors
/// That of the call.
pub(super) async fn recent(aws: &Aws, groups: &BTreeSet<String>) -> Result<BTreeMap<String, Launches>, Error> {
    const OPERATION: &str = "DescribeScalingActivities";
    let mut activities = Vec::new();
    let mut token = None;
    for _ in 0..PAGES {
        let request = aws.auto_scaling().describe_scaling_activities().max_records(PAGE).set_next_token(token);
        let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
        activities.extend(answer.activities.unwrap_or_default());
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    Ok(read(activities, groups))
}

fn read(mut activities: Vec<sdk::Activity>, groups: &BTreeSet<String>) -> BTreeMap<String, Launches> {
    activities.sort_by_key(|activity| std::cmp::Reverse(activity.start_time().map(|time| time.as_nanos())));
    let mut launches: BTreeMap<String, Launches> = BTreeMap::new();
    let mut settled = BTreeSet::new();
    for activity in &activities {
        let Some(group) = activity.auto_scaling_group_name().filter(|name| groups.contains(*name)) else { continue };
        if settled.contains(group) || !activity.description().unwrap_or_default().starts_with("Launching") {
            continue;
        }
        match activity.status_code() {
            Some(sdk::ScalingActivityStatusCode::Failed) => {
                let reason = activity.status_message().unwrap_or("Auto Scaling gave no reason").to_owned();
                launches.entry(group.to_owned()).or_default().failures.push(reason);
            }
            Some(sdk::ScalingActivityStatusCode::Successful) => {
                settled.insert(group.to_owned());
            }
            // Under way: it says nothing yet.
            Some(_) | None => {}
        }
    }
    launches
}

/// Adds to the groups that wait why they do; those whose launches failed again and again count as failed. The text of
/// such a failure begins with `no capacity` when that is what AWS lacks.
pub(super) fn explain(seen: &mut BTreeMap<String, Readiness>, launches: &BTreeMap<String, Launches>) {
    for (group, launches) in launches {
        let (Some(state), Some(reason)) = (seen.get_mut(group), launches.failures.first()) else { continue };
        let Readiness::Pending(progress) = &*state else { continue };
        let reason = reason.trim_end_matches('.');
        let what = match CAPACITY.iter().any(|word| reason.contains(word)) {
            true => "no capacity",
            false => "the last launch failed",
        };
        let text = format!("{what}: {progress}; {reason}");
        *state = match launches.failures.len() >= ENOUGH_FAILURES {
            true => Readiness::Failed(text),
            false => Readiness::Pending(text),
        };
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    const SCARCE: &str =
        "We currently do not have sufficient m5.large capacity in the Availability Zone you requested.";

    fn launch(second: i64, status: sdk::ScalingActivityStatusCode) -> sdk::Activity {
        sdk::Activity::builder()
            .activity_id("1")
            .cause("a user request")
            .auto_scaling_group_name("spot")
            .description("Launching a new EC2 instance")
            .status_message(SCARCE)
            .status_code(status)
            .start_time(DateTime::from_secs(second))
            .build()
    }

    fn explained(activities: Vec<sdk::Activity>) -> Readiness {
        let progress = Readiness::Pending(String::from("0 of 1 instances in service"));
        let mut seen = BTreeMap::from([(String::from("spot"), progress)]);
        explain(&mut seen, &read(activities, &BTreeSet::from([String::from("spot")])));
        seen.remove("spot").expect("it stays")
    }

    #[test]
    fn a_failed_launch_is_told_but_is_not_the_end() {
        let activities = vec![launch(2, sdk::ScalingActivityStatusCode::InProgress), launch(1, FAILED)];
        let Readiness::Pending(text) = explained(activities) else { panic!("it goes on") };
        assert_eq!(
            text,
            "no capacity: 0 of 1 instances in service; We currently do not have sufficient m5.large capacity in the \
             Availability Zone you requested"
        );
    }

    const FAILED: sdk::ScalingActivityStatusCode = sdk::ScalingActivityStatusCode::Failed;

    #[test]
    fn launches_that_fail_again_and_again_are_a_failure() {
        let activities = vec![launch(3, FAILED), launch(1, FAILED), launch(2, FAILED)];
        assert!(matches!(explained(activities), Readiness::Failed(text) if text.starts_with("no capacity: 0 of 1")));
    }

    #[test]
    fn failures_before_a_launch_that_worked_are_history() {
        let activities = vec![launch(9, sdk::ScalingActivityStatusCode::Successful), launch(1, FAILED)];
        assert_eq!(explained(activities), Readiness::Pending(String::from("0 of 1 instances in service")));
    }
}
