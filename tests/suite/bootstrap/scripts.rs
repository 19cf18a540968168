//! A member's scripts: what they leave, twice and interrupted, and what they refuse.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::machine::{Kill, Machine, message};
use super::{CLUSTER, keys};
use windlass::pki::AuthorityName;

use crate::support::proof;

const ADMIN: &str = "etc/kubernetes/admin.conf";

#[test]
fn a_member_comes_up_and_leaves_what_its_components_need() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    let root = machine.root();
    for name in ["ca", "apiserver", "apiserver-kubelet-client", "apiserver-etcd-client", "front-proxy-client"] {
        assert!(
            machine.read(&format!("etc/kubernetes/pki/{name}.crt")).starts_with("-----BEGIN CERTIFICATE"),
            "{name}"
        );
        assert!(machine.read(&format!("etc/kubernetes/pki/{name}.key")).contains("PRIVATE KEY"), "{name}");
    }
    for name in ["etcd/server", "etcd/peer", "etcd/healthcheck-client", "sa"] {
        let key = root.join(format!("etc/kubernetes/pki/{name}.key"));
        let mode = std::fs::metadata(&key).expect("a key").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    // The authorities of etcd and of the front proxy sign nothing here.
    assert!(!root.join("etc/kubernetes/pki/etcd/ca.key").exists());
    assert_eq!(machine.read("etc/kubernetes/pki/signing.crt"), machine.read("etc/kubernetes/pki/ca.crt"));
    assert!(machine.read(ADMIN).contains("server: https://10.20.32.10:6443"));
    assert!(machine.read("var/lib/etcd/member.id").starts_with(&format!("{CLUSTER}/a")));
    assert_eq!(machine.read("hooks-ran"), "first\nlast\n");
    let etcd = machine.read("etc/kubernetes/manifests/etcd.yaml");
    let initial = "a=https://10.20.32.10:2380,b=https://10.20.64.10:2380,c=https://10.20.96.10:2380";
    assert!(etcd.contains(initial), "{etcd}");
    assert!(etcd.contains("\"name\": \"ip-10-20-32-10.internal\""), "the node's name is the interface's");
    let world = |name: &str| std::fs::read_to_string(machine.world_path(name)).unwrap_or_default();
    assert!(world("volume").ends_with("true\n"), "the volume is marked: {}", world("volume"));
    let path = format!("written/_windlass_{CLUSTER}_");
    assert_eq!(world(&format!("{path}join")), "SecureString\nabcdef.0123456789abcdef");
    let status = world(&format!("{path}status_a"));
    let status: serde_json::Value = serde_json::from_str(status.trim_start_matches("String\n")).expect("JSON");
    assert_eq!((status["format"].as_u64(), status["member"].as_str()), (Some(1), Some("a")));
    let certificate =
        windlass::pki::Certificate::parse(&machine.read("etc/kubernetes/pki/etcd/peer.crt")).expect("a certificate");
    assert_eq!(status["leafs"]["etcd-peer"], certificate.serial);
    assert_eq!(status["leafs"].as_object().map(serde_json::Map::len), Some(11));
    let authority = windlass::pki::Certificate::parse(&machine.read("etc/kubernetes/pki/ca.crt")).expect("one");
    assert_eq!(status["trust"]["cluster"][0], authority.fingerprint);
    for unit in ["windlass-refresh.timer", "windlass-join-token.timer", "windlass-snapshot.timer", "kubelet"] {
        assert!(machine.world_path(&format!("enabled/{unit}")).exists(), "{unit} is not enabled");
    }
}

#[test]
fn no_secret_is_an_argument_of_a_program() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    let log = machine.log();
    assert!(!log.contains("PRIVATE KEY") && !log.contains("0123456789abcdef"), "{log}");
    let left: Vec<_> = std::fs::read_dir(machine.root().join("run/windlass")).expect("a folder").flatten().collect();
    assert!(left.iter().all(|entry| entry.file_name() != "token" && entry.file_name() != "join"), "{left:?}");
}

#[test]
fn every_kubeconfig_names_files_whose_certificate_and_key_openssl_accepts() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    for (name, seen) in
        [("controller-manager", "pki"), ("scheduler", "scheduler"), ("kubelet", "pki"), ("admin", "pki")]
    {
        let text = machine.read(&format!("etc/kubernetes/{name}.conf"));
        let config: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        let file = |path: &serde_json::Value| {
            let path = path.as_str().expect("a path");
            assert!(path.starts_with(&format!("/etc/kubernetes/{seen}/")), "{name}'s pod cannot see {path}");
            machine.root().join(path.trim_start_matches('/'))
        };
        let authority = file(&config["clusters"][0]["cluster"]["certificate-authority"]);
        let user = &config["users"][0]["user"];
        let certificate = file(&user["client-certificate"]);
        assert_eq!(user["client-certificate"], user["client-key"]);
        let verify = Command::new("openssl")
            .args(["verify", "-purpose", "sslclient", "-CAfile"])
            .args([authority, certificate.clone()])
            .output()
            .expect("openssl runs: apt-get install openssl");
        assert!(verify.status.success(), "{name}: {}", message(&verify));
        let key = Command::new("openssl").args(["pkey", "-noout", "-check", "-in"]).arg(certificate).status();
        assert!(key.expect("openssl runs").success(), "{name}");
    }
}

