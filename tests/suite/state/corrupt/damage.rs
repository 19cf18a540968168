//! Damages: of bytes, of fields, of paths, of the history.

use std::collections::BTreeMap;

use serde_json::Value;

use super::branch::{Change, Tip};
use crate::support::dice::Dice;

/// What is done to a branch.
#[derive(Clone, Debug)]
pub struct Damage {
    pub name: String,
    /// The file that must be named.
    pub path: String,
    pub changes: Vec<(String, Change)>,
}

const PLAIN: &str = "100644";

fn damage(name: &str, path: &str, change: Change) -> Damage {
    Damage { name: format!("{path}: {name}"), path: path.to_owned(), changes: vec![(path.to_owned(), change)] }
}

fn write(content: impl Into<Vec<u8>>) -> Change {
    Change::Write(PLAIN, content.into())
}

/// The kind of a file: one of each kind is damaged thoroughly, in CI.
pub fn kind(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["resources", kind, ..] => format!("resources/{kind}"),
        ["certs", authority, _] => format!("certs/{authority}"),
        [folder, _, ..] => (*folder).to_owned(),
        [name] => (*name).to_owned(),
        [] => String::new(),
    }
}

/// Damages of bytes. At most `files` of a kind get `count` of them each.
pub fn of_bytes(tip: &Tip, files: usize, count: usize, dice: &mut Dice) -> Vec<Damage> {
    let mut damages = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (path, content) in &tip.files {
        let of_kind = seen.entry(kind(path)).or_default();
        *of_kind += 1;
        if *of_kind > files {
            continue;
        }
        let mut all = bytes(tip, path, content, dice);
        for _ in 0..count.min(all.len()) {
            damages.push(all.swap_remove(dice.below(all.len())));
        }
    }
    damages
}

fn bytes(tip: &Tip, path: &str, content: &[u8], dice: &mut Dice) -> Vec<Damage> {
    let cut = dice.below(content.len());
    let mut flipped = content.to_vec();
    let (at, bit) = (dice.below(content.len()), dice.below(8));
    flipped[at] ^= 1 << bit;
    let text = String::from_utf8_lossy(content).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let half = lines.len() / 2;
    let merged =
        format!("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> theirs\n", lines[..half].join("\n"), lines[half..].join("\n"));
    let other = tip.files.keys().filter(|other| kind(other) != kind(path)).nth(dice.below(20));
    let other = other.expect("there are many files");
    let twin = tip.files.keys().find(|other| kind(other) == kind(path) && *other != path);
    let mut all = vec![
        damage("nothing left", path, write("")),
        damage(&format!("cut at {cut}"), path, write(&content[..cut])),
        damage(&format!("bit {bit} of byte {at}"), path, write(flipped)),
        damage("CRLF", path, write(text.replace('\n', "\r\n"))),
        damage("BOM", path, write([b"\xef\xbb\xbf", content].concat())),
        damage("markers of a merge", path, write(merged)),
        damage("twice", path, write([content, content].concat())),
        damage("zeros", path, write(vec![0; content.len()])),
        damage("UTF-16", path, write(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())),
        damage(&format!("the content of {other}"), path, write(tip.files[other].clone())),
        damage("a link", path, Change::Write("120000", b"/etc/hostname".to_vec())),
        damage("executable", path, Change::Write("100755", content.to_vec())),
        damage("a submodule", path, Change::Submodule),
        damage("removed", path, Change::Remove),
    ];
    if let Some(twin) = twin {
        let (one, two) = (path.to_owned(), twin.clone());
        let changes = vec![(one.clone(), write(tip.files[&two].clone())), (two, write(content.to_vec()))];
        all.push(Damage { name: format!("{path}: swapped with {twin}"), path: one, changes });
    }
    all
}

/// So many fields of a file are damaged in CI.
const FIELDS: usize = 4;

