//! A real kube-apiserver and its etcd on loopback ports, if there are any: in the folder that `KUBEBUILDER_ASSETS` names,
//! as the tests of controllers have it (`setup-envtest`).

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::super::connect::{Credentials, Endpoint, Kubernetes};
use super::scenarios::Clients;
use crate::clock::Clock;
use crate::live::Network;
use crate::pki::{Authority, AuthorityName, Ends, Issued, Leaf, ServiceAccountKey, Usage};
use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

/// How long both may take to start: a slow machine takes half of it.
const START: Duration = Duration::from_secs(60);

/// The two processes; they end when this is dropped.
pub struct Real {
    _processes: [Child; 2],
    _folder: TempDir,
    authority: Authority,
    etcd: u16,
    port: u16,
}

impl Real {
    /// Starts them; `None`, and a loud word: there are none.
    pub async fn start() -> Option<Self> {
        let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
            // Past the capture of a test that passes: a check that was not made must not look like one that was.
            let note = "NOT CHECKED: no real kube-apiserver was asked, as KUBEBUILDER_ASSETS names no folder with \
                        kube-apiserver and etcd; only the sandbox was\n";
            let _told = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let (etcd, peer, port) = (free().await, free().await, free().await);
        let authority = authority();
        let first = start_etcd(&assets, folder.path(), (etcd, peer));
        write_files(folder.path(), &authority);
        let second = start_server(&assets, folder.path(), (etcd, port));
        let real = Self { _processes: [first, second], _folder: folder, authority, etcd, port };
        real.wait().await;
        Some(real)
    }

    async fn wait(&self) {
        let admin = self.clients().admin;
        let ready = async {
            while admin.readyz().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(START, ready).await.expect("kube-apiserver is ready within a minute");
    }

    /// Those of the scenario.
    pub fn clients(&self) -> Clients {
        let certificate = |name: &str, group: &str| {
            let issued = issue(&self.authority, (name, group), Usage::Client);
            Credentials::Certificate { certificate: issued.certificate.pem(), key: issued.key }
        };
        Clients {
            admin: self.client(certificate("admin", "system:masters")),
            alice: self.client(certificate("dev-alice", "developers")),
            stranger: self.client(Credentials::Token(Secret::from(String::from("nobody-knows-it")))),
        }
    }

    fn client(&self, credentials: Credentials) -> Kubernetes {
        let endpoint = Endpoint {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: self.port,
            server_name: None,
            trust: self.authority.certificate().pem(),
            credentials,
        };
        Kubernetes::connect(Arc::new(Network), endpoint, Clock::system()).expect("sound credentials")
    }

    /// Has etcd forget everything but the present (its JSON gateway, `/v3/kv/compaction`).
    pub async fn compact(&self, client: &Kubernetes) {
        let now = client.get("/api/v1/nodes").await.expect("a list");
        let revision = now["metadata"]["resourceVersion"].as_str().expect("a revision");
        let body = format!("{{\"revision\": \"{revision}\", \"physical\": true}}");
        let request = format!(
            "POST /v3/kv/compaction HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.etcd)).await.expect("etcd listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// A port that was free a moment ago.
async fn free() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    listener.local_addr().expect("an address").port()
}

fn authority() -> Authority {
    let cluster = "a.example.com".parse().expect("a name");
    let ends = Ends::issued_at(Timestamp::now(), 86_400);
    Authority::create(AuthorityName::Cluster, &cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("an authority")
}

fn issue(authority: &Authority, (name, group): (&str, &str), usage: Usage) -> Issued {
    let serves = usage == Usage::Server;
    let leaf = Leaf {
        common_name: name.to_owned(),
        organizations: if serves { BTreeSet::new() } else { BTreeSet::from([group.to_owned()]) },
        usages: BTreeSet::from([usage]),
        names: BTreeSet::new(),
        addresses: if serves { BTreeSet::from([IpAddr::from(Ipv4Addr::LOCALHOST)]) } else { BTreeSet::new() },
        algorithm: KeyAlgorithm::EcdsaP256,
    };
    authority.issue(&leaf, Ends::issued_at(Timestamp::now(), 3600)).expect("a certificate")
}

fn write_files(folder: &Path, authority: &Authority) {
    let served = issue(authority, ("kube-apiserver", ""), Usage::Server);
    let accounts = ServiceAccountKey::generate(KeyAlgorithm::Rsa2048).expect("a key");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("the folder is ours");
    write("ca.crt", authority.certificate().pem().as_bytes());
    write("server.crt", served.certificate.pem().as_bytes());
    write("server.key", served.key.expose());
    write("sa.pub", accounts.public_pem().as_bytes());
    write("sa.key", accounts.private_pem().expose());
}

fn spawn(program: &Path, arguments: &[String], log: &Path) -> Child {
    let log = fs::File::create(log).expect("the folder is ours");
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn start_etcd(assets: &Path, folder: &Path, (clients, peers): (u16, u16)) -> Child {
    let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        String::from("--unsafe-no-fsync"),
    ];
    spawn(&assets.join("etcd"), &arguments, &folder.join("etcd.log"))
}

fn start_server(assets: &Path, folder: &Path, (etcd, port): (u16, u16)) -> Child {
    let file = |name: &str| folder.join(name).display().to_string();
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--secure-port={port}"),
        String::from("--bind-address=127.0.0.1"),
        String::from("--advertise-address=127.0.0.1"),
        // Loopback is no address for a Service's endpoints.
        String::from("--endpoint-reconciler-type=none"),
        String::from("--service-cluster-ip-range=10.0.0.0/24"),
        String::from("--authorization-mode=RBAC"),
        // Nobody makes the default service accounts.
        String::from("--disable-admission-plugins=ServiceAccount"),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        String::from("--service-account-issuer=https://kubernetes.default.svc"),
        format!("--service-account-key-file={}", file("sa.pub")),
        format!("--service-account-signing-key-file={}", file("sa.key")),
    ];
    spawn(&assets.join("kube-apiserver"), &arguments, &folder.join("kube-apiserver.log"))
}
