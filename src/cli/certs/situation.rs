//! Everything that the decision about a rotation rests on, from records and reports. Pure, but for the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::rows::member;
use crate::cli::kubeconfig;
use crate::cli::session::Session;
use crate::pki::rotation::{CurrentLeaf, Report, Revision, Situation};
use crate::pki::status::MemberStatus;
use crate::pki::{AuthorityName, Certificate, KeyPhase};
use crate::resource::{Content, Resource, attribute};
use crate::state::Records;

/// Members and nodes refresh twice an hour, a quarter of an hour apart at most (`windlass-refresh.timer`).
const REFRESH: u64 = 45 * 60;
/// A report that is older than this many seconds: two refreshes and their spread were missed.
const REPORT_LIMIT: u64 = 2 * 3600;

/// A run has written its parameters so long after it began: three writes a second (Systems Manager's quota) and a push
/// per wave take some minutes.
const RUN: u64 = 15 * 60;

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An authority.
    Authority(AuthorityName),
    /// The key that signs service-account tokens.
    ServiceAccount,
    /// The key that encrypts etcd's content.
    Encryption,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(name) => write!(formatter, "{name} authority"),
            Self::ServiceAccount => formatter.write_str("service-account key"),
            Self::Encryption => formatter.write_str("encryption key"),
        }
    }
}

impl Target {
    /// All recorded revisions.
    ///
    /// # Errors
    /// When a recorded certificate cannot be read.
    pub fn revisions(self, records: &Records) -> anyhow::Result<Vec<Revision>> {
        let bare = |(number, phase)| Revision { number, phase, fingerprint: None };
        match self {
            Self::Authority(name) => records
                .authorities(name)
                .map(|(record, phase)| {
                    let fingerprint = Some(Certificate::parse(&record.pem)?.fingerprint);
                    Ok(Revision { number: record.revision, phase, fingerprint })
                })
                .collect(),
            Self::ServiceAccount => {
                Ok(records.keys.service_account.iter().map(|(number, key)| bare((*number, key.phase))).collect())
            }
            Self::Encryption => {
                Ok(records.keys.encryption.iter().map(|(number, phase)| bare((*number, *phase))).collect())
            }
        }
    }
}

/// The situation of a key now.
///
/// # Errors
/// When a recorded certificate cannot be read.
pub fn situation(
    session: &Session,
    target: Target,
    records: &Records,
    reports: &BTreeMap<String, MemberStatus>,
) -> anyhow::Result<Situation> {
    let now = session.clock.now();
    let revisions = target.revisions(records)?;
    let names = session.specification().cluster.spec.control_plane.members.iter().map(|member| member.name.to_string());
    // What a member trusts it says by authority; of other keys it matters when it last looked for them.
    let said = |it: &MemberStatus| match target {
        Target::Authority(name) => it.report(name, now),
        Target::ServiceAccount | Target::Encryption => Report { age: it.age(now), ..Report::default() },
    };
    let members: BTreeMap<String, Option<Report>> =
        names.map(|member| (member.clone(), reports.get(&member).map(said))).collect();
    let (leafs, silent_wait) = match target {
        // Nodes refresh as members do, and people's kubeconfigs have the trust of the day on which they were made.
        Target::Authority(AuthorityName::Cluster) => {
            (leafs(records, AuthorityName::Cluster), REFRESH.max(kubeconfig::LONGEST.as_secs()))
        }
        Target::Authority(name) => (leafs(records, name), 0),
        // A run writes its parameters some time after it began, and the members look for them after that.
        Target::ServiceAccount | Target::Encryption => (Vec::new(), REFRESH),
    };
    let published = published(target, records, &revisions, now);
    let holders = holders(target, &revisions);
    Ok(Situation { revisions, leafs, members, published, silent_wait, report_limit: REPORT_LIMIT, holders })
}

fn leafs(records: &Records, name: AuthorityName) -> Vec<CurrentLeaf> {
    let leaf = |record: &crate::state::ResourceRecord| {
        let Resource::Parameter(parameter) = &record.applied else { return None };
        let Content::Certificate(request) = &parameter.content else { return None };
        let certificate = Certificate::parse(record.attributes.get(attribute::CERTIFICATE)?).ok()?;
        (request.authority == name).then(|| CurrentLeaf {
            member: member(record.address.name()).unwrap_or_default().to_owned(),
            leaf: request.leaf.to_string(),
            revision: request.revision,
            serial: certificate.serial,
        })
    };
    records.resources.values().filter_map(leaf).collect()
}

/// Seconds since exactly the revisions that are to be trusted were written to their parameter.
fn published(target: Target, records: &Records, revisions: &[Revision], now: Timestamp) -> Option<u64> {
    let mut wanted: Vec<u32> =
        revisions.iter().filter(|it| it.phase != KeyPhase::Dropped).map(|it| it.number).collect();
    wanted.sort_unstable();
    let written = records.resources.values().find(|record| {
        let Resource::Parameter(parameter) = &record.applied else { return false };
        let (is_it, mut has) = match (&parameter.content, target) {
            (Content::Trust { authority, revisions }, Target::Authority(name)) => {
                (*authority == name, revisions.clone())
            }
            (Content::ServiceAccountKeys { revisions }, Target::ServiceAccount)
            | (Content::Encryption { revisions }, Target::Encryption) => (true, revisions.clone()),
            _ => return false,
        };
        has.sort_unstable();
        is_it && has == wanted
    })?;
    // The run's id begins with its date; a run that cannot be dated began just now.
    let begun = begun(&written.run).unwrap_or(now);
    Some(u64::try_from(now.as_second() - begun.as_second()).unwrap_or(0).saturating_sub(RUN))
}

/// When a run began, by its id: `20261120t133302z-1f3a`.
fn begun(run: &str) -> Option<Timestamp> {
    let (date, _) = run.split_once('-')?;
    let date = DateTime::strptime("%Y%m%dt%H%M%Sz", date).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// What may live from the retiring key where nobody reports it.
fn holders(target: Target, revisions: &[Revision]) -> BTreeSet<String> {
    if !revisions.iter().any(|it| it.phase == KeyPhase::Retiring) {
        return BTreeSet::new();
    }
    let said = match target {
        Target::Authority(AuthorityName::Cluster) => {
            "the kubelet of a node that joined before the switch, until it is replaced or has renewed its certificate,"
        }
        Target::Authority(AuthorityName::Etcd | AuthorityName::FrontProxy) => return BTreeSet::new(),
        Target::ServiceAccount => "a pod that was started before the switch, until it is restarted,",
        Target::Encryption => "a Secret in etcd that was not written again since the switch",
    };
    BTreeSet::from([said.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_when_it_began() {
        let date = begun("20261120t133302z-1f3a9c00").map(|date| date.to_string());
        assert_eq!(date.as_deref(), Some("2026-11-20T13:33:02Z"));
        assert_eq!(begun("by-hand"), None);
        assert_eq!(begun("r1"), None);
    }
}
