//! The policies of `windlass iam`, and nothing else: a cluster's whole life runs under them and is refused nothing, each
//! command under its own; and what is taken out of one of them is missed before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass::aws::permission::policy::Policy;
use windlass::aws::permission::{Checked, Territory, check};
use windlass::aws::{Aws, Settings};
use windlass::clock::Clock;
use windlass::sandbox::{Sandbox, World};

use crate::support::{Fleet, Ran, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";
const WORLD: &str = ".windlass/sandbox.json";

/// A fleet whose caller has the policies of one cluster, and what it has called with each.
struct Life {
    fleet: Fleet,
    cluster: &'static str,
    called: BTreeMap<Policy, BTreeSet<String>>,
}

impl Life {
    /// An account in which the caller may nothing yet.
    fn new(fleet: Fleet, cluster: &'static str) -> Self {
        fleet.sandboxed(&["sandbox", "list"]).exits(0);
        Self { fleet, cluster, called: BTreeMap::new() }
    }

    fn world(&self) -> Value {
        serde_json::from_str(&self.fleet.read(WORLD)).expect("the world is JSON")
    }

    /// Gives the caller the policy for looking and another one, as the command prints them.
    fn grant(&self, policy: Policy) {
        let names = BTreeSet::from([Policy::Plan.name(), policy.name()]);
        let documents: Vec<String> = names
            .iter()
            .map(|name| self.fleet.windlass(&["iam", self.cluster, "--for", name]).exits(0).stdout)
            .collect();
        let mut world = self.world();
        world["sts"]["policies"] = json!(documents);
        self.fleet.write(WORLD, &world.to_string());
    }

    /// Runs a command with a policy, and notes what it calls.
    #[track_caller]
    fn with(&mut self, policy: Policy, arguments: &[&str]) -> Ran {
        self.grant(policy);
        let ran = self.fleet.sandboxed(&[&["-vv"], arguments].concat());
        self.note(policy, &ran);
        ran
    }

    /// As [`Life::with`], with faults.
    #[track_caller]
    fn with_faults(&mut self, policy: Policy, rules: &Value, arguments: &[&str]) -> Ran {
        self.grant(policy);
        let mut command = self.fleet.command(&["--sandbox", "-vv"]);
        let faults = json!({ "rules": rules }).to_string();
        let output = command.args(arguments).env("WINDLASS_SANDBOX_FAULT", faults).output();
        let ran = Ran::of(output.expect("windlass runs"));
        self.note(policy, &ran);
        ran
    }

    fn note(&mut self, policy: Policy, ran: &Ran) {
        let calls = ran.stderr.lines().filter(|line| line.contains(" called service="));
        let names = calls.filter_map(|line| Some(line.split_once("operation=\"")?.1.split_once('"')?.0.to_owned()));
        self.called.entry(policy).or_default().extend(names);
        assert!(!ran.stderr.contains("is not authorized to perform"), "refused:\n{}", ran.stderr);
    }
}

/// A rule that loses the answer of an operation's first call: the repeat finds what is there already.
fn lost(operation: &str) -> Value {
    json!({ "at": { "occurrence": { "operation": operation, "index": 0 } }, "kind": "lostResponse" })
}

#[test]
fn a_whole_life_under_the_policies_is_refused_nothing() {
    let mut life = Life::new(Fleet::with_add_ons(), CLUSTER);
    let cluster = life.cluster;
    life.with(Policy::Plan, &["plan", cluster]).exits(0);
    let lost: Vec<Value> =
        ["CreateRole", "CreateInstanceProfile", "CreateAutoScalingGroup", "CreateLoadBalancer", "PutParameter"]
            .map(lost)
            .to_vec();
    life.with_faults(Policy::Apply, &json!(lost), &["apply", cluster, "--yes"]).exits(0);
    for arguments in [&["status"][..], &["drift"], &["certs", "list"], &["capacity", "check"], &["etcd", "list"]] {
        life.with(Policy::Plan, &[arguments, &[cluster]].concat());
    }
    // Other tags for everything, other machines, another network for the API, a night.
    let vars = format!("vars/{cluster}.yaml");
    let before = life.fleet.read(&vars);
    life.fleet.write(&vars, &format!("{before}\ntags:\n  costCenter: \"42\"\nschedules: office-hours\ncontrolPlane:\n  etcdVolume: {{ size: 40 }}\n"));
    life.fleet.commit("other tags and larger disks");
    life.with(Policy::Apply, &["apply", cluster, "--yes"]).exits(0);
    life.with(Policy::Roll, &["roll", cluster, "--yes"]).exits(0);
    // Disks do not shrink.
    let before = format!("{before}\ncontrolPlane:\n  etcdVolume: {{ size: 40 }}\n");
    life.fleet.write(&vars, &before.replace("color: blue", "color: green"));
    life.fleet.commit("back again");
    life.with(Policy::Apply, &["apply", cluster, "--yes"]).exits(0);
    life.with(Policy::Apply, &["certs", "renew", cluster, "a/etcd-peer", "--yes"]).exits(0);
    life.with(Policy::Roll, &["etcd", "snapshot", cluster]).exits(0);
    life.fleet.sandboxed(&["sandbox", "advance", "2m"]).exits(0);
    life.with(Policy::Roll, &["etcd", "restore", cluster, "--snapshot", "latest", "--yes"]).exits(0);
    // A run that dies half-way, and the one that goes on.
    life.fleet.write(&vars, &format!("{before}\ntags:\n  costCenter: \"43\"\n"));
    life.fleet.commit("who pays now");
    let kill = json!([{ "at": { "change": 9 }, "kind": "killAfter" }]);
    assert_eq!(life.with_faults(Policy::Apply, &kill, &["apply", cluster, "--yes"]).code, None);
    life.with(Policy::Apply, &["apply", cluster, "--yes"]).exits(0);
    life.with(Policy::Destroy, &["destroy", cluster, "--yes"]).exits(0);

    let mut cases = 0;
    for (policy, called) in &life.called {
        let allowed: BTreeSet<&str> =
            policy.operations().into_iter().chain(Policy::Plan.operations()).map(|(_, name)| name).collect();
        for operation in called.iter().filter(|operation| *operation != "GetCallerIdentity") {
            assert!(allowed.contains(operation.as_str()), "{operation} is not in {}", policy.name());
            cases += 1;
        }
    }
    proof::report("least privilege, a whole life", cases, 100);
}

/// An empty account, and a connection to it.
async fn connect() -> (Aws, Sandbox) {
    let now = "2026-11-20T12:00:00Z".parse().expect("a moment");
    let clock = Clock::starting_at(now);
    let sandbox = Sandbox::in_memory(clock, World::empty("123456789012", "eu-west-3", 1, now));
    let settings = Settings { http_client: Some(sandbox.http_client()), ..Settings::new("eu-west-3", clock) };
    (Aws::connect(settings).await, sandbox)
}

/// Gives the caller these policies, and nothing else.
fn grant(sandbox: &Sandbox, policies: [&Value; 2]) {
    let policies = policies.map(ToString::to_string).to_vec();
    sandbox.with_world(|world| world.sts.policies = Some(policies)).expect("a world in memory");
}

/// A policy document without one action.
fn without(document: &Value, action: &str) -> Value {
    let mut document = document.clone();
    for statement in document["Statement"].as_array_mut().expect("statements") {
        let actions = match statement["Action"].take() {
            Value::Array(all) => all,
            one => vec![one],
        };
        let left: Vec<Value> = actions.into_iter().filter(|it| it.as_str() != Some(action)).collect();
        statement["Action"] = Value::from(left);
    }
    document
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_a_policy_is_missed_and_nothing_else_is() {
    let territory = Territory {
        partition: String::from("aws"),
        account: String::from("123456789012"),
        region: String::from("eu-west-3"),
        cluster: String::from(CLUSTER),
        records: BTreeSet::new(),
        image_parameters: BTreeSet::new(),
        backup: None,
    };
    let documents = Policy::ALL.map(|policy| (policy, policy.document(&territory)));
    let (_, looking) = &documents[0];
    let (aws, sandbox) = connect().await;
    let mut cases = 0;
    for (policy, document) in &documents {
        let needed = policy.permissions();
        grant(&sandbox, [looking, document]);
        assert_eq!(check(&aws, &territory, &needed).await.expect("it can be asked"), Checked::Allowed);
        let of_the_territory = needed.iter().filter(|it| it.on.example(&territory).is_some());
        let actions: BTreeSet<&str> = of_the_territory.map(|it| it.action).collect();
        for action in actions {
            // A service's own role is there in most accounts, and whoever may not ask is not asked.
            if ["iam:CreateServiceLinkedRole", "iam:SimulatePrincipalPolicy"].contains(&action) {
                continue;
            }
            grant(&sandbox, [&without(looking, action), &without(document, action)]);
            let Checked::Missing(missing) = check(&aws, &territory, &needed).await.expect("it can be asked") else {
                panic!("{action} is not missed in {}", policy.name());
            };
            assert!(missing.iter().all(|it| it.action == action), "{action} is gone, and missed are {missing:?}");
            cases += 1;
        }
    }
    proof::report("least privilege", cases, 120);
}
