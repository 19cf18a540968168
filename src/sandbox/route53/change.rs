//! A batch of changes to one zone's records: all of it, or nothing. Pure.
//!
//! Source: Route 53 API reference, ChangeResourceRecordSets (transactional; 1000 records, of which an UPSERT counts two;
//! 32,000 characters of values).

use std::collections::{BTreeMap, BTreeSet};

use super::name;
use super::record::{Fault, Key, Record};

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Refused when it exists.
    Create,
    /// Refused when it does not exist exactly so.
    Delete,
    /// Creates or replaces.
    Upsert,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// What to do.
    pub action: Action,
    /// With which record.
    pub record: Record,
}

/// The zone that a batch changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its id, `Z…`.
    pub id: &'a str,
    /// Its normalized name.
    pub name: &'a str,
    /// Its records now.
    pub records: &'a BTreeMap<Key, Record>,
}

/// Why a batch is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `InvalidInput`, with its message.
    Input(String),
    /// `InvalidChangeBatch`, with a message for each change at fault.
    Batch(Vec<String>),
}

const MOST_RECORDS: usize = 1000;
const MOST_CHARACTERS: usize = 32_000;

/// The records after the batch.
///
/// # Errors
/// [`Refused`]: then nothing of the batch is done.
pub fn apply(target: Target<'_>, changes: &[Change]) -> Result<BTreeMap<Key, Record>, Refused> {
    limits(changes)?;
    for change in changes {
        if let Err(Fault::Input(message)) = change.record.check() {
            return Err(Refused::Input(message));
        }
    }
    let mut records = target.records.clone();
    let mut faults = Vec::new();
    let mut touched: BTreeSet<(Key, bool)> = BTreeSet::new();
    for change in changes {
        let once = touched.insert((change.record.key(), change.action == Action::Delete));
        let outcome = if once {
            step(target, &mut records, change)
        } else {
            Err(format!(
                "The request contains an invalid set of changes for a resource record set '{} {}'",
                change.record.record_type, change.record.name
            ))
        };
        faults.extend(outcome.err());
    }
    faults.extend(conflicts(target, &records, changes));
    if faults.is_empty() { Ok(records) } else { Err(Refused::Batch(faults)) }
}

fn limits(changes: &[Change]) -> Result<(), Refused> {
    if changes.is_empty() {
        return Err(Refused::Input("Invalid XML ; cvc-minLength: a batch needs at least one change".to_owned()));
    }
    let factor = |change: &Change| if change.action == Action::Upsert { 2 } else { 1 };
    let records: usize = changes.iter().map(factor).sum();
    let characters: usize =
        changes.iter().map(|change| factor(change) * change.record.values.iter().map(String::len).sum::<usize>()).sum();
    if records > MOST_RECORDS {
        return Err(Refused::Batch(vec![format!("Number of records limit of {MOST_RECORDS} exceeded.")]));
    }
    if characters > MOST_CHARACTERS {
        return Err(Refused::Batch(vec![format!("Number of characters limit of {MOST_CHARACTERS} exceeded.")]));
    }
    Ok(())
}

fn step(target: Target<'_>, records: &mut BTreeMap<Key, Record>, change: &Change) -> Result<(), String> {
    let record = &change.record;
    if let Err(Fault::Batch(message) | Fault::Input(message)) = record.check() {
        return Err(message);
    }
    if !name::within(&record.name, target.name) {
        return Err(format!("RRSet with DNS name {} is not permitted in zone {}", record.name, target.name));
    }
    let key = record.key();
    match change.action {
        Action::Create if records.contains_key(&key) => {
            return Err(format!("Tried to create resource record set {} but it already exists", record.described()));
        }
        Action::Create | Action::Upsert => {
            records.insert(key, record.clone());
        }
        Action::Delete => {
            let Some(present) = records.get(&key) else {
                return Err(format!("Tried to delete resource record set {} but it was not found", record.described()));
            };
            if !same(present, record) {
                return Err(format!(
                    "Tried to delete resource record set {} but the values provided do not match the current values",
                    record.described()
                ));
            }
            if record.name == target.name && matches!(record.record_type.as_str(), "NS" | "SOA") {
                return Err(format!(
                    "A HostedZone must contain at least one {} record for the zone itself.",
                    record.record_type
                ));
            }
            records.remove(&key);
        }
    }
    Ok(())
}

