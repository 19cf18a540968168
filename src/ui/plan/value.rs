//! Values of fields as a person reads them: short ones in a line, long texts and documents as line diffs.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Longest value that stands in its line; a longer one is shown as lines, or shortened in a summary.
const INLINE: usize = 60;

/// Unchanged lines around a changed one.
const CONTEXT: usize = 3;

/// A value in one line, whole.
pub(super) fn inline(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::from("(none)"),
        // A reference reads best as the address that it is.
        Some(Value::String(text)) if is_reference(text) => text[1..].to_owned(),
        Some(Value::Array(list)) if list.iter().all(|it| it.is_string() || it.is_number()) => {
            let items: Vec<String> = list.iter().map(|it| inline(Some(it))).collect();
            format!("[{}]", items.join(", "))
        }
        Some(value) => rule(value).unwrap_or_else(|| value.to_string()),
    }
}

/// A rule of a security group, as a person would say it: `tcp 22 10.9.0.0/16 (SSH)`.
fn rule(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let peer = fields.get("peer")?.as_object()?.values().next();
    let protocol = match text("protocol")? {
        "-1" => "all",
        protocol => protocol,
    };
    let ports = match fields.get("ports").and_then(Value::as_array).map(Vec::as_slice) {
        Some([first, last]) if first == last => format!(" {first}"),
        Some([first, last]) => format!(" {first}-{last}"),
        _ => String::new(),
    };
    let peer = match peer {
        Some(Value::String(text)) if !is_reference(text) => text.clone(),
        peer => inline(peer),
    };
    Some(format!("{protocol}{ports} {peer} ({})", text("description")?))
}

/// A value in one line, shortened if it is long.
pub(super) fn brief(value: Option<&Value>) -> String {
    if let Some(Value::String(text)) = value
        && text.contains('\n')
    {
        return format!("({} lines)", text.lines().count());
    }
    let whole = inline(value);
    if whole.chars().count() <= INLINE {
        return whole;
    }
    match value {
        Some(Value::Array(list)) => format!("({} elements)", list.len()),
        Some(Value::Object(map)) => format!("({} fields)", map.len()),
        _ => format!("{}…", whole.chars().take(INLINE).collect::<String>()),
    }
}

/// Whether the two are better shown as lines than side by side.
pub(super) fn is_long(before: Option<&Value>, after: Option<&Value>) -> bool {
    [before, after].into_iter().flatten().any(|value| {
        let many_lines = value.as_str().is_some_and(|text| text.contains('\n'));
        many_lines || (rule(value).is_none() && inline(Some(value)).chars().count() > INLINE)
    })
}

/// One line of a diff.
pub(super) struct Line {
    pub(super) tag: ChangeTag,
    pub(super) text: String,
}

/// The lines that lead from one value to another, with a little context; `None` between distant places.
pub(super) fn line_diff(before: Option<&Value>, after: Option<&Value>) -> Vec<Option<Line>> {
    let (before, after) = (lines(before), lines(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut found = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        if !found.is_empty() {
            found.push(None);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = change.value().trim_end_matches('\n').to_owned();
            found.push(Some(Line { tag: change.tag(), text }));
        }
    }
    found
}

/// How many lines come and go.
pub(super) fn line_counts(before: Option<&Value>, after: Option<&Value>) -> (usize, usize) {
    let lines = line_diff(before, after);
    let count = |tag: ChangeTag| lines.iter().flatten().filter(|line| line.tag == tag).count();
    (count(ChangeTag::Insert), count(ChangeTag::Delete))
}

fn lines(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.ends_with('\n') => text.clone(),
        Some(Value::String(text)) => format!("{text}\n"),
        Some(value) => {
            let mut value = value.clone();
            value.sort_all_objects();
            // A value always serializes.
            format!("{}\n", serde_json::to_string_pretty(&value).unwrap_or_default())
        }
    }
}

fn is_reference(text: &str) -> bool {
    text.strip_prefix('@').is_some_and(|rest| rest.parse::<crate::resource::Address>().is_ok())
}
