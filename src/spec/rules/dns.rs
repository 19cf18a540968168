//! Records: names, values, who shares a name.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::read::{Step, steps};
use super::super::value::HostedZoneName;
use super::super::{Record, RecordType};
use super::Rules;

/// Route 53 API reference, ResourceRecordSet: TTL, SetIdentifier.
const LONGEST_TTL: u32 = 2_147_483_647;
const LONGEST_IDENTIFIER: usize = 128;

pub(super) fn check(rules: &mut Rules<'_>) {
    let dns = &rules.spec().dns;
    ttl(rules, &steps!["spec", "dns", "ttl"], dns.ttl);
    for (index, record) in dns.records.iter().enumerate() {
        let path = steps!["spec", "dns", "records", index];
        name(rules, &child(&path, "name"), &record.name);
        if let Some(seconds) = record.ttl {
            ttl(rules, &child(&path, "ttl"), seconds);
        }
        values(rules, &path, record);
        let identifier = record.weight.as_ref().and_then(|weight| weight.set_identifier.as_ref());
        identifier_length(rules, &steps!["spec", "dns", "records", index, "weight", "setIdentifier"], identifier);
        sharing(rules, index, record);
    }
    traffic(rules);
}

fn child(path: &[Step], field: &str) -> Vec<Step> {
    path.iter().cloned().chain([Step::from(field)]).collect()
}

fn ttl(rules: &mut Rules<'_>, path: &[Step], seconds: u32) {
    if seconds == 0 || seconds > LONGEST_TTL {
        rules.wrong(path, format!("a TTL of {seconds} seconds is not possible: 1 to {LONGEST_TTL}"));
    }
}

fn identifier_length(rules: &mut Rules<'_>, path: &[Step], identifier: Option<&String>) {
    let Some(text) = identifier else { return };
    let length = text.chars().count();
    if length == 0 || length > LONGEST_IDENTIFIER {
        rules.wrong(path, format!("a set identifier has 1 to {LONGEST_IDENTIFIER} characters, and not {length}"));
    }
}

/// A record's name lies in the zone and is not one that windlass makes itself.
fn name(rules: &mut Rules<'_>, path: &[Step], name: &str) {
    let zone = rules.spec().dns.zone.as_str();
    let bare = name.strip_prefix("*.").unwrap_or(name);
    if let Err(why) = bare.parse::<HostedZoneName>() {
        rules.wrong(path, why.to_string());
    } else if bare != zone && !bare.ends_with(&format!(".{zone}")) {
        let finding = rules
            .error(format!("the record {name} does not lie in the hosted zone {zone}"))
            .at(rules.document(), path, "outside")
            .at(rules.document(), &steps!["spec", "dns", "zone"], "the zone");
        rules.push(finding);
    } else {
        let cluster = &rules.cluster.manifest.metadata.name;
        if name == format!("api.{cluster}") || name == format!("api.internal.{cluster}") {
            rules.wrong(path, format!("windlass makes the record {name} itself"));
        }
    }
}

fn values(rules: &mut Rules<'_>, path: &[Step], record: &Record) {
    let kind = record.record_type.as_str();
    if record.values.is_empty() {
        rules.wrong(&child(path, "values"), format!("the record {} has no value", record.name));
    }
    if record.record_type == RecordType::Cname {
        if record.values.len() > 1 {
            let finding = rules
                .error(format!("a CNAME has one value, and {} has {}", record.name, record.values.len()))
                .at(rules.document(), &child(path, "values"), "")
                .hint("several records with weights can share a name");
            rules.push(finding);
        }
        if record.name == rules.spec().dns.zone.as_str() {
            rules.wrong(&child(path, "name"), "the name of the zone itself cannot be a CNAME");
        }
    }
    for (index, text) in record.values.iter().enumerate() {
        let good = match record.record_type {
            RecordType::A => text.parse::<Ipv4Addr>().is_ok(),
            RecordType::Aaaa => text.parse::<Ipv6Addr>().is_ok(),
            RecordType::Cname => text.trim_end_matches('.').parse::<HostedZoneName>().is_ok(),
            RecordType::Txt => text.len() >= 2 && text.starts_with('"') && text.ends_with('"'),
            RecordType::Mx => text.split_whitespace().count() == 2,
            RecordType::Srv => text.split_whitespace().count() == 4,
        };
        if !good {
            let hint = match record.record_type {
                RecordType::A => "an IPv4 address",
                RecordType::Aaaa => "an IPv6 address",
                RecordType::Cname => "a DNS name in lowercase",
                RecordType::Txt => "text in double quotes, within YAML's own: '\"text\"'",
                RecordType::Mx => "a priority and a name: 10 mail.example.com",
                RecordType::Srv => "priority, weight, port, name: 10 5 443 server.example.com",
            };
            let path = child(path, "values").into_iter().chain([Step::from(index)]).collect::<Vec<_>>();
            let finding = rules
                .error(format!("{text:?} is no value of a record of type {kind}"))
                .at(rules.document(), &path, "")
                .hint(format!("expected {hint}"));
            rules.push(finding);
        }
    }
}

