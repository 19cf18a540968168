//! Names as Route 53 writes, compares and sorts them. Pure.

use std::cmp::Ordering;

/// A name as windlass writes it: lowercase, no last dot, `*` and other characters as they are.
///
/// Route 53 answers with a last dot and writes every character but `a-z 0-9 - _ .` as `\` and three octal digits,
/// `\052` for `*` (developer guide, "DNS domain name format").
pub(super) fn plain(wire: &str) -> String {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire.strip_suffix('.').unwrap_or(wire);
    while let Some(character) = rest.chars().next() {
        let escape = rest.strip_prefix('\\').and_then(|digits| digits.get(..3)).and_then(octal);
        match escape {
            Some(decoded) => {
                name.push(decoded);
                rest = &rest[4..];
            }
            None => {
                name.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    name.to_ascii_lowercase()
}

fn octal(digits: &str) -> Option<char> {
    let all_octal = digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if !all_octal {
        return None;
    }
    u8::from_str_radix(digits, 8).ok().filter(u8::is_ascii).map(char::from)
}

/// A name as Route 53 takes it: with the last dot. It takes `*` as it is.
pub(super) fn wire(name: &str) -> String {
    format!("{name}.")
}

/// The key by which `ListResourceRecordSets` sorts: labels reversed, each with its dot, compared as bytes
/// (API reference: `com.example.www.`, and the last dot takes part).
fn sort_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len() + 1);
    for label in name.rsplit('.') {
        key.push_str(label);
        key.push('.');
    }
    key
}

/// Route 53's order of two plain names.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    sort_key(left).cmp(&sort_key(right))
}

/// The part of a zone's records that one listing has to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Where to start.
    first: String,
    /// The wanted name that sorts last, without a wildcard label.
    last: String,
    /// Whether everything below `last` belongs to the range too.
    with_children: bool,
}

impl Range {
    /// The smallest range that covers all `names`; `None` if there are none.
    ///
    /// Whether a wildcard sorts as `*` or as `\052` is not documented: its whole parent is covered instead.
    pub(super) fn covering<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut range: Option<Self> = None;
        for name in names {
            let (base, wildcard) = match name.strip_prefix("*.") {
                Some(parent) => (parent, true),
                None => (name, false),
            };
            let Some(known) = &mut range else {
                range = Some(Self { first: base.to_owned(), last: base.to_owned(), with_children: wildcard });
                continue;
            };
            if order(base, &known.first) == Ordering::Less {
                base.clone_into(&mut known.first);
            }
            match order(base, &known.last) {
                // A name inside a subtree that is covered as a whole ends the range no later than the subtree.
                Ordering::Greater if known.with_children && is_below(base, &known.last) => {}
                Ordering::Greater => {
                    base.clone_into(&mut known.last);
                    known.with_children = wildcard;
                }
                Ordering::Equal => known.with_children |= wildcard,
                Ordering::Less if wildcard && is_below(&known.last, base) => {
                    base.clone_into(&mut known.last);
                    known.with_children = true;
                }
                Ordering::Less => {}
            }
        }
        range
    }

    /// The name to start a listing with.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// Whether `name`, which a listing came to, and so all that follow, lie behind the range.
    pub(super) fn is_behind(&self, name: &str) -> bool {
        let in_subtree = self.with_children && is_below(name, &self.last);
        !in_subtree && order(name, &self.last) == Ordering::Greater
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|prefix| prefix.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_last_dot_and_their_escapes() {
        assert_eq!(plain(r"\052.Apps.example.com."), "*.apps.example.com");
        assert_eq!(plain("api.example.com"), "api.example.com");
        assert_eq!(plain(r"a\999b.com."), r"a\999b.com");
        assert_eq!(plain(r"short\05"), r"short\05");
    }

    #[test]
    fn names_sort_by_reversed_labels() {
        let mut names = ["www.example.com", "example.com", "a.www.example.com", "example-a.com", "b.example.com"];
        names.sort_by(|left, right| order(left, right));
        assert_eq!(names, ["example-a.com", "example.com", "b.example.com", "www.example.com", "a.www.example.com"]);
    }

    #[test]
    fn a_range_ends_behind_the_last_wanted_name() {
        let range = Range::covering(["api.p.example.com", "etcd.p.example.com"]).expect("there are names");
        assert_eq!(range.first(), "api.p.example.com");
        assert!(!range.is_behind("etcd.p.example.com"));
        assert!(range.is_behind("x.etcd.p.example.com"));
        assert!(range.is_behind("q.example.com"));
    }

    #[test]
    fn a_wildcard_covers_its_whole_parent() {
        for names in [["*.p.example.com", "a.p.example.com"], ["a.p.example.com", "*.p.example.com"]] {
            let range = Range::covering(names).expect("there are names");
            assert_eq!(range.first(), "p.example.com");
            assert!(!range.is_behind("zz.p.example.com"), "{range:?}");
            assert!(range.is_behind("q.example.com"), "{range:?}");
        }
    }

    #[test]
    fn no_names_make_no_range() {
        assert_eq!(Range::covering([]), None);
    }
}
