//! Reads `windlass.yaml`: types by serde, then what types cannot say, each mistake with its place.

use std::collections::BTreeSet;

use serde_saphyr::Error;

use super::Settings;
use crate::problem::{Problem, Problems};
use crate::render::nearest::did_you_mean;
use crate::render::source::{Source, Span};
use crate::render::yaml::{self, Node};

/// # Errors
/// All mistakes with their places; of unknown fields and wrong types the first one.
pub(crate) fn read(source: &Source) -> Result<Settings, Problems> {
    let tree = yaml::mapping(source)?;
    if tree.as_mapping().is_some_and(yaml::Mapping::is_empty) {
        return Ok(Settings::default());
    }
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let settings: Settings =
        serde_saphyr::from_str_with_options(source.text(), options).map_err(|error| typed(source, &error))?;
    let problems = Problems(check(source, &tree, &settings));
    if problems.fatal() { Err(problems) } else { Ok(settings) }
}

fn typed(source: &Source, error: &Error) -> Problem {
    let error = error.without_snippet();
    let mut span = error.location().map_or(Span::new(1, 1, 1), |location| {
        let number = |value: u64| usize::try_from(value).unwrap_or(1);
        let start = Span::new(number(location.line()), number(location.column()), 1);
        Span { length: word_length(source.line(start.line), start.column), ..start }
    });
    let (message, hint, label) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            if let Some(at) = source.line(span.line).find(field.as_str()) {
                let column = source.line(span.line)[..at].chars().count() + 1;
                span = Span::new(span.line, column, field.chars().count());
            }
            (format!("unknown field {field:?}"), did_you_mean(field, expected.iter().copied()), "not a field here")
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("field `{field}` is missing"), Some(format!("add `{field}:`")), "in this mapping")
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("expected {expected}, found {unexpected}"), None, "here")
        }
        Error::InvalidBooleanStrict { .. } => {
            (String::from("expected a boolean"), Some(String::from("write true or false")), "here")
        }
        Error::InvalidScalar { ty, .. } => {
            let wanted = if ty.starts_with(['u', 'i']) { "a whole number" } else { ty };
            (format!("expected {wanted}"), None, "here")
        }
        other => {
            let text = other.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.split(" at line ").next().unwrap_or(first);
            (first.to_owned(), None, "here")
        }
    };
    let problem = Problem::error(message).at(source.place(span, label));
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn word_length(line: &str, column: usize) -> usize {
    line.chars().skip(column - 1).take_while(|character| !character.is_whitespace() && *character != ':').count().max(1)
}

/// What the types cannot say.
fn check(source: &Source, tree: &Node, settings: &Settings) -> Vec<Problem> {
    let mut problems = recipients(source, tree, settings);
    let mut wrong = |node: Option<&Node>, message: String, hint: &str| {
        let span = node.map_or(Span::new(1, 1, 1), |node| node.span);
        problems.push(Problem::error(message).at(source.place(span, "")).hint(hint));
    };
    let item = |list: &str, index: usize| tree.get(list).and_then(Node::as_sequence).and_then(|items| items.get(index));
    for (index, rule) in settings.layers.iter().enumerate() {
        let files = item("layers", index).and_then(|node| node.get("vars"));
        for (at, file) in rule.vars.iter().enumerate() {
            let node = files.and_then(Node::as_sequence).and_then(|items| items.get(at));
            if file.starts_with('/') || file.split(['/', '\\']).any(|part| part == ".." || part.is_empty()) {
                wrong(
                    node,
                    format!("layer {file:?} is not beneath vars/"),
                    "write a path relative to vars/, such as `env/prod.yaml`",
                );
            } else if file == super::COMMON {
                wrong(node, format!("layer {file:?} is always the first one"), "remove it");
            }
        }
    }
    for (index, rule) in settings.guards.iter().enumerate() {
        let node = item("guards", index);
        if let Some(account) = &rule.account
            && (account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let node = node.and_then(|node| node.get("account"));
            wrong(node, format!("{account:?} is not an AWS account number"), "it has 12 digits; keep it in quotes");
        }
    }
    let mut names = BTreeSet::new();
    for (index, wave) in settings.waves.iter().enumerate() {
        let node = item("waves", index);
        if !names.insert(wave.name.as_str()) {
            wrong(
                node.and_then(|node| node.get("name")),
                format!("two waves are named {:?}", wave.name),
                "rename one of them",
            );
        }
        if let Some(soak) = &wave.soak
            && soak.parse::<jiff::SignedDuration>().is_err()
        {
            wrong(
                node.and_then(|node| node.get("soak")),
                format!("{soak:?} is not a duration"),
                "write it as `30m` or `1h`",
            );
        }
    }
    problems
}

/// Neither the value nor its line is shown: it may be a private key that was put here by mistake.
fn recipients(source: &Source, tree: &Node, settings: &Settings) -> Vec<Problem> {
    let nodes = tree.get("ageRecipients").and_then(Node::as_sequence).unwrap_or_default();
    let wrong = settings.age_recipients.iter().zip(nodes).filter(|(recipient, _)| !recipient.starts_with("age1"));
    wrong
        .map(|(_, node)| {
            Problem::error("this is not an age recipient").at(source.hidden_place(node.span, "")).hint(
                "a recipient is the public half of a key pair and starts with `age1`; never put the private half here",
            )
        })
        .collect()
}
