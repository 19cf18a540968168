//! Whether the load balancer sends to a group's instances: a machine that runs is not yet one that works.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types as sdk;

use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::aws::target_health::{TargetHealth, target_health};
use crate::resource::Readiness;

/// A group whose instances are targets of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Balanced {
    name: String,
    instances: Vec<String>,
    target_groups: Vec<String>,
}

impl Balanced {
    pub(super) fn read(group: &sdk::AutoScalingGroup) -> Self {
        let in_service = |it: &&sdk::Instance| it.lifecycle_state() == Some(&sdk::LifecycleState::InService);
        let instances = group.instances().iter().filter(in_service);
        Self {
            name: group.auto_scaling_group_name().unwrap_or_default().to_owned(),
            instances: instances.filter_map(|it| it.instance_id().map(str::to_owned)).collect(),
            target_groups: group.target_group_arns().to_vec(),
        }
    }
}

/// Health of targets, by target group and instance.
pub(super) type Seen = BTreeMap<String, BTreeMap<String, TargetHealth>>;

/// Asks about every target group once.
///
/// # Errors
/// That of the call.
pub(super) async fn look(aws: &Aws, groups: &[Balanced]) -> Result<Seen, Error> {
    let arns: BTreeSet<&String> = groups.iter().flat_map(|group| &group.target_groups).collect();
    let mut seen = Seen::new();
    for arn in arns {
        seen.insert(arn.clone(), target_health(aws, arn).await?);
    }
    Ok(seen)
}

impl Balanced {
    /// Its instances that the load balancer does not send to, each with why.
    fn sick(&self, health: &Seen) -> BTreeMap<String, String> {
        let mut sick = BTreeMap::new();
        for targets in self.target_groups.iter().filter_map(|arn| health.get(arn)) {
            for instance in &self.instances {
                let why = match targets.get(instance) {
                    Some(target) if target.healthy => continue,
                    Some(target) => format!("{instance} is {} to its load balancer", target.state),
                    None => format!("{instance} is not registered with its load balancer yet"),
                };
                sick.insert(instance.clone(), why);
            }
        }
        sick
    }
}

/// Groups some of whose instances get nothing from their load balancer are not ready.
pub(super) fn explain(seen: &mut BTreeMap<String, Readiness>, groups: &[Balanced], health: &Seen) {
    for group in groups {
        let sick: Vec<String> = group.sick(health).into_values().collect();
        if !sick.is_empty() {
            seen.insert(group.name.clone(), Readiness::Pending(sick.join(", ")));
        }
    }
}

/// All instances of all groups that get nothing.
pub(super) fn sick(groups: &[Balanced], health: &Seen) -> Vec<String> {
    groups.iter().flat_map(|group| group.sick(health).into_keys()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_ready_when_its_load_balancer_sends_to_all_its_instances() {
        let group = Balanced {
            name: String::from("a"),
            instances: vec![String::from("i-1"), String::from("i-2")],
            target_groups: vec![String::from("arn")],
        };
        let explained = |states: &[(&str, bool, &str)]| {
            let targets = states.iter().map(|(id, healthy, state)| {
                ((*id).to_owned(), TargetHealth { healthy: *healthy, state: (*state).to_owned() })
            });
            let health = Seen::from([(String::from("arn"), targets.collect())]);
            let mut seen = BTreeMap::from([(String::from("a"), Readiness::Ready)]);
            explain(&mut seen, std::slice::from_ref(&group), &health);
            seen.remove("a").expect("it stays")
        };
        assert_eq!(explained(&[("i-1", true, "healthy"), ("i-2", true, "healthy")]), Readiness::Ready);
        let Readiness::Pending(why) = explained(&[("i-1", false, "initial (x)")]) else { panic!("it waits") };
        assert_eq!(why, "i-1 is initial (x) to its load balancer, i-2 is not registered with its load balancer yet");
    }
}
