//! One operation of a plan, from its first call to its record.

use std::sync::{Arc, Mutex, PoisonError};

use super::event::{ActName, Event, Reporter};
use super::waits::{Until, WaitError, Waits};
use crate::aws::{self, Aws, Identity, Ids};
use crate::clock::Clock;
use crate::name::ClusterName;
use crate::plan::{Act, Operation};
use crate::resource::{Address, Attributes, Found, Kind, Resource};
use crate::state::{Intent, IntentKind, Outcome, ResourceRecord};

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// AWS refused.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// It never became ready, or never went away.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

/// What every operation of a run shares.
pub struct Bench {
    /// The way to AWS.
    pub aws: Aws,
    /// The clock.
    pub clock: Clock,
    /// Receives events.
    pub reporter: Reporter,
    /// The cluster.
    pub cluster: ClusterName,
    /// Its 128-bit id in hexadecimal.
    pub uid: String,
    /// The run's id.
    pub run: String,
    /// The one loop that waits.
    pub waits: Waits,
    /// AWS ids of everything that exists so far.
    pub ids: Mutex<Ids>,
}

impl Bench {
    /// The tags and the token of an object.
    pub fn identity(&self, address: &Address, generation: u32) -> Identity {
        Identity { cluster: self.cluster.clone(), uid: self.uid.clone(), address: address.clone(), generation }
    }

    /// Tells the user.
    pub fn report(&self, event: Event) {
        (self.reporter)(self.clock.now(), event);
    }

    /// The AWS id of an address, if it exists.
    pub fn id_of(&self, address: &Address) -> Option<String> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).id_of(address).map(str::to_owned)
    }

    fn ids(&self) -> Ids {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What an operation does, as a word.
pub const fn act_name(act: &Act) -> ActName {
    match act {
        Act::Create { .. } => ActName::Create,
        Act::Update { .. } => ActName::Update,
        Act::Delete { .. } | Act::Discard { .. } => ActName::Delete,
        Act::Adopt { .. } => ActName::Adopt,
        Act::Forget => ActName::Forget,
    }
}

/// What goes into the journal before the operation; `None` for those that call nothing.
pub fn intent(bench: &Bench, operation: &Operation) -> Option<Intent> {
    let address = operation.address.clone();
    let at = bench.clock.now();
    let of_found = |operation, found: &Found, resource: Option<&Resource>| Intent {
        address: address.clone(),
        operation,
        generation: found.generation,
        token: None,
        id: Some(found.id.clone()),
        resource: resource.cloned(),
        at,
    };
    match &operation.act {
        Act::Create { resource, generation } => Some(Intent {
            address: address.clone(),
            operation: IntentKind::Create,
            generation: *generation,
            token: Some(bench.identity(&address, *generation).token()),
            id: None,
            resource: Some(resource.as_ref().clone()),
            at,
        }),
        Act::Update { found, resource } => Some(of_found(IntentKind::Update, found, Some(resource))),
        Act::Delete { found } | Act::Discard { found } => Some(of_found(IntentKind::Delete, found, None)),
        Act::Adopt { .. } | Act::Forget => None,
    }
}

/// Does it.
///
/// # Errors
/// See [`OperationError`].
pub async fn perform(bench: Arc<Bench>, operation: Operation) -> Result<Outcome, OperationError> {
    let Operation { address, act } = operation;
    let name = act_name(&act);
    let started = tokio::time::Instant::now();
    bench.report(Event::Started { address: address.clone(), act: name });
    let (record, id) = match act {
        Act::Create { resource, generation } => create(&bench, &address, *resource, generation).await?,
        Act::Update { found, resource } => update(&bench, &address, *found, *resource).await?,
        Act::Delete { found } => (None, delete(&bench, &address, &found).await?),
        Act::Discard { found } => (None, delete(&bench, &address, &found).await?),
        Act::Adopt { found, resource } => {
            let id = found.id.clone();
            (Some(record(&bench, &address, &found.id, found.generation, *resource, found.attributes)), id)
        }
        Act::Forget => (None, String::from("no longer there")),
    };
    let milliseconds = started.elapsed().as_millis();
    bench.report(Event::Done { address: address.clone(), act: name, id, milliseconds });
    Ok(Outcome { address, record, at: bench.clock.now() })
}

async fn create(
    bench: &Bench,
    address: &Address,
    resource: Resource,
    generation: u32,
) -> Result<(Option<ResourceRecord>, String), OperationError> {
    let ids = bench.ids();
    wait_for_references(bench, &ids, &resource).await?;
    let identity = bench.identity(address, generation);
    let made = aws::create(&bench.aws, &identity, &resource, &ids).await?;
    let record = record(bench, address, &made.id, generation, resource, made.attributes);
    Ok((Some(record), made.id))
}

async fn update(
    bench: &Bench,
    address: &Address,
    found: Found,
    resource: Resource,
) -> Result<(Option<ResourceRecord>, String), OperationError> {
    let ids = bench.ids();
    wait_for_references(bench, &ids, &resource).await?;
    let identity = bench.identity(address, found.generation);
    let attributes = aws::update(&bench.aws, &found, &resource, &identity, &ids).await?;
    let record = record(bench, address, &found.id, found.generation, resource, attributes);
    Ok((Some(record), found.id))
}

async fn delete(bench: &Bench, address: &Address, found: &Found) -> Result<String, OperationError> {
    aws::delete(&bench.aws, found).await?;
    if leaves_slowly(address.kind()) {
        bench.waits.wait(address, &found.id, Until::Gone).await?;
    }
    Ok(found.id.clone())
}

/// The record of what was made; from here on others can refer to it.
fn record(
    bench: &Bench,
    address: &Address,
    id: &str,
    generation: u32,
    applied: Resource,
    attributes: Attributes,
) -> ResourceRecord {
    bench.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), id, attributes.clone());
    ResourceRecord {
        address: address.clone(),
        id: id.to_owned(),
        generation,
        token: Some(bench.identity(address, generation).token()),
        applied,
        attributes,
        run: bench.run.clone(),
    }
}

/// A route through a NAT gateway that is still pending leads nowhere, and a subnet in a VPC that is still pending is
/// refused; everything else may be referred to as soon as it exists, so that nothing waits for the load balancer.
async fn wait_for_references(bench: &Bench, ids: &Ids, resource: &Resource) -> Result<(), WaitError> {
    for address in resource.references().into_iter().filter_map(|reference| reference.address()) {
        if matches!(address.kind(), Kind::Vpc | Kind::NatGateway | Kind::Volume | Kind::NetworkInterface)
            && let Some(id) = ids.id_of(address)
        {
            bench.waits.wait(address, id, Until::Ready).await?;
        }
    }
    Ok(())
}

/// Kinds whose delete call returns long before the object lets go of what it holds (addresses, interfaces, machines).
const fn leaves_slowly(kind: Kind) -> bool {
    matches!(kind, Kind::NatGateway | Kind::LoadBalancer | Kind::AutoScalingGroup)
}

/// Kinds that are used by nobody until they are ready, so that a run ends only when they are.
pub const fn settles(kind: Kind) -> bool {
    matches!(kind, Kind::NatGateway | Kind::LoadBalancer | Kind::AutoScalingGroup | Kind::RecordSet)
}
