//! Skew, renewal, warnings.

use proptest::prelude::*;

use super::lifetime::{Standing, renew_at, skewed, standing};
use super::*;

const DAY: u64 = 24 * 3600;

#[test]
fn renewal_is_due_at_two_thirds() {
    let ends = Ends::issued_at(now(), 300 * DAY);
    assert_eq!(ends.not_before, moment("2026-11-20T11:55:00Z"));
    assert_eq!(ends.lifetime(), 300 * DAY);
    assert_eq!(renew_at(ends, 67), moment("2027-06-09T11:55:00Z"));
}

#[test]
fn the_nearer_the_end_the_louder() {
    let ends = Ends { not_before: now(), not_after: moment("2027-11-20T12:00:00Z") };
    let thresholds = [90 * DAY, 60 * DAY, 30 * DAY];
    for (at, expected) in [
        ("2027-08-22T12:00:00Z", Standing::Good),
        ("2027-08-22T12:00:01Z", Standing::Warn(1)),
        ("2027-09-22T00:00:00Z", Standing::Warn(2)),
        ("2027-11-20T12:00:00Z", Standing::Warn(3)),
        ("2027-11-20T12:00:01Z", Standing::Expired),
    ] {
        assert_eq!(standing(ends, &thresholds, moment(at)), expected, "{at}");
    }
    assert_eq!(standing(ends, &[], moment("2027-11-20T00:00:00Z")), Standing::Good);
}

#[test]
fn a_lifetime_from_now_on_never_overflows() {
    let ends = Ends::issued_at(now(), u64::MAX);
    assert!(ends.not_after.to_string().starts_with("9999-12-30"));
    assert_eq!(Ends { not_before: ends.not_after, not_after: ends.not_before }.lifetime(), 0);
}

proptest! {
    #[test]
    fn skew_is_the_same_for_the_same_and_stays_within(seconds: u64, percent in 0_u8..=100, seed: String) {
        let once = skewed(seconds, percent, &seed);
        prop_assert_eq!(once, skewed(seconds, percent, &seed));
        let most = u128::from(seconds) * u128::from(percent) / 100;
        prop_assert!(once <= seconds && u128::from(seconds - once) <= most);
        let ends = Ends::issued_at(now(), once);
        let renewal = renew_at(ends, percent);
        prop_assert!(ends.not_before <= renewal && renewal <= ends.not_after);
    }
}

#[test]
fn skew_spreads() {
    let lives: BTreeSet<u64> = (0..100).map(|it| skewed(YEAR, 10, &format!("prod/{it}")) / DAY).collect();
    assert!(lives.len() > 25, "{lives:?}");
    assert!(lives.first() < Some(&335) && lives.last() > Some(&359), "{lives:?}");
}
