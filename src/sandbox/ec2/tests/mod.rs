//! Tests of EC2 through the real client, on a world in memory and on virtual time.

mod compute;
mod network;
mod security;

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

pub use super::super::tests::{Clients, clients, clients_of, code};

/// A tag specification with one tag.
pub fn tagged(kind: ResourceType, key: &str, value: &str) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).tags(Tag::builder().key(key).value(value).build()).build()
}

/// A filter with one value.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Lets virtual time pass.
pub async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A VPC 10.0.0.0/16; its id.
pub async fn vpc(ec2: &Client) -> String {
    let made = ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("a VPC");
    made.vpc().and_then(|it| it.vpc_id()).expect("an id").to_owned()
}

/// A subnet; its id.
pub async fn subnet(ec2: &Client, vpc: &str, zone: &str, cidr: &str) -> String {
    let call = ec2.create_subnet().vpc_id(vpc).cidr_block(cidr).availability_zone(zone);
    let made = call.send().await.expect("a subnet");
    made.subnet().and_then(|it| it.subnet_id()).expect("an id").to_owned()
}

/// An internet gateway that is attached; its id.
pub async fn gateway(ec2: &Client, vpc: &str) -> String {
    let made = ec2.create_internet_gateway().send().await.expect("a gateway");
    let id = made.internet_gateway().and_then(|it| it.internet_gateway_id()).expect("an id").to_owned();
    ec2.attach_internet_gateway().internet_gateway_id(&id).vpc_id(vpc).send().await.expect("attached");
    id
}

/// An Elastic IP address; its allocation id.
pub async fn address(ec2: &Client) -> String {
    let made = ec2.allocate_address().send().await.expect("an address");
    made.allocation_id().expect("an id").to_owned()
}

/// A security group; its id.
pub async fn group(ec2: &Client, vpc: &str, name: &str) -> String {
    let call = ec2.create_security_group().group_name(name).description("of a test").vpc_id(vpc);
    call.send().await.expect("a group").group_id().expect("an id").to_owned()
}
