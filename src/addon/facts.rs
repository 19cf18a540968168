//! What an add-on's templates see beside the vars: facts that follow from the manifests, as one more layer of vars.
//!
//! | key | |
//! |---|---|
//! | `cluster.region`, `cluster.account`, `cluster.partition` | `eu-west-3`, `"123456789012"`, `aws` |
//! | `cluster.version`, `cluster.minor` | `1.34.2`, `"1.34"` |
//! | `cluster.zones` | `[eu-west-3a, …]`, those that a subnet lies in |
//! | `cluster.podCIDR`, `cluster.serviceCIDR`, `cluster.dnsAddress` | ranges, and the address of the DNS service |
//! | `cluster.apiServer`, `cluster.apiServerPort` | the name by which nodes find the API, and its port |
//! | `cluster.cni` | `cilium`, `calico`, `flannel`, `amazonVpc`, `other` |
//! | `cluster.groups` | a list, one for each node group: see below |
//! | `cluster.autoscaler.flags`, `cluster.autoscaler.priorities` | what the cluster-autoscaler is told |
//! | `addon.name`, `addon.namespace` | the add-on itself |
//!
//! A group has `name`, `autoScalingGroup`, `role`, `application` (may be empty), `minSize`, `maxSize`, `spot` (whether any
//! instance can be one), `labels`, and `taints`, a list of `key`, `value`, `effect`.

use serde_json::{Value, json};

use crate::capacity::{Cycle, autoscaler_flags, priority_expander};
use crate::desired::{api_port, dns_address, group_name, internal_name, partition};
use crate::render::source::Source;
use crate::spec::{Addon, NodeGroup, Specification};

/// The facts of a cluster, for all its add-ons.
pub(super) fn of_cluster(specification: &Specification) -> Result<Source, Cycle> {
    let spec = &specification.cluster.spec;
    let name = specification.cluster.metadata.name.as_str();
    let version = spec.kubernetes.version;
    let mut zones: Vec<String> = spec.network.subnets.iter().map(|subnet| subnet.zone.to_string()).collect();
    zones.sort();
    zones.dedup();
    let region = spec.aws.region.as_str();
    let priorities = priority_expander(specification)?["data"]["priorities"].take();
    let facts = json!({
        "region": region,
        "account": spec.aws.account,
        "partition": partition(region),
        "version": version,
        "minor": format!("{}.{}", version.major, version.minor),
        "zones": zones,
        "podCIDR": spec.network.pod_cidr,
        "serviceCIDR": spec.network.service_cidr,
        "dnsAddress": dns_address(&spec.network),
        "apiServer": internal_name(name),
        "apiServerPort": api_port(&spec.api),
        "cni": spec.network.cni,
        "groups": specification.node_groups.iter().map(|it| group(specification, it)).collect::<Vec<_>>(),
        "autoscaler": { "flags": autoscaler_flags(specification), "priorities": priorities },
    });
    let source = format!("what the manifests of {name} say");
    Ok(layer(source, "cluster", &facts))
}

/// The facts of one add-on.
pub(super) fn of_addon(addon: &Addon) -> Source {
    let source = format!("what the manifest says of add-on {}", addon.name);
    layer(source, "addon", &json!({ "name": addon.name, "namespace": addon.namespace }))
}

fn layer(source: String, key: &str, facts: &Value) -> Source {
    // A tree of mappings with text keys can always be written.
    let text = serde_saphyr::to_string(&json!({ key: facts })).unwrap_or_default();
    Source::new(source, text)
}

fn group(specification: &Specification, group: &NodeGroup) -> Value {
    let spec = &group.spec;
    let taints: Vec<Value> = spec
        .taints
        .iter()
        .map(|taint| json!({ "key": taint.key, "value": taint.value, "effect": taint.effect.as_str() }))
        .collect();
    json!({
        "name": group.metadata.name,
        "autoScalingGroup": group_name(specification, group),
        "role": spec.role,
        "application": spec.application.as_deref().unwrap_or_default(),
        "minSize": spec.min_size,
        "maxSize": spec.max_size,
        "spot": spec.buys_spot(),
        "labels": spec.node_labels,
        "taints": taints,
    })
}
