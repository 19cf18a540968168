//! An imitation of the git command, in memory: for tests that play thousands of processes, each of which would start a
//! hundred of git's. It takes the arguments that this module's other files give, and prints what git prints; what it
//! does not know, it refuses. Tests hold it against the real one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::process::Finished;

/// A remote, and one private copy of it; clones share both.
#[derive(Clone, Debug, Default)]
pub struct Imitation(Arc<Mutex<Repositories>>);

#[derive(Clone, Debug, Default)]
struct Repositories {
    commits: BTreeMap<String, Commit>,
    blobs: BTreeMap<String, Arc<Vec<u8>>>,
    /// References of the remote.
    heads: BTreeMap<String, String>,
    /// References of the private copy.
    references: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Commit {
    parent: Option<String>,
    author: String,
    message: String,
    /// Path → blob.
    tree: BTreeMap<String, String>,
}

impl Imitation {
    /// The same content, from here on apart.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())))
    }

    /// The subjects of a branch's commits, newest first, and the files at its tip.
    #[must_use]
    pub fn branch(&self, name: &str) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
        let repositories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tip = repositories.heads.get(&format!("refs/heads/{name}"));
        let line = repositories.line(tip.map(String::as_str));
        let subject = |(_, commit): &(&str, &Commit)| commit.message.lines().next().unwrap_or_default().to_owned();
        let files = line.first().map(|(_, commit)| &commit.tree).into_iter().flatten();
        let content = |id: &String| repositories.blobs.get(id).map(|blob| blob.to_vec()).unwrap_or_default();
        (line.iter().map(subject).collect(), files.map(|(path, id)| (path.clone(), content(id))).collect())
    }

    /// Runs a command.
    pub(super) fn run<S: AsRef<OsStr>>(&self, arguments: &[S], input: &[u8]) -> Finished {
        let arguments: Vec<String> = arguments.iter().map(|it| it.as_ref().to_string_lossy().into_owned()).collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut repositories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match repositories.command(&words, input) {
            Ok(stdout) => Finished { success: true, code: Some(0), stdout, stderr: Vec::new() },
            Err(Refusal { code, stdout, stderr }) => {
                Finished { success: false, code: Some(code), stdout, stderr: format!("fatal: {stderr}\n").into_bytes() }
            }
        }
    }
}

struct Refusal {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

fn fatal(stderr: impl Into<String>) -> Refusal {
    Refusal { code: 128, stdout: Vec::new(), stderr: stderr.into() }
}

impl Repositories {
    fn command(&mut self, words: &[&str], input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let last = words.last().copied().unwrap_or_default();
        match words {
            ["--version"] => Ok(b"git version 2.47.3\n".to_vec()),
            ["config", "--includes", "--list", ..] => Ok(Vec::new()),
            ["rev-parse", "--path-format=absolute", ..] => Err(fatal("not a git repository")),
            ["rev-parse", "--verify", "--quiet", "--end-of-options", name] => {
                let name = name.trim_end_matches("^{commit}");
                let id = self.references.get(name).cloned().or_else(|| self.commits.get(name).map(|_| name.to_owned()));
                id.map(|id| format!("{id}\n").into_bytes()).ok_or_else(|| fatal("no such revision"))
            }
            ["init", ..] => init(last).map_err(|error| fatal(error.to_string())),
            ["fetch", .., refspec] => self.fetch(refspec),
            ["ls-remote", "--exit-code", _, reference] => match self.heads.get(*reference) {
                Some(id) => Ok(format!("{id}\t{reference}\n").into_bytes()),
                None => Err(Refusal { code: 2, ..fatal("") }),
            },
            ["push", .., refspec] => self.push(refspec),
            ["fast-import", ..] => self.import(input),
            ["ls-tree", .., id] => self.list(id),
            ["cat-file", "--batch", ..] => Ok(self.contents(input)),
            ["log", "-z", .., "--"] => {
                let range = words.iter().skip_while(|word| !word.starts_with("--format=")).skip(1);
                Ok(self.log(&range.copied().filter(|word| *word != "--").collect::<Vec<_>>()))
            }
            ["log", .., tip, "--", path] => Ok(self.changes(tip, path)),
            ["rev-list", "--objects", tip] => Ok(self.reachable(tip)),
            ["update-ref", "--stdin", "-z"] => self.update(input),
            ["bundle", "create", "--quiet", file, _] => {
                std::fs::write(file, "# a bundle\n").map(|()| Vec::new()).map_err(|error| fatal(error.to_string()))
            }
            _ => Err(fatal(format!("the imitation of git does not know {words:?}"))),
        }
    }

