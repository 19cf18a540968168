//! What templates can call: the filters that infrastructure YAML needs, and `snippet`.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};

use super::session::Session;
use super::{Snippets, mark, network, scan, yaml_text};
use crate::render::image::{InvalidReference, Reference};
use crate::render::nearest::did_you_mean;

/// Wider indentation is a mistake, and a way to fill the memory.
const WIDEST_INDENT: usize = 200;

/// Lists and mappings inside each other; deeper ones are a mistake, and a way to exhaust the stack.
pub(super) const DEEPEST: usize = 64;

/// Bytes that one list or mapping may print.
const LARGEST_VALUE: usize = 1024 * 1024;

/// Bytes that a filter may make of less.
const LARGEST_TEXT: usize = 10 * 1024 * 1024;

/// Of what minijinja brings, the names that are taken away: they escape for HTML, which has no meaning here, print all
/// vars, or make any amount of memory from a number.
const REMOVED_FILTERS: [&str; 7] = ["safe", "escape", "e", "pprint", "format", "batch", "slice"];

/// Adds what does not depend on a rendering.
pub(super) fn add(environment: &mut Environment<'static>) {
    for name in REMOVED_FILTERS {
        environment.remove_filter(name);
    }
    environment.remove_global("debug");
    // Values never change: a template cannot build one that contains itself, nor grow one in a loop.
    environment.remove_global("namespace");
    environment.add_filter("indent", indent);
    environment.add_filter("nindent", |text: &Value, width: usize| {
        Ok::<_, Error>(format!("\n{}", indented(&printed(text)?, width, true)?))
    });
    environment.add_filter(scan::BOUNDED, bounded);
    environment.add_filter("replace", replace);
    environment.add_filter("join", join);
    environment.add_filter("quote", |value: &Value| Ok::<_, Error>(yaml_text::quoted(&printed(value)?)));
    environment.add_filter("b64encode", |value: &Value| {
        Ok::<_, Error>(data_encoding::BASE64.encode(mark::strip(&printed(value)?).as_bytes()))
    });
    environment.add_filter("tojson", json);
    environment.add_filter("to_json", json);
    environment.add_filter("to_yaml", |value: &Value| yaml_text::write(value, None));
    environment.add_filter("image", image);
    environment.add_filter("cidrsubnet", |network: &Value, bits: u8, number: u32| {
        network::subnet(&mark::strip(&printed(network)?), bits, number)
            .map_err(|why| Error::new(ErrorKind::InvalidOperation, why))
    });
}

/// Adds what belongs to one rendering.
pub(super) fn bind(environment: &mut Environment<'static>, session: &Arc<Session>, snippets: &Arc<Snippets>) {
    let of = Arc::clone(session);
    environment.set_formatter(move |output, _, value| write(output, value, &of));
    let (of, from) = (Arc::clone(session), Arc::clone(snippets));
    environment.add_function("snippet", move |state: &mut State<'_, '_>, name: &Value, rest: Rest<Value>| {
        if !rest.is_empty() {
            return Err(Error::new(ErrorKind::TooManyArguments, "snippet takes one name; it sees the same vars"));
        }
        let path = snippet_path(&from, name)?;
        let text = of
            .nested(state, path)
            .map_err(|error| Error::new(ErrorKind::BadInclude, format!("in {path}")).with_source(error))?;
        // The line end behind the last line is the template's business.
        Ok(Value::from(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)))
    });
    let of = Arc::clone(session);
    environment.add_filter("required", move |value: &Value, why: &str| required(&of, value, why));
    if session.sites().is_none() {
        return;
    }
    let of = Arc::clone(session);
    environment.add_filter("to_yaml", move |value: &Value| yaml_text::write(value, Some(&of)));
    let of = Arc::clone(session);
    environment.add_function(mark::BEGIN_FUNCTION, move || of.begin());
    let of = Arc::clone(session);
    environment.add_function(mark::END_FUNCTION, move |_: &Value, site: usize, names: bool, value: &Value| {
        let text = printed(value)?;
        let number = of.end(site, &text, names);
        Ok::<_, Error>(mark::emission(number, &text))
    });
    environment.add_function(mark::OPEN_FUNCTION, {
        let of = Arc::clone(session);
        move |site: usize| {
            of.begin();
            mark::open(of.end(site, "", false))
        }
    });
    environment.add_function(mark::CLOSE_FUNCTION, mark::close);
}

fn snippet_path<'a>(snippets: &'a Snippets, name: &Value) -> Result<&'a str, Error> {
    let Some(written) = name.as_str() else {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("snippet takes a name in text, not {}", kind(name)),
        ));
    };
    let written = mark::strip(written);
    snippets.path(&written).ok_or_else(|| Error::new(ErrorKind::TemplateNotFound, written.into_owned()))
}

/// Why there is no snippet of a name, and what to do about it.
pub(super) fn no_snippet(snippets: &Snippets, name: &str) -> (String, Option<String>) {
    if name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|part| part == "..") {
        let message = format!("snippet {name:?} is not beneath snippets/");
        return (message, Some(String::from("a template reads no other file; name a file of snippets/")));
    }
    let names: Vec<&str> = snippets.file_names().collect();
    let hint = did_you_mean(name, names).or_else(|| Some(String::from("there is no file in snippets/ yet")));
    (format!("there is no snippet {name:?}"), hint)
}

/// What a value is, as messages name it.
pub(super) fn kind(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "nothing",
        ValueKind::None => "null",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "a string",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "a function",
    }
}

/// How a value prints: text as it is, everything else as JSON, which is YAML too.
pub(super) fn printed(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    match value.as_str() {
        Some(verbatim) => text.push_str(verbatim),
        None if value.is_undefined() => {}
        None => write_json(value, &mut text, 0)?,
    }
    Ok(text)
}

