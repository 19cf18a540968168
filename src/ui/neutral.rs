//! Text that others wrote, made harmless for whoever reads it: a terminal must not obey what a name of a pull request
//! says, nor must the CI system whose log it goes into.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Who is to be kept from obeying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// People and their terminals: no control characters, no turned direction of writing, no commands to CI systems.
    People,
    /// Programs, which read text as it is: only what terminals obey is taken out of it.
    Programs,
}

/// Commands that CI systems take from the beginning of a line of a log: GitHub's workflow commands, in both forms, and
/// those of Azure Pipelines.
const COMMANDS: [&str; 3] = ["::", "##[", "##vso["];

/// The text, with what would be obeyed made visible instead. Colours stay.
#[must_use]
pub fn text(text: &str, readers: For) -> Cow<'_, str> {
    let is_loud = |c: char| is_control(c) || (readers == For::People && (is_turned(c) || c == ':' || c == '#'));
    if !text.chars().any(is_loud) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let begun = line.trim_start();
        if readers == For::People && COMMANDS.iter().any(|command| begun.starts_with(command)) {
            // A word joiner: it is not seen, and the line begins with it.
            out.push('\u{2060}');
        }
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            match c {
                '\u{1b}' if colour(rest).is_some() => {
                    let sequence = colour(rest).unwrap_or_default();
                    out.push_str(sequence);
                    rest = &rest[sequence.len()..];
                    continue;
                }
                '\r' if after.starts_with('\n') => out.push(c),
                c if is_control(c) || (readers == For::People && is_turned(c)) => {
                    // Writing to a String cannot fail.
                    let _written = write!(out, "{}", c.escape_unicode());
                }
                c => out.push(c),
            }
            rest = after;
        }
    }
    Cow::Owned(out)
}

/// What terminals obey: C0 and C1 controls and DEL, without tabs and line ends.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

/// What turns the direction of writing, so that text reads as what it is not ("Trojan Source", CVE-2021-42574).
const fn is_turned(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

/// A sequence that sets colours as windlass does, at the beginning of `text`. None that hides text: neither concealed nor
/// black, nor any background.
fn colour(text: &str) -> Option<&str> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find('m')?;
    let known = |code: &str| {
        matches!(code, "" | "0" | "1" | "2" | "3" | "4" | "22" | "23" | "24" | "39")
            || matches!(code.as_bytes(), [b'3' | b'9', b'1'..=b'7'])
    };
    body[..end].split(';').all(known).then(|| &text[..end + 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_made_visible_and_colours_stay() {
        for (hostile, shown) in [
            ("a\u{1b}]0;title\u{7}b", "a\\u{1b}]0;title\\u{7}b"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{1b}[31mred\u{1b}[0m", "\u{1b}[31mred\u{1b}[0m"),
            ("\u{1b}[8mhidden", "\\u{1b}[8mhidden"),
            ("\u{1b}[30;40mblack", "\\u{1b}[30;40mblack"),
            ("over\rwritten", "over\\u{d}written"),
            ("end\r\nnext\tcolumn", "end\r\nnext\tcolumn"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ] {
            assert_eq!(text(hostile, For::People), shown);
            assert_eq!(text(hostile, For::Programs), shown);
        }
        assert_eq!(text("a\u{202e}b", For::People), "a\\u{202e}b");
        assert_eq!(text("a\u{202e}b", For::Programs), "a\u{202e}b");
    }

    #[test]
    fn no_line_is_a_command_to_a_ci_system() {
        for command in ["::set-output name=a::b", "  ::error::x", "##[group]a", "\t##vso[task.setvariable]b"] {
            let shown = text(command, For::People);
            assert!(!COMMANDS.iter().any(|it| shown.trim_start().starts_with(it)), "{shown}");
            assert!(shown.ends_with(command), "and nothing else is changed");
            assert_eq!(text(command, For::Programs), command);
        }
        assert_eq!(text("a ::1 b # c", For::People), "a ::1 b # c");
    }
}
