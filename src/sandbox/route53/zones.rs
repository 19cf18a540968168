//! Hosted zones.

use super::super::wire::{Answer, Call, Parameters, Refusal, Xml};
use super::super::world::World;
use super::{SERVERS, Zone, name, submit, zone_id};

fn xml(zone: &Zone) -> Xml {
    let config = Xml::new().maybe("Comment", zone.comment.as_ref()).text("PrivateZone", zone.private);
    Xml::new()
        .text("Id", format!("/hostedzone/{}", zone.id))
        .text("Name", &zone.name)
        .text("CallerReference", &zone.caller_reference)
        .element("Config", config)
        .text("ResourceRecordSetCount", zone.records.len())
}

fn details(zone: &Zone) -> Xml {
    let xml = Xml::new().element("HostedZone", xml(zone));
    if zone.private {
        let vpc = |(region, id): &(String, String)| Xml::new().text("VPCRegion", region).text("VPCId", id);
        return xml.list("VPCs", "VPC", zone.vpcs.iter().map(vpc));
    }
    xml.element("DelegationSet", Xml::new().texts("NameServers", "NameServer", SERVERS))
}

fn vpc(world: &World, parameters: &Parameters<'_>) -> Result<Option<(String, String)>, Refusal> {
    if !parameters.is_present() {
        return Ok(None);
    }
    let region = parameters.text("VPCRegion").unwrap_or_else(|| world.region.clone());
    let id = parameters.text("VPCId").unwrap_or_default();
    if region == world.region && !world.ec2.vpcs.contains_key(&id) {
        return Err(Refusal::new("InvalidVPCId", format!("The VPC: {id} you provided is not valid.")));
    }
    Ok(Some((region, id)))
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.text("Name").unwrap_or_default();
    let reference = call.text("CallerReference").unwrap_or_default();
    let labels_fit = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.\\*".contains(&byte));
    if !labels_fit || !name::is_valid(&name::normalize(&name)) {
        return Err(Refusal::new("InvalidDomainName", format!("{name} is not a valid domain name")));
    }
    if reference.is_empty() {
        return Err(Refusal::new("InvalidInput", "1 validation error detected: Value '' at 'callerReference' failed"));
    }
    if world.route53.zones.values().any(|zone| zone.caller_reference == reference) {
        let message =
            format!("A hosted zone has already been created with the specified caller reference: {reference}");
        return Err(Refusal::new("HostedZoneAlreadyExists", message).with_status(409));
    }
    call.accept_all(&["DelegationSetId"]);
    let vpc = vpc(world, &call.view("VPC"))?;
    let config = call.view("HostedZoneConfig");
    let asked_private = config.flag("PrivateZone")?.unwrap_or(false);
    if asked_private && vpc.is_none() {
        let message = "When you're creating a private hosted zone, you must specify a VPC.";
        return Err(Refusal::new("InvalidInput", message));
    }
    let id = format!("Z{}", world.new_letters(20));
    let mut zone = Zone::new(&id, &name, &reference);
    zone.comment = config.text("Comment");
    zone.private = vpc.is_some();
    zone.vpcs = vpc.into_iter().collect();
    let answer = details(&zone).and(submit(world));
    world.route53.zones.insert(id.clone(), zone);
    let location = format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}");
    Ok(Answer::from(answer).with_status(201).with_header("location", location))
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(details(world.route53.zone(call)?).into())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let zone = world.route53.zone(call)?;
    let needed = |kind: &str| matches!(kind, "NS" | "SOA");
    if zone.records.iter().any(|record| record.name != zone.name || !needed(&record.record_type)) {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(Refusal::new("HostedZoneNotEmpty", message));
    }
    world.route53.zones.remove(&zone_id(call));
    Ok(submit(world).into())
}

