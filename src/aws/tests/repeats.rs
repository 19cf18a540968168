//! What is done again, how often, and what never.

use std::time::Duration;

use jiff::SignedDuration;

use super::canned::{Reply, canned};
use super::{identity, start};
use crate::aws::{Aws, Error, Failure, Fence, Ids, LeaseEnded, Made, create, discover};
use crate::resource::{Address, Kind, Reference, Resource, Subnet, Tags, Vpc};

fn vpc() -> Resource {
    let cidr = "10.0.0.0/16".parse().expect("a range");
    Vpc { cidr, dns_support: true, dns_hostnames: false, tags: Tags::new() }.into()
}

fn subnet() -> Resource {
    Subnet {
        vpc: Reference::to(Kind::Vpc, "main"),
        zone: "eu-west-3a".into(),
        cidr: "10.0.0.0/24".parse().expect("a range"),
        map_public_ip_on_launch: false,
        tags: Tags::new(),
    }
    .into()
}

fn main_vpc() -> Address {
    Address::new(Kind::Vpc, "main")
}

fn elapsed(aws: &Aws) -> SignedDuration {
    aws.clock().now().duration_since(start())
}

fn count(aws: &Aws, operation: &str) -> usize {
    aws.calls().by_operation().get(operation).copied().unwrap_or(0)
}

fn one_vpc() -> Reply {
    Reply::ec2("DescribeVpcs", "<vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item></vpcSet>")
}

