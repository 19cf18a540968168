//! What load balancers, target groups and listeners have in common: they are discovered together, because tags are told
//! for twenty of them in one call, and a listener is only told by its balancer.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as wire;
use futures_util::future::try_join_all;

use super::call::{Call, call};
use super::connect::Aws;
use super::discover::Scope;
use super::error::Error;
use super::identity::Identity;
use super::{listener, load_balancer, named, target_group};
use crate::resource::{Kind, Observed, Tags};

/// Objects whose tags one call tells (API reference, DescribeTags).
const TAGS_PAGE: usize = 20;

/// What only calls about single objects tell; one call for each balancer and target group, and a cluster has one of each.
#[derive(Debug, Default)]
struct Details {
    /// By the balancer's ARN.
    listeners: BTreeMap<String, Vec<wire::Listener>>,
    /// Attributes by the balancer's ARN.
    balancers: BTreeMap<String, BTreeMap<String, String>>,
    /// Attributes by the target group's ARN.
    groups: BTreeMap<String, BTreeMap<String, String>>,
    /// Tags by ARN.
    tags: BTreeMap<String, Tags>,
}

/// Asks for the details of balancers and target groups, and for the tags of these and of `listeners`, all at once.
async fn details(aws: &Aws, balancers: &[String], groups: &[String], listeners: &[String]) -> Result<Details, Error> {
    let arns = [balancers, groups, listeners].concat();
    let (listeners, balancers, groups, tags) =
        tokio::try_join!(
            try_join_all(
                balancers.iter().map(async |arn| Ok::<_, Error>((arn.clone(), listener::describe(aws, arn).await?)))
            ),
            try_join_all(balancers.iter().map(async |arn| {
                Ok::<_, Error>((arn.clone(), load_balancer::describe_attributes(aws, arn).await?))
            })),
            try_join_all(groups.iter().map(async |arn| {
                Ok::<_, Error>((arn.clone(), target_group::describe_attributes(aws, arn).await?))
            })),
            describe_tags(aws, &arns),
        )?;
    Ok(Details {
        listeners: listeners.into_iter().collect(),
        balancers: balancers.into_iter().collect(),
        groups: groups.into_iter().collect(),
        tags,
    })
}

/// Finds the cluster's balancers, target groups and listeners among those that bear a name we know or an id we recorded.
/// What is recorded is asked for in full at once; only what is not needs a second look.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let recorded = |kind| scope.ids_of(kind).map(str::to_owned).collect::<Vec<String>>();
    let (known_balancers, known_groups, known_listeners) =
        (recorded(Kind::LoadBalancer), recorded(Kind::TargetGroup), recorded(Kind::Listener));
    let (balancers, groups, mut known) = tokio::try_join!(
        load_balancer::describe(aws),
        target_group::describe(aws),
        details(aws, &known_balancers, &known_groups, &known_listeners),
    )?;
    let balancers: Vec<wire::LoadBalancer> = balancers
        .into_iter()
        .filter(|it| is_known(scope, Kind::LoadBalancer, it.load_balancer_arn(), it.load_balancer_name()))
        .collect();
    let groups: Vec<wire::TargetGroup> = groups
        .into_iter()
        .filter(|it| is_known(scope, Kind::TargetGroup, it.target_group_arn(), it.target_group_name()))
        .collect();
    let new = |arn: &&str, old: &[String]| !old.iter().any(|old| old == arn);
    let balancer_arns = balancers.iter().filter_map(wire::LoadBalancer::load_balancer_arn);
    let new_balancers: Vec<String> =
        balancer_arns.clone().filter(|arn| new(arn, &known_balancers)).map(str::to_owned).collect();
    let group_arns = groups.iter().filter_map(wire::TargetGroup::target_group_arn);
    let new_groups: Vec<String> = group_arns.filter(|arn| new(arn, &known_groups)).map(str::to_owned).collect();
    let more = details(aws, &new_balancers, &new_groups, &[]).await?;
    known.listeners.extend(more.listeners);
    known.balancers.extend(more.balancers);
    known.groups.extend(more.groups);
    known.tags.extend(more.tags);
    // Not of a balancer that was recorded but is not there any more.
    let listeners: Vec<wire::Listener> =
        balancer_arns.filter_map(|arn| known.listeners.get(arn)).flatten().cloned().collect();
    let listener_arns = listeners.iter().filter_map(wire::Listener::listener_arn);
    let untagged: Vec<String> = listener_arns.filter(|arn| new(arn, &known_listeners)).map(str::to_owned).collect();
    known.tags.extend(describe_tags(aws, &untagged).await?);
    let tags = known.tags;
    let no_settings = BTreeMap::new();
    let mut observed = Observed::default();
    let none = Tags::new();
    for balancer in &balancers {
        let (id, name) = names(balancer.load_balancer_arn(), balancer.load_balancer_name());
        let settings = known.balancers.get(&id).unwrap_or(&no_settings);
        let seen = named::Seen { kind: Kind::LoadBalancer, name, tags: tags.get(&id).unwrap_or(&none), id };
        named::sight(&mut observed, scope, seen, |tags| load_balancer::read(balancer, settings, tags));
    }
    for group in &groups {
        let (id, name) = names(group.target_group_arn(), group.target_group_name());
        let settings = known.groups.get(&id).unwrap_or(&no_settings);
        let seen = named::Seen { kind: Kind::TargetGroup, name, tags: tags.get(&id).unwrap_or(&none), id };
        named::sight(&mut observed, scope, seen, |tags| target_group::read(group, settings, tags));
    }
    for it in &listeners {
        let id = it.listener_arn().unwrap_or_default().to_owned();
        let seen = named::Seen { kind: Kind::Listener, name: "", tags: tags.get(&id).unwrap_or(&none), id };
        named::sight(&mut observed, scope, seen, |tags| listener::read(it, tags));
    }
    Ok(observed)
}

