//! Regions, availability zones and account attributes: what the account is made of.

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::object::{self, Tags};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("DescribeAvailabilityZones", describe_availability_zones),
    ("DescribeRegions", describe_regions),
    ("DescribeAccountAttributes", describe_account_attributes),
];

/// The zone's id, which means the same in every account: `euw3-az1` for `eu-west-3a`.
#[must_use]
pub fn id(world: &World, zone: &str) -> String {
    if let Some(id) = world.ec2.zone_ids.get(zone) {
        return id.clone();
    }
    let letter = zone.strip_prefix(&world.region).and_then(|rest| rest.bytes().next()).unwrap_or(b'a');
    let number = u32::from(letter.saturating_sub(b'a')) + 1;
    let mut parts = world.region.split('-');
    let (area, direction, count) = (parts.next(), parts.next(), parts.next());
    let first = direction.and_then(|it| it.chars().next()).unwrap_or('x');
    format!("{}{first}{}-az{number}", area.unwrap_or_default(), count.unwrap_or_default())
}

fn describe_availability_zones(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["AllAvailabilityZones"]);
    let (names, ids) = (call.texts("ZoneName"), call.texts("ZoneId"));
    let known = ["zone-name", "zone-id", "state", "region-name", "zone-type", "opt-in-status", "group-name"];
    let filters = object::filters(call, &known)?;
    if let Some(name) = names.iter().find(|name| !world.zones.contains(name)) {
        return Err(Refusal::invalid(format!("Invalid availability zone: [{name}]")));
    }
    if let Some(wrong) = ids.iter().find(|wanted| !world.zones.iter().any(|zone| id(world, zone) == **wanted)) {
        return Err(Refusal::invalid(format!("Invalid availability zone-id: [{wrong}]")));
    }
    let items = world.zones.iter().filter(|zone| {
        let values = |name: &str| {
            vec![match name {
                "zone-name" => (*zone).clone(),
                "zone-id" => id(world, zone),
                "state" => "available".to_owned(),
                "zone-type" => "availability-zone".to_owned(),
                "opt-in-status" => "opt-in-not-required".to_owned(),
                _ => world.region.clone(),
            }]
        };
        (names.is_empty() || names.contains(zone))
            && (ids.is_empty() || ids.contains(&id(world, zone)))
            && filters.iter().all(|filter| filter.accepts(&Tags::new(), values))
    });
    let items = items.map(|zone| {
        Xml::new()
            .text("zoneName", zone)
            .text("zoneState", "available")
            .text("optInStatus", "opt-in-not-required")
            .text("regionName", &world.region)
            .text("zoneId", id(world, zone))
            .text("groupName", &world.region)
            .text("networkBorderGroup", &world.region)
            .text("zoneType", "availability-zone")
            .list("messageSet", "item", [])
    });
    Ok(Xml::new().list("availabilityZoneInfo", "item", items).into())
}

fn describe_regions(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["AllRegions"]);
    let names = call.texts("RegionName");
    let filters = object::filters(call, &["region-name", "endpoint", "opt-in-status"])?;
    if let Some(name) = names.iter().find(|name| **name != world.region) {
        return Err(Refusal::invalid(format!("Invalid region: [{name}]")));
    }
    let region = world.region.clone();
    let endpoint = format!("ec2.{region}.amazonaws.com");
    let values = |name: &str| {
        vec![match name {
            "region-name" => region.clone(),
            "endpoint" => endpoint.clone(),
            _ => "opt-in-not-required".to_owned(),
        }]
    };
    let shown = filters.iter().all(|filter| filter.accepts(&Tags::new(), values));
    let item = Xml::new()
        .text("regionName", &region)
        .text("regionEndpoint", &endpoint)
        .text("optInStatus", "opt-in-not-required");
    Ok(Xml::new().list("regionInfo", "item", shown.then_some(item)).into())
}

fn describe_account_attributes(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let wanted = call.texts("AttributeName");
    let default_vpc = world.ec2.vpcs.values().find(|vpc| vpc.is_default).map_or("none", |vpc| vpc.id.as_str());
    let attributes = [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", default_vpc.to_owned()),
        ("max-instances", "20".to_owned()),
        ("vpc-max-security-groups-per-interface", "5".to_owned()),
        ("max-elastic-ips", world.quotas.addresses.to_string()),
        ("vpc-max-elastic-ips", world.quotas.addresses.to_string()),
    ];
    let items = attributes.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|it| it == name)).map(
        |(name, value)| {
            let values = [Xml::new().text("attributeValue", value)];
            Xml::new().text("attributeName", name).list("attributeValueSet", "item", values)
        },
    );
    Ok(Xml::new().list("accountAttributeSet", "item", items).into())
}
