//! Cuts a template into text, expressions and blocks, by minijinja's rules, so that marks can be put into it.
//!
//! It does not judge: a template that minijinja refuses is never cut.

use std::ops::Range;

use crate::problem::Problem;
use crate::render::source::Source;

/// What stands between a delimiter and its content: `{{-` and `-}}` take the white space away, `{{+` keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum White {
    Default,
    Remove,
    Keep,
}

impl White {
    fn of(byte: Option<u8>) -> Self {
        match byte {
            Some(b'-') => Self::Remove,
            Some(b'+') => Self::Keep,
            _ => Self::Default,
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Remove => "-",
            Self::Keep => "+",
        }
    }

    fn length(self) -> usize {
        self.sign().len()
    }
}

/// A part of a template; ranges are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that is printed, and what white-space rules leave of it.
    Text(Range<usize>),
    /// `{{ … }}`.
    Expression { whole: Range<usize>, inner: Range<usize>, before: White, after: White },
    /// `{% … %}`, also `{% raw %}` and its end.
    Block { whole: Range<usize>, inner: Range<usize>, before: White, after: White },
    /// `{# … #}`.
    Comment(Range<usize>),
}

/// Operators, brackets and commas of one expression or block: minijinja recurses over chains such as `a ~ b ~ c`, in
/// time that grows with their square (500 take 10 ms in a debug build, 16 000 take 16 s).
const MOST_OPERATORS: usize = 500;

/// Bytes of text that one step may print, see [`in_steps`].
const TEXT_OF_A_STEP: usize = 256;

/// `elif` branches of one file: minijinja recurses over them too.
const MOST_BRANCHES: usize = 1000;

/// What of a template would take minijinja too far.
pub(super) fn too_large(source: &Source) -> Option<Problem> {
    let text = source.text();
    let mut branches = 0;
    for part in parts(text) {
        let (Part::Expression { whole, inner, .. } | Part::Block { whole, inner, .. }) = part else { continue };
        let operators = operators(&text[inner.clone()]);
        if operators > MOST_OPERATORS {
            return Some(
                Problem::error(format!(
                    "an expression of {operators} operators, and at most {MOST_OPERATORS} are read"
                ))
                .at(source.place(source.span(whole.start..whole.start + 2), "starts here"))
                .hint("split it with `{% set %}`, or put the data into the vars"),
            );
        }
        if text[inner].trim_start().starts_with("elif") {
            branches += 1;
            if branches > MOST_BRANCHES {
                return Some(
                    Problem::error(format!("more than {MOST_BRANCHES} `elif` branches"))
                        .at(source.place(source.span(whole), "this is one more"))
                        .hint("put the cases into a mapping of the vars"),
                );
            }
        }
    }
    None
}

/// How much there is to nest: everything that is not part of a word, a number or a string; words that are operators
/// count too.
fn operators(expression: &str) -> usize {
    let mut count = 0;
    let mut quote = None;
    let mut escaped = false;
    for character in expression.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if character == '"' || character == '\'' => quote = Some(character),
            None if character.is_alphanumeric() || character == '_' || character.is_whitespace() => {}
            None => count += 1,
        }
    }
    let words = expression.split_whitespace();
    count + words.filter(|word| matches!(*word, "not" | "and" | "or" | "is" | "in" | "if" | "else")).count()
}

/// The same template with bounds built in: long text cut into pieces that each cost a step, so that a loop over a long
/// text is paid for by its length; and what `set` sets is measured. All that is added stands at the ends of lines and
/// blocks: lines and columns stay what they are.
pub(super) fn in_steps(text: &str) -> String {
    let mut cut = String::with_capacity(text.len() + text.len() / 32);
    for part in parts(text) {
        let (Part::Text(range)
        | Part::Comment(range)
        | Part::Expression { whole: range, .. }
        | Part::Block { whole: range, .. }) = &part;
        let piece = &text[range.clone()];
        if let Part::Block { whole, inner, after, .. } = &part
            && let Some(name) = assigned(&text[inner.clone()])
        {
            // The sign behind belongs to the last block of the two; the line end too.
            let end = whole.end - 2 - after.sign().len();
            cut.push_str(&text[whole.start..end]);
            cut.push_str(&format!("%}}{{% set {name} = {name} | {BOUNDED} {}%}}", after.sign()));
            continue;
        }
        if !matches!(part, Part::Text(_)) || piece.len() <= TEXT_OF_A_STEP || in_raw(text, range.start) {
            cut.push_str(piece);
            continue;
        }
        let mut since = 0;
        for line in piece.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            for character in content.chars() {
                cut.push(character);
                since += character.len_utf8();
                // In the middle of a line columns behind the cut are off; only for lines that nobody reads.
                if since > TEXT_OF_A_STEP * 4 && character != '{' {
                    cut.push_str(CUT);
                    since = 0;
                }
            }
            if since > TEXT_OF_A_STEP && !content.trim().is_empty() && !content.ends_with('{') {
                cut.push_str(CUT);
                since = 0;
            }
            cut.push_str(&line[content.len()..]);
        }
    }
    cut
}

/// The filter that refuses a value that is too large. It runs on everything that `set` sets: otherwise forty lines of
/// `{% set x = x ~ x %}` would fill any memory.
pub(super) const BOUNDED: &str = "__windlass_bounded";

