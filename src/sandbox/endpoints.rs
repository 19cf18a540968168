//! The sandbox's network, as far as it goes: TLS endpoints of members and load balancers, within this process.
//!
//! A member presents the certificates that it has installed; etcd wants a client's. Behind the handshake with an API
//! server there is the cluster's API, for whoever the client's certificate says. A load balancer passes connections on to
//! its healthy targets in turn. Names are those of the account's zones and load balancers.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, duplex};
use tokio_rustls::TlsAcceptor;

use super::boot::{self, Role, Stage, pair};
use super::ec2::{self, Phase};
use super::kubernetes::{Access, identity, serve};
use super::world::World;
use super::{Sandbox, elbv2};
use crate::live::{Connecting, Dial, Stream};
use crate::pki::{AuthorityName, LeafName};

/// Bytes on their way in one direction.
const BUFFER: usize = 16 * 1024;

/// What listens on the ports of a member (Kubernetes documentation, "Ports and protocols").
const PORTS: [(u16, LeafName); 3] =
    [(6443, LeafName::Apiserver), (2379, LeafName::EtcdServer), (2380, LeafName::EtcdPeer)];

/// What an endpoint presents, and whom it lets in.
struct Endpoint {
    /// The instance that it is on.
    instance: String,
    leaf: LeafName,
    /// Certificate and key, PEM.
    pair: String,
    /// Whose clients it knows, PEM.
    clients: String,
}

