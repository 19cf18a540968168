//! From a resource of any kind to the file of its kind.

use std::collections::BTreeMap;

use super::connect::Aws;
use super::error::Error;
use super::failure::Failure;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::{
    auto_scaling_group, elastic_ip, instance_profile, internet_gateway, launch_template, listener, load_balancer,
    nat_gateway, network_interface, parameter, record_set, role, route_table, scheduled_action, security_group,
    security_group_rules, subnet, target_group, volume, vpc,
};
use crate::resource::{Attributes, Found, Kind, Readiness, Resource};

/// What an update of one kind starts from and leads to.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a, T> {
    /// The object.
    pub found: &'a Found,
    /// Its fields as they were seen.
    pub before: &'a T,
    /// Its fields as they should be.
    pub after: &'a T,
    /// Whose it is.
    pub identity: &'a Identity,
    /// What references stand for.
    pub ids: &'a Ids,
}

/// Makes a resource. May be repeated after a crash with the same identity: it gives the same object.
///
/// # Errors
/// [`Error::Clash`] when something that is not ours is in its place; [`Error::Unresolved`] when a reference does not exist
/// yet; otherwise that of the call that failed.
pub async fn create(aws: &Aws, identity: &Identity, resource: &Resource, ids: &Ids) -> Result<Made, Error> {
    match resource {
        Resource::Vpc(it) => vpc::create(aws, identity, it, ids).await,
        Resource::Subnet(it) => subnet::create(aws, identity, it, ids).await,
        Resource::InternetGateway(it) => internet_gateway::create(aws, identity, it, ids).await,
        Resource::ElasticIp(it) => elastic_ip::create(aws, identity, it, ids).await,
        Resource::NatGateway(it) => nat_gateway::create(aws, identity, it, ids).await,
        Resource::RouteTable(it) => route_table::create(aws, identity, it, ids).await,
        Resource::SecurityGroup(it) => security_group::create(aws, identity, it, ids).await,
        Resource::SecurityGroupRules(it) => security_group_rules::create(aws, identity, it, ids).await,
        Resource::Role(it) => role::create(aws, identity, it, ids).await,
        Resource::InstanceProfile(it) => instance_profile::create(aws, identity, it, ids).await,
        Resource::NetworkInterface(it) => network_interface::create(aws, identity, it, ids).await,
        Resource::Volume(it) => volume::create(aws, identity, it, ids).await,
        Resource::LoadBalancer(it) => load_balancer::create(aws, identity, it, ids).await,
        Resource::TargetGroup(it) => target_group::create(aws, identity, it, ids).await,
        Resource::Listener(it) => listener::create(aws, identity, it, ids).await,
        Resource::LaunchTemplate(it) => launch_template::create(aws, identity, it, ids).await,
        Resource::AutoScalingGroup(it) => auto_scaling_group::create(aws, identity, it, ids).await,
        Resource::ScheduledAction(it) => scheduled_action::create(aws, identity, it, ids).await,
        Resource::RecordSet(it) => record_set::create(aws, identity, it, ids).await,
        // See `create_parameter`: nothing of what is known here holds a secret.
        Resource::Parameter(_) => {
            Err(Error::Unsupported { address: identity.address.clone(), act: "made without its value" })
        }
    }
}

/// Changes in place what differs between `found` and `resource`, which are of one kind; fields that only a replacement
/// can change are left alone. Gives the new facts.
///
/// # Errors
/// As [`create`]; [`Error::Unsupported`] when the two are of different kinds.
pub async fn update(
    aws: &Aws,
    found: &Found,
    resource: &Resource,
    identity: &Identity,
    ids: &Ids,
) -> Result<Attributes, Error> {
    macro_rules! by_kind {
        ($($variant:ident => $module:ident),+ $(,)?) => {
            match (&found.resource, resource) {
                $((Resource::$variant(before), Resource::$variant(after)) => {
                    $module::update(aws, Update { found, before, after, identity, ids }).await
                })+
                _ => Err(Error::Unsupported { address: found.address.clone(), act: "turned into another kind" }),
            }
        };
    }
    by_kind!(
        Vpc => vpc,
        Subnet => subnet,
        InternetGateway => internet_gateway,
        ElasticIp => elastic_ip,
        NatGateway => nat_gateway,
        RouteTable => route_table,
        SecurityGroup => security_group,
        SecurityGroupRules => security_group_rules,
        Role => role,
        InstanceProfile => instance_profile,
        NetworkInterface => network_interface,
        Volume => volume,
        LoadBalancer => load_balancer,
        TargetGroup => target_group,
        Listener => listener,
        LaunchTemplate => launch_template,
        AutoScalingGroup => auto_scaling_group,
        ScheduledAction => scheduled_action,
        RecordSet => record_set,
        Parameter => parameter,
    )
}

/// Deletes what was found, with what is inside of it (attachments, associations, policies). What is gone already is a
/// success.
///
/// # Errors
/// [`Error::Held`] when something still uses it after five minutes; otherwise that of the call that failed.
pub async fn delete(aws: &Aws, found: &Found) -> Result<(), Error> {
    match delete_one(aws, found).await {
        // What is gone has no tags any more by which a policy could allow to delete it.
        Err(error) if error.failure() == Some(Failure::Permission) && is_gone(aws, found).await => Ok(()),
        done => done,
    }
}

