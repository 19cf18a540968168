//! Every secret that a cluster or its user has is searched for wherever somebody could look: git, what was printed, logs,
//! plans, user data, files that are there and files that were there for a moment, arguments and environments of the
//! programs that are started. The only places that may hold one are the account itself and the age identities.

mod places;
mod programs;
mod secrets;
mod watcher;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use self::programs::Programs;
use self::secrets::{Secrets, Whose};
use self::watcher::Watcher;
use crate::support::git::{Host, bare};
use crate::support::{Fleet, Ran, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// Words that a user's environment has in it.
const AWS_KEY: &str = "cAnaRy4wsS3cr3tAcc3ssK3yWithManyLetters1";
const AWS_SESSION: &str = "cAnaRyS3ss10nT0k3nWithEvenMoreLetters22";
const PROXY: &str = "cAnaRyPr0xyPassw0rd333";
const REMOTE: &str = "cAnaRyR3m0teT0ken444";
const HEADER: &str = "cAnaRyH3aderT0ken555";
const KUBERNETES: &str = "cAnaRyKub3rn3t3sT0ken666";
const PROCESS: &str = "cAnaRyPr0cessCr3dential777";

/// A fleet under observation.
struct Bench {
    fleet: Fleet,
    scratch: TempDir,
    programs: Programs,
    secrets: Secrets,
    runs: usize,
    started: usize,
}

impl Bench {
    fn new(fleet: Fleet) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let programs = Programs::new(scratch.path());
        let mut secrets = Secrets::default();
        for (whose, name, word) in [
            (Whose::Windlass, "the secret key of AWS", AWS_KEY),
            (Whose::Windlass, "the session of AWS", AWS_SESSION),
            (Whose::Windlass, "a token of Kubernetes", KUBERNETES),
            (Whose::Windlass, "what a credential process says", PROCESS),
            (Whose::Git, "the proxy's password", PROXY),
            (Whose::Git, "the remote's token", REMOTE),
            (Whose::Git, "the token in a header", HEADER),
        ] {
            secrets.add(whose, name, word);
        }
        Self { fleet, scratch, programs, secrets, runs: 0, started: 0 }
    }

    fn world(&self) -> Value {
        serde_json::from_str(&self.fleet.read(".windlass/sandbox.json")).expect("the world is JSON")
    }

    /// A command that is as loud as can be, has everything in its environment that must not be told, and no place for
    /// temporary files.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.fleet.command(&["-vvv"]);
        self.programs.in_the_way(&mut command);
        command
            .args(arguments)
            .env("WINDLASS_LOG", "trace")
            .env("TMPDIR", self.scratch.path().join("none"))
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", AWS_KEY)
            .env("AWS_SESSION_TOKEN", AWS_SESSION)
            .env("KUBECONFIG", self.kubeconfig());
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            command.env(name, format!("http://me:{PROXY}@127.0.0.1:9"));
        }
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }

    fn kubeconfig(&self) -> PathBuf {
        self.scratch.path().join("kubeconfig")
    }

    /// Runs it, and searches all that it shows and starts, and all files that are there meanwhile.
    #[track_caller]
    fn run(&mut self, mut command: Command) -> Ran {
        let watcher = Watcher::over(&[self.fleet.path().join(".windlass"), self.fleet.path()]);
        let ran = Ran::of(command.output().expect("windlass runs"));
        let seen = watcher.seen();
        if self.fleet.path().join(".windlass/sandbox.json").exists() {
            let world = self.world();
            if world.pointer("/ssm/parameters").and_then(Value::as_object).is_some_and(|all| !all.is_empty()) {
                self.secrets.add_all_of(&world);
            }
        }
        self.runs += 1;
        let what = format!("run {} ({:?})", self.runs, command.get_args().collect::<Vec<_>>());
        self.secrets.are_not_in(&format!("stdout of {what}"), ran.stdout.as_bytes());
        self.secrets.are_not_in(&format!("stderr of {what}"), ran.stderr.as_bytes());
        for (path, content) in seen {
            self.secrets.except(theirs(&path), &format!("{path} while {what}"), &content);
        }
        for started in self.programs.started() {
            self.secrets.are_not_in(&format!("the arguments of a program that {what} started"), &started.arguments);
            self.secrets.except(&[Whose::Git], "the environment of a program", &started.environment);
            let environment = String::from_utf8_lossy(&started.environment);
            let foreign = |line: &&str| ["AWS_", "WINDLASS_", "KUBECONFIG"].iter().any(|it| line.starts_with(it));
            assert_eq!(environment.lines().find(foreign), None, "it is in the environment of a program");
            self.started += 1;
        }
        ran
    }

    #[track_caller]
    fn sandboxed(&mut self, arguments: &[&str]) -> Ran {
        let command = self.command(&[&["--sandbox"], arguments].concat());
        self.run(command)
    }

    /// Everything that stays: files, and all objects of all repositories.
    fn search_what_stays(&mut self) -> usize {
        let mut all = Vec::new();
        places::files(&self.fleet.path(), &mut all);
        for (path, content) in &all {
            self.secrets.except(theirs(path), path, content);
        }
        let mut found = Vec::new();
        places::repositories(&self.fleet.path(), &mut found);
        let mut size = 0;
        for repository in &found {
            let objects = places::objects(repository);
            self.secrets.are_not_in(&repository.display().to_string(), &objects);
            size += objects.len();
        }
        assert!(found.len() >= 2 && size > 10_000, "the project's and the state's: {found:?}, {size} bytes");
        all.len()
    }
}

