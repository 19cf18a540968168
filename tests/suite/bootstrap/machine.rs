//! A machine that boots its user data in a scratch root, with stubs for every outside program.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::keys::Keys;
use super::{CLUSTER, files, manifests, metadata, user_data};
use crate::support::root as repository;

/// The member's address in these tests.
pub const ADDRESS: [u8; 4] = [10, 20, 32, 10];

/// Programs that are stubs. The rest (sed, awk, openssl, flock, …) is the real one.
const STUBS: [&str; 19] = [
    "aws",
    "blkid",
    "crictl",
    "ctr",
    "curl",
    "date",
    "etcdctl",
    "etcdutl",
    "kubeadm",
    "kubectl",
    "mkfs.ext4",
    "modprobe",
    "mount",
    "mountpoint",
    "sleep",
    "sync",
    "sysctl",
    "systemctl",
    "containerd",
];

static KEYS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| Keys::new().parameters("a", IpAddr::from(ADDRESS)));
static MEMBER: LazyLock<String> = LazyLock::new(|| user_data(&manifests(), "control-plane-a"));
static WORKER: LazyLock<String> = LazyLock::new(|| user_data(&manifests(), "nodes"));

/// The scratch root and the world around it.
pub struct Machine {
    directory: TempDir,
    real: Vec<&'static str>,
    environment: Vec<(String, String)>,
}

/// Where a script is ended from outside.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    Before(usize),
    After(usize),
}

impl Kill {
    /// Before every call of a run, and after those that change something: after one that only looks is before the next.
    pub fn all(log: &str) -> Vec<Self> {
        let changes =
            ["attach-volume", "create-tags", "put-parameter", "kubeadm", "mkfs", "mount -o", "enable", "kubectl"];
        let of_line = |(index, line): (usize, &str)| {
            let after = changes.iter().any(|word| line.contains(word)).then_some(Self::After(index + 1));
            [Some(Self::Before(index + 1)), after].into_iter().flatten()
        };
        log.lines().enumerate().flat_map(of_line).collect()
    }
}

impl Machine {
    /// Member `a` of three, with a new volume, its parameters and nothing else.
    pub fn member() -> Self {
        Self::of(&MEMBER, &KEYS)
    }

    /// A node, with a token to join with.
    pub fn worker() -> Self {
        let machine = Self::of(&WORKER, &KEYS);
        machine.parameter(&format!("/windlass/{CLUSTER}/join"), "abcdef.0123456789abcdef");
        machine
    }

    pub fn of(user_data: &str, parameters: &BTreeMap<String, String>) -> Self {
        let machine =
            Self { directory: tempfile::tempdir().expect("a folder"), real: Vec::new(), environment: Vec::new() };
        for (path, (mode, content)) in files(user_data) {
            let file = machine.root().join(path.trim_start_matches('/'));
            write(&file, &content);
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("permissions");
        }
        for folder in ["world/parameters", "stubs"] {
            fs::create_dir_all(machine.directory.path().join(folder)).expect("a folder");
        }
        for (name, value) in parameters {
            machine.parameter(name, value);
        }
        let line = |member: &str, number: u8| {
            format!(
                "network-interface/control-plane-{member}\teni-0{member}\t10.20.{number}.10\tip-10-20-{number}-10.internal\n"
            )
        };
        machine.world("interfaces", &[line("b", 64), line("a", 32), line("c", 96)].concat());
        machine.world("volume", "vol-0abc\tavailable\tNone\tNone\tNone\n");
        machine.world("disk", "");
        machine
    }

    /// Uses the machine's own program instead of a stub.
    pub fn with_real(mut self, program: &'static str) -> Self {
        self.real.push(program);
        self
    }

    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub fn world_path(&self, name: &str) -> PathBuf {
        self.directory.path().join("world").join(name)
    }

    /// Changes something in the world.
    pub fn world(&self, name: &str, content: &str) {
        write(&self.world_path(name), content);
    }

    pub fn parameter(&self, name: &str, value: &str) {
        self.world(&format!("parameters/{}", name.replace('/', "_")), value);
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The outside calls since the machine was made, one a line.
    pub fn log(&self) -> String {
        fs::read_to_string(self.world_path("log")).unwrap_or_default()
    }

    fn last(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(4)..].join("\n")
    }

    pub fn run(&self, script: &str, arguments: &[&str]) -> Output {
        self.command(script, arguments).output().expect("bash runs")
    }

    /// Runs a script that is ended at an outside call. Counts calls anew.
    pub fn run_killed(&self, script: &str, kill: Kill) -> Output {
        self.world("calls", "0");
        let mut command = self.command(script, &[]);
        match kill {
            Kill::Before(number) => command.env("KILL_AT", number.to_string()),
            Kill::After(number) => command.env("KILL_AT", number.to_string()).env("KILL_AFTER", "true"),
        };
        command.output().expect("bash runs")
    }

    /// Runs a script that must succeed.
    #[track_caller]
    pub fn succeeds(&self, script: &str, arguments: &[&str]) -> String {
        let output = self.run(script, arguments);
        assert!(output.status.success(), "{script}: {}\n{}", message(&output), self.last());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs a script that must fail; its message.
    #[track_caller]
    pub fn fails(&self, script: &str, arguments: &[&str]) -> String {
        let output = self.run(script, arguments);
        assert!(!output.status.success(), "{script} succeeded: {}\n{}", message(&output), self.last());
        message(&output)
    }

    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let stubs = self.directory.path().join("stubs");
        for name in STUBS.iter().filter(|name| !self.real.contains(name)) {
            let link = stubs.join(name);
            if !link.exists() {
                symlink(repository().join("tests/suite/bootstrap/stubs.sh"), link).expect("a link");
            }
        }
        let mut path = stubs.into_os_string();
        path.push(":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        let mut command = Command::new("bash");
        command
            .arg(self.root().join("usr/local/lib/windlass").join(script))
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("WINDLASS_ROOT", self.root())
            .env("WINDLASS_IMDS", metadata::ENDPOINT.as_str())
            .env("WINDLASS_PAUSE", "0")
            .env("WORLD", self.directory.path().join("world"))
            .env("REAL_CURL", "/usr/bin/curl")
            .env("REAL_DATE", "/bin/date")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            // A stub that ends its whole group must not end the test.
            .process_group(0);
        command
    }

    /// All that lasts: files beneath the root and in the world, as mode and digest. Not what a boot forgets.
    pub fn standing(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        collect(self.directory.path(), self.directory.path(), &mut found);
        let passing = ["root/run/", "world/calls", "world/log", "world/restarts", "stubs/"];
        found.retain(|path, _| !passing.iter().any(|prefix| path.starts_with(prefix)));
        found
    }
}

pub fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write(file: &Path, content: &str) {
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, content).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn collect(base: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = path.strip_prefix(base).expect("beneath it").to_string_lossy().into_owned();
        let metadata = fs::symlink_metadata(&path).expect("it exists");
        if metadata.is_dir() {
            collect(base, &path, found);
            found.insert(format!("{name}/"), String::new());
        } else if metadata.is_file() {
            let digest = Sha256::digest(fs::read(&path).expect("a file"));
            let mode = metadata.permissions().mode() & 0o7777;
            found.insert(name, format!("{mode:o} {}", data_encoding::HEXLOWER.encode(&digest)));
        }
    }
}
