//! One operation of a plan, from its first call to its record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::event::{ActName, Event, Reporter};
use super::vault::{InterfaceFacts, Vault, VaultError};
use super::waits::{Until, WaitError, Waits};
use crate::aws::{self, Aws, Identity, Ids, Made, ParameterValue, PublicCertificate};
use crate::clock::Clock;
use crate::name::ClusterName;
use crate::plan::{Act, Operation};
use crate::resource::{
    Address, Attributes, CertificateRequest, Content, Found, Kind, Parameter, Reference, Resource, attribute,
};
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
    /// What goes into it could not be made.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl OperationError {
    /// What AWS' refusal means, if it was one.
    #[must_use]
    pub fn failure(&self) -> Option<aws::Failure> {
        match self {
            Self::Aws(error) => error.failure(),
            Self::Wait(WaitError::Aws(error)) => error.failure(),
            Self::Wait(_) | Self::Vault(_) => None,
        }
    }

    /// What to do about it, if there is more to say than to try again.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Aws(error) => error.hint(),
            Self::Wait(WaitError::Aws(error)) => error.hint(),
            Self::Wait(_) | Self::Vault(_) => None,
        }
    }
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
    /// The opened keys, for parameters.
    pub vault: Vault,
    /// AWS ids of everything that exists so far.
    pub ids: Mutex<Ids>,
    /// Creates that a run which died had announced, and of which nobody knows the outcome.
    pub earlier_intents: BTreeMap<Address, Timestamp>,
    /// The records before the run: what stays recorded when a duplicate is discarded.
    pub recorded: BTreeMap<Address, ResourceRecord>,
}

impl Bench {
    /// The tags and the token of an object.
    pub fn identity(&self, address: &Address, generation: u32) -> Identity {
        Identity {
            cluster: self.cluster.clone(),
            uid: self.uid.clone(),
            address: address.clone(),
            generation,
            earlier_intent: self.earlier_intents.get(address).copied(),
        }
    }

    /// Tells the user.
    pub fn report(&self, event: Event) {
        (self.reporter)(self.clock.now(), event);
    }

    /// The AWS id of an address, if it exists.
    pub fn id_of(&self, address: &Address) -> Option<String> {
        self.known().id(&Reference::from(address.clone())).ok()
    }

