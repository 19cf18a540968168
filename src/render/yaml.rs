//! YAML as a tree in which every key and every value knows where it stands.
//!
//! What is refused, with its place: duplicate keys, keys that are not scalars, aliases that multiply beyond the
//! budget, tabs in indentation, infinite numbers. Booleans are `true` and `false` only: `no` is a word (and a country).
//! It never looks at what the values mean.

mod mistake;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};

use crate::problem::Problem;
pub use crate::render::source::{Source, Span};
use crate::render::stack;

/// A value of a YAML document and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands; of a mapping or sequence its first line. An alias stands where its anchor does.
    pub span: Span,
}

/// The kinds of value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// A number with a fraction or an exponent, and as it was written: `1.30` is not the version 1.3.
    Float(f64, String),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file.
    Mapping(Mapping),
}

/// The entries of a mapping, in the order of the file, no key twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    entries: Vec<Entry>,
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Node,
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key as text; a number or a boolean as it was written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Mapping {
    /// All entries, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The names of all keys, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.name.as_str())
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl From<Vec<Entry>> for Mapping {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries }
    }
}

impl Node {
    /// The mapping, when it is one.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        if let Value::Mapping(mapping) = &self.value { Some(mapping) } else { None }
    }

    /// The list, when it is one.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Node]> {
        if let Value::Sequence(items) = &self.value { Some(items) } else { None }
    }

    /// The text, when it is one; numbers are not.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// The value of a key, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.as_mapping()?.get(name)
    }

    /// What it is, as messages name it: `a mapping`, `a string`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Float(..) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// Reads all documents of a file; documents with nothing in them are left out.
///
/// # Errors
/// One problem with its place: the parser cannot go on behind the first mistake of syntax.
pub fn documents(source: &Source) -> Result<Vec<Node>, Problem> {
    let text = source.text().as_bytes();
    if let Some(at) = (0..text.len()).find(|&at| text[at] == b'\r' && text.get(at + 1) != Some(&b'\n')) {
        // YAML starts a new line there and editors do not: every place behind it would be wrong.
        return Err(Problem::error("a carriage return without a line feed")
            .at(source.place(source.span(at..at + 1), "here"))
            .hint("save the file with the line ends of Unix"));
    }
    let refused = |why: String| Err(Problem::error(format!("cannot read {}: {why}", source.name())));
    with_room(source.text(), || read_documents(source), refused)
}

/// Reads all documents of a file whose format is not ours, as kubectl and kops read it: `yes` is a boolean. No message
/// has any of the text in it, because such files hold keys.
///
/// # Errors
/// One problem with its place.
pub fn foreign<T: DeserializeOwned + Send>(source: &Source) -> Result<Vec<T>, Problem> {
    let unread = || Problem::error(format!("{} is not valid YAML, or not what it should be", source.name()));
    let read = || {
        let options = options(DuplicateKeyPolicy::Error, Words::Booleans);
        serde_saphyr::from_multiple_with_options(source.text(), options).map_err(|error| {
            let told = mistake::problem(source, &error, || None);
            let span = told.places.first().map_or(Span::new(1, 1, 1), |place| Span::new(place.line, place.column, 1));
            unread().at(source.hidden_place(span, ""))
        })
    };
    with_room(source.text(), read, |_| Err(unread()))
}

/// Runs what recurses as deep as the text is nested, where there is room for it.
fn with_room<T: Send>(text: &str, work: impl FnOnce() -> T + Send, refused: impl FnOnce(String) -> T) -> T {
    if depth_bound(text) <= SHALLOW { work() } else { stack::deep(work, refused) }
}

/// Nesting up to which the caller's own stack is used. The parser recurses, about 40 kB a level in a debug build
/// (measured), and threads of tests and of tokio have 2 MB.
const SHALLOW: usize = 24;

/// More than the nesting can be, from one look at the text: each level of block style takes a column, each level of
/// flow style a bracket, and an alias may bring anything.
fn depth_bound(text: &str) -> usize {
    if text.contains(['&', '*']) {
        return usize::MAX;
    }
    let block = text.lines().map(|line| line.len() - line.trim_start_matches([' ', '-', '?', ':']).len()).max();
    let (mut open, mut flow) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        flow = flow.max(open);
    }
    block.unwrap_or(0) + flow + 1
}

fn read_documents(source: &Source) -> Result<Vec<Node>, Problem> {
    read(source, DuplicateKeyPolicy::Error)
        .map_err(|error| mistake::problem(source, &error, || read(source, DuplicateKeyPolicy::FirstWins).ok()))?
        .into_iter()
        .map(|raw| raw.finish(source))
        .collect()
}

