//! The whole life of clusters against moto, an imitation of AWS that nobody of this project wrote: the real binary, over
//! `AWS_ENDPOINT_URL`, on real time.
//!
//! Where moto is not as AWS is, and what is done about it here (moto is wrong in every row; the column names what AWS does):
//!
//! | moto 5.2.5 | AWS | here |
//! |---|---|---|
//! | keeps one scheduled action of each name in a region | a name is unique within its group (`PutScheduledUpdateGroupAction`) | the first test has no schedules; the second expects exactly the loss |
//! | ignores `tag` filters of `DescribeNatGateways` | filters by tag | each cluster has a moto of its own |
//! | launches groups with overrides without an instance type, so its own check of types refuses them | takes the type from the overrides | that check is switched off |
//! | launches every instance of a group in its first subnet, on demand | spreads over zones; buys spot | numbers are compared, zones and ways of buying are not |
//! | makes an instance's root disk twice, and loses the first, without tags, at the termination | makes one, deleted with the instance | volumes without tags are not counted |
//! | load balancers have no network interfaces, and are active at once | one interface in each subnet, after minutes | nothing waits |
//! | answers `SimulatePrincipalPolicy` with status 500 | simulates | asked once, and not again |
//! | ignores client tokens | the same token gives the same object | no call is repeated here |

use aws_sdk_ec2::types::{AttributeBooleanValue, DomainType};
use aws_sdk_ssm::types::ParameterType;

use crate::conformance::Side;
use crate::moto::{Moto, runtime};
use crate::support::{Fleet, Ran};

/// Where the fleet's templates say the image is.
const PARAMETER: &str = "/foo/images/kubernetes/1.34.2/x86_64";
const STAGING: &str = "staging-customer.k8s.foo.bar";
const UNCHANGED: &str = "Plan: 0 to create, 0 to change, 0 to replace, 0 to destroy.";

