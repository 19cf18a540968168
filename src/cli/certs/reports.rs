//! What members say that they have installed, and what endpoints show: laid beside what is recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::rows::member;
use crate::aws;
use crate::cli::session::Session;
use crate::desired::parameter_path;
use crate::live::{Presented, presented};
use crate::pki::status::MemberStatus;
use crate::pki::{AuthorityName, BACKDATED_SECONDS, LeafName};
use crate::resource::{Kind, attribute};
use crate::state::Records;
use crate::ui::certificates::{Row, Seen};

/// Where endpoints of a member are (Kubernetes documentation, "Ports and protocols").
const PORTS: [(u16, LeafName); 3] =
    [(6443, LeafName::Apiserver), (2379, LeafName::EtcdServer), (2380, LeafName::EtcdPeer)];

/// How long all endpoints together may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Seconds in which what was issued arrives everywhere: members look every half hour, and it may take two looks. Until
/// then the one before it is no alert.
const ARRIVES: i64 = 3600;

/// The members' reports. A document that cannot be read counts as none, and is said.
///
/// # Errors
/// That of the call.
pub async fn reports(session: &Session) -> Result<BTreeMap<String, MemberStatus>, aws::Error> {
    let path = format!("{}status/", parameter_path(session.cluster()));
    let values = aws::parameter_values(&session.aws, &path).await?;
    let read = |(member, text): (String, String)| match MemberStatus::parse(&text) {
        Ok(status) => Some((member, status)),
        Err(error) => {
            session.output.message(&format!("warning: member {member}: {error}"));
            None
        }
    };
    Ok(values.into_iter().filter_map(read).collect())
}

/// Writes into the rows what the members reported.
pub fn compare(rows: &mut [Row], reports: &BTreeMap<String, MemberStatus>, now: Timestamp) {
    for row in rows.iter_mut().filter(|row| row.path.contains("/members/")) {
        row.reported = match reports.get(&row.place) {
            None => Seen::Unreachable(String::from("no report")),
            Some(report) => reported(row, report, now),
        };
    }
}

/// Whether it was issued so lately that it may still be on its way.
fn is_on_its_way(row: &Row, now: Timestamp) -> bool {
    let issued = row.ends.not_before.as_second().saturating_add(i64::try_from(BACKDATED_SECONDS).unwrap_or(0));
    now.as_second() < issued.saturating_add(ARRIVES)
}

fn on_its_way() -> Seen {
    Seen::Unreachable(String::from("not refreshed yet"))
}

fn reported(row: &Row, report: &MemberStatus, now: Timestamp) -> Seen {
    match report.leafs.get(&row.name) {
        Some(serial) if *serial == row.serial => Seen::Same,
        _ if is_on_its_way(row, now) => on_its_way(),
        Some(serial) => Seen::Other { serial: serial.clone(), not_after: None },
        None => Seen::Missing,
    }
}

/// Asks every endpoint that is known which certificate it shows; gives a line about those that do not answer.
pub async fn probe(session: &Session, records: &Records, rows: &mut Vec<Row>) -> Option<String> {
    let addresses = addresses(records);
    let api = format!("api.{}", session.cluster());
    let port = session.specification().cluster.spec.api.port;
    let now = session.clock.now();
    let mut asked = Vec::new();
    for (member, address) in &addresses {
        for (port, leaf) in PORTS {
            asked.push((Some((member.clone(), leaf)), address.clone(), port));
        }
    }
    asked.push((None, api.clone(), port));
    let dials = asked.iter().map(|(_, host, port)| presented(session.dial.as_ref(), host, *port, &api));
    let all = futures_util::future::join_all(dials);
    let Ok(answers) = tokio::time::timeout(PATIENCE, all).await else {
        return Some(String::from("endpoints do not answer from here"));
    };
    let mut silent = Vec::new();
    for ((whose, host, port), answer) in asked.iter().zip(answers) {
        match (answer, whose) {
            (Err(error), _) => silent.push(error.to_string()),
            (Ok(shown), Some((member, leaf))) => {
                let own = |row: &&mut Row| row.place == *member && row.name == leaf.as_str();
                if let Some(row) = rows.iter_mut().find(own) {
                    row.live = live(row, &shown, now);
                }
            }
            (Ok(shown), None) => rows.extend(balanced(rows, &shown, &format!("{host}:{port}"), now)),
        }
    }
    let first = silent.first()?;
    Some(match silent.len() {
        1 => format!("an endpoint does not answer from here: {first}"),
        count => format!("{count} endpoints do not answer from here: {first}, …"),
    })
}

fn live(row: &Row, shown: &Presented, now: Timestamp) -> Seen {
    match shown.chain.first() {
        Some(certificate) if certificate.serial == row.serial => Seen::Same,
        Some(_) if is_on_its_way(row, now) => on_its_way(),
        Some(certificate) => {
            Seen::Other { serial: certificate.serial.clone(), not_after: Some(certificate.ends.not_after) }
        }
        None => Seen::Missing,
    }
}

/// What the load balancer leads to: one of the members' API servers, or something that nobody recorded.
fn balanced(rows: &[Row], shown: &Presented, place: &str, now: Timestamp) -> Option<Row> {
    let certificate = shown.chain.first()?;
    let is_known = |row: &&Row| row.name == LeafName::Apiserver.as_str() && row.serial == certificate.serial;
    let known = rows.iter().find(is_known);
    let mut servers = rows.iter().filter(|row| row.name == LeafName::Apiserver.as_str());
    let template = known.or_else(|| servers.clone().next())?;
    let in_motion = servers.any(|row| is_on_its_way(row, now));
    let mut row = Row::of(certificate, &template.cluster, LeafName::Apiserver.as_str(), AuthorityName::Cluster);
    place.clone_into(&mut row.place);
    row.thresholds.clone_from(&template.thresholds);
    row.standing = template.standing;
    row.live = match known {
        Some(_) => Seen::Same,
        None if in_motion => on_its_way(),
        None => Seen::Other { serial: certificate.serial.clone(), not_after: Some(certificate.ends.not_after) },
    };
    Some(row)
}

/// The members' addresses, by member.
fn addresses(records: &Records) -> BTreeMap<String, String> {
    let members: BTreeSet<&str> = records
        .resources
        .keys()
        .filter(|address| address.kind() == Kind::Parameter)
        .filter_map(|address| member(address.name()))
        .collect();
    let interfaces = records.resources.values().filter(|record| record.address.kind() == Kind::NetworkInterface);
    let known = interfaces.filter_map(|record| {
        let name = record.address.name();
        let member = members.iter().find(|member| name == **member || name.ends_with(&format!("-{member}")))?;
        Some(((*member).to_owned(), record.attributes.get(attribute::PRIVATE_ADDRESS)?.clone()))
    });
    known.collect()
}
