//! Scheduled actions. They carry no tags: one is ours when its group is, and we know its name.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types as wire;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::named::{self, whole};
use super::pages;
use crate::resource::{Address, Attributes, Found, Kind, Observed, Readiness, Reference, Resource, ScheduledAction};

/// Actions in one page; the most that Auto Scaling gives (API reference, DescribeScheduledActions).
const PAGE: i32 = 100;

/// All actions of all groups of the region: one describe, where one per group would be many.
async fn describe(aws: &Aws) -> Result<Vec<wire::ScheduledUpdateGroupAction>, Error> {
    pages::all("DescribeScheduledActions", async |token| {
        let request = aws.auto_scaling().describe_scheduled_actions().max_records(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeScheduledActions"), || request.clone().send()).await?;
        Ok((answer.scheduled_update_group_actions.unwrap_or_default(), answer.next_token))
    })
    .await
}

fn id(group: &str, name: &str) -> String {
    format!("{group}/{name}")
}

fn id_of(action: &wire::ScheduledUpdateGroupAction) -> String {
    let group = action.auto_scaling_group_name().unwrap_or_default();
    id(group, action.scheduled_action_name().unwrap_or_default())
}

/// Finds the actions that are known by group and name. Another one, which somebody added by hand, is left alone.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let known: BTreeMap<String, &Address> = scope.of(Kind::ScheduledAction).filter_map(|it| known(scope, it)).collect();
    if known.is_empty() {
        return Ok(Observed::default());
    }
    let mut observed = Observed::default();
    for action in describe(aws).await? {
        let id = id_of(&action);
        let Some(address) = known.get(&id) else { continue };
        observed.found.push(Found {
            address: (*address).clone(),
            id,
            uid: None,
            generation: 1,
            resource: read(&action).into(),
            attributes: Attributes::new(),
            readiness: Readiness::Ready,
        });
    }
    Ok(observed)
}

fn known<'a>(scope: &'a Scope, (address, resource): (&'a Address, &'a Resource)) -> Option<(String, &'a Address)> {
    let Resource::ScheduledAction(action) = resource else { return None };
    let group = match &action.group {
        Reference::Id(name) => name,
        Reference::Address(group) => named::name_of(scope.resources.get(group)?)?,
    };
    Some((id(group, &action.name), address))
}

fn read(action: &wire::ScheduledUpdateGroupAction) -> ScheduledAction {
    let size = |size: Option<i32>| size.and_then(|size| u32::try_from(size).ok());
    ScheduledAction {
        group: Reference::Id(action.auto_scaling_group_name().unwrap_or_default().to_owned()),
        name: action.scheduled_action_name().unwrap_or_default().to_owned(),
        recurrence: action.recurrence().unwrap_or_default().to_owned(),
        // Auto Scaling's own default (API reference, PutScheduledUpdateGroupAction).
        time_zone: action.time_zone().unwrap_or("Etc/UTC").to_owned(),
        min_size: size(action.min_size()),
        max_size: size(action.max_size()),
        desired_capacity: size(action.desired_capacity()),
    }
}

async fn put(aws: &Aws, it: &ScheduledAction, ids: &Ids) -> Result<String, Error> {
    let group = ids.id(&it.group)?;
    let request = aws
        .auto_scaling()
        .put_scheduled_update_group_action()
        .auto_scaling_group_name(&group)
        .scheduled_action_name(&it.name)
        .recurrence(&it.recurrence)
        .time_zone(&it.time_zone)
        .set_min_size(it.min_size.map(whole))
        .set_max_size(it.max_size.map(whole))
        .set_desired_capacity(it.desired_capacity.map(whole));
    call(aws, Call::named("PutScheduledUpdateGroupAction").with(ids), || request.clone().send()).await?;
    Ok(id(&group, &it.name))
}

pub(super) async fn create(aws: &Aws, _identity: &Identity, it: &ScheduledAction, ids: &Ids) -> Result<Made, Error> {
    put(aws, it, ids).await.map(Made::new)
}

/// A size that is left out stays as it was (API reference, PutScheduledUpdateGroupAction), so one that has to go takes the
/// action with it.
pub(super) async fn update(aws: &Aws, update: Update<'_, ScheduledAction>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    let sizes = |it: &ScheduledAction| [it.min_size, it.max_size, it.desired_capacity];
    if sizes(before).iter().zip(sizes(after)).any(|(before, after)| before.is_some() && after.is_none()) {
        delete(aws, found, before).await?;
    }
    put(aws, after, ids).await?;
    Ok(found.attributes.clone())
}

pub(super) async fn delete(aws: &Aws, found: &Found, it: &ScheduledAction) -> Result<(), Error> {
    let group = found.id.strip_suffix(&it.name).and_then(|group| group.strip_suffix('/')).unwrap_or(&found.id);
    let request = aws.auto_scaling().delete_scheduled_action().auto_scaling_group_name(group);
    let request = request.scheduled_action_name(&it.name);
    delete_call(aws, "DeleteScheduledAction", || request.clone().send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let existing: Vec<String> = describe(aws).await?.iter().map(id_of).collect();
    Ok(named::present(ids, &existing))
}
