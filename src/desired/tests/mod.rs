//! Whole clusters: what a specification becomes.

mod fleet;
pub(super) mod manifests;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use manifests::{CLUSTER, GROUP, facts, read, with};

use super::desired;
use crate::problem::{Problem, Problems, Severity};
use crate::resource::{Address, Kind, LaunchNetwork, Placement, Reference, Resource, Scheme};
use crate::spec::Specification;

type Resources = BTreeMap<Address, Resource>;

fn made(specification: &Specification) -> Resources {
    let (resources, _) = desired(specification, &facts(specification)).expect("a good cluster");
    // Whatever is desired can be planned: nothing refers to what is not there.
    for (address, resource) in &resources {
        for to in resource.references().into_iter().filter_map(Reference::address) {
            assert!(resources.contains_key(to), "{address} refers to {to}");
        }
    }
    resources
}

fn get<'a>(resources: &'a Resources, address: &str) -> &'a Resource {
    let address: Address = address.parse().expect("an address");
    resources.get(&address).unwrap_or_else(|| panic!("{address} is not desired"))
}

fn count(resources: &Resources, kind: Kind) -> usize {
    resources.keys().filter(|address| address.kind() == kind).count()
}

fn errors(result: Result<(Resources, Vec<Problem>), Problems>) -> Vec<String> {
    let Err(Problems(problems)) = result else { return Vec::new() };
    problems.into_iter().filter(|it| it.severity == Severity::Error).map(|it| it.message).collect()
}

#[test]
fn members_take_over_a_fixed_interface_and_run_in_a_zone() {
    let resources = made(&read(CLUSTER, &[]));
    let Resource::LaunchTemplate(template) = get(&resources, "launch-template/control-plane-a") else { panic!() };
    let interface = Reference::to(Kind::NetworkInterface, "control-plane-a");
    assert_eq!(template.network, LaunchNetwork::Interface(interface));
    assert!(template.metadata_options.tokens_required && template.metadata_options.hop_limit == 1);
    assert!(template.block_devices.iter().all(|disk| disk.encrypted));
    let Resource::AutoScalingGroup(group) = get(&resources, "auto-scaling-group/control-plane-a") else { panic!() };
    assert_eq!(group.placement, Placement::Zones(vec![String::from("eu-west-3a")]));
    assert_eq!((group.min_size, group.max_size), (1, 1));
    let Resource::Volume(volume) = get(&resources, "volume/etcd-a") else { panic!() };
    assert!(volume.encrypted);
}

#[test]
fn nat_gateways_are_per_zone_single_or_none() {
    let nat = |value: &str| {
        let text = with(CLUSTER, "    subnets:\n", &format!("    nat: {value}\n    subnets:\n"));
        made(&read(&text, &[]))
    };
    for (value, gateways) in [("perZone", 3), ("single", 1), ("none", 0)] {
        let resources = nat(value);
        assert_eq!(count(&resources, Kind::NatGateway), gateways, "{value}");
        assert_eq!(count(&resources, Kind::ElasticIp), gateways, "{value}");
        // One for each zone's private subnets, and one for the public ones.
        assert_eq!(count(&resources, Kind::RouteTable), 4, "{value}");
    }
    let Resource::RouteTable(table) = get(&nat("none"), "route-table/private-eu-west-3a").clone() else { panic!() };
    assert!(table.routes.is_empty());
}

#[test]
fn the_api_is_internal_public_or_without_a_load_balancer() {
    let api = |value: &str| {
        let api = format!("  api:\n    loadBalancer: {value}\n    allow: [192.0.2.0/24]\n  controlPlane:\n");
        made(&read(&with(CLUSTER, "  controlPlane:\n", &api), &[]))
    };
    let internal = api("internal");
    let Resource::LoadBalancer(balancer) = get(&internal, "load-balancer/api") else { panic!() };
    assert_eq!((balancer.scheme, balancer.subnets.len()), (Scheme::Internal, 3));
    let Resource::TargetGroup(targets) = get(&internal, "target-group/api") else { panic!() };
    assert!(!targets.preserve_client_ip);

    let public = api("public");
    let Resource::LoadBalancer(balancer) = get(&public, "load-balancer/api") else { panic!() };
    assert_eq!(balancer.scheme, Scheme::InternetFacing);
    assert!(balancer.subnets.contains(&Reference::to(Kind::Subnet, "public-a")));
    // Nodes come through NAT gateways, whom the balancer does not know: they go to the members.
    let Resource::RecordSet(record) = get(&public, "record-set/api.internal.test.k8s.foo.bar/a") else { panic!() };
    assert_eq!((record.addresses.len(), record.alias.is_none()), (3, true));

    let none = api("none");
    assert_eq!(count(&none, Kind::LoadBalancer) + count(&none, Kind::TargetGroup) + count(&none, Kind::Listener), 0);
    let Resource::SecurityGroupRules(rules) = get(&none, "security-group-rules/control-plane") else { panic!() };
    assert!(rules.ingress.iter().any(|rule| rule.description == "Kubernetes API, allowed by the manifest"));
}

