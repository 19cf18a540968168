//! One loop around every call: which failures are tried again, how fast, and until when.
//!
//! It knows no operation; it never repeats a call without token and name whose effect is open (that is
//! [`super::settle`]'s part), and never one that was refused for good.

use std::future::Future;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use jiff::Timestamp;

use super::connect::Aws;
use super::error::{CallError, Denied, Error};
use super::failure::{Answer, Failure, classify};
use super::fence::LeaseEnded;
use super::ids::Ids;
use crate::planted::{self, Bug};

/// Every that many refusals of one call the user is told, because a run that only waits looks as if it hung; the first
/// few are usual after a create.
const LOUD_EVERY: u32 = 6;

/// How a call may be repeated when nobody knows whether it had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It changes nothing.
    Read,
    /// It takes a client token: a repeat gives the same object.
    Token,
    /// Its object is unique by name or key, or the call sets a value: a repeat does no harm.
    Named,
    /// A repeat makes a second one.
    Unrepeatable,
    /// It deletes by id: a repeat finds nothing.
    Delete,
}

/// What the loop must know about one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    operation: &'static str,
    class: Class,
    ids: Option<&'a Ids>,
    made: Option<Timestamp>,
    busy_is_an_answer: bool,
}

impl<'a> Call<'a> {
    const fn new(operation: &'static str, class: Class) -> Self {
        Self { operation, class, ids: None, made: None, busy_is_an_answer: false }
    }

    /// A call that reads.
    pub(super) const fn read(operation: &'static str) -> Self {
        Self::new(operation, Class::Read)
    }

    /// A create with a client token.
    pub(super) const fn token(operation: &'static str) -> Self {
        Self::new(operation, Class::Token)
    }

    /// A create by name or key, or a call that sets a value.
    pub(super) const fn named(operation: &'static str) -> Self {
        Self::new(operation, Class::Named)
    }

    /// A create that a repeat would do twice; use it inside [`super::settle::make_once`].
    pub(super) const fn unrepeatable(operation: &'static str) -> Self {
        Self::new(operation, Class::Unrepeatable)
    }

    /// A delete by id.
    pub(super) const fn delete(operation: &'static str) -> Self {
        Self::new(operation, Class::Delete)
    }

    /// The call names objects of `ids`: young ones may not be visible everywhere yet.
    pub(super) const fn with(mut self, ids: &'a Ids) -> Self {
        self.ids = Some(ids);
        self
    }

    /// That something is changing the object already is an answer, and not waited for.
    pub(super) const fn busy_is_an_answer(mut self) -> Self {
        self.busy_is_an_answer = true;
        self
    }

    /// The call names an object that was made at `made`, by the call right before it.
    pub(super) const fn right_after(mut self, made: Timestamp) -> Self {
        self.made = Some(made);
        self
    }
}

/// How long a new id may be unknown to parts of EC2 ("Eventual consistency" in the EC2 API reference recommends to
/// retry "up to five minutes").
const VISIBILITY: Duration = Duration::from_secs(5 * 60);
/// How often a new id is tried.
const VISIBILITY_INTERVAL: Duration = Duration::from_secs(2);
/// How long EC2 may not see a new instance profile; 34 s was seen.
const IAM_PROPAGATION: Duration = Duration::from_secs(2 * 60);
/// How long somebody else's change of the same object may take.
const CONCURRENT_CHANGE: Duration = Duration::from_secs(2 * 60);
/// How long the users of an object may take to go: the network interfaces of a deleted load balancer take minutes.
const DEPENDENCY: Duration = Duration::from_secs(5 * 60);
/// How long throttles are sat out.
const THROTTLE: Duration = Duration::from_secs(5 * 60);
/// How often a call without a clear answer is made.
const AMBIGUOUS_ATTEMPTS: u32 = 6;
/// Full jitter: between nothing and the smaller of `CAP` and `BASE` doubled with every attempt ("Exponential Backoff And
/// Jitter", AWS Architecture Blog).
const BACKOFF_BASE: f64 = 0.2;
const BACKOFF_CAP: f64 = 20.0;

