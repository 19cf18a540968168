//! Tells where output comes from, by rendering a second time with marks in the text.
//!
//! A mark is a few characters of a plane that Unicode leaves to private use: one before the first character of each
//! line of a template's text, a pair around what each expression prints, a pair around what each include prints. They
//! pass through captures, macros, `set` blocks, snippets and indentation like any other text. The real output is made
//! without them; where a template reacts to the marks (it measures a text, say), lines are matched by their content.

mod decode;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::decode::last_site;
pub(in crate::render) use self::decode::{Origin, Provenance};
use super::scan::{Part, White, parts};
use super::session::Read;
use super::values;
use crate::render::layers::VarValue;
use crate::render::source::{Source, Span};

/// Opens an expression: from here on, reads of vars belong to it.
pub(super) const BEGIN_FUNCTION: &str = "__windlass_begin";
/// Ends an expression: prints its value between marks.
pub(super) const END_FUNCTION: &str = "__windlass_end";
/// Stands before an include.
pub(super) const OPEN_FUNCTION: &str = "__windlass_open";
/// Stands behind an include.
pub(super) const CLOSE_FUNCTION: &str = "__windlass_close";

/// Text of a template starts here; its site follows.
const TEXT: char = '\u{f0001}';
/// What an expression prints starts here; its emission follows.
const START: char = '\u{f0002}';
/// It ends here.
const END: char = '\u{f0003}';
/// Ends a number.
const STOP: char = '\u{f0004}';
/// The digits of numbers, 16 of them.
const DIGIT: u32 = 0xf0010;

/// All characters that marks use.
fn is_mark(character: char) -> bool {
    ('\u{f0000}'..='\u{f001f}').contains(&character)
}

fn number(value: usize) -> String {
    let digits = format!("{value:x}");
    digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .filter_map(|digit| char::from_u32(DIGIT + digit))
        .chain([STOP])
        .collect()
}

/// A text without marks.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    if text.contains(is_mark) {
        let mut plain = String::with_capacity(text.len());
        plain.extend(text.chars().filter(|&character| !is_mark(character)));
        plain.into()
    } else {
        text.into()
    }
}

/// What an expression printed, between marks.
pub(super) fn emission(emission: usize, text: &str) -> String {
    format!("{}{text}{}", open(emission), close())
}

/// A scalar that a filter prints by itself, between marks.
pub(super) fn value(emission: usize, text: &str) -> String {
    self::emission(emission, text)
}

pub(super) fn open(emission: usize) -> String {
    format!("{START}{}", number(emission))
}

pub(super) fn close() -> String {
    String::from(END)
}

/// A place in a template that prints: text, an expression or an include.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) source: Source,
    pub(super) span: Span,
}

/// All places of all templates and snippets, by number.
pub(super) type Sites = Arc<Vec<Site>>;

/// The places while templates are being marked.
#[derive(Debug, Default)]
pub(super) struct SitesDraft(Vec<Site>);

impl SitesDraft {
    fn add(&mut self, source: &Source, bytes: std::ops::Range<usize>) -> usize {
        self.0.push(Site { source: source.clone(), span: source.span(bytes) });
        self.0.len() - 1
    }

    pub(super) fn finish(self) -> Sites {
        Arc::new(self.0)
    }
}

/// What was printed by one run of an expression.
#[derive(Clone, Debug)]
pub(super) struct Emission {
    /// The expression; `usize::MAX`: the one around it.
    pub(super) site: usize,
    /// The vars that it prints.
    pub(super) leaves: Vec<Read>,
}

/// How many vars are told for one place; more do not help.
const MOST_LEAVES: usize = 4;

