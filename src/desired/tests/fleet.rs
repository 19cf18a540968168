//! The example fleet of this repository, through render and specification: golden plans of its clusters, and the
//! resources that a reader would look at first.

use std::path::Path;

use super::manifests::facts;
use super::{Resources, get, made};
use crate::name::ClusterName;
use crate::plan::{Inputs, Plan, Purpose, plan};
use crate::render::{Project, render};
use crate::resource::{Content, Observed, Resource};
use crate::spec::{self, Specification};
use crate::state::Records;
use crate::ui::plan::{View, text};

fn specification(cluster: &str) -> Specification {
    let project = Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the example fleet");
    let rendered = render(&project, &name(cluster)).unwrap_or_else(|problems| panic!("{problems}"));
    spec::read(&rendered).unwrap_or_else(|problems| panic!("{problems}"))
}

fn name(cluster: &str) -> ClusterName {
    cluster.parse().expect("a cluster name")
}

fn first_plan(cluster: &str) -> (Plan, Resources) {
    let specification = specification(cluster);
    let facts = facts(&specification);
    let resources = made(&specification);
    let plan = plan(&Inputs {
        cluster: &name(cluster),
        account: &facts.account,
        region: &facts.region,
        uid: None,
        purpose: Purpose::Apply,
        desired: &resources,
        observed: &Observed::default(),
        records: &Records::default(),
        config: None,
    });
    (plan.expect("a plan"), resources)
}

#[test]
fn prod_customer_as_a_first_plan() {
    let (plan, _) = first_plan("prod-customer.k8s.foo.bar");
    insta::assert_snapshot!(text(&plan, View::default()));
}

#[test]
fn staging_customer_as_a_first_plan() {
    let (plan, _) = first_plan("staging-customer.k8s.foo.bar");
    insta::assert_snapshot!(text(&plan, View::default()));
}

#[test]
fn prod_video_as_a_first_plan() {
    let (plan, _) = first_plan("prod-video.k8s.foo.bar");
    insta::assert_snapshot!(text(&plan, View::default()));
}

#[test]
fn a_spot_group_of_prod_customer() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let group =
        resources.keys().find(|it| it.to_string().starts_with("auto-scaling-group/spot")).expect("a spot group");
    insta::assert_snapshot!(serde_json::to_string_pretty(&resources[group]).expect("JSON"));
}

/// Scripts and units are read as files; here only which there are, and what is made from the manifest.
fn without_scripts(user_data: &str) -> String {
    let document: serde_json::Value = serde_saphyr::from_str(user_data).expect("YAML");
    let mut text = String::new();
    for file in document["write_files"].as_array().expect("files") {
        let field = |name: &str| file[name].as_str().expect("text");
        text += &format!("=== {} {}\n", field("permissions"), field("path"));
        if !field("path").ends_with(".sh") {
            text += field("content");
        }
    }
    text + &document["runcmd"].to_string()
}

#[test]
fn user_data_of_a_member() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let Resource::LaunchTemplate(template) = get(&resources, "launch-template/control-plane-a") else { panic!() };
    insta::assert_snapshot!(without_scripts(&template.user_data));
}

#[test]
fn user_data_of_a_node() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let Resource::LaunchTemplate(template) = get(&resources, "launch-template/admin") else { panic!() };
    insta::assert_snapshot!(without_scripts(&template.user_data));
}

#[test]
fn parameters_of_a_cluster_and_of_a_member() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let mut page = String::new();
    for (address, resource) in &resources {
        let Resource::Parameter(parameter) = resource else { continue };
        if !address.name().starts_with("members/b/") && !address.name().starts_with("members/c/") {
            let content = serde_json::to_string(&parameter.content).expect("JSON");
            page += &format!("{} {content}\n", parameter.name);
        }
    }
    insta::assert_snapshot!(page);
}

#[test]
fn leafs_of_different_members_end_at_different_times_and_only_what_names_an_interface_refers_to_it() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let mut lifetimes = std::collections::BTreeSet::new();
    for (address, resource) in &resources {
        let Resource::Parameter(parameter) = resource else { continue };
        let Content::Certificate(request) = &parameter.content else { continue };
        lifetimes.insert(request.lifetime);
        let year = 365 * 86_400;
        assert!((year / 10 * 9..=year).contains(&request.lifetime), "{address}: {}", request.lifetime);
        let member = address.name().split('/').nth(1).expect("a member");
        if let Some(interface) = &request.interface {
            assert_eq!(interface.to_string(), format!("@network-interface/control-plane-{member}"));
        }
    }
    assert!(lifetimes.len() > 30, "{lifetimes:?}");
}

#[test]
fn a_key_of_ones_own_is_used_for_the_parameters_only() {
    let mut specification = specification("prod-customer.k8s.foo.bar");
    for (key, resource) in [
        ("alias/cluster", "arn:aws:kms:eu-west-3:123456789012:key/*"),
        ("arn:aws:kms:eu-west-3:123456789012:key/1f", "arn:aws:kms:eu-west-3:123456789012:key/1f"),
        ("1f", "arn:aws:kms:eu-west-3:123456789012:key/1f"),
    ] {
        specification.cluster.spec.pki.kms_key = Some(key.to_owned());
        let resources = made(&specification);
        let Resource::Role(role) = get(&resources, "role/control-plane") else { panic!() };
        let document = role.policies["member"].to_string();
        assert!(document.contains("kms:Decrypt") && document.contains(&format!("{resource:?}")), "{document}");
        assert_eq!(document.contains("kms:ResourceAliases"), key.starts_with("alias/"));
        let of = |address: &str| match get(&resources, address) {
            Resource::Parameter(it) => it.kms_key.clone(),
            _ => panic!("{address} is a parameter"),
        };
        assert_eq!(of("parameter/pki/cluster.key").as_deref(), Some(key));
        assert_eq!(of("parameter/pki/cluster.crt"), None);
    }
}

#[test]
fn what_instances_may_do() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let policies: Vec<_> = resources
        .iter()
        .filter_map(|(address, resource)| match resource {
            Resource::Role(role) => Some((address.to_string(), &role.policies)),
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&policies).expect("JSON"));
}

#[test]
fn who_may_talk_to_whom() {
    let (_, resources) = first_plan("prod-customer.k8s.foo.bar");
    let mut page = String::new();
    for resource in resources.values() {
        let Resource::SecurityGroupRules(rules) = resource else { continue };
        for (way, rules, group) in [("in", &rules.ingress, &rules.group), ("out", &rules.egress, &rules.group)] {
            for rule in rules {
                let peer = serde_json::to_string(&rule.peer).expect("JSON");
                page += &format!("{group} {way}: {} {:?} {peer}: {}\n", rule.protocol, rule.ports, rule.description);
            }
        }
    }
    insta::assert_snapshot!(page);
}
