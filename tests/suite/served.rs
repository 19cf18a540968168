//! Real processes, real time, a real remote: two clones of one repository against the sandbox on a loopback port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// `windlass sandbox serve`, ended with the test.
struct Served {
    child: Child,
    endpoint: String,
}

impl Served {
    /// Its time passes fast enough that a NAT gateway takes seconds.
    fn start(fleet: &Fleet) -> Self {
        let mut command = fleet.command(&["sandbox", "serve", "--port", "0", "--speed", "60"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("windlass runs");
        let mut endpoint = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut endpoint).expect("it prints its endpoint");
        Self { child, endpoint: endpoint.trim().to_owned() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already dead is as good.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn against(served: &Served, fleet: Fleet) -> Fleet {
    fleet
        .with_env("AWS_ENDPOINT_URL", &served.endpoint)
        .with_env("AWS_ACCESS_KEY_ID", "sandbox")
        .with_env("AWS_SECRET_ACCESS_KEY", "sandbox")
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(status.success(), "kill {name} failed");
}

/// Starts an apply, and waits until it holds the lock.
fn begin(fleet: &Fleet, remote: &Path) -> Child {
    let mut command = fleet.command(&["apply", CLUSTER, "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("windlass runs");
    let branch = format!("windlass-state/{CLUSTER}");
    for _ in 0..600 {
        let listed = Command::new("git").args(["ls-tree", "--name-only", &branch]).current_dir(remote).output();
        if String::from_utf8_lossy(&listed.expect("git runs").stdout).lines().any(|name| name == "lock.json") {
            return child;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("it can be killed");
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    panic!("the apply took no lock within 30 seconds: {ran:?}");
}

#[test]
fn two_clones_share_the_lock_and_an_interrupted_apply_goes_on_in_the_other_clone() {
    let world = Fleet::new();
    let served = Served::start(&world);
    let remotes = tempfile::tempdir().expect("a temporary directory");
    let remote = remotes.path().join("fleet.git");
    world.git(&["clone", "--quiet", "--bare", ".", remote.to_str().expect("a UTF-8 path")]);
    let url = format!("file://{}", remote.display());
    let (first, second) = (against(&served, Fleet::clone_of(&url)), against(&served, Fleet::clone_of(&url)));

    let running = begin(&first, &remote);
    second.windlass(&["apply", CLUSTER, "--yes"]).exits(13).warns("tester@").warns("--epoch 1").warns("apply");
    second.windlass(&["unlock", CLUSTER, "--epoch", "7"]).exits(11).warns("epoch");

    signal(&running, "-INT");
    let interrupted = Ran::of(running.wait_with_output().expect("it ends"));
    interrupted.exits(17).warns("windlass apply");

    second.windlass(&["apply", CLUSTER, "--yes"]).exits(0).warns("done:");
    first.windlass(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    first.windlass(&["state", "fsck", CLUSTER]).exits(0);
    let history = first.windlass(&["history", CLUSTER]).exits(0).stdout;
    assert!(history.contains("interrupted") && history.contains("done"), "{history}");
    assert_eq!(first.git(&["status", "--porcelain"]), "", "the checkout was touched");
}

#[test]
fn without_recipients_or_identity_nothing_is_made() {
    let world = Fleet::new();
    let served = Served::start(&world);
    let fleet = against(&served, Fleet::new());
    fleet.edit("windlass.yaml", "  remote: origin", "  remote: none");
    let mut nobody = fleet.command(&["apply", CLUSTER, "--yes"]);
    let nobody = nobody.env("WINDLASS_AGE_KEY_FILE", "no-such-file").output().expect("windlass runs");
    Ran::of(nobody).exits(11).warns("no-such-file");
    let text = fleet.read("windlass.yaml");
    let line = text.lines().find(|line| line.starts_with("ageRecipients")).expect("the recipients").to_owned();
    let (alone, _) = line.split_once(", ").expect("two recipients");
    fleet.edit("windlass.yaml", &line, &format!("{alone}]"));
    fleet.windlass(&["plan", CLUSTER]).exits(0).warns("this plan would be refused");
    fleet.windlass(&["apply", CLUSTER, "--yes"]).exits(11).warns("at least 2").warns("ageRecipients");
    assert_eq!(fleet.git(&["branch", "--list", "windlass-state/*"]), "", "nothing was written either");
    let live = world.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    assert!(!live.contains(CLUSTER), "{live}");
}