/// Records share a name only by weights with different identifiers; a CNAME shares it with no other type.
fn sharing(rules: &mut Rules<'_>, index: usize, record: &Record) {
    let cluster = rules.cluster.manifest.metadata.name.as_str();
    let identifier = |record: &Record| {
        record.weight.as_ref().map(|weight| weight.set_identifier.clone().unwrap_or_else(|| cluster.to_owned()))
    };
    let earlier = rules.spec().dns.records[..index].iter().enumerate();
    let Some((first, why)) = earlier.filter(|(_, other)| other.name == record.name).find_map(|(first, other)| {
        let cname = [record, other].iter().any(|it| it.record_type == RecordType::Cname);
        let why = match (record.record_type == other.record_type, identifier(record), identifier(other)) {
            (false, ..) if cname => "a CNAME shares its name with no other type",
            (false, ..) => return None,
            (true, None, None) => "list all values in one record, or give each a weight",
            (true, Some(one), Some(other)) if one == other => "give each weight its own setIdentifier",
            (true, Some(_), Some(_)) => return None,
            (true, ..) => "give each of them a weight, or none",
        };
        Some((first, why))
    }) else {
        return;
    };
    let finding = rules
        .error(format!("two records are called {}", record.name))
        .at(rules.document(), &steps!["spec", "dns", "records", index, "name"], "again here")
        .at(rules.document(), &steps!["spec", "dns", "records", first, "name"], "first here")
        .hint(why);
    rules.push(finding);
}

fn traffic(rules: &mut Rules<'_>) {
    let Some(traffic) = &rules.spec().dns.traffic else { return };
    let path = steps!["spec", "dns", "traffic"];
    if traffic.names.is_empty() {
        rules.wrong(&child(&path, "names"), "traffic needs at least one name");
    }
    if traffic.step_percent.get() == 0 {
        rules.wrong(&child(&path, "stepPercent"), "with a step of 0 % no traffic would ever move");
    }
    identifier_length(rules, &child(&path, "setIdentifier"), traffic.set_identifier.as_ref());
    for (index, text) in traffic.names.iter().enumerate() {
        let at = steps!["spec", "dns", "traffic", "names", index];
        name(rules, &at, text);
        if text == rules.spec().dns.zone.as_str() {
            rules.wrong(&at, "the name of the zone itself cannot be a CNAME");
        }
        if text == traffic.target.as_str() {
            rules.wrong(&at, format!("{text} would stand for itself"));
        }
        if let Some(other) = rules.spec().dns.records.iter().position(|record| &record.name == text) {
            let finding = rules
                .error(format!("{text} is moved by traffic, and is a record of its own"))
                .at(rules.document(), &at, "")
                .at(rules.document(), &steps!["spec", "dns", "records", other, "name"], "the record");
            rules.push(finding);
        }
        if let Some(first) = traffic.names[..index].iter().position(|other| other == text) {
            let finding = rules.error(format!("{text} is listed twice")).at(rules.document(), &at, "again here").at(
                rules.document(),
                &steps!["spec", "dns", "traffic", "names", first],
                "first here",
            );
            rules.push(finding);
        }
    }
}
