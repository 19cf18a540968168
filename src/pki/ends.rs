//! The first and the last moment of a certificate. Nothing in windlass has a default for either.

use std::fmt;

use crate::planted::{self, Bug};
use jiff::Timestamp;

/// How far the first moment lies before the issuing: clocks differ, and a certificate that is not valid yet is refused
/// (401 from the API server). Five minutes is what kubeadm and Kubernetes' own signer do.
pub const BACKDATED_SECONDS: u64 = 300;

/// From when to when a certificate is valid, both included, whole seconds as X.509 has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Its first moment.
    pub not_before: Timestamp,
    /// Its last moment.
    pub not_after: Timestamp,
}

impl Ends {
    /// Ends of a certificate that is issued now: back-dated a little, and so many seconds long from end to end.
    #[must_use]
    pub fn issued_at(now: Timestamp, lifetime_seconds: u64) -> Self {
        let lifetime_seconds = if planted::is(Bug::IgnoredLifetime) { 365 * 86_400 } else { lifetime_seconds };
        let now = now.as_second();
        let first = now.saturating_sub(signed(BACKDATED_SECONDS));
        Self { not_before: at(first), not_after: at(first.saturating_add(signed(lifetime_seconds))) }
    }

    /// The same moments in whole seconds.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self { not_before: at(self.not_before.as_second()), not_after: at(self.not_after.as_second()) }
    }

    /// Seconds from the first to the last moment; 0 when they are the wrong way round.
    #[must_use]
    pub fn lifetime(self) -> u64 {
        u64::try_from(self.not_after.as_second() - self.not_before.as_second()).unwrap_or(0)
    }

    /// Whether a moment lies between them, or is one of them.
    #[must_use]
    pub fn contain(self, moment: Timestamp) -> bool {
        (self.not_before.as_second()..=self.not_after.as_second()).contains(&moment.as_second())
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to {}", self.not_before, self.not_after)
    }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// The moment of a count of seconds, at most the end of the year 9999 (where X.509 ends as well).
pub(super) fn at(second: i64) -> Timestamp {
    let whole = |moment: Timestamp| Timestamp::from_second(moment.as_second()).unwrap_or(moment);
    Timestamp::from_second(second).unwrap_or(whole(if second < 0 { Timestamp::MIN } else { Timestamp::MAX }))
}
