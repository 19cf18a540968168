//! What add-ons do in the account: load balancers for services, volumes for claims, and
//! nodes of machines that are gone. Nothing happens before a pod of the
//! add-on runs, and nothing that the role of its machine does not allow.

mod balancers;
mod claims;
mod network;
mod nodes;
mod volumes;

pub use claims::SELECTED;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::super::iam::Request;
use super::super::super::wire::Service;
use super::super::super::world::World;
use super::super::super::{boot, call};
use super::super::objects::{Key, Objects};
use super::index::{Index, PodRole};

/// Seconds between two tries after a refusal (client-go's rate limiter begins at 5 s and ends at 300 s).
const RETRY: i64 = 60;

/// Tags.
type Tags = BTreeMap<String, String>;

/// A pod that calls AWS.
struct Hand<'w> {
    /// The cluster.
    cluster: &'w str,
    /// The instance that it runs on.
    instance: String,
    /// The pod.
    pod: Key,
}

/// A call: what it makes gets tags, what it changes has some.
struct Asked<'a> {
    service: Service,
    operation: &'a str,
    parameters: Vec<(String, String)>,
    made: &'a Tags,
    on: &'a Tags,
}

impl Hand<'_> {
    /// Carries a call out if the role allows it.
    ///
    /// # Errors
    /// What AWS says.
    fn ask(&self, world: &mut World, asked: &Asked<'_>) -> Result<(), String> {
        let prefix = match asked.service {
            Service::ElasticLoadBalancing => "elasticloadbalancing",
            _ => "ec2",
        };
        let request = |action: &str| {
            let mut request = Request::new(&format!("{prefix}:{action}"), world.arn(prefix, "*")).tagged(asked.on);
            for (key, value) in asked.made {
                request = request.with(&format!("aws:RequestTag/{key}"), [value]);
            }
            request.with("aws:TagKeys", asked.made.keys())
        };
        boot::may(world, &self.instance, request(asked.operation))?;
        if !asked.made.is_empty() {
            // Tags at the creation are an action of their own (EC2 and ELB user guides, "Grant permission to tag resources
            // during creation").
            let tagging = if prefix == "ec2" { "CreateTags" } else { "AddTags" };
            let created = request(tagging).with(&format!("{prefix}:CreateAction"), [asked.operation]);
            boot::may(world, &self.instance, created)?;
        }
        let mut parameters = asked.parameters.clone();
        let tags = if prefix == "ec2" { "TagSpecification.1.Tag" } else { "Tags.member" };
        for (number, (key, value)) in asked.made.iter().enumerate() {
            parameters.push((format!("{tags}.{}.Key", number + 1), key.clone()));
            parameters.push((format!("{tags}.{}.Value", number + 1), value.clone()));
        }
        call(world, asked.service, asked.operation, &parameters)
            .map_err(|refusal| format!("operation error {}: {}: {}", asked.operation, refusal.code, refusal.message))
    }
}

/// The pod of a role that acts for a cluster.
fn hand<'w>(cluster: &'w str, index: &Index, role: PodRole) -> Option<Hand<'w>> {
    let (name, pod) = index.acting(role)?;
    let instance = index.nodes.get(pod.node.as_deref()?)?.instance.clone()?;
    Some(Hand { cluster, instance, pod: Key::new("pods", &name.0, &name.1) })
}

fn texts<const N: usize>(parameters: [(&str, &str); N]) -> Vec<(String, String)> {
    parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Does what is to be done once; when it has to look again by itself.
pub fn step(world: &mut World, cluster: &str, objects: &mut Objects, index: &mut Index) -> Option<Timestamp> {
    let controller = hand(cluster, index, PodRole::CloudController);
    let cleared = controller.as_ref().and_then(|_| nodes::step(world, objects, index));
    let balanced = controller.and_then(|hand| balancers::step(world, &hand, objects, index));
    index.sync(objects);
    let driver = hand(cluster, index, PodRole::EbsDriver);
    let claimed = claims::step(world, driver.as_ref(), objects, index);
    index.sync(objects);
    if let Some(driver) = &driver {
        volumes::attach(world, driver, index);
    }
    [cleared, balanced, claimed].into_iter().flatten().min()
}