fn names<'a>(arn: Option<&str>, name: Option<&'a str>) -> (String, &'a str) {
    (arn.unwrap_or_default().to_owned(), name.unwrap_or_default())
}

fn is_known(scope: &Scope, kind: Kind, arn: Option<&str>, name: Option<&str>) -> bool {
    let recorded = |arn: &str| scope.ids.iter().any(|(address, id)| address.kind() == kind && id == arn);
    arn.is_some_and(recorded) || name.is_some_and(|name| named::wanted(scope, kind, name).is_some())
}

/// The tags of all `arns`, twenty in a call.
///
/// # Errors
/// That of a call; one of the objects not existing any more is none.
pub(super) async fn describe_tags(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, Error> {
    let mut tags = BTreeMap::new();
    for page in arns.chunks(TAGS_PAGE) {
        tags.extend(describe_tags_of(aws, page).await?);
    }
    Ok(tags)
}

async fn describe_tags_of(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, Error> {
    let ask = async |arns: &[String]| {
        let request = aws.load_balancing().describe_tags().set_resource_arns(Some(arns.to_vec()));
        let answer = call(aws, Call::read("DescribeTags"), || request.clone().send()).await?;
        Ok::<_, Error>(answer.tag_descriptions.unwrap_or_default())
    };
    let descriptions = match ask(arns).await {
        // One of them was deleted since: the answer names none, so each is asked for alone.
        Err(error) if error.is_not_found() => {
            let mut all = Vec::new();
            for arn in arns {
                match ask(std::slice::from_ref(arn)).await {
                    Err(error) if error.is_not_found() => {}
                    other => all.extend(other?),
                }
            }
            all
        }
        other => other?,
    };
    let read = |it: wire::TagDescription| {
        let tags = it.tags.unwrap_or_default().into_iter();
        let pairs = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect();
        Some((it.resource_arn?, pairs))
    };
    Ok(descriptions.into_iter().filter_map(read).collect())
}

/// Refuses the object `arn` if it does not carry exactly the tags of `identity`.
///
/// # Errors
/// [`Error::Clash`]; that of the call.
pub(super) async fn verify(aws: &Aws, identity: &Identity, arn: &str) -> Result<(), Error> {
    let tags = describe_tags(aws, &[arn.to_owned()]).await?;
    named::verify(identity, arn, tags.get(arn).unwrap_or(&Tags::new()))
}

/// Tags as Elastic Load Balancing takes them.
pub(super) fn tags<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<wire::Tag> {
    let tag = |(key, value): (&String, &String)| wire::Tag::builder().key(key).value(value).build();
    tags.into_iter().map(tag).collect::<Vec<_>>()
}

/// Makes the tags of an object what they should be; calls nothing when they are.
///
/// # Errors
/// Those of AddTags and RemoveTags.
pub(super) async fn update_tags(aws: &Aws, arn: &str, before: &Tags, after: &Tags) -> Result<(), Error> {
    let changed = tags(after.iter().filter(|(key, value)| before.get(*key) != Some(*value)));
    if !changed.is_empty() {
        let request = aws.load_balancing().add_tags().resource_arns(arn).set_tags(Some(changed));
        call(aws, Call::named("AddTags"), || request.clone().send()).await?;
    }
    let removed: BTreeSet<&String> = before.keys().filter(|key| !after.contains_key(*key)).collect();
    if !removed.is_empty() {
        let keys = removed.into_iter().cloned().collect();
        let request = aws.load_balancing().remove_tags().resource_arns(arn).set_tag_keys(Some(keys));
        call(aws, Call::named("RemoveTags"), || request.clone().send()).await?;
    }
    Ok(())
}

/// Attributes by key.
pub(super) fn attributes(pairs: impl Iterator<Item = (Option<String>, Option<String>)>) -> BTreeMap<String, String> {
    pairs.filter_map(|(key, value)| Some((key?, value.unwrap_or_default()))).collect()
}

/// Whether an attribute is on.
pub(super) fn is_on(attributes: &BTreeMap<String, String>, key: &str) -> bool {
    attributes.get(key).is_some_and(|value| value == "true")
}

/// The value of an attribute that is on or off.
pub(super) const fn attribute_of(on: bool) -> &'static str {
    match on {
        true => "true",
        false => "false",
    }
}