#[test]
fn nothing_but_the_manifest_opens_a_group_to_addresses() {
    let resources = made(&read(CLUSTER, &[GROUP]));
    for resource in resources.values() {
        if let Resource::SecurityGroupRules(rules) = resource {
            let open = rules.ingress.iter().find(|rule| matches!(rule.peer, crate::resource::Peer::Cidr(_)));
            assert_eq!(open, None, "{}", rules.group);
            assert!(rules.ingress.iter().chain(&rules.egress).all(|rule| !rule.description.is_empty()));
        }
    }
}

#[test]
fn the_autoscaler_knows_a_groups_labels_taints_and_disk() {
    let group = format!("{GROUP}  nodeLabels: {{ tier: web }}\n  taints: [\"dedicated=web:NoSchedule\"]\n");
    let resources = made(&read(CLUSTER, &[&group]));
    let Resource::AutoScalingGroup(group) = get(&resources, "auto-scaling-group/nodes") else { panic!() };
    let tag = |key: &str| group.tags.get(key).map(|tag| tag.value.as_str());
    assert_eq!(tag("k8s.io/cluster-autoscaler/enabled"), Some("true"));
    assert_eq!(tag("k8s.io/cluster-autoscaler/test.k8s.foo.bar"), Some("owned"));
    assert_eq!(tag("k8s.io/cluster-autoscaler/node-template/label/tier"), Some("web"));
    assert_eq!(tag("k8s.io/cluster-autoscaler/node-template/taint/dedicated"), Some("web:NoSchedule"));
    assert_eq!(tag("k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage"), Some("100Gi"));
    assert_eq!(tag("kubernetes.io/cluster/test.k8s.foo.bar"), Some("owned"));
}

#[test]
fn several_types_on_demand_are_a_mixed_group_without_spot() {
    let group = with(GROUP, "[m6i.xlarge]", "[m6i.xlarge, m6a.xlarge]");
    let resources = made(&read(CLUSTER, &[&group]));
    let Resource::AutoScalingGroup(group) = get(&resources, "auto-scaling-group/nodes") else { panic!() };
    let mixed = group.mixed_instances.as_ref().expect("a policy");
    assert_eq!((mixed.machine_types.len(), mixed.on_demand_percentage_above_base), (2, 100));
    assert!(!group.capacity_rebalance);
    let Resource::LaunchTemplate(template) = get(&resources, "launch-template/nodes") else { panic!() };
    assert_eq!(template.machine_type, None);
}

#[test]
fn the_longest_names_fit_and_stay_apart() {
    let long = format!("{}.k8s.foo.bar", "a".repeat(51));
    let cluster = CLUSTER.replace("test.k8s.foo.bar", &long);
    let group = with(GROUP, "name: nodes", &format!("name: {}", "b".repeat(63))).replace("test.k8s.foo.bar", &long);
    let resources = made(&manifests::read_as(&long, &cluster, &[&group]));
    let Resource::Role(role) = get(&resources, "role/control-plane") else { panic!() };
    assert!(role.name.len() <= 64, "{}", role.name);
    let Resource::LoadBalancer(balancer) = get(&resources, "load-balancer/api") else { panic!() };
    assert!(balancer.name.len() <= 32 && !balancer.name.contains('.'), "{}", balancer.name);
}

