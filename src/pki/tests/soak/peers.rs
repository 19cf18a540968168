//! Who talks to whom in a cluster, with which certificate, and by whom it is believed.

use super::super::super::*;
use super::world::World;

/// One direction of a connection.
pub(super) struct Talk {
    pub(super) who: String,
    pub(super) by: String,
    pub(super) certificate: Certificate,
    pub(super) trusted: Vec<Certificate>,
    pub(super) usage: Usage,
}

pub(super) const fn usages(name: LeafName) -> &'static [Usage] {
    match name {
        LeafName::Apiserver => &[Usage::Server],
        LeafName::EtcdServer | LeafName::EtcdPeer => &[Usage::Server, Usage::Client],
        _ => &[Usage::Client],
    }
}

/// All connections that can be made now.
pub(super) fn talks(world: &World) -> Vec<Talk> {
    let mut talks = Vec::new();
    let mut add = |who: String, by: String, certificate: &Certificate, trusted: &[Certificate], usage| {
        talks.push(Talk { who, by, certificate: certificate.clone(), trusted: trusted.to_vec(), usage });
    };
    let present = || world.machines.iter().filter(|(_, machine)| !machine.away);
    for (member, machine) in present() {
        for (name, certificate) in &machine.leafs {
            for usage in usages(*name) {
                // Members among themselves: etcd, API servers and what they are called by. Everybody trusts the bundle
                // that it has installed itself.
                for (other, peer) in present() {
                    let by = format!("{other}'s peer of {name}");
                    add(format!("{name} of {member}"), by, certificate, &peer.trust[&name.authority()], *usage);
                }
            }
        }
        let cluster = &machine.trust[&AuthorityName::Cluster];
        let server = &machine.leafs[&LeafName::Apiserver];
        let calls_kubelets = &machine.leafs[&LeafName::ApiserverKubeletClient];
        for (worker, (certificate, _, trust)) in &world.workers {
            add(format!("kubelet of {worker}"), format!("{member}'s API"), certificate, cluster, Usage::Client);
            add(format!("API of {member}"), format!("{worker}'s kubelet"), server, trust, Usage::Server);
            add(format!("API of {member}"), format!("{worker}'s logs"), calls_kubelets, trust, Usage::Client);
        }
        for person in world.people.iter().filter(|person| person.certificate.ends.contain(world.now)) {
            add(String::from("a person"), format!("{member}'s API"), &person.certificate, cluster, Usage::Client);
            add(format!("API of {member}"), String::from("a person"), server, &person.trust, Usage::Server);
        }
    }
    talks
}
