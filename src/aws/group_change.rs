//! What a roll changes in a group: its size, its processes, one machine less. Each may be repeated, and what is done
//! already is a success.

use std::collections::BTreeSet;

use super::auto_scaling_group;
use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::named::whole;

/// What a group does when a machine of it is terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTermination {
    /// It launches another one.
    Launch,
    /// Its desired size falls by one.
    Shrink,
}

/// Switches processes of a group off.
///
/// # Errors
/// That of the call.
pub async fn suspend_processes(aws: &Aws, group: &str, processes: &BTreeSet<String>) -> Result<(), Error> {
    auto_scaling_group::suspend(aws, group, processes).await
}

/// Switches processes of a group on.
///
/// # Errors
/// That of the call.
pub async fn resume_processes(aws: &Aws, group: &str, processes: &BTreeSet<String>) -> Result<(), Error> {
    auto_scaling_group::resume(aws, group, processes).await
}

/// Sets how many machines a group should have and may have; nothing else of it is said, so nothing else changes.
///
/// # Errors
/// That of the call.
pub async fn resize_group(aws: &Aws, group: &str, desired: u32, max: u32) -> Result<(), Error> {
    let request = aws
        .auto_scaling()
        .update_auto_scaling_group()
        .auto_scaling_group_name(group)
        .desired_capacity(whole(desired))
        .max_size(whole(max));
    call(aws, Call::named("UpdateAutoScalingGroup"), || request.clone().send()).await.map(drop)
}

/// Terminates a machine in its group; `false`: it was gone or going already.
///
/// # Errors
/// That of the call: that the group would become smaller than its minimum, for example.
pub async fn terminate_machine(aws: &Aws, instance: &str, then: AfterTermination) -> Result<bool, Error> {
    let request = aws
        .auto_scaling()
        .terminate_instance_in_auto_scaling_group()
        .instance_id(instance)
        .should_decrement_desired_capacity(then == AfterTermination::Shrink);
    // By id: a second one finds the first one's activity, and shrinks nothing.
    let once = Call::named("TerminateInstanceInAutoScalingGroup").busy_is_an_answer();
    match call(aws, once, || request.clone().send()).await {
        Ok(_) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// "Instance Id not found - No managed instance found for instance ID", and the activity of an earlier call.
fn is_gone(error: &Error) -> bool {
    error.code() == Some("ScalingActivityInProgress")
        || (error.code() == Some("ValidationError") && error.to_string().contains("Instance Id not found"))
}
