//! The machines of the cluster's groups, as Auto Scaling lists them; EC2 adds how they were bought.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_ec2::types::InstanceLifecycleType;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::{pages, tags};
use crate::name::ClusterName;
use crate::resource::Instance;

/// Instances in one page; the most that EC2 gives (API reference, DescribeInstances).
const PAGE: i32 = 1000;

/// All instances of the cluster, as EC2 describes them: the templates give every instance the cluster's tag.
///
/// # Errors
/// That of the call.
pub(super) async fn described(aws: &Aws, cluster: &ClusterName) -> Result<Vec<aws_sdk_ec2::types::Instance>, Error> {
    let reservations = pages::all("DescribeInstances", async |token| {
        let request = aws.ec2().describe_instances().filters(tags::of_cluster(cluster));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeInstances"), || request.clone().send()).await?;
        Ok((answer.reservations.unwrap_or_default(), answer.next_token))
    })
    .await?;
    Ok(reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default()).collect())
}

/// Whether an instance was bought as spot.
pub(super) fn is_spot(instance: &aws_sdk_ec2::types::Instance) -> bool {
    instance.instance_lifecycle() == Some(&InstanceLifecycleType::Spot)
}

/// Ids of the cluster's spot instances.
///
/// # Errors
/// That of the call.
pub(super) async fn spot(aws: &Aws, cluster: &ClusterName) -> Result<BTreeSet<String>, Error> {
    let instances = described(aws, cluster).await?;
    Ok(instances.into_iter().filter(is_spot).filter_map(|it| it.instance_id).collect())
}

/// The instances of a group.
pub(super) fn read(group: &AutoScalingGroup, spot: Option<&BTreeSet<String>>) -> Vec<Instance> {
    let read = |it: &aws_sdk_autoscaling::types::Instance| {
        let id = it.instance_id().unwrap_or_default().to_owned();
        Instance {
            spot: spot.map(|spot| spot.contains(&id)),
            id,
            group: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
            zone: it.availability_zone().unwrap_or_default().to_owned(),
            machine_type: it.instance_type().unwrap_or_default().to_owned(),
            state: it.lifecycle_state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
            healthy: it.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy")),
            template_version: it.launch_template().and_then(|template| template.version().map(str::to_owned)),
        }
    };
    group.instances().iter().map(read).collect()
}
