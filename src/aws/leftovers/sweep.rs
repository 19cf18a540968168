//! Deletes what Kubernetes left, in the order in which things let go of each other: load balancers, then their network
//! interfaces vanish; target groups; instances; volumes; interfaces; addresses; security groups, freed from rules first;
//! parameters.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types as wire;

use super::find::{names, security_groups};
use super::{Leftover, LeftoverKind};
use crate::aws::call::{Call, call, delete_call};
use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::aws::tags::any_of;
use crate::aws::{holders, load_balancer, parameter};
use crate::resource::Readiness;

/// How long load balancers and instances may take to go; a balancer's interfaces take minutes.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How often they are looked at.
const INTERVAL: Duration = Duration::from_secs(5);
/// Instances in one call: batches are advised, without a number (EC2 API reference, TerminateInstances).
const INSTANCES: usize = 100;

/// The order of the sweep.
const ORDER: [LeftoverKind; 8] = [
    LeftoverKind::LoadBalancer,
    LeftoverKind::TargetGroup,
    LeftoverKind::Instance,
    LeftoverKind::Volume,
    LeftoverKind::NetworkInterface,
    LeftoverKind::ElasticIp,
    LeftoverKind::SecurityGroup,
    LeftoverKind::Parameter,
];

/// Deletes those of `leftovers` that are not the cluster's own resources (which a plan deletes), and calls `told` with each
/// right before. May be repeated: what is gone already is a success.
///
/// The cluster's Auto Scaling groups must be gone by then: a controller that still runs makes load balancers anew. Its
/// subnets and security groups need not be, and cannot before.
///
/// Gives what could not be deleted, each with why; the others were.
///
/// # Errors
/// A security group's neighbours could not be listed.
pub async fn sweep(
    aws: &Aws,
    leftovers: &[Leftover],
    told: &(dyn Fn(&Leftover) + Sync),
) -> Result<Vec<(Leftover, Error)>, Error> {
    let mut failed = Vec::new();
    for kind in ORDER {
        let batch: Vec<&Leftover> = leftovers.iter().filter(|leftover| leftover.kind == kind).collect();
        if batch.is_empty() {
            continue;
        }
        batch.iter().for_each(|leftover| told(leftover));
        let ids: Vec<String> = batch.iter().map(|leftover| leftover.id.clone()).collect();
        if kind == LeftoverKind::Instance {
            if let Err(error) = terminate(aws, &ids).await {
                failed.extend(batch.first().map(|first| ((*first).clone(), error)));
            }
            continue;
        }
        if kind == LeftoverKind::Parameter {
            if let Err(error) = parameter::delete_all(aws, &ids).await {
                failed.extend(batch.first().map(|first| ((*first).clone(), error)));
            }
            continue;
        }
        if kind == LeftoverKind::SecurityGroup {
            free_from_rules(aws, &ids).await?;
        }
        for leftover in batch {
            if let Err(error) = delete(aws, leftover).await {
                failed.push((leftover.clone(), error));
            }
        }
        if kind == LeftoverKind::LoadBalancer {
            wait_for_balancers(aws, &ids).await?;
        }
    }
    Ok(failed)
}

async fn delete(aws: &Aws, leftover: &Leftover) -> Result<(), Error> {
    let id = leftover.id.as_str();
    let ec2 = aws.ec2();
    match leftover.kind {
        LeftoverKind::LoadBalancer => load_balancer::delete_unprotected(aws, id).await,
        LeftoverKind::TargetGroup => {
            let request = aws.load_balancing().delete_target_group().target_group_arn(id);
            delete_call(aws, "DeleteTargetGroup", || request.clone().send()).await
        }
        LeftoverKind::Volume => delete_call(aws, "DeleteVolume", || ec2.delete_volume().volume_id(id).send()).await,
        LeftoverKind::NetworkInterface => {
            let request = ec2.delete_network_interface().network_interface_id(id);
            delete_call(aws, "DeleteNetworkInterface", || request.clone().send()).await
        }
        LeftoverKind::ElasticIp => {
            delete_call(aws, "ReleaseAddress", || ec2.release_address().allocation_id(id).send()).await
        }
        LeftoverKind::SecurityGroup => {
            let request = ec2.delete_security_group().group_id(id);
            let outcome = delete_call(aws, "DeleteSecurityGroup", || request.clone().send()).await;
            holders::explain(aws, outcome, "group-id", id).await
        }
        // Terminated together; and a plan's business.
        LeftoverKind::Instance | LeftoverKind::Parameter | LeftoverKind::Own(_) => Ok(()),
    }
}

