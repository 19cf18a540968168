//! DNS names as Route 53 keeps and sorts them. Pure.
//!
//! Source: Route 53 API reference, ListResourceRecordSets ("sorted by name with the labels reversed"), and the
//! developer guide, "DNS domain name format": lowercase, a last dot, and other characters as `\` and three octal digits.

/// The form in which names are stored and answered: lowercase, with the last dot, `*` as `\052`.
#[must_use]
pub fn normalize(name: &str) -> String {
    let mut normal = String::with_capacity(name.len() + 4);
    for byte in name.trim_end_matches('.').bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'\\' => normal.push(char::from(byte)),
            b'A'..=b'Z' => normal.push(char::from(byte.to_ascii_lowercase())),
            other => normal.push_str(&format!("\\{other:03o}")),
        }
    }
    normal.push('.');
    normal
}

/// The key by which records are listed: `www.example.com.` sorts as `com.example.www.`.
#[must_use]
pub fn reversed(normal: &str) -> String {
    let mut labels: Vec<&str> = normal.trim_end_matches('.').split('.').collect();
    labels.reverse();
    // A label separator below every character of a label keeps `a.example` before `a-b.example`.
    labels.join("\u{1}")
}

/// Whether `name` is the zone's own name or below it; both normalized.
#[must_use]
pub fn within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|prefix| prefix.ends_with('.'))
}

/// Whether each label has 1 to 63 characters, the whole at most 255.
#[must_use]
pub fn is_valid(normal: &str) -> bool {
    let bare = normal.trim_end_matches('.');
    let length = |label: &str| label.len() - 3 * label.matches('\\').count();
    !bare.is_empty() && normal.len() <= 255 && bare.split('.').all(|label| (1..=63).contains(&length(label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowercase_dotted_and_escaped() {
        assert_eq!(normalize("*.K8s.Example.com"), "\\052.k8s.example.com.");
        assert_eq!(normalize("\\052.k8s.example.com."), "\\052.k8s.example.com.");
    }

    #[test]
    fn names_sort_by_their_reversed_labels() {
        let mut names = vec!["b.example.com.", "example.com.", "a.b.example.com.", "a.example.com.", "example.org."];
        names.sort_by_key(|name| reversed(name));
        assert_eq!(names, ["example.com.", "a.example.com.", "b.example.com.", "a.b.example.com.", "example.org."]);
    }

    #[test]
    fn only_whole_labels_count_as_within_a_zone() {
        assert!(within("api.k.example.com.", "k.example.com."));
        assert!(within("k.example.com.", "k.example.com."));
        assert!(!within("fook.example.com.", "k.example.com."));
    }

    #[test]
    fn empty_and_long_labels_are_invalid() {
        assert!(is_valid("a.example.com."));
        assert!(!is_valid("a..example.com."));
        assert!(!is_valid(&normalize(&format!("{}.com", "x".repeat(64)))));
    }
}
