//! What an instance may do: the policies of the role in its profile, asked for each call that its scripts make.

use super::super::ec2::Instance;
use super::super::iam::{self, Request};
use super::super::kubernetes::controllers;
use super::super::world::World;

/// Checks that the instance's role allows a call.
///
/// # Errors
/// The message of the AWS CLI when it does not.
pub fn may(world: &World, instance: &str, request: Request) -> Result<(), String> {
    let instance = world.ec2.instances.get(instance).ok_or("the instance is gone")?;
    // Machines of a scenario have no roles: what they do is not what a scenario tries out.
    if controllers::is_built_in(world, instance) {
        return Ok(());
    }
    let role = role(world, instance)?;
    let (action, resource) = (request.action.clone(), request.resource.clone());
    let arn = world.arn("ec2", &format!("instance/{}", instance.id));
    let mut request = request
        .with("aws:PrincipalArn", [&role.arn])
        .with("aws:PrincipalAccount", [&world.account])
        .with("aws:ResourceAccount", [&world.account])
        .with("aws:RequestedRegion", [&world.region])
        .with("aws:SecureTransport", ["true"])
        .with("ec2:SourceInstanceARN", [&arn])
        .with("aws:userid", [format!("{}:{}", role.id, instance.id)]);
    for (key, value) in &role.tags {
        request = request.with(&format!("aws:PrincipalTag/{key}"), [value]);
    }
    if iam::allows(&world.iam, role, &request) {
        return Ok(());
    }
    let operation = action.split_once(':').map_or(action.as_str(), |(_, operation)| operation);
    Err(format!(
        "An error occurred (AccessDenied) when calling the {operation} operation: role {} is not authorized to perform: \
         {action} on resource: {resource}",
        role.name
    ))
}

fn role<'w>(world: &'w World, instance: &Instance) -> Result<&'w iam::Role, String> {
    let none = || String::from("Unable to locate credentials: the instance has no role");
    let profile = instance.profile.as_ref().ok_or_else(none)?;
    let profile = world.iam.profiles.values().find(|it| it.id == profile.id).ok_or_else(none)?;
    profile.role.as_ref().and_then(|name| world.iam.roles.get(name)).ok_or_else(none)
}
