//! The machines of a cluster's groups, as a roll looks at them every ten seconds: three lists whatever the cluster's size,
//! and nothing per group or machine.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types as sdk;
use aws_sdk_ec2::types::InstanceLifecycleType;
use jiff::Timestamp;

use super::auto_scaling_group::{self, template_of};
use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::launch_template;
use super::{pages, tags};
use crate::health::{Lifecycle, Machine};
use crate::name::ClusterName;
use crate::resource::{Address, Kind};

/// Instances in one page; the most that EC2 gives (API reference, DescribeInstances).
const PAGE: i32 = 1000;

/// One of the cluster's groups, with its machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineGroup {
    /// Its name in AWS.
    pub name: String,
    /// Fewest instances.
    pub min: u32,
    /// Most instances.
    pub max: u32,
    /// How many it tries to have.
    pub desired: u32,
    /// Suspended processes.
    pub suspended: std::collections::BTreeSet<String>,
    /// Its zones.
    pub zones: std::collections::BTreeSet<String>,
    /// Id of its launch template.
    pub template: String,
    /// The version that new machines get.
    pub template_version: String,
    /// Its machines by instance id.
    pub machines: BTreeMap<String, Machine>,
}

/// What EC2 alone knows of an instance.
struct Bought {
    spot: bool,
    launched: Option<Timestamp>,
}

/// The groups of a cluster, by the name in their addresses. Groups that are being deleted are not in it.
///
/// # Errors
/// That of a call.
pub async fn machine_groups(aws: &Aws, cluster: &ClusterName) -> Result<BTreeMap<String, MachineGroup>, Error> {
    let (groups, versions, bought) = tokio::try_join!(
        auto_scaling_group::of_cluster(aws, cluster),
        launch_template::default_numbers(aws, cluster),
        bought(aws, cluster)
    )?;
    let read = |group: &sdk::AutoScalingGroup| {
        let tag = group.tags().iter().find(|tag| tag.key() == Some(super::tag::ADDRESS))?;
        let address: Address = tag.value()?.parse().ok()?;
        (address.kind() == Kind::AutoScalingGroup).then(|| (address.name().to_owned(), read(group, &versions, &bought)))
    };
    Ok(groups.iter().filter_map(read).collect())
}

fn read(
    group: &sdk::AutoScalingGroup,
    versions: &BTreeMap<String, String>,
    bought: &BTreeMap<String, Bought>,
) -> MachineGroup {
    let template = template_of(group);
    let count = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let machine = |it: &sdk::Instance| {
        let id = it.instance_id().unwrap_or_default().to_owned();
        let known = bought.get(&id);
        let machine = Machine {
            id: id.clone(),
            zone: it.availability_zone().unwrap_or_default().to_owned(),
            machine_type: it.instance_type().unwrap_or_default().to_owned(),
            spot: known.is_some_and(|it| it.spot),
            lifecycle: it.lifecycle_state().map_or(Lifecycle::Pending, lifecycle),
            healthy: it.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy")),
            template_version: it.launch_template().and_then(|template| template.version().map(str::to_owned)),
            launched: known.and_then(|it| it.launched),
        };
        (id, machine)
    };
    MachineGroup {
        name: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
        min: count(group.min_size()),
        max: count(group.max_size()),
        desired: count(group.desired_capacity()),
        suspended: group.suspended_processes().iter().filter_map(|it| it.process_name().map(str::to_owned)).collect(),
        zones: group.availability_zones().iter().cloned().collect(),
        template_version: versions.get(&template).cloned().unwrap_or_default(),
        template,
        machines: group.instances().iter().map(machine).collect(),
    }
}

/// Where Auto Scaling has an instance (Auto Scaling API reference, Instance, "LifecycleState").
fn lifecycle(state: &sdk::LifecycleState) -> Lifecycle {
    match state.as_str() {
        "InService" => Lifecycle::InService,
        "EnteringStandby" | "Standby" => Lifecycle::Standby,
        word if word.starts_with("Warmed") => Lifecycle::Warm,
        word if word.starts_with("Pending") => Lifecycle::Pending,
        // Terminating, Terminated, Detaching, Detached and their waits.
        _ => Lifecycle::Leaving,
    }
}

/// How and when each of the cluster's instances was bought: the templates give every instance the cluster's tag.
async fn bought(aws: &Aws, cluster: &ClusterName) -> Result<BTreeMap<String, Bought>, Error> {
    let reservations = pages::all("DescribeInstances", async |token| {
        let request = aws.ec2().describe_instances().filters(tags::of_cluster(cluster));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeInstances"), || request.clone().send()).await?;
        Ok((answer.reservations.unwrap_or_default(), answer.next_token))
    })
    .await?;
    let instances = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
    let known = instances.filter_map(|it| {
        let launched = it.launch_time().and_then(|time| Timestamp::from_second(time.secs()).ok());
        let spot = it.instance_lifecycle() == Some(&InstanceLifecycleType::Spot);
        Some((it.instance_id?, Bought { spot, launched }))
    });
    Ok(known.collect())
}
