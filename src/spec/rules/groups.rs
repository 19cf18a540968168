//! Node groups: what they refer to, sizes, machine types, fallbacks.

use std::collections::BTreeSet;

use super::super::read::{Located, nearest, steps};
use super::super::value::{GroupName, MachineType};
use super::super::{NodeGroup, Role, SubnetType};
use super::control_plane::unknown_subnet;
use super::{Rules, repeats};

/// Overrides of a mixed-instances policy (Auto Scaling quotas: "Instance types per group").
const MOST_TYPES: usize = 40;
/// Managed policies attached to a role (IAM quotas); one is what every node needs.
const MOST_POLICIES: usize = 9;

pub(super) fn check(rules: &mut Rules<'_>) {
    for group in rules.groups {
        subnets(rules, group);
        machine_types(rules, group);
        fallback(rules, group);
        policies(rules, group);
    }
    cycles(rules);
}

fn subnets(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let network = &rules.spec().network;
    let spec = &group.manifest.spec;
    let known: Vec<&str> = network.subnets.iter().map(|subnet| subnet.name.as_str()).collect();
    if spec.subnets.is_empty() {
        let finding = rules
            .error("a node group needs at least one subnet")
            .at(&group.document, &steps!["spec", "subnets"], "")
            .hint(format!("subnets of the cluster: {}", known.join(", ")));
        rules.push(finding);
    }
    for (first, second) in repeats(&spec.subnets) {
        let finding = rules
            .error(format!("the subnet {} is listed twice", spec.subnets[second]))
            .at(&group.document, &steps!["spec", "subnets", second], "again here")
            .at(&group.document, &steps!["spec", "subnets", first], "first here");
        rules.push(finding);
    }
    for (index, name) in spec.subnets.iter().enumerate() {
        let path = steps!["spec", "subnets", index];
        let Some(subnet) = network.subnet(name) else {
            let finding = unknown_subnet(rules, name.as_str(), &known).at(&group.document, &path, "unknown subnet");
            rules.push(finding);
            continue;
        };
        if spec.public_address() && subnet.subnet_type == SubnetType::Private {
            let why = if spec.role == Role::Bastion { "a bastion's instances have" } else { "associatePublicIP gives" };
            let finding = rules
                .error(format!("{why} public addresses, but subnet {name} is private"))
                .at(&group.document, &path, "a private subnet")
                .hint("use a public subnet, or write associatePublicIP: false");
            rules.push(finding);
        }
    }
}

fn machine_types(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let spec = &group.manifest.spec;
    let types = &spec.machine_types;
    let path = steps!["spec", "machineTypes"];
    if types.is_empty() {
        let finding = rules.error("a node group needs at least one machine type").at(&group.document, &path, "");
        rules.push(finding);
    }
    if types.len() > MOST_TYPES {
        let finding = rules
            .error(format!("{} machine types: Auto Scaling takes at most {MOST_TYPES}", types.len()))
            .at(&group.document, &path, "");
        rules.push(finding);
    }
    for (first, second) in repeats(types) {
        let finding = rules
            .error(format!("the machine type {} is listed twice", types[second]))
            .at(&group.document, &steps!["spec", "machineTypes", second], "again here")
            .at(&group.document, &steps!["spec", "machineTypes", first], "first here");
        rules.push(finding);
    }
    let Some(leader) = types.first() else { return };
    if let Some(index) = types.iter().position(|other| other.is_arm() != leader.is_arm()) {
        let finding = rules
            .error(format!(
                "{leader} has an {} processor and {} an {} one: one image cannot start on both",
                architecture(leader),
                types[index],
                architecture(&types[index])
            ))
            .at(&group.document, &steps!["spec", "machineTypes", index], "another architecture")
            .at(&group.document, &steps!["spec", "machineTypes", 0], "the first one's");
        rules.push(finding);
        return;
    }
    let control_plane = &rules.spec().control_plane.machine_type;
    if spec.image.is_none() && leader.is_arm() != control_plane.is_arm() {
        let finding = rules
            .error(format!(
                "the group has {} processors, and no image of its own: the control plane's is for {}",
                architecture(leader),
                architecture(control_plane)
            ))
            .at(&group.document, &steps!["spec", "machineTypes", 0], "")
            .at(rules.document(), &steps!["spec", "controlPlane", "machineType"], "the control plane's")
            .hint("give the group an image");
        rules.push(finding);
    }
}

