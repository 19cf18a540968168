//! A state branch with a file of every kind, as commands leave it, and cheap copies to damage.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use windlass::state::{Asked, Location, RequestRecord, Store, StoreSettings};

use crate::support::Fleet;
use crate::support::git::git;

pub const CLUSTER: &str = "staging-customer.k8s.foo.bar";
const VARS: &str = "vars/staging-customer.k8s.foo.bar.yaml";
const REFERENCE: &str = "refs/heads/windlass-state/staging-customer.k8s.foo.bar";

/// The fleet that the branch is of, and the two tips that are damaged.
pub struct Base {
    pub fleet: Fleet,
    /// An apply is under way, beside an unfinished roll, and somebody asks something of it.
    pub held: Tip,
    /// The apply has died, and its lock was broken.
    pub rest: Tip,
}

/// A commit, and everything in it.
#[derive(Clone, Debug)]
pub struct Tip {
    pub commit: String,
    /// The last commit's message.
    pub message: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// As [`Case::tree`] says it.
    pub tree: String,
}

impl Base {
    /// Created, destroyed, created again, a group less, a roll that was killed, an apply that was killed.
    pub fn new() -> Self {
        let fleet = Fleet::with_add_ons();
        for _ in 0..2 {
            fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
            if fleet.sandboxed(&["history", CLUSTER, "--output", "json"]).stdout.matches("\"done\"").count() == 1 {
                fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
            }
        }
        let vars = fleet.read(VARS);
        fleet.write(VARS, &format!("{vars}\ntags:\n  costCenter: \"42\"\ndedicated:\n  metrics-store: null\n"));
        fleet.commit("a group less, and who pays");
        fleet.sandboxed(&["apply", CLUSTER, "--yes", "--allow", "9"]).exits(0);
        fleet.killed(&["roll", CLUSTER, "--yes"], r#"{"change":12}"#);
        fleet.unlock(CLUSTER, &["roll", CLUSTER, "--yes"]);
        fleet.edit(VARS, "costCenter: \"42\"", "costCenter: \"43\"");
        fleet.commit("who else pays");
        let version = r#"{"occurrence":{"operation":"CreateLaunchTemplateVersion","index":1}}"#;
        fleet.killed(&["apply", CLUSTER, "--yes"], version);
        block_on(async {
            let request = RequestRecord {
                what: Asked::Pause,
                by: String::from("bob@desk"),
                at: "2026-11-20T10:00:00Z".parse().expect("a date"),
            };
            let settings = StoreSettings::new(CLUSTER.parse().expect("a name"), Location::Sandbox, fleet.path());
            Store::open(settings).await.expect("a store").request(request).await.expect("asked");
        });
        let held = Tip::read(&repository(&fleet));
        fleet.unlock(CLUSTER, &["roll", CLUSTER, "--yes"]);
        // Hundreds of cases read these objects.
        git(&repository(&fleet), &["repack", "-a", "-d", "--quiet"]);
        let rest = Tip::read(&repository(&fleet));
        Self { fleet, held, rest }
    }

    /// A place of its own that looks like the fleet's, at `tip`. Its objects are the fleet's.
    pub fn copy(&self, tip: &Tip) -> Case {
        let folder = tempfile::tempdir().expect("a folder");
        for name in Location::SANDBOX_FILES {
            let path = folder.path().join(".windlass").join(name);
            for part in ["objects/info", "refs/heads/windlass-state"] {
                std::fs::create_dir_all(path.join(part)).expect("a folder");
            }
            let objects = repository(&self.fleet).join("objects");
            std::fs::write(path.join("objects/info/alternates"), format!("{}\n", objects.display())).expect("a file");
            std::fs::write(path.join("HEAD"), "ref: refs/heads/main\n").expect("a file");
            let configuration = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
            std::fs::write(path.join("config"), configuration).expect("a file");
        }
        let case = Case { folder };
        case.set(&tip.commit);
        // Whoever works here has seen the branch when it was good.
        let seen = case.folder.path().join(".windlass").join(Location::SANDBOX_FILES[1]).join("refs/windlass/tips");
        std::fs::create_dir_all(&seen).expect("a folder");
        std::fs::write(seen.join(CLUSTER), format!("{}\n", tip.commit)).expect("a file");
        case
    }
}

pub fn repository(fleet: &Fleet) -> PathBuf {
    fleet.path().join(".windlass").join(Location::SANDBOX_FILES[0])
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(future)
}

impl Tip {
    pub fn read(repository: &Path) -> Self {
        let commit = git(repository, &["rev-parse", REFERENCE]);
        let message = git(repository, &["log", "-1", "--format=%B", &commit]);
        let names = git(repository, &["ls-tree", "-r", "--name-only", &commit]);
        let content = |path: &str| {
            let mut command = Command::new("git");
            let command = command.arg("-C").arg(repository).args(["cat-file", "blob", &format!("{commit}:{path}")]);
            command.output().expect("git runs").stdout
        };
        let files = names.lines().map(|path| (path.to_owned(), content(path))).collect();
        let tree = git(repository, &["ls-tree", "-r", &commit]);
        Self { commit, message, files, tree }
    }
}

/// A copy.
pub struct Case {
    folder: TempDir,
}

/// What is done to a path.
#[derive(Clone, Debug)]
pub enum Change {
    /// Written, with git's mode.
    Write(&'static str, Vec<u8>),
    /// A link to a commit of something else.
    Submodule,
    Remove,
}

impl Case {
    pub fn repository(&self) -> PathBuf {
        self.folder.path().join(".windlass").join(Location::SANDBOX_FILES[0])
    }

