//! Reads the marks back: for each part of the output, the site, the sites around it, and the vars.

use std::sync::Arc;

use similar::{Algorithm, DiffOp};

use super::{DIGIT, END, Emission, START, STOP, Sites, TEXT, is_mark, same};
use crate::render::engine::session::Read;
use crate::render::layers::Var;
use crate::render::source::{Source, Span};

/// Where each part of one rendered file comes from.
#[derive(Debug)]
pub(in crate::render) struct Provenance {
    lines: Vec<Vec<Segment>>,
    sites: Sites,
    /// Whether the text with marks was the same but for the marks.
    #[cfg_attr(not(any(test, fuzzing)), expect(dead_code, reason = "tests ask whether marks change the text"))]
    exact: bool,
}

/// Where one place of a rendered file comes from.
#[derive(Clone, Debug)]
pub(in crate::render) struct Origin {
    /// The line of a template or snippet that printed it.
    pub(in crate::render) template: (Source, Span),
    /// The vars that gave the value; the flag says that it is the key.
    pub(in crate::render) values: Vec<(Arc<Var>, bool)>,
    /// The lines that called the snippet, macro or include, from the inside out.
    pub(in crate::render) called_by: Vec<Call>,
}

/// A line that called a snippet, macro or include.
#[derive(Clone, Debug)]
pub(in crate::render) struct Call {
    /// The line.
    pub(in crate::render) source: Source,
    /// The expression or block in it.
    pub(in crate::render) span: Span,
    /// The vars that it read: they chose what was called.
    pub(in crate::render) chosen_by: Vec<Arc<Var>>,
}

/// A run of characters of one line with one origin.
#[derive(Clone, Debug)]
struct Segment {
    /// 0-based, in characters.
    start: usize,
    length: usize,
    origin: Arc<Step>,
    /// How far into the text of its site it starts; only text of templates has such.
    offset: Option<usize>,
}

#[derive(Debug)]
struct Step {
    site: usize,
    leaves: Vec<Read>,
    around: Option<Arc<Self>>,
}

impl Provenance {
    /// Reads the marked output; `rendered` is the real one.
    pub(in crate::render::engine) fn decode(
        marked: &str,
        rendered: &str,
        sites: &Sites,
        emissions: &[Emission],
    ) -> Self {
        let (text, lines) = read(marked, emissions);
        let exact = text == rendered;
        let lines = if exact { lines } else { aligned(&text, lines, rendered) };
        Self { lines, sites: Arc::clone(sites), exact }
    }

    /// Whether no template reacted to the marks.
    #[cfg(any(test, fuzzing))]
    pub(in crate::render) fn is_exact(&self) -> bool {
        self.exact
    }

    /// The origin of a place: 1-based line and column, length in characters.
    pub(in crate::render) fn origin(&self, line: usize, column: usize, length: usize) -> Option<Origin> {
        let segments = self.lines.get(line.checked_sub(1)?)?;
        let (start, end) = (column.saturating_sub(1), column.saturating_sub(1) + length.max(1));
        let overlapping = || segments.iter().filter(move |one| one.start < end && start < one.start + one.length);
        let printed = overlapping().find(|segment| segment.offset.is_none() && !segment.origin.leaves.is_empty());
        let segment = printed
            .or_else(|| overlapping().next())
            .or_else(|| segments.iter().rev().find(|segment| segment.start < start))
            .or_else(|| segments.first())
            .or_else(|| self.lines[..line - 1].iter().rev().find_map(|line| line.last()))?;
        let mut reads: Vec<&Read> = Vec::new();
        for read in overlapping().chain([segment]).filter(|one| one.offset.is_none()).flat_map(|one| &one.origin.leaves)
        {
            if !reads.iter().any(|known| same(known, read)) {
                reads.push(read);
            }
        }
        let template = self.place(segment, start, length)?;
        let mut called_by = Vec::new();
        let mut around = segment.origin.around.as_ref();
        while let Some(step) = around {
            if let Some(site) = self.sites.get(step.site) {
                let chosen = step.leaves.iter().map(|read| match read {
                    Read::Value(var) | Read::Key(var) => Arc::clone(var),
                });
                called_by.push(Call { source: site.source.clone(), span: site.span, chosen_by: chosen.collect() });
            }
            around = step.around.as_ref();
        }
        let values = reads.into_iter().map(|read| match read {
            Read::Value(var) => (Arc::clone(var), false),
            Read::Key(var) => (Arc::clone(var), true),
        });
        Some(Origin { template, values: values.collect(), called_by })
    }

    /// Where a var is printed: 1-based lines and columns, lengths in characters.
    pub(in crate::render) fn uses(&self, var: &Arc<Var>) -> Vec<Span> {
        let is_it = |segment: &&Segment| {
            segment.offset.is_none()
                && segment.origin.leaves.iter().any(|read| matches!(read, Read::Value(read) if Arc::ptr_eq(read, var)))
        };
        let lines = self.lines.iter().enumerate();
        lines
            .flat_map(|(index, line)| line.iter().filter(is_it).map(move |one| (index + 1, one)))
            .map(|(line, segment)| Span::new(line, segment.start + 1, segment.length))
            .collect()
    }

