//! Sequences of networks: VPC, subnets, gateways, routes, security groups, interfaces, volumes, tags.

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, IpPermission, IpRange, ResourceType, Tag, TagSpecification, VolumeType,
};

use crate::conformance::{Notes, REGION, Side, joined};

pub fn tagged(kind: ResourceType, name: &str) -> TagSpecification {
    let tag = Tag::builder().key("Name").value(name).build();
    TagSpecification::builder().resource_type(kind).tags(tag).build()
}

fn named(name: &str) -> Filter {
    Filter::builder().name("tag:Name").values(name).build()
}

pub fn zone(letter: char) -> String {
    format!("{REGION}{letter}")
}

/// A VPC with a subnet in each of two zones.
pub struct Network {
    pub vpc: String,
    pub subnets: [String; 2],
}

pub async fn network(side: &Side, cidr: &str) -> Network {
    let vpc = side.ec2.create_vpc().cidr_block(format!("{cidr}.0.0/16")).send().await.expect("a VPC");
    let vpc = vpc.vpc.and_then(|it| it.vpc_id).expect("an id");
    let mut subnets = Vec::new();
    for (letter, number) in [('a', 0), ('b', 1)] {
        let request = side.ec2.create_subnet().vpc_id(&vpc).cidr_block(format!("{cidr}.{number}.0/24"));
        let subnet = request.availability_zone(zone(letter)).send().await.expect("a subnet");
        subnets.push(subnet.subnet.and_then(|it| it.subnet_id).expect("an id"));
    }
    let subnets = subnets.try_into().expect("two subnets");
    let gateway = side.ec2.create_internet_gateway().send().await.expect("a gateway");
    let gateway = gateway.internet_gateway.and_then(|it| it.internet_gateway_id).expect("an id");
    side.ec2.attach_internet_gateway().internet_gateway_id(gateway).vpc_id(&vpc).send().await.expect("attached");
    Network { vpc, subnets }
}

