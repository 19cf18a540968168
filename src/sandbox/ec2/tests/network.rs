//! VPCs, subnets, gateways, addresses, route tables.

use aws_sdk_ec2::types::{NatGatewayState, ResourceType, RouteState, VpcAttributeName};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_new_vpc_has_a_main_route_table_and_a_default_group_and_goes_with_them() {
    let clients = clients();
    let ec2 = clients.ec2();
    let before = clients.sandbox.with_world(|world| world.live()).expect("a world");
    let vpc = vpc(&ec2).await;
    let tables = ec2.describe_route_tables().filters(filter("vpc-id", &vpc)).send().await.expect("tables");
    let [table] = tables.route_tables() else { panic!("{tables:?}") };
    assert!(table.associations()[0].main().unwrap_or(false));
    assert_eq!(table.routes()[0].gateway_id(), Some("local"));
    let groups = ec2.describe_security_groups().filters(filter("vpc-id", &vpc)).send().await.expect("groups");
    assert_eq!(groups.security_groups()[0].group_name(), Some("default"));
    let own = ec2.delete_route_table().route_table_id(table.route_table_id().expect("an id")).send().await;
    assert_eq!(code(own), "DependencyViolation");
    let group = groups.security_groups()[0].group_id().expect("an id");
    assert_eq!(code(ec2.delete_security_group().group_id(group).send().await), "CannotDelete");
    ec2.delete_vpc().vpc_id(&vpc).send().await.expect("deleted");
    assert_eq!(code(ec2.delete_vpc().vpc_id(&vpc).send().await), "InvalidVpcID.NotFound");
    assert_eq!(clients.sandbox.with_world(|world| world.live()).expect("a world"), before);
}