/// The remote's URL and a header are where the user has put them.
fn theirs(path: &str) -> &'static [Whose] {
    if path.ends_with("fleet/.git/config") { &[Whose::Git] } else { &[] }
}

#[test]
fn no_secret_of_a_whole_life_is_anywhere_but_in_the_account() {
    let (mut cases, mut started) = (0, 0);
    // Each life has keys of its own.
    for _life in 0..proof::size() {
        let bench = live();
        cases += bench.secrets.cases();
        started += bench.started;
    }
    proof::report("row 17", cases, 100_000);
    proof::report("child processes", started, 50);
}

/// From create to destroy, with everything that can be done in between.
fn live() -> Bench {
    let mut bench = Bench::new(Fleet::with_add_ons());
    fs::write(
        bench.kubeconfig(),
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: other\nclusters:\n- name: other\n  cluster: {{server: \
             'https://127.0.0.1:1'}}\ncontexts:\n- name: other\n  context: {{cluster: other, user: other}}\nusers:\n- name: \
             other\n  user: {{token: {KUBERNETES}}}\n"
        ),
    )
    .expect("files can be written");
    bench.sandboxed(&["plan", CLUSTER, "--details", "--out", "first.json"]).exits(0);
    // A run that fails, one that dies, and one that comes to its end.
    let faults = |kind: &str| {
        format!(r#"{{"rules":[{{"at":{{"occurrence":{{"operation":"PutParameter","index":9}}}},"kind":"{kind}"}}]}}"#)
    };
    let mut refused = bench.command(&["--sandbox", "apply", CLUSTER, "--yes"]);
    refused.env("WINDLASS_SANDBOX_FAULT", faults("accessDenied"));
    bench.run(refused).exits(15);
    let mut killed = bench.command(&["--sandbox", "apply", CLUSTER, "--yes"]);
    killed.env("WINDLASS_SANDBOX_FAULT", faults("killAfter"));
    assert_eq!(bench.run(killed).code, None);
    bench.fleet.elsewhere();
    let epoch = bench.sandboxed(&["apply", CLUSTER, "--yes"]).exits(13).epoch();
    bench.sandboxed(&["unlock", CLUSTER, "--epoch", &epoch]).exits(0);
    bench.sandboxed(&["apply", CLUSTER, "--yes", "--output", "json", "--json-into", "events.jsonl"]).exits(0);
    assert!(
        bench.secrets.count() >= 36,
        "three keys of the cluster and eleven of each member: {}",
        bench.secrets.count()
    );
    for output in ["text", "json", "markdown"] {
        bench.sandboxed(&["plan", CLUSTER, "--details", "--output", output, "--out", "second.json"]).exits(0);
    }
    let looks: [&[&str]; 12] = [
        &["render", CLUSTER],
        &["lint"],
        &["status", CLUSTER, "--output", "json"],
        &["drift", CLUSTER],
        &["certs", "list", CLUSTER, "--output", "json"],
        &["certs", "check", CLUSTER],
        &["secrets", "list", CLUSTER],
        &["capacity", "check", CLUSTER],
        &["history", CLUSTER, "--output", "json"],
        &["state", "fsck", CLUSTER],
        &["sandbox", "list", "--output", "json"],
        &["iam", CLUSTER, "--for", "apply"],
    ];
    for arguments in looks {
        bench.sandboxed(arguments);
    }
    bench.sandboxed(&["kubeconfig", CLUSTER]).exits(0);
    let mode = fs::metadata(bench.kubeconfig()).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "the kubeconfig was loose, and holds a key now");
    bench.sandboxed(&["certs", "renew", CLUSTER, "a/etcd-peer", "--yes", "--refresh"]).exits(0);
    bench.sandboxed(&["certs", "rotate-ca", CLUSTER, "--authority", "etcd", "--yes"]).exits(0);
    bench.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    bench.sandboxed(&["certs", "rotate-ca", CLUSTER, "--authority", "etcd", "--yes"]).exits(0);
    bench.sandboxed(&["secrets", "rotate", CLUSTER, "--yes"]).exits(0);
    bench.sandboxed(&["etcd", "snapshot", CLUSTER]).exits(0);
    bench.sandboxed(&["etcd", "restore", CLUSTER, "--snapshot", "latest", "--yes"]).exits(0);
    let vars = format!("vars/{CLUSTER}.yaml");
    bench.fleet.write(&vars, &(bench.fleet.read(&vars) + "\ntags:\n  costCenter: \"42\"\n"));
    bench.fleet.commit("who pays");
    bench.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
    bench.sandboxed(&["roll", CLUSTER, "--yes"]).exits(0);
    let world = bench.world();
    let templates = world.pointer("/ec2/launchTemplates").and_then(Value::as_object).expect("templates");
    for template in templates.values() {
        bench.secrets.are_not_in("a launch template", template.to_string().as_bytes());
    }
    bench.search_what_stays();
    bench.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
    let files = bench.search_what_stays();
    assert!(files > 50 && bench.started > 50, "{files} files, {} programs", bench.started);
    bench
}

