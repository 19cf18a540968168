//! Pull requests of people who mean harm: the cases stand in `tests/hostile/*.yaml`, each with what must happen.
//!
//! Whatever that is, these hold for all of them: what is outside of the project is not read, written or run; no variable
//! of the environment is shown; nothing that is printed is obeyed by a terminal or a CI system; it ends soon, without a
//! panic.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::support::{Fleet, Ran, proof, root};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// What stands in the file outside of the project, and in a variable: words that are in nothing else.
const SECRET: &str = "ca7a21e5-outside";
const TOKEN: &str = "ca7a21e5-token";

/// No case may take longer: far more than a debug build on a busy machine needs, far less than an endless loop.
const PATIENCE: Duration = Duration::from_secs(90);

/// One pull request, and what must become of it. `@CANARY@` stands for a file outside of the project, `@OUTSIDE@` for the
/// folder it is in, `@MARKER@` for a file that nothing may make, `@PROJECT@` and `@CLUSTER@` for themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    /// What it tries.
    name: String,
    /// Files to write.
    write: BTreeMap<String, String>,
    /// Text behind files that are there.
    append: BTreeMap<String, String>,
    /// In a file, text that is there and what takes its place.
    replace: BTreeMap<String, [String; 2]>,
    /// Links, also in the place of what is there, and where they lead.
    link: BTreeMap<String, String>,
    /// Files that can be run.
    executable: Vec<String>,
    /// A bare repository that is committed, with hooks and settings that would make the marker.
    bare: String,
    /// A git command beforehand.
    git: Vec<String>,
    /// Variables.
    environment: BTreeMap<String, String>,
    /// Whether the cluster exists before the pull request comes.
    applied: bool,
    /// The arguments.
    run: Vec<String>,
    /// The exit code; without one, any of the table but that of an unexpected error.
    exit: Option<i32>,
    /// What it says, wherever.
    says: String,
    /// What it does not say.
    hides: String,
}

/// A case with its places.
struct Bench {
    fleet: Fleet,
    outside: PathBuf,
}

impl Bench {
    fn new(case: &Case) -> Self {
        let fleet = Fleet::new();
        let outside = fleet.path().parent().expect("it is in a folder").join("outside");
        fs::create_dir_all(outside.join("other.git")).expect("folders can be made");
        fs::write(outside.join("canary"), format!("secret: {SECRET}\n")).expect("files can be written");
        fs::set_permissions(outside.join("canary"), fs::Permissions::from_mode(0o600)).expect("permissions");
        let process = format!("[profile evil]\ncredential_process = touch {}\n", outside.join("marker").display());
        fs::write(outside.join("aws-config"), process).expect("files can be written");
        if case.applied {
            fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
        }
        Self { fleet, outside }
    }

    fn text(&self, text: &str) -> String {
        let path = |path: &Path| path.to_str().expect("a UTF-8 path").to_owned();
        text.replace("@CANARY@", &path(&self.outside.join("canary")))
            .replace("@MARKER@", &path(&self.outside.join("marker")))
            .replace("@OUTSIDE@", &path(&self.outside))
            .replace("@PROJECT@", &path(&self.fleet.path()))
            .replace("@CLUSTER@", CLUSTER)
    }