#[test]
fn user_data_holds_no_text_that_yaml_would_change() {
    let hook = "#!/bin/sh\\n\\techo \\\"tab\\\"\\n\\n  exit 0\\n";
    let text = with(
        CLUSTER,
        "  dns:\n",
        &format!("  hooks:\n    tab: \"{hook}\"\n    plain: |\n      #!/bin/sh\n      true\n  dns:\n"),
    );
    let group = format!("{GROUP}  userData: {{ before: [tab, plain], after: [plain] }}\n");
    let resources = made(&read(&text, &[&group]));
    let Resource::LaunchTemplate(template) = get(&resources, "launch-template/nodes") else { panic!() };
    let data: serde_json::Value = serde_saphyr::from_str(&template.user_data).expect("YAML");
    let files = data["write_files"].as_array().expect("files");
    let file = |path: &str| files.iter().find(|file| file["path"] == path).expect("the file");
    let facts: serde_json::Value =
        serde_json::from_str(files[0]["content"].as_str().expect("the facts come first")).expect("JSON");
    assert_eq!((facts["format"].as_u64(), facts["role"].as_str()), (Some(1), Some("node")));
    let hook = |index: usize| file(facts["hooks"]["before"][index].as_str().expect("a path"));
    assert_eq!(hook(0)["content"], "#!/bin/sh\n\techo \"tab\"\n\n  exit 0\n");
    assert_eq!(hook(1)["content"], "#!/bin/sh\ntrue\n");
    assert_eq!(hook(0)["permissions"], "0700");
}

#[test]
fn limits_are_known_before_the_first_call() {
    let mut specification = read(CLUSTER, &[]);
    // The specification has limits of its own; these are the last word.
    let spec = &mut specification.cluster.spec;
    spec.api.allow = (0..60).map(|it| format!("10.200.{it}.0/24").parse().expect("a range")).collect();
    spec.tags = (0..48).map(|number| (format!("t{number}"), String::from("x"))).collect();
    let errors = errors(desired(&specification, &facts(&specification)));
    let has = |text: &str| errors.iter().any(|error| error.contains(text));
    assert!(
        has("security-group-rules/load-balancer: rules for what comes in: 62, and AWS allows at most 60"),
        "{errors:?}"
    );
    assert!(has("tags with windlass' own"), "{errors:?}");
    // Digests do not compress: 64 KB of their digits are still 32.
    let digest = |number: u32| data_encoding::HEXLOWER.encode(&Sha256::digest(number.to_be_bytes()));
    let hook = format!("#!/bin/sh\n# {}\n", (0..1024).map(digest).collect::<String>());
    let hooks = with(CLUSTER, "  dns:\n", &format!("  hooks:\n    noise: {hook:?}\n  dns:\n"));
    let group = format!("{GROUP}  userData: {{ after: [noise] }}\n");
    let specification = read(&hooks, &[&group]);
    let errors = self::errors(desired(&specification, &facts(&specification)));
    assert!(errors[0].starts_with("launch-template/nodes: bytes of compressed user data: "), "{errors:?}");
}

#[test]
fn what_aws_does_not_have_is_all_told_at_once() {
    let specification = read(CLUSTER, &[GROUP]);
    let mut facts = facts(&specification);
    facts.images.clear();
    facts.hosted_zone = None;
    facts.zones.pop();
    let errors = errors(desired(&specification, &facts));
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert_eq!(errors[0], "subnet public-c: there is no zone eu-west-3c in this account");
    assert!(errors.iter().any(|error| error == "image ssm:/foo/images/kubernetes does not exist in eu-west-3"));
    assert!(errors.iter().any(|error| error == "there is no public hosted zone k8s.foo.bar in account 123456789012"));
}

#[test]
fn an_existing_network_is_checked_and_left_alone() {
    let specification = manifests::existing();
    let good = facts(&specification);
    let (resources, warnings) = desired(&specification, &good).expect("a good network");
    for kind in [Kind::Vpc, Kind::Subnet, Kind::InternetGateway, Kind::NatGateway, Kind::RouteTable] {
        assert_eq!(count(&resources, kind), 0, "{kind}");
    }
    // The tags of a subnet are its owner's matter.
    assert!(warnings.iter().all(|warning| warning.message.contains("lacks the tags")), "{warnings:?}");

    let mut bad = good;
    let network = bad.network.as_mut().expect("a network");
    network.dns_hostnames = false;
    for subnet in network.subnets.values_mut() {
        subnet.free_addresses = 3;
    }
    network.subnets.values_mut().next().expect("a subnet").zone = String::from("eu-west-3c");
    let last = network.subnets.keys().next_back().expect("a subnet").clone();
    network.subnets.remove(&last);
    let errors = errors(desired(&specification, &bad));
    let has = |text: &str| errors.iter().any(|error| error.contains(text));
    assert!(has("gives instances no DNS names"), "{errors:?}");
    assert!(has("has 3 free addresses, and the cluster needs at least"), "{errors:?}");
    assert!(has("is in eu-west-3c, not in"), "{errors:?}");
    assert!(has(&format!("{last} is not in VPC")), "{errors:?}");
}