/// Waits until the network interfaces of deleted balancers are gone; whoever uses what they hold waits on if they are not.
async fn wait_for_balancers(aws: &Aws, arns: &[String]) -> Result<(), Error> {
    let began = aws.clock().since_boot();
    while aws.clock().since_boot().saturating_sub(began) < PATIENCE {
        let seen = load_balancer::readiness(aws, arns).await?;
        if seen.values().all(|state| *state == Readiness::Gone) {
            break;
        }
        aws.clock().sleep(INTERVAL).await;
    }
    Ok(())
}

/// Terminates instances, and waits until they are: only then their volumes and interfaces are free.
async fn terminate(aws: &Aws, ids: &[String]) -> Result<(), Error> {
    for some in ids.chunks(INSTANCES) {
        let request = aws.ec2().terminate_instances().set_instance_ids(Some(some.to_vec()));
        delete_call(aws, "TerminateInstances", || request.clone().send()).await?;
    }
    let began = aws.clock().since_boot();
    while aws.clock().since_boot().saturating_sub(began) < PATIENCE {
        let mut living = 0;
        for some in ids.chunks(INSTANCES) {
            let request = aws.ec2().describe_instances().filters(any_of("instance-id", some));
            let answer = call(aws, Call::read("DescribeInstances"), || request.clone().send()).await?;
            let instances =
                answer.reservations.unwrap_or_default().into_iter().flat_map(|it| it.instances.unwrap_or_default());
            let terminated = |it: &wire::Instance| {
                it.state().and_then(wire::InstanceState::name) == Some(&wire::InstanceStateName::Terminated)
            };
            living += instances.filter(|it| !terminated(it)).count();
        }
        if living == 0 {
            break;
        }
        aws.clock().sleep(INTERVAL).await;
    }
    Ok(())
}

/// Revokes all rules of their VPCs that name one of the groups `ids`: a group that a rule names cannot be deleted, and
/// groups may name each other.
async fn free_from_rules(aws: &Aws, ids: &[String]) -> Result<(), Error> {
    let groups = security_groups(aws, any_of("group-id", ids)).await?;
    let vpcs: BTreeSet<String> = groups.into_iter().filter_map(|group| group.vpc_id).collect();
    if vpcs.is_empty() {
        return Ok(());
    }
    let vpcs: Vec<String> = vpcs.into_iter().collect();
    for group in security_groups(aws, any_of("vpc-id", &vpcs)).await? {
        if !ids.iter().any(|id| names(&group, id)) {
            continue;
        }
        let Some(id) = group.group_id() else { continue };
        if let Some(permissions) = naming(group.ip_permissions(), ids) {
            let request = aws.ec2().revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(permissions));
            delete_call(aws, "RevokeSecurityGroupIngress", || request.clone().send()).await?;
        }
        if let Some(permissions) = naming(group.ip_permissions_egress(), ids) {
            let request = aws.ec2().revoke_security_group_egress().group_id(id).set_ip_permissions(Some(permissions));
            delete_call(aws, "RevokeSecurityGroupEgress", || request.clone().send()).await?;
        }
    }
    Ok(())
}

/// The parts of `permissions` that name one of the groups `ids`; `None`: there are none.
fn naming(permissions: &[wire::IpPermission], ids: &[String]) -> Option<Vec<wire::IpPermission>> {
    let part = |permission: &wire::IpPermission| {
        let pairs = permission.user_id_group_pairs().iter();
        let named = pairs.filter(|pair| pair.group_id().is_some_and(|id| ids.iter().any(|it| it == id)));
        let named: Vec<wire::UserIdGroupPair> =
            named.map(|pair| wire::UserIdGroupPair::builder().set_group_id(pair.group_id.clone()).build()).collect();
        (!named.is_empty()).then(|| {
            wire::IpPermission::builder()
                .set_ip_protocol(permission.ip_protocol.clone())
                .set_from_port(permission.from_port)
                .set_to_port(permission.to_port)
                .set_user_id_group_pairs(Some(named))
                .build()
        })
    };
    let parts: Vec<wire::IpPermission> = permissions.iter().filter_map(part).collect();
    (!parts.is_empty()).then_some(parts)
}
