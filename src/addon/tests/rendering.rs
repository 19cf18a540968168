//! Files, waves, order, namespaces, places.

use super::*;
use crate::addon::Object;

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

fn names(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| object.key().to_string()).collect()
}

#[test]
fn an_addon_is_a_file_or_a_folder_in_the_order_of_names() {
    let (one, two, three) = (config_map("one"), config_map("two"), config_map("three"));
    let files = [
        ("addons/dns.yaml.j2", one.as_str()),
        ("addons/flannel/2.yaml.j2", three.as_str()),
        ("addons/flannel/1.yaml.j2", two.as_str()),
        ("addons/unlisted.yaml.j2", "kind: Nothing\n"),
        ("addons/README.md", "words"),
    ];
    let listed = "    - name: dns\n      needs: [flannel]\n      namespace: default\n    - name: flannel\n    - { name: off, enabled: false }\n";
    let addons = of(listed, &files, &NoCharts).expect("good").list;
    let seen: Vec<_> = addons.iter().map(|addon| (addon.name.as_str(), addon.wave, names(&addon.objects))).collect();
    assert_eq!(
        seen,
        [
            (
                "flannel",
                0,
                vec![String::from("ConfigMap kube-system/two"), String::from("ConfigMap kube-system/three")]
            ),
            ("dns", 1, vec![String::from("ConfigMap default/one")]),
        ]
    );
    assert_eq!(addons[1].needs, ["flannel"]);
    assert_eq!(addons[1].objects[0].value["metadata"]["namespace"], "default");
    let place = &addons[0].objects[1].place;
    assert_eq!((place.file.as_str(), place.line, place.column), ("rendered addons/flannel/2.yaml", 2, 7));
}

#[test]
fn an_addon_without_a_file_is_told_at_its_place() {
    let map = config_map("one");
    let files = [("addons/flannel/1.yaml.j2", map.as_str()), ("addons/dns.yaml.j2", map.as_str())];
    insta::assert_snapshot!(
        [
            answer(of("    - name: flanel\n", &files, &NoCharts)),
            answer(of("    - name: monitoring\n", &files, &NoCharts)),
            answer(of("    - name: monitoring\n", &[], &NoCharts)),
            answer(of("    - name: dns\n", &[files[1], ("addons/dns/1.yaml.j2", map.as_str())], &NoCharts)),
            answer(of("    - name: dns\n", &[files[1], ("addons/crds/all.yaml", map.as_str())], &NoCharts)),
        ]
        .join("\n\n")
    );
}

#[test]
fn objects_are_sorted_for_applying_and_lists_are_opened() {
    let text = "\
apiVersion: v1
kind: List
items:
  - { apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: { name: hook } }
  - apiVersion: apps/v1
    kind: Deployment
    metadata: { name: web }
    spec:
      selector: { matchLabels: { app: web } }
      template:
        metadata: { labels: { app: web } }
        spec: { containers: [{ name: web, image: 'a/b:1', resources: { limits: { cpu: 1, memory: 1Gi } } }] }
  - { apiVersion: example.com/v1, kind: Thing, metadata: { name: thing } }
---
# Nothing.
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBindingList
items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: { name: 'system:web' }
    roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: web }
---
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: web, namespace: own } }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.com }
spec:
  group: example.com
  scope: Cluster
  names: { kind: Thing, plural: things }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
---
{ apiVersion: v1, kind: Namespace, metadata: { name: own } }
";
    let addons = of("    - name: x\n", &[("addons/x.yaml.j2", text)], &NoCharts).expect("good");
    assert_eq!(addons.warnings, []);
    assert_eq!(
        names(&addons.list[0].objects),
        [
            "Namespace own",
            "CustomResourceDefinition things.example.com",
            "ServiceAccount own/web",
            "RoleBinding kube-system/system:web",
            "Deployment kube-system/web",
            "Thing thing",
            "ValidatingWebhookConfiguration hook",
        ]
    );
}

#[test]
fn a_mistake_is_traced_to_template_snippet_and_vars() {
    let template =
        "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {{ names.map }}\n---\n{{ snippet('deployment.yaml') }}\n";
    let snippet = changed(&[("replicas: 2", "replicas: {{ names.replicas }}")]);
    let files = [
        ("addons/x.yaml.j2", template),
        ("snippets/deployment.yaml", snippet.as_str()),
        ("vars/common.yaml", "names:\n  map: Not_Good\n  replicas: two\n"),
    ];
    insta::assert_snapshot!(answer(of("    - name: x\n", &files, &NoCharts)));
}

#[test]
fn two_objects_of_one_key_are_told_with_both_places() {
    let map = config_map("one");
    let twice = [("addons/a.yaml.j2", map.as_str()), ("addons/b.yaml.j2", map.as_str())];
    insta::assert_snapshot!(answer(of("    - name: a\n    - name: b\n", &twice, &NoCharts)));
}

#[test]
fn what_cannot_be_rendered_is_told_as_for_templates() {
    insta::assert_snapshot!(all_wrong(&[
        "a: {{ cluster.regoin }}\n",
        "a: {{ addon.nam }}\n",
        "a: {% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}\n",
        "a: [1\n",
        "just text\n",
        "a: {{ 'quay.io/A:1' | image({}) }}\n",
        "a: {{ 'quay.io/a:1' | image('mirror') }}\n",
        "a: {{ cluster.groups | image({}) }}\n",
        "a: {{ 'quay.io/a:1' | image({'quay.io': 'https://mirror'}) }}\n",
    ]));
}

#[test]
fn a_field_without_a_value_is_no_field_and_a_files_mode_counts_in_eights() {
    let extra = "      nodeSelector:\n      volumes: [{ name: a, configMap: { name: '0644', defaultMode: 0644 } }]\n      containers:";
    let text = changed(&[("      containers:", extra)]);
    let addons = of("    - name: x\n", &[("addons/x.yaml.j2", &text)], &NoCharts).expect("good");
    let spec = &addons.list[0].objects[0].value["spec"]["template"]["spec"];
    assert_eq!(spec.get("nodeSelector"), None);
    let map = &spec["volumes"][0]["configMap"];
    assert_eq!((&map["name"], &map["defaultMode"]), (&"0644".into(), &420.into()));
}
