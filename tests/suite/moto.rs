//! The sandbox held against moto: the same sequences through the same clients; every difference is one row of
//! [`DIFFERENCES`], and says who is right.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::conformance::{Notes, Side};
use crate::{conformance_compute, conformance_network, conformance_services};

/// A known difference: the step, what differs, who is right, and the source.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const DIFFERENCES: &[Row] = &[
    ("access/CreateRole malformed", "moto takes it; AWS answers MalformedPolicyDocument", "sandbox", "API reference, CreateRole"),
    ("groups/CreateAutoScalingGroup above max", "moto takes it; AWS answers ValidationError", "sandbox", "API reference, CreateAutoScalingGroup"),
    ("groups/CreateAutoScalingGroup bad subnet", "moto answers InvalidSubnetID.NotFound; AWS ValidationError", "sandbox", "API reference, CreateAutoScalingGroup"),
    ("groups/CreateAutoScalingGroup bad target group", "moto answers TargetGroupNotFound; AWS ValidationError", "sandbox", "API reference, CreateAutoScalingGroup"),
    ("groups/DeleteAutoScalingGroup with instances", "moto takes it; AWS answers ResourceInUse", "sandbox", "API reference, DeleteAutoScalingGroup"),
    ("groups/DescribeAutoScalingGroups 200", "moto fails instead of refusing", "sandbox", "API reference, DescribeAutoScalingGroups"),
    ("groups/DescribeAutoScalingGroups zones of instances", "moto launches everything in the first subnet", "sandbox", "API reference, DescribeAutoScalingGroups"),
    ("groups/DescribeScalingActivities", "moto keeps no activities", "sandbox", "API reference, DescribeScalingActivities"),
    ("groups/DetachInstances shown", "moto took the minimum 9 of the step before", "sandbox", "API reference, DetachInstances"),
    ("groups/PutScheduledUpdateGroupAction bad recurrence", "moto takes it; AWS answers ValidationError", "sandbox", "API reference, PutScheduledUpdateGroupAction"),
    ("groups/ResumeProcesses shown", "moto took the unknown process Sleep", "sandbox", "API reference, ResumeProcesses"),
    ("groups/SetDesiredCapacity above max", "moto takes it; AWS answers ValidationError", "sandbox", "API reference, SetDesiredCapacity"),
    ("groups/SetDesiredCapacity shown", "moto took the minimum 9 of the step before", "sandbox", "API reference, SetDesiredCapacity"),
    ("groups/SuspendProcesses unknown", "moto takes it; AWS answers ValidationError", "sandbox", "API reference, SuspendProcesses"),
    ("groups/TerminateInstanceInAutoScalingGroup shown", "moto took the minimum 9 of the step before", "sandbox", "API reference, TerminateInstanceInAutoScalingGroup"),
    ("groups/TerminateInstanceInAutoScalingGroup unknown", "moto fails instead of refusing", "sandbox", "API reference, TerminateInstanceInAutoScalingGroup"),
    ("groups/UpdateAutoScalingGroup min above max", "moto takes it; AWS answers ValidationError", "sandbox", "API reference, UpdateAutoScalingGroup"),
    ("groups/UpdateAutoScalingGroup policies", "moto ignores termination policies in updates", "sandbox", "API reference, UpdateAutoScalingGroup"),
    ("groups/UpdateAutoScalingGroup zeros", "moto makes a cooldown of 0 the default 300", "sandbox", "API reference, UpdateAutoScalingGroup"),
    ("interfaces and volumes/CreateNetworkInterface taken", "moto takes it; AWS answers InvalidIPAddress.InUse", "sandbox", "API reference, CreateNetworkInterface"),
    ("interfaces and volumes/CreateVolume same token", "moto ignores client tokens", "sandbox", "API reference, CreateVolume"),
    ("interfaces and volumes/DeleteSubnet with an interface", "moto takes it; AWS answers DependencyViolation", "sandbox", "API reference, DeleteSubnet"),
    ("launch templates/CreateLaunchTemplate same token", "moto ignores client tokens", "sandbox", "API reference, CreateLaunchTemplate"),
    ("launch templates/DeleteLaunchTemplate again", "moto answers MissingParameter; AWS InvalidLaunchTemplateName.NotFoundException", "sandbox", "API reference, DeleteLaunchTemplate"),
    ("load balancing/CreateLoadBalancer ARN of a network balancer", "moto writes loadbalancer/app for every balancer", "sandbox", "API reference, CreateLoadBalancer"),
    ("load balancing/CreateLoadBalancer again", "moto makes a second balancer of the same name", "sandbox", "API reference, CreateLoadBalancer"),
    ("load balancing/CreateLoadBalancer long name", "moto takes it; AWS answers ValidationError", "sandbox", "API reference, CreateLoadBalancer"),
    ("load balancing/CreateLoadBalancer zone", "moto has one invented hosted zone", "sandbox", "AWS General Reference, Elastic Load Balancing endpoints"),
    ("load balancing/CreateTargetGroup again", "moto answers DuplicateTargetGroupName; AWS ok", "sandbox", "API reference, CreateTargetGroup"),
    ("load balancing/DeleteLoadBalancer protected", "moto takes it; AWS answers OperationNotPermitted", "sandbox", "API reference, DeleteLoadBalancer"),
    ("load balancing/RegisterTargets unknown", "moto takes it; AWS answers InvalidTarget", "sandbox", "API reference, RegisterTargets"),
    ("names/ChangeResourceRecordSets create again", "moto takes it; AWS answers InvalidChangeBatch", "sandbox", "API reference, ChangeResourceRecordSets"),
    ("names/ChangeResourceRecordSets delete wrong", "moto answers InvalidInput; AWS InvalidChangeBatch", "sandbox", "API reference, ChangeResourceRecordSets"),
    ("names/ChangeResourceRecordSets heavy", "moto takes it; AWS answers InvalidInput", "sandbox", "API reference, ChangeResourceRecordSets"),
    ("names/ChangeResourceRecordSets weights", "moto takes it; AWS answers InvalidChangeBatch", "sandbox", "API reference, ChangeResourceRecordSets"),
    ("names/CreateHostedZone bad name", "moto takes it; AWS answers InvalidDomainName", "sandbox", "API reference, CreateHostedZone"),
    ("names/CreateHostedZone change", "moto is in sync at once", "sandbox", "API reference, CreateHostedZone"),
    ("names/CreateHostedZone same reference", "moto takes it; AWS answers HostedZoneAlreadyExists", "sandbox", "API reference, CreateHostedZone"),
    ("names/ListHostedZonesByName", "moto made the zone twice", "sandbox", "API reference, ListHostedZonesByName"),
    ("names/ListResourceRecordSets", "moto kept what it should have refused, and does not escape the wildcard", "sandbox", "API reference, ListResourceRecordSets"),
    ("network/ReleaseAddress used", "moto takes it; AWS answers InvalidIPAddress.InUse", "sandbox", "API reference, ReleaseAddress"),
    ("parameters/PutParameter too large", "moto takes it; AWS answers ValidationException", "sandbox", "API reference, PutParameter"),
    ("security groups/AuthorizeSecurityGroupIngress IPIP", "moto fails on protocols without ports", "sandbox", "API reference, AuthorizeSecurityGroupIngress"),
    ("security groups/DeleteSecurityGroup used", "moto takes it; AWS answers DependencyViolation", "sandbox", "API reference, DeleteSecurityGroup"),
];

