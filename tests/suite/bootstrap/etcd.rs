//! A real etcd of three members: with the flags of windlass' own documents for kubeadm, over kubeadm's defaults, and with
//! certificates of windlass' own authorities.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use windlass::pki::{AuthorityName, Usage};

use super::keys::{Keys, pem};
use super::machine::{Machine, message};
use super::{CLUSTER, files, manifests, user_data};

const INSTALL: &str = "apt-get install etcd-server etcd-client";
const MEMBERS: [&str; 3] = ["a", "b", "c"];

/// Three members on addresses of loopback; ended with the test.
struct Cluster {
    folder: TempDir,
    keys: Keys,
    network: u8,
    running: BTreeMap<&'static str, Child>,
}

impl Cluster {
    /// A cluster in a network of loopback of its own, so that tests do not meet.
    fn start(network: u8) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster = Self { folder, keys: Keys::new(), network, running: BTreeMap::new() };
        for member in MEMBERS {
            cluster.install(member);
        }
        for member in MEMBERS {
            cluster.start_member(member);
        }
        cluster.wait();
        cluster
    }

    fn address(&self, member: &str) -> String {
        let number = MEMBERS.iter().position(|it| *it == member).expect("a member") + 11;
        format!("127.0.{}.{number}", self.network)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a member's files where kubeadm expects them beneath a folder of its own.
    fn install(&self, member: &str) {
        let address: IpAddr = self.address(member).parse().expect("an address");
        fs::create_dir_all(self.path(member)).expect("a folder");
        fs::write(self.path(&format!("{member}/ca.crt")), self.keys.certificate(AuthorityName::Etcd)).expect("written");
        let both = [Usage::Server, Usage::Client];
        self.leaf(&format!("{member}/server"), AuthorityName::Etcd, &both, address);
        self.leaf(&format!("{member}/peer"), AuthorityName::Etcd, &both, address);
        self.leaf(&format!("{member}/healthcheck-client"), AuthorityName::Etcd, &[Usage::Client], address);
    }

    fn leaf(&self, name: &str, authority: AuthorityName, usages: &[Usage], address: IpAddr) {
        let issued = pem(&self.keys.issue(authority, "test", usages, address));
        let (certificate, key) = issued.split_once("-----BEGIN PRIVATE").expect("both");
        fs::write(self.path(&format!("{name}.crt")), certificate).expect("written");
        fs::write(self.path(&format!("{name}.key")), format!("-----BEGIN PRIVATE{key}")).expect("written");
    }

    fn initial_cluster(&self) -> String {
        MEMBERS.map(|member| format!("{member}=https://{}:2380", self.address(member))).join(",")
    }

    /// kubeadm's own flags for etcd (its documentation, "Implementation details: generate static Pod manifest for local
    /// etcd"), with windlass' over them.
    fn flags(&self, member: &str) -> BTreeMap<String, String> {
        let address = self.address(member);
        let file = |name: &str| self.path(&format!("{member}/{name}")).display().to_string();
        let mut flags: BTreeMap<String, String> = [
            // Without 127.0.0.1, which the three would share here.
            ("listen-client-urls", format!("https://{address}:2379")),
            ("advertise-client-urls", format!("https://{address}:2379")),
            ("listen-peer-urls", format!("https://{address}:2380")),
            ("initial-advertise-peer-urls", format!("https://{address}:2380")),
            ("listen-metrics-urls", format!("http://{address}:2381")),
            ("data-dir", file("data")),
            ("cert-file", file("server.crt")),
            ("key-file", file("server.key")),
            ("trusted-ca-file", file("ca.crt")),
            ("peer-cert-file", file("peer.crt")),
            ("peer-key-file", file("peer.key")),
            ("peer-trusted-ca-file", file("ca.crt")),
            ("snapshot-count", String::from("10000")),
            ("experimental-initial-corrupt-check", String::from("true")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let files = files(&user_data(&manifests(), &format!("control-plane-{member}")));
        let documents = &files["/etc/windlass/kubeadm/config.yaml"].1;
        let documents: Vec<serde_json::Value> =
            documents.split("---\n").map(|it| serde_json::from_str(it).expect("JSON")).collect();
        let cluster = documents.iter().find(|it| it["kind"] == "ClusterConfiguration").expect("one");
        for argument in cluster["etcd"]["local"]["extraArgs"].as_array().expect("flags") {
            let text = |name: &str| argument[name].as_str().expect("text").to_owned();
            flags.insert(text("name"), text("value").replace("@INITIAL_CLUSTER@", &self.initial_cluster()));
        }
        flags
    }

    fn start_member(&mut self, member: &'static str) {
        let flags = self.flags(member).into_iter().map(|(name, value)| format!("--{name}={value}"));
        let log = fs::File::create(self.path(&format!("{member}/log"))).expect("a log");
        let mut command = Command::new("etcd");
        command.args(flags).env_clear().env("ETCD_UNSUPPORTED_ARCH", std::env::consts::ARCH);
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        self.running.insert(member, child.unwrap_or_else(|error| panic!("etcd: {error}; {INSTALL}")));
    }

    fn kill(&mut self, member: &str) {
        if let Some(mut child) = self.running.remove(member) {
            child.kill().expect("killed");
            child.wait().expect("gone");
        }
    }

    /// etcdctl with a certificate of a name beneath the folder.
    fn control_as(&self, certificate: Option<&str>, arguments: &[&str]) -> Output {
        let endpoints = MEMBERS.map(|member| format!("https://{}:2379", self.address(member))).join(",");
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").args(["--endpoints", &endpoints, "--command-timeout", "3s"]);
        command.arg("--cacert").arg(self.path("a/ca.crt"));
        if let Some(name) = certificate {
            command.arg("--cert").arg(self.path(&format!("{name}.crt")));
            command.arg("--key").arg(self.path(&format!("{name}.key")));
        }
        command.args(arguments).output().unwrap_or_else(|error| panic!("etcdctl: {error}; {INSTALL}"))
    }

    #[track_caller]
    fn control(&self, arguments: &[&str]) -> String {
        let output = self.control_as(Some("a/healthcheck-client"), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", message(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same, again and again: what is asked while a leader is elected may be lost.
    #[track_caller]
    fn eventually(&self, arguments: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let output = self.control_as(Some("a/healthcheck-client"), arguments);
            if output.status.success() {
                return;
            }
            assert!(Instant::now() < deadline, "{arguments:?}: {}", message(&output));
        }
    }

    /// Until all members are healthy.
    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let output = self.control_as(Some("a/healthcheck-client"), &["endpoint", "health"]);
            if output.status.success() {
                return;
            }
            let log = |member: &str| fs::read_to_string(self.path(&format!("{member}/log"))).unwrap_or_default();
            let last = |member: &str| log(member).lines().rev().take(5).collect::<Vec<_>>().join("\n");
            assert!(Instant::now() < deadline, "{}\n{}", message(&output), MEMBERS.map(last).join("\n"));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What the peer port of `b` says to somebody with this certificate, or why not.
    fn ask_peer(&self, certificate: &str) -> Result<String, String> {
        let mut command = Command::new("curl");
        command.args(["-sS", "--http1.1", "--fail", "--max-time", "3"]).arg("--cacert").arg(self.path("a/ca.crt"));
        command.arg("--cert").arg(self.path(&format!("{certificate}.crt")));
        command.arg("--key").arg(self.path(&format!("{certificate}.key")));
        command.arg(format!("https://{}:2380/version", self.address("b")));
        let output = command.output().expect("curl runs: apt-get install curl");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(message(&output))
        }
    }

    /// Member ids by name.
    fn ids(&self) -> BTreeMap<String, String> {
        let list = self.control(&["member", "list"]);
        let fields = |line: &str| line.split(", ").map(str::to_owned).collect::<Vec<_>>();
        list.lines().map(fields).map(|fields| (fields[2].clone(), fields[0].clone())).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            // Already gone is as good.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }
}

#[test]
fn three_members_agree_and_tls_holds_for_clients_and_peers() {
    let cluster = Cluster::start(21);
    cluster.control(&["put", "greeting", "hello"]);
    assert!(cluster.control(&["get", "greeting"]).contains("hello"));
    assert_eq!(cluster.ids().into_keys().collect::<Vec<_>>(), MEMBERS);

    let address: IpAddr = cluster.address("a").parse().expect("an address");
    cluster.leaf("server-only", AuthorityName::Etcd, &[Usage::Server], address);
    cluster.leaf("foreign", AuthorityName::Cluster, &[Usage::Server, Usage::Client], address);
    for certificate in [None, Some("server-only"), Some("foreign")] {
        let output = cluster.control_as(certificate, &["get", "greeting"]);
        assert!(!output.status.success(), "{certificate:?} may read: {}", String::from_utf8_lossy(&output.stdout));
    }
    let answer = cluster.ask_peer("a/peer");
    assert!(answer.as_ref().is_ok_and(|answer| answer.contains("etcdserver")), "{answer:?}");
    for certificate in ["server-only", "foreign"] {
        let answer = cluster.ask_peer(certificate);
        assert!(answer.is_err(), "{certificate}: {answer:?}");
    }
}

#[test]
fn a_member_that_comes_back_with_its_data_is_the_same_member() {
    let mut cluster = Cluster::start(22);
    let before = cluster.ids();
    cluster.control(&["put", "greeting", "hello"]);
    cluster.kill("c");
    // Two of three agree, with a new leader if that was the one.
    cluster.eventually(&["--endpoints", &format!("https://{}:2379", cluster.address("a")), "put", "greeting", "again"]);
    cluster.start_member("c");
    cluster.wait();
    assert_eq!(cluster.ids(), before);
    let own = format!("https://{}:2379", cluster.address("c"));
    assert!(cluster.control(&["--endpoints", &own, "get", "greeting"]).contains("again"));
}

/// A machine that has booted, whose etcd is the cluster's member.
fn machine(cluster: &Cluster, member: &str) -> Machine {
    let address = cluster.address(member);
    let parameters = cluster.keys.parameters(member, address.parse().expect("an address"));
    let machine = Machine::of(&user_data(&manifests(), &format!("control-plane-{member}")), &parameters)
        .with_real("etcdctl")
        .with_env("WINDLASS_ETCD", &format!("https://{address}:2379"));
    let interface = |name: &str| {
        // The metadata service says that every machine is eni-0a.
        let id = if name == member { "eni-0a" } else { "eni-0f" };
        format!("network-interface/control-plane-{name}\t{id}\t{}\tip-{name}.internal\n", cluster.address(name))
    };
    machine.world("interfaces", &MEMBERS.map(interface).concat());
    machine.succeeds("member.sh", &[]);
    machine
}

fn move_data(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("removed");
    }
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

#[test]
fn a_snapshot_is_stored_with_its_checksum_and_restored_on_every_member() {
    let mut cluster = Cluster::start(23);
    let machines = MEMBERS.map(|member| machine(&cluster, member));
    cluster.control(&["put", "greeting", "from before"]);
    let url = machines[1].succeeds("snapshot.sh", &[]);
    assert!(url.starts_with(&format!("s3://foo-backups/{CLUSTER}/2027")) && url.ends_with("Z-b.db"), "{url}");
    let stored = machines[1].world_path(&format!("s3/{}", url.replace('/', "_")));
    let metadata = fs::read_to_string(format!("{}.metadata", stored.display())).expect("metadata");
    assert!(
        metadata.contains("member=b") && metadata.contains("sha256=") && metadata.contains("revision="),
        "{metadata}"
    );
    assert!(machines[1].log().contains("--sse aws:kms --sse-kms-key-id alias/backups"), "{}", machines[1].log());
    cluster.control(&["put", "greeting", "from after"]);
    let ids = cluster.ids();

    for (machine, member) in machines.iter().zip(MEMBERS) {
        assert!(machine.fails("restore.sh", &["load", &url]).contains("run 'windlass-restore stop' first"));
        assert_eq!(machine.succeeds("restore.sh", &["stop"]), "stopped");
        cluster.kill(member);
        move_data(&cluster.path(&format!("{member}/data")), &machine.root().join("var/lib/etcd/data"));
    }
    for machine in &machines {
        for suffix in ["", ".metadata"] {
            let content = fs::read(format!("{}{suffix}", stored.display())).expect("stored");
            let copy = machine.world_path(&format!("s3/{}{suffix}", url.replace('/', "_")));
            fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
            fs::write(copy, content).expect("written");
        }
        assert_eq!(machine.succeeds("restore.sh", &["load", &url]), "loaded");
        // Again, as after an interruption: nothing is loaded twice.
        assert_eq!(machine.succeeds("restore.sh", &["load", &url]), "loaded");
        let kept = fs::read_dir(machine.root().join("var/lib/etcd")).expect("a folder").flatten();
        assert_eq!(kept.filter(|it| it.file_name().to_string_lossy().starts_with("kept-")).count(), 1);
    }
    for (machine, member) in machines.iter().zip(MEMBERS) {
        assert_eq!(machine.succeeds("restore.sh", &["start"]), "running");
        move_data(&machine.root().join("var/lib/etcd/data"), &cluster.path(&format!("{member}/data")));
        cluster.start_member(member);
    }
    cluster.wait();
    let greeting = cluster.control(&["get", "greeting"]);
    assert!(greeting.contains("from before") && !greeting.contains("from after"), "{greeting}");
    assert_ne!(cluster.ids(), ids, "a new cluster: nobody of the old one can talk to it");
    assert_eq!(cluster.ids().into_keys().collect::<Vec<_>>(), MEMBERS);

    let damaged = &machines[0];
    fs::write(damaged.world_path(&format!("s3/{}", url.replace('/', "_"))), "damaged").expect("written");
    damaged.succeeds("restore.sh", &["stop"]);
    assert!(damaged.fails("restore.sh", &["load", &url]).contains("is damaged: its checksum differs"));
    assert!(damaged.root().join("var/lib/etcd/data/member").exists(), "what is there stays");
}

#[test]
fn members_say_who_leads_and_hand_it_over() {
    let mut cluster = Cluster::start(24);
    let machines = MEMBERS.map(|member| machine(&cluster, member));
    let seen = || windlass::health::read_etcd(&machines[1].succeeds("etcd-members.sh", &["status"])).expect("sound");
    let before = seen();
    assert_eq!(before.members.keys().collect::<Vec<_>>(), MEMBERS);
    assert!(before.members.values().all(|member| member.trouble.is_none()), "{before:?}");
    let leader = MEMBERS.iter().position(|name| before.members[*name].leader).expect("somebody leads");
    let next = MEMBERS[(leader + 1) % 3];
    let id = before.members[next].hexadecimal();
    machines[leader].succeeds("etcd-members.sh", &["move-leader", &id]);
    let after = seen();
    assert!(after.members[next].leader && after.members[next].term > before.members[next].term, "{after:?}");
    assert!(machines[leader].fails("etcd-members.sh", &["move-leader", &id]).contains("no leader endpoint"));

    let down = MEMBERS[(leader + 2) % 3];
    cluster.kill(down);
    let asked = MEMBERS.iter().position(|name| *name == next).expect("a member");
    let output = machines[asked].succeeds("etcd-members.sh", &["status"]);
    let without = windlass::health::read_etcd(&output).expect("sound");
    assert!(without.members[down].trouble.is_some() && without.members[next].trouble.is_none(), "{without:?}");
    assert!(machines[asked].fails("etcd-members.sh", &[]).contains("usage"));
}
