//! Before a cluster ends: what its controllers have made in AWS for it goes while they still run, because they know best
//! what belongs to it.

use std::time::Duration;

use serde_json::Value;

use super::install::{Means, pause};
use super::look::core;
use super::told::Told;
use super::{Error, Event, LOOK};
use crate::addon::ObjectKey;
use crate::kubernetes::{Kubernetes, ObjectKind};
use crate::plan::Action;

/// How long load balancers may take to go: the network cannot go before them. A network load balancer is deleted within a
/// minute or two; its interfaces follow.
const BALANCERS: Duration = Duration::from_secs(10 * 60);
/// How long volumes may take. Those that pods still hold are found by their tags when the machines are gone.
const VOLUMES: Duration = Duration::from_secs(60);

/// Deletes services with load balancers, and claims of volumes, and waits for both. Returns what is still there.
///
/// # Errors
/// That of a call; [`Error::Interrupted`].
pub async fn clear(means: &Means<'_>) -> Result<Vec<ObjectKey>, Error> {
    let services = core("Service", "services");
    let is_balanced = |object: &Value| object["spec"]["type"] == "LoadBalancer";
    let claims = core("PersistentVolumeClaim", "persistentvolumeclaims");
    delete(means, &services, is_balanced).await?;
    delete(means, &claims, |_| true).await?;
    let mut left = gone(means, &services, is_balanced, BALANCERS).await?;
    left.extend(gone(means, &claims, |_| true, VOLUMES).await?);
    Ok(left)
}

async fn delete(means: &Means<'_>, kind: &ObjectKind, which: impl Fn(&Value) -> bool) -> Result<(), Error> {
    for object in of(&means.kubernetes, kind, which).await? {
        let key = named(kind, &object);
        let Some(uid) = object["metadata"]["uid"].as_str() else { continue };
        means.permitted().await?;
        means.kubernetes.delete_object(kind, key.namespace.as_deref(), &key.name, uid).await?;
        let event =
            Event::AddOnDid { add_on: String::from("cluster"), object: key.to_string(), action: Action::Delete };
        (means.tell)(event);
    }
    Ok(())
}

/// Waits until there is none, and returns those that stay.
async fn gone(
    means: &Means<'_>,
    kind: &ObjectKind,
    which: impl Fn(&Value) -> bool,
    patience: Duration,
) -> Result<Vec<ObjectKey>, Error> {
    let began = means.clock.since_boot();
    let mut told = Told::since(began);
    loop {
        let left: Vec<ObjectKey> =
            of(&means.kubernetes, kind, &which).await?.iter().map(|object| named(kind, object)).collect();
        let now = means.clock.since_boot();
        if left.is_empty() || now >= began + patience {
            return Ok(left);
        }
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        told.tell(means, None, format!("the end of {}", names.join(", ")));
        pause(means, LOOK).await?;
    }
}

async fn of(kubernetes: &Kubernetes, kind: &ObjectKind, which: impl Fn(&Value) -> bool) -> Result<Vec<Value>, Error> {
    let mut objects = kubernetes.objects(kind, None, "").await?;
    objects.retain(which);
    Ok(objects)
}

/// Items of a list do not say what they are.
fn named(kind: &ObjectKind, object: &Value) -> ObjectKey {
    ObjectKey { kind: kind.kind.clone(), ..ObjectKey::of(object) }
}
