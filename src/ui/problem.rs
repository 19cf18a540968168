//! Problems as the user sees them: like a compiler's, or as JSON. It decides nothing and writes to no stream.

#[cfg(test)]
mod tests;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet, normalize_untrusted_str};
use serde_json::{Value, json};

use crate::problem::{CUT, Place, Problem, Problems, Severity};

/// How problems are shown as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub color: bool,
    /// Longer source lines are cut to this many columns.
    pub width: usize,
}

/// All problems as text, each with its source lines and its hint, and the count behind the last; ends with a line end.
/// Nothing when there is none.
#[must_use]
pub fn text(problems: &Problems, style: Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width).decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for problem in &problems.0 {
        text.push_str(&one(problem, &renderer));
        text.push_str("\n\n");
    }
    let summary = count(problems);
    if !summary.is_empty() {
        text.push_str(&summary);
        text.push('\n');
    }
    text
}

/// All problems as one JSON document: `version`, the counts, and the problems with their places.
#[must_use]
pub fn json(problems: &Problems) -> Value {
    json!({
        "version": 1,
        "errors": number(problems, Severity::Error),
        "warnings": number(problems, Severity::Warning),
        "problems": problems.0,
    })
}

/// `2 errors, 1 warning`; nothing when there is none.
#[must_use]
pub fn count(problems: &Problems) -> String {
    let parts = [(Severity::Error, "error"), (Severity::Warning, "warning")].map(|(severity, word)| {
        match number(problems, severity) {
            0 => None,
            1 => Some(format!("1 {word}")),
            many => Some(format!("{many} {word}s")),
        }
    });
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn number(problems: &Problems, severity: Severity) -> usize {
    problems.0.iter().filter(|problem| problem.severity == severity).count()
}

fn one(problem: &Problem, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = clean(&problem.message);
    let places: Vec<Shown> = problem.places.iter().map(Shown::new).collect();
    let elements = places.iter().enumerate().map(|(index, place)| place.element(index == 0));
    let mut report = vec![level.primary_title(message).elements(elements)];
    let hint = problem.hint.as_deref().map(clean);
    // A group of its own starts at the left margin, where an eye that skims finds it.
    let hint = hint.map(|hint| Group::with_title(Level::HELP.with_name("hint").secondary_title(hint)));
    if places.is_empty() {
        // No bar between the two when there is nothing beside the bar.
        let hint = hint.map(|hint| format!("\n{}", renderer.render(&[hint]))).unwrap_or_default();
        return format!("{}{hint}", renderer.render(&report));
    }
    report.extend(hint);
    renderer.render(&report)
}

/// A place in the form that the renderer takes.
struct Shown<'a> {
    place: &'a Place,
    text: String,
    bytes: std::ops::Range<usize>,
    file: String,
    label: String,
}

impl<'a> Shown<'a> {
    fn new(place: &'a Place) -> Self {
        let text = shifted(place);
        let offset = |characters: usize| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
        let start = offset(place.column.saturating_sub(1));
        let end = offset(place.column.saturating_sub(1) + place.length.max(1)).max(start);
        Self { place, bytes: start..end, text, file: clean(&place.file), label: clean(&place.label) }
    }

    fn element(&self, is_primary: bool) -> Element<'_> {
        let kind = if is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let label = (!self.label.is_empty()).then_some(self.label.as_str());
        let annotation = kind.span(self.bytes.clone()).label(label);
        let snippet = Snippet::source(self.text.as_str()).line_start(self.place.line).path(self.file.as_str());
        snippet.annotation(annotation).into()
    }
}

/// The text behind as many blanks as were cut off: the renderer counts columns in it, and cuts again.
fn shifted(place: &Place) -> String {
    let cut = place.column.saturating_sub(1 + CUT.chars().count());
    if place.text.starts_with(CUT) && place.column > place.text.chars().count() {
        format!("{}{}", " ".repeat(cut), place.text)
    } else {
        place.text.clone()
    }
}

/// What comes from files may hold anything, also what a terminal would obey; and a message is one line.
fn clean(text: &str) -> String {
    normalize_untrusted_str(&text.replace(['\n', '\r'], " "))
}
