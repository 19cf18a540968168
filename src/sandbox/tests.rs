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
    /// Clients of a sandbox.
    pub fn of(sandbox: Sandbox) -> Self {
        let credentials = aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::for_tests());
        let configuration = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-3"))
            .http_client(sandbox.http_client())
            .credentials_provider(credentials)
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .build();
        Self { sandbox, configuration }
    }

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
    Clients::of(Sandbox::in_memory(clock, world))
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
    assert!(ec2.describe_vpcs().send().await.expect("a list").vpcs().is_empty(), "a refused call has no effect");
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

#[tokio::test(start_paused = true)]
async fn two_processes_on_one_file_see_one_account_and_its_date_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("sandbox.json");
    let world = empty_world();
    let start = world.now;
    let open = || {
        let clock = Clock::starting_at(start);
        Sandbox::open(super::Place::File(path.clone()), clock, empty_world).expect("opened")
    };
    let (one, two) = (Clients::of(open()), Clients::of(open()));
    let made = one.ec2().create_vpc().cidr_block("10.0.0.0/16").send().await.expect("made");
    let id = made.vpc().and_then(|vpc| vpc.vpc_id()).expect("an id");
    two.ec2().delete_vpc().vpc_id(id).send().await.expect("the other one sees it");
    assert_eq!(code(one.ec2().describe_vpcs().vpc_ids(id).send().await), "InvalidVpcID.NotFound");
    tokio::time::sleep(std::time::Duration::from_secs(100)).await;
    one.ec2().describe_vpcs().send().await.expect("a list");
    let date = Sandbox::date_in(&path).expect("read").expect("a world");
    assert_eq!(date.duration_since(start).as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_world_of_another_version_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("sandbox.json");
    std::fs::write(&path, r#"{"version": 99}"#).expect("written");
    let opened = Sandbox::open(super::Place::File(path), Clock::system(), empty_world);
    assert!(matches!(opened, Err(super::StoreError::Version { found: 99, .. })));
}

#[tokio::test(start_paused = true)]
async fn calls_that_come_too_fast_are_throttled_until_time_passes() {
    let clients = clients();
    clients.sandbox.with_world(|world| world.behaviour.throttling = true).expect("a world");
    let ec2 = clients.ec2();
    let create = || ec2.create_internet_gateway().dry_run(true).send();
    for _ in 0..50 {
        assert_eq!(code(create().await), "DryRunOperation");
    }
    assert_eq!(code(create().await), "RequestLimitExceeded");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(code(create().await), "DryRunOperation");
}

#[tokio::test(start_paused = true)]
async fn faults_hit_the_calls_that_their_plan_names() {
    use crate::fault::{At, FaultPlan, Kind, Rule};
    let table = [
        (Kind::LostResponse, "no code", 1),
        (Kind::Reset, "no code", 0),
        (Kind::ServerError, "InternalError", 0),
        (Kind::ServerErrorAfter, "InternalError", 1),
        (Kind::Throttle(0), "RequestLimitExceeded", 0),
        (Kind::AccessDenied, "UnauthorizedOperation", 0),
    ];
    for (kind, expected, made) in table {
        let at = At::Occurrence { operation: "CreateVpc".to_owned(), index: 0 };
        let clients = clients();
        let sandbox = clients.sandbox.clone().with_faults(FaultPlan { seed: 0, rules: vec![Rule { at, kind }] });
        let create = || clients.ec2().create_vpc().cidr_block("10.0.0.0/16").send();
        assert_eq!(code(create().await), expected, "{kind:?}");
        let count = sandbox.with_world(|world| world.ec2.vpcs.len()).expect("a world");
        assert_eq!(count, made, "{kind:?}");
        create().await.expect("the second call is not hit");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_keeps_the_effect_and_gives_no_answer() {
    use crate::fault::{At, FaultPlan, Kind};
    let clients = clients();
    let sandbox = clients.sandbox.clone().with_faults(FaultPlan::one(At::Call(1), Kind::StopAfter));
    let ec2 = clients.ec2();
    let run = async {
        ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("made");
        ec2.create_vpc().cidr_block("10.1.0.0/16").send().await
    };
    tokio::select! {
        answer = run => panic!("an answer: {answer:?}"),
        () = sandbox.stopped() => {}
    }
    assert_eq!(sandbox.with_world(|world| world.ec2.vpcs.len()).expect("a world"), 2);
}
