//! Mistakes in objects: what Kubernetes would refuse.

use super::*;

#[test]
fn fields_that_do_not_fit() {
    insta::assert_snapshot!(all_changed(&[
        &[("replicas: 2", "replcas: 2")],
        &[("replicas: 2", "replicas: two")],
        &[("replicas: 2", "replicas: \"2\"")],
        &[("cpu: 10m", "cpu: 10 m")],
        &[("memory: 16Mi", "memory: [16]")],
        &[("name: web\n          image", "nam: web\n          image")],
        &[("      containers:", "      containers: {}\n      container:")],
        &[("requests", "request"), ("replicas: 2", "replica: 2"), ("selector:", "selectors:")],
        &[("matchLabels: { app: web }", "matchLabels: { app: true }")],
        &[("      containers:", "      hostAliases: { a: b }\n      containers:")],
        &[("          resources", "          livenessProbe: { httpGet: { port: true } }\n          resources")],
        &[("          resources", "          ports: [{ containerPort: 1.5 }]\n          resources")],
        &[("  template:\n", "  template:\n    metdata: {}\n")],
        &[("  selector:\n    matchLabels: { app: web }\n", "")],
    ]));
}

#[test]
fn formats_that_types_check() {
    insta::assert_snapshot!(all_wrong(&[
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\nbinaryData: { a: '!' }\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: 1 }\n",
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: a }\nspec: { renewTime: yesterday }\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: a }\nroleRef: { kind: ClusterRole }\n",
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: gp3 }\nparameters: { type: gp3 }\n",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: things.example.com }\nspec:\n  group: example.com\n  scope: Cluster\n  names: { kind: Thing, plural: things }\n  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, properties: { a: { typ: string } } } } }]\n",
    ]));
}

#[test]
fn kinds_that_are_not_there() {
    insta::assert_snapshot!(all_wrong(&[
        "kind: ConfigMap\nmetadata: { name: a }\n",
        "apiVersion: v1\nmetadata: { name: a }\n",
        "apiVersion: v1\nkind: Confgmap\nmetadata: { name: a }\n",
        "apiVersion: v1\nkind: Deployment\nmetadata: { name: a }\n",
        "apiVersion: apps/v2\nkind: Deployment\nmetadata: { name: a }\n",
        "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: { name: a }\n",
        "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: { name: a }\n",
        "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: { name: a }\n",
        "apiVersion: networking.k8s.io/v1beta1\nkind: ServiceCIDR\nmetadata: { name: a }\n",
        "apiVersion: v1\nkind: Endpoints\nmetadata: { name: a }\n",
        "apiVersion: storagemigration.k8s.io/v1\nkind: StorageVersionMigration\nmetadata: { name: a }\n",
        "apiVersion: resource.k8s.io/v1beta1\nkind: DeviceClass\nmetadata: { name: a }\n",
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: a }\n",
    ]));
}

#[test]
fn custom_objects() {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: things.example.com }\nspec:\n  group: example.com\n  scope: Cluster\n  names: { kind: Thing, plural: things }\n  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]\n---\n";
    let things = [
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: a }\nspec: { anything: goes }\n",
        "apiVersion: example.com/v2\nkind: Thing\nmetadata: { name: a }\n",
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: a, namespace: kube-system }\n",
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: a, labls: {} }\n",
    ];
    let each = things.iter().map(|thing| format!("=== {thing}{}\n", wrong(&format!("{definition}{thing}"))));
    insta::assert_snapshot!(each.collect::<Vec<_>>().join("\n"));
}

#[test]
fn names_labels_and_sizes() {
    let map = |metadata: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n{metadata}");
    let maps = [
        "  generateName: a-\n",
        "  labels: {}\n",
        "  nmae: a\n",
        "  name: A\n",
        "  name: a..b\n",
        "  name: a\n  namespace: Own\n",
        "  name: a\n  labels: { -a: b }\n",
        "  name: a\n  labels: { a: not/good }\n",
        "  name: a\n  annotations: { a/b/c: d }\n",
        "  name: a\n  namespace: own\n",
        "  name: a\n  annotations: { kubectl.kubernetes.io/Any: 'x: y' }\n",
    ]
    .map(map);
    let mut texts: Vec<&str> = maps.iter().map(String::as_str).collect();
    texts.extend([
        "apiVersion: v1\nkind: Namespace\nmetadata: { name: a.b }\n",
        "apiVersion: v1\nkind: Namespace\nmetadata: { name: a, namespace: b }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: 1a }\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: a/b }\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: 'system:Any_Name' }\n",
    ]);
    insta::assert_snapshot!(all_wrong(&texts));
    let large = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata:\n  a: \"{}\"\n",
        "x".repeat(1_000_000)
    );
    assert_eq!(wrong(&large), "no mistake");
}

#[test]
fn what_etcd_would_not_take_is_refused() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  a: \"{% for i in range(1100) %}{{ 'x' * 1000 }}{% endfor %}\"\n";
    let text = text.replace("{{ 'x' * 1000 }}", &"x".repeat(1000));
    assert_eq!(
        wrong(&text),
        "ConfigMap kube-system/a has 1100104 bytes, and may have 1048576\n  rendered addons/x.yaml:2:7 `ConfigMap` \n  \
         addons/x.yaml.j2:2:7 `ConfigMap` from this template line\n  hint: split it: etcd takes no larger ones"
    );
}
