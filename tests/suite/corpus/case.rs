//! The form of a case, which `tests/corpus/README.md` describes.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

/// A bad input, and what has to be said about it.
#[derive(Debug)]
pub struct Case {
    /// The file that it stands in, below `tests/corpus`.
    pub name: String,
    /// What reads it, in words: `lint`, `seed seed.yaml`, `run plan test.k8s.foo.bar`.
    pub reader: Vec<String>,
    /// What has to be said.
    pub expected: Vec<Expected>,
    /// Words that must not be said: secrets.
    pub never: Vec<String>,
    /// The exit code of a command.
    pub exit: i32,
    changes: Vec<(String, Change)>,
}

/// One thing that has to be said.
#[derive(Debug)]
pub struct Expected {
    /// `file:line:column`; none where there is no file.
    pub place: Option<String>,
    /// Words of it.
    pub words: String,
}

/// What a case makes of a file of the good project.
#[derive(Debug)]
enum Change {
    Content(Vec<u8>),
    Edit { from: String, to: String },
    Link(String),
    Pipe,
    Directory,
    Absent,
}

impl Case {
    /// Reads a case.
    pub fn parse(name: &str, text: &str) -> Self {
        let mut case = Self {
            name: name.to_owned(),
            reader: Vec::new(),
            expected: Vec::new(),
            never: Vec::new(),
            exit: 10,
            changes: Vec::new(),
        };
        let (head, files) = match text.split_once("\n@ ") {
            Some((head, files)) => (head, files.split("\n@ ").collect()),
            None => (text, Vec::new()),
        };
        for line in head.lines().filter(|line| line.starts_with("= ")) {
            case.directive(&line[2..]);
        }
        case.changes = files.into_iter().map(|file| change(name, file)).collect();
        assert!(
            !case.reader.is_empty() && !case.expected.is_empty(),
            "{name} says neither what reads it nor what is said"
        );
        case
    }

    fn directive(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "place" => {
                let (place, words) = place_and_words(rest);
                self.expected.push(Expected { place: Some(place.to_owned()), words: words.to_owned() });
            }
            "says" => self.expected.push(Expected { place: None, words: rest.to_owned() }),
            "never" => self.never.push(unescaped_text(rest)),
            "exit" => self.exit = rest.parse().expect("an exit code"),
            _ => {
                assert!(self.reader.is_empty(), "{}: two readers", self.name);
                self.reader = line.split(' ').map(unescaped_text).collect();
            }
        }
    }

    /// Writes the good project with the case's changes.
    pub fn write(&self, project: &Path, into: &Path) {
        copy(project, into);
        for (path, change) in &self.changes {
            let path = into.join(path);
            fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("directories can be made");
            change.apply(&path, &self.name);
        }
    }
}

/// A place may have blanks in it: `rendered 1_cluster.yaml:3:1`. It ends behind its column.
fn place_and_words(text: &str) -> (&str, &str) {
    let is_place = |part: &str| {
        let mut numbers = part.rsplit(':');
        let mut number = || numbers.next().is_some_and(|it| it.parse::<usize>().is_ok());
        number() && number()
    };
    let ends = text.match_indices(' ').map(|(at, _)| at).find(|&at| is_place(&text[..at]));
    let end = ends.unwrap_or_else(|| panic!("{text:?} does not begin with a place"));
    (&text[..end], &text[end + 1..])
}

fn change(case: &str, text: &str) -> (String, Change) {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let mut words = head.split(' ');
    let path = words.next().expect("a path").to_owned();
    let kind = words.next().unwrap_or("is");
    let rest = words.next().unwrap_or_default();
    let change = match kind {
        "is" => Change::Content(body.as_bytes().to_vec()),
        "bytes" => Change::Content(unescaped(body.trim_end_matches('\n'))),
        "edit" => {
            let part = |sign: &str| {
                let lines = body.lines().filter_map(|line| line.strip_prefix(sign));
                lines.collect::<Vec<_>>().join("\n")
            };
            Change::Edit { from: part("-"), to: part("+") }
        }
        "nested" => Change::Content(nested(body, rest.parse().expect("a number"))),
        "link" => Change::Link(rest.to_owned()),
        "pipe" => Change::Pipe,
        "directory" => Change::Directory,
        "absent" => Change::Absent,
        other => panic!("{case}: {other:?} is nothing that can be made of a file"),
    };
    (path, change)
}

impl Change {
    fn apply(&self, path: &Path, case: &str) {
        if !matches!(self, Self::Edit { .. }) && fs::symlink_metadata(path).is_ok() {
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it can be removed");
        }
        match self {
            Self::Content(content) => {
                fs::write(path, content).expect("files can be written");
                // Files of keys that others can read are refused before anything in them is looked at.
                fs::set_permissions(path, Permissions::from_mode(0o600)).expect("modes can be set");
            }
            Self::Edit { from, to } => {
                let text =
                    fs::read_to_string(path).unwrap_or_else(|error| panic!("{case}: {}: {error}", path.display()));
                assert!(text.contains(from), "{case}: {} does not contain {from:?}", path.display());
                fs::write(path, text.replacen(from, to, 1)).expect("files can be written");
            }
            Self::Link(target) => symlink(target, path).expect("links can be made"),
            Self::Pipe => mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).expect("pipes can be made"),
            Self::Directory => fs::create_dir(path).expect("directories can be made"),
            Self::Absent => {}
        }
    }
}

/// `first`, so many `part`s, `middle`, as many `end`s, `last`: each on a line behind its name.
fn nested(body: &str, times: usize) -> Vec<u8> {
    let of = |name: &str| {
        let line = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        unescaped(line.unwrap_or_default())
    };
    [of("first"), of("part").repeat(times), of("middle"), of("end").repeat(times), of("last")].concat()
}

/// `\xff`, `\n`, `\t`, `\r`, `\s` (a blank) and `\\`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, length) = match rest.as_bytes().get(at + 1) {
            Some(b'x') => (u8::from_str_radix(&rest[at + 2..at + 4], 16).expect("two hexadecimal digits"), 4),
            Some(b'n') => (b'\n', 2),
            Some(b't') => (b'\t', 2),
            Some(b'r') => (b'\r', 2),
            Some(b's') => (b' ', 2),
            Some(b'\\') => (b'\\', 2),
            other => panic!("a backslash before {other:?}"),
        };
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn unescaped_text(text: &str) -> String {
    String::from_utf8(unescaped(text)).expect("arguments of cases are UTF-8")
}

fn copy(from: &Path, into: &Path) {
    fs::create_dir_all(into).expect("directories can be made");
    for entry in fs::read_dir(from).expect("a readable directory") {
        let entry = entry.expect("a readable entry");
        let (from, into): (PathBuf, PathBuf) = (entry.path(), into.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &into);
        } else {
            fs::copy(&from, &into).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
    }
}