fn most(call: &Call<'_>) -> Result<usize, Refusal> {
    Ok(call.parsed::<usize>("maxitems")?.unwrap_or(100).clamp(1, 100))
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let most = most(call)?;
    let marker = call.text("marker").unwrap_or_default();
    call.accept_all(&["delegationsetid", "hostedzonetype"]);
    let mut zones = world.route53.zones.values().filter(|zone| zone.id >= marker);
    let page: Vec<Xml> = zones.by_ref().take(most).map(xml).collect();
    let next = zones.next();
    Ok(Xml::new()
        .list("HostedZones", "HostedZone", page)
        .text("Marker", &marker)
        .text("IsTruncated", next.is_some())
        .maybe("NextMarker", next.map(|zone| &zone.id))
        .text("MaxItems", most)
        .into())
}

pub fn list_by_name(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let most = most(call)?;
    let asked = call.text("dnsname");
    let from_name = asked.as_deref().map(|asked| name::reversed(&name::normalize(asked))).unwrap_or_default();
    let from_id = call.text("hostedzoneid").unwrap_or_default();
    let mut zones: Vec<(String, &Zone)> =
        world.route53.zones.values().map(|zone| (name::reversed(&zone.name), zone)).collect();
    zones.sort_by(|one, other| (&one.0, &one.1.id).cmp(&(&other.0, &other.1.id)));
    let from_id = from_id.trim_start_matches("/hostedzone/");
    let mut zones = zones
        .into_iter()
        .filter(|(name, zone)| (name.as_str(), zone.id.as_str()) >= (from_name.as_str(), from_id))
        .map(|(_, zone)| zone);
    let page: Vec<Xml> = zones.by_ref().take(most).map(xml).collect();
    let next = zones.next();
    Ok(Xml::new()
        .list("HostedZones", "HostedZone", page)
        .maybe("DNSName", asked)
        .text("IsTruncated", next.is_some())
        .maybe("NextDNSName", next.map(|zone| &zone.name))
        .maybe("NextHostedZoneId", next.map(|zone| &zone.id))
        .text("MaxItems", most)
        .into())
}

pub fn list_by_vpc(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.text("vpcid").unwrap_or_default();
    call.accept_all(&["vpcregion", "maxitems", "nexttoken"]);
    let zones = world.route53.zones.values().filter(|zone| zone.vpcs.iter().any(|(_, vpc)| *vpc == id));
    let summaries = zones.map(|zone| {
        Xml::new()
            .text("HostedZoneId", &zone.id)
            .text("Name", &zone.name)
            .element("Owner", Xml::new().text("OwningAccount", &world.account))
    });
    Ok(Xml::new().list("HostedZoneSummaries", "HostedZoneSummary", summaries).text("MaxItems", 100).into())
}

pub fn count(world: &mut World, _call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Xml::new().text("HostedZoneCount", world.route53.zones.len()).into())
}

pub fn associate(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let vpc = vpc(world, &call.view("VPC"))?;
    call.accept_all(&["Comment"]);
    let zone = world.route53.zone_mut(call)?;
    if !zone.private {
        let message = "You're trying to associate a VPC with a public hosted zone.";
        return Err(Refusal::new("PublicZoneVPCAssociation", message));
    }
    if let Some(vpc) = vpc
        && !zone.vpcs.contains(&vpc)
    {
        zone.vpcs.push(vpc);
    }
    Ok(submit(world).into())
}

pub fn disassociate(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.view("VPC").text("VPCId").unwrap_or_default();
    call.accept_all(&["Comment", "VPC"]);
    let zone = world.route53.zone_mut(call)?;
    if !zone.vpcs.iter().any(|(_, vpc)| *vpc == id) {
        let message = format!("The VPC {id} is not associated with the hosted zone.");
        return Err(Refusal::new("VPCAssociationNotFound", message).with_status(404));
    }
    if zone.vpcs.len() == 1 {
        let message = "A private hosted zone must have one VPC at least.";
        return Err(Refusal::new("LastVPCAssociation", message));
    }
    zone.vpcs.retain(|(_, vpc)| *vpc != id);
    Ok(submit(world).into())
}
