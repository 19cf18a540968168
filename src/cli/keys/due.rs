//! Which keys a cluster has, and which of its certificates are due: what the records say, as a plan wants to hear it.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::desired::{Keys, Revisions};
use crate::pki::{AuthorityName, Certificate, Ends, KeyPhase, lifetime};
use crate::plan;
use crate::planted::{self, Bug};
use crate::resource::{Address, Content, Resource, attribute};
use crate::state::{Records, ResourceRecord};

/// Which certificates are issued anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Those whose time has come: at so many percent of their life. 0: all, whatever their age.
    pub at_percent: u8,
    /// These as well, whatever their age.
    pub also: BTreeSet<Address>,
}

/// The revisions of all keys, and how often the certificate of each parameter must have been issued.
#[must_use]
pub fn desired_keys(records: &Records, renewal: &Renewal, now: Timestamp) -> Keys {
    let mut authorities = BTreeMap::new();
    for name in AuthorityName::ALL {
        let phases = records.authorities(name).map(|(record, phase)| (record.revision, phase));
        authorities.extend(revisions(phases).map(|revisions| (name, revisions)));
    }
    let keys = &records.keys;
    let service_account = keys.service_account.iter().map(|(revision, key)| (*revision, key.phase));
    let encryption = keys.encryption.iter().map(|(revision, phase)| (*revision, *phase));
    Keys {
        authorities,
        service_account: revisions(service_account).unwrap_or_default(),
        encryption: revisions(encryption).unwrap_or_default(),
        issues: issues(records, renewal, now),
    }
}

/// `None`: there is no key yet.
fn revisions(phases: impl Iterator<Item = (u32, KeyPhase)>) -> Option<Revisions> {
    let known: BTreeMap<u32, KeyPhase> = phases.filter(|(_, phase)| *phase != KeyPhase::Dropped).collect();
    let issuing = known.iter().find(|(_, phase)| **phase == KeyPhase::Issuing).map(|(revision, _)| *revision)?;
    Some(Revisions { trusted: known.into_keys().collect(), issuing })
}

fn issues(records: &Records, renewal: &Renewal, now: Timestamp) -> BTreeMap<Address, u32> {
    let mut issues = BTreeMap::new();
    for (address, record) in &records.resources {
        let Some(issued) = issue(&record.applied) else { continue };
        let due = renewal.also.contains(address) || is_due(record, renewal.at_percent, now);
        issues.insert(address.clone(), if due { issued + 1 } else { issued });
    }
    // What a dead run began may be there or not, and its certificate is in no record: none that nobody knows stays in
    // use.
    for (address, made) in plan::begun(records) {
        if let Some(begun) = made.iter().filter_map(issue).max() {
            let least = issues.entry(address).or_insert(0);
            *least = (*least).max(begun + 1);
        }
    }
    issues
}

/// How often the certificate of this parameter was issued; `None`: it holds none.
fn issue(resource: &Resource) -> Option<u32> {
    match resource {
        Resource::Parameter(parameter) => match &parameter.content {
            Content::Certificate(request) => Some(request.issue),
            _ => None,
        },
        _ => None,
    }
}

/// Whether its time has come. One that is not recorded, or cannot be read, is due at once.
fn is_due(record: &ResourceRecord, at_percent: u8, now: Timestamp) -> bool {
    let certificate = record.attributes.get(attribute::CERTIFICATE).and_then(|pem| Certificate::parse(pem).ok());
    !planted::is(Bug::NeverDue) && certificate.is_none_or(|certificate| now >= renew_at(certificate.ends, at_percent))
}

fn renew_at(ends: Ends, percent: u8) -> Timestamp {
    lifetime::renew_at(ends, percent)
}
