//! Certificates as people and other programs see them: a table, metrics, a calendar. All three show the same rows, and
//! no view decides anything.

pub mod calendar;
pub mod openmetrics;
pub mod text;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::pki::{AuthorityName, Certificate, Ends, Standing, Subject, lifetime};

/// One certificate at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The cluster that it belongs to.
    pub cluster: String,
    /// What it is: `etcd-peer`, `authority 1`, `apiserver`.
    pub name: String,
    /// Who signed it; an authority's own: which it is.
    pub authority: AuthorityName,
    /// Where it is: a member's name, `git`, an endpoint.
    pub place: String,
    /// The name of the parameter or the path of the file that holds it; empty when it is nowhere but in git.
    pub path: String,
    /// Serial number, lowercase hexadecimal.
    pub serial: String,
    /// Whom it is for.
    pub subject: Subject,
    /// Who signed it, as it says itself.
    pub issuer: Subject,
    /// From when to when it is valid, as read from it.
    pub ends: Ends,
    /// The last moment that was asked for when it was issued; `None` when that is not recorded (imported).
    pub requested_end: Option<Timestamp>,
    /// How long before its end people are warned, seconds: those of `spec.pki.thresholds` for what it is.
    pub thresholds: Vec<u64>,
    /// How it stands by the thresholds.
    pub standing: Standing,
    /// What the member says that it has installed.
    pub reported: Seen,
    /// What the endpoint shows.
    pub live: Seen,
}

impl Row {
    /// A row with what the certificate itself says; everything else is filled in by whoever knows it.
    #[must_use]
    pub fn of(certificate: &Certificate, cluster: &str, name: &str, authority: AuthorityName) -> Self {
        Self {
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            authority,
            place: String::from("git"),
            path: String::new(),
            serial: certificate.serial.clone(),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            ends: certificate.ends,
            requested_end: None,
            thresholds: Vec::new(),
            standing: Standing::Good,
            reported: Seen::NotAsked,
            live: Seen::NotAsked,
        }
    }

    /// The same with these thresholds, and how it stands by them now.
    #[must_use]
    pub fn warned(mut self, thresholds: Vec<u64>, now: Timestamp) -> Self {
        self.standing = lifetime::standing(self.ends, &thresholds, now);
        self.thresholds = thresholds;
        self
    }

    /// Whether it is something else than what was asked for, or something else is in use: an alert.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        let other_end = self.requested_end.is_some_and(|end| end.as_second() != self.ends.not_after.as_second());
        other_end || self.reported.is_mismatch() || self.live.is_mismatch()
    }
}

/// What was seen of a certificate where it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Nobody looked, or there is nothing to look at.
    #[default]
    NotAsked,
    /// This one is in use.
    Same,
    /// Another one is in use.
    Other {
        /// Its serial number, lowercase hexadecimal.
        serial: String,
        /// Its last moment, if that was seen.
        not_after: Option<Timestamp>,
    },
    /// None is in use.
    Missing,
    /// Nobody answered: why.
    Unreachable(String),
}

impl Seen {
    /// Whether something else is in use. Silence is no mismatch.
    #[must_use]
    pub const fn is_mismatch(&self) -> bool {
        matches!(self, Self::Other { .. } | Self::Missing)
    }
}
