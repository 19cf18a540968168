//! Refusals of the API server, as `Status` objects (Kubernetes API conventions, "Response Status Kind").

use serde_json::{Value, json};

use super::kind::Kind;

/// What is answered instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub code: u16,
    /// `reason`; empty where the server gives none.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
    /// `details`.
    pub details: Option<Box<Value>>,
    /// Seconds of the header `Retry-After`.
    pub retry_after: Option<u32>,
}

/// One cause of an invalid object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueForbidden`, …
    pub reason: &'static str,
    /// Where, `spec.providerID`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after: None }
    }

    /// The request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// No such object.
    #[must_use]
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", kind.resource())).about(kind, name)
    }

    /// No such resource or path.
    #[must_use]
    pub fn no_such_resource() -> Self {
        let mut problem = Self::new(404, "NotFound", "the server could not find the requested resource");
        problem.details = Some(Box::new(json!({})));
        problem
    }

    /// The name is taken.
    #[must_use]
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} {name:?} already exists", kind.resource())).about(kind, name)
    }

    /// The object is another one than the caller thinks.
    #[must_use]
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// The object has been modified since the caller read it.
    #[must_use]
    pub fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// A precondition of a deletion does not hold; the server names the kind there, not the resource.
    #[must_use]
    pub fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let mut problem =
            Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.kind));
        problem.details = Some(Box::new(details(name, &kind.group, &kind.kind)));
        problem
    }

    /// The object breaks a rule of its kind.
    #[must_use]
    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        let texts: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let list = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let who = if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        let mut problem = Self::new(422, "Invalid", format!("{who} {name:?} is invalid: {list}"));
        let mut about = details(name, &kind.group, &kind.kind);
        about["causes"] = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        problem.details = Some(Box::new(about));
        problem
    }

    /// Who asks may not; `name` may be empty.
    #[must_use]
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let what = if name.is_empty() { kind.resource() } else { format!("{} {name:?}", kind.resource()) };
        Self::new(403, "Forbidden", format!("{what} is forbidden: {why}")).about(kind, name)
    }

    /// Nobody knows who asks.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// The verb does not exist there.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let mut problem =
            Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        problem.details = Some(Box::new(json!({})));
        problem
    }

    /// The body's media type is not understood.
    #[must_use]
    pub fn unsupported_media(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// Without etcd, or by an injected fault.
    #[must_use]
    pub fn unavailable(message: &str) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// Adds the details about an object.
    #[must_use]
    pub fn about(mut self, kind: &Kind, name: &str) -> Self {
        self.details = Some(Box::new(details(name, &kind.group, &kind.plural)));
        self
    }

    /// The `Status` object.
    #[must_use]
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.as_ref().clone();
        }
        status["code"] = json!(self.code);
        status
    }
}

/// Details of a `Status`; what is empty is left out.
pub fn details(name: &str, group: &str, kind: &str) -> Value {
    let mut details = json!({});
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details[key] = json!(value);
        }
    }
    details
}
