//! Makes a world out of a seed: what others made before windlass came.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ec2::{
    self, Address, Association, Image, InternetGateway, NatGateway, NewInterface, RouteTable, Subnet, Vpc,
};
use super::route53::{Record, Zone, normalize};
use super::s3::Bucket;
use super::seed::{Seed, SeedHostedZone, SeedImage, SeedNatGateway, SeedRouteTable, SeedVpc};
use super::world::{Quotas, World};

/// Ids come from here; the same seed file gives the same ids.
const RANDOM_SEED: u64 = 0x77_69_6e_64_6c_61_73_73;

impl World {
    /// The world of a seed, at a date.
    #[must_use]
    pub fn from_seed(seed: &Seed, now: Timestamp) -> Self {
        let mut world = Self::empty(&seed.account.to_string(), seed.region.as_str(), RANDOM_SEED, now);
        world.sts.user.clone_from(&seed.user);
        world.zones = seed.zones.iter().map(|zone| zone.name.to_string()).collect();
        world.zones.sort();
        world.ec2.zone_ids = seed.zones.iter().map(|zone| (zone.name.to_string(), zone.id.clone())).collect();
        // A company with several clusters has had its quotas raised.
        world.quotas = Quotas { vpcs: 20, internet_gateways: 20, addresses: 50, ..Quotas::default() };
        world.behaviour.network_plugin = seed.network_plugin;
        for vpc in &seed.vpcs {
            add_vpc(&mut world, vpc);
        }
        for image in &seed.images {
            add_image(&mut world, image);
        }
        for zone in &seed.hosted_zones {
            add_hosted_zone(&mut world, zone);
        }
        for (name, value) in &seed.parameters {
            world.ssm.publish(name, value, now);
        }
        for (name, owner) in &seed.buckets {
            let objects = BTreeMap::new();
            let bucket = Bucket { name: name.clone(), owner: owner.to_string(), created: now, objects };
            world.s3.buckets.insert(name.clone(), bucket);
        }
        world.ec2.offered_only_in = seed
            .offered_only_in
            .iter()
            .map(|(name, zones)| (name.clone(), zones.iter().map(ToString::to_string).collect()))
            .collect();
        world.kubernetes.controllers.workloads.clone_from(&seed.workloads);
        // What others made has been there for long.
        world.hidden.clear();
        world
    }
}

fn add_vpc(world: &mut World, seed: &SeedVpc) {
    let id = seed.id.to_string();
    let mut associations = BTreeMap::new();
    for cidr in &seed.cidrs {
        associations.insert(world.new_id("vpc-cidr-assoc"), cidr.net());
    }
    let Some(first) = seed.cidrs.first() else { return };
    let vpc = Vpc {
        id: id.clone(),
        cidr: first.net(),
        associations,
        dns_support: seed.dns_support,
        dns_hostnames: seed.dns_hostnames,
        is_default: false,
        available_at: world.now,
        tags: seed.tags.clone(),
    };
    world.ec2.vpcs.insert(id.clone(), vpc);
    ec2::new_default_security_group(world, &id);
    if let Some(gateway) = &seed.internet_gateway {
        let gateway = InternetGateway { id: gateway.clone(), vpc: Some(id.clone()), tags: seed.tags.clone() };
        world.ec2.internet_gateways.insert(gateway.id.clone(), gateway);
    }
    for subnet in &seed.subnets {
        let subnet = Subnet {
            id: subnet.id.to_string(),
            vpc: id.clone(),
            zone: subnet.zone.to_string(),
            cidr: subnet.cidr.net(),
            map_public_ip_on_launch: subnet.map_public_ip_on_launch,
            used_addresses: subnet.used_addresses,
            default_for_zone: false,
            available_at: world.now,
            tags: subnet.tags.clone(),
        };
        world.ec2.subnets.insert(subnet.id.clone(), subnet);
    }
    for gateway in &seed.nat_gateways {
        add_nat_gateway(world, gateway);
    }
    for table in &seed.route_tables {
        add_route_table(world, &id, table);
    }
}

