//! What Kubernetes' own controllers write into our objects: theirs to keep and to remove, so a plan does not see it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::resource::{Observed, Resource, Rule};

/// How controllers mark the rules that they add to the nodes' group: cloud-provider-aws for network load balancers, and
/// the AWS Load Balancer Controller.
const MARKS: [&str; 2] = ["kubernetes.io/rule/", "elbv2.k8s.aws/"];

/// What was observed, without the rules of Kubernetes' controllers.
pub(super) fn without_theirs(observed: &Observed) -> Cow<'_, Observed> {
    let any = observed.found.iter().any(|found| match &found.resource {
        Resource::SecurityGroupRules(rules) => rules.ingress.iter().chain(&rules.egress).any(is_theirs),
        _ => false,
    });
    if !any {
        return Cow::Borrowed(observed);
    }
    let mut observed = observed.clone();
    let keep = |rules: &mut BTreeSet<Rule>| rules.retain(|rule| !is_theirs(rule));
    for found in &mut observed.found {
        if let Resource::SecurityGroupRules(rules) = &mut found.resource {
            keep(&mut rules.ingress);
            keep(&mut rules.egress);
        }
    }
    Cow::Owned(observed)
}

fn is_theirs(rule: &Rule) -> bool {
    MARKS.iter().any(|mark| rule.description.starts_with(mark))
}