fn write_json(value: &Value, text: &mut String, depth: usize) -> Result<(), Error> {
    let refused = |why: String| Err(Error::new(ErrorKind::InvalidOperation, why));
    if depth > DEEPEST || text.len() > LARGEST_VALUE {
        return refused(format!("{} is too large to print", kind(value)));
    }
    if let Some(inner) = value.as_str() {
        text.push_str(&yaml_text::quoted(inner));
        return Ok(());
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => text.push_str("null"),
        ValueKind::Bool | ValueKind::Number => match serde_json::to_string(value) {
            Ok(scalar) => text.push_str(&scalar),
            Err(error) => return refused(format!("{} cannot be printed: {error}", kind(value))),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            text.push('[');
            for (index, item) in value.try_iter()?.enumerate() {
                if index > 0 {
                    text.push(',');
                }
                if text.len() > LARGEST_VALUE {
                    return refused(String::from("the list is too large to print"));
                }
                write_json(&item, text, depth + 1)?;
            }
            text.push(']');
        }
        ValueKind::Map => {
            text.push('{');
            for (index, key) in value.try_iter()?.enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&yaml_text::quoted(&printed(&key)?));
                text.push(':');
                write_json(&value.get_item(&key)?, text, depth + 1)?;
            }
            text.push('}');
        }
        _ => return refused(format!("{} cannot be printed", kind(value))),
    }
    Ok(())
}

/// minijinja's own way prints `True` and `None`.
fn write(output: &mut Output<'_>, value: &Value, session: &Session) -> Result<(), Error> {
    let text = match value.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(printed(value)?),
    };
    if !session.may_print(text.len()) {
        return Err(too_long());
    }
    output.write_str(&text).map_err(Error::from)
}

fn too_long() -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("the text would be longer than {LARGEST_TEXT} bytes"))
}

/// Refuses a text or list that has grown too large.
fn bounded(value: Value) -> Result<Value, Error> {
    match value.as_str() {
        Some(text) if text.len() > LARGEST_VALUE => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("the text is longer than {LARGEST_VALUE} bytes")))
        }
        None if value.kind() == ValueKind::Seq && value.len().is_some_and(|length| length > LARGEST_VALUE) => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("the list has more than {LARGEST_VALUE} items")))
        }
        _ => Ok(value),
    }
}

fn replace(text: &Value, from: &str, to: &str) -> Result<String, Error> {
    let text = printed(text)?;
    let grows = text.matches(from).count().saturating_mul(to.len().saturating_sub(from.len()));
    if text.len().saturating_add(grows) > LARGEST_TEXT { Err(too_long()) } else { Ok(text.replace(from, to)) }
}

fn join(list: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut joined = String::new();
    for (index, item) in list.try_iter()?.enumerate() {
        if index > 0 {
            joined.push_str(separator.unwrap_or_default());
        }
        joined.push_str(&printed(&item)?);
        if joined.len() > LARGEST_TEXT {
            return Err(too_long());
        }
    }
    Ok(joined)
}

/// A reference to a container image, with its registry replaced by the mirror that a mapping has for it.
fn image(reference: &Value, registries: Option<&Value>) -> Result<String, Error> {
    let refused = |why: String| Error::new(ErrorKind::InvalidOperation, why);
    let Some(text) = reference.as_str() else {
        return Err(refused(format!("image takes a reference in text, not {}", kind(reference))));
    };
    let text = mark::strip(text);
    let reference: Reference = text.parse().map_err(|why: InvalidReference| refused(why.to_string()))?;
    let mirrors = match registries {
        Some(registries) if registries.kind() == ValueKind::Map => registries,
        Some(other) => {
            let why = format!("image takes a mapping from registries to mirrors, not {}", kind(other));
            return Err(refused(why));
        }
        None => return Ok(text.into_owned()),
    };
    let mirror = mirrors.get_item(&Value::from(reference.registry()))?;
    if mirror.is_undefined() || mirror.is_none() {
        return Ok(text.into_owned());
    }
    let mirror = printed(&mirror)?;
    reference.mirrored(&mark::strip(&mirror)).map_err(|why| refused(why.to_string()))
}

fn json(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(yaml_text::quoted(text)),
        None => printed(value),
    }
}

fn indent(text: &Value, width: usize, first: Option<bool>, options: Kwargs) -> Result<String, Error> {
    let first = first.or(options.get("first")?).unwrap_or(false);
    options.assert_all_used()?;
    indented(&printed(text)?, width, first)
}

/// Indents all lines (or all but the first); empty lines stay empty.
fn indented(text: &str, width: usize, first: bool) -> Result<String, Error> {
    if width > WIDEST_INDENT {
        let why = format!("an indentation of {width} is more than {WIDEST_INDENT}");
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    let space = " ".repeat(width);
    let mut result = String::with_capacity(text.len() + width * 8);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let blank = mark::strip(line).trim().is_empty();
        if (first || index > 0) && !blank {
            result.push_str(&space);
        }
        result.push_str(line);
    }
    Ok(result)
}

/// The key that is missing goes into the message: an error of a filter does not say what it was given.
fn required(session: &Session, value: &Value, why: &str) -> Result<Value, Error> {
    if !value.is_undefined() && !value.is_none() {
        return Ok(value.clone());
    }
    let path = if value.is_undefined() { session.last_miss(|_| true).map(|miss| miss.path()) } else { None };
    let what = path.map_or_else(|| String::from("a required value is null"), |path| format!("`{path}` is not set"));
    Err(Error::new(ErrorKind::InvalidOperation, format!("{what}: {why}")))
}