    pub async fn store(&self) -> Store {
        let name = CLUSTER.parse().expect("a name");
        Store::open(StoreSettings::new(name, Location::Sandbox, self.folder.path())).await.expect("a store")
    }

    /// Moves the branch.
    pub fn set(&self, commit: &str) {
        std::fs::write(self.repository().join(REFERENCE), format!("{commit}\n")).expect("a file");
    }

    pub fn tip(&self) -> String {
        git(&self.repository(), &["rev-parse", REFERENCE])
    }

    /// Everything in the branch now: mode, object and path of each file.
    pub fn tree(&self) -> String {
        git(&self.repository(), &["ls-tree", "-r", REFERENCE])
    }

    /// Commits changes by hand, on top of `parents`; the branch is there then.
    pub fn commit(&self, parents: &[&str], message: &str, changes: &[(String, Change)]) -> String {
        commit(&self.repository(), parents, message, changes)
    }
}

/// See [`Case::commit`].
pub fn commit(repository: &Path, parents: &[&str], message: &str, changes: &[(String, Change)]) -> String {
    let mut stream = format!(
        "commit {REFERENCE}\ncommitter Eve <eve@example.org> 1795168820 +0000\ndata {}\n{message}\n",
        message.len()
    )
    .into_bytes();
    for (index, parent) in parents.iter().enumerate() {
        let word = if index == 0 { "from" } else { "merge" };
        stream.extend(format!("{word} {parent}\n").into_bytes());
    }
    for (path, change) in changes {
        match change {
            Change::Write(mode, content) => {
                stream.extend(format!("M {mode} inline {path}\ndata {}\n", content.len()).into_bytes());
                stream.extend(content);
                stream.push(b'\n');
            }
            Change::Submodule => stream.extend(format!("M 160000 {} {path}\n", "1".repeat(40)).into_bytes()),
            Change::Remove => stream.extend(format!("D {path}\n").into_bytes()),
        }
    }
    stream.extend(b"done\n");
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["fast-import", "--quiet", "--done", "--force"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git runs");
    child.stdin.take().expect("a pipe").write_all(&stream).expect("git reads");
    assert!(child.wait().expect("git ends").success(), "git fast-import refused {changes:?}");
    git(repository, &["rev-parse", REFERENCE])
}
