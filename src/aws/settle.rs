//! Creates that a repeat would do twice (CreateVpc, CreateInternetGateway, AllocateAddress): look before making again.

use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::connect::Aws;
use super::error::Error;
use super::identity::Identity;
use super::tags;
use crate::planted::{self, Bug};
use crate::resource::{Clash, Tags};

/// How long after the call an object may stay invisible to a describe by tag.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// How often it is looked for.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often the call is made when its effect stays open.
const ROUNDS: u32 = 3;

/// Makes an object with `make`, a call of class `Unrepeatable`, and never a second one: when an earlier intent is open, or
/// an answer was lost, `find` looks for it by its tags until it is seen or the window is over.
///
/// # Errors
/// Those of `make` and `find`.
pub(super) async fn make_once<T, Find, Make>(
    aws: &Aws,
    identity: &Identity,
    find: impl Fn() -> Find,
    make: impl Fn() -> Make,
) -> Result<T, Error>
where
    Find: Future<Output = Result<Option<T>, Error>>,
    Make: Future<Output = Result<T, Error>>,
{
    if let Some(since) = identity.earlier_intent
        && let Some(found) = settle(aws, since, &find).await?
    {
        return Ok(found);
    }
    let mut round = 1;
    loop {
        let error = match make().await {
            Err(error) if error.is_ambiguous() => error,
            certain => return certain,
        };
        if planted::is(Bug::BlindRepeat) {
            continue;
        }
        // From now, not from the intent: the lost call may have had its effect just before its answer was lost.
        if let Some(found) = settle(aws, aws.clock().now(), &find).await? {
            return Ok(found);
        }
        if round == ROUNDS {
            return Err(error);
        }
        round += 1;
    }
}

/// Looks until something is found or `since` lies a window back; at least once, and for a window at most, whoever's clock
/// `since` is from.
pub(super) async fn settle<T, Find>(aws: &Aws, since: Timestamp, find: impl Fn() -> Find) -> Result<Option<T>, Error>
where
    Find: Future<Output = Result<Option<T>, Error>>,
{
    let since = since.min(aws.clock().now());
    loop {
        let last = aws.clock().now().duration_since(since) >= WINDOW;
        if let Some(found) = find().await? {
            return Ok(Some(found));
        }
        if last {
            return Ok(None);
        }
        aws.clock().sleep(INTERVAL).await;
    }
}

/// After a create by name or token said that the object exists: whether it is the one that `identity` makes. `find` looks
/// under the name or key and gives id and tags; nothing there means that it is too young to be seen, so it is looked for
/// until the window is over.
///
/// # Errors
/// [`Error::Clash`]: what is there is not ours. Those of `find`.
pub(super) async fn adopt<Find>(aws: &Aws, identity: &Identity, find: impl Fn() -> Find) -> Result<String, Error>
where
    Find: Future<Output = Result<Option<(String, Tags)>, Error>>,
{
    let clash = |id, why| Err(Error::Clash(Clash { address: identity.address.clone(), id, why }));
    match settle(aws, aws.clock().now(), &find).await? {
        Some((id, tags)) if tags::is_exactly(identity, &tags) => Ok(id),
        Some((id, tags)) => clash(id, tags::difference(identity, &tags)),
        None => clash(String::from("something"), String::from("AWS says that it exists, but does not show it")),
    }
}
