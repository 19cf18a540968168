//! When certificates end, when they are renewed, and when people are warned.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::ends::{Ends, at};

/// A lifetime less up to `percent` of it; the same seed always gives the same, different seeds spread evenly, so that
/// certificates that were issued together do not end together.
#[must_use]
pub fn skewed(seconds: u64, percent: u8, seed: &str) -> u64 {
    let digest = Sha256::digest(seed.as_bytes());
    let random = digest.iter().take(8).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let most = u128::from(seconds) * u128::from(percent.min(100)) / 100;
    let less = most * random / u128::from(u64::MAX);
    seconds - u64::try_from(less).unwrap_or(0).min(seconds)
}

/// The moment from which a certificate is to be renewed: when so many percent of its life are over.
#[must_use]
pub fn renew_at(ends: Ends, percent: u8) -> Timestamp {
    let part = u128::from(ends.lifetime()) * u128::from(percent.min(100)) / 100;
    let part = i64::try_from(part).unwrap_or(i64::MAX);
    at(ends.not_before.as_second().saturating_add(part))
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its end is further away than every threshold.
    Good,
    /// So many thresholds are passed, from 1: the higher, the more urgent.
    Warn(u8),
    /// Its last moment is over.
    Expired,
}

/// How a certificate stands, by thresholds in seconds before its end (in any order).
#[must_use]
pub fn standing(ends: Ends, thresholds: &[u64], now: Timestamp) -> Standing {
    let left = ends.not_after.as_second() - now.as_second();
    if left < 0 {
        return Standing::Expired;
    }
    let left = u64::try_from(left).unwrap_or(0);
    let passed = thresholds.iter().filter(|&&threshold| left < threshold).count();
    match u8::try_from(passed).unwrap_or(u8::MAX) {
        0 => Standing::Good,
        level => Standing::Warn(level),
    }
}
