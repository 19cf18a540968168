//! Evictions: the one polite way to take a pod off its node. Every answer that a server gives is told apart.
//!
//! The body is ours: kube-rs writes `delete_options`, which servers ignore. An eviction that fails a precondition has burnt
//! its budget all the same, so callers look before they ask.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use super::call::{Answer, Content, escaped};
use super::connect::Kubernetes;
use super::error::{Error, Status};

/// What came of asking for an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The pod ends, now or already (201).
    Accepted,
    /// It is gone, or another pod has its name (404, and 409 about the uid).
    Gone,
    /// Its budget allows no disruption now (429).
    Refused {
        /// Name of the budget, where the server says it; it is in the pod's namespace.
        budget: Option<String>,
        /// The server's words.
        cause: String,
        /// After how long the server wants to be asked again: when it has not seen the budget's newest form yet.
        retry_after: Option<Duration>,
    },
    /// More than one budget is about it: refused for ever (500).
    Misconfigured {
        /// The server's words.
        message: String,
    },
}

impl Kubernetes {
    /// Asks for the eviction of one pod: that one, not a namesake.
    ///
    /// # Errors
    /// See [`Error`]; a refusal by a budget is none. [`Error::TooManyRequests`]: the server itself has too much to do.
    pub async fn evict(&self, namespace: &str, pod: &str, uid: &str) -> Result<Eviction, Error> {
        let path = format!("/api/v1/namespaces/{}/pods/{}/eviction", escaped(namespace), escaped(pod));
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "namespace": namespace, "name": pod },
            "deleteOptions": { "preconditions": { "uid": uid } },
        });
        let answer = self.call(Method::POST, &path, Some((Content::Json, &body))).await?;
        read(&answer)
    }
}

fn read(answer: &Answer) -> Result<Eviction, Error> {
    if answer.status.is_success() {
        return Ok(Eviction::Accepted);
    }
    let told = Status::of(&answer.body, answer.status);
    match answer.status {
        StatusCode::NOT_FOUND => Ok(Eviction::Gone),
        StatusCode::CONFLICT if told.is_other_uid() => Ok(Eviction::Gone),
        StatusCode::TOO_MANY_REQUESTS => {
            let causes = told.details.as_ref().map(|it| it.causes.as_slice()).unwrap_or_default();
            let Some(cause) = causes.iter().find(|it| it.reason == "DisruptionBudget") else {
                return Err(answer.error());
            };
            Ok(Eviction::Refused {
                budget: budget_in(&cause.message),
                cause: cause.message.clone(),
                retry_after: answer.retry_after.or_else(|| told.retry_after()),
            })
        }
        StatusCode::INTERNAL_SERVER_ERROR if told.message.contains("more than one PodDisruptionBudget") => {
            Ok(Eviction::Misconfigured { message: told.message })
        }
        _ => Err(answer.error()),
    }
}

/// `The disruption budget web needs 2 healthy pods and has 2 currently` → `web`.
fn budget_in(message: &str) -> Option<String> {
    message.strip_prefix("The disruption budget ")?.split_whitespace().next().map(str::to_owned)
}
