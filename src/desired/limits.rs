//! AWS' size limits, checked over everything that is desired: a limit must be known before the first call, not by it.

use super::builder::Builder;
use super::{names, tags};
use crate::problem::Problem;
use crate::resource::{Address, Content, GroupTag, Parameter, Resource, SecurityGroupRules, Tags};

/// User data as it is sent, before base64 (EC2 user guide, "Run commands when you launch an instance").
const USER_DATA: usize = 16 * 1024;
/// Rules of one direction of a security group (Amazon VPC quotas).
const RULES: usize = 60;
/// Groups of a network interface (Amazon VPC quotas).
const GROUPS_OF_INTERFACE: usize = 5;
/// Tags of a resource, and characters of a key and a value (EC2 user guide, "Tag restrictions").
const TAGS: usize = 50;
const TAG_KEY: usize = 128;
const TAG_VALUE: usize = 256;
/// Characters of a description (EC2 API reference, CreateSecurityGroup).
const DESCRIPTION: usize = 255;
/// Instance types of a group (Auto Scaling API reference, LaunchTemplate: Overrides).
const OVERRIDES: usize = 40;
/// Characters of all inline policies of a role, white space not counted (IAM quotas).
const INLINE_POLICIES: usize = 10_240;
/// Managed policies of a role (IAM quotas).
const MANAGED_POLICIES: usize = 10;
/// Characters of an instance profile's name (IAM API reference, CreateInstanceProfile).
const PROFILE: usize = 128;
/// Characters of a set identifier (Route 53 API reference, ResourceRecordSet).
const SET_IDENTIFIER: usize = 128;
/// Characters of a parameter's name, ARN and all (Systems Manager API reference, PutParameter: Name).
const PARAMETER_NAME: usize = 1011;
/// Levels of a parameter's path (the same).
const PARAMETER_LEVELS: usize = 15;
/// Certificates of one authority in one parameter: four of RSA-4096, some 2 KB each, fill an advanced one (PutParameter:
/// 8 KB).
const TRUSTED: usize = 4;

/// Checks every resource.
pub(super) fn check(builder: &mut Builder<'_>) {
    let mut problems = Vec::new();
    for (address, resource) in &builder.resources {
        let mut limits = Limits { address, problems: &mut problems };
        limits.tags_of(resource);
        limits.sizes_of(resource);
    }
    for problem in problems {
        builder.problem(problem);
    }
}

struct Limits<'a> {
    address: &'a Address,
    problems: &'a mut Vec<Problem>,
}

