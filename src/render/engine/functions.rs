//! What templates can call: the filters that infrastructure YAML needs, and `snippet`.

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};

use super::session::Session;
use super::{Snippets, mark, network, yaml_text};
use crate::render::nearest::did_you_mean;

/// Wider indentation is a mistake, and a way to fill the memory.
const WIDEST_INDENT: usize = 200;

/// Of what minijinja brings, the names that are taken away: they escape for HTML, which has no meaning here, or print
/// all vars.
const REMOVED_FILTERS: [&str; 5] = ["safe", "escape", "e", "pprint", "format"];

/// Adds what does not depend on a rendering.
pub(super) fn add(environment: &mut Environment<'static>) {
    for name in REMOVED_FILTERS {
        environment.remove_filter(name);
    }
    environment.remove_global("debug");
    environment.add_filter("indent", indent);
    environment.add_filter("nindent", |text: &Value, width: usize| {
        Ok::<_, Error>(format!("\n{}", indented(&printed(text)?, width, true)?))
    });
    environment.add_filter("quote", |value: &Value| Ok::<_, Error>(yaml_text::quoted(&printed(value)?)));
    environment.add_filter("b64encode", |value: &Value| {
        Ok::<_, Error>(data_encoding::BASE64.encode(mark::strip(&printed(value)?).as_bytes()))
    });
    environment.add_filter("tojson", json);
    environment.add_filter("to_json", json);
    environment.add_filter("to_yaml", |value: &Value| yaml_text::write(value, None));
    environment.add_filter("cidrsubnet", |network: &Value, bits: u8, number: u32| {
        network::subnet(&mark::strip(&printed(network)?), bits, number)
            .map_err(|why| Error::new(ErrorKind::InvalidOperation, why))
    });
}

/// Adds what belongs to one rendering.
pub(super) fn bind(environment: &mut Environment<'static>, session: &Arc<Session>, snippets: &Arc<Snippets>) {
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
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    match value.kind() {
        ValueKind::Undefined => Ok(String::new()),
        ValueKind::Plain | ValueKind::Invalid | ValueKind::Bytes => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("{} cannot be printed", kind(value))))
        }
        _ => serde_json::to_string(value).map_err(|error| {
            Error::new(ErrorKind::BadSerialization, format!("{} cannot be printed", kind(value))).with_source(error)
        }),
    }
}

/// minijinja's own way prints `True` and `None`.
pub(super) fn write(output: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => output.write_str(text).map_err(Error::from),
        None => output.write_str(&printed(value)?).map_err(Error::from),
    }
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
