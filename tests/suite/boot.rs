//! Members boot their user data in the sandbox: a reference in it that leads nowhere ends a create with an error.

use serde_json::Value;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

fn world(fleet: &Fleet) -> Value {
    serde_json::from_str(&fleet.read(".windlass/sandbox.json")).expect("the world is JSON")
}

fn set_world(fleet: &Fleet, world: &Value) {
    fleet.write(".windlass/sandbox.json", &world.to_string());
}

/// The line about a machine in the list of the account.
fn machine(fleet: &Fleet, who: &str) -> String {
    let live = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    let line = live.lines().find(|line| line.contains(who));
    line.unwrap_or_else(|| panic!("no {who} in\n{live}")).to_owned()
}

fn instance(fleet: &Fleet, who: &str) -> String {
    let line = machine(fleet, who);
    let (_, rest) = line.split_once("ec2/instance/").expect("an instance");
    rest.split(' ').next().expect("an id").to_owned()
}

/// Applies with a script of the bootstrap in which a text was replaced; it must fail.
fn broken(change: impl FnOnce(&Fleet)) -> (Fleet, Ran) {
    let fleet = Fleet::new();
    change(&fleet);
    fleet.commit("break it");
    let ran = fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(15);
    (fleet, ran)
}

#[test]
fn all_members_and_nodes_come_up_and_tell_what_they_have() {
    let fleet = Fleet::created(CLUSTER);
    let world = world(&fleet);
    for member in ["a", "b", "c"] {
        assert!(machine(&fleet, &format!("member {member} of {CLUSTER}")).contains("up since"));
        let status = &world["ssm"]["parameters"][format!("/windlass/{CLUSTER}/status/{member}")]["value"];
        let status: Value = serde_json::from_str(status.as_str().expect("a status")).expect("JSON");
        assert_eq!((&status["format"], &status["member"]), (&Value::from(1), &Value::from(member)));
        assert_eq!(status["leafs"].as_object().expect("leafs").len(), 11, "{status}");
        assert_eq!(status["trust"].as_object().expect("trust").len(), 3, "{status}");
    }
    let volumes = world["ec2"]["volumes"].as_object().expect("volumes").values();
    let marked = volumes.filter(|volume| volume["tags"]["etcd-initialized"] == "true").count();
    assert_eq!(marked, 3);
    assert!(machine(&fleet, "node admin").contains("up since"), "{}", machine(&fleet, "node admin"));
    // A member's own tag on its volume is nobody's drift.
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_role_without_access_ends_a_create_with_the_console_of_a_member() {
    // A deny in the account's own managed policies is beyond windlass; here the boundary is the world itself.
    let fleet = Fleet::created(CLUSTER);
    let mut changed = world(&fleet);
    let roles = changed["iam"]["roles"].as_object_mut().expect("roles");
    let role =
        roles.values_mut().find(|role| role["name"].as_str().is_some_and(|name| name.starts_with("control-plane")));
    let policies = role.expect("the members' role")["policies"].as_object_mut().expect("policies");
    for document in policies.values_mut() {
        *document = Value::from(document.as_str().expect("text").replace("ssm:GetParameters\"", "ssm:Nothing\""));
    }
    set_world(&fleet, &changed);
    let id = instance(&fleet, "member b");
    terminate(&fleet, &id);
    fleet.sandboxed(&["sandbox", "advance", "10m"]).exits(0);
    let line = machine(&fleet, "member b");
    assert!(line.contains("not authorized to perform: ssm:GetParameters"), "{line}");
}

/// Takes a machine away; its group brings another one.
fn terminate(fleet: &Fleet, id: &str) {
    let place = windlass::sandbox::Place::File(fleet.path().join(".windlass/sandbox.json"));
    let clock = windlass::clock::Clock::system();
    let sandbox = windlass::sandbox::Sandbox::open(place, clock, || panic!("the account exists")).expect("a world");
    sandbox
        .with_world(|world| {
            windlass::sandbox::ec2::terminate(world, id, windlass::sandbox::ec2::End::HardwareFailure);
        })
        .expect("stored");
}

#[test]
fn a_replaced_member_finds_its_volume_its_address_and_its_keys_again() {
    let fleet = Fleet::created(CLUSTER);
    let first = instance(&fleet, "member a");
    let disks = world(&fleet)["boot"]["disks"].clone();
    terminate(&fleet, &first);
    fleet.sandboxed(&["sandbox", "advance", "10m"]).exits(0);
    let second = instance(&fleet, "member a");
    assert_ne!(first, second);
    assert!(machine(&fleet, "member a").contains("up since"));
    assert_eq!(world(&fleet)["boot"]["disks"], disks, "the data is the same");
}

#[test]
fn a_volume_whose_data_is_gone_is_never_formatted_again() {
    let fleet = Fleet::created(CLUSTER);
    let id = instance(&fleet, "member a");
    let mut changed = world(&fleet);
    let disks = changed["boot"]["disks"].as_object_mut().expect("disks");
    let own = format!("{CLUSTER}/a");
    disks.retain(|_, disk| disk["owner"] != own.as_str());
    set_world(&fleet, &changed);
    terminate(&fleet, &id);
    fleet.sandboxed(&["sandbox", "advance", "10m"]).exits(0);
    let line = machine(&fleet, "member a");
    assert!(line.contains("stopped:") && line.contains("its data is lost: repair"), "{line}");
    // The others go on: two of three are a majority.
    assert!(machine(&fleet, "member b").contains("up since"));
}

#[test]
fn a_missing_tag_on_a_volume_keeps_its_member_down_and_two_down_take_the_majority_away() {
    let fleet = Fleet::created(CLUSTER);
    let ids = ["a", "b"].map(|member| instance(&fleet, &format!("member {member}")));
    let mut changed = world(&fleet);
    for volume in changed["ec2"]["volumes"].as_object_mut().expect("volumes").values_mut() {
        let address = volume["tags"]["windlass.dev/address"].as_str().unwrap_or_default().to_owned();
        if ["volume/etcd-a", "volume/etcd-b"].contains(&address.as_str()) {
            volume["tags"].as_object_mut().expect("tags").remove("windlass.dev/address");
        }
    }
    set_world(&fleet, &changed);
    for id in &ids {
        terminate(&fleet, id);
    }
    fleet.sandboxed(&["sandbox", "advance", "10m"]).exits(0);
    assert!(machine(&fleet, "member a").contains("there is no volume tagged windlass.dev/address=volume/etcd-a"));
    assert!(machine(&fleet, "member c").contains("etcd has no quorum: 1 of 3 members"));
}

#[test]
fn a_script_that_the_unit_starts_and_that_is_not_there_ends_the_create() {
    let unit = "[Unit]\nDescription=broken\n[Service]\nExecStart=/usr/local/lib/windlass/no-such.sh\n";
    let (fleet, ran) = broken(|fleet| {
        let name = "templates/1_cluster.yaml.j2";
        let indented: String = unit.lines().map(|line| format!("        {line}\n")).collect();
        let files = format!("  bootstrap:\n    files:\n      windlass-bootstrap.service: |\n{indented}\n  backup:\n");
        fleet.edit(name, "  backup:\n", &files);
    });
    let ran = ran.warns("control-plane-a was still not ready after").warns("no-such.sh");
    assert!(ran.stderr.contains("printed last"), "{}", ran.stderr);
    assert!(machine(&fleet, "windlass machine").contains("no-such.sh"));
}

#[test]
fn a_wrong_parameter_in_the_user_data_keeps_a_member_down() {
    use std::io::Read as _;
    let fleet = Fleet::created(CLUSTER);
    let id = instance(&fleet, "member c");
    let mut changed = world(&fleet);
    for template in changed["ec2"]["launchTemplates"].as_object_mut().expect("templates").values_mut() {
        if !template["name"].as_str().is_some_and(|name| name.starts_with("control-plane-c")) {
            continue;
        }
        for version in template["versions"].as_object_mut().expect("versions").values_mut() {
            let packed = version["data"]["userData"].as_str().expect("user data").as_bytes();
            let packed = data_encoding::BASE64.decode(packed).expect("base64");
            let mut text = String::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("gzip");
            let text = text.replace("/pki/encryption.yaml", "/pki/encrypt.yaml");
            version["data"]["userData"] = Value::from(data_encoding::BASE64.encode(text.as_bytes()));
        }
    }
    set_world(&fleet, &changed);
    terminate(&fleet, &id);
    fleet.sandboxed(&["sandbox", "advance", "10m"]).exits(0);
    let line = machine(&fleet, "member c");
    assert!(line.contains(&format!("there is no parameter /windlass/{CLUSTER}/pki/encrypt.yaml")), "{line}");
}

#[test]
fn members_and_the_load_balancer_present_what_is_installed() {
    use windlass::live::{LiveError, Possession, presented};
    let fleet = Fleet::created(CLUSTER);
    let world = world(&fleet);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let serial = |member: &str, leaf: &str| {
        let status = text(&world["ssm"]["parameters"][format!("/windlass/{CLUSTER}/status/{member}")]["value"]);
        text(&serde_json::from_str::<Value>(&status).expect("JSON")["leafs"][leaf])
    };
    let address =
        |member: &str| text(&world["ec2"]["instances"][instance(&fleet, &format!("member {member}"))]["privateIp"]);
    let addresses = ["a", "b", "c"].map(address);
    let place = windlass::sandbox::Place::File(fleet.path().join(".windlass/sandbox.json"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let date = text(&world["now"]).parse().expect("a date");
        let clock = windlass::clock::Clock::starting_at(date);
        let sandbox = windlass::sandbox::Sandbox::open(place, clock, || panic!("the account exists")).expect("a world");
        for (port, leaf) in [(6443, "apiserver"), (2379, "etcd-server"), (2380, "etcd-peer")] {
            let seen = presented(&sandbox, &addresses[0], port, &addresses[0]).await.expect("it presents");
            assert_eq!(seen.chain[0].serial, serial("a", leaf));
            assert!(seen.chain[0].is_for(&addresses[0]));
            assert_eq!(seen.possession, Possession::Proven);
        }
        let mut turns = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let name = format!("api.{CLUSTER}");
            let seen = presented(&sandbox, &name, 6443, &name).await.expect("the balancer passes on");
            turns.insert(seen.chain[0].serial.clone());
        }
        assert_eq!(turns, ["a", "b", "c"].map(|member| serial(member, "apiserver")).into());
        let closed = presented(&sandbox, &addresses[0], 22, &addresses[0]).await.expect_err("nothing listens");
        assert!(matches!(closed, LiveError::Unreachable { .. }), "{closed}");
        let nobody = presented(&sandbox, "no.such.name", 443, "no.such.name").await.expect_err("no such name");
        assert!(nobody.to_string().contains("no such host"), "{nobody}");
    });
}
