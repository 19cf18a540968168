//! A host, projects that use it, and short ways to say what the tests do with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use windlass::clock::Clock;
use windlass::name::ClusterName;
use windlass::resource::{Address, InternetGateway, Kind, Reference};
use windlass::state::{
    Acquire, ClusterRecord, Error, Intent, IntentKind, Lease, Location, Outcome, Recover, Recovered, ResourceRecord,
    RunRecord, RunResult, Store, StoreSettings,
};

use crate::support::git;

pub const CLUSTER: &str = "prod.k8s.example";
pub const BRANCH: &str = "windlass-state/prod.k8s.example";

/// How long a lock outlives the last sign of its holder.
pub const LEASE: Duration = Duration::from_secs(300);

/// A folder with a bare repository `host.git` in it.
pub struct Bench {
    folder: tempfile::TempDir,
    pub clock: Clock,
}

impl Bench {
    /// Must be called inside a runtime.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        git::bare(&folder.path().join("host.git"));
        let base: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a date");
        Self { folder, clock: Clock::starting_at(base) }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The bare repository.
    pub fn host(&self) -> PathBuf {
        self.path().join("host.git")
    }

    /// A project of that name whose `origin` is the bare repository.
    pub fn project(&self, name: &str) -> PathBuf {
        git::project(&self.path().join(name).join("project"), &self.host().to_string_lossy())
    }

    pub fn settings(&self, project: &Path, location: Location) -> StoreSettings {
        StoreSettings::new(cluster_name(), location, project).with_clock(self.clock)
    }

    /// A store of a project of its own, on the bare repository.
    pub async fn store(&self, name: &str) -> Store {
        let project = self.project(name);
        Store::open(self.settings(&project, Location::Remote(String::from("origin")))).await.expect("a store")
    }

    /// The branch's commits on the host: subjects, newest first.
    pub fn subjects(&self) -> Vec<String> {
        let log = git::git(&self.host(), &["log", "--format=%s", BRANCH]);
        log.lines().map(str::to_owned).collect()
    }

    /// A file of the branch on the host.
    pub fn file(&self, path: &str) -> String {
        git::git(&self.host(), &["show", &format!("{BRANCH}:{path}")])
    }

    /// All files of the branch on the host.
    pub fn files(&self) -> Vec<String> {
        let files = git::git(&self.host(), &["ls-tree", "-r", "--name-only", BRANCH]);
        files.lines().map(str::to_owned).collect()
    }

    /// The branch's tip on the host.
    pub fn tip(&self) -> String {
        git::git(&self.host(), &["rev-parse", BRANCH])
    }
}

pub fn cluster_name() -> ClusterName {
    CLUSTER.parse().expect("a name")
}

/// A request for the lock that does not wait.
pub fn by(run: &str) -> Acquire {
    Acquire {
        operation: String::from("apply"),
        run: run.to_owned(),
        holder: format!("{run}@laptop pid 1"),
        actor: format!("{run}@laptop"),
        config: Some(String::from("0123abcd")),
        timeout: Duration::ZERO,
        stop: tokio_util::sync::CancellationToken::new(),
    }
}

/// The same, waiting.
pub fn waiting(run: &str, timeout: Duration) -> Acquire {
    Acquire { timeout, ..by(run) }
}

pub async fn acquire(store: &Store, run: &str) -> Result<Lease, Error> {
    store.acquire(by(run), &mut |_| {}).await
}

/// A repair of all that is damaged, which does not wait.
pub fn repair() -> Recover {
    Recover {
        paths: Vec::new(),
        actor: String::from("ann@laptop"),
        dead: None,
        timeout: Duration::ZERO,
        stop: tokio_util::sync::CancellationToken::new(),
    }
}

pub async fn recover(store: &Store, repair: Recover) -> Result<Recovered, Error> {
    store.recover(repair, &mut |_| {}).await
}

pub fn cluster(uid: &str) -> ClusterRecord {
    ClusterRecord {
        name: cluster_name(),
        uid: uid.to_owned(),
        account: String::from("123456789012"),
        region: String::from("eu-west-3"),
        config: None,
        plan: None,
    }
}

pub fn address(name: &str) -> Address {
    Address::new(Kind::InternetGateway, name)
}

pub fn resource(name: &str, generation: u32) -> ResourceRecord {
    let gateway = InternetGateway { vpc: Reference::to(Kind::Vpc, "main"), tags: BTreeMap::new() };
    ResourceRecord {
        address: address(name),
        id: format!("igw-{name}{generation}"),
        generation,
        token: Some(String::from("MFRGGZDFMZTWQ2LK")),
        applied: gateway.into(),
        attributes: BTreeMap::new(),
        run: String::from("r"),
        made: None,
        settling: false,
    }
}

pub fn create(name: &str, generation: u32) -> Intent {
    Intent {
        address: address(name),
        operation: IntentKind::Create,
        generation,
        token: Some(String::from("MFRGGZDFMZTWQ2LK")),
        id: None,
        resource: Some(resource(name, generation).applied),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub fn delete(name: &str, generation: u32) -> Intent {
    let id = Some(format!("igw-{name}{generation}"));
    Intent { operation: IntentKind::Delete, id, token: None, resource: None, ..create(name, generation) }
}

pub fn made(name: &str, generation: u32) -> Outcome {
    Outcome { address: address(name), record: Some(resource(name, generation)), at: Timestamp::UNIX_EPOCH }
}

pub fn gone(name: &str) -> Outcome {
    Outcome { address: address(name), record: None, at: Timestamp::UNIX_EPOCH }
}

pub fn run(clock: Clock, result: RunResult) -> RunRecord {
    RunRecord {
        run: String::new(),
        epoch: 0,
        operation: String::from("apply"),
        actor: String::from("ann@laptop"),
        started: clock.now(),
        ended: clock.now(),
        config: Some(String::from("0123abcd")),
        plan: Some(String::from("digest")),
        result,
        counts: [(String::from("create"), 1)].into(),
        error: None,
    }
}

/// One whole run that makes the gateway `name`.
pub async fn make(store: &Store, clock: Clock, run_id: &str, name: &str) {
    let mut lease = acquire(store, run_id).await.expect("the lock");
    if lease.records().cluster.is_none() {
        lease.stage_cluster(cluster("u1")).expect("a new cluster");
    }
    lease.write("wave 1/1", vec![create(name, 1)], Vec::new()).await.expect("intents");
    lease.write("results", Vec::new(), vec![made(name, 1)]).await.expect("results");
    lease.release(run(clock, RunResult::Done)).await.expect("the release");
}
