//! Add-ons, as a user has them: applied, shown, changed by hand, taken away, and gone with the cluster.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";
const TEMPLATE: &str = "templates/1_cluster.yaml.j2";

/// The sandbox on a loopback port, and kubectl at a cluster in it.
struct Served<'a> {
    fleet: &'a Fleet,
    child: Child,
    server: String,
}

impl<'a> Served<'a> {
    fn start(fleet: &'a Fleet) -> Self {
        let kubeconfig = fleet.sandboxed(&["kubeconfig", CLUSTER, "--print"]).exits(0);
        fleet.write(".windlass/kubeconfig", &kubeconfig.stdout);
        let mut command = fleet.command(&["sandbox", "serve", "--port", "0", "--speed", "200"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("windlass runs");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = lines.map(|line| line.expect("text")).find(|line| line.starts_with(CLUSTER));
        let server = line.and_then(|line| line.split_whitespace().nth(1).map(str::to_owned)).expect("its address");
        Self { fleet, child, server }
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let output = Command::new("kubectl")
            .args(["--kubeconfig", ".windlass/kubeconfig", "--server", &self.server])
            .args(["--tls-server-name", &format!("api.{CLUSTER}")])
            .args(arguments)
            .current_dir(self.fleet.path())
            .env("HOME", self.fleet.path())
            .output()
            .expect("kubectl runs: scripts/test installs it");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {told}");
        String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        // As Ctrl-C does, so that everything is stored; already dead is as good.
        let _told = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _reaped = self.child.wait();
    }
}

fn status(fleet: &Fleet, cluster: &str) -> Value {
    let ran = fleet.sandboxed(&["status", cluster, "--output", "json"]).exits(0);
    serde_json::from_str(&ran.stdout).expect("a document")
}

#[test]
fn an_apply_ends_with_ready_nodes_and_healthy_add_ons() {
    const PRODUCTION: &str = "prod-customer.k8s.foo.bar";
    let fleet = Fleet::with_add_ons();
    let planned = fleet.sandboxed(&["plan", PRODUCTION]).exits(0);
    planned.says("the cluster does not exist yet").says("+ overprovisioning");
    let ran = fleet.sandboxed(&["apply", PRODUCTION, "--yes"]).exits(0);
    // Without a network no node is Ready, and with the add-on all are.
    assert!(ran.stderr.contains("flannel: DaemonSet kube-system/flannel made"), "{}", ran.stderr);
    let status = status(&fleet, PRODUCTION);
    let (ready, all) = (&status["nodes"]["ready"], &status["nodes"]["all"]);
    assert!(ready == all && all.as_u64().is_some_and(|all| all >= 8), "{status}");
    assert_eq!(status["addOns"]["changes"], serde_json::json!([]), "{status}");
    assert_eq!(status["addOns"]["unhealthy"], serde_json::json!([]), "{status}");
    assert_eq!(status["notReady"], serde_json::json!({}), "{status}");

    fleet.sandboxed(&["plan", PRODUCTION, "--detailed-exitcode"]).exits(0).says("Nothing to do");
    let again = fleet.sandboxed(&["-v", "apply", PRODUCTION, "--yes"]).exits(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    fleet.sandboxed(&["state", "fsck", PRODUCTION]).exits(0);
    let branch = format!("windlass-state/{PRODUCTION}:addons/flannel.json");
    let kept = fleet.git(&["--git-dir", ".windlass/sandbox-state.git", "show", &branch]);
    assert!(kept.contains("DaemonSet"), "what was applied is on the state branch: {kept}");
}

#[test]
fn a_changed_snippet_is_a_one_line_diff_of_one_add_on() {
    let fleet = Fleet::with_add_ons();
    fleet.edit("addons/metrics-server.yaml.j2", "--metric-resolution=", "{{ snippet(\"resolution.txt\") }}--x=");
    let text = fleet.read("addons/metrics-server.yaml.j2");
    let line = text.lines().find(|line| line.contains("resolution.txt")).expect("the line");
    let value = line.split("--x=").nth(1).expect("its value").to_owned();
    fleet.edit("addons/metrics-server.yaml.j2", &format!("--x={value}"), "");
    fleet.write("snippets/resolution.txt", &format!("--metric-resolution={value}"));
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);

    fleet.write("snippets/resolution.txt", "--metric-resolution=45s");
    let planned = fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(2);
    planned.says("Add-ons: 0 objects to create, 1 to change, 0 to delete");
    let planned = fleet.sandboxed(&["plan", CLUSTER, "--output", "json"]).exits(0);
    let plan: Value = serde_json::from_str(&planned.stdout).expect("a document");
    let changes = plan["addOns"]["changes"].as_array().expect("a list");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["object"], "Deployment kube-system/metrics-server");
    assert_eq!(changes[0]["fields"].as_array().map(Vec::len), Some(1), "{changes:?}");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_somebody_changed_by_hand_is_drift_and_is_not_overruled_in_silence() {
    let fleet = Fleet::created_with_add_ons(CLUSTER);
    {
        let served = Served::start(&fleet);
        served.kubectl(&["-n", "kube-system", "scale", "deployment", "metrics-server", "--replicas", "5"]);
        let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: of-somebody-else, namespace: kube-system }\n";
        fleet.write(".windlass/other.yaml", other);
        served.kubectl(&["apply", "--filename", ".windlass/other.yaml"]);
    }
    let planned = fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(3);
    planned.says("Deployment kube-system/metrics-server  # changed by hand").says("spec.replicas: 5 -> 2");
    fleet.sandboxed(&["status", CLUSTER]).exits(0).says("drift: metrics-server");
    fleet.sandboxed(&["drift", CLUSTER, "--detailed-exitcode"]).exits(3).says("spec.replicas: 5 -> 2");
    let refused = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(15);
    refused.warns(".spec.replicas").warns("\"kubectl\"").warns("--force-conflicts");
    fleet.sandboxed(&["apply", CLUSTER, "--yes", "--force-conflicts"]).exits(0);
    fleet.sandboxed(&["drift", CLUSTER, "--detailed-exitcode"]).exits(0).says("No drift");
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);

