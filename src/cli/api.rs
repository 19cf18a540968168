//! The way to a cluster's own API: with a certificate issued for this run, or with the user's kubeconfig.

use super::session::Session;
use crate::pki::{AuthorityName, KeyPhase};
use crate::spec::ApiLoadBalancer;
use crate::state::Records;

/// kubeadm binds this group to cluster-admin (kubeadm documentation, "super-admin.conf").
pub const ADMINISTRATORS: &str = "kubeadm:cluster-admins";
/// Port of the members' own API servers.
pub const MEMBER_PORT: u16 = 6443;
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