impl Dial for Sandbox {
    fn dial<'dial>(&'dial self, host: &'dial str, port: u16) -> Connecting<'dial> {
        Box::pin(async move {
            let round = self.rounds.fetch_add(1, Ordering::Relaxed);
            let found = self.with_world(|world| find(world, host, port, round)).map_err(io::Error::other)?;
            let endpoint = found?;
            let acceptor = TlsAcceptor::from(configuration(&endpoint).map_err(io::Error::other)?);
            let (near, far) = duplex(BUFFER);
            tokio::spawn(behind(self.clone(), endpoint, acceptor, far));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

/// What happens on a connection behind its handshake.
async fn behind<S>(sandbox: Sandbox, endpoint: Endpoint, acceptor: TlsAcceptor, stream: S)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    if endpoint.leaf == LeafName::Apiserver {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let now = sandbox.lock().world.now;
        let identity = identity::of(chain, &endpoint.clients, now);
        serve((sandbox, Access::Member(endpoint.instance), identity), stream).await;
    } else {
        // Nothing is served there; the client hangs up.
        let _ended = stream.read(&mut [0; 1024]).await;
    }
}

/// The member of a cluster that a connection to its API goes to: one that serves, or else one that listens.
fn any_member(world: &World, cluster: &str) -> io::Result<Endpoint> {
    let of_cluster = world.boot.machines.iter().filter(|(_, machine)| {
        machine.facts.as_ref().is_some_and(|facts| facts.role == Role::Member && facts.cluster == cluster)
    });
    let mut members: Vec<&String> = of_cluster.map(|(instance, _)| instance).collect();
    members.sort_by_key(|instance| !matches!(boot::health(world, instance), boot::Health::Ready(_)));
    let endpoints = members.into_iter().filter_map(|instance| ec2::address(world, instance));
    endpoints.map(|address| member(world, address, 6443)).find(Result::is_ok).unwrap_or_else(|| Err(refused()))
}

/// Serves a cluster's API on a connection that came in on a port of this machine.
pub async fn serve_cluster<S>(sandbox: Sandbox, cluster: &str, stream: S)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // Whoever cannot be served sees the connection close, as with a load balancer without targets.
    let Ok(Ok(endpoint)) = sandbox.with_world(|world| any_member(world, cluster)) else { return };
    let Ok(configuration) = configuration(&endpoint) else { return };
    behind(sandbox, endpoint, TlsAcceptor::from(configuration), stream).await;
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

fn find(world: &World, host: &str, port: u16, round: usize) -> io::Result<Endpoint> {
    let host = host.trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => return member(world, address, port),
        Ok(IpAddr::V6(_)) => return Err(io::ErrorKind::HostUnreachable.into()),
        Err(_) => {}
    }
    match resolve(world, host) {
        Some(Target::Balancer(name)) => balanced(world, &name, port, round),
        Some(Target::Addresses(addresses)) => {
            // A client goes on to the next address when one refuses.
            let turned = addresses.iter().cycle().skip(round % addresses.len().max(1)).take(addresses.len());
            turned.map(|address| member(world, *address, port)).find(Result::is_ok).unwrap_or_else(|| Err(refused()))
        }
        None => Err(io::Error::new(io::ErrorKind::NotFound, format!("no such host: {host}"))),
    }
}

enum Target {
    Balancer(String),
    Addresses(Vec<Ipv4Addr>),
}

fn resolve(world: &World, host: &str) -> Option<Target> {
    let balancer = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        // An alias may say dualstack before the name.
        let name = name.strip_prefix("dualstack.").unwrap_or(&name);
        let mut all = world.elbv2.load_balancers.values();
        all.find(|it| it.dns_name.eq_ignore_ascii_case(name)).map(|it| Target::Balancer(it.arn.clone()))
    };
    if let Some(found) = balancer(host) {
        return Some(found);
    }
    let records = world.route53.zones.values().flat_map(|zone| &zone.records);
    let record = records.filter(|it| it.record_type == "A").find(|it| it.name.trim_end_matches('.') == host)?;
    match &record.alias {
        Some(alias) => balancer(&alias.name),
        None => Some(Target::Addresses(record.values.iter().filter_map(|value| value.parse().ok()).collect())),
    }
}

fn balanced(world: &World, arn: &str, port: u16, round: usize) -> io::Result<Endpoint> {
    let listener = world.elbv2.listeners.values().find(|it| it.load_balancer == arn && it.port == port);
    let listener = listener.ok_or_else(refused)?;
    let targets = elbv2::healthy(world, &listener.target_group);
    let (instance, port) = targets.get(round % targets.len().max(1)).ok_or_else(refused)?;
    let address = ec2::address(world, instance).ok_or_else(refused)?;
    member(world, address, *port)
}

fn member(world: &World, address: Ipv4Addr, port: u16) -> io::Result<Endpoint> {
    let running = world.ec2.instances.values().filter(|it| it.phase == Phase::Running);
    let mut at_address = running.filter(|it| ec2::address(world, &it.id) == Some(address));
    let instance = at_address.next().ok_or_else(|| io::Error::from(io::ErrorKind::HostUnreachable))?;
    let machine = world.boot.machines.get(&instance.id).ok_or_else(refused)?;
    let (_, leaf) = PORTS.into_iter().find(|(known, _)| *known == port).ok_or_else(refused)?;
    // etcd and the API server listen as soon as they have their files, also while they wait for the others.
    if !matches!(machine.stage, Stage::Serving(_) | Stage::Waiting(_)) {
        return Err(refused());
    }
    let authority: AuthorityName = leaf.authority();
    let pair = machine.installed.servers.get(leaf.as_str()).cloned().ok_or_else(refused)?;
    let clients = machine.installed.bundles.get(authority.as_str()).cloned().unwrap_or_default();
    Ok(Endpoint { instance: instance.id.clone(), leaf, pair, clients })
}

fn configuration(endpoint: &Endpoint) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(endpoint.clients.as_bytes()).flatten() {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let clients = clients.build().map_err(|error| error.to_string())?;
    let clients = match endpoint.leaf {
        // Tokens are as good as certificates there, and whoever has a bad one is told so in HTTP.
        LeafName::Apiserver => identity::anybody(clients),
        _ => clients,
    };
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(pair(&endpoint.pair)?));
    let configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(resolver);
    Ok(Arc::new(configuration))
}
