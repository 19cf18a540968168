//! The cluster's groups as a roll looks at them, every few seconds: one paged call for the groups with their machines, one
//! for the default versions of the templates, and one for how machines were bought only when there are new ones.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types as sdk;
use aws_sdk_ec2::types::LaunchTemplate;
use jiff::Timestamp;

use super::auto_scaling_group as group_calls;
use super::connect::Aws;
use super::error::Error;
use super::identity::tag;
use super::named::count;
use super::{instances, launch_template, tags};
use crate::health::{Group, GroupRole, Lifecycle, Machine};
use crate::name::ClusterName;
use crate::resource::Kind;

/// Which groups are wanted, and what only the manifests know of them.
#[derive(Clone, Debug)]
pub struct GroupsWanted {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its uid; groups that carry another one are not ours. `None`: it is not looked at.
    pub uid: Option<String>,
    /// What the machines are, by group; groups that are not in it run nodes.
    pub roles: BTreeMap<String, GroupRole>,
    /// The group that takes over, by group.
    pub fallbacks: BTreeMap<String, String>,
}

/// What never changes of a machine, kept between looks: an empty one at first.
#[derive(Clone, Debug, Default)]
pub struct KnownMachines(BTreeMap<String, Known>);

#[derive(Clone, Copy, Debug)]
struct Known {
    spot: bool,
    launched: Option<Timestamp>,
}

/// The groups of a cluster by the name of their manifest. Two calls a look while no machine is new, three when one is;
/// more only by pages (100 groups, 200 templates, 1000 instances). Groups that are being deleted are left out.
///
/// # Errors
/// That of a call.
pub async fn groups_view(
    aws: &Aws,
    wanted: &GroupsWanted,
    known: &mut KnownMachines,
) -> Result<BTreeMap<String, Group>, Error> {
    let templates = launch_template::describe(aws, vec![tags::of_cluster(&wanted.cluster)]);
    let (groups, templates) = tokio::try_join!(ours(aws, wanted), templates)?;
    let ids: BTreeSet<String> =
        groups.values().flat_map(|it| it.instances()).filter_map(|it| it.instance_id().map(str::to_owned)).collect();
    known.0.retain(|id, _| ids.contains(id));
    if ids.iter().any(|id| !known.0.contains_key(id)) {
        let seen = machines(aws, &wanted.cluster).await?;
        known.0.extend(seen.into_iter().filter(|(id, _)| ids.contains(id)));
    }
    let templates: BTreeMap<&str, &LaunchTemplate> =
        templates.iter().filter_map(|it| Some((it.launch_template_id()?, it))).collect();
    Ok(groups.iter().map(|(name, group)| (name.clone(), read(name, group, wanted, &templates, known))).collect())
}

/// The cluster's groups by address name.
async fn ours(aws: &Aws, wanted: &GroupsWanted) -> Result<BTreeMap<String, sdk::AutoScalingGroup>, Error> {
    let filter = sdk::Filter::builder().name(format!("tag:{}", tag::CLUSTER)).values(wanted.cluster.as_str()).build();
    let groups = group_calls::describe(aws, Some(filter)).await?;
    let named = |group: sdk::AutoScalingGroup| {
        let owned = tags::Owned::read(Kind::AutoScalingGroup, &group_calls::tags_of(&group))?;
        let other = wanted.uid.is_some() && owned.uid != wanted.uid;
        (!other && !group_calls::is_leaving(&group)).then(|| (owned.address.name().to_owned(), group))
    };
    Ok(groups.into_iter().filter_map(named).collect())
}

async fn machines(aws: &Aws, cluster: &ClusterName) -> Result<Vec<(String, Known)>, Error> {
    let known = |it: aws_sdk_ec2::types::Instance| {
        let spot = instances::is_spot(&it);
        let launched = it.launch_time().and_then(|time| Timestamp::from_nanosecond(time.as_nanos()).ok());
        Some((it.instance_id?, Known { spot, launched }))
    };
    Ok(instances::described(aws, cluster).await?.into_iter().filter_map(known).collect())
}