/// Reads a file that holds one mapping; an empty file is an empty mapping.
///
/// # Errors
/// One problem with its place: a mistake of syntax, a second document, or something that is not a mapping.
pub fn mapping(source: &Source) -> Result<Node, Problem> {
    let mut documents = documents(source)?.into_iter();
    let Some(first) = documents.next() else {
        return Ok(Node { value: Value::Mapping(Mapping::default()), span: Span::new(1, 1, 1) });
    };
    if let Some(second) = documents.next() {
        return Err(Problem::error("a second document in a file that holds one")
            .at(source.place(second.span, "the second document starts here"))
            .hint("remove the `---` line, or move this part to a file of its own"));
    }
    if first.as_mapping().is_none() {
        return Err(Problem::error(format!("expected a mapping at the top of the file, found {}", first.kind()))
            .at(source.place(first.span, "not a `key: value`"))
            .hint("write `key: value` lines"));
    }
    Ok(first)
}

/// What `yes`, `no`, `on` and `off` are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Text, as in YAML 1.2.
    Text,
    /// Booleans, as in YAML 1.1.
    Booleans,
}

/// Bounds on one file: far above any real one (a fleet's largest rendered file has some thousand nodes), far below
/// what hurts. A "billion laughs" file stops at the number of replayed events.
fn options(duplicate_keys: DuplicateKeyPolicy, words: Words) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 100,
            max_nodes: 500_000,
            max_events: 1_500_000,
            max_aliases: 10_000,
            max_documents: 10_000,
            max_total_scalar_bytes: 16 * 1024 * 1024,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 32,
        },
        duplicate_keys: duplicate_keys,
        strict_booleans: words == Words::Text,
        with_snippet: false,
        emit_comments: false,
    }
}

fn read(source: &Source, duplicate_keys: DuplicateKeyPolicy) -> Result<Vec<RawNode>, serde_saphyr::Error> {
    serde_saphyr::from_multiple_with_options(source.text(), options(duplicate_keys, Words::Text))
}

/// What serde gives: values with locations of the parser, not yet joined with the text.
struct RawNode {
    value: Raw,
    location: Location,
}

enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    TooLarge,
    Float(f64),
    String(String),
    Sequence(Vec<RawNode>),
    Mapping(Vec<(String, Location, RawNode)>),
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, defined, .. } = Spanned::<Raw>::deserialize(deserializer)?;
        Ok(Self { value, location: defined })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::TooLarge, Raw::Integer))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::TooLarge, Raw::Integer))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::TooLarge, Raw::Integer))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push((key.value, key.defined, map.next_value()?));
        }
        Ok(Raw::Mapping(entries))
    }
}

impl RawNode {
    fn finish(self, source: &Source) -> Result<Node, Problem> {
        let span = place(source, self.location);
        let value = match self.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Integer(value) => Value::Integer(value),
            Raw::TooLarge => return Err(too_large(source, span)),
            Raw::Float(value) => {
                let text = written(source, self.location);
                // An account number with a leading zero is no number, and one of 20 digits is no fraction.
                let digits = text.trim_start_matches(['-', '+']);
                match (digits.bytes().all(|byte| byte.is_ascii_digit()), digits.starts_with('0')) {
                    (true, true) => Value::String(text),
                    (true, false) => return Err(too_large(source, span)),
                    (false, _) => Value::Float(value, text),
                }
            }
            Raw::String(value) => Value::String(value),
            Raw::Sequence(items) => {
                Value::Sequence(items.into_iter().map(|item| item.finish(source)).collect::<Result<_, _>>()?)
            }
            Raw::Mapping(entries) => {
                let mut finished = Vec::with_capacity(entries.len());
                for (name, location, value) in entries {
                    let key = Key { name, span: place(source, location) };
                    finished.push(Entry { key, value: value.finish(source)? });
                }
                Value::Mapping(Mapping { entries: finished })
            }
        };
        // The parser's span of a container covers all of it or nothing; what helps is its first key or item.
        let span = match &value {
            Value::Mapping(mapping) => mapping
                .entries
                .first()
                .map(|entry| entry.key.span)
                .filter(|first| (first.line, first.column) == (span.line, span.column))
                .unwrap_or(Span { length: 1, ..span }),
            Value::Sequence(_) => Span { length: 1, ..span },
            _ => span,
        };
        Ok(Node { value, span })
    }
}

fn too_large(source: &Source, span: Span) -> Problem {
    Problem::error("a whole number that does not fit 64 bits")
        .at(source.place(span, "too large"))
        .hint("quote it if it is meant as text")
}

/// A place of the parser in terms of the text; what reaches beyond the first line is cut off. Behind a line's end, and
/// behind the text, the parser counts on.
fn place(source: &Source, location: Location) -> Span {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let line = number(location.line()).clamp(1, source.line_count() + 1);
    let column = number(location.column()).clamp(1, source.line(line).chars().count() + 1);
    let length = match bytes(location) {
        Some(range) => source
            .text()
            .get(range)
            .map_or(1, |text| text.split(['\n', '\r']).next().unwrap_or_default().trim_end().chars().count()),
        None => usize::try_from(location.span().len()).unwrap_or(1),
    };
    Span::new(line, column, length)
}

fn bytes(location: Location) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}

fn written(source: &Source, location: Location) -> String {
    bytes(location).and_then(|range| source.text().get(range)).unwrap_or_default().trim().to_owned()
}
