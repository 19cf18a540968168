//! Security groups, their rules, network interfaces.

use aws_sdk_ec2::types::{IpPermission, IpRange, UserIdGroupPair};

use super::*;

fn from(cidr: &str, port: i32) -> IpPermission {
    let range = IpRange::builder().cidr_ip(cidr).description("of a test").build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

fn from_group(id: &str, protocol: &str) -> IpPermission {
    let pair = UserIdGroupPair::builder().group_id(id).build();
    IpPermission::builder().ip_protocol(protocol).user_id_group_pairs(pair).build()
}

#[tokio::test(start_paused = true)]
async fn groups_are_unique_in_their_vpc_and_let_everything_out() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let group = group(&ec2, &vpc, "nodes").await;
    let again = ec2.create_security_group().group_name("nodes").description("x").vpc_id(&vpc).send().await;
    assert_eq!(code(again), "InvalidGroup.Duplicate");
    let shown = ec2.describe_security_groups().group_ids(&group).send().await.expect("shown");
    let egress = shown.security_groups()[0].ip_permissions_egress();
    assert_eq!(egress[0].ip_protocol(), Some("-1"));
    assert_eq!(egress[0].ip_ranges()[0].cidr_ip(), Some("0.0.0.0/0"));
    assert_eq!(code(ec2.describe_security_groups().group_ids("sg-1").send().await), "InvalidGroupId.Malformed");
    assert_eq!(code(ec2.describe_security_groups().group_ids("sg-00000000").send().await), "InvalidGroup.NotFound");
}

#[tokio::test(start_paused = true)]
async fn rules_are_unique_and_revoked_by_what_they_say() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let group = group(&ec2, &vpc, "nodes").await;
    let authorize = |permission| ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(permission);
    let made = authorize(from("10.0.0.0/8", 443)).send().await.expect("made");
    let rule = made.security_group_rules()[0].security_group_rule_id().expect("an id").to_owned();
    assert_eq!(code(authorize(from("10.0.0.0/8", 443)).send().await), "InvalidPermission.Duplicate");
    authorize(from_group(&group, "4")).send().await.expect("IP in IP");
    assert_eq!(code(authorize(from_group("sg-00000000000000000", "-1")).send().await), "InvalidGroup.NotFound");
    let rules = ec2.describe_security_group_rules().filters(filter("group-id", &group)).send().await.expect("rules");
    assert_eq!(rules.security_group_rules().len(), 3, "with the one for everything out");
    let revoke = || ec2.revoke_security_group_ingress().group_id(&group).ip_permissions(from("10.0.0.0/8", 443));
    revoke().send().await.expect("revoked");
    assert_eq!(code(revoke().send().await), "InvalidPermission.NotFound");
    let by_id = ec2.revoke_security_group_ingress().group_id(&group).security_group_rule_ids(&rule).send().await;
    assert_eq!(code(by_id), "InvalidSecurityGroupRuleId.NotFound");
}

#[tokio::test(start_paused = true)]
async fn more_than_sixty_rules_do_not_fit() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let group = group(&ec2, &vpc, "nodes").await;
    let all = (0..61).map(|port| from("10.0.0.0/8", port)).collect();
    let call = ec2.authorize_security_group_ingress().group_id(&group).set_ip_permissions(Some(all)).send().await;
    assert_eq!(code(call), "RulesPerSecurityGroupLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_used_or_named_cannot_be_deleted() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let (one, two) = (group(&ec2, &vpc, "one").await, group(&ec2, &vpc, "two").await);
    let delete = |id: &str| ec2.delete_security_group().group_id(id).send();
    let permission = from_group(&one, "-1");
    let authorize = ec2.authorize_security_group_ingress().group_id(&two).ip_permissions(permission.clone());
    authorize.send().await.expect("authorized");
    assert_eq!(code(delete(&one).await), "DependencyViolation");
    let revoke = ec2.revoke_security_group_ingress().group_id(&two).ip_permissions(permission);
    revoke.send().await.expect("revoked");
    let subnet = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/24").await;
    let interface = ec2.create_network_interface().subnet_id(&subnet).groups(&one).send().await.expect("made");
    let interface = interface.network_interface().and_then(|it| it.network_interface_id()).expect("an id").to_owned();
    assert_eq!(code(delete(&one).await), "DependencyViolation");
    let regroup = ec2.modify_network_interface_attribute().network_interface_id(&interface).groups(&two);
    regroup.send().await.expect("regrouped");
    delete(&one).await.expect("deleted");
}

#[tokio::test(start_paused = true)]
async fn an_interface_has_one_address_and_its_token_makes_it_once() {
    let ec2 = clients().ec2();
    let vpc = vpc(&ec2).await;
    let subnet = subnet(&ec2, &vpc, "eu-west-3a", "10.0.0.0/28").await;
    let create = |address: &str| ec2.create_network_interface().subnet_id(&subnet).private_ip_address(address);
    let first = create("10.0.0.5").client_token("a").send().await.expect("made");
    let first = first.network_interface().expect("one").clone();
    assert_eq!(first.status().map(|it| it.as_str()), Some("pending"));
    let again = create("10.0.0.5").client_token("a").send().await.expect("the same");
    assert_eq!(again.network_interface().and_then(|it| it.network_interface_id()), first.network_interface_id());
    assert_eq!(code(create("10.0.0.5").send().await), "InvalidIPAddress.InUse");
    assert_eq!(code(create("10.0.1.5").send().await), "InvalidParameterValue");
    assert_eq!(code(create("10.0.0.1").send().await), "InvalidParameterValue");
    for _ in 0..10 {
        ec2.create_network_interface().subnet_id(&subnet).send().await.expect("made");
    }
    let full = ec2.create_network_interface().subnet_id(&subnet).send().await;
    assert_eq!(code(full), "InsufficientFreeAddressesInSubnet");
}