#[test]
fn the_second_run_changes_nothing() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    let before = machine.standing();
    machine.succeeds("member.sh", &[]);
    assert_eq!(machine.standing(), before);
    machine.succeeds("refresh.sh", &[]);
    assert_eq!(machine.standing(), before);
    assert!(!machine.log().contains("systemctl restart kubelet"), "{}", machine.log());
}

#[test]
fn interrupted_at_any_outside_call_and_run_again_it_ends_in_the_same_state() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    let (expected, log) = (machine.standing(), machine.log());
    let all = Kill::all(&log);
    assert!(all.len() > 40, "{log}");
    // A third of them in CI, all of them nightly.
    let kills: Vec<Kill> = all.into_iter().step_by((3 / proof::size()).max(1)).collect();
    std::thread::scope(|scope| {
        for half in kills.chunks(kills.len().div_ceil(2)) {
            let expected = &expected;
            scope.spawn(move || {
                for kill in half {
                    let machine = Machine::member();
                    let killed = machine.run_killed("member.sh", *kill);
                    assert!(killed.status.code().is_none(), "{kill:?} ended nothing: {}", message(&killed));
                    machine.succeeds("member.sh", &[]);
                    assert_eq!(&machine.standing(), expected, "{kill:?}");
                }
            });
        }
    });
}

#[test]
fn a_volume_that_is_held_is_waited_for_and_never_forced() {
    let machine = Machine::member();
    machine.world("volume", "vol-0abc\tin-use\ti-0old\tattached\tNone\n");
    machine.world("held", "4");
    machine.succeeds("member.sh", &[]);
    assert!(!machine.log().contains("detach-volume"), "{}", machine.log());
}

#[test]
fn a_volume_that_has_held_data_is_never_formatted() {
    let machine = Machine::member();
    machine.world("volume", "vol-0abc\tavailable\tNone\tNone\ttrue\n");
    let message = machine.fails("member.sh", &[]);
    assert!(message.contains("is empty now: not formatted; repair the member"), "{message}");
    assert!(!machine.log().contains("mkfs"), "{}", machine.log());
    assert!(!machine.log().contains("kubeadm"), "{}", machine.log());
}

#[test]
fn a_disk_that_cannot_be_read_is_no_empty_disk() {
    let machine = Machine::member();
    machine.world("fail/blkid", "");
    let message = machine.fails("member.sh", &[]);
    assert!(message.contains("cannot tell what is on vol-0abc"), "{message}");
    assert!(!machine.log().contains("mkfs"), "{}", machine.log());
}

#[test]
fn the_volume_of_another_member_and_one_without_its_data_are_refused() {
    let other = Machine::member();
    std::fs::create_dir_all(other.root().join("var/lib/etcd")).expect("a folder");
    std::fs::write(other.root().join("var/lib/etcd/member.id"), format!("{CLUSTER}/b\n")).expect("written");
    let message = other.fails("member.sh", &[]);
    assert!(message.contains(&format!("is of {CLUSTER}/b, and this is {CLUSTER}/a")), "{message}");

    let gone = Machine::member();
    gone.succeeds("member.sh", &[]);
    std::fs::remove_dir_all(gone.root().join("var/lib/etcd/data")).expect("removed");
    let message = gone.fails("member.sh", &[]);
    assert!(message.contains("etcd's data is gone: repair the member"), "{message}");
}

#[test]
fn an_instance_without_the_members_interface_is_no_member() {
    let machine = Machine::member();
    let interfaces = std::fs::read_to_string(machine.world_path("interfaces")).expect("there");
    machine.world("interfaces", &interfaces.replace("eni-0a", "eni-0f"));
    let message = machine.fails("member.sh", &[]);
    assert!(message.contains("this instance has eni-0a, and member a is eni-0f"), "{message}");
    machine.world("interfaces", interfaces.lines().next().expect("a line"));
    let message = machine.fails("member.sh", &[]);
    assert!(message.contains("expected one interface, found: none"), "{message}");
}

#[test]
fn a_missing_parameter_is_named_and_a_foreign_key_not_installed() {
    let path = format!("/windlass/{CLUSTER}/");
    let machine = Machine::member();
    let file = machine.world_path(&format!("parameters/{}", format!("{path}pki/cluster.key").replace('/', "_")));
    std::fs::remove_file(file).expect("removed");
    let message = machine.fails("member.sh", &[]);
    assert!(message.contains(&format!("parameter {path}pki/cluster.key is missing")), "{message}");

    let machine = Machine::member();
    let peer = format!("{path}members/a/etcd-peer.pem");
    let stored = |leaf: &str| {
        let name = format!("parameters/{}", format!("{path}members/a/{leaf}.pem").replace('/', "_"));
        std::fs::read_to_string(machine.world_path(&name)).expect("there")
    };
    let (certificate, _) =
        stored("etcd-peer").split_once("-----BEGIN PRIVATE").map(|it| (it.0.to_owned(), ())).expect("two");
    let (_, key) = stored("etcd-server").split_once("-----BEGIN PRIVATE").map(|it| ((), it.1.to_owned())).expect("two");
    machine.parameter(&peer, &format!("{certificate}-----BEGIN PRIVATE{key}"));
    let message = machine.fails("member.sh", &[]);
    assert!(message.contains("etcd-peer.pem: certificate and key do not belong together"), "{message}");
    assert!(!machine.root().join("etc/kubernetes/pki").exists());
}

