//! What holds an object that cannot be deleted: the network interfaces in it, with what they belong to.

use aws_sdk_ec2::types::NetworkInterface;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::{CallError, Error};
use super::failure::Failure;
use super::tags::filter;

/// Adds to a refused delete what uses the object: `filter_name` and `id` select its network interfaces (`subnet-id`,
/// `group-id`, `vpc-id`). Any other outcome passes through.
///
/// # Errors
/// The outcome's own, as [`Error::Held`] when holders were found.
pub(super) async fn explain(aws: &Aws, outcome: Result<(), Error>, filter_name: &str, id: &str) -> Result<(), Error> {
    let Some(call_error) = refused(&outcome) else { return outcome };
    let holders = interfaces(aws, filter_name, id).await;
    if holders.is_empty() { outcome } else { Err(Error::Held { call: call_error, holders }) }
}

/// As [`explain`], for a VPC: the security groups and subnets that others made in it hold it too.
///
/// # Errors
/// The outcome's own, as [`Error::Held`] when holders were found.
pub(super) async fn explain_vpc(aws: &Aws, outcome: Result<(), Error>, id: &str) -> Result<(), Error> {
    let Some(call_error) = refused(&outcome) else { return outcome };
    let groups = || aws.ec2().describe_security_groups().filters(filter("vpc-id", id)).max_results(100).send();
    let subnets = || aws.ec2().describe_subnets().filters(filter("vpc-id", id)).max_results(100).send();
    // That the holders cannot be listed must not hide why the delete failed.
    let groups = call(aws, Call::read("DescribeSecurityGroups"), groups).await.ok();
    let subnets = call(aws, Call::read("DescribeSubnets"), subnets).await.ok();
    let mut holders = interfaces(aws, "vpc-id", id).await;
    let groups = groups.and_then(|answer| answer.security_groups).unwrap_or_default();
    // The group called default goes with its VPC.
    holders.extend(groups.iter().filter(|group| group.group_name() != Some("default")).map(|group| {
        format!("security group {} ({})", group.group_id().unwrap_or_default(), group.group_name().unwrap_or_default())
    }));
    let subnets = subnets.and_then(|answer| answer.subnets).unwrap_or_default();
    holders.extend(subnets.iter().map(|subnet| format!("subnet {}", subnet.subnet_id().unwrap_or_default())));
    if holders.is_empty() { outcome } else { Err(Error::Held { call: call_error, holders }) }
}

/// The refusal, if the outcome is one for the sake of something else.
fn refused(outcome: &Result<(), Error>) -> Option<Box<CallError>> {
    match outcome {
        Err(Error::Call(call_error)) if call_error.failure == Failure::Dependency => Some(call_error.clone()),
        _ => None,
    }
}

/// The network interfaces that a filter finds, each with what it belongs to; none when they cannot be listed, because
/// that must not hide why the delete failed.
async fn interfaces(aws: &Aws, filter_name: &str, id: &str) -> Vec<String> {
    let send = || aws.ec2().describe_network_interfaces().filters(filter(filter_name, id)).max_results(100).send();
    let answer = call(aws, Call::read("DescribeNetworkInterfaces"), send).await;
    answer.ok().and_then(|answer| answer.network_interfaces).unwrap_or_default().iter().map(holder).collect()
}

/// `network interface eni-… (ELB net/…)`.
pub(super) fn holder(interface: &NetworkInterface) -> String {
    let id = interface.network_interface_id().unwrap_or("without id");
    let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
    let user = instance.or(interface.description().filter(|text| !text.is_empty()));
    match user {
        Some(user) => format!("network interface {id} ({user})"),
        None => format!("network interface {id}"),
    }
}
