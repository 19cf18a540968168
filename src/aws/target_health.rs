//! Whether a load balancer sends to its targets.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;

/// How a target is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// Whether the load balancer sends to it.
    pub healthy: bool,
    /// AWS' word, and its reason where there is one: `initial (Elb.RegistrationInProgress)`.
    pub state: String,
}

/// The targets of a group by instance id.
///
/// # Errors
/// That of the call.
pub async fn target_health(aws: &Aws, target_group: &str) -> Result<BTreeMap<String, TargetHealth>, Error> {
    let request = aws.load_balancing().describe_target_health().target_group_arn(target_group);
    let answer = call(aws, Call::read("DescribeTargetHealth"), || request.clone().send()).await?;
    let targets = answer.target_health_descriptions.unwrap_or_default().into_iter().filter_map(|target| {
        let id = target.target.and_then(|target| target.id)?;
        let health = target.target_health?;
        let word = health.state().map(TargetHealthStateEnum::as_str).unwrap_or("unknown");
        let state = match health.reason() {
            Some(reason) => format!("{word} ({})", reason.as_str()),
            None => word.to_owned(),
        };
        Some((id, TargetHealth { healthy: health.state() == Some(&TargetHealthStateEnum::Healthy), state }))
    });
    Ok(targets.collect())
}
