//! Every secret that a create makes is searched for wherever somebody could look: git, what was printed, logs, plans,
//! user data, files. The only places that may hold one are the account itself and the age identities.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// Files that hold secrets by their nature.
const HOLDERS: [&str; 2] = ["sandbox.json", "sandbox-age-key.txt"];

/// What to search for: name → words that are in nothing else.
struct Secrets(BTreeMap<String, Vec<String>>);

impl Secrets {
    /// Every SecureString of the account: its longest lines, and the same in base64 and hexadecimal.
    fn of(world: &Value) -> Self {
        let parameters =
            world.pointer("/ssm/parameters").and_then(Value::as_object).expect("the account has parameters");
        let mut all = BTreeMap::new();
        for (name, parameter) in parameters.iter().filter(|(_, it)| it["kind"] == "SecureString") {
            let value = parameter["value"].as_str().expect("a value is text");
            let secret = value.split("-----BEGIN PRIVATE KEY-----").last().unwrap_or_default();
            let mut words = Vec::new();
            // Of a YAML file the secrets, of everything else each line.
            let lines = secret.lines().filter(|line| !line.contains(": ") || line.contains("secret: "));
            for line in lines.map(|line| line.rsplit(' ').next().unwrap_or_default().trim()) {
                // A line of an EC key's PEM begins with its algorithm, which is no secret.
                let (telling, known) = (line.len() >= 23, line.starts_with("MIG") || line.starts_with("-----"));
                if telling && !known {
                    words.extend([line.to_owned(), BASE64.encode(line.as_bytes())[..24].to_owned()]);
                    words.push(HEXLOWER.encode(line.as_bytes()));
                }
            }
            assert!(!words.is_empty(), "nothing in {name} can be told from other text");
            all.insert(name.clone(), words);
        }
        Self(all)
    }

    /// Fails when one of them is in `content`.
    fn are_not_in(&self, place: &str, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        for (name, words) in &self.0 {
            for word in words {
                assert!(!text.contains(word.as_str()), "{name} is in {place}");
            }
        }
        for form in ["PRIVATE KEY-----", "AGE-SECRET-KEY-"] {
            assert!(!text.contains(form), "{form} is in {place}");
        }
    }
}

/// The sandbox's account, as its file has it.
fn world(fleet: &Fleet) -> Value {
    serde_json::from_str(&fleet.read(".windlass/sandbox.json")).expect("the world is JSON")
}

/// Every file below a folder, with its path.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, found);
        } else if path.is_file() && !HOLDERS.iter().any(|name| path.ends_with(name)) {
            found.push((path.display().to_string(), fs::read(&path).expect("a file can be read")));
        }
    }
}

/// The content of every object of a repository, reachable or not.
fn objects(repository: &Path) -> Vec<u8> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository).args(["cat-file", "--batch-all-objects", "--batch", "--unordered"]);
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "{}: {}", repository.display(), String::from_utf8_lossy(&output.stderr));
    assert!(!output.stdout.is_empty(), "{} is empty", repository.display());
    output.stdout
}

/// The repositories below a folder.
fn repositories(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    if folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
        found.push(folder.to_owned());
        return;
    }
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && !path.is_symlink() {
            repositories(&path, found);
        }
    }
}

#[test]
fn no_secret_of_a_cluster_is_anywhere_but_in_the_account() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let fleet = Fleet::with_add_ons();
    let loud = |arguments: &[&str]| {
        let mut command = fleet.command(&["--sandbox", "-vvv"]);
        command.env("WINDLASS_LOG", "trace").env("TMPDIR", scratch.path()).args(arguments);
        Ran::of(command.output().expect("windlass runs")).exits(0)
    };
    let mut outputs = vec![loud(&["plan", CLUSTER, "--details", "--out", "first.json"])];
    outputs.push(loud(&["apply", CLUSTER, "--yes", "--output", "json", "--json-into", "events.jsonl"]));
    let secrets = Secrets::of(&world(&fleet));
    assert!(secrets.0.len() >= 36, "three keys of the cluster and eleven of each member: {}", secrets.0.len());
    outputs.push(loud(&["plan", CLUSTER, "--details", "--output", "json", "--out", "second.json"]));
    outputs.push(loud(&["status", CLUSTER]));
    outputs.push(loud(&["state", "fsck", CLUSTER]));
    outputs.push(loud(&["sandbox", "list", "--output", "json"]));

    for (index, ran) in outputs.iter().enumerate() {
        secrets.are_not_in(&format!("stdout of run {index}"), ran.stdout.as_bytes());
        secrets.are_not_in(&format!("stderr of run {index}"), ran.stderr.as_bytes());
    }
    let mut all = Vec::new();
    files(&fleet.path(), &mut all);
    files(scratch.path(), &mut all);
    assert!(all.iter().any(|(path, _)| path.ends_with("events.jsonl")), "the search misses files");
    for (path, content) in &all {
        secrets.are_not_in(path, content);
    }
    let mut found = Vec::new();
    repositories(&fleet.path(), &mut found);
    assert!(found.len() >= 2, "the project's and the state's: {found:?}");
    for repository in found {
        secrets.are_not_in(&repository.display().to_string(), &objects(&repository));
    }
    for template in
        world(&fleet).pointer("/ec2/launchTemplates").and_then(Value::as_object).expect("templates").values()
    {
        secrets.are_not_in("a launch template", template.to_string().as_bytes());
    }
}