    fn fetch(&mut self, refspec: &str) -> Result<Vec<u8>, Refusal> {
        let (from, into) = refspec.trim_start_matches('+').split_once(':').unwrap_or_default();
        let Some(id) = self.heads.get(from).cloned() else {
            return Err(fatal(format!("couldn't find remote ref {from}")));
        };
        self.references.insert(into.to_owned(), id.clone());
        Ok(format!("* {} {id} {into}\n", "0".repeat(id.len())).into_bytes())
    }

    fn push(&mut self, refspec: &str) -> Result<Vec<u8>, Refusal> {
        let (commit, reference) = refspec.split_once(':').unwrap_or_default();
        let answer =
            |flag: &str, summary: &str| format!("To windlass\n{flag}\t{refspec}\t{summary}\nDone\n").into_bytes();
        let old = self.heads.get(reference).cloned();
        let is_forward = match &old {
            Some(old) => self.line(Some(commit)).iter().any(|(id, _)| id == old),
            None => self.commits.contains_key(commit),
        };
        if !is_forward {
            let stdout = answer("!", "[rejected] (fetch first)");
            return Err(Refusal { code: 1, stdout, stderr: String::from("failed to push some refs") });
        }
        self.heads.insert(reference.to_owned(), commit.to_owned());
        Ok(answer(if old.is_some() { " " } else { "*" }, "pushed"))
    }

    /// Reads what `objects::stream` writes.
    fn import(&mut self, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut stream = Stream(input);
        let wrong = || fatal("the stream is not understood");
        let reference = stream.after("commit ").ok_or_else(wrong)?;
        stream.after("mark ").ok_or_else(wrong)?;
        let author = stream.after("author ").ok_or_else(wrong)?;
        stream.after("committer ").ok_or_else(wrong)?;
        let message = String::from_utf8_lossy(&stream.data().ok_or_else(wrong)?).into_owned();
        let parent = stream.after("from ");
        let mut tree = match &parent {
            Some(parent) => self.commits.get(parent).ok_or_else(|| fatal(format!("no commit {parent}")))?.tree.clone(),
            None => BTreeMap::new(),
        };
        loop {
            if let Some(path) = stream.after("M 100644 inline ") {
                let content = stream.data().ok_or_else(wrong)?;
                let id = digest(&[b"blob", &content]);
                self.blobs.insert(id.clone(), Arc::new(content));
                tree.insert(path, id);
            } else if let Some(path) = stream.after("D ") {
                tree.remove(&path);
            } else {
                break;
            }
        }
        let facts = format!("{parent:?}{author}{message}{tree:?}");
        let author = author.rsplitn(3, ' ').last().unwrap_or_default().to_owned();
        let id = digest(&[b"commit", facts.as_bytes()]);
        self.commits.insert(id.clone(), Commit { parent, author, message, tree });
        self.references.insert(reference, id.clone());
        Ok(format!("{id}\n").into_bytes())
    }

    fn list(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        let commit = self.commits.get(id).ok_or_else(|| fatal(format!("not a tree object: {id}")))?;
        let lines = commit.tree.iter().map(|(path, blob)| format!("100644 blob {blob}\t{path}\0"));
        Ok(lines.collect::<String>().into_bytes())
    }

    fn contents(&self, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        for name in String::from_utf8_lossy(input).split_terminator('\0') {
            let id = match name.split_once(':') {
                Some((commit, path)) => self.commits.get(commit).and_then(|commit| commit.tree.get(path)).cloned(),
                None => Some(name.to_owned()),
            };
            match id.and_then(|id| self.blobs.get(&id).map(|blob| (id, blob))) {
                Some((id, blob)) => {
                    output.extend(format!("{id} blob {}\n", blob.len()).bytes());
                    output.extend(blob.iter());
                    output.push(b'\n');
                }
                None => output.extend(format!("{name} missing\n").bytes()),
            }
        }
        output
    }

