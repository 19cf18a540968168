//! Whether the caller may do what it calls: which actions, on which resources, in which circumstances a call amounts to,
//! and the caller's policies on that.
//!
//! Source: Service Authorization Reference; the user guides' pages on permissions for what one call needs in another
//! service. It is written from the calls alone: nothing of it comes from the table that windlass makes policies from, so
//! that each can be held against the other.

mod balancing;
mod ec2;
mod others;
mod scaling;

use std::collections::BTreeMap;

use super::super::wire::{Call, Decoded, Parameters, Refusal, Service};
use super::super::world::World;
use super::evaluate::{self, Request};

type Tags = BTreeMap<String, String>;

/// Refuses a call that the caller's policies do not allow. Without policies everything is allowed.
///
/// # Errors
/// `UnauthorizedOperation`, `AccessDenied`: the first action that is not allowed, and on what.
pub fn authorize(world: &World, decoded: &Decoded) -> Result<(), Refusal> {
    let Some(policies) = &world.sts.policies else { return Ok(()) };
    // A copy, because what is read here is not understood by the handler yet.
    let parameters = decoded.parameters.clone();
    let (service, parameters) = (decoded.service, Parameters::new(&parameters));
    let call = Call { service, operation: &decoded.operation, parameters };
    for request in requests(world, &call) {
        let request =
            request.with("aws:RequestedRegion", [&world.region]).with("aws:PrincipalAccount", [&world.account]);
        if !evaluate::permitted(policies.iter().map(String::as_str), &request) {
            let principal = world.sts.arn(&world.account);
            return Err(Refusal::denied(service, &request.action, Some(&request.resource), &principal));
        }
    }
    Ok(())
}

/// What a call asks IAM for. A call that is not known here asks for its action on everything, which only a policy with a
/// `*` as its resource allows.
fn requests(world: &World, call: &Call<'_>) -> Vec<Request> {
    match call.service {
        Service::Ec2 => ec2::requests(world, call),
        Service::AutoScaling => scaling::requests(world, call),
        Service::ElasticLoadBalancing => balancing::requests(world, call),
        Service::Iam => others::iam(world, call),
        Service::Route53 => others::route53(world, call),
        Service::Ssm => others::ssm(world, call),
        Service::S3 => others::s3(call),
        // GetCallerIdentity: "No permissions are required" (STS API reference).
        Service::Sts => Vec::new(),
    }
}

/// The action that is called like the operation.
fn action(call: &Call<'_>) -> String {
    format!("{}:{}", call.service.action_prefix(), call.operation)
}

/// The action on everything: what lists ask.
fn everything(call: &Call<'_>) -> Vec<Request> {
    vec![Request::new(&action(call), "*")]
}

/// Tags as a list of keys and values has them.
fn tags(list: &[Parameters<'_>]) -> Tags {
    list.iter().filter_map(|tag| Some((tag.text("Key")?, tag.text("Value").unwrap_or_default()))).collect()
}

impl Request {
    /// With tags that come with the request.
    fn bringing(mut self, tags: &Tags) -> Self {
        for (key, value) in tags {
            self = self.with(&format!("aws:RequestTag/{key}"), [value]);
        }
        if tags.is_empty() { self } else { self.with("aws:TagKeys", tags.keys()) }
    }
}