/// The vars that a text comes from, among those read while it was made: those that print as this very text; else all
/// that were read; else (a loop's variable was read before) the last one anywhere that prints so.
pub(super) fn choose(reads: Vec<Read>, text: &str, recent: Option<&HashMap<String, Read>>) -> Vec<Read> {
    let bare = strip(text);
    let prints = |read: &Read| match read {
        Read::Value(var) => values::text(var).is_some_and(|printed| printed == bare),
        Read::Key(_) => false,
    };
    if let Some(exact) = reads.iter().rev().find(|read| prints(read)) {
        return vec![exact.clone()];
    }
    let is_scalar = |read: &&Read| matches!(read, Read::Value(var) if !matches!(var.value, VarValue::Mapping { .. } | VarValue::Sequence(_)));
    let mut scalars: Vec<Read> = Vec::new();
    for read in reads.iter().filter(is_scalar) {
        if !scalars.iter().any(|known| same(known, read)) {
            scalars.push(read.clone());
        }
    }
    scalars.truncate(MOST_LEAVES);
    if !scalars.is_empty() {
        return scalars;
    }
    if let Some(container) = reads.last() {
        return vec![container.clone()];
    }
    recent.and_then(|recent| recent.get(bare.as_ref())).cloned().into_iter().collect()
}

pub(super) fn same(one: &Read, other: &Read) -> bool {
    match (one, other) {
        (Read::Value(one), Read::Value(other)) | (Read::Key(one), Read::Key(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

/// A template with marks.
pub(super) fn instrument(source: &Source, sites: &mut SitesDraft) -> String {
    let text = source.text();
    let mut marked = String::with_capacity(text.len() * 2);
    let mut skip_line_end = false;
    for part in parts(text) {
        match part {
            Part::Text(range) => {
                let skipped = if std::mem::take(&mut skip_line_end) { line_end(&text[range.clone()]) } else { 0 };
                mark_text(source, range.start + skipped..range.end, sites, &mut marked);
            }
            Part::Comment(range) => {
                skip_line_end = false;
                marked.push_str(&text[range]);
            }
            Part::Expression { whole, inner, before, after } => {
                skip_line_end = false;
                let site = sites.add(source, whole);
                let expression = text[inner].trim();
                let names = expression.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                    && !expression.starts_with("loop.");
                marked.push_str(&format!(
                    "{{{{{} {END_FUNCTION}({BEGIN_FUNCTION}(), {site}, {names}, ({expression})) {}}}}}",
                    before.sign(),
                    after.sign(),
                ));
            }
            Part::Block { whole, inner, before, after } => {
                skip_line_end = false;
                if first_word(&text[inner.clone()]) != "include" {
                    marked.push_str(&text[whole]);
                    continue;
                }
                // The mark before the block would keep minijinja from taking the white space before it away.
                let line = &text[text[..whole.start].rfind('\n').map_or(0, |at| at + 1)..whole.start];
                if before == White::Default && line.chars().all(char::is_whitespace) {
                    marked.truncate(marked.len() - line.len());
                }
                let site = sites.add(source, whole);
                let sign = |white: White| if white == White::Remove { "-" } else { "" };
                marked.push_str(&format!(
                    "{{{{{} {OPEN_FUNCTION}({site}) }}}}{{% {} %}}{{{{ {CLOSE_FUNCTION}() {}}}}}",
                    sign(before),
                    text[inner].trim(),
                    sign(after),
                ));
                skip_line_end = after == White::Default;
            }
        }
    }
    marked
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn line_end(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { usize::from(text.starts_with('\n')) }
}

fn mark_text(source: &Source, range: std::ops::Range<usize>, sites: &mut SitesDraft, marked: &mut String) {
    let mut at = range.start;
    for line in source.text()[range].split_inclusive('\n') {
        let bare = line.trim_start();
        let content = bare.trim_end();
        if content.is_empty() {
            marked.push_str(line);
        } else {
            let space = line.len() - bare.len();
            let start = at + space;
            let site = sites.add(source, start..start + content.len());
            marked.push_str(&line[..space]);
            marked.push(TEXT);
            marked.push_str(&number(site));
            marked.push_str(bare);
        }
        at += line.len();
    }
}