    fn place(&self, segment: &Segment, start: usize, length: usize) -> Option<(Source, Span)> {
        let site = self.sites.get(segment.origin.site)?;
        let span = match segment.offset {
            Some(offset) if start >= segment.start && start < segment.start + segment.length => {
                let into = offset + start - segment.start;
                let room = segment.start + segment.length - start;
                Span::new(site.span.line, site.span.column + into, length.min(room))
            }
            _ => site.span,
        };
        Some((site.source.clone(), span))
    }
}

/// The text without marks, and the segments of its lines.
fn read(marked: &str, emissions: &[Emission]) -> (String, Vec<Vec<Segment>>) {
    let mut text = String::with_capacity(marked.len());
    let mut lines = vec![Vec::new()];
    let mut stack: Vec<Arc<Step>> = Vec::new();
    // The template text at hand, if it is one, and how far it has been read.
    let mut template: Option<(Arc<Step>, usize)> = None;
    let mut column = 0;
    let mut characters = marked.chars();
    while let Some(character) = characters.next() {
        match character {
            TEXT => {
                let site = read_number(&mut characters);
                let step = Step { site, leaves: Vec::new(), around: stack.last().cloned() };
                template = Some((Arc::new(step), 0));
            }
            START => {
                let around = stack.last().cloned();
                let emission = emissions.get(read_number(&mut characters));
                let leaves = emission.map(|emission| emission.leaves.clone()).unwrap_or_default();
                let step = match emission.map_or(usize::MAX, |emission| emission.site) {
                    // A scalar within what an expression prints: same site, other vars.
                    usize::MAX => Step {
                        site: around.as_ref().map_or(usize::MAX, |around| around.site),
                        leaves,
                        around: around.and_then(|around| around.around.clone()),
                    },
                    site => Step { site, leaves, around },
                };
                stack.push(Arc::new(step));
                template = None;
            }
            END => {
                stack.pop();
                template = None;
            }
            mark if is_mark(mark) => {}
            '\n' => {
                text.push('\n');
                lines.push(Vec::new());
                column = 0;
                template = None;
            }
            other => {
                text.push(other);
                let current = match &mut template {
                    Some((step, offset)) => {
                        *offset += 1;
                        Some((Arc::clone(step), Some(*offset - 1)))
                    }
                    None => stack.last().map(|step| (Arc::clone(step), None)),
                };
                if let (Some((origin, offset)), Some(line)) = (current, lines.last_mut()) {
                    extend(line, column, origin, offset);
                }
                column += 1;
            }
        }
    }
    (text, lines)
}

/// The site of the last mark in an output that was cut off.
pub(in crate::render::engine) fn last_site(marked: &str, emissions: &[Emission]) -> Option<usize> {
    let at = marked.rfind([TEXT, START])?;
    let mut rest = marked[at..].chars();
    let kind = rest.next()?;
    let number = read_number(&mut rest);
    if kind == TEXT { Some(number) } else { emissions.get(number).map(|emission| emission.site) }
}

fn extend(line: &mut Vec<Segment>, column: usize, origin: Arc<Step>, offset: Option<usize>) {
    if let Some(last) = line.last_mut()
        && last.start + last.length == column
        && Arc::ptr_eq(&last.origin, &origin)
    {
        last.length += 1;
    } else {
        line.push(Segment { start: column, length: 1, origin, offset });
    }
}

fn read_number(characters: &mut std::str::Chars<'_>) -> usize {
    let mut value = 0_usize;
    for character in characters.by_ref() {
        if character == STOP {
            break;
        }
        let digit = u32::from(character).wrapping_sub(DIGIT) as usize;
        value = value.wrapping_mul(16).wrapping_add(digit);
    }
    value
}

/// The segments for the real output, when the template reacted to the marks: those of equal lines. Other lines have
/// none, and count as part of the line above them.
fn aligned(text: &str, mut lines: Vec<Vec<Segment>>, rendered: &str) -> Vec<Vec<Segment>> {
    let old: Vec<&str> = text.split('\n').collect();
    let new: Vec<&str> = rendered.split('\n').collect();
    let mut result = vec![Vec::new(); new.len()];
    for operation in similar::capture_diff_slices(Algorithm::Myers, &old, &new) {
        let DiffOp::Equal { old_index, new_index, len } = operation else { continue };
        for (from, to) in (old_index..old_index + len).zip(new_index..new_index + len) {
            if let (Some(from), Some(to)) = (lines.get_mut(from), result.get_mut(to)) {
                *to = std::mem::take(from);
            }
        }
    }
    result
}
