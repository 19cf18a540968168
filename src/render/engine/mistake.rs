//! Turns minijinja's errors into problems with a place, the nearest right name and what to do.
//!
//! Its own long form of an error prints all vars, and is never used.

use std::error::Error as _;

use minijinja::{Error, ErrorKind};

use super::session::{Miss, Session, TooLong, join};
use super::{Engine, OUTPUT, STEPS, functions};
use crate::problem::{Place, Problem};
use crate::render::layers::{Action, Var, VarValue};
use crate::render::nearest::{did_you_mean, nearest};
use crate::render::source::{Source, Span};

/// A mistake of syntax in a template or snippet.
pub(super) fn syntax(source: &Source, error: &Error) -> Problem {
    let detail = error.detail().unwrap_or("this is not a template");
    let span = span(source, error);
    let line = source.line(span.line);
    let problem = Problem::error(format!("cannot read the template: {detail}")).at(source.place(span, "here"));
    let hint = if detail.contains("comment") && line.contains("{#") || detail.contains("end of comment") {
        Some(
            "`{#` starts a comment that `#}` ends; in a shell script write `{{ '{#' }}`, or put the line between `{% raw %}` and `{% endraw %}`",
        )
    } else if detail.contains("end of raw") {
        Some("end the block with `{% endraw %}`")
    } else if detail.contains("unknown statement") {
        Some(
            "blocks are `if`, `for`, `set`, `macro`, `call`, `filter`, `with`, `include`, `import` and `raw`; what prints a value is `{{ … }}`",
        )
    } else if detail.contains("expected end of variable block") {
        Some("close the expression with `}}`; text that has `{{` in it goes between `{% raw %}` and `{% endraw %}`")
    } else if detail.contains("end of input") || detail.contains("end of template") {
        Some("close every `{% if %}`, `{% for %}`, `{% set %}` and `{% macro %}` with its `{% end… %}`")
    } else if detail.contains("end of string") {
        Some("close the quote")
    } else if detail.contains("recursion") {
        Some("split the expression with `{% set %}`")
    } else if detail.contains("expected in") {
        Some("write `{% for item in list %}`")
    } else if detail.contains("unexpected character") {
        Some("text that has `{{` or `{%` in it goes between `{% raw %}` and `{% endraw %}`")
    } else {
        None
    };
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// A mistake found while rendering. The innermost place is the primary one; those that called it follow.
pub(super) fn problem(engine: &Engine, session: &Session, error: &Error) -> Problem {
    let mut chain = vec![error];
    let mut too_long = false;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(inner) = cause.downcast_ref::<Error>() {
            chain.push(inner);
        }
        too_long |= cause.is::<TooLong>()
            || cause
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .is_some_and(|inner| inner.is::<TooLong>());
        source = cause.source();
    }
    let innermost = chain.last().copied().unwrap_or(error);
    let mut problem = if too_long {
        Problem::error(format!("the output is larger than {} MB", OUTPUT / 1024 / 1024))
            .hint("look for a loop that prints too much")
    } else {
        described(engine, session, innermost)
    };
    let mut places: Vec<Place> = Vec::new();
    for (depth, error) in chain.iter().rev().enumerate() {
        let Some(source) = error.name().and_then(|name| engine.source(name)) else { continue };
        let label = if depth == 0 || places.is_empty() { "" } else { "called from here" };
        let place = source.place(span(source, error), label);
        if places.last().is_none_or(|last| (&last.file, last.line) != (&place.file, place.line)) {
            places.push(place);
        }
    }
    places.append(&mut problem.places);
    Problem { places, ..problem }
}