/// Damages of fields: of one file of each kind, each field. `every`: all damages of a field, else one.
pub fn of_fields(tip: &Tip, every: bool, dice: &mut Dice) -> Vec<Damage> {
    let mut firsts: BTreeMap<String, &String> = BTreeMap::new();
    for path in tip.files.keys().filter(|path| path.ends_with(".json")) {
        firsts.entry(kind(path)).or_insert(path);
    }
    let mut damages = Vec::new();
    for path in firsts.into_values() {
        let value: Value = serde_json::from_slice(&tip.files[path]).expect("JSON");
        let mut pointers = vec![String::new()];
        pointers.extend(fields(&value, "", 0));
        while !every && pointers.len() > FIELDS {
            pointers.swap_remove(dice.below(pointers.len()));
        }
        for pointer in pointers {
            let mut all = of_field(path, &value, &pointer);
            while !all.is_empty() {
                damages.push(all.swap_remove(dice.below(all.len())));
                if !every {
                    break;
                }
            }
        }
    }
    damages
}

/// The pointers of all fields, two levels deep.
fn fields(value: &Value, at: &str, depth: usize) -> Vec<String> {
    let Value::Object(map) = value else { return Vec::new() };
    let mut pointers = Vec::new();
    for (key, inner) in map {
        let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        if depth < 1 {
            pointers.extend(fields(inner, &pointer, depth + 1).into_iter().take(4));
        }
        pointers.push(pointer);
    }
    pointers
}

fn of_field(path: &str, value: &Value, pointer: &str) -> Vec<Damage> {
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = value.clone();
        change(changed.pointer_mut(pointer).expect("a field"));
        let text = serde_json::to_vec_pretty(&changed).expect("JSON");
        damage(&format!("{pointer} {name}"), path, write(text))
    };
    let huge = "99999999999999999999999999";
    let mut all = vec![
        with("is a list", &|it| *it = serde_json::json!([1, "x"])),
        with("is a huge number", &|it| *it = huge.parse::<serde_json::Number>().map_or(Value::Null, Value::Number)),
        with("is negative", &|it| *it = Value::from(-1)),
        with("is a truth", &|it| *it = Value::from(true)),
    ];
    match value.pointer(pointer) {
        Some(Value::String(_)) => all.push(with("is another text", &|it| *it = Value::from("x"))),
        Some(Value::Number(_)) => all.push(with("is another number", &|it| *it = Value::from(7))),
        Some(Value::Object(_)) => all.push(with("has an unknown field", &|it| it["surprise"] = Value::from(1))),
        _ => {}
    }
    if let Some((parent, key)) = pointer.rsplit_once('/') {
        let mut changed = value.clone();
        let key = key.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(map)) = changed.pointer_mut(parent) {
            map.remove(&key);
        }
        let text = serde_json::to_vec_pretty(&changed).expect("JSON");
        all.push(damage(&format!("{pointer} is gone"), path, write(text)));
    }
    all
}

/// Files that nobody wrote, in places that look like ours.
pub fn foreign() -> Vec<Damage> {
    let key = ["-----BEGIN ", "PRIVATE KEY-----\n"].concat();
    let token = ["ghp", "_0123456789abcdefghijABCDEFGHIJ01"].concat();
    [
        ("README.md", "hello"),
        (".gitignore", "*"),
        ("cluster.json~", "{}"),
        ("Cluster.json", "{}"),
        ("resources/bucket/a.json", "{}"),
        ("resources/vpc/other.json", "{}"),
        ("resources/vpc/main.json.orig", "{}"),
        ("journal/nobody.jsonl", ""),
        ("journal/nobody.jsonl", "{}\n"),
        ("runs/nobody.json", "{}"),
        ("runs/a b.json", "{}"),
        ("certs/cluster/00.json", "{}"),
        ("certs/kubernetes/00.json", "{}"),
        ("secrets/ca.pem", "x"),
        ("secrets/new.age", "in the clear"),
        ("secrets/new.age", "age-encryption.org/v1\n-> X25519 x\n"),
        ("requests/x.json", "{}"),
        ("addons/x.json", "{}"),
        ("former/x.json", "{}"),
        ("roll.json/x", "{}"),
        ("manifests/key.yaml", &key),
        ("manifests/token.yaml", &token),
        ("addons/:(glob)*.json", "{}"),
    ]
    .into_iter()
    .map(|(path, text)| damage("by nobody", path, write(text)))
    .collect()
}
