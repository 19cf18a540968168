//! Reads and makes git objects in the private copy, in one process per step however many files there are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Git, unexpected};
use crate::state::error::Error;

/// Who makes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::state) struct Identity(String);

impl Identity {
    /// Both without the characters that git's formats give a meaning.
    pub(in crate::state) fn new(name: &str, email: &str) -> Self {
        let plain = |text: &str| text.replace(|c: char| c.is_control() || "<>".contains(c), "").trim().to_owned();
        let name = plain(name);
        let name = if name.is_empty() { "windlass" } else { &name };
        Self(format!("{name} <{}>", plain(email)))
    }
}

/// A commit to make.
#[derive(Debug)]
pub(in crate::state) struct Draft<'a> {
    /// `None`: the first commit of the branch.
    pub(in crate::state) parent: Option<&'a str>,
    pub(in crate::state) message: &'a str,
    /// Path → new content; `None`: the file is removed.
    pub(in crate::state) changes: &'a BTreeMap<&'a str, Option<&'a [u8]>>,
    pub(in crate::state) identity: &'a Identity,
    pub(in crate::state) time: Timestamp,
    /// The reference in the private copy that keeps it alive until it is pushed.
    pub(in crate::state) reference: &'a str,
}

/// A file or folder-like thing in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::state) struct Entry {
    /// `100644` for a plain file.
    pub(in crate::state) mode: String,
    pub(in crate::state) object: String,
}

/// A commit of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::state) struct Commit {
    pub(in crate::state) id: String,
    pub(in crate::state) parents: Vec<String>,
    /// `name <email>`
    pub(in crate::state) author: String,
    pub(in crate::state) message: String,
}

/// An object, or `None` if there is none of that name.
pub(in crate::state) type Blob = Option<Vec<u8>>;

impl Git {
    /// Makes a commit without any checkout or index: fast-import takes the parent's tree and the changed files.
    pub(in crate::state) async fn commit(&self, draft: &Draft<'_>) -> Result<String, Error> {
        let arguments = ["fast-import", "--quiet", "--done", "--force", "--date-format=raw"];
        let output = self.output(&arguments, stream(draft)).await?;
        let id = String::from_utf8_lossy(&output).trim().to_owned();
        if is_object_id(&id) { Ok(id) } else { Err(unexpected("fast-import")) }
    }

    /// Everything in a commit's tree, by path.
    pub(in crate::state) async fn tree(&self, commit: &str) -> Result<BTreeMap<String, Entry>, Error> {
        let listed = self.output(&["ls-tree", "-r", "-z", "--full-tree", commit], Vec::new()).await?;
        let text = String::from_utf8_lossy(&listed);
        text.split_terminator('\0')
            .map(|line| {
                let (facts, path) = line.split_once('\t').ok_or_else(|| unexpected("ls-tree"))?;
                let mut facts = facts.split(' ');
                match (facts.next(), facts.next(), facts.next()) {
                    (Some(mode), Some(_), Some(object)) => {
                        Ok((path.to_owned(), Entry { mode: mode.to_owned(), object: object.to_owned() }))
                    }
                    _ => Err(unexpected("ls-tree")),
                }
            })
            .collect()
    }