fn architecture(machine_type: &MachineType) -> &'static str {
    if machine_type.is_arm() { "arm64" } else { "x86_64" }
}

fn group_names<'a>(rules: &Rules<'a>) -> Vec<&'a str> {
    rules.groups.iter().map(|group| group.manifest.metadata.name.as_str()).collect()
}

fn find<'a>(rules: &Rules<'a>, name: &GroupName) -> Option<&'a Located<NodeGroup>> {
    rules.groups.iter().find(|group| &group.manifest.metadata.name == name)
}

fn fallback(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let Some(name) = &group.manifest.spec.fallback else { return };
    let path = steps!["spec", "fallback"];
    let own = &group.manifest.metadata.name;
    if name == own {
        let finding = rules.error(format!("{own} cannot be its own fallback")).at(&group.document, &path, "");
        rules.push(finding);
        return;
    }
    let Some(target) = find(rules, name) else {
        let names = group_names(rules);
        let near = nearest(name.as_str(), &names).map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
        let finding = rules
            .error(format!("there is no node group {:?} to fall back to", name.as_str()))
            .at(&group.document, &path, "unknown group")
            .hint(format!("{near}groups of the cluster: {}", names.join(", ")));
        rules.push(finding);
        return;
    };
    let taints = |group: &Located<NodeGroup>| group.manifest.spec.taints.iter().cloned().collect::<BTreeSet<_>>();
    if !taints(target).is_subset(&taints(group)) {
        let finding = rules
            .error(format!("pods of {own} cannot run in its fallback {name}, which has other taints"))
            .at(&group.document, &path, "")
            .at(&target.document, &steps!["spec", "taints"], "the fallback's taints")
            .hint("give both groups the same taints");
        rules.push(finding);
    }
    if target.manifest.spec.role == Role::Bastion {
        let finding = rules.error(format!("{name} is a bastion, and runs no pods")).at(&group.document, &path, "").at(
            &target.document,
            &steps!["spec", "role"],
            "a bastion",
        );
        rules.push(finding);
    }
}

/// A circle of fallbacks would be walked for ever; each is reported once, at its first group by name.
fn cycles(rules: &mut Rules<'_>) {
    for group in rules.groups {
        let start = &group.manifest.metadata.name;
        let mut walked = vec![start];
        let mut next = group.manifest.spec.fallback.as_ref().filter(|name| *name != start);
        while let Some(name) = next {
            if name == start {
                if walked.iter().all(|other| start <= *other) {
                    let circle: Vec<&str> = walked.iter().chain([&start]).map(|name| name.as_str()).collect();
                    let finding = rules
                        .error(format!("the fallbacks go round in a circle: {}", circle.join(" → ")))
                        .at(&group.document, &steps!["spec", "fallback"], "")
                        .hint("the last group of a chain has no fallback");
                    rules.push(finding);
                }
                break;
            }
            if walked.contains(&name) {
                break;
            }
            walked.push(name);
            next = find(rules, name).and_then(|target| target.manifest.spec.fallback.as_ref());
        }
    }
}

fn policies(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let policies = &group.manifest.spec.managed_policies;
    if policies.len() > MOST_POLICIES {
        let finding = rules
            .error(format!("{} managed policies: a role takes at most {MOST_POLICIES} beside its own", policies.len()))
            .at(&group.document, &steps!["spec", "managedPolicies"], "");
        rules.push(finding);
    }
    for (index, arn) in policies.iter().enumerate() {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let good = matches!(parts.as_slice(), ["arn", partition, "iam", "", _, rest]
            if partition.starts_with("aws") && rest.strip_prefix("policy/").is_some_and(|name| !name.is_empty()));
        if !good {
            let finding = rules
                .error(format!("{arn:?} is no ARN of a managed policy"))
                .at(&group.document, &steps!["spec", "managedPolicies", index], "")
                .hint("expected such as arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore");
            rules.push(finding);
        }
    }
    for (first, second) in repeats(policies) {
        let finding = rules
            .error(format!("the policy {} is listed twice", policies[second]))
            .at(&group.document, &steps!["spec", "managedPolicies", second], "again here")
            .at(&group.document, &steps!["spec", "managedPolicies", first], "first here");
        rules.push(finding);
    }
}