/// The variable that a `set` block with `=` sets; of several at once none.
fn assigned(block: &str) -> Option<&str> {
    let rest = block.trim_start().strip_prefix("set")?;
    let (name, _) = rest.starts_with(char::is_whitespace).then(|| rest.split_once('='))??;
    let name = name.trim();
    let is_name = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    (is_name && !name.is_empty()).then_some(name)
}

/// A comment that takes no white space away.
const CUT: &str = "{#++#}";

/// Whether a text part belongs to a `{% raw %}` block, where a comment would be text.
fn in_raw(text: &str, start: usize) -> bool {
    let before = text[..start].trim_end_matches(['}', '%', '-', '+', ' ', '\t', '\n', '\r']);
    before.ends_with("raw") && !before.ends_with("endraw")
}

/// All parts in order; together they are the whole text.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let bytes = text.as_bytes();
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(start) = next_delimiter(bytes, at) {
        if start > at {
            parts.push(Part::Text(at..start));
        }
        let before = White::of(bytes.get(start + 2).copied());
        if bytes[start + 1] == b'#' {
            let end = find(bytes, start + 2, b"#}").map_or(bytes.len(), |end| end + 2);
            parts.push(Part::Comment(start..end));
            at = end;
            continue;
        }
        let is_expression = bytes[start + 1] == b'{';
        let open = start + 2 + before.length();
        let Some((close, after, end)) = closing(bytes, open, if is_expression { b"}}" } else { b"%}" }) else {
            parts.push(Part::Text(start..bytes.len()));
            return parts;
        };
        let (whole, inner) = (start..end, open..close);
        let is_raw = !is_expression && text[inner.clone()].trim() == "raw";
        parts.push(if is_expression {
            Part::Expression { whole, inner, before, after }
        } else {
            Part::Block { whole, inner, before, after }
        });
        at = end;
        if is_raw && let Some(end) = end_of_raw(text, at) {
            if end > at {
                parts.push(Part::Text(at..end));
            }
            // The end tag is a block like others.
            let before = White::of(bytes.get(end + 2).copied());
            let open = end + 2 + before.length();
            if let Some((close_at, after, whole_end)) = closing(bytes, open, b"%}") {
                parts.push(Part::Block { whole: end..whole_end, inner: open..close_at, before, after });
                at = whole_end;
            }
        }
    }
    if at < bytes.len() {
        parts.push(Part::Text(at..bytes.len()));
    }
    parts
}

fn next_delimiter(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len().saturating_sub(1)).find(|&at| bytes[at] == b'{' && matches!(bytes[at + 1], b'{' | b'%' | b'#'))
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

/// Where an expression or block ends: its content, the sign, and the delimiter behind it. Strings and brackets hide
/// delimiters, as in minijinja.
fn closing(bytes: &[u8], from: usize, delimiter: &[u8; 2]) -> Option<(usize, White, usize)> {
    let (mut at, mut open) = (from, 0_i64);
    while at < bytes.len() {
        if open == 0 {
            if bytes[at..].starts_with(delimiter) {
                return Some((at, White::Default, at + 2));
            }
            if matches!(bytes[at], b'-' | b'+') && bytes[at + 1..].starts_with(delimiter) {
                return Some((at, White::of(Some(bytes[at])), at + 3));
            }
        }
        match bytes[at] {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open -= 1,
            quote @ (b'"' | b'\'') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the `{% endraw %}` stands.
fn end_of_raw(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = text.get(at..)?.find("{%") {
        let start = at + found;
        let inner = text[start + 2..].trim_start_matches(['-', '+']).trim_start();
        if let Some(rest) = inner.strip_prefix("endraw") {
            let rest = rest.trim_start();
            if rest.trim_start_matches(['-', '+']).starts_with("%}") {
                return Some(start);
            }
        }
        at = start + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let parts = parts(text);
        let together: String = parts
            .iter()
            .map(|part| match part {
                Part::Text(whole) | Part::Comment(whole) => &text[whole.clone()],
                Part::Expression { whole, .. } | Part::Block { whole, .. } => &text[whole.clone()],
            })
            .collect();
        assert_eq!(together, text, "the parts are the whole");
        parts
            .into_iter()
            .map(|part| match part {
                Part::Text(range) => format!("text {:?}", &text[range]),
                Part::Comment(range) => format!("comment {:?}", &text[range]),
                Part::Expression { inner, before, after, .. } => {
                    format!("expression{} {:?}{}", before.sign(), &text[inner], after.sign())
                }
                Part::Block { inner, before, after, .. } => {
                    format!("block{} {:?}{}", before.sign(), &text[inner], after.sign())
                }
            })
            .collect()
    }

    #[test]
    fn strings_and_brackets_hide_delimiters() {
        assert_eq!(
            shown(r#"a {{ {"b": {"c": 1}}["b"] ~ "}}" }} {%- if x["%}"] +%} {# {{ #} c"#),
            [
                "text \"a \"",
                r#"expression " {\"b\": {\"c\": 1}}[\"b\"] ~ \"}}\" ""#,
                "text \" \"",
                r#"block- " if x[\"%}\"] "+"#,
                "text \" \"",
                "comment \"{# {{ #}\"",
                "text \" c\"",
            ]
        );
    }

    #[test]
    fn a_raw_block_is_text() {
        assert_eq!(
            shown("{% raw %}{{ x }}{% if %}{% endraw -%} y"),
            ["block \" raw \"", "text \"{{ x }}{% if %}\"", "block \" endraw \"-", "text \" y\""]
        );
    }
}
