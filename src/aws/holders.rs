//! What holds an object that cannot be deleted: the network interfaces in it, with what they belong to.

use aws_sdk_ec2::types::NetworkInterface;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::failure::Failure;
use super::tags::filter;

/// Adds to a refused delete what uses the object: `filter_name` and `id` select its network interfaces (`subnet-id`,
/// `group-id`, `vpc-id`). Any other outcome passes through.
///
/// # Errors
/// The outcome's own, as [`Error::Held`] when holders were found.
pub(super) async fn explain(aws: &Aws, outcome: Result<(), Error>, filter_name: &str, id: &str) -> Result<(), Error> {
    let call_error = match outcome {
        Err(Error::Call(call_error)) if call_error.failure == Failure::Dependency => call_error,
        other => return other,
    };
    let send = || aws.ec2().describe_network_interfaces().filters(filter(filter_name, id)).max_results(100).send();
    // That the holders cannot be listed must not hide why the delete failed.
    let answer = call(aws, Call::read("DescribeNetworkInterfaces"), send).await;
    let holders: Vec<String> =
        answer.ok().and_then(|answer| answer.network_interfaces).unwrap_or_default().iter().map(holder).collect();
    if holders.is_empty() { Err(Error::Call(call_error)) } else { Err(Error::Held { call: call_error, holders }) }
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