    // What is taken out of the manifests goes; what is not ours stays.
    fleet.edit(TEMPLATE, "    - name: node-termination-handler\n", "");
    let planned = fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(2);
    planned.says("- node-termination-handler: DaemonSet kube-system/node-termination-handler");
    let ran = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    let deleted: Vec<&str> = ran.stderr.lines().filter(|line| line.ends_with(" deleted")).collect();
    assert!(deleted[0].contains("DaemonSet"), "what works goes before what it works with: {deleted:?}");
    let served = Served::start(&fleet);
    let left = served.kubectl(&["-n", "kube-system", "get", "daemonsets,configmaps", "--output", "name"]);
    assert!(!left.contains("node-termination-handler"), "{left}");
    assert!(left.contains("configmap/of-somebody-else") && left.contains("daemonset.apps/flannel"), "{left}");
}

#[test]
fn an_apply_that_was_killed_among_its_add_ons_goes_on() {
    let fleet = Fleet::with_add_ons();
    fleet.sandboxed(&["apply", CLUSTER, "--yes", "--skip-add-ons"]).exits(0);
    for change in [3, 20] {
        fleet.killed(&["apply", CLUSTER, "--yes"], &format!(r#"{{"change":{change}}}"#));
    }
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
}

#[test]
fn a_definition_is_served_before_its_objects_and_a_namespace_is_made_and_stays() {
    let fleet = Fleet::with_add_ons();
    fleet.edit(TEMPLATE, "    - name: prometheus-rules\n", "    - name: crontabs\n      namespace: batch\n");
    fleet.write(
        "addons/crontabs.yaml.j2",
        r#"apiVersion: stable.example.com/v1
kind: CronTab
metadata: { name: nightly }
spec: { cronSpec: "0 3 * * *" }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: crontabs.stable.example.com }
spec:
  group: stable.example.com
  names: { plural: crontabs, singular: crontab, kind: CronTab }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { cronSpec: { type: string } } } }
"#,
    );
    let ran = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    let made: Vec<&str> =
        ran.stderr.lines().filter(|line| line.contains("crontabs: ") && line.ends_with(" made")).collect();
    let what: Vec<&str> = made.iter().filter_map(|line| line.split("crontabs: ").nth(1)).collect();
    let wanted = [
        "Namespace batch made",
        "CustomResourceDefinition crontabs.stable.example.com made",
        "CronTab batch/nightly made",
    ];
    assert_eq!(what, wanted, "{}", ran.stderr);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);

    fleet.edit(TEMPLATE, "    - name: crontabs\n      namespace: batch\n", "");
    let ran = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    assert!(ran.stderr.contains("CronTab batch/nightly deleted") && !ran.stderr.contains("Namespace batch"), "{ran:?}");
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_and_what_needs_it_is_not_begun() {
    let fleet = Fleet::created_with_add_ons(CLUSTER);
    fleet.write("vars/addons/broken.yaml", "images: { kubeletCsrApprover: registry.foo.bar/broken:v1.0.0 }\n");
    fleet.edit("windlass.yaml", "addons/settings.yaml]", "addons/settings.yaml, addons/broken.yaml]");
    let failed = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(15);
    failed
        .warns("kubelet-csr-approver:")
        .warns("metrics-server: not begun: it needs kubelet-csr-approver, which failed");
    fleet.edit("windlass.yaml", ", addons/broken.yaml", "");
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_destroy_leaves_neither_load_balancer_nor_volume_of_the_cluster() {
    let fleet = Fleet::with_add_ons();
    let before = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.write(
        ".windlass/shop.yaml",
        r#"apiVersion: v1
kind: Service
metadata:
  name: shop
  annotations: { service.beta.kubernetes.io/aws-load-balancer-type: nlb }
spec: { type: LoadBalancer, selector: { app: shop }, ports: [{ port: 443, targetPort: 8443 }] }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: store }
spec:
  serviceName: store
  replicas: 2
  selector: { matchLabels: { app: store } }
  template:
    metadata: { labels: { app: store } }
    spec:
      containers:
        - { name: store, image: "store:v1", volumeMounts: [{ name: data, mountPath: /data }] }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 10Gi } } }