pub async fn routed(side: &Side, notes: &mut Notes) {
    let ec2 = &side.ec2;
    notes.begin("network");
    let zones = ec2.describe_availability_zones().send().await.expect("zones");
    notes.see("DescribeAvailabilityZones", joined(zones.availability_zones().iter().filter_map(|it| it.zone_name())));
    let made = ec2.create_vpc().cidr_block("10.50.0.0/16").tag_specifications(tagged(ResourceType::Vpc, "net"));
    let vpc = notes.done("CreateVpc", made.send().await).and_then(|it| it.vpc).and_then(|it| it.vpc_id).expect("a VPC");
    notes.done("CreateVpc too large", ec2.create_vpc().cidr_block("10.0.0.0/8").send().await);
    let on = || AttributeBooleanValue::builder().value(true).build();
    notes.done("ModifyVpcAttribute", ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(on()).send().await);
    let attribute = aws_sdk_ec2::types::VpcAttributeName::EnableDnsHostnames;
    let shown = ec2.describe_vpc_attribute().vpc_id(&vpc).attribute(attribute).send().await.expect("an attribute");
    notes.see("DescribeVpcAttribute", shown.enable_dns_hostnames().and_then(|it| it.value()).unwrap_or_default());
    let found = ec2.describe_vpcs().filters(named("net")).send().await.expect("VPCs");
    notes.see("DescribeVpcs", joined(found.vpcs().iter().filter_map(|it| it.cidr_block())));
    notes.done("DescribeVpcs unknown", ec2.describe_vpcs().vpc_ids("vpc-0123456789abcdef0").send().await);

    let create = |cidr: &str| {
        let tags = tagged(ResourceType::Subnet, "net");
        ec2.create_subnet().vpc_id(&vpc).cidr_block(cidr).availability_zone(zone('a')).tag_specifications(tags).send()
    };
    let subnet = notes.done("CreateSubnet", create("10.50.1.0/24").await);
    let subnet = subnet.and_then(|it| it.subnet).and_then(|it| it.subnet_id).expect("a subnet");
    notes.done("CreateSubnet again", create("10.50.1.0/24").await);
    notes.done("CreateSubnet outside", create("10.51.1.0/24").await);
    let publish = ec2.modify_subnet_attribute().subnet_id(&subnet).map_public_ip_on_launch(on());
    notes.done("ModifySubnetAttribute", publish.send().await);
    let shown = ec2.describe_subnets().filters(named("net")).send().await.expect("subnets");
    for it in shown.subnets() {
        let text = format!(
            "{} {} {} {}",
            it.cidr_block().unwrap_or_default(),
            it.availability_zone().unwrap_or_default(),
            it.available_ip_address_count().unwrap_or_default(),
            it.map_public_ip_on_launch().unwrap_or_default()
        );
        notes.see("DescribeSubnets", text);
    }

    let gateway = notes.done("CreateInternetGateway", ec2.create_internet_gateway().send().await);
    let gateway = gateway.and_then(|it| it.internet_gateway).and_then(|it| it.internet_gateway_id).expect("a gateway");
    let attach = || ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send();
    notes.done("AttachInternetGateway", attach().await);
    notes.done("AttachInternetGateway again", attach().await);
    let shown = ec2.describe_internet_gateways().internet_gateway_ids(&gateway).send().await.expect("gateways");
    notes.see("DescribeInternetGateways", shown.internet_gateways()[0].attachments().len());
    let address = notes.done("AllocateAddress", ec2.allocate_address().send().await);
    let allocation = address.and_then(|it| it.allocation_id).expect("an address");
    let nat = ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(&allocation).client_token("nat-1").send().await;
    let nat = notes
        .done("CreateNatGateway", nat)
        .and_then(|it| it.nat_gateway)
        .and_then(|it| it.nat_gateway_id)
        .expect("a NAT");
    side.settle(200).await;
    let shown = ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await.expect("NATs");
    notes.see(
        "DescribeNatGateways",
        shown.nat_gateways()[0].state().map(|it| it.as_str().to_owned()).unwrap_or_default(),
    );
    let shown = ec2.describe_addresses().allocation_ids(&allocation).send().await.expect("addresses");
    notes.see("DescribeAddresses used", shown.addresses()[0].association_id().is_some());

    let table = notes.done("CreateRouteTable", ec2.create_route_table().vpc_id(&vpc).send().await);
    let table = table.and_then(|it| it.route_table).and_then(|it| it.route_table_id).expect("a table");
    let route =
        || ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0").nat_gateway_id(&nat).send();
    notes.done("CreateRoute", route().await);
    notes.done("CreateRoute again", route().await);
    let tie = ec2.associate_route_table().route_table_id(&table).subnet_id(&subnet).send().await;
    let tie = notes.done("AssociateRouteTable", tie).and_then(|it| it.association_id).expect("an association");
    let shown = ec2.describe_route_tables().route_table_ids(&table).send().await.expect("tables");
    let routes = shown.route_tables()[0].routes().iter().filter_map(|it| it.destination_cidr_block());
    notes.see("DescribeRouteTables", joined(routes));

    notes.done("DeleteVpc with subnets", ec2.delete_vpc().vpc_id(&vpc).send().await);
    notes.done("DeleteRouteTable associated", ec2.delete_route_table().route_table_id(&table).send().await);
    notes.done("ReleaseAddress used", ec2.release_address().allocation_id(&allocation).send().await);
    notes.done("DeleteNatGateway", ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await);
    side.settle(200).await;
    if notes.seen["network/ReleaseAddress used"] != "ok" {
        ec2.release_address().allocation_id(&allocation).send().await.expect("released");
    }
    notes.done(
        "DeleteRoute",
        ec2.delete_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0").send().await,
    );
    notes.done("DisassociateRouteTable", ec2.disassociate_route_table().association_id(&tie).send().await);
    notes.done("DeleteRouteTable", ec2.delete_route_table().route_table_id(&table).send().await);
    notes.done("DeleteSubnet", ec2.delete_subnet().subnet_id(&subnet).send().await);
    notes.done("DeleteSubnet again", ec2.delete_subnet().subnet_id(&subnet).send().await);
    notes.done(
        "DeleteInternetGateway attached",
        ec2.delete_internet_gateway().internet_gateway_id(&gateway).send().await,
    );
    let detach = ec2.detach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send().await;
    notes.done("DetachInternetGateway", detach);
    notes.done("DeleteInternetGateway", ec2.delete_internet_gateway().internet_gateway_id(&gateway).send().await);
    notes.done("DeleteVpc", ec2.delete_vpc().vpc_id(&vpc).send().await);
}