#[test]
fn no_credential_of_a_user_is_told_on_the_way_to_the_remote_and_to_aws() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    bare(&folder.path().join("state.git"));
    let host = Host::serving(folder.path());
    let url = host.url("state.git").replace("http://", &format!("http://ci:{REMOTE}@"));
    let fleet = Fleet::new();
    fleet.git(&["remote", "add", "origin", &url]);
    fleet.git(&["config", "http.extraHeader", &format!("X-Canary: bearer {HEADER}")]);
    let mut bench = Bench::new(fleet);
    let aws = |command: &mut Command| {
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    };
    let own = |arguments: &[&str], bench: &mut Bench| {
        let mut command = bench.command(arguments);
        aws(&mut command);
        bench.run(command)
    };
    own(&["history", CLUSTER], &mut bench).exits(0);
    own(&["state", "fsck", CLUSTER], &mut bench);
    own(&["plan", CLUSTER], &mut bench).exits(15);
    own(&["apply", CLUSTER, "--yes"], &mut bench).exits(15);
    // Keys that a program hands over, and one that hands over nonsense.
    for (name, says) in [
        ("keys", format!(r#"{{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"{PROCESS}"}}"#)),
        ("nonsense", format!("{PROCESS} is no JSON")),
    ] {
        let program = bench.scratch.path().join(format!("{name}.sh"));
        fs::write(&program, format!("#!/bin/sh\necho '{says}'\n")).expect("files can be written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
        let config = bench.scratch.path().join(name);
        fs::write(&config, format!("[default]\ncredential_process = {}\n", program.display())).expect("a file");
        let mut command = bench.command(&["plan", CLUSTER]);
        aws(&mut command);
        command.env("AWS_CONFIG_FILE", &config).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env_remove("AWS_SESSION_TOKEN");
        bench.run(command).exits(15);
    }
    drop(host);
    // Nobody answers any more: the error names the remote, and not how to get in.
    own(&["history", CLUSTER], &mut bench).exits(1);
    bench.search_what_stays();
    assert!(bench.started > 10, "{} programs", bench.started);
    proof::report("row 17, on the way", bench.secrets.cases(), 300);
}
