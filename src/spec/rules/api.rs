//! The way to the Kubernetes API.

use super::super::read::steps;
use super::super::{ApiLoadBalancer, MEMBER_PORT, SubnetType};
use super::{Rules, repeats};

/// AWS allows 60 inbound rules for a security group (VPC quotas); some are the cluster's own.
const MOST_ALLOWED: usize = 50;

pub(super) fn check(rules: &mut Rules<'_>) {
    load_balancer(rules);
    allow(rules);
    let names = &rules.spec().api.additional_names;
    for (first, second) in repeats(names) {
        let finding = rules
            .error(format!("the name {} is listed twice", names[second]))
            .at(rules.document(), &steps!["spec", "api", "additionalNames", second], "again here")
            .at(rules.document(), &steps!["spec", "api", "additionalNames", first], "first here");
        rules.push(finding);
    }
}

fn load_balancer(rules: &mut Rules<'_>) {
    let api = &rules.spec().api;
    if api.port == 0 {
        rules.wrong(&steps!["spec", "api", "port"], "0 is no port");
    }
    let (needed, word) = match api.load_balancer {
        ApiLoadBalancer::Internal => (SubnetType::Private, "private"),
        ApiLoadBalancer::Public => (SubnetType::Public, "public"),
        ApiLoadBalancer::None => {
            if api.port != MEMBER_PORT {
                let finding = rules
                    .error(format!("without a load balancer the port is the members' own, {MEMBER_PORT}"))
                    .at(rules.document(), &steps!["spec", "api", "port"], "")
                    .at(rules.document(), &steps!["spec", "api", "loadBalancer"], "no load balancer");
                rules.push(finding);
            }
            return;
        }
    };
    let network = &rules.spec().network;
    let mut named = Vec::new();
    for member in &rules.spec().control_plane.members {
        let Some(subnet) = network.subnet(&member.subnet) else { continue };
        let there = network.subnets.iter().any(|it| it.zone == subnet.zone && it.subnet_type == needed);
        if !there && !named.contains(&&subnet.zone) {
            named.push(&subnet.zone);
            let message =
                format!("the API's load balancer needs a {word} subnet in {}, and there is none", subnet.zone);
            let finding = rules
                .error(message)
                .at(rules.document(), &steps!["spec", "api", "loadBalancer"], "")
                .hint(format!("a member is in that zone: add a subnet of type {word} there"));
            rules.push(finding);
        }
    }
}

fn allow(rules: &mut Rules<'_>) {
    let api = &rules.spec().api;
    let path = steps!["spec", "api", "allow"];
    for (first, second) in repeats(&api.allow) {
        let finding = rules
            .error(format!("the range {} is allowed twice", api.allow[second]))
            .at(rules.document(), &steps!["spec", "api", "allow", second], "again here")
            .at(rules.document(), &steps!["spec", "api", "allow", first], "first here");
        rules.push(finding);
    }
    if api.allow.len() > MOST_ALLOWED {
        let count = api.allow.len();
        rules.wrong(&path, format!("{count} ranges do not fit into one security group: at most {MOST_ALLOWED}"));
    }
    if api.load_balancer != ApiLoadBalancer::Public {
        return;
    }
    if api.allow.is_empty() {
        let finding = rules
            .warning("the API has a public load balancer that lets nobody in")
            .at(rules.document(), &steps!["spec", "api", "loadBalancer"], "")
            .hint("say who may connect in api.allow, or make it internal");
        rules.push(finding);
    }
    for (index, cidr) in api.allow.iter().enumerate().filter(|(_, cidr)| cidr.net().prefix_len() == 0) {
        let finding = rules
            .warning(format!("the API is open to the whole internet ({cidr})"))
            .at(rules.document(), &steps!["spec", "api", "allow", index], "")
            .hint("allow the ranges that people and jobs connect from");
        rules.push(finding);
    }
}