/// moto needs this to launch from template versions with user data, and to know AMIs, types and managed policies.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("PYTHONOPTIMIZE", "1"),
    ("MOTO_ENABLE_AMI_VALIDATION", "true"),
    ("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true"),
    ("MOTO_IAM_LOAD_MANAGED_POLICIES", "true"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// A moto server on a free port; stopped when dropped.
pub struct Moto {
    process: Child,
    /// Where it listens on this machine.
    pub port: u16,
}

impl Moto {
    /// Starts one; `more` is set in its environment beside what all need.
    pub async fn start(more: &[(&str, &str)]) -> Self {
        let python = std::env::var("WINDLASS_TEST_PYTHON").expect(
            "WINDLASS_TEST_PYTHON must name the Python of a virtual environment with moto==5.2.5, flask and flask-cors: \
             run scripts/test, which makes one",
        );
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let process = Command::new(&python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .envs(ENVIRONMENT)
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{python} does not start: {error}"));
        let mut moto = Self { process, port };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return moto;
            }
            let ended = moto.process.try_wait().expect("a process that can be asked");
            assert_eq!(ended, None, "moto ended: does {python} have moto[server] 5.2.5?");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("moto did not listen on port {port} within a minute");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Failing to stop a process that has ended already is no problem.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn all(side: &Side) -> Notes {
    let mut notes = Notes::default();
    conformance_network::routed(side, &mut notes).await;
    conformance_network::security_groups(side, &mut notes).await;
    conformance_network::interfaces_and_volumes(side, &mut notes).await;
    conformance_compute::launch_templates(side, &mut notes).await;
    conformance_compute::groups(side, &mut notes).await;
    conformance_services::load_balancing(side, &mut notes).await;
    conformance_services::names(side, &mut notes).await;
    conformance_services::access(side, &mut notes).await;
    conformance_services::parameters(side, &mut notes).await;
    notes
}

/// A runtime of one thread, with virtual time or without.
pub fn runtime(paused: bool) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if paused {
        builder.start_paused(true);
    }
    builder.build().expect("a runtime")
}

#[test]
fn the_sandbox_and_moto_differ_exactly_where_the_table_says() {
    let ours = runtime(true).block_on(async { all(&Side::sandbox()).await });
    let theirs = runtime(false).block_on(async {
        let moto = Moto::start(&[]).await;
        all(&Side::moto(moto.port).await).await
    });
    assert!(ours.operations.len() >= 60, "only {} operations are compared", ours.operations.len());
    assert_eq!(
        ours.seen.keys().collect::<Vec<_>>(),
        theirs.seen.keys().collect::<Vec<_>>(),
        "the same steps on both sides"
    );
    let known: BTreeMap<&str, &Row> = DIFFERENCES.iter().map(|row| (row.0, row)).collect();
    let mut faults = Vec::new();
    for (step, sandbox) in &ours.seen {
        let moto = &theirs.seen[step];
        match known.get(step.as_str()) {
            None if sandbox != moto => {
                faults.push(format!("not in the table: {step}: sandbox {sandbox:?}, moto {moto:?}"))
            }
            Some(row) if sandbox == moto => {
                faults.push(format!("no longer a difference: {step} ({}; right: {}; {})", row.1, row.2, row.3));
            }
            _ => {}
        }
    }
    for row in DIFFERENCES.iter().filter(|row| !ours.seen.contains_key(row.0)) {
        faults.push(format!("a row for a step that does not exist: {}", row.0));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
