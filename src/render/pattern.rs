//! Patterns over names, such as `prod-*`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pattern over a whole name: `*` stands for any characters (none too), `?` for exactly one, everything else for
/// itself. `prod-*` fits `prod-customer.k8s.foo.bar`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern from its text; every text is one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `name` fits.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        // The last `*` seen, and how much of the name it takes: going back to only the last one keeps this linear-ish.
        let (mut at, mut of, mut star) = (0, 0, None);
        while of < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, of));
                    at += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == name[of] => {
                    at += 1;
                    of += 1;
                }
                _ => match star {
                    Some((star_at, star_of)) => {
                        star = Some((star_at, star_of + 1));
                        at = star_at + 1;
                        of = star_of + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|&rest| rest == '*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_a_question_mark_for_one_character() {
        for (pattern, name, fits) in [
            ("prod-*", "prod-customer.k8s.foo.bar", true),
            ("prod-*", "staging-customer.k8s.foo.bar", false),
            ("*", "", true),
            ("*-customer.*", "prod-customer.k8s.foo.bar", true),
            ("*.bar", "a.bar.bar", true),
            ("pr?d", "prod", true),
            ("pr?d", "prd", false),
            ("prod", "prod-a", false),
            ("a*b*c", "a-b-b-c", true),
            ("", "x", false),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), fits, "{pattern} on {name}");
        }
    }
}
