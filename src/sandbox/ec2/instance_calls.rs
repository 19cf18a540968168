//! The calls by which instances come and go: RunInstances and those that end, stop and start them. What they do to the
//! world is in [`super::launching`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::instances::{Instance, Phase};
use super::launch_data::{Interface, LaunchData};
use super::launch_templates::{self, TemplateReference};
use super::launching::{End, LaunchRequest, LaunchedFrom, launch, missing, start, stop, terminate};
use super::object::{self, Object};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("RunInstances", run_instances),
    ("TerminateInstances", terminate_instances),
    ("StopInstances", stop_instances),
    ("StartInstances", start_instances),
    ("RebootInstances", reboot_instances),
];

fn run_instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let given = LaunchData::read(call)?;
    let count = |name: &str| -> Result<u32, Refusal> { call.parsed(name)?.ok_or_else(|| missing(name)) };
    let (least, most) = (count("MinCount")?, count("MaxCount")?);
    let subnet = call.text("SubnetId").filter(|id| !id.is_empty());
    let private_ip: Option<Ipv4Addr> = call.parsed("PrivateIpAddress")?;
    let template = call.view("LaunchTemplate");
    let template = template.is_present().then(|| TemplateReference {
        id: template.text("LaunchTemplateId"),
        name: template.text("LaunchTemplateName"),
        version: template.text("Version"),
    });
    if let Some(reservation) = world.replay(call)? {
        let made: Vec<&Instance> = world.ec2.instances.values().filter(|it| it.reservation == reservation).collect();
        return Ok(reservation_view(world, &made));
    }
    if least == 0 || least > most {
        return Err(Refusal::invalid(
            "Invalid value for min and max count: minCount must be at least 1 and at most maxCount",
        ));
    }
    let resolved = template.map(|reference| launch_templates::resolve(world, &reference)).transpose()?;
    let mut data = match &resolved {
        Some(resolved) => given.or(&resolved.data),
        None => given,
    };
    if !data.interfaces.is_empty() && subnet.is_some() {
        let message = "Network interfaces and an instance-level subnet ID may not be specified on the same request";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if !data.interfaces.is_empty() && !data.security_groups.is_empty() {
        let message =
            "Network interfaces and an instance-level security groups may not be specified on the same request";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if let Some(private_ip) = private_ip {
        data.interfaces.push(Interface {
            device_index: 0,
            public_address: None,
            delete_on_termination: None,
            description: None,
            groups: data.security_groups.clone(),
            interface: None,
            subnet: subnet.clone(),
            private_ip: Some(private_ip),
        });
    }
    let reservation = world.new_id("r");
    let mut request = LaunchRequest {
        zone: data.placement.get("availabilityZone").cloned(),
        data,
        template: resolved.map(|it| LaunchedFrom { id: it.id, version: it.version }),
        subnet,
        client_token: call.text("ClientToken"),
        reservation: Some(reservation.clone()),
        ..LaunchRequest::default()
    };
    for index in 0..most {
        request.launch_index = index;
        match launch(world, &request) {
            Ok(_) => {}
            Err(_) if index >= least => break,
            // A refused call leaves the world as it was, also what it launched before.
            Err(refusal) => return Err(refusal),
        }
    }
    world.remember(call, &reservation);
    let made: Vec<&Instance> = world.ec2.instances.values().filter(|it| it.reservation == reservation).collect();
    Ok(reservation_view(world, &made))
}

fn reservation_view(world: &World, made: &[&Instance]) -> Answer {
    let mut made = made.to_vec();
    made.sort_by_key(|it| it.launch_index);
    let id = made.first().map(|it| it.reservation.as_str()).unwrap_or_default();
    Xml::new()
        .text("reservationId", id)
        .text("ownerId", &world.account)
        .list("groupSet", "item", [])
        .list("instancesSet", "item", made.into_iter().map(|it| it.view(world)))
        .into()
}

/// The instances that a call names; those that are terminated count as long as they are shown.
fn named(world: &World, call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.texts("InstanceId");
    if ids.is_empty() {
        return Err(missing("InstanceId"));
    }
    for id in &ids {
        if !world.ec2.instances.contains_key(id) || world.is_hidden(id) {
            object::get::<Instance>(world, id)?;
            return Err(object::not_found::<Instance>(id));
        }
    }
    Ok(ids)
}

fn changes(world: &World, ids: &[String], before: &BTreeMap<String, Phase>) -> Answer {
    let items = ids.iter().filter_map(|id| {
        let instance = world.ec2.instances.get(id)?;
        let previous = before.get(id).copied().unwrap_or(instance.phase);
        let xml = Xml::new().text("instanceId", id);
        Some(xml.element("currentState", instance.phase.view()).element("previousState", previous.view()))
    });
    Xml::new().list("instancesSet", "item", items).into()
}

fn phases(world: &World, ids: &[String]) -> BTreeMap<String, Phase> {
    ids.iter().filter_map(|id| Some((id.clone(), world.ec2.instances.get(id)?.phase))).collect()
}

fn terminate_instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["Force", "SkipOsShutdown"]);
    let ids = named(world, call)?;
    let guarded = |id: &&String| world.ec2.instances.get(id).is_some_and(|it| it.termination_protection);
    if let Some(id) = ids.iter().find(guarded) {
        let message = format!(
            "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
        );
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let before = phases(world, &ids);
    ids.iter().for_each(|id| terminate(world, id, End::UserInitiated));
    Ok(changes(world, &ids, &before))
}

fn stop_instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["Force", "Hibernate", "SkipOsShutdown"]);
    let ids = named(world, call)?;
    let before = phases(world, &ids);
    ids.iter().for_each(|id| stop(world, id));
    Ok(changes(world, &ids, &before))
}

fn start_instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = named(world, call)?;
    let before = phases(world, &ids);
    if let Some((id, _)) = before.iter().find(|(_, phase)| !phase.is_live() || **phase == Phase::Stopping) {
        let message = format!("The instance '{id}' is not in a state from which it can be started.");
        return Err(Refusal::new("IncorrectInstanceState", message));
    }
    ids.iter().for_each(|id| start(world, id));
    Ok(changes(world, &ids, &before))
}

fn reboot_instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    named(world, call)?;
    Ok(Answer::yes())
}
