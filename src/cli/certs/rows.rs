//! Every certificate of a cluster that is in use, as the state branch has it. Pure.

use jiff::Timestamp;

use crate::name::ClusterName;
use crate::pki::{Certificate, KeyPhase};
use crate::resource::{Content, Parameter, Resource, attribute};
use crate::spec::Pki;
use crate::spec::value::Duration;
use crate::state::{Records, ResourceRecord};
use crate::ui::certificates::Row;

/// Where an authority is kept: it is the one thing that no single machine has.
const IN_GIT: &str = "git";

/// All rows: authorities first, then members' certificates by address.
#[must_use]
pub fn rows(cluster: &ClusterName, records: &Records, pki: &Pki, now: Timestamp) -> Vec<Row> {
    let mut rows = authorities(cluster, records, pki, now);
    for record in records.resources.values() {
        rows.extend(leaf(cluster, record, pki, now));
    }
    rows
}

fn authorities(cluster: &ClusterName, records: &Records, pki: &Pki, now: Timestamp) -> Vec<Row> {
    let mut rows = Vec::new();
    for name in crate::pki::AuthorityName::ALL {
        for (record, phase) in records.authorities(name).filter(|(_, phase)| *phase != KeyPhase::Dropped) {
            // The reader of the branch has parsed it already.
            let Ok(certificate) = Certificate::parse(&record.pem) else { continue };
            let title = match phase {
                KeyPhase::Issuing => format!("authority {}", record.revision),
                KeyPhase::Prepared => format!("authority {} (prepared)", record.revision),
                KeyPhase::Retiring | KeyPhase::Dropped => format!("authority {} (retiring)", record.revision),
            };
            let mut row = Row::of(&certificate, cluster.as_str(), &title, name);
            row.place = String::from(IN_GIT);
            row.path = format!("certs/{name}/{}.json", record.serial);
            row.requested_end = Some(record.not_after);
            rows.push(row.warned(seconds(&pki.thresholds.authority), now));
        }
    }
    rows
}

/// The certificate that a parameter holds.
fn leaf(cluster: &ClusterName, record: &ResourceRecord, pki: &Pki, now: Timestamp) -> Option<Row> {
    let Resource::Parameter(Parameter { name, content: Content::Certificate(request), .. }) = &record.applied else {
        return None;
    };
    let certificate = Certificate::parse(record.attributes.get(attribute::CERTIFICATE)?).ok()?;
    let mut row = Row::of(&certificate, cluster.as_str(), request.leaf.as_str(), request.authority);
    row.place = member(record.address.name()).unwrap_or(IN_GIT).to_owned();
    row.path.clone_from(name);
    let lifetime = i64::try_from(request.lifetime).unwrap_or(i64::MAX);
    let asked = certificate.ends.not_before.as_second().saturating_add(lifetime);
    row.requested_end = Timestamp::from_second(asked).ok();
    Some(row.warned(seconds(&pki.thresholds.leaf), now))
}

/// The member of `members/<member>/<leaf>.pem`.
#[must_use]
pub fn member(address: &str) -> Option<&str> {
    address.strip_prefix("members/")?.split('/').next()
}

/// Thresholds in seconds.
#[must_use]
pub fn seconds(thresholds: &[Duration]) -> Vec<u64> {
    thresholds.iter().map(|threshold| threshold.as_seconds()).collect()
}
