//! The way to a cluster's own API: with a certificate issued for this run, or with the user's kubeconfig.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::files;
use super::keys;
use super::run::actor;
use super::session::Session;
use crate::file;
use crate::kubernetes::{Credentials, Endpoint, Kubernetes};
use crate::pki::{AuthorityName, BACKDATED_SECONDS, Ends, Issued, KeyPhase, Leaf, Usage};
use crate::problem::Problems;
use crate::spec::{ApiLoadBalancer, MEMBER_PORT};
use crate::state::Records;

/// kubeadm binds this group to cluster-admin (kubeadm documentation, "super-admin.conf").
pub const ADMINISTRATORS: &str = "kubeadm:cluster-admins";
/// Seconds that a run's certificate is valid: the longest `--timeout` that makes sense for one sitting. A longer run asks
/// for another one when it is run again.
const LIFE: u64 = 12 * 3600;

/// Where the API of a cluster is: host and port.
pub fn address(session: &Session) -> (String, u16) {
    let api = &session.specification().cluster.spec.api;
    let port = if api.load_balancer == ApiLoadBalancer::None { MEMBER_PORT } else { api.port };
    (format!("api.{}", session.cluster()), port)
}

/// The authorities that a client of the API trusts, PEM, newest first.
pub fn trust(records: &Records) -> String {
    let authorities: Vec<_> = records.authorities(AuthorityName::Cluster).collect();
    let trusted = authorities.iter().rev().filter(|(_, phase)| *phase != KeyPhase::Dropped);
    trusted.map(|(record, _)| record.pem.as_str()).collect()
}

/// Connects, with a certificate that ends within hours and is written nowhere; or with a kubeconfig.
///
/// # Errors
/// No identity opens the authority's key, or the kubeconfig is of no use. Nothing is called yet.
pub fn connect(session: &Session, records: &Records, kubeconfig: Option<&Path>) -> anyhow::Result<Kubernetes> {
    let dial = Arc::clone(&session.dial);
    if let Some(path) = kubeconfig {
        let source = files::source(path, file::LARGEST)?;
        let endpoint = Endpoint::from_kubeconfig(&source, None).map_err(Problems::from)?;
        let connected = Kubernetes::connect(dial, endpoint, session.clock);
        return connected.with_context(|| format!("the kubeconfig {} is of no use", path.display()));
    }
    let ends = Ends::issued_at(session.aws.certain_date()?, LIFE + BACKDATED_SECONDS);
    let issued = issue(session, records, &actor(), ADMINISTRATORS, ends)?;
    let (host, port) = address(session);
    let endpoint = Endpoint {
        host,
        port,
        server_name: None,
        trust: trust(records),
        credentials: Credentials::Certificate { certificate: issued.certificate.pem(), key: issued.key.clone() },
    };
    Ok(Kubernetes::connect(dial, endpoint, session.clock)?)
}

/// A client's certificate of the cluster's authority: for `user`, in the group `group`.
///
/// # Errors
/// No identity opens the authority's key, or it does not reach until then.
pub fn issue(session: &Session, records: &Records, user: &str, group: &str, ends: Ends) -> anyhow::Result<Issued> {
    let authority = keys::open_authority(&session.age, records, AuthorityName::Cluster)?;
    let leaf = Leaf {
        common_name: user.to_owned(),
        organizations: BTreeSet::from([group.to_owned()]),
        usages: BTreeSet::from([Usage::Client]),
        names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        algorithm: session.specification().cluster.spec.pki.algorithm,
    };
    Ok(authority.issue(&leaf, ends)?)
}