#[tokio::test(start_paused = true)]
async fn throttles_are_sat_out() {
    let mut refusals = 4;
    let aws = canned(move |_| {
        refusals -= 1;
        if refusals >= 0 {
            return Reply::ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.");
        }
        Reply::ec2("CreateVpc", "<vpc><vpcId>vpc-1</vpcId></vpc>")
    })
    .await;
    let made = create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.expect("it is made in the end");
    assert_eq!(made.id, "vpc-1");
    assert_eq!(count(&aws, "CreateVpc"), 5);
    assert!(elapsed(&aws) < SignedDuration::from_secs(10), "{:?}", elapsed(&aws));
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_ends_it_at_once_and_is_named() {
    let aws = canned(|_| {
        Reply::ec2_error(
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. User: arn:aws:iam::1:user/ci is not authorized to \
             perform: ec2:CreateVpc on resource: arn:aws:ec2:eu-west-3:1:vpc/* because no identity-based policy allows \
             the ec2:CreateVpc action. Encoded authorization failure message: AAAA",
        )
    })
    .await;
    let error = create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.expect_err("it is refused");
    assert_eq!(aws.calls().total(), 1);
    assert_eq!(error.failure(), Some(Failure::Permission));
    let hint = error.hint().expect("a hint");
    assert_eq!(hint, "allow ec2:CreateVpc on arn:aws:ec2:eu-west-3:1:vpc/* for arn:aws:iam::1:user/ci");
    assert!(!error.to_string().contains("AAAA"), "{error}");
    assert!(error.to_string().contains("request r-1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_vpc_whose_answer_was_lost_is_looked_for_and_not_made_again() {
    let mut looks = 0;
    let aws = canned(move |body| {
        if body.contains("Action=CreateVpc&") {
            return Reply::Reset;
        }
        looks += 1;
        // It is not visible at once.
        if looks < 8 { Reply::ec2("DescribeVpcs", "<vpcSet/>") } else { one_vpc() }
    })
    .await;
    let made = create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.expect("it is found");
    assert_eq!(made.id, "vpc-1");
    assert_eq!((count(&aws, "CreateVpc"), count(&aws, "DescribeVpcs")), (1, 8));
}

#[tokio::test(start_paused = true)]
async fn a_vpc_that_is_not_seen_for_a_minute_after_a_lost_answer_is_made_again() {
    let mut creates = 0;
    let aws = canned(move |body| {
        if body.contains("Action=CreateVpc&") {
            creates += 1;
            return if creates == 1 {
                Reply::Reset
            } else {
                Reply::ec2("CreateVpc", "<vpc><vpcId>vpc-2</vpcId></vpc>")
            };
        }
        Reply::ec2("DescribeVpcs", "<vpcSet/>")
    })
    .await;
    let made = create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.expect("it is made");
    assert_eq!(made.id, "vpc-2");
    assert!(elapsed(&aws) >= SignedDuration::from_secs(60), "{:?}", elapsed(&aws));
    assert!(elapsed(&aws) < SignedDuration::from_secs(70), "{:?}", elapsed(&aws));
}

#[tokio::test(start_paused = true)]
async fn an_open_intent_is_settled_before_anything_is_made() {
    let aws = canned(|_| one_vpc()).await;
    let mut identity = identity(&main_vpc());
    identity.earlier_intent = Some(start() - SignedDuration::from_secs(3600));
    let made = create(&aws, &identity, &vpc(), &Ids::default()).await.expect("it is found");
    assert_eq!((made.id.as_str(), count(&aws, "CreateVpc")), ("vpc-1", 0));
}

#[tokio::test(start_paused = true)]
async fn a_young_id_that_is_not_visible_is_waited_for() {
    let mut refusals = 3;
    let aws = canned(move |_| {
        refusals -= 1;
        if refusals >= 0 {
            return Reply::ec2_error(400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist");
        }
        Reply::ec2("CreateSubnet", "<subnet><subnetId>subnet-1</subnetId></subnet>")
    })
    .await;
    let mut ids = Ids::default();
    ids.insert_made(main_vpc(), &Made { id: "vpc-1".into(), attributes: Default::default() }, start());
    let address = Address::new(Kind::Subnet, "a");
    let made = create(&aws, &identity(&address), &subnet(), &ids).await.expect("it is made");
    assert_eq!((made.id.as_str(), count(&aws, "CreateSubnet")), ("subnet-1", 4));
    assert_eq!(elapsed(&aws).as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_old_id_that_is_not_visible_was_deleted() {
    let aws = canned(|_| Reply::ec2_error(400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist")).await;
    let mut ids = Ids::default();
    let made = Made { id: "vpc-1".into(), attributes: Default::default() };
    ids.insert_made(main_vpc(), &made, start() - SignedDuration::from_secs(301));
    let address = Address::new(Kind::Subnet, "a");
    let error = create(&aws, &identity(&address), &subnet(), &ids).await.expect_err("it is gone");
    assert_eq!((error.failure(), aws.calls().total()), (Some(Failure::NotVisibleYet), 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_times_out() {
    let aws = canned(|body| if body.contains("Action=CreateVpc&") { Reply::Silence } else { one_vpc() }).await;
    let made = create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.expect("it is found");
    assert_eq!(made.id, "vpc-1");
    assert_eq!(elapsed(&aws).as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_no_aws_error_is_readable() {
    let aws = canned(|_| {
        Reply::Answer(500, String::from("<!doctype html><title>500</title><h1>Internal  Server Error</h1><p>No.</p>"))
    })
    .await;
    let error = discover(&aws, &super::scope()).await.expect_err("nothing can be read");
    let text = error.to_string();
    assert!(text.contains("HTTP status 500 without an AWS error in it, but: 500 Internal Server Error No"), "{text}");
    assert_eq!(error.failure(), Some(Failure::Ambiguous));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_without_a_lease_but_everything_can_be_read() {
    let aws = canned(|_| one_vpc()).await;
    aws.hold(Fence::closed());
    let error = create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.expect_err("no lease");
    assert_eq!(error.failure(), Some(Failure::LeaseEnded));
    assert!(error.to_string().contains("none is held"), "{error}");
    assert_eq!(aws.calls().total(), 0);
    let ids = [String::from("vpc-1")];
    assert!(crate::aws::readiness(&aws, Kind::Vpc, &ids).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_asked_for_the_whole_time_of_a_call() {
    let aws = canned(|_| Reply::ec2("CreateVpc", "<vpc><vpcId>vpc-1</vpcId></vpc>")).await;
    aws.hold(Fence::new(|call| {
        if call < Duration::from_secs(31) { Ok(()) } else { Err(LeaseEnded(String::from("too short"))) }
    }));
    assert!(create(&aws, &identity(&main_vpc()), &vpc(), &Ids::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_subnet_in_the_place_of_ours_is_a_clash() {
    let aws = canned(|body| {
        if body.contains("Action=CreateSubnet&") {
            return Reply::ec2_error(400, "InvalidSubnet.Conflict", "The CIDR conflicts with another subnet");
        }
        Reply::ec2(
            "DescribeSubnets",
            "<subnetSet><item><subnetId>subnet-9</subnetId><cidrBlock>10.0.0.0/23</cidrBlock></item></subnetSet>",
        )
    })
    .await;
    let mut ids = Ids::default();
    ids.insert_made(main_vpc(), &Made { id: "vpc-1".into(), attributes: Default::default() }, start());
    let address = Address::new(Kind::Subnet, "a");
    let error = create(&aws, &identity(&address), &subnet(), &ids).await.expect_err("it is somebody else's");
    assert!(matches!(&error, Error::Clash(clash) if clash.id == "subnet-9"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn many_calls_keep_to_the_rate_of_their_api() {
    let aws = canned(|_| Reply::ec2("CreateVpc", "<vpc><vpcId>vpc-1</vpcId></vpc>")).await;
    // 50 at once, then 5 a second.
    for number in 0..60 {
        let address = Address::new(Kind::Vpc, format!("v{number}"));
        create(&aws, &identity(&address), &vpc(), &Ids::default()).await.expect("it is made");
    }
    assert_eq!(elapsed(&aws).as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_nobody_made_yet_is_an_error_before_any_call() {
    let aws = canned(|_| Reply::Reset).await;
    let address = Address::new(Kind::Subnet, "a");
    let error = create(&aws, &identity(&address), &subnet(), &Ids::default()).await.expect_err("there is no VPC");
    assert_eq!((error.to_string().as_str(), aws.calls().total()), ("@vpc/main does not exist yet", 0));
}
