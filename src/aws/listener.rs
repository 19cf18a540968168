//! TCP listeners of network load balancers; discovered by [`super::balancing`].

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as wire;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::{balancing, named, pages};
use crate::resource::{Attributes, Found, Listener, Readiness, Reference, Resource, Tags};

/// Listeners in one page; the most that Elastic Load Balancing gives (API reference, DescribeListeners).
const PAGE: i32 = 400;

/// The listeners of a balancer; none when it is gone by now.
pub(super) async fn describe(aws: &Aws, load_balancer: &str) -> Result<Vec<wire::Listener>, Error> {
    let listeners = pages::all("DescribeListeners", async |marker| {
        let request = aws.load_balancing().describe_listeners().load_balancer_arn(load_balancer);
        let request = request.page_size(PAGE).set_marker(marker);
        let answer = call(aws, Call::read("DescribeListeners"), || request.clone().send()).await?;
        Ok((answer.listeners.unwrap_or_default(), answer.next_marker))
    })
    .await;
    match listeners {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        other => other,
    }
}

/// Reads a listener.
pub(super) fn read(listener: &wire::Listener, tags: Tags) -> (Resource, Attributes, Readiness) {
    let resource = Listener {
        load_balancer: Reference::Id(listener.load_balancer_arn().unwrap_or_default().to_owned()),
        port: listener.port().and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        target_group: Reference::Id(target_of(listener).unwrap_or_default().to_owned()),
        tags,
    };
    (resource.into(), Attributes::new(), Readiness::Ready)
}

/// The one group that a listener forwards to. AWS answers it both ways, some servers only one.
fn target_of(listener: &wire::Listener) -> Option<&str> {
    let action = listener.default_actions().first()?;
    let forwarded = || action.forward_config()?.target_groups().first()?.target_group_arn();
    action.target_group_arn().or_else(forwarded)
}

fn forward_to(target_group: String) -> wire::Action {
    wire::Action::builder().r#type(wire::ActionTypeEnum::Forward).target_group_arn(target_group).build()
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &Listener, ids: &Ids) -> Result<Made, Error> {
    let load_balancer = ids.id(&it.load_balancer)?;
    let request = aws
        .load_balancing()
        .create_listener()
        .load_balancer_arn(&load_balancer)
        .protocol(wire::ProtocolEnum::Tcp)
        .port(i32::from(it.port))
        .default_actions(forward_to(ids.id(&it.target_group)?))
        .set_tags(Some(balancing::tags(&identity.tags(&it.tags))));
    let answer = call(aws, Call::named("CreateListener").with(ids), || request.clone().send()).await;
    let made = match answer {
        Ok(answer) => answer.listeners.and_then(|listeners| listeners.into_iter().next()),
        Err(error) if error.already_exists() => {
            let listeners = describe(aws, &load_balancer).await?;
            let existing = listeners.into_iter().find(|listener| listener.port() == Some(i32::from(it.port)));
            if let Some(arn) = existing.as_ref().and_then(wire::Listener::listener_arn) {
                balancing::verify(aws, identity, arn).await?;
            }
            existing
        }
        Err(error) => return Err(error),
    };
    let arn = made.and_then(|listener| listener.listener_arn);
    Ok(Made::new(arn.ok_or(Error::Malformed { operation: "CreateListener", what: "no listener" })?))
}

/// Always says port and target again: the target group may have been replaced under the same address.
pub(super) async fn update(aws: &Aws, update: Update<'_, Listener>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    let request = aws
        .load_balancing()
        .modify_listener()
        .listener_arn(&found.id)
        .port(i32::from(after.port))
        .default_actions(forward_to(ids.id(&after.target_group)?));
    call(aws, Call::named("ModifyListener").with(ids), || request.clone().send()).await?;
    balancing::update_tags(aws, &found.id, &before.tags, &after.tags).await?;
    Ok(found.attributes.clone())
}

pub(super) async fn delete(aws: &Aws, found: &Found, _it: &Listener) -> Result<(), Error> {
    let request = aws.load_balancing().delete_listener().listener_arn(&found.id);
    delete_call(aws, "DeleteListener", || request.clone().send()).await
}

/// One call per balancer, which for one cluster is one call.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let balancers: BTreeSet<String> = ids.iter().filter_map(|id| balancer_of(id)).collect();
    let mut existing = Vec::new();
    for balancer in &balancers {
        existing.extend(describe(aws, balancer).await?.into_iter().filter_map(|listener| listener.listener_arn));
    }
    Ok(named::present(ids, &existing))
}

/// `…:listener/net/NAME/BALANCER/LISTENER` belongs to `…:loadbalancer/net/NAME/BALANCER` (service authorization
/// reference, "Resource types defined by Elastic Load Balancing V2").
fn balancer_of(listener: &str) -> Option<String> {
    let (balancer, _) = listener.rsplit_once('/')?;
    balancer.contains(":listener/").then(|| balancer.replacen(":listener/", ":loadbalancer/", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_of_a_listener_tells_its_balancer() {
        let listener = "arn:aws:elasticloadbalancing:eu-west-3:1:listener/net/api/50dc6c495c0c9188/f2f7dc8efc522ab2";
        let balancer = "arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/net/api/50dc6c495c0c9188";
        assert_eq!(balancer_of(listener).as_deref(), Some(balancer));
        assert_eq!(balancer_of(balancer), None);
    }
}
