//! Scheduled actions: bounds and capacity that change at a time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::wire::{Answer, Call, Parameters, Refusal, Xml};
use super::super::world::{World, iso};
use super::group::{Group, Scheduled};
use super::{change, group_name, page, validation};
use crate::cron::Cron;

/// Actions of one batch call (BatchPutScheduledUpdateGroupAction).
const MOST: usize = 50;

fn zone_of(action: &Scheduled) -> Option<TimeZone> {
    match &action.time_zone {
        None => Some(TimeZone::UTC),
        Some(name) => TimeZone::get(name).ok(),
    }
}

/// When an action runs next, strictly after a moment.
fn next(action: &Scheduled, after: Timestamp) -> Option<Timestamp> {
    let next = match &action.recurrence {
        None => action.start.filter(|start| *start > after),
        Some(text) => {
            let from = action.start.map_or(after, |start| after.max(start));
            // A start time is the first occurrence itself, whatever the recurrence says.
            match action.start.filter(|start| *start > after) {
                Some(start) => Some(start),
                None => Cron::parse(text)?.next_after(from, &zone_of(action)?),
            }
        }
    };
    next.filter(|next| action.end.is_none_or(|end| *next <= end))
}

fn moment(parameters: &Parameters<'_>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    parameters.parsed::<Timestamp>(name).map_err(|_| validation(format!("{name} is no valid time")))
}

fn read(world: &World, parameters: &Parameters<'_>, group: &str, name: &str) -> Result<Scheduled, Refusal> {
    parameters.accept_all(&["Time"]);
    let mut action = Scheduled {
        arn: String::new(),
        recurrence: parameters.text("Recurrence"),
        time_zone: parameters.text("TimeZone"),
        start: moment(parameters, "StartTime")?,
        end: moment(parameters, "EndTime")?,
        min: parameters.parsed("MinSize")?,
        max: parameters.parsed("MaxSize")?,
        desired: parameters.parsed("DesiredCapacity")?,
        next: None,
    };
    if action.min.is_none() && action.max.is_none() && action.desired.is_none() {
        return Err(validation("At least one of MinSize, MaxSize or DesiredCapacity must be specified"));
    }
    if let (Some(min), Some(max)) = (action.min, action.max)
        && min > max
    {
        return Err(validation("Max size must be greater than or equal to min size"));
    }
    if let Some(text) = &action.recurrence
        && Cron::parse(text).is_none()
    {
        return Err(validation(format!("Given recurrence string:{text} is invalid")));
    }
    if let Some(zone) = &action.time_zone
        && TimeZone::get(zone).is_err()
    {
        return Err(validation(format!("Time zone {zone} is not a valid IANA time zone")));
    }
    if action.start.is_some_and(|start| start < world.now) {
        return Err(validation("Given start time is in the past"));
    }
    if action.recurrence.is_none() && action.start.is_none() {
        return Err(validation("Either recurrence or start time must be specified"));
    }
    action.next = next(&action, world.now);
    let id = format!("{:08x}-0000-4000-8000-{:012x}", group.len(), name.len());
    action.arn = world.arn(
        "autoscaling",
        &format!("scheduledUpdateGroupAction:{id}:autoScalingGroupName/{group}:scheduledActionName/{name}"),
    );
    Ok(action)
}

pub fn put(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = group_name(call);
    let name = call.required("ScheduledActionName").map_err(|_| validation("ScheduledActionName is required"))?;
    let action = read(world, call, &group, &name)?;
    change(world, &group)?.scheduled.insert(name, action);
    Ok(Answer::empty())
}

pub fn put_many(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = group_name(call);
    world.autoscaling.group(&group)?;
    let requests = call.list("ScheduledUpdateGroupActions");
    if requests.is_empty() || requests.len() > MOST {
        return Err(validation(format!("1 to {MOST} scheduled actions can be put in one call")));
    }
    let mut failed = Vec::new();
    for request in requests {
        let name = request.text("ScheduledActionName").unwrap_or_default();
        match read(world, &request, &group, &name) {
            Ok(action) => {
                change(world, &group)?.scheduled.insert(name, action);
            }
            Err(refusal) => failed.push(failure(&name, &refusal)),
        }
    }
    Ok(Xml::new().list("FailedScheduledUpdateGroupActions", "member", failed).into())
}