/// Makes a call, and makes it again while that can help.
///
/// # Errors
/// [`Error::Call`] with everything that is known of the last failure.
pub(super) async fn call<T, E, F>(aws: &Aws, call: Call<'_>, mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let began = aws.clock().since_boot();
    let mut attempts = 0;
    loop {
        // Boxed: the SDK's futures are tens of kilobytes each, and discovery waits for twenty of them on one stack.
        let error = match Box::pin(attempt()).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        attempts += 1;
        let failed = Failed::read(&error);
        let elapsed = aws.clock().since_boot().saturating_sub(began);
        let pause = pause(aws, &call, &failed, attempts, elapsed);
        tracing::debug!(operation = call.operation, failure = ?failed.failure, attempts, ?pause, "call failed");
        if pause.is_some() && attempts.is_multiple_of(LOUD_EVERY) {
            let Answer { code, message, .. } = &failed.answer;
            tracing::warn!(operation = call.operation, code, message, attempts, "still refused, trying again");
        }
        match pause {
            Some(pause) => aws.clock().sleep(pause).await,
            None => return Err(failed.into_error(aws, &call, attempts).into()),
        }
    }
}

/// Deletes: what does not exist is deleted.
///
/// # Errors
/// As [`call`].
pub(super) async fn delete_call<T, E, F>(
    aws: &Aws,
    operation: &'static str,
    attempt: impl FnMut() -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match call(aws, Call::delete(operation), attempt).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// How long to wait before the next attempt; `None`: there is none.
fn pause(aws: &Aws, call: &Call<'_>, failed: &Failed, attempts: u32, elapsed: Duration) -> Option<Duration> {
    let jitter = aws.jitter();
    let backoff = backoff(attempts, jitter);
    let until = |limit: Duration, pause: Duration| (elapsed < limit).then_some(pause);
    match failed.failure {
        Failure::Permission if planted::is(Bug::RetriedDenial) && attempts < 3 => Some(backoff),
        Failure::Throttle if planted::is(Bug::ImpatientThrottle) => None,
        Failure::Ambiguous if planted::is(Bug::RepeatedUnrepeatable) && attempts < 2 => Some(backoff),
        Failure::Throttle => until(THROTTLE, backoff),
        Failure::ConcurrentChange if !call.busy_is_an_answer => {
            until(CONCURRENT_CHANGE, Duration::from_secs(1) + backoff)
        }
        Failure::Dependency if call.class == Class::Delete => until(DEPENDENCY, Duration::from_secs(1) + backoff),
        Failure::Ambiguous if call.class != Class::Unrepeatable && attempts < AMBIGUOUS_ATTEMPTS => Some(backoff),
        Failure::NotVisibleYet | Failure::NotFound if call.class != Class::Delete => {
            let mentioned = call.ids.and_then(|ids| ids.youngest_in(&failed.answer.message));
            young(aws, call.made.max(mentioned), VISIBILITY)
        }
        Failure::IamPropagation => young(aws, call.made.max(call.ids.and_then(Ids::youngest_access)), IAM_PROPAGATION),
        _ => None,
    }
}

/// The pause while something made at `made` is younger than `limit`.
fn young(aws: &Aws, made: Option<Timestamp>, limit: Duration) -> Option<Duration> {
    let age = aws.clock().now().duration_since(made?);
    let limit = jiff::SignedDuration::try_from(limit).unwrap_or(jiff::SignedDuration::ZERO);
    (age < limit).then_some(VISIBILITY_INTERVAL)
}

/// Full jitter, `jitter` in `0.0..1.0`.
fn backoff(attempts: u32, jitter: f64) -> Duration {
    let exponent = i32::try_from(attempts.saturating_sub(1).min(16)).unwrap_or(16);
    Duration::from_secs_f64((BACKOFF_BASE * 2f64.powi(exponent)).min(BACKOFF_CAP) * jitter)
}

/// One failed attempt, read.
struct Failed {
    answer: Answer,
    failure: Failure,
    request_id: Option<String>,
}

impl Failed {
    fn read<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let request_id = error.request_id().map(str::to_owned).or_else(|| request_id_in(error.raw_response()?));
        let status = error.raw_response().map(|response| response.status().as_u16());
        if let SdkError::ServiceError(service) = error
            && let Some(code) = service.err().code()
        {
            let message = service.err().message().unwrap_or("AWS gave no reason").to_owned();
            let answer = Answer { status, code: Some(code.to_owned()), message };
            return Self { failure: classify(&answer), answer, request_id };
        }
        if let Some(response) = error.raw_response() {
            let message = page(response);
            let answer = Answer { status, code: None, message };
            return Self { failure: classify(&answer), answer, request_id };
        }
        let answer = Answer { status, code: None, message: innermost(error) };
        let failure = match error {
            _ if caused_by::<LeaseEnded>(error) => Failure::LeaseEnded,
            _ if caused_by::<CredentialsError>(error) => Failure::NoCredentials,
            SdkError::ConstructionFailure(_) => Failure::Other,
            _ => Failure::Ambiguous,
        };
        Self { answer, failure, request_id }
    }

    fn is_old(&self) -> bool {
        self.answer.code.as_deref() == Some("RequestExpired")
    }

    fn into_error(self, aws: &Aws, call: &Call<'_>, attempts: u32) -> CallError {
        // An authorization that Auto Scaling refuses although no profile is young is a missing permission.
        let failure = match self.failure {
            Failure::IamPropagation if self.answer.message.contains("not authorized") => Failure::Permission,
            // EC2 says the same of a request that is old and of a session that is over; only the clocks tell which.
            Failure::Clock if self.is_old() && !aws.clock_is_wrong() => Failure::ExpiredCredentials,
            other => other,
        };
        let denied = (failure == Failure::Permission).then(|| Denied::read(&self.answer.message));
        let message = self.answer.message.split(" Encoded authorization failure message").next().unwrap_or_default();
        let mut error = CallError {
            operation: call.operation,
            failure,
            code: self.answer.code,
            message: message.to_owned(),
            request_id: self.request_id,
            attempts,
            denied,
            hint: None,
        };
        error.hint = hint(aws, &error);
        error
    }
}