    /// `range` is a tip, and what shall not be reached: `^commit`, or `^commit^@` for its parents.
    fn log(&self, range: &[&str]) -> Vec<u8> {
        let mut hidden = Vec::new();
        for word in range.iter().filter_map(|word| word.strip_prefix('^')) {
            let from = match word.strip_suffix("^@") {
                Some(commit) => self.commits.get(commit).and_then(|commit| commit.parent.as_deref()),
                None => Some(word),
            };
            hidden.extend(self.line(from).into_iter().map(|(id, _)| id));
        }
        let tip = range.iter().find(|word| !word.starts_with('^')).copied();
        let mut text = String::new();
        for (id, commit) in self.line(tip).into_iter().filter(|(id, _)| !hidden.contains(id)) {
            let parent = commit.parent.as_deref().unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = write!(text, "{id}\n{parent}\n{}\n{}\0", commit.author, commit.message);
        }
        text.into_bytes()
    }

    fn changes(&self, tip: &str, path: &str) -> Vec<u8> {
        let nothing = BTreeMap::new();
        let mut text = String::new();
        for (id, commit) in self.line(Some(tip)) {
            let before =
                commit.parent.as_ref().and_then(|parent| self.commits.get(parent)).map_or(&nothing, |it| &it.tree);
            let paths = before.keys().chain(commit.tree.keys()).collect::<std::collections::BTreeSet<_>>();
            let touched = paths.into_iter().filter(|it| is_below(it, path) && before.get(*it) != commit.tree.get(*it));
            let touched: Vec<&str> = touched.map(String::as_str).collect();
            if !touched.is_empty() {
                let _ = write!(text, "\0{id}\n\n{}\n", touched.join("\n"));
            }
        }
        text.into_bytes()
    }

    fn reachable(&self, tip: &str) -> Vec<u8> {
        let mut seen = BTreeMap::new();
        for (_, commit) in self.line(Some(tip)) {
            for (path, blob) in &commit.tree {
                seen.entry(blob.clone()).or_insert_with(|| path.clone());
            }
        }
        seen.into_iter().map(|(blob, path)| format!("{blob} {path}\n")).collect::<String>().into_bytes()
    }

    fn update(&mut self, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let text = String::from_utf8_lossy(input);
        let mut fields = text.split('\0');
        while let Some(field) = fields.next().filter(|field| !field.is_empty()) {
            if let Some(reference) = field.strip_prefix("update ") {
                let new = fields.next().unwrap_or_default().to_owned();
                fields.next();
                self.references.insert(reference.to_owned(), new);
            } else if let Some(reference) = field.strip_prefix("delete ") {
                fields.next();
                self.references.remove(reference);
            } else {
                return Err(fatal(format!("unknown command: {field}")));
            }
        }
        Ok(Vec::new())
    }

    /// The commits from `tip` to the root.
    fn line<'a>(&'a self, tip: Option<&'a str>) -> Vec<(&'a str, &'a Commit)> {
        let next = |id: &str| self.commits.get_key_value(id).map(|(id, commit)| (id.as_str(), commit));
        let first = tip.and_then(next);
        std::iter::successors(first, |(_, commit)| commit.parent.as_deref().and_then(next)).collect()
    }
}

/// The input of fast-import, as far as it is not read.
struct Stream<'a>(&'a [u8]);

impl Stream<'_> {
    /// The rest of the next line, if it begins so.
    fn after(&mut self, words: &str) -> Option<String> {
        let rest = self.0.strip_prefix(words.as_bytes())?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.0 = &rest[end + 1..];
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn data(&mut self) -> Option<Vec<u8>> {
        let length: usize = self.after("data ")?.parse().ok()?;
        let content = self.0.get(..length)?.to_vec();
        self.0 = self.0.get(length + 1..)?;
        Some(content)
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn init(path: &str) -> std::io::Result<Vec<u8>> {
    std::fs::create_dir_all(path)?;
    std::fs::write(std::path::Path::new(path).join("HEAD"), "ref: refs/heads/main\n")?;
    Ok(Vec::new())
}

/// As long as a name of git's SHA-256 format.
fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    data_encoding::HEXLOWER.encode(&digest.finalize())
}
