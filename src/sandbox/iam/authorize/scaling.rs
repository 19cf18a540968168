//! EC2 Auto Scaling: everything is about a group; a launch template in a call brings EC2's questions with it.

use std::collections::BTreeSet;

use super::super::super::autoscaling::Group;
use super::super::super::wire::Call;
use super::super::super::world::World;
use super::super::evaluate::Request;
use super::{Tags, action, ec2, everything, others, tags};

pub(super) fn requests(world: &World, call: &Call<'_>) -> Vec<Request> {
    if call.operation.starts_with("Describe") {
        return everything(call);
    }
    let list = call.list("Tags");
    let brought = tags(&list);
    let named: BTreeSet<String> = match call.operation {
        "CreateOrUpdateTags" | "DeleteTags" => list.iter().filter_map(|tag| tag.text("ResourceId")).collect(),
        "TerminateInstanceInAutoScalingGroup" => group_of(world, call).into_iter().collect(),
        _ => call.text("AutoScalingGroupName").into_iter().collect(),
    };
    if named.is_empty() {
        return everything(call);
    }
    let mut requests: Vec<Request> = named.iter().map(|name| about(world, call, name).bringing(&brought)).collect();
    if call.operation == "CreateAutoScalingGroup" {
        requests.extend(others::service_role(world, "autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"));
    }
    let mixed = call.view("MixedInstancesPolicy").view("LaunchTemplate").view("LaunchTemplateSpecification");
    for template in [call.view("LaunchTemplate"), mixed] {
        requests.extend(template.text("LaunchTemplateId").iter().flat_map(|id| ec2::launch(world, id)));
    }
    requests
}

fn about(world: &World, call: &Call<'_>, name: &str) -> Request {
    let arn = world.arn("autoscaling", &format!("autoScalingGroup:*:autoScalingGroupName/{name}"));
    let present: Tags = match world.autoscaling.groups.get(name) {
        Some(group) => group.tags.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect(),
        None => Tags::new(),
    };
    Request::new(&action(call), arn).tagged(&present)
}

/// The group that an instance is in.
fn group_of(world: &World, call: &Call<'_>) -> Option<String> {
    let id = call.text("InstanceId")?;
    let holds = |group: &&Group| group.members.contains_key(&id);
    world.autoscaling.groups.values().find(holds).map(|group| group.name.clone())
}