/// What to do about a failure.
fn hint(aws: &Aws, error: &CallError) -> Option<String> {
    let hint = match error.failure {
        Failure::Permission => error.denied.as_ref().map(|denied| denied.hint(error.operation))?,
        Failure::Throttle => {
            String::from("another program uses up the account's rate limit; lower --parallelism or wait")
        }
        Failure::Quota => format!("raise the quota {} of the account", error.code.as_deref().unwrap_or("named above")),
        Failure::Clock => match aws.clock_skew() {
            Some(skew) => format!("your clock is {} s off: set it", skew.as_secs().saturating_abs()),
            None => String::from("check your clock and your secret key"),
        },
        Failure::ExpiredCredentials => String::from("renew the credentials, then run the same command again"),
        Failure::NoCredentials => String::from("set AWS_PROFILE, or run aws configure or aws sso login"),
        Failure::Capacity => String::from("add machine types or zones, or declare a fallback group"),
        Failure::NotVisibleYet => String::from("it was deleted by somebody else; run plan to see what is missing"),
        Failure::Ambiguous => String::from("check the connection to AWS, then run the same command again"),
        Failure::ConcurrentChange | Failure::LeaseEnded => String::from("run the same command again"),
        _ => return None,
    };
    Some(hint)
}

/// The request id from the body of an error; EC2 spells it `RequestID`, the other query services `RequestId`.
fn request_id_in(response: &HttpResponse) -> Option<String> {
    let text = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, after) = text.split_once("<RequestID>").or_else(|| text.split_once("<RequestId>"))?;
    let (id, _) = after.split_once('<')?;
    Some(id.trim().to_owned())
}

/// A readable line from an answer that is no AWS error, such as a proxy's page.
fn page(response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    let mut plain = String::new();
    let mut inside = false;
    for character in text.chars().take(4000) {
        match character {
            '<' => inside = true,
            '>' => {
                inside = false;
                plain.push(' ');
            }
            _ if !inside => plain.push(character),
            _ => {}
        }
    }
    let plain: String = plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
    if plain.is_empty() {
        format!("HTTP status {status} without an AWS error in it")
    } else {
        format!("HTTP status {status} without an AWS error in it, but: {plain}")
    }
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

fn caused_by<C: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<C>())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