/// Values are a set to Route 53, not a list.
fn same(one: &Record, other: &Record) -> bool {
    let sorted = |record: &Record| {
        let mut record = record.clone();
        record.values.sort();
        record
    };
    sorted(one) == sorted(other)
}

/// What is wrong with the changed records beside the others of the zone, once all changes are in.
fn conflicts(target: Target<'_>, records: &BTreeMap<Key, Record>, changes: &[Change]) -> Vec<String> {
    let mut faults = Vec::new();
    for change in changes.iter().filter(|change| change.action != Action::Delete) {
        let record = &change.record;
        if records.get(&record.key()) != Some(record) {
            continue;
        }
        let namesakes = || records.values().filter(|other| other.name == record.name && other.key() != record.key());
        let kind = |record: &Record| record.routing.as_ref().map(std::mem::discriminant);
        if namesakes().any(|other| other.record_type == record.record_type && kind(other) != kind(record)) {
            faults.push(format!(
                "RRSet with DNS name {}, type {}, SetIdentifier {} cannot be created as a record set of another routing \
                 policy exists with the same name and type.",
                record.name,
                record.record_type,
                record.set_identifier.as_deref().unwrap_or("null")
            ));
        }
        if record.record_type == "CNAME" && record.name == target.name {
            faults.push(format!(
                "RRSet of type CNAME with DNS name {} is not permitted at apex in zone {}",
                record.name, target.name
            ));
        } else if namesakes().any(|other| {
            other.record_type != record.record_type && (record.record_type == "CNAME" || other.record_type == "CNAME")
        }) {
            faults.push(format!(
                "RRSet of type {} with DNS name {} is not permitted as it conflicts with other records with the same DNS \
                 name in zone {}",
                record.record_type, record.name, target.name
            ));
        }
        faults.extend(alias_fault(target, records, record));
    }
    faults
}

fn alias_fault(target: Target<'_>, records: &BTreeMap<Key, Record>, record: &Record) -> Option<String> {
    let alias = record.alias.as_ref()?;
    let tried = format!(
        "Tried to create an alias that targets {}, type {} in zone {}",
        alias.name, record.record_type, alias.zone
    );
    if alias.zone == target.id {
        let found = records.values().any(|other| other.name == alias.name && other.record_type == record.record_type);
        return (!found).then(|| format!("{tried}, but that target was not found"));
    }
    let balancer = crate::sandbox::elbv2::zone_ids::region_of(&alias.zone);
    let lies_within = balancer.is_none_or(|region| alias.name.ends_with(&format!(".elb.{region}.amazonaws.com.")));
    (!lies_within).then(|| format!("{tried}, but the alias target name does not lie within the target zone"))
}

#[cfg(test)]
mod tests {
    use super::super::record::Routing;
    use super::*;

    fn a(name: &str, value: &str) -> Record {
        Record {
            name: name::normalize(name),
            record_type: "A".to_owned(),
            ttl: Some(60),
            values: vec![value.to_owned()],
            alias: None,
            set_identifier: None,
            routing: None,
            health_check: None,
        }
    }

    fn weighted(name: &str, identifier: &str, weight: i64) -> Record {
        Record {
            set_identifier: Some(identifier.to_owned()),
            routing: Some(Routing::Weight(weight)),
            ..a(name, "10.0.0.1")
        }
    }

    fn run(before: &[Record], changes: &[(Action, Record)]) -> Result<Vec<Record>, Refused> {
        let records: BTreeMap<Key, Record> = before.iter().map(|record| (record.key(), record.clone())).collect();
        let changes: Vec<Change> =
            changes.iter().map(|(action, record)| Change { action: *action, record: record.clone() }).collect();
        let target = Target { id: "Z1", name: "example.com.", records: &records };
        apply(target, &changes).map(|records| records.into_values().collect())
    }