impl Limits<'_> {
    fn at_most(&mut self, what: &str, size: usize, limit: usize, hint: &str) {
        if size > limit {
            let message = format!("{}: {what}: {size}, and AWS allows at most {limit}", self.address);
            self.problems.push(Problem::error(message).hint(hint));
        }
    }

    fn sizes_of(&mut self, resource: &Resource) {
        match resource {
            Resource::LaunchTemplate(it) => {
                self.name(&it.name, names::TEMPLATE_LIMIT);
                self.at_most(
                    "bytes of compressed user data",
                    super::compressed(&it.user_data).len(),
                    USER_DATA,
                    "shorten the hooks, or put them into the image",
                );
                if let crate::resource::LaunchNetwork::New { security_groups, .. } = &it.network {
                    self.groups(security_groups.len());
                }
            }
            Resource::AutoScalingGroup(it) => {
                self.name(&it.name, names::GROUP_LIMIT);
                let types = it.mixed_instances.as_ref().map_or(0, |mixed| mixed.machine_types.len());
                self.at_most("machine types", types, OVERRIDES, "make two groups of it");
            }
            Resource::SecurityGroup(it) => {
                self.name(&it.name, names::GROUP_LIMIT);
                self.description(&it.description);
            }
            Resource::SecurityGroupRules(it) => self.rules(it),
            Resource::NetworkInterface(it) => {
                self.description(&it.description);
                self.groups(it.security_groups.len());
            }
            Resource::Role(it) => {
                self.name(&it.name, names::ROLE_LIMIT);
                let size = it.policies.values().map(|document| document.to_string().len()).sum();
                self.at_most("characters of inline policies", size, INLINE_POLICIES, "this is a mistake in windlass");
                let managed = it.managed_policies.len();
                self.at_most("managed policies", managed, MANAGED_POLICIES, "merge some of them");
            }
            Resource::InstanceProfile(it) => self.name(&it.name, PROFILE),
            Resource::LoadBalancer(it) => self.name(&it.name, names::LOAD_BALANCER_LIMIT),
            Resource::TargetGroup(it) => self.name(&it.name, names::LOAD_BALANCER_LIMIT),
            Resource::RecordSet(it) => {
                let identifier = it.weight.as_ref().map_or(0, |weight| weight.set_identifier.len());
                self.at_most("characters of the set identifier", identifier, SET_IDENTIFIER, "choose a shorter one");
            }
            Resource::Vpc(_)
            | Resource::Subnet(_)
            | Resource::InternetGateway(_)
            | Resource::ElasticIp(_)
            | Resource::NatGateway(_)
            | Resource::RouteTable(_)
            | Resource::Volume(_)
            | Resource::Listener(_)
            | Resource::ScheduledAction(_) => {}
            Resource::Parameter(it) => self.parameter(it),
        }
    }

    fn parameter(&mut self, it: &Parameter) {
        self.at_most("characters of its name", it.name.len(), PARAMETER_NAME, "choose a shorter name");
        let levels = it.name.matches('/').count();
        self.at_most("levels of its path", levels, PARAMETER_LEVELS, "this is a mistake in windlass");
        if let Content::Trust { revisions, .. } | Content::ServiceAccountKeys { revisions } = &it.content {
            self.at_most("keys in it", revisions.len(), TRUSTED, "finish the rotations that are under way");
        }
    }

    fn name(&mut self, name: &str, limit: usize) {
        self.at_most("characters of its name", name.len(), limit, "choose a shorter name");
    }

    fn groups(&mut self, count: usize) {
        self.at_most("security groups", count, GROUPS_OF_INTERFACE, "remove some of additionalSecurityGroups");
    }

    fn rules(&mut self, rules: &SecurityGroupRules) {
        let hint = "merge ranges of api.allow";
        self.at_most("rules for what comes in", rules.ingress.len(), RULES, hint);
        self.at_most("rules for what goes out", rules.egress.len(), RULES, hint);
        for rule in rules.ingress.iter().chain(&rules.egress) {
            self.description(&rule.description);
        }
    }

    fn description(&mut self, text: &str) {
        self.at_most("characters of a description", text.len(), DESCRIPTION, "this is a mistake in windlass");
        let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
        if let Some(wrong) = text.chars().find(|&c| !allowed(c)) {
            let message = format!("{}: EC2 allows no {wrong:?} in the description {text:?}", self.address);
            self.problems.push(Problem::error(message));
        }
    }

    fn tags_of(&mut self, resource: &Resource) {
        match resource {
            Resource::AutoScalingGroup(it) => self.group_tags(&it.tags),
            Resource::LaunchTemplate(it) => {
                self.tags(&it.tags);
                self.tags(&it.instance_tags);
                self.tags(&it.volume_tags);
            }
            Resource::Vpc(it) => self.tags(&it.tags),
            Resource::Subnet(it) => self.tags(&it.tags),
            Resource::InternetGateway(it) => self.tags(&it.tags),
            Resource::ElasticIp(it) => self.tags(&it.tags),
            Resource::NatGateway(it) => self.tags(&it.tags),
            Resource::RouteTable(it) => self.tags(&it.tags),
            Resource::SecurityGroup(it) => self.tags(&it.tags),
            Resource::Role(it) => self.tags(&it.tags),
            Resource::InstanceProfile(it) => self.tags(&it.tags),
            Resource::NetworkInterface(it) => self.tags(&it.tags),
            Resource::Volume(it) => self.tags(&it.tags),
            Resource::LoadBalancer(it) => self.tags(&it.tags),
            Resource::TargetGroup(it) => self.tags(&it.tags),
            Resource::Listener(it) => self.tags(&it.tags),
            Resource::Parameter(it) => self.tags(&it.tags),
            Resource::SecurityGroupRules(_) | Resource::ScheduledAction(_) | Resource::RecordSet(_) => {}
        }
    }

    fn group_tags(&mut self, tags: &std::collections::BTreeMap<String, GroupTag>) {
        self.tags(&tags.iter().map(|(key, tag)| (key.clone(), tag.value.clone())).collect());
    }

    fn tags(&mut self, all: &Tags) {
        self.at_most("tags with windlass' own", all.len() + tags::OWN, TAGS, "remove some tags, labels or taints");
        for (key, value) in all {
            let hint = "shorten the tag, or the label or taint that it stands for";
            self.at_most(&format!("characters of the tag key {key:?}"), key.chars().count(), TAG_KEY, hint);
            self.at_most(&format!("characters of the value of tag {key:?}"), value.chars().count(), TAG_VALUE, hint);
            if key.starts_with("aws:") || key.starts_with("windlass.dev/") {
                let message = format!("{}: tag {key:?} begins with a reserved prefix", self.address);
                self.problems.push(Problem::error(message).hint("aws: is Amazon's, windlass.dev/ is windlass' own"));
            }
        }
    }
}
