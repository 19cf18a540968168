//! The network interfaces of a load balancer: they hold its subnets and security groups.

use std::collections::BTreeMap;

use super::super::ec2::{self, NewInterface, Subnet, Tags};
use super::super::wire::Refusal;
use super::super::world::World;

/// One interface in each subnet; subnet → interface. Nothing is made when a subnet is full.
pub fn make<'a>(
    world: &mut World,
    description: &str,
    subnets: impl Iterator<Item = &'a String>,
    groups: &[String],
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut places = Vec::new();
    for id in subnets {
        let subnet = ec2::get::<Subnet>(world, id)?.clone();
        let address = subnet.free_address(world).map_err(|_| {
            Refusal::new(
                "InvalidSubnet",
                format!(
                    "Not enough IP space available in {id}. ELB requires at least 8 free IP addresses in each subnet."
                ),
            )
        })?;
        places.push((subnet, address));
    }
    let mut made = BTreeMap::new();
    for (subnet, private_ip) in places {
        let new = NewInterface {
            private_ip,
            description: description.to_owned(),
            groups: groups.to_vec(),
            interface_type: "network_load_balancer".to_owned(),
            requester: Some("amazon-elb".to_owned()),
            tags: Tags::new(),
        };
        let id = ec2::new_interface(world, &subnet, new);
        made.insert(subnet.id, id);
    }
    Ok(made)
}

/// Gives them back.
pub fn remove(world: &mut World, ids: &[String]) {
    for id in ids {
        world.ec2.network_interfaces.remove(id);
    }
}

/// Puts them into other security groups.
pub fn regroup(world: &mut World, ids: &[String], groups: &[String]) {
    for id in ids {
        if let Some(interface) = world.ec2.network_interfaces.get_mut(id) {
            interface.groups = groups.to_vec();
        }
    }
}
