//! What can go wrong with a call, by what a caller can do about it.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

/// Why a call of Kubernetes failed. No message holds a secret: they are the server's own words, or ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or the connection broke.
    #[error("the Kubernetes API cannot be reached: {0}")]
    Unreachable(String),
    /// The server is not who it should be.
    #[error("the Kubernetes API is not trusted: {0}{hint}", hint = .0.hint())]
    Untrusted(Untrusted),
    /// It does not know who calls (401), or wants another client certificate.
    #[error(
        "the Kubernetes API does not accept these credentials: {0}\nhint: write new ones with `windlass kubeconfig`"
    )]
    Unauthorized(String),
    /// The caller may not do it (403).
    #[error("the Kubernetes API forbids it: {message}")]
    Forbidden {
        /// The server's words: who, what, which object.
        message: String,
    },
    /// There is no such object (404).
    #[error("not found: {0}")]
    NotFound(String),
    /// Somebody else was faster, or it exists already (409).
    #[error("conflict: {0}")]
    Conflict(String),
    /// The server is overloaded (429 of its priority and fairness): later, please.
    #[error("the Kubernetes API has too much to do: {message}")]
    TooManyRequests {
        /// The server's words.
        message: String,
        /// After how long it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The object or the request breaks a rule (400, 422): the same call never succeeds.
    #[error("the Kubernetes API rejects it: {0}")]
    Invalid(String),
    /// The revision or the page asked for is too old (410): list again.
    #[error("too old: {0}")]
    Gone(String),
    /// No answer in time, or the server gave up itself (504).
    #[error("no answer of the Kubernetes API within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The answer is not what Kubernetes says.
    #[error("the answer of the Kubernetes API cannot be understood: {0}")]
    Malformed(String),
    /// The configuration of the connection cannot be used.
    #[error("cannot connect to the Kubernetes API: {0}")]
    Configuration(String),
    /// Any other answer.
    #[error("the Kubernetes API answers {code} {reason}: {message}")]
    Api {
        /// HTTP status.
        code: u16,
        /// `reason` of the answer; may be empty.
        reason: String,
        /// `message` of the answer.
        message: String,
        /// After how long it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// Why a server is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Its time is over.
    #[error("its certificate has expired")]
    Expired,
    /// Its time has not come.
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// None of the trusted authorities issued it.
    #[error("an unknown authority issued its certificate")]
    UnknownAuthority,
    /// It is for other names.
    #[error("its certificate is for other names: {0}")]
    OtherName(String),
    /// Something else is wrong with it, or with the handshake.
    #[error("the TLS handshake failed: {0}")]
    Other(String),
}

impl Untrusted {
    /// What to do about it, on a line of its own; empty: nobody knows.
    const fn hint(&self) -> &'static str {
        match self {
            Self::Expired => {
                "\nhint: compare this machine's clock with the time; if it is right, docs/runbooks/expired-cluster.md tells \
                 how to renew what has expired"
            }
            Self::NotYetValid => "\nhint: compare this machine's clock with the time",
            Self::UnknownAuthority => {
                "\nhint: write a kubeconfig with the cluster's present authorities with `windlass kubeconfig`; if that does \
                 not help, somebody else answers at this address"
            }
            Self::OtherName(_) => {
                "\nhint: reach it by one of its names, or name one as `tls-server-name` in the kubeconfig; `windlass certs \
                 check` shows what members present"
            }
            Self::Other(_) => "",
        }
    }
}

impl Error {
    /// Whether the same call may well succeed later, without anybody's doing.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooManyRequests { .. } | Self::Timeout(_) | Self::Gone(_) => true,
            // 503 and the like: the server or what stands before it. A 500 without a reason may be for ever.
            Self::Api { code, reason, .. } => *code >= 501 || (*code == 500 && !reason.is_empty()),
            _ => false,
        }
    }

    /// After how long the server wants to be asked again, if it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } | Self::Api { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Out of an answer that is no success. `retry_after` is what its header says; a `Status` may say it as well.
    pub(super) fn of_answer(status: StatusCode, retry_after: Option<Duration>, body: &[u8], limit: Duration) -> Self {
        let told = Status::of(body, status);
        let retry_after = retry_after.or_else(|| told.retry_after());
        let message = told.message;
        match status.as_u16() {
            400 | 422 => Self::Invalid(message),
            401 => Self::Unauthorized(message),
            403 => Self::Forbidden { message },
            404 => Self::NotFound(message),
            409 => Self::Conflict(message),
            410 => Self::Gone(message),
            429 => Self::TooManyRequests { message, retry_after },
            504 => Self::Timeout(limit),
            code => Self::Api { code, reason: told.reason, message, retry_after },
        }
    }
}

/// `Status` of the Kubernetes API (meta/v1).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    /// What happened.
    pub message: String,
    /// A word for it.
    pub reason: String,
    /// HTTP status.
    pub code: u16,
    /// More about it.
    pub details: Option<Details>,
}

/// `details` of a [`Status`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    /// Each reason.
    pub causes: Vec<Cause>,
    /// When to ask again.
    #[serde(rename = "retryAfterSeconds")]
    pub retry_after_seconds: Option<u64>,
}

/// One of the causes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cause {
    /// `DisruptionBudget`, `FieldValueForbidden`, ….
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// Which field.
    pub field: String,
}

/// Longest text of an answer that is no `Status`: a proxy's page would fill the screen.
const LONGEST: usize = 200;

impl Status {
    /// Out of a body; of any other text, such as a proxy's page, the beginning is the message.
    pub(super) fn of(body: &[u8], status: StatusCode) -> Self {
        let parsed: Option<Self> = serde_json::from_slice(body).ok();
        let mut told = parsed.unwrap_or_default();
        if told.message.is_empty() {
            let text = String::from_utf8_lossy(body);
            let text: String = text.trim().chars().filter(|it| !it.is_control()).take(LONGEST).collect();
            told.message = if text.is_empty() { status.to_string() } else { text };
        }
        told
    }

    /// When to ask again: events of a watch have no headers.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.details.as_ref()?.retry_after_seconds.map(Duration::from_secs)
    }

    /// Whether it says that another object has the name now: before anything was tried, or in etcd's transaction.
    pub(super) fn is_other_uid(&self) -> bool {
        self.message.contains("the UID in the precondition")
            || self.message.contains("Precondition failed: UID in precondition")
    }

    /// Whether any cause is about this field.
    pub(super) fn is_about(&self, field: &str) -> bool {
        self.details.as_ref().is_some_and(|it| it.causes.iter().any(|cause| cause.field == field))
    }
}
