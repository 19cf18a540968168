//! Finds what Kubernetes and the members made for a cluster: a describe by tag or path for each type, all at the same
//! time. Changes nothing.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as wire;

use super::{Leftover, LeftoverKind, because, keys};
use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::discover::Scope;
use crate::aws::error::Error;
use crate::aws::holders::holder;
use crate::aws::tags::{any_of, from_ec2};
use crate::aws::{balancing, load_balancer, pages, parameter, target_group};
use crate::desired::parameter_path;

/// Things in one page; what all of EC2's describe operations allow (API reference).
const PAGE: i32 = 500;

/// Everything that is the cluster's by its tags and no planned resource, sorted by kind and id: what
/// [`sweep`](super::sweep()) deletes.
///
/// # Errors
/// The first failed call.
pub async fn made_by_kubernetes(aws: &Aws, scope: &Scope) -> Result<Vec<Leftover>, Error> {
    let search = Search { aws, scope, filter: any_of("tag-key", &keys(&scope.cluster)) };
    let (balancing, instances, volumes, interfaces, addresses, groups, parameters) = tokio::try_join!(
        search.balancing(),
        search.instances(),
        search.volumes(),
        search.interfaces(),
        search.addresses(),
        search.security_groups(),
        search.parameters(),
    )?;
    let mut all = [balancing, instances, volumes, interfaces, addresses, groups, parameters].concat();
    all.sort();
    Ok(all)
}

struct Search<'a> {
    aws: &'a Aws,
    scope: &'a Scope,
    filter: wire::Filter,
}