fn permission(port: i32, cidr: &str) -> IpPermission {
    let range = IpRange::builder().cidr_ip(cidr).description("why").build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

pub async fn security_groups(side: &Side, notes: &mut Notes) {
    let ec2 = &side.ec2;
    notes.begin("security groups");
    let network = network(side, "10.52").await;
    let create =
        |name: &str| ec2.create_security_group().group_name(name).description("of a test").vpc_id(&network.vpc).send();
    let group = notes.done("CreateSecurityGroup", create("one").await).and_then(|it| it.group_id).expect("a group");
    notes.done("CreateSecurityGroup again", create("one").await);
    let allow = |port, cidr: &str| {
        ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(permission(port, cidr)).send()
    };
    notes.done("AuthorizeSecurityGroupIngress", allow(443, "10.0.0.0/8").await);
    notes.done("AuthorizeSecurityGroupIngress again", allow(443, "10.0.0.0/8").await);
    let ipip =
        IpPermission::builder().ip_protocol("4").ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").build()).build();
    let ipip = ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(ipip).send().await;
    notes.done("AuthorizeSecurityGroupIngress IPIP", ipip);
    let out = ec2.authorize_security_group_egress().group_id(&group).ip_permissions(permission(53, "10.0.0.2/32"));
    notes.done("AuthorizeSecurityGroupEgress", out.send().await);
    let of_group = Filter::builder().name("group-id").values(&group).build();
    let rules = ec2.describe_security_group_rules().filters(of_group).send().await.expect("rules");
    let shown = rules.security_group_rules().iter().filter(|it| it.ip_protocol() != Some("4"));
    let shown = shown.map(|it| {
        let way = if it.is_egress() == Some(true) { "out" } else { "in" };
        format!("{way}:{}:{}", it.ip_protocol().unwrap_or_default(), it.from_port().unwrap_or_default())
    });
    notes.see("DescribeSecurityGroupRules", joined(shown));
    let shown = ec2.describe_security_groups().group_ids(&group).send().await.expect("groups");
    notes.see("DescribeSecurityGroups", shown.security_groups()[0].description().unwrap_or_default());
    let unknown = ec2.describe_security_groups().group_ids("sg-0123456789abcdef0").send().await;
    notes.done("DescribeSecurityGroups unknown", unknown);
    let revoke =
        || ec2.revoke_security_group_ingress().group_id(&group).ip_permissions(permission(443, "10.0.0.0/8")).send();
    notes.done("RevokeSecurityGroupIngress", revoke().await);
    let out = ec2.revoke_security_group_egress().group_id(&group).ip_permissions(permission(53, "10.0.0.2/32"));
    notes.done("RevokeSecurityGroupEgress", out.send().await);
    let user = create("two").await.expect("a group").group_id.expect("an id");
    let interface = ec2.create_network_interface().subnet_id(&network.subnets[0]).groups(&user).send().await;
    interface.expect("an interface");
    notes.done("DeleteSecurityGroup used", ec2.delete_security_group().group_id(&user).send().await);
    notes.done("DeleteSecurityGroup", ec2.delete_security_group().group_id(&group).send().await);
    notes.done("DeleteSecurityGroup again", ec2.delete_security_group().group_id(&group).send().await);
}

pub async fn interfaces_and_volumes(side: &Side, notes: &mut Notes) {
    let ec2 = &side.ec2;
    notes.begin("interfaces and volumes");
    let network = network(side, "10.53").await;
    let create = |address: &str| {
        let tags = tagged(ResourceType::NetworkInterface, "member");
        let request = ec2.create_network_interface().subnet_id(&network.subnets[0]).private_ip_address(address);
        request.description("of a member").tag_specifications(tags).send()
    };
    let made = notes.done("CreateNetworkInterface", create("10.53.0.10").await);
    let interface =
        made.and_then(|it| it.network_interface).and_then(|it| it.network_interface_id).expect("an interface");
    notes.done("CreateNetworkInterface taken", create("10.53.0.10").await);
    side.settle(10).await;
    let only = ec2.describe_network_interfaces().network_interface_ids(&interface).send().await.expect("interfaces");
    let it = &only.network_interfaces()[0];
    let text = format!(
        "{} {} {} {}",
        it.private_ip_address().unwrap_or_default(),
        it.description().unwrap_or_default(),
        it.status().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        joined(it.tag_set().iter().filter_map(|it| it.value()))
    );
    notes.see("DescribeNetworkInterfaces", text);
    notes.done("DeleteSubnet with an interface", ec2.delete_subnet().subnet_id(&network.subnets[0]).send().await);
    notes.done("DeleteNetworkInterface", ec2.delete_network_interface().network_interface_id(&interface).send().await);
    notes.done(
        "DeleteNetworkInterface again",
        ec2.delete_network_interface().network_interface_id(&interface).send().await,
    );

    let create = |zone: String| {
        let tags = tagged(ResourceType::Volume, "etcd");
        let request = ec2.create_volume().availability_zone(zone).size(20).volume_type(VolumeType::Gp3).encrypted(true);
        request.client_token("volume-1").tag_specifications(tags).send()
    };
    let volume = notes.done("CreateVolume", create(zone('a')).await).and_then(|it| it.volume_id).expect("a volume");
    let again = create(zone('a')).await.expect("a volume").volume_id;
    notes.see("CreateVolume same token", again.as_deref() == Some(volume.as_str()));
    side.settle(10).await;
    notes.done("ModifyVolume", ec2.modify_volume().volume_id(&volume).size(30).send().await);
    side.settle(10).await;
    let shown = ec2.describe_volumes().volume_ids(&volume).send().await.expect("volumes");
    let it = &shown.volumes()[0];
    let state = it.state().map(|it| it.as_str().to_owned()).unwrap_or_default();
    let kind = it.volume_type().map(|it| it.as_str().to_owned()).unwrap_or_default();
    notes.see(
        "DescribeVolumes",
        format!("{state} {kind} {} {}", it.size().unwrap_or_default(), it.encrypted().unwrap_or_default()),
    );
    let tag = Tag::builder().key("team").value("video").build();
    notes.done("CreateTags", ec2.create_tags().resources(&volume).tags(tag.clone()).send().await);
    let of_volume = Filter::builder().name("resource-id").values(&volume).build();
    let shown = ec2.describe_tags().filters(of_volume.clone()).send().await.expect("tags");
    notes.see("DescribeTags", joined(shown.tags().iter().filter_map(|it| it.key())));
    notes.done("DeleteTags", ec2.delete_tags().resources(&volume).tags(tag).send().await);
    let shown = ec2.describe_tags().filters(of_volume).send().await.expect("tags");
    notes.see("DescribeTags after", joined(shown.tags().iter().filter_map(|it| it.key())));
    let unknown = ec2.create_tags().resources("vol-0123456789abcdef0").tags(Tag::builder().key("a").value("b").build());
    notes.done("CreateTags unknown", unknown.send().await);
    notes.done("DeleteVolume", ec2.delete_volume().volume_id(&volume).send().await);
    notes.done("DeleteVolume again", ec2.delete_volume().volume_id(&volume).send().await);
}