    /// What the pull request changes, committed.
    fn merge(&self, case: &Case) {
        let at = |name: &String| self.fleet.path().join(self.text(name));
        let into = |path: PathBuf, text: String| {
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders can be made");
            fs::write(path, text).expect("files can be written");
        };
        for (name, text) in &case.write {
            into(at(name), self.text(text));
        }
        for (name, text) in &case.append {
            into(at(name), self.fleet.read(name) + &self.text(text));
        }
        for (name, [from, to]) in &case.replace {
            self.fleet.edit(name, from, &self.text(to));
        }
        for (name, target) in &case.link {
            let path = at(name);
            let _was_there = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            symlink(self.text(target), path).expect("links can be made");
        }
        if !case.bare.is_empty() {
            self.commit_bare(&at(&case.bare));
        }
        for name in &case.executable {
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        self.fleet.git(&["add", "--all"]);
        let own = case.write.keys().chain(case.link.keys()).chain([&case.bare]);
        if own.into_iter().any(|name| name.starts_with(".windlass")) {
            self.fleet.git(&["add", "--force", ".windlass"]);
        }
        self.fleet.git(&["commit", "--quiet", "--allow-empty", "--message", "harmless"]);
        if !case.git.is_empty() {
            let words: Vec<String> = case.git.iter().map(|word| self.text(word)).collect();
            self.fleet.git(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    fn commit_bare(&self, path: &Path) {
        let marker = self.text("touch @MARKER@");
        self.fleet.git(&["init", "--quiet", "--bare", path.to_str().expect("a UTF-8 path")]);
        for hook in ["post-receive", "pre-receive", "update", "reference-transaction"] {
            let file = path.join("hooks").join(hook);
            fs::create_dir_all(path.join("hooks")).expect("folders can be made");
            fs::write(&file, format!("#!/bin/sh\n{marker}\n")).expect("files can be written");
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        // Empty folders are not committed.
        for folder in ["refs/heads", "refs/tags", "objects/info", "objects/pack"] {
            fs::write(path.join(folder).join(".keep"), "").expect("files can be written");
        }
        for key in ["core.fsmonitor", "core.sshCommand", "credential.helper", "uploadpack.packObjectsHook"] {
            let file = path.join("config");
            self.fleet.git(&["config", "--file", file.to_str().expect("a UTF-8 path"), key, &marker]);
        }
    }

    fn run(&self, case: &Case) -> Ran {
        let words: Vec<String> = case.run.iter().map(|word| self.text(word)).collect();
        let mut command: Command = self.fleet.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        command.env("HOSTILE_TOKEN", TOKEN).env("AWS_SECRET_ACCESS_KEY", TOKEN).env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
        for (name, value) in &case.environment {
            command.env(name, self.text(value));
        }
        Ran::of(command.output().expect("windlass runs"))
    }

    /// What must hold in any case; every breach is told.
    fn breaches(&self, case: &Case, ran: &Ran, took: Duration) -> Vec<String> {
        let mut breaches = Vec::new();
        let all = format!("{}\n{}", ran.stdout, ran.stderr);
        let mut must = |holds: bool, what: String| {
            if !holds {
                breaches.push(what)
            }
        };
        must(!self.outside.join("marker").exists(), String::from("something was run, or written outside"));
        for (secret, whose) in [(SECRET, "a file outside"), (TOKEN, "the environment")] {
            must(!all.contains(secret), format!("{whose} is shown"));
        }
        let inside = listing(&self.outside);
        must(inside == ["aws-config", "canary", "other.git"], format!("outside there is {inside:?}"));
        let is_loud = |c: char| c.is_control() && c != '\n' && c != '\t';
        let always = case.run.iter().any(|word| word == "always");
        let without_colours = if always { all.replace("\u{1b}[", "") } else { all.clone() };
        must(!without_colours.chars().any(is_loud), String::from("a control character is printed"));
        must(!without_colours.contains('\u{202e}'), String::from("a turned direction is printed"));
        let obeyed = |line: &str| ["::", "##[", "##vso["].iter().any(|it| line.trim_start().starts_with(it));
        must(!all.lines().any(obeyed), String::from("a line is a command to a CI system"));
        must(!all.contains("panicked"), String::from("it panicked"));
        must(took < PATIENCE, format!("it took {took:?}"));
        match (case.exit, ran.code) {
            (Some(wanted), code) => must(code == Some(wanted), format!("it ended with {code:?}, not {wanted}")),
            (None, code) => must(code.is_some_and(|code| code != 1), format!("it ended with {code:?}")),
        }
        let (says, hides) = (self.text(&case.says), self.text(&case.hides));
        must(all.contains(&says), format!("it does not say {says:?}"));
        must(hides.is_empty() || !all.contains(&hides), format!("it says {hides:?}"));
        breaches
    }
}

/// The names in a folder, sorted.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder can be read");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All cases of a file.
fn cases(file: &str) -> Vec<Case> {
    let path = root().join("tests/hostile").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Runs all cases of a file, and fails with every breach of all of them.
fn withstand(file: &str, at_least: usize) {
    let cases = cases(file);
    let mut breaches = Vec::new();
    for case in &cases {
        let bench = Bench::new(case);
        bench.merge(case);
        let begun = Instant::now();
        let ran = bench.run(case);
        for breach in bench.breaches(case, &ran, begun.elapsed()) {
            breaches.push(format!(
                "{file}: {}: {breach}\n--- stdout\n{:.2000}\n--- stderr\n{:.2000}",
                case.name, ran.stdout, ran.stderr
            ));
        }
    }
    assert!(breaches.is_empty(), "{} breaches\n{}", breaches.len(), breaches.join("\n\n"));
    proof::report(&format!("hostile pull requests, {}", file.trim_end_matches(".yaml")), cases.len(), at_least);
}

#[test]
fn templates_reach_nothing_and_end() {
    withstand("templates.yaml", 25);
}

#[test]
fn links_lead_nowhere() {
    withstand("links.yaml", 15);
}

#[test]
fn settings_name_nothing_that_runs() {
    withstand("settings.yaml", 20);
}

#[test]
fn git_does_nothing_that_files_say() {
    withstand("git.yaml", 10);
}

#[test]
fn what_is_printed_is_not_obeyed() {
    withstand("output.yaml", 15);
}

#[test]
fn the_environment_and_files_of_others_change_nothing() {
    withstand("environment.yaml", 15);
}
