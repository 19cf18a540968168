//! A project in a temporary directory, and the command run in it: hermetic (cleared environment, no user's git
//! configuration), so that a test reads as input → output.

pub mod dice;
pub mod git;
mod made;
pub mod proof;
#[path = "../../data/small_cluster.rs"]
pub mod small_cluster;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tempfile::{NamedTempFile, TempDir};
use windlass::secret::Identities;

/// Two age identities for all fleets, in a file, and their recipients.
static AGE: LazyLock<(NamedTempFile, [String; 2])> = LazyLock::new(|| {
    let ((one, first), (two, second)) = (Identities::generate(), Identities::generate());
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(&file, [one.expose(), two.expose()].concat()).expect("files can be written");
    (file, [first, second])
});

/// A project, mostly a copy of the example fleet, in a git repository of its own.
pub struct Fleet {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None`: killed by a signal.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Messages.
    pub stderr: String,
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A cleared environment with a `HOME` of its own.
pub fn hermetic(command: &mut Command, home: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("USER", "tester")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
}

impl Fleet {
    /// The example fleet without its add-ons, in an account whose machine images bring a network: most tests are about
    /// something else.
    pub fn new() -> Self {
        let fleet = Self::with_add_ons();
        let template = fleet.read("templates/1_cluster.yaml.j2");
        let (before, rest) = template.split_once("  # What is installed once").expect("the list of add-ons");
        let (_, after) = rest.split_once("\n  rolling:").expect("what stands behind it");
        fleet.write("templates/1_cluster.yaml.j2", &format!("{before}  rolling:{after}"));
        fleet.write("sandbox/seed.yaml", &format!("networkPlugin: builtIn\n{}", fleet.read("sandbox/seed.yaml")));
        fleet.commit("no add-ons");
        fleet
    }

    /// A directory for a fleet, without one.
    fn nowhere() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory"), environment: Vec::new() }
    }

    /// The example fleet, committed.
    pub fn with_add_ons() -> Self {
        let fleet = Self::nowhere();
        for name in ["windlass.yaml", "addons", "templates", "snippets", "vars", "sandbox"] {
            copy(&root().join(name), &fleet.path().join(name));
        }
        fleet.begin();
        fleet
    }

    /// The project of `tests/data/small-cluster.yaml`, with one small cluster in it.
    pub fn small() -> Self {
        let fleet = Self::nowhere();
        let seed = fs::read_to_string(root().join("sandbox/seed.yaml")).expect("a readable file");
        fleet.write("windlass.yaml", "state: { remote: none }\nsandbox: { world: sandbox/seed.yaml }\n");
        fleet.write("templates/cluster.yaml.j2", small_cluster::MANIFESTS);
        fleet.write(&format!("vars/{}.yaml", small_cluster::NAME), "{}\n");
        fleet.write("sandbox/seed.yaml", &format!("networkPlugin: builtIn\n{seed}"));
        fleet.begin();
        fleet
    }

    /// Makes a repository of what was written.
    fn begin(&self) {
        self.write(".gitignore", "/.windlass\n");
        let recipients = AGE.1.join(", ");
        self.write("windlass.yaml", &format!("{}\nageRecipients: [{recipients}]\n", self.read("windlass.yaml")));
        self.git(&["init", "--quiet", "--initial-branch", "main"]);
        self.git(&["config", "user.name", "tester"]);
        self.git(&["config", "user.email", "tester@localhost"]);
        self.commit("the project");
    }

    /// A clone of a repository that holds the fleet.
    pub fn clone_of(url: &str) -> Self {
        let fleet = Self::nowhere();
        let (parent, path) = (fleet.directory.path(), fleet.path());
        let mut command = Command::new("git");
        hermetic(&mut command, parent);
        let status = command.args(["clone", "--quiet", url]).arg(&path).status().expect("git runs");
        assert!(status.success(), "git clone {url} failed");
        fleet
    }

    /// The same fleet, account and state once more, to go on from here in another way.
    pub fn fork(&self) -> Self {
        let fleet = Self { environment: self.environment.clone(), ..Self::nowhere() };
        copy(&self.path(), &fleet.path());
        fleet
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("fleet")
    }

    /// Sets a variable for all later commands.
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("directories can be made");
        fs::write(path, text).expect("files can be written");
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Replaces `from`, which must be there, by `to` in a file.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Changes the template of [`Fleet::small`], and commits that.
    pub fn edit_small(&self, edits: &[(&str, &str)]) {
        for (from, to) in edits {
            self.edit("templates/cluster.yaml.j2", from, to);
        }
        self.commit("a change");
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Runs git in it, and gives its output.
    pub fn git(&self, arguments: &[&str]) -> String {
        fs::create_dir_all(self.path()).expect("directories can be made");
        let mut command = Command::new("git");
        hermetic(&mut command, self.directory.path());
        let output = command.args(arguments).current_dir(self.path()).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("git prints UTF-8")
    }

    /// The command, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        hermetic(&mut command, self.directory.path());
        command.env("WINDLASS_AGE_KEY_FILE", AGE.0.path());
        command.envs(self.environment.iter().cloned()).args(arguments).current_dir(self.path());
        command
    }

    /// Runs `windlass` to its end.
    pub fn windlass(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("windlass runs"))
    }

    /// Runs `windlass --sandbox` to its end.
    pub fn sandboxed(&self, arguments: &[&str]) -> Ran {
        let mut all = vec!["--sandbox"];
        all.extend(arguments);
        self.windlass(&all)
    }

    /// Runs `windlass --sandbox` with one thing that goes wrong: `at` and `kind` of a rule of faults.
    pub fn disturbed(&self, arguments: &[&str], at: &str, kind: &str) -> Ran {
        let mut command = self.command(&[&["--sandbox"], arguments].concat());
        let faults = format!(r#"{{"rules":[{{"at":{at},"kind":"{kind}"}}]}}"#);
        Ran::of(command.env("WINDLASS_SANDBOX_FAULT", faults).output().expect("windlass runs"))
    }

    /// Runs `windlass --sandbox`, which SIGKILL ends after a call.
    #[track_caller]
    pub fn killed(&self, arguments: &[&str], at: &str) {
        let ran = self.disturbed(arguments, at, "killAfter");
        assert_eq!(ran.code, None, "{arguments:?} was not killed at {at}: {}", ran.stderr);
    }

    /// Breaks the lock that a command finds held, as somebody does on a machine that cannot see whether its holder is dead.
    pub fn unlock(&self, cluster: &str, command: &[&str]) {
        self.elsewhere();
        let epoch = self.sandboxed(command).exits(13).epoch();
        self.sandboxed(&["unlock", cluster, "--epoch", &epoch]).exits(0);
    }

    /// Goes on as another machine would: one that cannot see whether a process of this one is dead.
    pub fn elsewhere(&self) {
        std::fs::remove_dir_all(self.path().join(".windlass/runs")).expect("a run has given a sign of life");
    }

    /// How many live objects of each kind the sandbox's account has.
    pub fn kinds(&self) -> BTreeMap<String, usize> {
        let live = self.sandboxed(&["sandbox", "list"]).exits(0).stdout;
        let mut counts = BTreeMap::new();
        for object in live.lines() {
            let kind: Vec<&str> = object.splitn(3, '/').take(2).collect();
            *counts.entry(kind.join("/")).or_insert(0) += 1;
        }
        counts
    }
}

impl Ran {
    /// From the output of a process.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Expects this exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Expects this text on stdout.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "{text:?} is not in\n--- stdout\n{}", self.stdout);
        self
    }

    /// The epoch of the lock that a refusal names.
    #[track_caller]
    pub fn epoch(&self) -> String {
        let (_, rest) = self.stderr.split_once("--epoch ").expect("the message names the epoch");
        rest.chars().take_while(char::is_ascii_digit).collect()
    }

    /// Expects this text on stderr.
    #[track_caller]
    pub fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in\n--- stderr\n{}", self.stderr);
        self
    }
}

/// Copies a file, or a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("directories can be made");
        for entry in fs::read_dir(from).expect("a readable directory") {
            let entry = entry.expect("a readable entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().expect("a file is in a directory")).expect("directories can be made");
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}