fn read(
    name: &str,
    group: &sdk::AutoScalingGroup,
    wanted: &GroupsWanted,
    templates: &BTreeMap<&str, &LaunchTemplate>,
    known: &KnownMachines,
) -> Group {
    let machine = |it: &sdk::Instance| {
        let id = it.instance_id().unwrap_or_default().to_owned();
        let facts = known.0.get(&id);
        Machine {
            zone: it.availability_zone().unwrap_or_default().to_owned(),
            machine_type: it.instance_type().unwrap_or_default().to_owned(),
            spot: facts.is_some_and(|it| it.spot),
            lifecycle: lifecycle(it.lifecycle_state().map_or("", |state| state.as_str())),
            healthy: it.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy")),
            template_version: it.launch_template().and_then(|template| template.version().map(str::to_owned)),
            launched: facts.and_then(|it| it.launched),
            id,
        }
    };
    Group {
        auto_scaling_group: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
        role: wanted.roles.get(name).cloned().unwrap_or(GroupRole::Nodes),
        min: count(group.min_size()),
        max: count(group.max_size()),
        desired: count(group.desired_capacity()),
        suspended: group.suspended_processes().iter().filter_map(|it| it.process_name().map(str::to_owned)).collect(),
        template_version: version(group, templates),
        machines: group.instances().iter().map(machine).map(|machine| (machine.id.clone(), machine)).collect(),
        fallback: wanted.fallbacks.get(name).cloned(),
        zones: group.availability_zones().iter().cloned().collect(),
    }
}

/// The version that new machines get: `$Default` unless somebody pinned another one by hand.
fn version(group: &sdk::AutoScalingGroup, templates: &BTreeMap<&str, &LaunchTemplate>) -> String {
    let of_policy = || group.mixed_instances_policy()?.launch_template()?.launch_template_specification();
    let Some(specification) = group.launch_template().or_else(of_policy) else { return String::new() };
    let template = specification.launch_template_id().and_then(|id| templates.get(id));
    let number = match specification.version() {
        None | Some("$Default") => template.and_then(|it| it.default_version_number()),
        Some("$Latest") => template.and_then(|it| it.latest_version_number()),
        Some(number) => return number.to_owned(),
    };
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// Auto Scaling user guide, "Amazon EC2 Auto Scaling instance lifecycle".
fn lifecycle(state: &str) -> Lifecycle {
    match state {
        "InService" => Lifecycle::InService,
        "Standby" | "EnteringStandby" => Lifecycle::Standby,
        warm if warm.starts_with("Warmed:Terminat") => Lifecycle::Leaving,
        warm if warm.starts_with("Warmed:") => Lifecycle::Warm,
        pending if pending.starts_with("Pending") => Lifecycle::Pending,
        // Terminating, Terminated, Detaching, Detached; a state that nobody knows yet is not counted on.
        _ => Lifecycle::Leaving,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_the_lifecycle_has_its_place() {
        for (state, place) in [
            ("Pending", Lifecycle::Pending),
            ("Pending:Wait", Lifecycle::Pending),
            ("InService", Lifecycle::InService),
            ("EnteringStandby", Lifecycle::Standby),
            ("Terminating:Proceed", Lifecycle::Leaving),
            ("Detaching", Lifecycle::Leaving),
            ("Warmed:Stopped", Lifecycle::Warm),
            ("Warmed:Pending:Wait", Lifecycle::Warm),
            ("Warmed:Terminating", Lifecycle::Leaving),
            ("ReplacingRootVolume", Lifecycle::Leaving),
        ] {
            assert_eq!(lifecycle(state), place, "{state}");
        }
    }

    #[test]
    fn a_version_pinned_by_hand_is_the_one() {
        let template = LaunchTemplate::builder()
            .launch_template_id("lt-1")
            .default_version_number(3)
            .latest_version_number(4)
            .build();
        let templates = BTreeMap::from([("lt-1", &template)]);
        let of = |pinned: Option<&str>| {
            let specification = sdk::LaunchTemplateSpecification::builder()
                .launch_template_id("lt-1")
                .set_version(pinned.map(str::to_owned))
                .build();
            version(&sdk::AutoScalingGroup::builder().launch_template(specification).build(), &templates)
        };
        assert_eq!([of(None), of(Some("$Default")), of(Some("$Latest")), of(Some("2"))], ["3", "3", "4", "2"]);
    }
}
