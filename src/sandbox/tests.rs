//! Helpers for the tests of every service, and the tests of the sandbox as a whole.

use aws_credential_types::Credentials;
use jiff::Timestamp;

use super::{Sandbox, World};
use crate::clock::Clock;

/// The real clients on one sandbox.
pub struct Clients {
    /// What they talk to.
    pub sandbox: Sandbox,
    configuration: aws_config::SdkConfig,
}

impl Clients {
    /// EC2.
    pub fn ec2(&self) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.configuration)
    }

    /// What the clients are made of.
    pub const fn configuration(&self) -> &aws_config::SdkConfig {
        &self.configuration
    }
}

/// A world with nothing in it, on 2026-11-20.
pub fn empty_world() -> World {
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a date");
    let mut world = World::empty("123456789012", "eu-west-3", 1, now);
    // Tests call as fast as they can; throttling has tests of its own.
    world.behaviour.throttling = false;
    world
}

/// Clients of an empty account.
pub fn clients() -> Clients {
    clients_of(empty_world())
}

/// Clients of an account.
pub fn clients_of(world: World) -> Clients {
    let clock = Clock::starting_at(world.now);
    let sandbox = Sandbox::in_memory(clock, world);
    let configuration = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-3"))
        .http_client(sandbox.http_client())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::for_tests()))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    Clients { sandbox, configuration }
}

/// The code of the error that a call ended with.
pub fn code<T: std::fmt::Debug, E>(result: Result<T, E>) -> String
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    match result {
        Ok(answer) => format!("no error but {answer:?}"),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_operation_and_an_unknown_parameter_are_refused() {
    let clients = clients();
    let ec2 = clients.ec2();
    assert_eq!(code(ec2.describe_fpga_images().send().await), "InvalidAction");
    let call = ec2.create_vpc().cidr_block("10.0.0.0/16").ipv4_ipam_pool_id("ipam-pool-1").send().await;
    assert_eq!(code(call), "UnknownParameter");
}

#[tokio::test(start_paused = true)]
async fn a_vpc_is_made_and_found_by_its_tag() {
    use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
    let clients = clients();
    let ec2 = clients.ec2();
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::Vpc)
        .tags(Tag::builder().key("team").value("a&b").build())
        .build();
    let made = ec2.create_vpc().cidr_block("10.0.0.0/16").tag_specifications(tags).send().await.expect("made");
    let id = made.vpc().and_then(|vpc| vpc.vpc_id()).expect("an id").to_owned();
    let filter = Filter::builder().name("tag:team").values("a*").build();
    let found = ec2.describe_vpcs().filters(filter).send().await.expect("found");
    assert_eq!(found.vpcs().iter().filter_map(|vpc| vpc.vpc_id()).collect::<Vec<_>>(), [id.as_str()]);
    let wrong = Filter::builder().name("no-such").values("1").build();
    assert_eq!(code(ec2.describe_vpcs().filters(wrong).send().await), "InvalidParameterValue");
    assert_eq!(code(ec2.describe_vpcs().vpc_ids("vpc-1").send().await), "InvalidVpcID.Malformed");
    assert_eq!(code(ec2.describe_vpcs().vpc_ids("vpc-00000000").send().await), "InvalidVpcID.NotFound");
    assert_eq!(code(ec2.delete_vpc().vpc_id(&id).dry_run(true).send().await), "DryRunOperation");
    ec2.delete_vpc().vpc_id(&id).send().await.expect("deleted");
}