    /// The contents of many objects, in order, by one `cat-file --batch`. A name may be an object id or `commit:path`.
    pub(in crate::state) async fn contents(&self, names: &[String]) -> Result<Vec<Blob>, Error> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = names.join("\0").into_bytes();
        input.push(0);
        let output = self.output(&["cat-file", "--batch", "--buffer", "-z"], input).await?;
        batch(&output, names.len()).ok_or_else(|| unexpected("cat-file"))
    }

    /// Commits, newest first. `range` as git takes it: `tip`, or `tip` and `^older`.
    pub(in crate::state) async fn log(&self, range: &[&str]) -> Result<Vec<Commit>, Error> {
        let fixed = ["log", "-z", "--no-color", "--no-decorate", "--no-notes", "--no-show-signature", "--no-mailmap"];
        let rest = ["--topo-order", "--encoding=UTF-8", "--format=%H%n%P%n%an <%ae>%n%B"];
        let arguments: Vec<&str> = fixed.iter().chain(&rest).chain(range).copied().chain(["--"]).collect();
        let output = self.output(&arguments, Vec::new()).await?;
        let text = String::from_utf8_lossy(&output);
        text.split('\0')
            .filter(|record| !record.trim().is_empty())
            .map(|record| {
                let mut lines = record.splitn(4, '\n');
                match (lines.next(), lines.next(), lines.next(), lines.next()) {
                    (Some(id), Some(parents), Some(author), message) => Ok(Commit {
                        id: id.trim().to_owned(),
                        parents: parents.split_whitespace().map(str::to_owned).collect(),
                        author: author.to_owned(),
                        message: message.unwrap_or_default().to_owned(),
                    }),
                    _ => Err(unexpected("log")),
                }
            })
            .collect()
    }

    /// The commits that changed anything under `path`, newest first: id and the paths.
    pub(in crate::state) async fn changes(&self, tip: &str, path: &str) -> Result<Vec<(String, Vec<String>)>, Error> {
        let output = self
            .output(
                &["log", "--format=%x00%H", "--name-only", "--no-renames", "--no-show-signature", tip, "--", path],
                Vec::new(),
            )
            .await?;
        let text = String::from_utf8_lossy(&output);
        Ok(text
            .split('\0')
            .filter_map(|record| {
                let mut lines = record.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.next().map(|id| (id.to_owned(), lines.map(str::to_owned).collect()))
            })
            .collect())
    }

    /// Names of all objects that a commit reaches, with a path for those that have one.
    pub(in crate::state) async fn reachable(&self, tip: &str) -> Result<Vec<(String, String)>, Error> {
        let output = self.output(&["rev-list", "--objects", tip], Vec::new()).await?;
        let text = String::from_utf8_lossy(&output);
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, path)| !path.is_empty())
            .map(|(id, path)| (id.to_owned(), path.to_owned()))
            .collect())
    }

    /// The commit that a reference of the private copy names.
    pub(in crate::state) async fn resolve(&self, reference: &str) -> Result<Option<String>, Error> {
        let commit = format!("{reference}^{{commit}}");
        let finished = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit], Vec::new()).await?;
        let id = String::from_utf8_lossy(&finished.stdout).trim().to_owned();
        Ok((finished.success && is_object_id(&id)).then_some(id))
    }

    /// Moves one reference of the private copy and removes others.
    pub(in crate::state) async fn keep(&self, reference: &str, commit: &str, drop: &[String]) -> Result<(), Error> {
        let mut input = String::new();
        // Writing to a String cannot fail.
        let _ = write!(input, "update {reference}\0{commit}\0\0");
        for reference in drop {
            let _ = write!(input, "delete {reference}\0\0");
        }
        self.output(&["update-ref", "--stdin", "-z"], input.into_bytes()).await.map(drop_output)
    }

    /// Writes everything that `reference` reaches into one file that `git fetch` can read.
    pub(in crate::state) async fn bundle(&self, file: &str, reference: &str) -> Result<(), Error> {
        self.output(&["bundle", "create", "--quiet", file, reference], Vec::new()).await.map(drop_output)
    }
}

fn drop_output(_: Vec<u8>) {}

/// 64 random bits in hexadecimal: names an operation.
pub(in crate::state) fn unique() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Git { command: String::from("random"), words: error.to_string() })?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The input of git-fast-import(1): one commit, whose id it prints.
fn stream(draft: &Draft<'_>) -> Vec<u8> {
    let Draft { parent, message, changes, identity, time, reference } = draft;
    let Identity(identity) = identity;
    let seconds = time.as_second();
    let mut stream = Vec::new();
    let mut line = |text: String| stream.extend_from_slice(text.as_bytes());
    line(format!("commit {reference}\nmark :1\n"));
    line(format!("author {identity} {seconds} +0000\ncommitter {identity} {seconds} +0000\n"));
    line(format!("data {}\n{message}\n", message.len()));
    if let Some(parent) = parent {
        line(format!("from {parent}\n"));
    }
    for (path, content) in *changes {
        match content {
            Some(content) => {
                stream.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", content.len()).as_bytes());
                stream.extend_from_slice(content);
                stream.push(b'\n');
            }
            None => stream.extend_from_slice(format!("D {path}\n").as_bytes()),
        }
    }
    stream.extend_from_slice(b"get-mark :1\ndone\n");
    stream
}

/// Reads git-cat-file(1), BATCH OUTPUT.
fn batch(output: &[u8], count: usize) -> Option<Vec<Blob>> {
    let mut rest = output;
    let mut contents = Vec::with_capacity(count);
    while contents.len() < count {
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        let header = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
        if header.ends_with(" missing") {
            contents.push(None);
            continue;
        }
        let length: usize = header.rsplit(' ').next()?.parse().ok()?;
        contents.push(Some(rest.get(..length)?.to_vec()));
        rest = rest.get(length + 1..)?;
    }
    Some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_whatever_its_contents_are() {
        let output = b"aa blob 5\na\nb\n\n\nzz missing\nbb blob 0\n\n";
        assert_eq!(batch(output, 3), Some(vec![Some(b"a\nb\n\n".to_vec()), None, Some(Vec::new())]));
        assert_eq!(batch(b"aa blob 9\nshort\n", 1), None);
        assert_eq!(batch(b"", 1), None);
    }

    #[test]
    fn an_identity_cannot_break_out_of_its_line() {
        assert_eq!(Identity::new("A <b>\nM 1", "x@y>\n"), Identity(String::from("A bM 1 <x@y>")));
        assert_eq!(Identity::new("", "").0, "windlass <>");
    }
}
