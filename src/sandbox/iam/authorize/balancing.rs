//! Elastic Load Balancing: what a call is about has an ARN; what it makes gets one from its name.

use super::super::super::elbv2::tags_of;
use super::super::super::wire::Call;
use super::super::super::world::World;
use super::super::evaluate::Request;
use super::{action, everything, others, tags};

pub(super) fn requests(world: &World, call: &Call<'_>) -> Vec<Request> {
    let new = tags(&call.list("Tags"));
    let name = call.text("Name").unwrap_or_default();
    let made = match call.operation {
        "CreateLoadBalancer" => format!("loadbalancer/net/{name}/*"),
        "CreateTargetGroup" => format!("targetgroup/{name}/*"),
        // A listener's create is asked for on its balancer; only its tags are its own.
        "CreateListener" => String::from("listener/net/*"),
        operation if operation.starts_with("Describe") => return everything(call),
        _ => return changes(world, call),
    };
    let arn = world.arn("elasticloadbalancing", &made);
    let mut requests = match call.operation {
        "CreateListener" => about(world, call, call.text("LoadBalancerArn")),
        _ => vec![Request::new(&action(call), &arn)],
    };
    requests = requests.into_iter().map(|request| request.bringing(&new)).collect();
    if !new.is_empty() {
        let tagging = Request::new("elasticloadbalancing:AddTags", arn).bringing(&new);
        requests.push(tagging.with("elasticloadbalancing:CreateAction", [call.operation]));
    }
    if call.operation == "CreateLoadBalancer" {
        requests.extend(others::service_role(
            world,
            "elasticloadbalancing.amazonaws.com",
            "AWSServiceRoleForElasticLoadBalancing",
        ));
    }
    requests
}

/// Calls on what is there.
fn changes(world: &World, call: &Call<'_>) -> Vec<Request> {
    let own = match call.operation {
        "AddTags" | "RemoveTags" => return about(world, call, call.texts("ResourceArns")),
        "DeleteListener" | "ModifyListener" => "ListenerArn",
        "DeleteTargetGroup" | "ModifyTargetGroup" | "ModifyTargetGroupAttributes" => "TargetGroupArn",
        "DeleteLoadBalancer" | "ModifyLoadBalancerAttributes" | "SetSecurityGroups" | "SetSubnets" => "LoadBalancerArn",
        _ => return everything(call),
    };
    about(world, call, call.text(own))
}

fn about(world: &World, call: &Call<'_>, arns: impl IntoIterator<Item = String>) -> Vec<Request> {
    let request = |arn: String| {
        let present = tags_of(&world.elbv2, &arn).cloned().unwrap_or_default();
        Request::new(&action(call), arn).tagged(&present)
    };
    arns.into_iter().map(request).collect()
}