impl Search<'_> {
    /// The thing, if its tags make it the cluster's.
    fn judge(
        &self,
        kind: LeftoverKind,
        id: Option<&str>,
        name: &str,
        tags: Option<Vec<wire::Tag>>,
    ) -> Option<Leftover> {
        let because = because(self.scope, &from_ec2(tags))?;
        Some(Leftover { kind, id: id?.to_owned(), name: name.to_owned(), because, held_by: Vec::new() })
    }

    /// Load balancers and target groups can only be asked for their tags one by one, twenty in a call.
    async fn balancing(&self) -> Result<Vec<Leftover>, Error> {
        let (balancers, groups) =
            tokio::try_join!(load_balancer::describe(self.aws), target_group::describe(self.aws))?;
        let balancers = balancers.into_iter().filter_map(|it| {
            Some((LeftoverKind::LoadBalancer, it.load_balancer_arn?, it.load_balancer_name, Vec::new()))
        });
        let groups = groups.into_iter().filter_map(|it| {
            let holders = it.load_balancer_arns.unwrap_or_default();
            let holders = holders.into_iter().map(|arn| format!("load balancer {arn}")).collect();
            Some((LeftoverKind::TargetGroup, it.target_group_arn?, it.target_group_name, holders))
        });
        let all: Vec<_> = balancers.chain(groups).collect();
        let arns: Vec<String> = all.iter().map(|(_, arn, ..)| arn.clone()).collect();
        let tags = balancing::describe_tags(self.aws, &arns).await?;
        let judge = |(kind, id, name, held_by): (_, String, Option<String>, _)| {
            let because = because(self.scope, tags.get(&id)?)?;
            Some(Leftover { kind, id, name: name.unwrap_or_default(), because, held_by })
        };
        Ok(all.into_iter().filter_map(judge).collect())
    }

    /// Terminated instances stay visible for about an hour and hold nothing.
    async fn instances(&self) -> Result<Vec<Leftover>, Error> {
        let reservations = pages::all("DescribeInstances", async |token| {
            let request = self.aws.ec2().describe_instances().filters(self.filter.clone());
            let request = request.max_results(PAGE).set_next_token(token);
            let answer = call(self.aws, Call::read("DescribeInstances"), || request.clone().send()).await?;
            Ok((answer.reservations.unwrap_or_default(), answer.next_token))
        })
        .await?;
        let instances = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
        let judge = |it: wire::Instance| {
            let state = it.state().and_then(wire::InstanceState::name).cloned()?;
            let name = state.as_str().to_owned();
            let living = state != wire::InstanceStateName::Terminated;
            living.then(|| self.judge(LeftoverKind::Instance, it.instance_id.as_deref(), &name, it.tags)).flatten()
        };
        Ok(instances.filter_map(judge).collect())
    }

    async fn volumes(&self) -> Result<Vec<Leftover>, Error> {
        let volumes = pages::all("DescribeVolumes", async |token| {
            let request = self.aws.ec2().describe_volumes().filters(self.filter.clone());
            let request = request.max_results(PAGE).set_next_token(token);
            let answer = call(self.aws, Call::read("DescribeVolumes"), || request.clone().send()).await?;
            Ok((answer.volumes.unwrap_or_default(), answer.next_token))
        })
        .await?;
        let judge = |it: wire::Volume| {
            let users = it.attachments().iter().filter_map(wire::VolumeAttachment::instance_id);
            let held_by = users.map(|id| format!("instance {id}")).collect();
            let name = format!("{} GiB", it.size().unwrap_or(0));
            let leftover = self.judge(LeftoverKind::Volume, it.volume_id.as_deref(), &name, it.tags)?;
            Some(Leftover { held_by, ..leftover })
        };
        Ok(volumes.into_iter().filter_map(judge).collect())
    }

    async fn interfaces(&self) -> Result<Vec<Leftover>, Error> {
        let judge = |it: wire::NetworkInterface| {
            let attached = it.attachment().is_some();
            let held_by = it.attachment().and_then(wire::NetworkInterfaceAttachment::instance_id);
            let held_by = held_by.map_or_else(|| String::from("its attachment"), |id| format!("instance {id}"));
            let name = it.description.clone().unwrap_or_default();
            let id = it.network_interface_id.as_deref();
            let leftover = self.judge(LeftoverKind::NetworkInterface, id, &name, it.tag_set)?;
            Some(Leftover { held_by: attached.then_some(held_by).into_iter().collect(), ..leftover })
        };
        Ok(interfaces(self.aws, self.filter.clone()).await?.into_iter().filter_map(judge).collect())
    }

    /// DescribeAddresses has no pages (EC2 API reference).
    async fn addresses(&self) -> Result<Vec<Leftover>, Error> {
        let request = self.aws.ec2().describe_addresses().filters(self.filter.clone());
        let answer = call(self.aws, Call::read("DescribeAddresses"), || request.clone().send()).await?;
        let judge = |it: wire::Address| {
            let held_by = it.network_interface_id.map(|id| format!("network interface {id}")).into_iter().collect();
            let name = it.public_ip.unwrap_or_default();
            let leftover = self.judge(LeftoverKind::ElasticIp, it.allocation_id.as_deref(), &name, it.tags)?;
            Some(Leftover { held_by, ..leftover })
        };
        Ok(answer.addresses.unwrap_or_default().into_iter().filter_map(judge).collect())
    }

    /// Members write the join token and what they have installed.
    async fn parameters(&self) -> Result<Vec<Leftover>, Error> {
        let leftover = |id| Leftover {
            kind: LeftoverKind::Parameter,
            id,
            name: String::new(),
            because: format!("path {}", parameter_path(&self.scope.cluster)),
            held_by: Vec::new(),
        };
        Ok(parameter::strays(self.aws, self.scope).await?.into_iter().map(leftover).collect())
    }

    /// What holds a group are the interfaces in it, and the groups whose rules name it.
    async fn security_groups(&self) -> Result<Vec<Leftover>, Error> {
        let groups = security_groups(self.aws, self.filter.clone()).await?;
        let vpcs: BTreeSet<String> = groups.iter().filter_map(|group| group.vpc_id.clone()).collect();
        let judge = |it: wire::SecurityGroup| {
            let name = it.group_name.clone().unwrap_or_default();
            self.judge(LeftoverKind::SecurityGroup, it.group_id.as_deref(), &name, it.tags)
        };
        let mut found: Vec<Leftover> = groups.into_iter().filter_map(judge).collect();
        if found.is_empty() {
            return Ok(found);
        }
        let ids: Vec<String> = found.iter().map(|leftover| leftover.id.clone()).collect();
        let vpcs: Vec<String> = vpcs.into_iter().collect();
        let (users, neighbours) = tokio::try_join!(
            interfaces(self.aws, any_of("group-id", &ids)),
            security_groups(self.aws, any_of("vpc-id", &vpcs)),
        )?;
        for leftover in &mut found {
            let in_it =
                |it: &&wire::NetworkInterface| it.groups().iter().any(|group| group.group_id() == Some(&leftover.id));
            let names_it = |it: &&wire::SecurityGroup| it.group_id() != Some(&leftover.id) && names(it, &leftover.id);
            let rules = neighbours.iter().filter(names_it).filter_map(|group| group.group_id());
            leftover.held_by = users.iter().filter(in_it).map(holder).collect();
            leftover.held_by.extend(rules.map(|id| format!("a rule of security group {id}")));
        }
        Ok(found)
    }
}

/// Whether a rule of `group` names the group `id`.
pub(super) fn names(group: &wire::SecurityGroup, id: &str) -> bool {
    let permissions = group.ip_permissions().iter().chain(group.ip_permissions_egress());
    permissions.flat_map(wire::IpPermission::user_id_group_pairs).any(|pair| pair.group_id() == Some(id))
}

/// All network interfaces that match a filter.
pub(super) async fn interfaces(aws: &Aws, filter: wire::Filter) -> Result<Vec<wire::NetworkInterface>, Error> {
    pages::all("DescribeNetworkInterfaces", async |token| {
        let request = aws.ec2().describe_network_interfaces().filters(filter.clone());
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeNetworkInterfaces"), || request.clone().send()).await?;
        Ok((answer.network_interfaces.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// All security groups that match a filter.
pub(super) async fn security_groups(aws: &Aws, filter: wire::Filter) -> Result<Vec<wire::SecurityGroup>, Error> {
    pages::all("DescribeSecurityGroups", async |token| {
        let request = aws.ec2().describe_security_groups().filters(filter.clone());
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeSecurityGroups"), || request.clone().send()).await?;
        Ok((answer.security_groups.unwrap_or_default(), answer.next_token))
    })
    .await
}