fn add_nat_gateway(world: &mut World, seed: &SeedNatGateway) {
    let address = Address { id: seed.allocation.clone(), public_ip: seed.public_address, tags: seed.tags.clone() };
    world.ec2.addresses.insert(address.id.clone(), address);
    let Some(subnet) = world.ec2.subnets.get(seed.subnet.as_str()).cloned() else { return };
    let Ok(private_ip) = subnet.free_address(world) else { return };
    let interface = ec2::new_interface(
        world,
        &subnet,
        NewInterface {
            private_ip,
            description: format!("Interface for NAT Gateway {}", seed.id),
            groups: Vec::new(),
            interface_type: "nat_gateway".to_owned(),
            requester: Some("nat-gateway".to_owned()),
            tags: BTreeMap::new(),
        },
    );
    let association = world.new_id("eipassoc");
    if let Some(interface) = world.ec2.network_interfaces.get_mut(&interface) {
        interface.association = Some(Association {
            id: association.clone(),
            public_ip: seed.public_address,
            allocation: Some(seed.allocation.clone()),
        });
    }
    let gateway = NatGateway {
        id: seed.id.clone(),
        vpc: subnet.vpc,
        subnet: subnet.id,
        allocation: seed.allocation.clone(),
        public_ip: seed.public_address.to_string(),
        interface,
        private_ip: private_ip.to_string(),
        association,
        created_at: world.now,
        settled_at: world.now,
        failure: None,
        delete_requested_at: None,
        deleted_at: None,
        released: false,
        tags: seed.tags.clone(),
    };
    world.ec2.nat_gateways.insert(gateway.id.clone(), gateway);
}

fn add_route_table(world: &mut World, vpc: &str, seed: &SeedRouteTable) {
    let mut associations = BTreeMap::new();
    if seed.main {
        associations.insert(world.new_id("rtbassoc"), None);
    }
    for subnet in &seed.subnets {
        associations.insert(world.new_id("rtbassoc"), Some(subnet.to_string()));
    }
    let target = |id: &String| {
        if id.starts_with("nat-") {
            ec2::RouteTarget::NatGateway(id.clone())
        } else {
            ec2::RouteTarget::Gateway(id.clone())
        }
    };
    let table = RouteTable {
        id: seed.id.clone(),
        vpc: vpc.to_owned(),
        routes: seed.routes.iter().map(|(cidr, id)| (cidr.to_string(), target(id))).collect(),
        associations,
        tags: seed.tags.clone(),
    };
    world.ec2.route_tables.insert(table.id.clone(), table);
}

fn add_image(world: &mut World, seed: &SeedImage) {
    let image = Image {
        id: seed.id.clone(),
        name: seed.name.clone(),
        owner: seed.owner.to_string(),
        architecture: seed.architecture.clone(),
        root_device: seed.root_device.clone(),
        root_size: seed.root_size,
        snapshot: world.new_id("snap"),
        created_at: seed.created,
        tags: seed.tags.clone(),
    };
    world.ec2.images.insert(image.id.clone(), image);
}

fn add_hosted_zone(world: &mut World, seed: &SeedHostedZone) {
    let mut zone = Zone::new(&seed.id, &seed.name.to_string(), &format!("seed-{}", seed.id));
    zone.private = !seed.vpcs.is_empty();
    zone.vpcs = seed.vpcs.iter().map(|vpc| (world.region.clone(), vpc.to_string())).collect();
    for record in &seed.records {
        let values = record.values.clone();
        let record = Record {
            name: normalize(&record.name),
            record_type: record.record_type.clone(),
            ttl: Some(u64::from(record.ttl)),
            values,
            alias: None,
            set_identifier: None,
            routing: None,
            health_check: None,
        };
        zone.records.push(record);
    }
    zone.records.sort_by_key(Record::key);
    world.route53.zones.insert(zone.id.clone(), zone);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_world_has_what_its_seed_says() {
        let seed = Seed::example();
        let now = seed.clock;
        let world = World::from_seed(&seed, now);
        let vpc = &seed.vpcs[0];
        assert_eq!(world.ec2.subnets.len(), vpc.subnets.len());
        assert_eq!(world.ec2.nat_gateways.len(), vpc.nat_gateways.len());
        assert_eq!(world.ec2.route_tables.values().filter(|table| table.is_main()).count(), 1);
        assert_eq!(world.ec2.images.len(), seed.images.len());
        assert_eq!(world.route53.zones.len(), seed.hosted_zones.len());
        let subnet = &vpc.subnets[0];
        let free = world.ec2.subnets[subnet.id.as_str()].free_addresses(&world);
        assert_eq!(free, 256 - 5 - subnet.used_addresses - 1, "one more for the NAT gateway");
        assert_eq!(World::from_seed(&seed, now), world, "the same seed, the same world");
    }
}
