//! What Auto Scaling did lately, for all groups of the region in one paged call, and which of it says that there is no
//! capacity. Whoever looks every 10 to 15 seconds sees a failure at most 30 seconds after it happened.

mod wording;

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types as sdk;
use jiff::Timestamp;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use crate::health::CapacityFailure;

/// Activities in one page; the most that Auto Scaling gives (API reference, DescribeScalingActivities).
const PAGE: i32 = 100;
/// Pages that one look reads at most: a thousand activities. All calls of Auto Scaling share one bucket, and what is older
/// was seen by the looks before.
const PAGES: usize = 10;

/// One scaling activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// Name of the group in AWS.
    pub auto_scaling_group: String,
    /// What was done.
    pub kind: ActivityKind,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it went.
    pub state: ActivityState,
    /// Zone name, where it is said.
    pub zone: Option<String>,
    /// AWS' words about how it went.
    pub message: Option<String>,
}

/// What an activity does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityKind {
    /// It launches an instance.
    Launch,
    /// It terminates one.
    Terminate,
    /// Anything else.
    Other,
}

/// How an activity went (API reference, Activity: StatusCode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityState {
    /// It is not over.
    UnderWay,
    /// It worked.
    Succeeded,
    /// It failed.
    Failed,
    /// It was given up.
    Cancelled,
}

impl Activity {
    /// When it ended, or began while it has not.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.ended.unwrap_or(self.started)
    }
}

/// The activities of `groups` (names in AWS) since a moment, newest first. One call for each hundred activities of the
/// account, whichever group they are of; it stops at `since`, and after ten pages.
///
/// # Errors
/// That of the call.
pub async fn activities(aws: &Aws, groups: &BTreeSet<String>, since: Timestamp) -> Result<Vec<Activity>, Error> {
    const OPERATION: &str = "DescribeScalingActivities";
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let request = aws.auto_scaling().describe_scaling_activities().max_records(PAGE).set_next_token(token.clone());
        let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
        let page: Vec<Activity> = answer.activities().iter().filter_map(read).collect();
        let past = page.iter().any(|activity| activity.at() < since);
        found.extend(page.into_iter().filter(|it| it.at() >= since && groups.contains(&it.auto_scaling_group)));
        let following = answer.next_token.filter(|next| !next.is_empty());
        if past || following.is_none() {
            break;
        }
        if following == token {
            return Err(Error::RepeatedPage { operation: OPERATION });
        }
        token = following;
    }
    found.sort_by(|a, b| (b.at(), &b.id).cmp(&(a.at(), &a.id)));
    Ok(found)
}

fn read(activity: &sdk::Activity) -> Option<Activity> {
    let description = activity.description().unwrap_or_default();
    let kind = match description {
        text if text.starts_with("Launching") || text.starts_with("Placing Spot") => ActivityKind::Launch,
        text if text.starts_with("Terminating") => ActivityKind::Terminate,
        _ => ActivityKind::Other,
    };
    let state = match activity.status_code() {
        Some(sdk::ScalingActivityStatusCode::Failed) => ActivityState::Failed,
        Some(sdk::ScalingActivityStatusCode::Successful) => ActivityState::Succeeded,
        Some(sdk::ScalingActivityStatusCode::Cancelled) => ActivityState::Cancelled,
        Some(_) | None => ActivityState::UnderWay,
    };
    let zone = activity.details().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let zone = zone.and_then(|details| details.get("Availability Zone")?.as_str().map(str::to_owned));
    Some(Activity {
        id: activity.activity_id().unwrap_or_default().to_owned(),
        auto_scaling_group: activity.auto_scaling_group_name()?.to_owned(),
        kind,
        started: moment(activity.start_time()?)?,
        ended: activity.end_time().and_then(moment),
        state,
        zone,
        message: activity.status_message().map(str::to_owned),
    })
}

fn moment(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok()
}

/// What a failed launch tells about capacity; `None` for everything that is no failed launch, and for those that only wait
/// for a predecessor.
#[must_use]
pub fn classify(activity: &Activity) -> Option<CapacityFailure> {
    if activity.kind != ActivityKind::Launch || activity.state != ActivityState::Failed {
        return None;
    }
    let message = activity.message.as_deref().unwrap_or("Auto Scaling gave no reason");
    // The successor of a control-plane member cannot have its interface before the old machine has let go: Auto Scaling tries
    // again within seconds, and no machine is missing anywhere.
    if message.contains("Interface: [") && message.contains("] in use") {
        return None;
    }
    Some(CapacityFailure {
        at: activity.at(),
        auto_scaling_group: activity.auto_scaling_group.clone(),
        activity: activity.id.clone(),
        reason: wording::reason(message),
        machine_type: wording::machine_type(message),
        zone: activity.zone.clone().or_else(|| wording::zone(message)),
        spot: wording::spot(message),
        message: message.to_owned(),
    })
}

/// The failed launches among activities, in their order.
#[must_use]
pub fn capacity_failures(activities: &[Activity]) -> Vec<CapacityFailure> {
    activities.iter().filter_map(classify).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::CapacityReason;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a date")
    }

    fn wire(description: &str, status: &str, details: &str) -> sdk::Activity {
        sdk::Activity::builder()
            .activity_id("1")
            .auto_scaling_group_name("spot")
            .description(description)
            .cause("a user request")
            .start_time(aws_smithy_types::DateTime::from_secs(100))
            .end_time(aws_smithy_types::DateTime::from_secs(101))
            .status_code(status.into())
            .status_message("Max spot instance count exceeded. Launching EC2 instance failed.")
            .details(details)
            .build()
    }

    #[test]
    fn a_failed_launch_tells_reason_zone_and_option() {
        let activity = wire("Launching a new EC2 instance", "Failed", r#"{"Availability Zone":"eu-west-3a"}"#);
        let failure = classify(&read(&activity).expect("it is read")).expect("it failed");
        assert_eq!(failure.reason, CapacityReason::Quota);
        assert_eq!(failure.zone.as_deref(), Some("eu-west-3a"));
        assert_eq!(failure.spot, Some(true));
        assert_eq!(failure.at, at("1970-01-01T00:01:41Z"));
    }

    #[test]
    fn only_launches_that_failed_count() {
        for (description, status) in [
            ("Launching a new EC2 instance: i-1", "Successful"),
            ("Launching a new EC2 instance", "InProgress"),
            ("Launching a new EC2 instance", "Cancelled"),
            ("Terminating EC2 instance: i-1", "Failed"),
            ("Updating load balancers", "Failed"),
        ] {
            assert_eq!(classify(&read(&wire(description, status, "{}")).expect("it is read")), None, "{description}");
        }
    }

    #[test]
    fn details_that_are_no_json_are_no_zone() {
        let activity = read(&wire("Launching", "Failed", "Availability Zone")).expect("it is read");
        assert_eq!(activity.zone, None);
    }
}
