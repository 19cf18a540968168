//! Records on the wire: batches of changes in, pages out.

use std::collections::BTreeMap;

use super::super::wire::{Answer, Call, Parameters, Refusal, Xml};
use super::super::world::World;
use super::change::{Action, Change, Refused, Target, apply};
use super::record::{AliasTarget, Key, Record, Routing};
use super::{name, submit};

/// Record sets on a page: 300 by default and at most (ListResourceRecordSets, MaxItems).
const PAGE: usize = 300;

fn invalid_input(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidInput", message)
}

pub fn change(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let batch = call.view("ChangeBatch");
    batch.view("Comment").accept();
    let changes: Vec<Change> = batch.list("Changes").iter().map(read).collect::<Result<_, _>>()?;
    let zone = world.route53.zone_mut(call)?;
    let records: BTreeMap<Key, Record> = zone.records.iter().map(|record| (record.key(), record.clone())).collect();
    let target = Target { id: &zone.id, name: &zone.name, records: &records };
    let after = apply(target, &changes).map_err(|refused| match refused {
        Refused::Input(message) => invalid_input(message),
        Refused::Batch(messages) => Refusal::new("InvalidChangeBatch", format!("[{}]", messages.join(", "))),
    })?;
    zone.records = after.into_values().collect();
    Ok(submit(world).into())
}

fn read(parameters: &Parameters<'_>) -> Result<Change, Refusal> {
    let action = match parameters.text("Action").as_deref() {
        Some("CREATE") => Action::Create,
        Some("DELETE") => Action::Delete,
        Some("UPSERT") => Action::Upsert,
        other => return Err(invalid_input(format!("Invalid XML ; unknown action {}", other.unwrap_or_default()))),
    };
    let set = parameters.view("ResourceRecordSet");
    let alias = set.view("AliasTarget");
    let alias = if alias.is_present() {
        Some(AliasTarget {
            zone: alias.text("HostedZoneId").unwrap_or_default().trim_start_matches("/hostedzone/").to_owned(),
            name: name::normalize(&alias.text("DNSName").unwrap_or_default()),
            evaluate_target_health: alias.flag("EvaluateTargetHealth")?.unwrap_or(false),
        })
    } else {
        None
    };
    let mut routings = Vec::new();
    routings.extend(set.parsed::<i64>("Weight")?.map(Routing::Weight));
    routings.extend(set.text("Region").map(Routing::Region));
    routings.extend(set.text("Failover").map(Routing::Failover));
    routings.extend(set.flag("MultiValueAnswer")?.filter(|it| *it).map(|_| Routing::MultiValue));
    if routings.len() > 1 {
        return Err(invalid_input("Invalid request: Expected exactly one routing policy, but found more than one"));
    }
    let record = Record {
        name: name::normalize(&set.text("Name").unwrap_or_default()),
        record_type: set.text("Type").unwrap_or_default(),
        ttl: set.parsed("TTL")?,
        values: set.list("ResourceRecords").iter().filter_map(|it| it.text("Value")).collect(),
        alias,
        set_identifier: set.text("SetIdentifier"),
        routing: routings.pop(),
        health_check: set.text("HealthCheckId"),
    };
    Ok(Change { action, record })
}

fn xml(record: &Record) -> Xml {
    let mut xml = Xml::new()
        .text("Name", &record.name)
        .text("Type", &record.record_type)
        .maybe("SetIdentifier", record.set_identifier.as_ref());
    xml = match &record.routing {
        None => xml,
        Some(Routing::Weight(weight)) => xml.text("Weight", weight),
        Some(Routing::Region(region)) => xml.text("Region", region),
        Some(Routing::Failover(failover)) => xml.text("Failover", failover),
        Some(Routing::MultiValue) => xml.text("MultiValueAnswer", true),
    };
    xml = xml.maybe("TTL", record.ttl);
    if !record.values.is_empty() {
        let values = record.values.iter().map(|value| Xml::new().text("Value", value));
        xml = xml.list("ResourceRecords", "ResourceRecord", values);
    }
    let alias = record.alias.as_ref().map(|alias| {
        Xml::new()
            .text("HostedZoneId", &alias.zone)
            .text("DNSName", &alias.name)
            .text("EvaluateTargetHealth", alias.evaluate_target_health)
    });
    xml.maybe_element("AliasTarget", alias).maybe("HealthCheckId", record.health_check.as_ref())
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let most = call.parsed::<usize>("maxitems")?.unwrap_or(PAGE).clamp(1, PAGE);
    let from = call.text("name").map(|it| name::normalize(&it));
    let from_type = call.text("type");
    let from_identifier = call.text("identifier");
    let zone = world.route53.zone(call)?;
    if from.is_none() && from_type.is_some() {
        return Err(invalid_input("The input is not valid: a record type without a name"));
    }
    if from_identifier.is_some() && from_type.is_none() {
        return Err(invalid_input("The input is not valid: a set identifier without a record type"));
    }
    let start = from.map(|from| Key {
        reversed: name::reversed(&from),
        record_type: from_type.unwrap_or_default(),
        set_identifier: from_identifier.unwrap_or_default(),
    });
    let mut records = zone.records.iter().filter(|record| start.as_ref().is_none_or(|start| record.key() >= *start));
    let page: Vec<Xml> = records.by_ref().take(most).map(xml).collect();
    let next = records.next();
    Ok(Xml::new()
        .list("ResourceRecordSets", "ResourceRecordSet", page)
        .text("IsTruncated", next.is_some())
        .maybe("NextRecordName", next.map(|record| &record.name))
        .maybe("NextRecordType", next.map(|record| &record.record_type))
        .maybe("NextRecordIdentifier", next.and_then(|record| record.set_identifier.as_ref()))
        .text("MaxItems", most)
        .into())
}