"#,
    );
    {
        let served = Served::start(&fleet);
        served.kubectl(&["apply", "--filename", ".windlass/shop.yaml"]);
        let comes_true = |what: &[&str], wanted: &str| {
            let found = (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                served.kubectl(what).contains(wanted)
            });
            assert!(found, "{what:?} never had {wanted}");
        };
        let hostname = "jsonpath={.status.loadBalancer.ingress[0].hostname}";
        comes_true(&["get", "service", "shop", "--output", hostname], "elb");
        served.kubectl(&["rollout", "status", "statefulset/store", "--timeout", "60s"]);
    }
    let live = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    assert!(live.contains("CSIVolumeName") || live.lines().count() > before.lines().count(), "{live}");
    let destroyed = fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
    assert!(destroyed.stderr.contains("Service default/shop deleted"), "{}", destroyed.stderr);
    assert_eq!(fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout, before);
}

#[test]
fn the_table_of_versions_names_every_image_that_is_shipped() {
    let root = crate::support::root();
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("a file of the project");
    let (images, table) = (read("vars/addons/images.yaml"), read("docs/reference/addons.md"));
    let tags = images.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
        let (image, tag) = line.rsplit_once(':')?;
        image.contains('/').then(|| tag.trim().trim_matches(['"', '\'', '}', ' ']).to_owned())
    });
    let tags: Vec<String> = tags.collect();
    assert!(tags.len() > 15, "{tags:?}");
    let missing: Vec<&String> = tags.iter().filter(|tag| !table.contains(tag.as_str())).collect();
    assert!(missing.is_empty(), "docs/reference/addons.md does not name {missing:?}");
}