fn described(engine: &Engine, session: &Session, error: &Error) -> Problem {
    let detail = error.detail().unwrap_or_default();
    let at_hand =
        error.name().and_then(|name| engine.source(name)).map(|source| expression(source, error)).unwrap_or_default();
    match error.kind() {
        ErrorKind::OutOfFuel => Problem::error(format!("the templates take more than {STEPS} steps"))
            .hint("look for loops inside loops, or for snippets that call each other"),
        ErrorKind::UndefinedError => undefined(engine, session, error, at_hand),
        ErrorKind::TemplateNotFound => {
            // Either the bare name from `snippet`, or minijinja's sentence around the quoted joined name.
            let quoted = ['"', '\''].iter().find_map(|&quote| {
                let (_, rest) = detail.split_once(quote)?;
                rest.split_once(quote).map(|(name, _)| name)
            });
            let name = quoted.unwrap_or(detail).replace("\\0", "").replace('\0', "");
            let (message, hint) = functions::no_snippet(&engine.snippets, &name);
            Problem { hint, ..Problem::error(message) }
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => unknown(error, detail),
        _ if detail.contains("` is undefined") => undefined(engine, session, error, at_hand),
        ErrorKind::InvalidOperation if detail.contains("` is not set: ") => {
            let path = detail.split('`').nth(1).unwrap_or_default();
            match session.last_miss(|miss| miss.path() == path) {
                Some(miss) => Problem { message: detail.to_owned(), ..missing(engine, session, error, &miss) },
                None => Problem::error(detail.to_owned()),
            }
        }
        _ if detail.is_empty() => Problem::error(error.kind().to_string()),
        ErrorKind::InvalidOperation if detail.contains("recursion limit") => {
            Problem::error("macros, includes or blocks inside each other too deeply")
                .hint("look for a macro or an include that calls itself")
        }
        ErrorKind::TooManyArguments | ErrorKind::MissingArgument => {
            Problem::error(format!("{}: {detail}", error.kind()))
        }
        _ => Problem::error(detail.replace('\0', "")),
    }
}

fn unknown(error: &Error, detail: &str) -> Problem {
    // minijinja's sentences: `filter foo is unknown`, `foo is unknown`.
    let name = detail.split(" is unknown").next().and_then(|text| text.split_whitespace().last()).unwrap_or_default();
    let (what, known): (&str, &[&str]) = match error.kind() {
        ErrorKind::UnknownFilter => ("filter", FILTERS),
        ErrorKind::UnknownTest => ("test", TESTS),
        _ => ("function", FUNCTIONS),
    };
    let problem = Problem::error(format!("there is no {what} `{name}`"));
    match did_you_mean(name, known.iter().copied()) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// An undefined value: when a key of the vars is missing, which one.
fn undefined(engine: &Engine, session: &Session, error: &Error, expression: &str) -> Problem {
    let detail = error.detail().unwrap_or_default();
    // minijinja's sentences have the expression in backquotes: `foo.bar` is undefined.
    let what = detail.split('`').nth(1).unwrap_or(expression).trim_matches(['{', '}', ' ', '-', '+']);
    let last = what.rsplit(['.', '[']).next().unwrap_or(what).trim_end_matches(']').trim_matches(['"', '\'']);
    let miss = session
        .last_miss(|miss| miss.key == last)
        .or_else(|| session.last_miss(|miss| what.contains(&miss.key) || expression.contains(&miss.key)));
    if let Some(miss) = miss {
        return missing(engine, session, error, &miss);
    }
    let problem = Problem::error(format!("`{what}` is not set"));
    // A key of something that has no keys.
    let scalar =
        what.rsplit_once('.').and_then(|(of, _)| of.split('.').try_fold(session.top(), |var, key| var.get(key)));
    match scalar.and_then(|var| Some((var, var.set_by()?))) {
        Some((var, setting)) => {
            let label = format!("`{}` is {}", var.path, setting.shown);
            problem.at(setting.place(&label)).hint(format!("`{}` is no mapping: it has no keys", var.path))
        }
        None => problem,
    }
}

/// A missing key: what exactly is missing, the nearest key that is there, and who set the mapping.
fn missing(engine: &Engine, session: &Session, error: &Error, miss: &Miss) -> Problem {
    let mut problem = Problem::error(format!("`{}` is not set", miss.path()));
    if let Some(removed) = miss.of.removed(&miss.key).and_then(<[_]>::last) {
        return problem
            .at(removed.place("removed here"))
            .hint("set it again in a later layer, or test it with `is defined`");
    }
    if let Some(setting) = miss.of.settings.iter().rev().find(|setting| setting.action != Action::Removed) {
        problem = problem.at(setting.source.place(setting.key, format!("`{}` is set here", miss.of.path)));
    }
    if let VarValue::Sequence(items) = &miss.of.value {
        return problem.hint(format!("`{}` has {} items; the first one is number 0", miss.of.path, items.len()));
    }
    let declared = if miss.of.path.is_empty() { declared(engine, error) } else { Vec::new() };
    let candidates = || miss.of.keys().chain(declared.iter().map(String::as_str));
    if let Some(near) = nearest(&miss.key, candidates()) {
        return problem.hint(format!("did you mean `{}`?", join(&miss.of, near)));
    }
    if let Some(elsewhere) = find_key(session.top(), &miss.key) {
        return problem.hint(format!("there is `{elsewhere}`"));
    }
    let listed = if miss.of.path.is_empty() { None } else { did_you_mean(&miss.key, candidates()) };
    let way_out = "set it in the vars, or give a default: `{{ … | default(\"…\") }}`";
    problem.hint(listed.map_or_else(|| String::from(way_out), |listed| format!("{listed}; or {way_out}")))
}

/// The path of a var that ends in a key, wherever it is.
fn find_key(top: &Var, key: &str) -> Option<String> {
    let mut pending = vec![top];
    while let Some(var) = pending.pop() {
        if let Some(found) = var.get(key) {
            return Some(found.path.clone());
        }
        if let VarValue::Mapping { entries, .. } = &var.value {
            pending.extend(entries.iter().rev().map(|(_, var)| var.as_ref()));
        }
    }
    None
}

/// The names that the failing template declares itself: loop variables, `set`, macros and their parameters.
fn declared(engine: &Engine, error: &Error) -> Vec<String> {
    let Some(source) = error.name().and_then(|name| engine.source(name)) else { return Vec::new() };
    let mut names = Vec::new();
    for part in super::scan::parts(source.text()) {
        let super::scan::Part::Block { inner, .. } = part else { continue };
        let text = &source.text()[inner];
        let mut words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let words: Vec<&str> = words.by_ref().filter(|word| !word.is_empty()).collect();
        match words.first() {
            Some(&"for") => {
                names.extend(words.iter().skip(1).take_while(|word| **word != "in").map(|word| (*word).to_owned()))
            }
            Some(&("set" | "macro")) => names.extend(words.get(1).map(|word| (*word).to_owned())),
            _ => {}
        }
    }
    names
}

/// The text of the failing expression.
fn expression<'a>(source: &'a Source, error: &Error) -> &'a str {
    let span = span(source, error);
    let line = source.line(span.line);
    let at = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    line.get(at(span.column - 1)..at(span.column - 1 + span.length)).unwrap_or_default()
}

/// Where minijinja stopped. Its bytes count in the text that it was given, where comments were put at ends of lines;
/// lines and columns are the same.
fn span(source: &Source, error: &Error) -> Span {
    let line = error.line().unwrap_or(1);
    let given = error.template_source().map(|text| Source::new("", text));
    match (error.range(), given) {
        (Some(range), Some(given)) if given.text().get(range.clone()).is_some() => {
            let found = given.span(range);
            let is_there = found.line == line && found.column <= source.line(line).chars().count();
            if is_there { found } else { whole_line(source, line) }
        }
        _ => whole_line(source, line),
    }
}

fn whole_line(source: &Source, line: usize) -> Span {
    let text = source.line(line);
    let start = text.chars().take_while(|character| character.is_whitespace()).count();
    Span::new(line, start + 1, text.trim().chars().count())
}

const FUNCTIONS: &[&str] = &["snippet", "range", "dict"];

const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "b64encode",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "cidrsubnet",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "image",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "nindent",
    "quote",
    "reject",
    "rejectattr",
    "replace",
    "required",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "to_json",
    "to_yaml",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "float",
    "in",
    "integer",
    "iterable",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];