#[test]
fn a_renewed_leaf_is_installed_without_any_restart() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    let before = machine.standing();
    let parameters = keys::Keys::new().parameters("a", std::net::IpAddr::from(super::machine::ADDRESS));
    let leaf = format!("/windlass/{CLUSTER}/members/a/apiserver.pem");
    machine.parameter(&leaf, &parameters[&leaf]);
    // Nobody answers: all certificates of the cluster may have expired.
    machine.world("fail/kubectl", "");
    machine.succeeds("refresh.sh", &[]);
    std::fs::remove_file(machine.world_path("fail/kubectl")).expect("removed");
    let after = machine.standing();
    let changed: Vec<&String> =
        after.iter().filter(|(path, what)| before.get(*path) != Some(what)).map(|(path, _)| path).collect();
    let expected = ["root/etc/kubernetes/pki/apiserver.crt", "root/etc/kubernetes/pki/apiserver.key"];
    assert_eq!(
        changed.iter().filter(|path| path.starts_with("root/")).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    assert!(!machine.log().contains("systemctl restart"), "{}", machine.log());
}

#[test]
fn a_new_authority_restarts_what_loads_it_and_waits_for_the_others() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    let before = machine.standing();
    let old = machine.read("etc/kubernetes/pki/ca.crt");
    let bundle = format!("{}{old}", keys::authority(AuthorityName::Cluster, 2).certificate().pem());
    machine.parameter(&format!("/windlass/{CLUSTER}/pki/cluster.crt"), &bundle);
    machine.world("sick/10.20.64.10", "");
    machine.succeeds("refresh.sh", &[]);
    assert_eq!(machine.read("etc/kubernetes/pki/ca.crt"), old, "not while another member is ill");

    std::fs::remove_file(machine.world_path("sick/10.20.64.10")).expect("removed");
    machine.succeeds("refresh.sh", &[]);
    assert_eq!(machine.read("etc/kubernetes/pki/ca.crt"), bundle);
    assert_eq!(machine.read("etc/kubernetes/pki/signing.crt"), old, "the key is still the old authority's");
    assert_eq!(machine.read("etc/kubernetes/scheduler/ca.crt"), bundle);
    let after = machine.standing();
    let same = |name: &str| before[&format!("root/{name}")] == after[&format!("root/{name}")];
    assert!(!same("etc/kubernetes/manifests/kube-controller-manager.yaml"));
    assert!(!same("etc/kubernetes/manifests/kube-scheduler.yaml"));
    // These read that file anew by themselves, or not at all.
    assert!(same("etc/kubernetes/manifests/kube-apiserver.yaml") && same("etc/kubernetes/manifests/etcd.yaml"));
    assert_eq!(machine.log().matches("systemctl restart kubelet").count(), 1);
    let status = std::fs::read_to_string(machine.world_path(&format!("written/_windlass_{CLUSTER}_status_a")));
    let status = status.expect("written");
    let status: serde_json::Value = serde_json::from_str(status.trim_start_matches("String\n")).expect("JSON");
    assert_eq!(status["trust"]["cluster"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_node_object_of_an_instance_that_is_gone_is_dropped() {
    let machine = Machine::member();
    machine.world("provider", "aws:///eu-west-3a/i-0old");
    machine.succeeds("member.sh", &[]);
    assert!(machine.log().contains("kubectl delete node ip-10-20-32-10.internal"), "{}", machine.log());
    let same = Machine::member();
    same.world("provider", "aws:///eu-west-3a/i-0123");
    same.succeeds("member.sh", &[]);
    assert!(!same.log().contains("kubectl delete"), "{}", same.log());
}

#[test]
fn while_etcd_is_restored_nothing_starts_it() {
    let machine = Machine::member();
    machine.succeeds("member.sh", &[]);
    assert_eq!(machine.succeeds("restore.sh", &["status"]), "running");
    assert_eq!(machine.succeeds("restore.sh", &["stop"]), "stopped");
    machine.succeeds("refresh.sh", &[]);
    assert!(!machine.root().join("etc/kubernetes/manifests/etcd.yaml").exists());
    assert!(machine.fails("member.sh", &[]).contains("etcd is being restored"));
    assert_eq!(machine.succeeds("restore.sh", &["stop"]), "stopped");
    assert_eq!(machine.succeeds("restore.sh", &["start"]), "running");
    machine.succeeds("member.sh", &[]);
}
