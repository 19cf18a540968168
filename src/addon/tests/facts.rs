//! What templates of add-ons see.

use super::*;
use crate::addon::explain;

const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: { name: facts }
data:
  facts: |-
    {{ cluster.name }} {{ cluster.region }} {{ cluster.account }} {{ cluster.partition }}
    {{ cluster.version }} {{ cluster.minor }} {{ cluster.zones }}
    {{ cluster.podCIDR }} {{ cluster.serviceCIDR }} {{ cluster.dnsAddress }}
    {{ cluster.apiServer }}:{{ cluster.apiServerPort }} {{ cluster.cni }}
    {{ addon.name }} {{ addon.namespace }}
    {{ cluster.groups }}
    {{ cluster.autoscaler.flags[2] }}
    {{ cluster.autoscaler.priorities | indent(4) }}
  image: {{ images.pause | image(registries) }}
  other: {{ 'busybox:1' | image(registries) }}
";

const VARS: &str =
    "images:\n  pause: registry.k8s.io/pause:3.10\nregistries:\n  registry.k8s.io: mirror.foo.bar:5000/k8s\n";

fn facts() -> Result<Addons, Problems> {
    let files = [("addons/x.yaml.j2", TEMPLATE), ("vars/common.yaml", VARS)];
    of("    - { name: x, namespace: default }\n", &files, &NoCharts)
}

#[test]
fn facts_follow_from_the_manifests() {
    let addons = facts().expect("good");
    let data = &addons.list[0].objects[0].value["data"];
    assert_eq!(
        data["facts"].as_str().expect("a text"),
        "prod-customer.k8s.foo.bar eu-west-3 123456789012 aws\n\
         1.34.2 1.34 [\"eu-west-3a\",\"eu-west-3b\",\"eu-west-3c\"]\n\
         100.64.0.0/13 100.72.0.0/16 100.72.0.10\n\
         api.internal.prod-customer.k8s.foo.bar:6443 flannel\n\
         x default\n\
         [{\"name\":\"nodes\",\"autoScalingGroup\":\"nodes.prod-customer.k8s.foo.bar\",\"role\":\"node\",\
         \"application\":\"\",\"minSize\":1,\"maxSize\":10,\"spot\":false,\"labels\":{\"pool\":\"apps\"},\
         \"taints\":[{\"key\":\"dedicated\",\"value\":\"apps\",\"effect\":\"NoSchedule\"}]}]\n\
         --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/prod-customer.k8s.foo.bar\n\
         10:\n  - '^nodes\\.prod-customer\\.k8s\\.foo\\.bar$'"
    );
    assert_eq!(data["image"], "mirror.foo.bar:5000/k8s/pause:3.10");
    assert_eq!(data["other"], "busybox:1");
}

#[test]
fn facts_can_be_explained() {
    let addons = facts().expect("good");
    let shown = addons.list.iter().map(|addon| &addon.rendered);
    let nothing = crate::render::Rendered::from_texts(CLUSTER.parse().expect("a name"), []);
    let explained = explain(&nothing, shown.clone(), "cluster.minor").expect("there is such a fact");
    let place = &explained[0].vars[0].layers[0].place;
    assert_eq!(explained[0].value, "\"1.34\"");
    assert_eq!(
        (place.file.as_str(), place.text.trim()),
        ("what the manifests of prod-customer.k8s.foo.bar say", "minor: \"1.34\"")
    );
    assert_eq!(explained[0].used_in[0].file, "rendered addons/x.yaml");
    let field = explain(&nothing, shown, "ConfigMap/facts:data.image").expect("there is such a field");
    assert_eq!(field[0].vars[0].path, "images.pause");
}

#[test]
fn facts_are_not_the_vars_to_set() {
    let answers = ["cluster:\n  region: eu-west-1\n", "addon: word\n"].map(|vars| {
        let files = [("addons/x.yaml.j2", TEMPLATE), ("vars/common.yaml", vars)];
        answer(of("    - name: x\n", &files, &NoCharts))
    });
    insta::assert_snapshot!(answers.join("\n\n"));
}