#[tokio::test(start_paused = true)]
async fn vpcs_are_limited_pending_at_first_and_shown_in_pages() {
    let clients = clients();
    let ec2 = clients.ec2();
    clients.sandbox.with_world(|world| world.quotas.vpcs = 7).expect("a world");
    for _ in 0..7 {
        vpc(&ec2).await;
    }
    assert_eq!(code(ec2.create_vpc().cidr_block("10.1.0.0/16").send().await), "VpcLimitExceeded");
    let pending = ec2.describe_vpcs().filters(filter("state", "pending")).send().await.expect("found");
    assert_eq!(pending.vpcs().len(), 7);
    wait(2).await;
    let first = ec2.describe_vpcs().filters(filter("state", "available")).max_results(5).send().await.expect("a page");
    assert_eq!(first.vpcs().len(), 5);
    let token = first.next_token().expect("a token");
    let second = ec2.describe_vpcs().max_results(5).next_token(token).send().await.expect("a page");
    assert_eq!((second.vpcs().len(), second.next_token()), (2, None));
    assert_eq!(code(ec2.describe_vpcs().next_token("bogus").send().await), "InvalidNextToken");
    assert_eq!(code(ec2.describe_vpcs().max_results(2).send().await), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn vpc_attributes_are_changed_one_at_a_time() {
    use aws_sdk_ec2::types::AttributeBooleanValue;
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let yes = AttributeBooleanValue::builder().value(true).build();
    ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(yes.clone()).send().await.expect("changed");
    let both = ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(yes.clone()).enable_dns_support(yes);
    assert_eq!(code(both.send().await), "InvalidParameterCombination");
    let shown = ec2.describe_vpc_attribute().vpc_id(&vpc).attribute(VpcAttributeName::EnableDnsHostnames);
    let shown = shown.send().await.expect("shown");
    assert_eq!(shown.enable_dns_hostnames().and_then(|it| it.value()), Some(true));
}

#[tokio::test(start_paused = true)]
async fn subnets_stay_within_the_vpc_and_apart_from_each_other() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let made = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/24").await;
    let try_one = |zone: &'static str, cidr: &'static str| {
        let call = ec2.create_subnet().vpc_id(&vpc).availability_zone(zone).cidr_block(cidr);
        async move { code(call.send().await) }
    };
    assert_eq!(try_one("eu-west-3b", "10.0.0.128/25").await, "InvalidSubnet.Conflict");
    assert_eq!(try_one("eu-west-3b", "10.1.0.0/24").await, "InvalidSubnet.Range");
    assert_eq!(try_one("eu-west-3z", "10.0.1.0/24").await, "InvalidParameterValue");
    let found = ec2.describe_subnets().subnet_ids(&made).send().await.expect("found");
    assert_eq!(found.subnets()[0].available_ip_address_count(), Some(251));
    assert_eq!(found.subnets()[0].availability_zone_id(), Some("euw3-az1"));
    assert_eq!(code(ec2.delete_vpc().vpc_id(&vpc).send().await), "DependencyViolation");
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_takes_its_time_holds_its_address_and_is_seen_for_an_hour() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let gateway = gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/24").await;
    let address = address(&ec2).await;
    let make = || ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(&address).client_token("t1");
    let made = make().send().await.expect("made");
    let nat = made.nat_gateway().and_then(|it| it.nat_gateway_id()).expect("an id").to_owned();
    let again = make().send().await.expect("the same");
    assert_eq!(again.nat_gateway().and_then(|it| it.nat_gateway_id()), Some(nat.as_str()));
    let other = make().tag_specifications(tagged(ResourceType::Natgateway, "a", "b")).send().await;
    assert_eq!(code(other), "IdempotentParameterMismatch");
    let second = ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(&address).send().await;
    assert_eq!(code(second), "Resource.AlreadyAssociated");

    let state = || async {
        let shown = ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await.expect("shown");
        shown.nat_gateways()[0].state().cloned().expect("a state")
    };
    wait(80).await;
    assert_eq!(state().await, NatGatewayState::Pending);
    wait(50).await;
    assert_eq!(state().await, NatGatewayState::Available);
    let held = ec2.describe_addresses().allocation_ids(&address).send().await.expect("shown");
    assert!(held.addresses()[0].association_id().is_some() && held.addresses()[0].network_interface_id().is_some());
    assert_eq!(code(ec2.release_address().allocation_id(&address).send().await), "InvalidIPAddress.InUse");
    assert_eq!(code(ec2.delete_subnet().subnet_id(&subnet).send().await), "DependencyViolation");
    let detach = || ec2.detach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc);
    assert_eq!(code(detach().send().await), "DependencyViolation");

    ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await.expect("deleting");
    assert_eq!(state().await, NatGatewayState::Deleting);
    assert_eq!(code(ec2.release_address().allocation_id(&address).send().await), "InvalidIPAddress.InUse");
    wait(61).await;
    assert_eq!(state().await, NatGatewayState::Deleted);
    assert_eq!(code(ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await), "NatGatewayNotFound");
    ec2.release_address().allocation_id(&address).send().await.expect("released");
    ec2.delete_subnet().subnet_id(&subnet).send().await.expect("deleted");
    detach().send().await.expect("detached");
    wait(3700).await;
    assert_eq!(code(ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await), "NatGatewayNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_without_a_way_to_the_internet_fails() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let subnet = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/24").await;
    let address = address(&ec2).await;
    ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(&address).send().await.expect("made");
    wait(60).await;
    let shown = ec2.describe_nat_gateways().send().await.expect("shown");
    assert_eq!(shown.nat_gateways()[0].state(), Some(&NatGatewayState::Failed));
    assert_eq!(shown.nat_gateways()[0].failure_code(), Some("Gateway.NotAttached"));
}

#[tokio::test(start_paused = true)]
async fn an_internet_gateway_is_attached_once_and_deleted_when_detached() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let first = gateway(&ec2, &vpc).await;
    let attach = |id: String| ec2.attach_internet_gateway().internet_gateway_id(id).vpc_id(&vpc);
    assert_eq!(code(attach(first.clone()).send().await), "Resource.AlreadyAssociated");
    let second = ec2.create_internet_gateway().send().await.expect("made");
    let second = second.internet_gateway().and_then(|it| it.internet_gateway_id()).expect("an id").to_owned();
    assert_eq!(code(attach(second).send().await), "InvalidParameterValue");
    let delete = || ec2.delete_internet_gateway().internet_gateway_id(&first);
    assert_eq!(code(delete().send().await), "DependencyViolation");
    let detach = || ec2.detach_internet_gateway().internet_gateway_id(&first).vpc_id(&vpc);
    detach().send().await.expect("detached");
    assert_eq!(code(detach().send().await), "Gateway.NotAttached");
    delete().send().await.expect("deleted");
}

