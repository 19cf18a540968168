//! Changes of records on their way: those of the same moment go out as one batch per zone, because Route 53 works on one
//! batch per zone at a time; and what became of a batch is asked once for all of its records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_route53::types as sdk;
use tokio::sync::oneshot;

use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::resource::Readiness;

/// How long a change waits for others: enough for the tasks of one wave to get here.
const GATHER: Duration = Duration::from_millis(50);
/// Changes in one batch: Route 53 takes 1000 records and counts an UPSERT twice (developer guide, "Quotas").
const BATCH: usize = 400;

/// Changes that wait to be sent, and batches that were sent. One per connection.
#[derive(Debug, Default)]
pub(in crate::aws) struct Changes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By zone.
    waiting: BTreeMap<String, Vec<Waiting>>,
    /// Record id → id of the batch that changed it, until it has reached all name servers.
    spreading: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Waiting {
    change: sdk::Change,
    answer: oneshot::Sender<Sent>,
}

/// What became of a change in a batch.
#[derive(Debug)]
enum Sent {
    /// The batch with this id took effect.
    Together(String),
    /// The batch was refused as a whole: each change has to try for itself.
    Refused,
}

impl Changes {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one statement, so a panic elsewhere cannot have left it half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes one change in a batch with others of the same zone and moment.
///
/// # Errors
/// That of the call that made this change alone, after a batch was refused.
pub(super) async fn submit(aws: &Aws, zone: &str, record: &str, change: sdk::Change) -> Result<(), Error> {
    let (answer, answered) = oneshot::channel();
    let waiting = Waiting { change: change.clone(), answer };
    aws.record_changes().state().waiting.entry(zone.to_owned()).or_default().push(waiting);
    aws.clock().sleep(GATHER).await;
    // Whoever wakes first sends for all, and the others find nothing left: nobody depends on one that may be stopped.
    send_waiting(aws, zone).await;
    let batch = match answered.await {
        Ok(Sent::Together(batch)) => batch,
        // Refused; or whoever sent the batch was stopped, and a repeat does no harm.
        Ok(Sent::Refused) | Err(_) => send(aws, zone, vec![change]).await?,
    };
    aws.record_changes().state().spreading.insert(record.to_owned(), batch);
    Ok(())
}

async fn send_waiting(aws: &Aws, zone: &str) {
    let mut waiting = aws.record_changes().state().waiting.remove(zone).unwrap_or_default();
    while !waiting.is_empty() {
        let batch: Vec<Waiting> = waiting.drain(..waiting.len().min(BATCH)).collect();
        let changes = batch.iter().map(|waiting| waiting.change.clone()).collect();
        let id = send(aws, zone, changes).await;
        for one in batch {
            let sent = match &id {
                Ok(id) => Sent::Together(id.clone()),
                // The error is not lost: a change that is sent alone meets its own.
                Err(_) => Sent::Refused,
            };
            // Whoever waited may have been stopped: nobody is left to be told.
            let _stopped = one.answer.send(sent);
        }
    }
}

/// Sends one batch, which takes effect as a whole or not at all, and gives its id.
async fn send(aws: &Aws, zone: &str, changes: Vec<sdk::Change>) -> Result<String, Error> {
    const OPERATION: &str = "ChangeResourceRecordSets";
    let malformed = |what| Error::Malformed { operation: OPERATION, what };
    let batch = sdk::ChangeBatch::builder().set_changes(Some(changes)).build();
    let batch = batch.map_err(|_| malformed("a batch without changes"))?;
    let request = aws.route53().change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
    let answer = call(aws, Call::named(OPERATION), || request.clone().send()).await?;
    Ok(answer.change_info.ok_or_else(|| malformed("no change id"))?.id)
}

/// Records that this process did not change are ready. Those that it changed are when their batch has spread.
pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let batches: BTreeSet<String> = {
        let state = aws.record_changes().state();
        ids.iter().filter_map(|id| state.spreading.get(id).cloned()).collect()
    };
    let mut pending = BTreeSet::new();
    for batch in batches {
        match status(aws, &batch).await? {
            sdk::ChangeStatus::Insync => aws.record_changes().state().spreading.retain(|_, of| *of != batch),
            _ => {
                pending.insert(batch);
            }
        }
    }
    let state = aws.record_changes().state();
    let readiness = |id: &String| match state.spreading.get(id) {
        Some(batch) if pending.contains(batch) => {
            Readiness::Pending(String::from("spreading to all name servers of Route 53"))
        }
        _ => Readiness::Ready,
    };
    Ok(ids.iter().map(|id| (id.clone(), readiness(id))).collect())
}

/// Route 53 forgets old changes: those have spread long ago.
async fn status(aws: &Aws, batch: &str) -> Result<sdk::ChangeStatus, Error> {
    let request = aws.route53().get_change().id(batch);
    match call(aws, Call::read("GetChange"), || request.clone().send()).await {
        Ok(answer) => Ok(answer.change_info.map_or(sdk::ChangeStatus::Pending, |info| info.status)),
        Err(error) if error.is_not_found() => Ok(sdk::ChangeStatus::Insync),
        Err(error) => Err(error),
    }
}
