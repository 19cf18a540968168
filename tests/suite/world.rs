//! The sandbox's account as somebody else sees it: changes by hand, and what Kubernetes makes.

use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use windlass::clock::Clock;
use windlass::sandbox::{Place, Sandbox};

use crate::support::Fleet;

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// The AWS SDK, as any tool would use it, on the account of a fleet.
struct Somebody {
    auto_scaling: aws_sdk_autoscaling::Client,
    ec2: aws_sdk_ec2::Client,
}

impl Somebody {
    fn beside(fleet: &Fleet) -> Self {
        let place = Place::File(fleet.path().join(".windlass/sandbox.json"));
        let sandbox = Sandbox::open(place, Clock::system(), || panic!("the account exists")).expect("a sound world");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-3"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys(
                "AKIASANDBOX",
                "sandbox",
                None,
            )))
            .http_client(sandbox.http_client())
            .build();
        Self { auto_scaling: aws_sdk_autoscaling::Client::new(&config), ec2: aws_sdk_ec2::Client::new(&config) }
    }

    /// Changes the greatest size of a group by hand.
    async fn resize(&self, group: &str, max: i32) {
        let name = format!("{group}.{CLUSTER}");
        let update = self.auto_scaling.update_auto_scaling_group().auto_scaling_group_name(name).max_size(max);
        update.send().await.expect("the group can be changed");
    }

    /// Makes a volume and a security group as Kubernetes does, and gives their ids.
    async fn litter(&self, owned: &str) -> (String, String) {
        let tags = |kind: ResourceType| {
            let tag = Tag::builder().key(format!("kubernetes.io/cluster/{CLUSTER}")).value(owned).build();
            TagSpecification::builder().resource_type(kind).tags(tag).build()
        };
        let volume = self.ec2.create_volume().availability_zone("eu-west-3a").size(8);
        let volume = volume.tag_specifications(tags(ResourceType::Volume)).send().await.expect("a volume");
        let vpcs = self.ec2.describe_vpcs().send().await.expect("the VPCs").vpcs.unwrap_or_default();
        let ours = vpcs.iter().find(|vpc| vpc.tags().iter().any(|tag| tag.value() == Some(CLUSTER)));
        let vpc = ours.and_then(|vpc| vpc.vpc_id()).expect("the cluster's VPC");
        let group = self.ec2.create_security_group().group_name(format!("k8s-elb-{owned}")).description("by a service");
        let group = group.vpc_id(vpc).tag_specifications(tags(ResourceType::SecurityGroup));
        let group = group.send().await.expect("a security group");
        (volume.volume_id.expect("an id"), group.group_id.expect("an id"))
    }
}

fn asynchronously<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn drift_is_told_apart_from_pending_changes_and_healed() {
    let fleet = Fleet::created(CLUSTER);
    asynchronously(Somebody::beside(&fleet).resize("admin", 7));
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(3).says("admin").says("1 to change");

    let vars = format!("vars/{CLUSTER}.yaml");
    fleet.write(&vars, &format!("{}\nsizes:\n  8x: {{ max: 11 }}\n", fleet.read(&vars)));
    fleet.commit("more room");
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(4);

    fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_change_of_everything_is_pending_and_no_drift_and_leaves_nothing_to_do() {
    let fleet = Fleet::created(CLUSTER);
    let vars = format!("vars/{CLUSTER}.yaml");
    let more = "tags:\n  cost-center: '4711'\napi:\n  allow: [10.8.0.0/16, 198.51.100.0/24]\ndns:\n  ttl: 120\n\
                admin:\n  machineTypes: [m6i.2xlarge]\ndedicated:\n  metrics-store: null\nnat: none\n";
    fleet.write(&vars, &format!("{}\n{more}", fleet.read(&vars)));
    fleet.commit("tags, rules, records, types, a group less, no way out");

    let planned = fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(2);
    assert!(!planned.stdout.contains("Drift"), "{}", planned.stdout);
    for change in
        ["security-group-rules/load-balancer", "record-set", "launch-template", "metrics-store", "nat-gateway"]
    {
        assert!(planned.stdout.contains(change), "{change} is not in\n{}", planned.stdout);
    }
    fleet.sandboxed(&["apply", CLUSTER, "--yes", "--allow", "0"]).exits(11).warns("--allow");
    fleet.sandboxed(&["apply", CLUSTER, "--yes", "--allow", "30"]).exits(0);
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

#[test]
fn destroy_sweeps_what_kubernetes_made_and_spares_what_is_shared() {
    let fleet = Fleet::created(CLUSTER);
    let (volume, group) = asynchronously(Somebody::beside(&fleet).litter("owned"));
    let live = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    assert!(live.contains(&volume) && live.contains(&group), "{live}");

    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0).warns(&volume).warns(&group);
    let live = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    assert!(!live.contains(&volume) && !live.contains(&group), "{live}");
}

#[test]
fn destroy_names_what_holds_on_and_ends_with_18() {
    let fleet = Fleet::created(CLUSTER);
    // Somebody shares the cluster's VPC: their group keeps it alive, and must not be touched.
    let (_, group) = asynchronously(Somebody::beside(&fleet).litter("shared"));
    fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(18).warns(&group).warns("windlass destroy");
}
