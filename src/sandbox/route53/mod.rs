//! Route 53: hosted zones and their records, imitated.
//!
//! Source: Route 53 API reference (2013-04-01). Nothing here resolves names.

mod change;
mod changes;
mod name;
mod record;
mod records;
mod tags;
#[cfg(test)]
mod tests;
mod zones;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::wire::{Call, Operation, Refusal, Route, Xml};
use super::world::{Live, World};

pub use name::normalize;
pub use record::{AliasTarget, Record, Routing};

/// Seconds from PENDING to INSYNC: "generally within 60 seconds" (GetChange); 30 s is typical.
const SYNC_SECONDS: i64 = 30;

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// By id, `Z…`.
    pub zones: BTreeMap<String, Zone>,
    /// When each change was sent, by id, `C…`.
    pub changes: BTreeMap<String, Timestamp>,
}

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zone {
    /// `Z…`.
    pub id: String,
    /// Normalized, with the last dot.
    pub name: String,
    /// What makes CreateHostedZone repeatable.
    pub caller_reference: String,
    /// Comment.
    pub comment: Option<String>,
    /// Region and id of the VPCs of a private zone; empty for a public one.
    pub vpcs: Vec<(String, String)>,
    /// Whether only VPCs see it.
    pub private: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// In the order in which they are listed.
    pub records: Vec<Record>,
}

impl Zone {
    /// A zone with the records that each has from the start: NS and SOA.
    #[must_use]
    pub fn new(id: &str, name: &str, caller_reference: &str) -> Self {
        let name = normalize(name);
        let record = |record_type: &str, ttl, values: Vec<String>| Record {
            name: name.clone(),
            record_type: record_type.to_owned(),
            ttl: Some(ttl),
            values,
            alias: None,
            set_identifier: None,
            routing: None,
            health_check: None,
        };
        let soa = format!("{} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", SERVERS[0]);
        let servers = SERVERS.iter().map(|server| format!("{server}.")).collect();
        let records = vec![record("NS", 172_800, servers), record("SOA", 900, vec![soa])];
        Self {
            id: id.to_owned(),
            name,
            caller_reference: caller_reference.to_owned(),
            comment: None,
            vpcs: Vec::new(),
            private: false,
            tags: BTreeMap::new(),
            records,
        }
    }
}

/// The name servers of every zone.
const SERVERS: [&str; 4] = ["ns-1.awsdns-01.org", "ns-2.awsdns-02.com", "ns-3.awsdns-03.net", "ns-4.awsdns-04.co.uk"];

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateHostedZone", zones::create),
    ("GetHostedZone", zones::get),
    ("DeleteHostedZone", zones::delete),
    ("ListHostedZones", zones::list),
    ("ListHostedZonesByName", zones::list_by_name),
    ("ListHostedZonesByVPC", zones::list_by_vpc),
    ("GetHostedZoneCount", zones::count),
    ("AssociateVPCWithHostedZone", zones::associate),
    ("DisassociateVPCFromHostedZone", zones::disassociate),
    ("ChangeResourceRecordSets", records::change),
    ("ListResourceRecordSets", records::list),
    ("GetChange", changes::get),
    ("ChangeTagsForResource", tags::change),
    ("ListTagsForResource", tags::list),
    ("ListTagsForResources", tags::list_many),
];

/// Method, path and operation of the REST protocol.
pub const ROUTES: &[Route] = &[
    ("POST", "/2013-04-01/hostedzone", "CreateHostedZone"),
    ("GET", "/2013-04-01/hostedzone", "ListHostedZones"),
    ("GET", "/2013-04-01/hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", "/2013-04-01/hostedzonesbyvpc", "ListHostedZonesByVPC"),
    ("GET", "/2013-04-01/hostedzonecount", "GetHostedZoneCount"),
    ("GET", "/2013-04-01/hostedzone/{Id}", "GetHostedZone"),
    ("DELETE", "/2013-04-01/hostedzone/{Id}", "DeleteHostedZone"),
    ("POST", "/2013-04-01/hostedzone/{Id}/associatevpc", "AssociateVPCWithHostedZone"),
    ("POST", "/2013-04-01/hostedzone/{Id}/disassociatevpc", "DisassociateVPCFromHostedZone"),
    ("POST", "/2013-04-01/hostedzone/{Id}/rrset", "ChangeResourceRecordSets"),
    ("GET", "/2013-04-01/hostedzone/{Id}/rrset", "ListResourceRecordSets"),
    ("GET", "/2013-04-01/change/{Id}", "GetChange"),
    ("POST", "/2013-04-01/tags/{ResourceType}/{ResourceId}", "ChangeTagsForResource"),
    ("GET", "/2013-04-01/tags/{ResourceType}/{ResourceId}", "ListTagsForResource"),
    ("POST", "/2013-04-01/tags/{ResourceType}", "ListTagsForResources"),
];

/// Its live objects: zones, and each record by itself.
#[must_use]
pub fn live(world: &World) -> Live {
    let mut live = Live::new();
    for zone in world.route53.zones.values() {
        let bare = Zone { records: Vec::new(), ..zone.clone() };
        live.insert(format!("route53/hosted-zone/{}", zone.id), serde_json::to_value(bare).unwrap_or_default());
        for record in &zone.records {
            let identifier = record.set_identifier.as_ref().map(|it| format!("/{it}")).unwrap_or_default();
            let key = format!("route53/record/{}/{}/{}{identifier}", zone.id, record.name, record.record_type);
            live.insert(key, serde_json::to_value(record).unwrap_or_default());
        }
    }
    live
}

impl State {
    fn zone(&self, call: &Call<'_>) -> Result<&Zone, Refusal> {
        let id = zone_id(call);
        self.zones.get(&id).ok_or_else(|| no_such_zone(&id))
    }

    fn zone_mut(&mut self, call: &Call<'_>) -> Result<&mut Zone, Refusal> {
        let id = zone_id(call);
        self.zones.get_mut(&id).ok_or_else(|| no_such_zone(&id))
    }
}

fn zone_id(call: &Call<'_>) -> String {
    let id = call.text("Id").unwrap_or_default();
    id.trim_start_matches("/hostedzone/").to_owned()
}

fn no_such_zone(id: &str) -> Refusal {
    Refusal::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}")).with_status(404)
}

/// Notes a change and answers its `ChangeInfo`.
fn submit(world: &mut World) -> Xml {
    let id = format!("C{}", world.new_letters(20));
    let now = world.now;
    // Nobody asks about a change of yesterday.
    world.route53.changes.retain(|_, sent| now.duration_since(*sent) < SignedDuration::from_hours(24));
    world.route53.changes.insert(id.clone(), now);
    Xml::new().element("ChangeInfo", change_info(&id, now, now))
}

fn change_info(id: &str, sent: Timestamp, now: Timestamp) -> Xml {
    let synced = now.duration_since(sent) >= SignedDuration::from_secs(SYNC_SECONDS);
    Xml::new()
        .text("Id", format!("/change/{id}"))
        .text("Status", if synced { "INSYNC" } else { "PENDING" })
        .text("SubmittedAt", super::world::iso(sent))
}
