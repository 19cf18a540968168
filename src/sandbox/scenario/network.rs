//! The network of a scenario: one VPC, a subnet a zone, images, and addresses that are given out in order.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::ec2::{self, Image, NewInterface, Subnet, Tags, Vpc};
use super::world::{ACCOUNT, Builder};

impl Builder<'_> {
    pub(super) fn network(&mut self) {
        let now = self.world.now;
        let range = |octet: u8, prefix: u8| Ipv4Net::new_assert(Ipv4Addr::new(10, octet, 0, 0), prefix);
        let id = self.world.new_id("vpc");
        let vpc = Vpc {
            id: id.clone(),
            cidr: range(0, 8),
            associations: BTreeMap::from([(self.world.new_id("vpc-cidr-assoc"), range(0, 8))]),
            dns_support: true,
            dns_hostnames: true,
            is_default: false,
            available_at: now,
            tags: self.tags("vpc", "vpc"),
        };
        self.world.ec2.vpcs.insert(id.clone(), vpc);
        self.security_group = ec2::new_default_security_group(&mut self.world, &id);
        for (number, zone) in self.scenario.zones.iter().enumerate() {
            let subnet = Subnet {
                id: self.world.new_id("subnet"),
                vpc: id.clone(),
                zone: zone.clone(),
                cidr: range(u8::try_from(number + 1).unwrap_or(u8::MAX), 16),
                map_public_ip_on_launch: false,
                used_addresses: 0,
                default_for_zone: false,
                available_at: now,
                tags: self.tags("subnet", zone),
            };
            self.world.ec2.subnets.insert(subnet.id.clone(), subnet.clone());
            self.subnets.insert(zone.clone(), subnet);
        }
        for architecture in ["x86_64", "arm64"] {
            let image = Image {
                id: self.world.new_id("ami"),
                name: format!("scenario-kubernetes-{}-{architecture}", self.scenario.kubernetes),
                owner: ACCOUNT.to_owned(),
                architecture: architecture.to_owned(),
                root_device: "/dev/xvda".to_owned(),
                root_size: 12,
                snapshot: self.world.new_id("snap"),
                created_at: now,
                tags: Tags::new(),
            };
            self.images.insert(architecture, image.id.clone());
            self.world.ec2.images.insert(image.id.clone(), image);
        }
    }

    pub(super) fn address(&mut self, zone: &str) -> (Subnet, Ipv4Addr) {
        let subnet = self.subnets[zone].clone();
        let given = self.given.entry(zone.to_owned()).or_insert(0);
        *given += 1;
        // AWS keeps the first four.
        let address = Ipv4Addr::from(u32::from(subnet.cidr.network()) + 3 + *given);
        (subnet, address)
    }

    pub(super) fn interface(&mut self, zone: &str, tags: Tags) -> (String, Subnet, Ipv4Addr) {
        let (subnet, private_ip) = self.address(zone);
        let new = NewInterface {
            private_ip,
            description: String::new(),
            groups: vec![self.security_group.clone()],
            interface_type: "interface".to_owned(),
            requester: None,
            tags,
        };
        (ec2::new_interface(&mut self.world, &subnet, new), subnet, private_ip)
    }
}
