//! What can go wrong, as the caller can act on it.

use std::fmt;

use super::failure::Failure;
use crate::resource::{Address, Clash, Kind, Reference};

/// An error of this module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS refused, or could not be reached, after all repeats that make sense.
    #[error("{0}")]
    Call(Box<CallError>),
    /// A delete was refused until its deadline because of these.
    #[error("{call}; it is held by {}", .holders.join(", "))]
    Held {
        /// The last refusal.
        call: Box<CallError>,
        /// What uses the object, each with its id.
        holders: Vec<String>,
    },
    /// A reference to something that does not exist yet, or that lacks a fact.
    #[error("{}", unresolved(.reference, *.attribute))]
    Unresolved {
        /// What was referred to.
        reference: Reference,
        /// The missing fact; `None`: it has no id.
        attribute: Option<&'static str>,
    },
    /// Something that is not ours stands in the place of what would be made.
    #[error("{}: {} exists and is not ours: {}", .0.address, .0.id, .0.why)]
    Clash(Clash),
    /// An answer lacks what the API reference promises.
    #[error("the answer to {operation} cannot be used: {what}")]
    Malformed {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A list repeats its page token: it would never end, and is not complete.
    #[error("the list of {operation} does not end: its page token repeats")]
    RepeatedPage {
        /// The operation.
        operation: &'static str,
    },
    /// The machine's date is not AWS'.
    #[error("this machine's clock is {} s {} AWS'", .seconds.unsigned_abs(), if *.seconds > 0 { "behind" } else { "ahead of" })]
    Clock {
        /// AWS' clock less ours.
        seconds: i64,
    },
    /// A group at its minimum may not shrink.
    #[error(
        "{instance} cannot go without a replacement: its group is at its minimum size\nhint: lower minSize of the group, or let it be replaced"
    )]
    AtMinimum {
        /// The instance, `i-…`.
        instance: String,
    },
    /// That cannot be done to this kind.
    #[error("{address}: a {} cannot be {act}", .address.kind())]
    Unsupported {
        /// Which resource.
        address: Address,
        /// The past participle: `updated`.
        act: &'static str,
    },
    /// Nobody asks about the state of that kind.
    #[error("a {0} has no readiness of its own")]
    NoReadiness(Kind),
}

impl Error {
    /// The kind of failure, if a call failed.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Call(call) | Self::Held { call, .. } => Some(call.failure),
            _ => None,
        }
    }

    /// AWS' code, if a call failed.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Call(call) | Self::Held { call, .. } => call.code.as_deref(),
            _ => None,
        }
    }

    /// What to do about it; `None`: the message says it all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Call(call) => call.hint.clone(),
            Self::Held { holders, .. } => Some(format!("remove {} and run the same command again", holders.join(", "))),
            Self::Clash(clash) => Some(format!("delete or rename {}, or choose another name", clash.id)),
            Self::RepeatedPage { .. } | Self::Malformed { .. } => {
                Some(String::from("check AWS_ENDPOINT_URL: the other side does not answer as AWS does"))
            }
            Self::Clock { .. } => {
                Some(String::from("set the clock, then run the same command again: certificates are dated with it"))
            }
            _ => None,
        }
    }

    /// Whether nobody knows if the call had an effect.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.failure() == Some(Failure::Ambiguous)
    }

    /// Whether the object does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self.failure(), Some(Failure::NotFound | Failure::NotVisibleYet))
    }

    /// Whether the object exists already.
    pub(super) fn already_exists(&self) -> bool {
        self.failure() == Some(Failure::AlreadyExists)
    }
}

fn unresolved(reference: &Reference, attribute: Option<&str>) -> String {
    match attribute {
        Some(attribute) => format!("{reference} has no {attribute} that is known"),
        None => format!("{reference} does not exist yet"),
    }
}

/// A call that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The operation, `CreateVpc`.
    pub operation: &'static str,
    /// What the failure means.
    pub failure: Failure,
    /// AWS' code.
    pub code: Option<String>,
    /// AWS' message, without encoded parts; or ours, when there was no answer.
    pub message: String,
    /// AWS' id of the request, for its support.
    pub request_id: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Who may not do what, when the failure is a missing permission.
    pub denied: Option<Denied>,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} failed: {}", self.operation, self.message.trim_end_matches('.'))?;
        match (&self.code, &self.request_id) {
            (Some(code), Some(id)) => write!(formatter, " ({code}, request {id})")?,
            (Some(code), None) => write!(formatter, " ({code})")?,
            (None, Some(id)) => write!(formatter, " (request {id})")?,
            (None, None) => {}
        }
        if self.attempts > 1 { write!(formatter, ", after {} attempts", self.attempts) } else { Ok(()) }
    }
}

impl std::error::Error for CallError {}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

/// A permission that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The action, `ec2:CreateVpc`.
    pub action: Option<String>,
    /// The resource, an ARN or `*`.
    pub resource: Option<String>,
    /// Who asked, an ARN.
    pub principal: Option<String>,
}

impl Denied {
    /// Reads what AWS' message offers: "User: ARN is not authorized to perform: ACTION on resource: ARN because …".
    pub(super) fn read(message: &str) -> Self {
        Self {
            principal: word_after(message, "User: "),
            action: word_after(message, "perform: "),
            resource: word_after(message, "on resource: "),
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self, operation: &str) -> String {
        let action = self.action.as_deref().unwrap_or(operation);
        let resource = self.resource.as_deref().map(|resource| format!(" on {resource}")).unwrap_or_default();
        let principal = self.principal.as_deref().unwrap_or("the caller");
        format!("allow {action}{resource} for {principal}")
    }
}

fn word_after(message: &str, marker: &str) -> Option<String> {
    let (_, rest) = message.split_once(marker)?;
    let word = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_named() {
        let denied = Denied::read(
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ci is not \
             authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:eu-west-3:123456789012:vpc/* because no \
             identity-based policy allows the ec2:CreateVpc action.",
        );
        assert_eq!(denied.action.as_deref(), Some("ec2:CreateVpc"));
        assert_eq!(denied.principal.as_deref(), Some("arn:aws:iam::123456789012:user/ci"));
        assert_eq!(
            denied.hint("CreateVpc"),
            "allow ec2:CreateVpc on arn:aws:ec2:eu-west-3:123456789012:vpc/* for arn:aws:iam::123456789012:user/ci"
        );
    }

    #[test]
    fn a_message_without_details_still_gives_a_hint() {
        assert_eq!(Denied::read("no").hint("CreateVpc"), "allow CreateVpc for the caller");
    }
}