#[tokio::test(start_paused = true)]
async fn routes_and_associations_are_unique_and_keep_their_table() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let gateway = gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/24").await;
    let mut tables = Vec::new();
    for _ in 0..2 {
        let made = ec2.create_route_table().vpc_id(&vpc).send().await.expect("a table");
        tables.push(made.route_table().and_then(|it| it.route_table_id()).expect("an id").to_owned());
    }
    let route = || ec2.create_route().route_table_id(&tables[0]).destination_cidr_block("0.0.0.0/0");
    assert_eq!(code(route().nat_gateway_id("nat-00000000000000000").send().await), "InvalidNatGatewayID.NotFound");
    route().gateway_id(&gateway).send().await.expect("a route");
    assert_eq!(code(route().gateway_id(&gateway).send().await), "RouteAlreadyExists");
    let associate = |table: &str| ec2.associate_route_table().route_table_id(table).subnet_id(&subnet);
    let association = associate(&tables[0]).send().await.expect("associated");
    let association = association.association_id().expect("an id").to_owned();
    let again = associate(&tables[0]).send().await.expect("the same");
    assert_eq!(again.association_id(), Some(association.as_str()));
    assert_eq!(code(associate(&tables[1]).send().await), "Resource.AlreadyAssociated");
    let delete = || ec2.delete_route_table().route_table_id(&tables[0]);
    assert_eq!(code(delete().send().await), "DependencyViolation");
    let moved = ec2.replace_route_table_association().association_id(&association).route_table_id(&tables[1]);
    let moved = moved.send().await.expect("moved").new_association_id().expect("an id").to_owned();
    delete().send().await.expect("deleted");
    ec2.disassociate_route_table().association_id(&moved).send().await.expect("gone");
    assert_eq!(
        code(ec2.disassociate_route_table().association_id(&moved).send().await),
        "InvalidAssociationID.NotFound"
    );
}

#[tokio::test(start_paused = true)]
async fn a_route_to_a_deleted_nat_gateway_is_a_black_hole() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/24").await;
    let address = address(&ec2).await;
    let made = ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(&address).send().await.expect("made");
    let nat = made.nat_gateway().and_then(|it| it.nat_gateway_id()).expect("an id").to_owned();
    let table = ec2.create_route_table().vpc_id(&vpc).send().await.expect("a table");
    let table = table.route_table().and_then(|it| it.route_table_id()).expect("an id").to_owned();
    let route = ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0").nat_gateway_id(&nat);
    route.send().await.expect("a route");
    ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await.expect("deleting");
    wait(100).await;
    let shown = ec2.describe_route_tables().route_table_ids(&table).send().await.expect("shown");
    let states: Vec<_> = shown.route_tables()[0].routes().iter().filter_map(|it| it.state().cloned()).collect();
    assert_eq!(states, [RouteState::Active, RouteState::Blackhole]);
}

#[tokio::test(start_paused = true)]
async fn with_a_visibility_lag_a_new_object_is_not_found_at_first() {
    let clients = clients();
    let ec2 = clients.ec2();
    clients.sandbox.with_world(|world| world.behaviour.visibility_lag_seconds = 10).expect("a world");
    let vpc = vpc(&ec2).await;
    assert_eq!(code(ec2.describe_vpcs().vpc_ids(&vpc).send().await), "InvalidVpcID.NotFound");
    assert!(ec2.describe_vpcs().send().await.expect("a list").vpcs().is_empty());
    let subnet = || ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.0.0/24");
    assert_eq!(code(subnet().send().await), "InvalidVpcID.NotFound");
    wait(10).await;
    subnet().send().await.expect("made");
}

#[tokio::test(start_paused = true)]
async fn tags_are_made_found_and_deleted_on_anything() {
    use aws_sdk_ec2::types::Tag;
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let tag = |key: &str| Tag::builder().key(key).value("1").build();
    let create = |id: &str, key: &str| ec2.create_tags().resources(id).tags(tag(key)).send();
    create(&vpc, "one").await.expect("tagged");
    create(&vpc, "two").await.expect("tagged");
    assert_eq!(code(create("vpc-00000000000000000", "one").await), "InvalidVpcID.NotFound");
    assert_eq!(code(create(&vpc, "aws:one").await), "InvalidParameterValue");
    let shown = ec2.describe_tags().filters(filter("resource-id", &vpc)).send().await.expect("tags");
    assert_eq!(shown.tags().len(), 2);
    let other = Tag::builder().key("one").value("2").build();
    ec2.delete_tags().resources(&vpc).tags(other).send().await.expect("nothing to do");
    ec2.delete_tags().resources(&vpc).tags(Tag::builder().key("two").build()).send().await.expect("deleted");
    let left = ec2.describe_tags().filters(filter("key", "*")).send().await.expect("tags");
    assert_eq!(left.tags().iter().filter_map(|it| it.key()).collect::<Vec<_>>(), ["one"]);
}