    #[test]
    fn a_batch_with_one_bad_change_does_nothing_and_names_it() {
        let refused = run(
            &[],
            &[(Action::Create, a("good.example.com", "10.0.0.1")), (Action::Create, a("fooexample.com", "10.0.0.1"))],
        );
        let message = "RRSet with DNS name fooexample.com. is not permitted in zone example.com.".to_owned();
        assert_eq!(refused, Err(Refused::Batch(vec![message])));
    }

    #[test]
    fn create_of_an_existing_record_is_refused_and_upsert_replaces_it() {
        let before = [a("api.example.com", "10.0.0.1")];
        assert!(matches!(run(&before, &[(Action::Create, a("api.example.com", "10.0.0.2"))]), Err(Refused::Batch(_))));
        let after = run(&before, &[(Action::Upsert, a("API.example.com.", "10.0.0.2"))]).expect("an upsert");
        assert_eq!(after, [a("api.example.com", "10.0.0.2")]);
    }

    #[test]
    fn delete_needs_the_exact_values_in_any_order() {
        let mut record = a("api.example.com", "10.0.0.1");
        record.values.push("10.0.0.2".to_owned());
        let mut turned = record.clone();
        turned.values.reverse();
        assert_eq!(run(&[record.clone()], &[(Action::Delete, turned)]), Ok(vec![]));
        let wrong = run(&[record], &[(Action::Delete, a("api.example.com", "10.0.0.1"))]);
        assert!(matches!(wrong, Err(Refused::Batch(_))));
    }

    #[test]
    fn a_simple_record_and_a_weighted_one_of_the_same_name_exclude_each_other() {
        let refused =
            run(&[a("api.example.com", "10.0.0.1")], &[(Action::Create, weighted("api.example.com", "blue", 10))]);
        assert!(matches!(refused, Err(Refused::Batch(_))));
        let moved = run(
            &[a("api.example.com", "10.0.0.1")],
            &[
                (Action::Delete, a("api.example.com", "10.0.0.1")),
                (Action::Create, weighted("api.example.com", "blue", 10)),
            ],
        );
        assert_eq!(moved, Ok(vec![weighted("api.example.com", "blue", 10)]));
    }

    #[test]
    fn a_weight_above_255_or_without_identifier_is_invalid_input() {
        let heavy = run(&[], &[(Action::Create, weighted("api.example.com", "blue", 300))]);
        assert!(matches!(heavy, Err(Refused::Input(_))));
        let mut nameless = weighted("api.example.com", "blue", 3);
        nameless.set_identifier = None;
        assert!(matches!(run(&[], &[(Action::Create, nameless)]), Err(Refused::Input(_))));
    }

    #[test]
    fn an_upsert_counts_twice_towards_the_limit_of_a_thousand() {
        let upserts: Vec<_> =
            (0..501).map(|index| (Action::Upsert, a(&format!("n{index}.example.com"), "10.0.0.1"))).collect();
        assert!(matches!(run(&[], &upserts), Err(Refused::Batch(_))));
        assert_eq!(run(&[], &upserts[..500]).map(|records| records.len()), Ok(500));
    }

    #[test]
    fn an_alias_must_lie_within_its_target_zone() {
        let mut alias = a("api.example.com", "10.0.0.1");
        alias.ttl = None;
        alias.values.clear();
        let target = |name: &str| super::super::record::AliasTarget {
            zone: "Z1CMS0P5QUZ6D5".to_owned(),
            name: name::normalize(name),
            evaluate_target_health: true,
        };
        alias.alias = Some(target("lb-1.elb.eu-west-1.amazonaws.com"));
        assert!(matches!(run(&[], &[(Action::Create, alias.clone())]), Err(Refused::Batch(_))));
        alias.alias = Some(target("lb-1.elb.eu-west-3.amazonaws.com"));
        assert!(run(&[], &[(Action::Create, alias)]).is_ok());
    }
}
