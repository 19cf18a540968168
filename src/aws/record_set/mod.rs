//! Record sets of a hosted zone that is shared with others. They carry no tags: whose one is, the plan decides from the
//! records and the journal; here they are found by what is known of them.

mod changes;
mod names;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_route53::types as sdk;

pub(super) use self::changes::Changes;
use self::wire::AliasPoint;
use super::call::{Call, call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use crate::resource::{Address, Attributes, Found, Kind, Observed, Readiness, RecordSet, Resource, attribute};

/// Records in one page; the most that Route 53 gives (API reference, ListResourceRecordSets).
const PAGE: i32 = 300;

/// Finds the records that are known by zone, name, type and set identifier.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let known: BTreeMap<String, &Address> = records(scope).map(|(address, it)| (wire::id(it), address)).collect();
    let zones: BTreeSet<&str> = records(scope).map(|(_, it)| it.zone.as_str()).collect();
    let mut observed = Observed::default();
    for zone in zones {
        let names = records(scope).filter(|(_, it)| it.zone == zone).map(|(_, it)| it.name.as_str());
        let Some(range) = names::Range::covering(names) else { continue };
        for listed in list(aws, zone, &range).await? {
            let Some((record, attributes)) = wire::decode(zone, &listed) else { continue };
            let id = wire::id(&record);
            let Some(address) = known.get(&id) else { continue };
            observed.found.push(Found {
                address: (*address).clone(),
                id,
                uid: None,
                generation: 1,
                resource: record.into(),
                attributes,
                readiness: Readiness::Ready,
            });
        }
    }
    Ok(observed)
}

fn records(scope: &Scope) -> impl Iterator<Item = (&Address, &RecordSet)> {
    scope.of(Kind::RecordSet).filter_map(|(address, resource)| match resource {
        Resource::RecordSet(record) => Some((address, record)),
        _ => None,
    })
}

/// Replaces the values of found records that are private addresses of the cluster's network interfaces by references to
/// those, where such references are wanted. What a delete has to repeat is kept as an attribute.
pub(super) fn name_addresses(observed: &mut Observed, scope: &Scope) {
    let interfaces: BTreeMap<String, Address> = observed
        .found
        .iter()
        .filter(|found| found.address.kind() == Kind::NetworkInterface)
        .filter_map(|found| Some((found.attributes.get(attribute::PRIVATE_ADDRESS)?.clone(), found.address.clone())))
        .collect();
    for found in &mut observed.found {
        let wanted = scope.resources.get(&found.address);
        let wants_addresses = matches!(wanted, Some(Resource::RecordSet(wanted)) if !wanted.addresses.is_empty());
        let Resource::RecordSet(record) = &mut found.resource else { continue };
        if !wants_addresses {
            continue;
        }
        let (named, others): (Vec<String>, Vec<String>) =
            std::mem::take(&mut record.values).into_iter().partition(|value| interfaces.contains_key(value));
        record.values = others;
        record.addresses = named.iter().filter_map(|value| interfaces.get(value)).cloned().map(Into::into).collect();
        record.addresses.sort();
        if !named.is_empty() {
            found.attributes.insert(attribute::PRIVATE_ADDRESS.to_owned(), named.join(SEPARATOR));
        }
    }
}

/// Between the private addresses of a record in one attribute.
const SEPARATOR: &str = ",";

/// Where a page of a listing begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Start {
    name: String,
    record_type: Option<sdk::RrType>,
    identifier: Option<String>,
}

/// The records of a zone within `range`: those of one cluster stand side by side, however large the zone is.
async fn list(aws: &Aws, zone: &str, range: &names::Range) -> Result<Vec<sdk::ResourceRecordSet>, Error> {
    const OPERATION: &str = "ListResourceRecordSets";
    let mut start = Start { name: names::wire(range.first()), record_type: None, identifier: None };
    let mut records = Vec::new();
    loop {
        let request = aws
            .route53()
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .start_record_name(&start.name)
            .set_start_record_type(start.record_type.clone())
            .set_start_record_identifier(start.identifier.clone())
            .max_items(PAGE);
        let page = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
        let passed = page.resource_record_sets.iter().any(|record| range.is_behind(&names::plain(record.name())));
        records.extend(page.resource_record_sets);
        let next = page.next_record_name.filter(|_| page.is_truncated && !passed);
        let Some(name) = next else { return Ok(records) };
        let next = Start { name, record_type: page.next_record_type, identifier: page.next_record_identifier };
        if next == start {
            return Err(Error::RepeatedPage { operation: OPERATION });
        }
        start = next;
    }
}

fn malformed(_: aws_sdk_route53::error::BuildError) -> Error {
    Error::Malformed { operation: "ChangeResourceRecordSets", what: "a record lacks a part that Route 53 demands" }
}

/// The change that makes a record what it should be, and what a later delete has to repeat.
fn upsert(it: &RecordSet, ids: &Ids) -> Result<(sdk::Change, Attributes), Error> {
    let point = it.alias.as_ref().map(|alias| AliasPoint::resolve(alias, ids)).transpose()?;
    let mut attributes = point.as_ref().map(AliasPoint::attributes).unwrap_or_default();
    let private = it.addresses.iter().map(|interface| ids.attribute(interface, attribute::PRIVATE_ADDRESS));
    let private = private.collect::<Result<Vec<_>, _>>()?;
    if !private.is_empty() {
        attributes.insert(attribute::PRIVATE_ADDRESS.to_owned(), private.join(SEPARATOR));
    }
    let record = wire::encode(it, &private, point).map_err(malformed)?;
    let change = sdk::Change::builder().action(sdk::ChangeAction::Upsert).resource_record_set(record).build();
    Ok((change.map_err(malformed)?, attributes))
}

pub(super) async fn create(aws: &Aws, _identity: &Identity, it: &RecordSet, ids: &Ids) -> Result<Made, Error> {
    let (change, attributes) = upsert(it, ids)?;
    let id = wire::id(it);
    changes::submit(aws, &it.zone, &id, change).await?;
    Ok(Made { id, attributes })
}

pub(super) async fn update(aws: &Aws, update: Update<'_, RecordSet>) -> Result<Attributes, Error> {
    let Update { found, after, ids, .. } = update;
    let (change, attributes) = upsert(after, ids)?;
    changes::submit(aws, &after.zone, &found.id, change).await?;
    Ok(attributes)
}

/// Repeats exactly what was found, as Route 53 demands; so a record that somebody changed in the meantime stays.
pub(super) async fn delete(aws: &Aws, found: &Found, it: &RecordSet) -> Result<(), Error> {
    let private = found.attributes.get(attribute::PRIVATE_ADDRESS).filter(|_| !it.addresses.is_empty());
    let private: Vec<String> = private.into_iter().flat_map(|all| all.split(SEPARATOR)).map(str::to_owned).collect();
    let record = wire::encode(it, &private, AliasPoint::observed(&found.attributes)).map_err(malformed)?;
    let change = sdk::Change::builder().action(sdk::ChangeAction::Delete).resource_record_set(record).build();
    match changes::submit(aws, &it.zone, &found.id, change.map_err(malformed)?).await {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

/// Route 53 has one code for all that it dislikes in a change.
fn is_gone(error: &Error) -> bool {
    match error {
        Error::Call(call) => error.is_not_found() || call.message.contains("but it was not found"),
        _ => false,
    }
}

/// Whether the changes that this process made have reached all name servers: one call per batch of changes.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    changes::readiness(aws, ids).await
}
