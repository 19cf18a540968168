//! Scripts through Systems Manager, against the sandbox.

use std::time::Duration;

use super::super::{Script, ScriptEnd, run_command, snapshot, snapshots};
use super::sandboxed;
use crate::aws::Failure;
use crate::sandbox::{Sandbox, ec2, iam};

/// An instance that runs, with or without a role that lets its agent report.
fn instance(sandbox: &Sandbox, agent: bool) -> String {
    sandbox
        .with_world(|world| {
            let id = world.new_id("i");
            let profile = iam::ProfileReference { id: String::from("AIPA1"), arn: String::from("arn") };
            let now = world.now;
            let instance = ec2::Instance {
                id: id.clone(),
                reservation: String::from("r-1"),
                launch_index: 0,
                image: String::from("ami-1"),
                instance_type: String::from("m5.large"),
                architecture: String::from("x86_64"),
                root_device: String::from("/dev/xvda"),
                vpc: String::from("vpc-1"),
                subnet: String::from("subnet-1"),
                zone: String::from("eu-west-3a"),
                private_ip: std::net::Ipv4Addr::new(10, 0, 0, 7),
                launched_at: now,
                phase: ec2::Phase::Running,
                since: now,
                until: None,
                reason: None,
                spot_request: None,
                client_token: None,
                profile: agent.then_some(profile),
                key_name: None,
                user_data: None,
                metadata: std::collections::BTreeMap::new(),
                monitoring: false,
                ebs_optimized: false,
                termination_protection: false,
                tags: ec2::Tags::new(),
            };
            world.ec2.instances.insert(id.clone(), instance);
            world.iam.profiles.insert(
                String::from("p"),
                iam::Profile {
                    name: String::from("p"),
                    id: String::from("AIPA1"),
                    arn: String::from("arn"),
                    path: String::from("/"),
                    role: Some(String::from("r")),
                    created: now,
                    changed: now,
                    tags: std::collections::BTreeMap::new(),
                },
            );
            world.iam.roles.insert(
                String::from("r"),
                iam::Role {
                    name: String::from("r"),
                    id: String::from("AROA1"),
                    arn: String::from("arn:aws:iam::123456789012:role/r"),
                    path: String::from("/"),
                    trust: String::from("{}"),
                    description: None,
                    max_session: 3600,
                    created: now,
                    policies: std::collections::BTreeMap::new(),
                    attached: [String::from("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")].into(),
                    tags: std::collections::BTreeMap::new(),
                },
            );
            id
        })
        .expect("a world in memory")
}

fn script(instance: &str) -> Script {
    Script {
        instances: vec![instance.to_owned()],
        lines: vec![String::from("set -eu"), String::from("/no/such/program --flag")],
        timeout: Duration::from_secs(60),
        comment: String::from("a test"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_is_sent_waited_for_and_its_end_told() {
    let (aws, sandbox) = sandboxed().await;
    let id = instance(&sandbox, true);
    let runs = run_command(&aws, &script(&id)).await.expect("it runs");
    assert_eq!(runs[&id].end, ScriptEnd::Exited(127));
    assert_eq!(runs[&id].complaint(), "it ended with exit code 127: sh: 1: /no/such/program: not found");
    // Right after it was sent there was no invocation yet, and that was sat out.
    let calls = aws.calls();
    assert!(calls.by_operation()["GetCommandInvocation"] >= 2, "{:?}", calls.by_operation());
    assert_eq!(calls.by_operation()["SendCommand"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_an_agent_is_told_with_what_it_needs() {
    let (aws, sandbox) = sandboxed().await;
    let id = instance(&sandbox, false);
    let error = run_command(&aws, &script(&id)).await.expect_err("nobody is there");
    assert_eq!(error.code(), Some("InvalidInstanceId"));
    assert!(error.hint().is_some_and(|hint| hint.contains("ssm:UpdateInstanceInformation")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_listed_newest_first_through_all_pages_and_foreign_buckets_are_told() {
    let (aws, sandbox) = sandboxed().await;
    sandbox
        .with_world(|world| {
            let created = world.now;
            for (name, owner) in [("backups", world.account.clone()), ("foreign", String::from("999999999999"))] {
                let objects = std::collections::BTreeMap::new();
                let bucket = crate::sandbox::s3::Bucket { name: name.to_owned(), owner, created, objects };
                world.s3.buckets.insert(name.to_owned(), bucket);
            }
            for number in 0..1005 {
                world.advance_to(world.after(60.0));
                let key = format!("a/{number:04}.db");
                crate::sandbox::s3::store(world, "backups", &key, b"x").expect("stored");
            }
        })
        .expect("a world in memory");
    let all = snapshots(&aws, "backups", "a/").await.expect("a list");
    assert_eq!((all.len(), all[0].key.as_str(), all[0].size), (1005, "a/1004.db", 1));
    assert_eq!(aws.calls().by_operation()["ListObjectsV2"], 2);
    assert!(snapshot(&aws, "backups", "a/0000.db").await.expect("asked").is_some());
    assert_eq!(snapshot(&aws, "backups", "a/none.db").await.expect("asked"), None);
    let denied = snapshot(&aws, "foreign", "a/0000.db").await.expect_err("not ours");
    assert_eq!(denied.failure(), Some(Failure::Permission));
    assert!(denied.hint().is_some_and(|hint| hint.contains("another account's")), "{denied}");
    let missing = snapshots(&aws, "none", "a/").await.expect_err("no bucket");
    assert!(missing.hint().is_some_and(|hint| hint.contains("spec.backup.bucket")), "{missing}");
}