/// A fresh moto with the fleet's zone and image, and a fleet that talks to it.
async fn stage() -> (Moto, Side, Fleet) {
    // Anything but the empty text means yes.
    let moto = Moto::start(&[("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "")]).await;
    let side = Side::moto(moto.port).await;
    let zone = side.route53.create_hosted_zone().name("k8s.foo.bar").caller_reference("fleet");
    zone.send().await.expect("a hosted zone");
    let parameter = side.ssm.put_parameter().name(PARAMETER).value(&side.image).r#type(ParameterType::String);
    parameter.send().await.expect("a parameter");
    let fleet = Fleet::new()
        .with_env("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", moto.port))
        .with_env("AWS_ACCESS_KEY_ID", "test")
        .with_env("AWS_SECRET_ACCESS_KEY", "test");
    fleet.edit("windlass.yaml", "  remote: origin", "  remote: none");
    (moto, side, fleet)
}

/// The video platform's network, with the ids that moto gave it written into the fleet's vars.
async fn existing_network(side: &Side, fleet: &Fleet) {
    let ec2 = &side.ec2;
    let vars = "vars/prod-video.k8s.foo.bar.yaml";
    let made = ec2.create_vpc().cidr_block("10.40.0.0/16").send().await.expect("a VPC");
    let vpc = made.vpc().and_then(|it| it.vpc_id()).expect("an id").to_owned();
    fleet.edit(vars, "vpc-0a1b2c3d4e5f60718", &vpc);
    let names = AttributeBooleanValue::builder().value(true).build();
    ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(names).send().await.expect("host names");
    let made = ec2.create_internet_gateway().send().await.expect("a gateway");
    let gateway = made.internet_gateway().and_then(|it| it.internet_gateway_id()).expect("an id").to_owned();
    ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send().await.expect("attached");
    for (number, zone) in ["a", "b", "c"].into_iter().enumerate() {
        let mut ids = Vec::new();
        for (kind, cidr) in
            [("aa", format!("10.40.{number}.0/24")), ("bb", format!("10.40.{}.0/19", 32 * (number + 1)))]
        {
            let subnet =
                ec2.create_subnet().vpc_id(&vpc).cidr_block(cidr).availability_zone(format!("eu-west-3{zone}"));
            let made = subnet.send().await.expect("a subnet");
            let id = made.subnet().and_then(|it| it.subnet_id()).expect("an id").to_owned();
            fleet.edit(vars, &format!("subnet-0{kind}0000000000000{zone}"), &id);
            ids.push(id);
        }
        let address = ec2.allocate_address().domain(DomainType::Vpc).send().await.expect("an address");
        let nat = ec2.create_nat_gateway().subnet_id(&ids[0]).set_allocation_id(address.allocation_id);
        let made = nat.send().await.expect("a NAT gateway");
        let nat = made.nat_gateway().and_then(|it| it.nat_gateway_id()).expect("an id").to_owned();
        for (subnet, nat) in [(&ids[0], None), (&ids[1], Some(nat))] {
            let made = ec2.create_route_table().vpc_id(&vpc).send().await.expect("a route table");
            let table = made.route_table().and_then(|it| it.route_table_id()).expect("an id").to_owned();
            let route = ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0");
            let route = match nat {
                Some(nat) => route.nat_gateway_id(nat),
                None => route.gateway_id(&gateway),
            };
            route.send().await.expect("a route");
            ec2.associate_route_table().route_table_id(&table).subnet_id(subnet).send().await.expect("associated");
        }
    }
}

/// What is there that somebody would be billed for or stumble over, by kind: ids, sorted.
async fn account(side: &Side) -> Vec<String> {
    let ec2 = &side.ec2;
    let mut all: Vec<Option<String>> = Vec::new();
    all.extend(ec2.describe_vpcs().send().await.expect("VPCs").vpcs().iter().map(|it| it.vpc_id.clone()));
    all.extend(ec2.describe_subnets().send().await.expect("subnets").subnets().iter().map(|it| it.subnet_id.clone()));
    let tables = ec2.describe_route_tables().send().await.expect("route tables");
    all.extend(tables.route_tables().iter().map(|it| it.route_table_id.clone()));
    let gateways = ec2.describe_internet_gateways().send().await.expect("gateways");
    all.extend(gateways.internet_gateways().iter().map(|it| it.internet_gateway_id.clone()));
    let nat = ec2.describe_nat_gateways().send().await.expect("NAT gateways");
    let live = nat.nat_gateways().iter().filter(|it| it.state().is_none_or(|it| it.as_str() != "deleted"));
    all.extend(live.map(|it| it.nat_gateway_id.clone()));
    let addresses = ec2.describe_addresses().send().await.expect("addresses");
    all.extend(addresses.addresses().iter().map(|it| it.allocation_id.clone()));
    let security = ec2.describe_security_groups().send().await.expect("security groups");
    all.extend(security.security_groups().iter().map(|it| it.group_id.clone()));
    let volumes = ec2.describe_volumes().send().await.expect("volumes");
    // What has no tags is a disk that moto made and forgot.
    all.extend(volumes.volumes().iter().filter(|it| !it.tags().is_empty()).map(|it| it.volume_id.clone()));
    let templates = ec2.describe_launch_templates().send().await.expect("templates");
    all.extend(templates.launch_templates().iter().map(|it| it.launch_template_name.clone()));
    let groups = side.groups.describe_auto_scaling_groups().send().await.expect("groups");
    all.extend(groups.auto_scaling_groups().iter().map(|it| it.auto_scaling_group_name.clone()));
    let balancers = side.balancing.describe_load_balancers().send().await.expect("balancers");
    all.extend(balancers.load_balancers().iter().map(|it| it.load_balancer_arn.clone()));
    let targets = side.balancing.describe_target_groups().send().await.expect("target groups");
    all.extend(targets.target_groups().iter().map(|it| it.target_group_arn.clone()));
    let roles = side.iam.list_roles().send().await.expect("roles");
    all.extend(roles.roles().iter().map(|it| Some(it.role_name.clone())));
    let profiles = side.iam.list_instance_profiles().send().await.expect("profiles");
    all.extend(profiles.instance_profiles().iter().map(|it| Some(it.instance_profile_name.clone())));
    for zone in side.route53.list_hosted_zones().send().await.expect("zones").hosted_zones() {
        let records = side.route53.list_resource_record_sets().hosted_zone_id(zone.id());
        let records = records.send().await.expect("records");
        all.extend(records.resource_record_sets().iter().map(|it| Some(format!("{} {}", it.name, it.r#type.as_str()))));
    }
    let mut all: Vec<String> = all.into_iter().flatten().collect();
    all.sort();
    all
}

/// The sizes of a group: minimum, maximum, and how many instances it has.
async fn sizes(side: &Side, group: &str) -> (i32, i32, usize) {
    let found =
        side.groups.describe_auto_scaling_groups().auto_scaling_group_names(group).send().await.expect("groups");
    let group = found.auto_scaling_groups().first().expect("the group");
    (group.min_size.unwrap_or(-1), group.max_size.unwrap_or(-1), group.instances().len())
}

fn unprotect(fleet: &Fleet, cluster: &str) {
    let settings = fleet.read("windlass.yaml").replace("deletionProtection: true", "deletionProtection: false");
    fleet.write("windlass.yaml", &settings);
    let vars = format!("vars/{cluster}.yaml");
    fleet.write(&vars, &format!("{}\nprotection:\n  deletion: false\n", fleet.read(&vars)));
    fleet.commit("this cluster may go");
}

/// Changes a cluster without asking first what is permitted: moto does not say, and each question is repeated.
fn unchecked(fleet: &Fleet, verb: &str, cluster: &str) -> Ran {
    fleet.windlass(&[verb, cluster, "--yes", "--skip-permission-check"])
}

/// A cluster, and a change to it: the file, its old and its new words, the group and its sizes then.
struct Life {
    cluster: &'static str,
    change: (&'static str, &'static str, &'static str),
    group: &'static str,
    expected: (i32, i32, usize),
}

const LIVES: [Life; 3] = [
    Life {
        cluster: STAGING,
        change: ("vars/env/staging.yaml", "8x: { max: 10 }", "8x: { max: 12 }"),
        group: "spot-nodes-8x",
        expected: (1, 12, 1),
    },
    Life {
        cluster: "prod-video.k8s.foo.bar",
        change: ("vars/prod-video.k8s.foo.bar.yaml", "    max: 4", "    max: 7"),
        group: "metrics-store-on-demand",
        expected: (2, 7, 2),
    },
    Life {
        cluster: "prod-customer.k8s.foo.bar",
        change: ("vars/common.yaml", "    max: 6", "    max: 8"),
        group: "metrics-store-on-demand",
        expected: (2, 8, 2),
    },
];

impl Life {
    /// In a moto of its own.
    fn live(&self) {
        let &Self { cluster, change: (file, from, to), group, expected } = self;
        let runtime = runtime(false);
        let (_moto, side, fleet) = runtime.block_on(stage());
        fleet.edit("vars/env/staging.yaml", "schedules: office-hours", "schedules: \"\"");
        runtime.block_on(existing_network(&side, &fleet));
        fleet.commit("for moto");
        let before = runtime.block_on(account(&side));
        fleet.windlass(&["plan", cluster]).exits(0).says("0 to change, 0 to replace, 0 to destroy.");
        unchecked(&fleet, "apply", cluster).exits(0).warns("done:");
        fleet.windlass(&["plan", cluster, "--detailed-exitcode"]).exits(0).says(UNCHANGED);
        fleet.windlass(&["status", cluster]).exits(0).says("no pending change");
        fleet.edit(file, from, to);
        fleet.commit("more of them");
        fleet.windlass(&["plan", cluster, "--detailed-exitcode"]).exits(2).says("maxSize: ");
        unchecked(&fleet, "apply", cluster).exits(0).warns("done:");
        fleet.windlass(&["plan", cluster, "--detailed-exitcode"]).exits(0).says(UNCHANGED);
        assert_eq!(runtime.block_on(sizes(&side, &format!("{group}.{cluster}"))), expected);
        if cluster.starts_with("prod-") {
            unchecked(&fleet, "destroy", cluster).exits(11).warns("protect");
            unprotect(&fleet, cluster);
            unchecked(&fleet, "apply", cluster).exits(0);
        }
        unchecked(&fleet, "destroy", cluster).exits(0);
        fleet.windlass(&["state", "fsck", cluster]).exits(0);
        assert_eq!(runtime.block_on(account(&side)), before, "after {cluster}");
    }
}

/// All at once: most of their time is waiting, as AWS' limits ask for.
#[test]
fn clusters_live_from_create_to_destroy_against_moto_and_leave_the_account_as_it_was() {
    std::thread::scope(|scope| {
        let lives: Vec<_> = LIVES.iter().map(|life| scope.spawn(|| life.live())).collect();
        for life in lives {
            life.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// moto loses scheduled actions: the drift is shown, healed as far as moto can, and does not stand in a destroy's way.
#[test]
fn scheduled_actions_that_moto_loses_are_drift_and_no_obstacle() {
    let runtime = runtime(false);
    let (_moto, side, fleet) = runtime.block_on(stage());
    fleet.commit("for moto");
    let before = runtime.block_on(account(&side));
    fleet.windlass(&["apply", STAGING, "--yes"]).exits(0).warns("permissions are not checked").warns("done:");
    fleet
        .windlass(&["plan", STAGING, "--detailed-exitcode"])
        .exits(3)
        .says("/evening  # vanished")
        .says("Plan: 10 to create, 0 to change, 0 to replace, 0 to destroy.");
    unchecked(&fleet, "destroy", STAGING).exits(0);
    assert_eq!(runtime.block_on(account(&side)), before);
}
