//! Documents of every kind, with every field of the manifest set, against the documented fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::*;
use crate::desired::tests::manifests::{CLUSTER, GROUP, facts, read, with};
use crate::spec::Specification;

/// Type → field → type: `text`, `number`, `switch`, `map` (of text or switches), `any`, `list …` or another type. From
/// the references "kubeadm Configuration (v1beta4)", "Kubelet Configuration (v1beta1)" and "kube-proxy Configuration
/// (v1alpha1)" of the Kubernetes documentation.
const FIELDS: &str = include_str!("fields.json");

/// Everything that a manifest can say to the components.
const FULL: &str = "  kubernetes:
    version: 1.34.2
    apiServer:
      audit: { defaultLevel: request, levels: { pods: none, deployments.apps: metadata } }
      oidc: { issuerURL: https://login.foo.bar, clientID: windlass, usernameClaim: sub }
      disableAdmissionPlugins: [DefaultStorageClass]
      featureGates: { SomeGate: true, OtherGate: false }
      extraArgs: { profiling: \"true\", v: \"2\" }
    controllerManager: { featureGates: { SomeGate: true }, extraArgs: { node-monitor-period: 2s } }
    scheduler: { featureGates: { SomeGate: true }, extraArgs: { v: \"3\" } }
    kubelet:
      evictionSoft: { memory.available: 500Mi }
      evictionSoftGracePeriod: { memory.available: 2m }
      allowedUnsafeSysctls: [net.core.somaxconn]
      cpuManagerPolicy: static
      serializeImagePulls: true
      featureGates: { SomeGate: true }
      extraArgs: { v: \"4\" }
    kubeProxy:
      mode: ipvs
      featureGates: { SomeGate: true }
      extraArgs: { conntrack-min: \"1000\", ipvs-strict-arp: \"true\", nodeport-addresses: 10.0.0.0/8, kube-api-qps: \"9\" }
  bootstrap: { imageRepository: registry.foo.bar/k8s, etcdImageTag: 3.6.5-0, dnsImageTag: v1.12.1 }
";

fn full() -> Specification {
    let cluster = with(CLUSTER, "  kubernetes:\n    version: 1.34.2\n", FULL);
    let etcd = "    machineType: m6i.large\n    etcd: { extraArgs: { snapshot-count: \"5000\" } }\n    nodeLabels: { tier: control }\n";
    let cluster = with(&cluster, "    machineType: m6i.large\n", etcd);
    read(&cluster, &[&format!("{GROUP}  taints: [\"dedicated=web:NoSchedule\"]\n  kubelet: {{ maxPods: 30 }}\n")])
}

/// All documents of a member and a node.
fn documents(specification: &Specification) -> Vec<Value> {
    let facts = facts(specification);
    let builder = Builder::new(specification, &facts);
    let member = &specification.cluster.spec.control_plane.members[0];
    let files = of_member(&builder, member).into_iter().chain(of_worker(&builder, &specification.node_groups[0]));
    let texts: Vec<String> = files.map(|(_, text)| text).collect();
    texts.iter().flat_map(|text| text.split("---\n")).map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

fn of_kind(specification: &Specification, kind: &str) -> Value {
    documents(specification).into_iter().find(|document| document["kind"] == kind).expect("the document")
}

fn argument(component: &Value, name: &str) -> Option<String> {
    let all = component["extraArgs"].as_array().expect("flags");
    all.iter().find(|it| it["name"] == name).and_then(|it| it["value"].as_str()).map(str::to_owned)
}

/// What in `value` is not as the type says, by path.
fn check(types: &Map<String, Value>, name: &str, value: &Value, path: &str, wrong: &mut Vec<String>) {
    if let Some(item) = name.strip_prefix("list ") {
        match value.as_array() {
            Some(items) => items.iter().for_each(|it| check(types, item, it, &format!("{path}[]"), wrong)),
            None => wrong.push(format!("{path} is no list")),
        }
        return;
    }
    let good = match name {
        "any" => true,
        "text" => value.is_string(),
        "number" => value.is_number(),
        "switch" => value.is_boolean(),
        "map" => value.as_object().is_some_and(|map| map.values().all(|it| it.is_string() || it.is_boolean())),
        _ => value.is_object(),
    };
    if !good {
        wrong.push(format!("{path} is no {name}: {value}"));
    }
    let Some(fields) = types.get(name).and_then(Value::as_object) else { return };
    for (field, inner) in value.as_object().into_iter().flatten() {
        match fields.get(field).and_then(Value::as_str) {
            Some(inner_type) => check(types, inner_type, inner, &format!("{path}.{field}"), wrong),
            None => wrong.push(format!("{path}.{field} is no field of {name}")),
        }
    }
}

#[test]
fn every_document_has_only_documented_fields_of_their_types() {
    let types: Value = serde_json::from_str(FIELDS).expect("JSON");
    let types = types.as_object().expect("types by name");
    let mut seen = BTreeSet::new();
    for specification in [read(CLUSTER, &[GROUP]), full()] {
        for document in documents(&specification) {
            let kind = document["kind"].as_str().unwrap_or("patch").to_owned();
            let mut wrong = Vec::new();
            if types.contains_key(&kind) {
                check(types, &kind, &document, &kind, &mut wrong);
            } else if document.get("providerID").is_some() {
                check(types, "KubeletConfiguration", &document, "patch", &mut wrong);
            }
            assert_eq!(wrong, Vec::<String>::new());
            seen.insert(kind);
        }
    }
    let expected = [
        "ClusterConfiguration",
        "InitConfiguration",
        "JoinConfiguration",
        "KubeletConfiguration",
        "KubeProxyConfiguration",
    ];
    assert!(expected.iter().all(|kind| seen.contains(*kind)), "{seen:?}");
}

#[test]
fn the_check_of_fields_finds_what_is_wrong() {
    let types: Value = serde_json::from_str(FIELDS).expect("JSON");
    let types = types.as_object().expect("types by name");
    for (document, expected) in [
        (serde_json::json!({"etcd": {"local": {"dataDirs": "/x"}}}), "C.etcd.local.dataDirs is no field of LocalEtcd"),
        (serde_json::json!({"apiServer": {"extraArgs": {"v": "2"}}}), "C.apiServer.extraArgs is no list"),
        (serde_json::json!({"clusterName": 7}), "C.clusterName is no text: 7"),
    ] {
        let mut wrong = Vec::new();
        check(types, "ClusterConfiguration", &document, "C", &mut wrong);
        assert_eq!(wrong, [expected]);
    }
}

#[test]
fn every_flag_that_windlass_sets_is_documented_and_the_manifests_flags_win() {
    let lists = [
        ("apiServer", include_str!("../../../spec/rules/flags/kube-apiserver.txt")),
        ("controllerManager", include_str!("../../../spec/rules/flags/kube-controller-manager.txt")),
        ("scheduler", include_str!("../../../spec/rules/flags/kube-scheduler.txt")),
    ];
    let cluster = of_kind(&full(), "ClusterConfiguration");
    let etcd = include_str!("../../../spec/rules/flags/etcd.txt");
    let components =
        lists.into_iter().map(|(name, list)| (&cluster[name], list)).chain([(&cluster["etcd"]["local"], etcd)]);
    for (component, list) in components {
        let known: BTreeSet<&str> = list.lines().collect();
        for flag in component["extraArgs"].as_array().expect("flags") {
            assert!(known.contains(flag["name"].as_str().expect("a name")), "{flag}");
        }
    }
    assert_eq!(argument(&cluster["apiServer"], "profiling").as_deref(), Some("true"), "the manifest's own flag wins");
    assert_eq!(argument(&cluster["etcd"]["local"], "snapshot-count").as_deref(), Some("5000"));
    assert_eq!(argument(&cluster["controllerManager"], "feature-gates").as_deref(), Some("SomeGate=true"));
}

#[test]
fn hardened_defaults_hold_where_a_manifest_says_nothing() {
    let specification = read(CLUSTER, &[GROUP]);
    let cluster = of_kind(&specification, "ClusterConfiguration");
    for (component, flag, value) in [
        ("apiServer", "profiling", "false"),
        ("apiServer", "authorization-mode", "Node,RBAC"),
        ("apiServer", "enable-admission-plugins", "NodeRestriction"),
        ("apiServer", "service-account-lookup", "true"),
        ("apiServer", "encryption-provider-config", "/etc/kubernetes/pki/encryption.yaml"),
        ("apiServer", "audit-log-maxage", "30"),
        ("apiServer", "tls-min-version", "VersionTLS12"),
        ("apiServer", "authentication-config", "/etc/kubernetes/config/authentication.yaml"),
        ("controllerManager", "bind-address", "127.0.0.1"),
        ("controllerManager", "use-service-account-credentials", "true"),
        ("controllerManager", "horizontal-pod-autoscaler-downscale-stabilization", "5m0s"),
        ("controllerManager", "cluster-signing-duration", "8760h0m0s"),
        ("scheduler", "profiling", "false"),
        ("scheduler", "bind-address", "127.0.0.1"),
    ] {
        assert_eq!(argument(&cluster[component], flag).as_deref(), Some(value), "{component} {flag}");
    }
    let kubelet = of_kind(&specification, "KubeletConfiguration");
    assert_eq!(kubelet["authentication"]["anonymous"]["enabled"], false);
    assert_eq!(kubelet["authorization"]["mode"], "Webhook");
    assert_eq!((kubelet["readOnlyPort"].as_u64(), &kubelet["rotateCertificates"]), (Some(0), &Value::Bool(true)));
    assert_eq!(kubelet["clusterDNS"][0], "100.72.0.10");
}

#[test]
fn people_sign_in_by_file_or_by_flags_as_the_version_and_the_manifest_say() {
    let authentication = |specification: &Specification| {
        documents(specification).into_iter().find(|it| it["kind"] == "AuthenticationConfiguration")
    };
    let full = full();
    let file = authentication(&full).expect("a file");
    assert_eq!(file["apiVersion"], "apiserver.config.k8s.io/v1");
    assert_eq!(file["anonymous"]["conditions"][1]["path"], "/readyz");
    assert_eq!(file["jwt"][0]["claimMappings"]["username"]["prefix"], "https://login.foo.bar#");
    assert_eq!(argument(&of_kind(&full, "ClusterConfiguration")["apiServer"], "oidc-issuer-url"), None);

    let older = with(
        CLUSTER,
        "version: 1.34.2",
        "version: 1.31.4\n    apiServer: { oidc: { issuerURL: https://login.foo.bar, clientID: me } }",
    );
    let older = read(&older, &[GROUP]);
    assert_eq!(authentication(&older), None);
    let server = &of_kind(&older, "ClusterConfiguration")["apiServer"];
    assert_eq!(argument(server, "oidc-client-id").as_deref(), Some("me"));
    assert_eq!(argument(server, "authentication-config"), None);

    let own = with(
        CLUSTER,
        "version: 1.34.2",
        "version: 1.34.2\n    apiServer: { extraArgs: { anonymous-auth: \"false\" } }",
    );
    assert_eq!(authentication(&read(&own, &[GROUP])), None, "kube-apiserver refuses both");
}

#[test]
fn an_audit_policy_never_writes_the_contents_of_secrets_by_default() {
    let policy = of_kind(&full(), "Policy");
    let level = |resource: &str| {
        let rules = policy["rules"].as_array().expect("rules");
        let names = |rule: &&Value| rule["resources"][0]["resources"][0] == resource;
        rules.iter().find(names).map(|rule| rule["level"].as_str().expect("a level").to_owned())
    };
    assert_eq!(level("secrets").as_deref(), Some("Metadata"));
    assert_eq!(level("pods").as_deref(), Some("None"));
    let rules = policy["rules"].as_array().expect("rules");
    assert_eq!(rules.last().expect("the default")["level"], "Request");
    assert_eq!(rules.iter().find(|it| it["resources"][0]["group"] == "apps").expect("one")["level"], "Metadata");
}

#[test]
fn a_groups_kubelet_settings_reach_its_nodes() {
    let documents = documents(&full());
    let patch = documents.iter().rfind(|it| it.get("providerID").is_some()).expect("the node's patch");
    assert_eq!((patch["maxPods"].as_u64(), patch["maxParallelImagePulls"].as_u64()), (Some(30), Some(1)));
    let proxy = of_kind(&full(), "KubeProxyConfiguration");
    assert_eq!(proxy["conntrack"]["min"], 1000);
    assert_eq!(proxy["nodePortAddresses"][0], "10.0.0.0/8");
    let join = of_kind(&full(), "JoinConfiguration");
    assert_eq!(join["nodeRegistration"]["taints"][0]["value"], "web");
    let own: BTreeSet<&str> = include_str!("../../../spec/rules/flags/kube-proxy.txt").lines().skip(1).collect();
    assert_eq!(own, proxy::flags().collect(), "what the rules accept has a field");
}
