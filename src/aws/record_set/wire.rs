//! A record set between the wire and [`RecordSet`]. Calls nothing.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types as wire;

use super::names;
use crate::aws::error::Error;
use crate::aws::ids::Ids;
use crate::resource::{Alias, Attributes, RecordSet, Reference, Weight, attribute};

/// The id of a record set: what tells it from all others of all zones.
pub(super) fn id(record: &RecordSet) -> String {
    let RecordSet { zone, name, record_type, .. } = record;
    match &record.weight {
        Some(weight) => format!("{zone}/{name}/{record_type}/{}", weight.set_identifier),
        None => format!("{zone}/{name}/{record_type}"),
    }
}

/// Where an alias points to, as Route 53 wants to hear it.
pub(super) struct AliasPoint {
    /// DNS name of the load balancer.
    pub(super) dns_name: String,
    /// The zone of that name.
    pub(super) hosted_zone: String,
}

impl AliasPoint {
    /// Looks up the facts of the load balancer that `alias` follows.
    ///
    /// # Errors
    /// The load balancer does not exist yet.
    pub(super) fn resolve(alias: &Alias, ids: &Ids) -> Result<Self, Error> {
        Ok(Self {
            dns_name: ids.attribute(&alias.target, attribute::DNS_NAME)?,
            hosted_zone: ids.attribute(&alias.target, attribute::HOSTED_ZONE)?,
        })
    }

    /// What [`Self::observed`] reads.
    pub(super) fn attributes(&self) -> Attributes {
        Attributes::from([
            (attribute::DNS_NAME.to_owned(), self.dns_name.clone()),
            (attribute::HOSTED_ZONE.to_owned(), self.hosted_zone.clone()),
        ])
    }

    /// What a listing said, kept with the record: a delete has to repeat it exactly.
    pub(super) fn observed(attributes: &Attributes) -> Option<Self> {
        Some(Self {
            dns_name: attributes.get(attribute::DNS_NAME)?.clone(),
            hosted_zone: attributes.get(attribute::HOSTED_ZONE)?.clone(),
        })
    }
}

/// A record set as a change takes it, with the `private` addresses that its references stand for among its values.
///
/// # Errors
/// A part that Route 53 demands is missing; the types of [`RecordSet`] rule that out.
pub(super) fn encode(
    record: &RecordSet,
    private: &[String],
    point: Option<AliasPoint>,
) -> Result<wire::ResourceRecordSet, BuildError> {
    let mut values: Vec<&String> = record.values.iter().chain(private).collect();
    values.sort();
    let value = |value: &String| wire::ResourceRecord::builder().value(value).build();
    let values: Vec<_> = values.into_iter().map(value).collect::<Result<_, _>>()?;
    let alias = match (&record.alias, point) {
        (Some(alias), Some(point)) => Some(
            wire::AliasTarget::builder()
                .dns_name(point.dns_name)
                .hosted_zone_id(point.hosted_zone)
                .evaluate_target_health(alias.evaluate_target_health)
                .build()?,
        ),
        _ => None,
    };
    wire::ResourceRecordSet::builder()
        .name(names::wire(&record.name))
        .r#type(wire::RrType::from(record.record_type.as_str()))
        .set_ttl(record.ttl.map(i64::from))
        .set_resource_records((!values.is_empty()).then_some(values))
        .set_alias_target(alias)
        .set_set_identifier(record.weight.as_ref().map(|weight| weight.set_identifier.clone()))
        .set_weight(record.weight.as_ref().map(|weight| i64::from(weight.weight)))
        .build()
}

/// Reads a record set of `zone`. The target of an alias is its DNS name, until somebody knows whose that is.
///
/// `None`: it is routed in a way that windlass does not know (by latency, place, failover …), so it cannot be ours.
pub(super) fn decode(zone: &str, wire: &wire::ResourceRecordSet) -> Option<(RecordSet, Attributes)> {
    let weight = match (wire.set_identifier(), wire.weight()) {
        (Some(identifier), Some(weight)) => {
            Some(Weight { set_identifier: identifier.to_owned(), weight: u8::try_from(weight).ok()? })
        }
        (Some(_), None) => return None,
        (None, _) => None,
    };
    let mut values: Vec<String> = wire.resource_records().iter().map(|record| record.value().to_owned()).collect();
    values.sort();
    let mut attributes = Attributes::new();
    let alias = wire.alias_target().map(|target| {
        // The last dot comes and goes; anything else a delete has to repeat.
        let dns_name = target.dns_name().trim_end_matches('.');
        attributes.insert(attribute::DNS_NAME.to_owned(), dns_name.to_owned());
        attributes.insert(attribute::HOSTED_ZONE.to_owned(), target.hosted_zone_id().to_owned());
        Alias {
            target: Reference::Id(names::plain(target.dns_name())),
            evaluate_target_health: target.evaluate_target_health(),
        }
    });
    let record = RecordSet {
        zone: zone.to_owned(),
        name: names::plain(wire.name()),
        record_type: wire.r#type().as_str().to_owned(),
        // An alias has none of its own; some servers say 0.
        ttl: wire.ttl().filter(|_| alias.is_none()).and_then(|seconds| u32::try_from(seconds).ok()),
        values,
        addresses: Vec::new(),
        alias,
        weight,
    };
    Some((record, attributes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RecordSet {
        RecordSet {
            zone: String::from("Z1"),
            name: String::from("*.apps.example.com"),
            record_type: String::from("A"),
            ttl: Some(60),
            values: vec![String::from("192.0.2.1"), String::from("192.0.2.2")],
            addresses: Vec::new(),
            alias: None,
            weight: Some(Weight { set_identifier: String::from("blue"), weight: 25 }),
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let encoded = encode(&record(), &[], None).expect("complete");
        assert_eq!(encoded.name(), "*.apps.example.com.");
        assert_eq!(decode("Z1", &encoded), Some((record(), Attributes::new())));
    }

    #[test]
    fn an_alias_keeps_what_a_delete_has_to_repeat() {
        let alias = Alias {
            target: Reference::Id(String::from("dualstack.api.elb.example.com")),
            evaluate_target_health: true,
        };
        let record = RecordSet { ttl: None, values: Vec::new(), alias: Some(alias), weight: None, ..record() };
        let point =
            AliasPoint { dns_name: String::from("dualstack.Api.elb.example.com"), hosted_zone: String::from("Z9") };
        let encoded = encode(&record, &[], Some(point)).expect("complete");
        let (decoded, attributes) = decode("Z1", &encoded).expect("a kind of record that windlass knows");
        assert_eq!(decoded, record);
        let point = AliasPoint::observed(&attributes).expect("an alias");
        assert_eq!(encode(&decoded, &[], Some(point)).expect("complete"), encoded);
    }

    #[test]
    fn a_record_with_another_kind_of_routing_is_not_ours() {
        let encoded = encode(&record(), &[], None).expect("complete");
        let latency = wire::ResourceRecordSet::builder()
            .name(encoded.name())
            .r#type(wire::RrType::A)
            .set_identifier("paris")
            .region(wire::ResourceRecordSetRegion::EuWest3)
            .build()
            .expect("complete");
        assert_eq!(decode("Z1", &latency), None);
    }

    #[test]
    fn the_set_identifier_is_part_of_the_id() {
        assert_eq!(id(&record()), "Z1/*.apps.example.com/A/blue");
        assert_eq!(id(&RecordSet { weight: None, ..record() }), "Z1/*.apps.example.com/A");
    }
}
