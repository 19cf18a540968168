//! Policies that no good add-on breaks.

use super::*;

#[test]
fn images_and_requests() {
    insta::assert_snapshot!(all_changed(&[
        &[("registry.k8s.io/web:1.2", "registry.k8s.io/web")],
        &[("registry.k8s.io/web:1.2", "registry.k8s.io/web:latest")],
        &[("registry.k8s.io/web:1.2", "registry.k8s.io/Web:1")],
        &[("          image: registry.k8s.io/web:1.2\n", "")],
        &[("cpu: 10m, ", "")],
        &[("requests: { cpu: 10m, memory: 16Mi }", "")],
        &[("requests", "limits")],
        &[("      containers:", "      initContainers: [{ name: init, image: 'a/b' }]\n      containers:")],
        &[(
            "      containers:",
            "      initContainers: [{ name: car, image: 'a/b:1', restartPolicy: Always }]\n      containers:"
        )],
    ]));
    let digest = format!("registry.k8s.io/web@sha256:{}", "0".repeat(64));
    assert_eq!(wrong(&changed(&[("registry.k8s.io/web:1.2", &digest)])), "no mistake");
}

#[test]
fn ways_out_of_the_container() {
    let host = "      hostNetwork: true\n      volumes: [{ name: run, hostPath: { path: /run } }]\n      containers:";
    let added = "          securityContext: { privileged: true, capabilities: { add: [NET_ADMIN, NET_RAW] } }\n          resources";
    insta::assert_snapshot!(all_changed(&[
        &[("      containers:", "      hostPID: true\n      containers:")],
        &[("      containers:", host), ("          resources", added)],
        &[
            ("      containers:", host),
            (
                "      labels: { app: web }",
                "      labels: { app: web }\n      annotations: { windlass.dev/privileged: ' ' }"
            )
        ],
    ]));
    let reason =
        "      labels: { app: web }\n      annotations: { windlass.dev/privileged: it makes the network of the nodes }";
    let good = [("      containers:", host), ("          resources", added), ("      labels: { app: web }", reason)];
    assert_eq!(wrong(&changed(&good)), "no mistake");
}

#[test]
fn pods_that_their_workload_does_not_find() {
    insta::assert_snapshot!(all_changed(&[
        &[("      labels: { app: web }", "      labels: { app: shop }")],
        &[("    metadata:\n      labels: { app: web }\n", "")],
        &[("      labels: { app: web }", "      labels: { app: web, -a: b }")],
    ]));
}

#[test]
fn budgets_that_never_allow_an_eviction() {
    let budget = |spec: &str| {
        format!(
            "{DEPLOYMENT}---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{ name: web }}\nspec:\n  selector: {{ matchLabels: {{ app: web }} }}\n  {spec}\n"
        )
    };
    let each =
        ["minAvailable: 2", "minAvailable: 51%", "minAvailable: 100%", "maxUnavailable: 0", "maxUnavailable: 0%"]
            .map(|spec| format!("=== {spec}\n{}\n", wrong(&budget(spec))));
    insta::assert_snapshot!(each.join("\n"));
    for good in ["minAvailable: 1", "minAvailable: 50%", "maxUnavailable: 1"] {
        assert_eq!(wrong(&budget(good)), "no mistake", "{good}");
    }
    let scaled = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: web }\nspec: { maxReplicas: 9, minReplicas: 3, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }\n";
    assert_eq!(wrong(&format!("{}{scaled}", budget("minAvailable: 2"))), "no mistake");
}

#[test]
fn secrets_in_git() {
    insta::assert_snapshot!(all_wrong(&[
        "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata: { word: c2VjcmV0 }\n",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { word: secret }\n",
        "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ntype: kubernetes.io/service-account-token\n",
    ]));
}
