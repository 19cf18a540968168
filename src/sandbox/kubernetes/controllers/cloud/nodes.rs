//! Nodes whose machines are gone, which the cloud controller deletes.
//!
//! Source: cloud-provider, the node lifecycle controller: it looks every five seconds at nodes that are not Ready.

use jiff::Timestamp;

use super::super::super::super::ec2::Phase;
use super::super::super::super::world::World;
use super::super::super::objects::{Key, Objects};
use super::super::index::Index;
use super::super::{events, later};

/// `--node-monitor-period`.
const PERIOD: i64 = 5;

pub fn step(world: &World, objects: &mut Objects, index: &Index) -> Option<Timestamp> {
    let now = world.now;
    let mut next = None;
    for (name, node) in index.nodes.iter().filter(|(_, node)| !node.ready) {
        let Some(id) = &node.instance else { continue };
        let phase = world.ec2.instances.get(id).map(|it| it.phase);
        if phase.is_none_or(|it| it == Phase::Terminated) {
            let key = Key::new("nodes", "", name);
            let message = format!("Deleting node {name} because it does not exist in the cloud provider");
            let by = ("cloud-node-lifecycle-controller", now);
            events::tell(objects, ("Node", &key), ("Normal", "DeletingNode"), &message, by);
            objects.remove(&key);
        } else if phase == Some(Phase::ShuttingDown) {
            next = Some(later(now, PERIOD));
        }
    }
    next
}