    fn known(&self) -> MutexGuard<'_, Ids> {
        // A task that panicked cannot have left the map half-changed: every change is one call.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ids(&self) -> Ids {
        self.known().clone()
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

/// What goes into the journal before the operation: enough to find out later what came of it.
pub fn intent(bench: &Bench, operation: &Operation) -> Intent {
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
        Act::Create { resource, generation } => Intent {
            address: address.clone(),
            operation: IntentKind::Create,
            generation: *generation,
            token: Some(bench.identity(&address, *generation).client_token()),
            id: None,
            resource: Some(resource.as_ref().clone()),
            at,
        },
        Act::Update { found, resource } => of_found(IntentKind::Update, found, Some(resource)),
        Act::Delete { found } | Act::Discard { found } => of_found(IntentKind::Delete, found, None),
        Act::Adopt { found, resource } => of_found(IntentKind::Adopt, found, Some(resource)),
        Act::Forget => Intent {
            address: address.clone(),
            operation: IntentKind::Forget,
            generation: bench.recorded.get(&address).map_or(1, |record| record.generation),
            token: None,
            id: None,
            resource: None,
            at,
        },
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
    let record_of = |id: &str, generation, applied, attributes| ResourceRecord {
        address: address.clone(),
        id: id.to_owned(),
        generation,
        token: Some(bench.identity(&address, generation).client_token()),
        applied,
        attributes,
        run: bench.run.clone(),
        made: None,
        settling: settles(address.kind()),
    };
    let (id, record) = match act {
        Act::Create { resource, generation } => {
            let made = create(&bench, &address, &resource, generation).await?;
            let record = record_of(&made.id, generation, *resource, made.attributes);
            (made.id, Some(ResourceRecord { made: Some(bench.clock.now()), ..record }))
        }
        Act::Update { found, resource } => {
            let attributes = update(&bench, &address, &found, &resource).await?;
            let record = record_of(&found.id, found.generation, *resource, attributes);
            (found.id, Some(record))
        }
        Act::Adopt { found, resource } => {
            let record = record_of(&found.id, found.generation, *resource, found.attributes);
            (found.id, Some(record))
        }
        Act::Delete { found } => {
            delete(&bench, &address, &found).await?;
            bench.known().remove(&address);
            (found.id, None)
        }
        Act::Discard { found } => {
            delete(&bench, &address, &found).await?;
            (found.id, bench.recorded.get(&address).cloned())
        }
        Act::Forget => {
            see_off(&bench, &address).await?;
            (String::from("no longer there"), None)
        }
    };
    let milliseconds = started.elapsed().as_millis();
    bench.report(Event::Done { address: address.clone(), act: name, id, milliseconds });
    Ok(Outcome { address, record, at: bench.clock.now() })
}

async fn create(
    bench: &Bench,
    address: &Address,
    resource: &Resource,
    generation: u32,
) -> Result<Made, OperationError> {
    wait_for_references(bench, resource).await?;
    let ids = bench.ids();
    let identity = bench.identity(address, generation);
    let made = match resource {
        Resource::Parameter(it) => {
            let filled = fill(bench, it, &ids)?;
            let mut made = aws::create_parameter(&bench.aws, &identity, it, &filled.value).await?;
            made.attributes.extend(filled.facts);
            made
        }
        _ => aws::create(&bench.aws, &identity, resource, &ids).await?,
    };
    bench.known().insert_made(address.clone(), &made, bench.clock.now());
    Ok(made)
}

async fn update(
    bench: &Bench,
    address: &Address,
    found: &Found,
    resource: &Resource,
) -> Result<Attributes, OperationError> {
    wait_for_references(bench, resource).await?;
    let ids = bench.ids();
    let identity = bench.identity(address, found.generation);
    let attributes = match (&found.resource, resource) {
        (Resource::Parameter(before), Resource::Parameter(after)) if needs_new_value(before, after) => {
            let filled = fill(bench, after, &ids)?;
            let update = aws::Update { found, before, after, identity: &identity, ids: &ids };
            let mut attributes = aws::update_parameter(&bench.aws, update, &filled.value).await?;
            attributes.extend(filled.facts);
            attributes
        }
        _ => aws::update(&bench.aws, found, resource, &identity, &ids).await?,
    };
    bench.known().set_attributes(address, attributes.clone());
    Ok(attributes)
}

/// Only tags change without a new value. An update without any difference is for a new value: the interface that a
/// certificate is for has changed.
fn needs_new_value(before: &Parameter, after: &Parameter) -> bool {
    before.digest() != after.digest() || before == after
}

/// A value, and the facts that go into the record with it.
struct Filling {
    value: ParameterValue,
    facts: Attributes,
}

fn fill(bench: &Bench, parameter: &Parameter, ids: &Ids) -> Result<Filling, OperationError> {
    let mut facts = Attributes::new();
    let interface = match &parameter.content {
        Content::Certificate(CertificateRequest { interface: Some(interface), .. }) => {
            let address = ids.attribute(interface, attribute::PRIVATE_ADDRESS)?;
            let name = ids.attribute(interface, attribute::PRIVATE_NAME)?;
            let parsed = address.parse().map_err(|_| VaultError::NoInterface)?;
            facts.insert(attribute::PRIVATE_ADDRESS.to_owned(), address);
            Some(InterfaceFacts { address: parsed, name })
        }
        _ => None,
    };
    let filled = bench.vault.fill(parameter, interface.as_ref(), bench.aws.certain_date()?)?;
    let certificate =
        filled.certificate.map(|certificate| PublicCertificate { pem: certificate.pem(), serial: certificate.serial });
    Ok(Filling { value: ParameterValue { text: filled.value, certificate }, facts })
}

async fn delete(bench: &Bench, address: &Address, found: &Found) -> Result<(), OperationError> {
    aws::delete(&bench.aws, found).await?;
    if leaves_slowly(address.kind()) {
        bench.waits.wait(address, &found.id, Until::Gone).await?;
    }
    Ok(())
}

/// What is not there any more may still be on its way out: a run that died has begun its deletion. Until it is gone, it
/// costs money, and holds what it used.
async fn see_off(bench: &Bench, address: &Address) -> Result<(), WaitError> {
    match bench.recorded.get(address) {
        Some(record) if leaves_slowly(address.kind()) => bench.waits.wait(address, &record.id, Until::Left).await,
        _ => Ok(()),
    }
}

/// A route through a NAT gateway that is still pending leads nowhere, and a subnet in a VPC that is still pending is
/// refused; everything else may be referred to as soon as it exists, so that nothing waits for the load balancer.
async fn wait_for_references(bench: &Bench, resource: &Resource) -> Result<(), WaitError> {
    for address in resource.references().into_iter().filter_map(|reference| reference.address()) {
        if matches!(address.kind(), Kind::Vpc | Kind::NatGateway | Kind::Volume | Kind::NetworkInterface)
            && let Some(id) = bench.id_of(address)
        {
            bench.waits.wait(address, &id, Until::Ready).await?;
        }
    }
    Ok(())
}

/// Kinds whose delete call returns long before the object lets go of what it holds (addresses, interfaces, machines).
const fn leaves_slowly(kind: Kind) -> bool {
    matches!(kind, Kind::NatGateway | Kind::LoadBalancer | Kind::AutoScalingGroup)
}

/// Kinds that are used by nobody until they are ready, so that a run ends only when they are.
const fn settles(kind: Kind) -> bool {
    matches!(kind, Kind::NatGateway | Kind::LoadBalancer | Kind::AutoScalingGroup | Kind::RecordSet)
}
