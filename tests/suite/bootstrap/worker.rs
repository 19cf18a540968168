//! A node's scripts.

use super::CLUSTER;
use super::machine::{Kill, Machine};

#[test]
fn a_node_joins_with_the_token_and_the_authority_of_the_parameters() {
    let machine = Machine::worker();
    machine.succeeds("worker.sh", &[]);
    let kubeconfig = machine.read("etc/kubernetes/kubelet.conf");
    assert!(kubeconfig.contains("server: https://api.internal.test.k8s.foo.bar:6443"), "{kubeconfig}");
    assert!(kubeconfig.contains("certificate-authority: /etc/kubernetes/pki/ca.crt"), "{kubeconfig}");
    assert!(machine.read("etc/kubernetes/pki/ca.crt").contains("BEGIN CERTIFICATE"));
    let config = machine.read("run/windlass/kubeadm/config.yaml");
    assert!(config.contains("\"name\": \"ip-10-20-32-99.eu-west-3.compute.internal\""), "{config}");
    let patch = machine.read("run/windlass/kubeadm/patches/kubeletconfiguration1+merge.json");
    assert!(patch.contains("\"providerID\": \"aws:///eu-west-3a/i-0123\""), "{patch}");
    assert_eq!(machine.read("hooks-ran"), "first\nlast\n");
    assert!(!machine.root().join("run/windlass/join.conf").exists(), "the token is gone");
    assert!(!machine.log().contains("0123456789abcdef"), "{}", machine.log());
}

#[test]
fn the_token_is_read_anew_at_every_try() {
    let machine = Machine::worker();
    machine.world("fail/kubeadm", "");
    assert!(machine.fails("worker.sh", &[]).contains("could not join"));
    let reads = machine.log().lines().filter(|line| line.contains("ssm get-parameter --name")).count();
    assert_eq!(reads, 60);
    std::fs::remove_file(machine.world_path("fail/kubeadm")).expect("removed");
    machine.succeeds("worker.sh", &[]);
}

#[test]
fn twice_and_interrupted_it_ends_in_the_same_state() {
    let machine = Machine::worker();
    machine.succeeds("worker.sh", &[]);
    let (expected, log) = (machine.standing(), machine.log());
    machine.succeeds("worker.sh", &[]);
    machine.succeeds("worker-refresh.sh", &[]);
    machine.succeeds("worker-refresh.sh", &[]);
    let mut again = machine.standing();
    again.remove("root/var/lib/windlass/kubelet-trust");
    assert_eq!(again, expected);
    assert_eq!(machine.log().matches("kubeadm join").count(), 1);
    for kill in Kill::all(&log) {
        let machine = Machine::worker();
        assert!(machine.run_killed("worker.sh", kill).status.code().is_none(), "{kill:?} ended nothing");
        machine.succeeds("worker.sh", &[]);
        assert_eq!(machine.standing(), expected, "{kill:?}");
    }
}

#[test]
fn a_node_follows_what_the_cluster_trusts() {
    let machine = Machine::worker();
    machine.succeeds("worker.sh", &[]);
    machine.succeeds("worker-refresh.sh", &[]);
    let restarts = machine.log().matches("systemctl restart kubelet").count();
    let other = super::keys::authority(windlass::pki::AuthorityName::Cluster, 2).certificate().pem();
    machine.parameter(&format!("/windlass/{CLUSTER}/pki/cluster.crt"), &other);
    machine.succeeds("worker-refresh.sh", &[]);
    assert_eq!(machine.read("etc/kubernetes/pki/ca.crt"), other);
    assert_eq!(machine.log().matches("systemctl restart kubelet").count(), restarts + 1);
    machine.parameter(&format!("/windlass/{CLUSTER}/pki/cluster.crt"), "nonsense");
    assert!(machine.fails("worker-refresh.sh", &[]).contains("no certificate"));
    assert_eq!(machine.read("etc/kubernetes/pki/ca.crt"), other);
}