fn failure(name: &str, refusal: &Refusal) -> Xml {
    Xml::new().text("ScheduledActionName", name).text("ErrorCode", &refusal.code).text("ErrorMessage", &refusal.message)
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("ScheduledActionName").unwrap_or_default();
    let group = change(world, &group_name(call))?;
    group.scheduled.remove(&name).ok_or_else(|| validation("Scheduled action name not found"))?;
    Ok(Answer::empty())
}

pub fn delete_many(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = change(world, &group_name(call))?;
    let mut failed = Vec::new();
    for name in call.texts("ScheduledActionNames") {
        if group.scheduled.remove(&name).is_none() {
            failed.push(failure(&name, &validation("Scheduled action name not found")));
        }
    }
    Ok(Xml::new().list("FailedScheduledActions", "member", failed).into())
}

pub fn describe(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let group = call.text("AutoScalingGroupName");
    let names = call.texts("ScheduledActionNames");
    if let Some(name) = &group {
        world.autoscaling.group(name)?;
    }
    let from = moment(call, "StartTime")?;
    let until = moment(call, "EndTime")?;
    let mut items = Vec::new();
    for it in world.autoscaling.groups.values().filter(|it| group.as_ref().is_none_or(|name| it.name == *name)) {
        for (name, action) in it.scheduled.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
            let at = action.next.or(action.start);
            let early = at.is_some_and(|at| from.is_some_and(|from| at < from));
            let late = at.is_some_and(|at| until.is_some_and(|until| at > until));
            if !early && !late {
                items.push((format!("{}/{name}", it.name), xml(&it.name, name, action)));
            }
        }
    }
    let (items, next) = page(call, items, 100)?;
    Ok(Xml::new().list("ScheduledUpdateGroupActions", "member", items).maybe("NextToken", next).into())
}

fn xml(group: &str, name: &str, action: &Scheduled) -> Xml {
    let at = action.next.or(action.start).map(iso);
    Xml::new()
        .text("AutoScalingGroupName", group)
        .text("ScheduledActionName", name)
        .text("ScheduledActionARN", &action.arn)
        .maybe("Time", at.as_ref())
        .maybe("StartTime", at.as_ref())
        .maybe("EndTime", action.end.map(iso))
        .maybe("Recurrence", action.recurrence.as_ref())
        .maybe("MinSize", action.min)
        .maybe("MaxSize", action.max)
        .maybe("DesiredCapacity", action.desired)
        .maybe("TimeZone", action.time_zone.as_ref())
}

/// Runs what is due; while the process is suspended, moments pass without effect.
pub fn run(world: &World, group: &mut Group) {
    let due: Vec<String> = group
        .scheduled
        .iter()
        .filter(|(_, action)| action.next.is_some_and(|at| at <= world.now))
        .map(|(name, _)| name.clone())
        .collect();
    for name in due {
        let Some(action) = group.scheduled.get(&name).cloned() else { continue };
        if group.runs("ScheduledActions") {
            let min = action.min.unwrap_or(group.min);
            let max = action.max.unwrap_or(group.max);
            // One that does not fit the bounds that it leaves is not carried out.
            if min <= max {
                group.min = min;
                group.max = max;
                group.desired = action.desired.unwrap_or(group.desired).clamp(min, max);
                group.retry = None;
            }
        }
        let following = action.recurrence.is_some().then(|| next(&action, world.now)).flatten();
        match following {
            Some(at) => {
                if let Some(action) = group.scheduled.get_mut(&name) {
                    action.next = Some(at);
                }
            }
            // Actions without another occurrence are deleted by Auto Scaling.
            None => {
                group.scheduled.remove(&name);
            }
        }
    }
}