/// Whether AWS does not show it any more. Records and rules have no state of their own, and need no tag.
async fn is_gone(aws: &Aws, found: &Found) -> bool {
    let kind = found.address.kind();
    if matches!(kind, Kind::RecordSet | Kind::SecurityGroupRules) {
        return false;
    }
    let state = readiness(aws, kind, std::slice::from_ref(&found.id)).await;
    state.is_ok_and(|state| state.values().all(|it| *it == Readiness::Gone))
}

async fn delete_one(aws: &Aws, found: &Found) -> Result<(), Error> {
    match &found.resource {
        Resource::Vpc(it) => vpc::delete(aws, found, it).await,
        Resource::Subnet(it) => subnet::delete(aws, found, it).await,
        Resource::InternetGateway(it) => internet_gateway::delete(aws, found, it).await,
        Resource::ElasticIp(it) => elastic_ip::delete(aws, found, it).await,
        Resource::NatGateway(it) => nat_gateway::delete(aws, found, it).await,
        Resource::RouteTable(it) => route_table::delete(aws, found, it).await,
        Resource::SecurityGroup(it) => security_group::delete(aws, found, it).await,
        Resource::SecurityGroupRules(it) => security_group_rules::delete(aws, found, it).await,
        Resource::Role(it) => role::delete(aws, found, it).await,
        Resource::InstanceProfile(it) => instance_profile::delete(aws, found, it).await,
        Resource::NetworkInterface(it) => network_interface::delete(aws, found, it).await,
        Resource::Volume(it) => volume::delete(aws, found, it).await,
        Resource::LoadBalancer(it) => load_balancer::delete(aws, found, it).await,
        Resource::TargetGroup(it) => target_group::delete(aws, found, it).await,
        Resource::Listener(it) => listener::delete(aws, found, it).await,
        Resource::LaunchTemplate(it) => launch_template::delete(aws, found, it).await,
        Resource::AutoScalingGroup(it) => auto_scaling_group::delete(aws, found, it).await,
        Resource::ScheduledAction(it) => scheduled_action::delete(aws, found, it).await,
        Resource::RecordSet(it) => record_set::delete(aws, found, it).await,
        Resource::Parameter(it) => parameter::delete(aws, found, it).await,
    }
}

/// Whether the objects `ids` of one kind can be used: one call for all of them (and its further pages). An id that AWS
/// does not show is [`Readiness::Gone`]: deleted, or too young to be visible; the caller knows which it waits for.
///
/// # Errors
/// That of the call.
pub async fn readiness(aws: &Aws, kind: Kind, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut seen = match kind {
        Kind::Vpc => vpc::readiness(aws, ids).await,
        Kind::Subnet => subnet::readiness(aws, ids).await,
        Kind::InternetGateway => internet_gateway::readiness(aws, ids).await,
        Kind::ElasticIp => elastic_ip::readiness(aws, ids).await,
        Kind::NatGateway => nat_gateway::readiness(aws, ids).await,
        Kind::RouteTable => route_table::readiness(aws, ids).await,
        // The rules of a group have its id, and exist as soon as it does.
        Kind::SecurityGroup | Kind::SecurityGroupRules => security_group::readiness(aws, ids).await,
        Kind::Role => role::readiness(aws, ids).await,
        Kind::InstanceProfile => instance_profile::readiness(aws, ids).await,
        Kind::NetworkInterface => network_interface::readiness(aws, ids).await,
        Kind::Volume => volume::readiness(aws, ids).await,
        Kind::LoadBalancer => load_balancer::readiness(aws, ids).await,
        Kind::TargetGroup => target_group::readiness(aws, ids).await,
        Kind::Listener => listener::readiness(aws, ids).await,
        Kind::LaunchTemplate => launch_template::readiness(aws, ids).await,
        Kind::AutoScalingGroup => auto_scaling_group::readiness(aws, ids).await,
        Kind::ScheduledAction => scheduled_action::readiness(aws, ids).await,
        Kind::RecordSet => record_set::readiness(aws, ids).await,
        Kind::Parameter => parameter::readiness(aws, ids).await,
    }?;
    for id in ids {
        seen.entry(id.clone()).or_insert(Readiness::Gone);
    }
    Ok(seen)
}

/// What the machines of an object that does not become ready printed on their consoles, as lines for people; nothing for
/// kinds without machines.
///
/// # Errors
/// That of a call.
pub async fn machines(aws: &Aws, kind: Kind, id: &str) -> Result<Vec<String>, Error> {
    match kind {
        Kind::AutoScalingGroup => auto_scaling_group::machines(aws, id).await,
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{Scope, Wanted, discover, facts};

    fn sendable<T: Send>(_: fn() -> T) {}

    #[test]
    fn everything_can_be_spawned() {
        // Compiling is the test: apply spawns these.
        fn of<'a>(aws: &'a Aws, identity: &'a Identity, resource: &'a Resource, ids: &'a Ids, found: &'a Found) {
            fn sendable(_: impl Send) {}
            sendable(create(aws, identity, resource, ids));
            sendable(update(aws, found, resource, identity, ids));
            sendable(delete(aws, found));
            sendable(readiness(aws, Kind::Vpc, &[]));
        }
        fn read<'a>(aws: &'a Aws, scope: &'a Scope, wanted: &'a Wanted) {
            fn sendable(_: impl Send) {}
            sendable(discover(aws, scope));
            sendable(facts(aws, wanted));
        }
        sendable(|| (of as fn(&Aws, &Identity, &Resource, &Ids, &Found), read as fn(&Aws, &Scope, &Wanted)));
    }
}
