//! What goes wrong, at its moment.

use jiff::{SignedDuration, Timestamp};

use super::super::autoscaling::Lifecycle;
use super::super::ec2::{self, CapacityLimit, End, Purchase};
use super::super::world::World;
use super::{Fault, Running, What};

/// Seconds from the warning to the end of a spot instance (EC2 user guide, "Spot Instance interruption notices").
const WARNING: i64 = 120;

fn later(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// Lets happen what is due.
pub fn step(world: &mut World, running: &mut Running) {
    let now = world.now;
    let (over, left): (Vec<_>, Vec<_>) = running.limits.drain(..).partition(|(at, _)| *at <= now);
    running.limits = left;
    for (_, limit) in over {
        if let Some(place) = world.ec2.capacity.iter().position(|it| *it == limit) {
            world.ec2.capacity.remove(place);
        }
    }
    let (over, left): (Vec<_>, Vec<_>) = running.reclaimed.drain(..).partition(|(at, _)| *at <= now);
    running.reclaimed = left;
    for (_, id) in over {
        ec2::terminate(world, &id, End::SpotReclaim);
    }
    let (due, left): (Vec<_>, Vec<_>) = running.faults.drain(..).partition(|(at, _)| *at <= now);
    running.faults = left;
    for (_, fault) in due {
        happen(world, running, fault);
    }
}

/// Instances in service of a group, in an order that the seed decides.
fn chosen(world: &mut World, running: &Running, group: &str, count: u32) -> Vec<String> {
    let name = format!("{group}.{}", running.cluster);
    let Some(group) = world.autoscaling.groups.get(&name) else { return Vec::new() };
    let gone = |id: &str| running.reclaimed.iter().any(|(_, other)| other == id);
    let members = group.members.values().filter(|it| it.lifecycle == Lifecycle::InService && !gone(&it.id));
    let mut ids: Vec<String> = members.map(|it| it.id.clone()).collect();
    let mut chosen = Vec::new();
    for _ in 0..count {
        if ids.is_empty() {
            break;
        }
        let size = u64::try_from(ids.len()).unwrap_or(1);
        let place = usize::try_from(world.random() % size).unwrap_or(0);
        chosen.push(ids.swap_remove(place));
    }
    chosen
}

fn happen(world: &mut World, running: &mut Running, fault: Fault) {
    let now = world.now;
    match fault.what {
        What::Reclaim { group, count } => {
            let ids = chosen(world, running, &group, count);
            running.reclaimed.extend(ids.into_iter().map(|id| (later(now, WARNING), id)));
        }
        What::Terminate { group, count } => {
            for id in chosen(world, running, &group, count) {
                ec2::terminate(world, &id, End::HardwareFailure);
            }
        }
        What::Capacity { machine_type, zone, spot, at_most, seconds } => {
            let purchase = spot.map(|spot| if spot { Purchase::Spot } else { Purchase::OnDemand });
            let limit = CapacityLimit { instance_type: machine_type, zone, purchase, at_most };
            world.ec2.capacity.push(limit.clone());
            running.limits.push((later(now, seconds), limit));
        }
        What::ApiDown { seconds } => {
            let down = &mut world.kubernetes.controllers.down;
            down.entry(running.cluster.clone()).or_default().push((now, later(now, seconds)));
        }
        What::NodeNeverReady { group, count } => {
            let name = format!("{group}.{}", running.cluster);
            if let Some(machines) = world.kubernetes.controllers.machines.get_mut(&name) {
                machines.never_ready += count;
            }
        }
        What::KubeletStops { group, count, seconds } => {
            for id in chosen(world, running, &group, count) {
                world.kubernetes.controllers.stopped_kubelets.insert(id, (now, later(now, seconds)));
            }
        }
    }
}
