//! The log of scaling activities: what a group did, and why it could not.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::{World, iso};
use super::{Group, no_group, page};

/// Activities are kept for six weeks (DescribeScalingActivities).
const KEPT: SignedDuration = SignedDuration::from_hours(6 * 7 * 24);

/// One activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// The group.
    pub group: String,
    /// What is done.
    pub description: String,
    /// Why.
    pub cause: String,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// `PreInService`, `InProgress`, `Successful`, `Failed`, `Cancelled`, ….
    pub status: String,
    /// Why it failed.
    pub message: Option<String>,
    /// Where: a JSON object.
    pub details: String,
}

/// What an activity is about.
#[derive(Clone, Debug)]
pub struct New {
    /// What is done.
    pub description: String,
    /// Why.
    pub cause: String,
    /// State at first.
    pub status: &'static str,
    /// Why it failed.
    pub message: Option<String>,
    /// Zone, and subnet if there is one.
    pub place: (String, Option<String>),
}

/// Adds an activity and answers its id.
pub fn begin(world: &mut World, group: &Group, new: New) -> String {
    let id = format!(
        "{:08x}-{:04x}-4d1e-8c0f-{:012x}",
        world.random() & 0xffff_ffff,
        world.counter & 0xffff,
        world.random() & 0xffff_ffff_ffff
    );
    let (zone, subnet) = new.place;
    let subnet = subnet.map(|it| format!("\"Subnet ID\":\"{it}\",")).unwrap_or_default();
    let now = world.now;
    let log = &mut world.autoscaling.activities;
    let old = log.iter().take_while(|it| now.duration_since(it.start) > KEPT).count();
    log.drain(..old);
    let activity = Activity {
        id: id.clone(),
        group: group.name.clone(),
        description: new.description,
        cause: new.cause,
        start: now,
        end: new.message.is_some().then_some(now),
        status: new.status.to_owned(),
        message: new.message,
        details: format!("{{{subnet}\"Availability Zone\":\"{zone}\"}}"),
    };
    log.push(activity.into());
    id
}

/// Ends an activity.
pub fn finish(world: &mut World, id: Option<&String>, status: &str) {
    let now = world.now;
    if let Some(id) = id
        && let Some(activity) = world.autoscaling.activities.iter_mut().rev().find(|it| it.id == *id)
    {
        activity.status = status.to_owned();
        activity.end = Some(now);
    }
}

/// As answers show it.
pub fn xml(activity: &Activity) -> Xml {
    let progress = match activity.status.as_str() {
        "Successful" | "Failed" | "Cancelled" => 100,
        "PreInService" => 30,
        _ => 50,
    };
    Xml::new()
        .text("ActivityId", &activity.id)
        .text("AutoScalingGroupName", &activity.group)
        .text("Description", &activity.description)
        .text("Cause", &activity.cause)
        .text("StartTime", iso(activity.start))
        .maybe("EndTime", activity.end.map(iso))
        .text("StatusCode", &activity.status)
        .maybe("StatusMessage", activity.message.as_ref())
        .text("Progress", progress)
        .text("Details", &activity.details)
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("AutoScalingGroupName");
    let ids = call.texts("ActivityIds");
    let deleted = call.flag("IncludeDeletedGroups")?.unwrap_or(false);
    let groups = &world.autoscaling.groups;
    if let Some(name) = &name
        && !groups.contains_key(name)
        && !(deleted && world.autoscaling.activities.iter().any(|it| it.group == *name))
    {
        return Err(no_group(name));
    }
    let items = world
        .autoscaling
        .activities
        .iter()
        .rev()
        .filter(|it| name.as_ref().is_none_or(|name| it.group == *name))
        .filter(|it| ids.is_empty() || ids.contains(&it.id))
        .filter(|it| deleted || groups.contains_key(&it.group))
        .map(|it| (it.id.clone(), xml(it)))
        .collect();
    let (items, next) = page(call, items, 100)?;
    Ok(Xml::new().list("Activities", "member", items).maybe("NextToken", next).into())
}
