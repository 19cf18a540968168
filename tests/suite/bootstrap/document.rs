//! What cloud-init, shellcheck and systemd say of the user data.

use std::fs;
use std::process::{Command, Output};

use super::{files, machine::Machine, machine::message, manifests, user_data};

/// One of each kind of machine.
fn documents() -> Vec<(&'static str, String)> {
    let bastion = "---\napiVersion: windlass/v1\nkind: NodeGroup\nmetadata:\n  name: bastion\nspec:\n  cluster: \
                   test.k8s.foo.bar\n  role: bastion\n  subnets: [public-a]\n  minSize: 1\n  maxSize: 1\n  \
                   machineTypes: [t3.micro]\n  userData: { before: [first] }\n";
    let apt = "  bootstrap:\n    sandboxImage: registry.example.com/pause:3.10\n    packages:\n      apt:\n        \
               sources:\n        - { name: kubernetes, url: https://pkgs.example.com/v1.34/deb/, key: \"-----BEGIN PGP\" }\n        \
               versions: { containerd: 1.7.24-1, kubelet: 1.34.2-1.1 }\n  dns:\n";
    let manifests = manifests() + bastion;
    let installing = manifests.replacen("  dns:\n", apt, 1);
    vec![
        ("member", user_data(&manifests, "control-plane-a")),
        ("node", user_data(&manifests, "nodes")),
        ("bastion", user_data(&manifests, "bastion")),
        ("member that installs packages", user_data(&installing, "control-plane-b")),
        ("node that installs packages", user_data(&installing, "nodes")),
    ]
}

fn run(command: &mut Command, install: &str) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; apt-get install {install}"))
}

#[test]
fn cloud_init_accepts_every_document() {
    let folder = tempfile::tempdir().expect("a folder");
    for (what, text) in documents() {
        let file = folder.path().join("user-data");
        fs::write(&file, &text).expect("written");
        let output = run(Command::new("cloud-init").args(["schema", "--config-file"]).arg(&file), "cloud-init");
        assert!(output.status.success(), "{what}: {}{}", String::from_utf8_lossy(&output.stdout), message(&output));
    }
}

#[test]
fn user_data_has_room_for_hooks() {
    for (what, text) in documents() {
        let size = windlass::desired::compressed(&text).len();
        // Of EC2's 16 KB, 4 stay for hooks.
        assert!(size <= 12 * 1024, "{what}: {size} bytes compressed");
    }
}

#[test]
fn no_key_and_no_token_is_in_user_data() {
    for (what, text) in documents() {
        for word in ["PRIVATE KEY", "BEGIN CERTIFICATE", "AGE-SECRET", "AKIA"] {
            let quoted = text.matches(word).count();
            let sought = text.lines().filter(|line| line.contains(word) && line.contains("sed -n")).count();
            assert!(sought > 0 && word != "AKIA" || quoted == 0, "{what} has {word}");
        }
    }
}

#[test]
fn shellcheck_finds_nothing_in_any_script() {
    for (what, text) in documents() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut programs = Vec::new();
        for (path, (mode, content)) in files(&text) {
            if !content.starts_with("#!") || path.starts_with("/etc/windlass/hooks/") {
                continue;
            }
            assert_eq!(mode, 0o700, "{path}");
            let file = folder.path().join(path.rsplit('/').next().expect("a name"));
            fs::write(&file, &content).expect("written");
            programs.push(file);
        }
        assert!(!programs.is_empty(), "{what} has no script");
        // Libraries are looked at through whoever sources them.
        let library = |name: &str| ["common.sh", "keys.sh", "volume.sh", "control-plane.sh", "etcd.sh"].contains(&name);
        for program in programs.iter().filter(|it| !library(&it.file_name().expect("a name").to_string_lossy())) {
            let mut command = Command::new("shellcheck");
            command.args(["--external-sources", "--check-sourced", "--source-path", "SCRIPTDIR"]).arg(program);
            let output = run(&mut command, "shellcheck");
            assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn shellcheck_accepts_the_stubs() {
    let stubs = crate::support::root().join("tests/suite/bootstrap/stubs.sh");
    let output = run(Command::new("shellcheck").arg(stubs), "shellcheck");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn systemd_has_nothing_to_say_of_any_unit() {
    for (what, text) in documents() {
        let machine = Machine::of(&text, &std::collections::BTreeMap::new());
        let root = machine.root();
        let units: Vec<String> = files(&text)
            .into_keys()
            .filter_map(|path| path.strip_prefix("/etc/systemd/system/").map(str::to_owned))
            .filter(|name| !name.contains('/'))
            .collect();
        assert!(!units.is_empty(), "{what} has no unit");
        // The units that ours refer to, as a system has them.
        let system = root.join("lib/systemd/system");
        fs::create_dir_all(&system).expect("a folder");
        for unit in
            fs::read_dir("/lib/systemd/system").expect("systemd is installed: apt-get install systemd").flatten()
        {
            if unit.path().extension().is_some_and(|it| it == "target" || it == "slice") && unit.path().is_file() {
                fs::copy(unit.path(), system.join(unit.file_name())).expect("copied");
            }
        }
        let mut command = Command::new("systemd-analyze");
        command.arg("verify").arg("--man=no").arg(format!("--root={}", root.display()));
        command.args(units.iter().map(|unit| format!("/etc/systemd/system/{unit}")));
        let output = run(&mut command, "systemd");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), message(&output));
        assert!(output.status.success() && said.is_empty(), "{what}: {said}");
    }
}
