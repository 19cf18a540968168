//! Single changes of a group that a roll makes: each sets a value or ends one instance by id, so that a repeat after a crash
//! does no harm. The fence stops them like every other change when the lease has ended.

use std::collections::BTreeSet;

use super::auto_scaling_group as group_calls;
use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::named::whole;

/// What a group's size becomes; what is not said stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// How many instances it tries to have.
    pub desired: Option<u32>,
    /// Most instances.
    pub max: Option<u32>,
}

/// What becomes of the place of a terminated instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// The group launches another one.
    Replace,
    /// The group wants one fewer; it refuses that at its minimum.
    Shrink,
}

/// Suspends processes such as `AZRebalance` of the group called `group` in AWS. Without a process it does nothing.
///
/// # Errors
/// That of the call.
pub async fn suspend(aws: &Aws, group: &str, processes: &BTreeSet<String>) -> Result<(), Error> {
    group_calls::suspend(aws, group, processes).await
}

/// Resumes processes. Without a process it does nothing.
///
/// # Errors
/// That of the call.
pub async fn resume(aws: &Aws, group: &str, processes: &BTreeSet<String>) -> Result<(), Error> {
    group_calls::resume(aws, group, processes).await
}

/// Changes the size of a group in one call, so that a desired capacity above the present maximum is possible. Nothing else
/// of the group is said, and AWS keeps what is not said (API reference, UpdateAutoScalingGroup).
///
/// # Errors
/// That of the call: a capacity outside of the bounds is a `ValidationError`.
pub async fn resize(aws: &Aws, group: &str, bounds: Bounds) -> Result<(), Error> {
    if bounds == Bounds::default() {
        return Ok(());
    }
    let request = aws
        .auto_scaling()
        .update_auto_scaling_group()
        .auto_scaling_group_name(group)
        .set_desired_capacity(bounds.desired.map(whole))
        .set_max_size(bounds.max.map(whole));
    call(aws, Call::named("UpdateAutoScalingGroup"), || request.clone().send()).await.map(drop)
}

/// Ends an instance of a group; `false`: it was ending or gone already. The call names it by id, so a repeat ends nothing
/// else, and shrinks nothing twice.
///
/// # Errors
/// That of the call; [`Error::AtMinimum`] when the group may not shrink.
pub async fn terminate(aws: &Aws, instance: &str, termination: Termination) -> Result<bool, Error> {
    const OPERATION: &str = "TerminateInstanceInAutoScalingGroup";
    let request = aws
        .auto_scaling()
        .terminate_instance_in_auto_scaling_group()
        .instance_id(instance)
        .should_decrement_desired_capacity(termination == Termination::Shrink);
    let once = Call::delete(OPERATION).busy_is_an_answer();
    let Err(error) = call(aws, once, || request.clone().send()).await else { return Ok(true) };
    let Error::Call(failed) = &error else { return Err(error) };
    // Auto Scaling has no code for either: both are a ValidationError, told apart by their words.
    let is_ending = failed.code.as_deref() == Some("ScalingActivityInProgress");
    if is_ending || failed.message.contains("Instance Id not found") || failed.message.contains("is being terminated") {
        return Ok(false);
    }
    if failed.message.contains("desiredSize equals minSize") || failed.message.contains("min size constraint") {
        return Err(Error::AtMinimum { instance: instance.to_owned() });
    }
    match error.is_not_found() {
        true => Ok(false),
        false => Err(error),
    }
}
