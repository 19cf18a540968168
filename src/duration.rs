//! Spans of time as people say them.

/// `45 s`, `3 min 5 s`, `2 h 10 min`.
#[must_use]
pub fn seconds(total: u64) -> String {
    match total {
        0..60 => format!("{total} s"),
        60..3600 if total.is_multiple_of(60) => format!("{} min", total / 60),
        60..3600 => format!("{} min {} s", total / 60, total % 60),
        _ => format!("{} h {} min", total / 3600, total % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn spans_are_short() {
        let said: Vec<String> = [0, 59, 60, 185, 7800].into_iter().map(super::seconds).collect();
        assert_eq!(said, ["0 s", "59 s", "1 min", "3 min 5 s", "2 h 10 min"]);
    }
}
