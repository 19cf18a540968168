//! "Did you mean": the nearest right word to a wrong one.

/// The candidate that is most like a word, if one is like it enough to be meant: case and `-`, `_` aside the same, or at
/// most a third of its letters wrong, or one the beginning of the other.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['-', '_', '.'], "").to_lowercase();
    let wanted = plain(word);
    let length = wanted.chars().count();
    let limit = if length < 2 { 0 } else { (length / 3).max(1) };
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            let plain = plain(candidate);
            let begins =
                length >= 3 && (plain.starts_with(&wanted) || (plain.len() >= 3 && wanted.starts_with(&plain)));
            let distance = match strsim::damerau_levenshtein(&plain, &wanted) {
                far if far > limit && begins => limit,
                distance => distance,
            };
            (distance, candidate)
        })
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The hint for a wrong word: the nearest right one, or else all of them when they are few.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(nearest) = nearest(word, candidates.clone()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    match all.len() {
        0 => None,
        1..=12 => Some(format!("there is {}", listed(&all))),
        more => Some(format!("there are {more}, among them {}", listed(&all[..8]))),
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_word() {
        assert_eq!(nearest("minsize", ["maxSize", "minSize"]), Some("minSize"));
        assert_eq!(nearest("spot_4x_32GB", ["spot_8x", "spot_4x_32Gb"]), Some("spot_4x_32Gb"));
        assert_eq!(nearest("regoin", ["region", "zone"]), Some("region"));
        assert_eq!(nearest("subnet", ["subnets", "zones"]), Some("subnets"));
    }

    #[test]
    fn a_word_like_no_other_finds_nothing() {
        assert_eq!(nearest("zone", ["account", "vpc"]), None);
        assert_eq!(nearest("x", ["a", "y"]), None);
        assert_eq!(did_you_mean("zone", ["vpc", "account"]), Some(String::from("there is `account`, `vpc`")));
        assert_eq!(did_you_mean("zone", []), None);
    }
}
