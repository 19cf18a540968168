//! An AWS error, and how each protocol writes it.

use std::borrow::Cow;

use super::{Protocol, Service, WireResponse, Xml};

/// The answer of an AWS service that says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The code that clients match on, such as `DependencyViolation`.
    pub code: Cow<'static, str>,
    /// What AWS says to a person.
    pub message: String,
    /// HTTP status; 400 unless the service's reference says otherwise.
    pub status: u16,
}

impl Refusal {
    /// A refusal with status 400.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// With another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// `InvalidParameterValue`, EC2's answer to most nonsense.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// `DependencyViolation`: something still uses it.
    #[must_use]
    pub fn dependency(message: impl Into<String>) -> Self {
        Self::new("DependencyViolation", message)
    }

    /// The answer to a caller that is too fast, in the service's own words (see the error tables of each API
    /// reference: EC2 says `RequestLimitExceeded` with 503, the others `Throttling` with 400).
    #[must_use]
    pub fn throttled(service: Service) -> Self {
        match service {
            Service::Ec2 => Self::new("RequestLimitExceeded", "Request limit exceeded.").with_status(503),
            Service::Ssm => Self::new("ThrottlingException", "Rate exceeded"),
            Service::S3 => Self::new("SlowDown", "Please reduce your request rate.").with_status(503),
            _ => Self::new("Throttling", "Rate exceeded"),
        }
    }

    /// The answer to a caller that may not do `action`, in the service's own words; `on` names the resource, where the
    /// service does.
    #[must_use]
    pub fn denied(service: Service, action: &str, on: Option<&str>, principal: &str) -> Self {
        let on = on.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
        match service {
            Service::Ec2 => Self::new(
                "UnauthorizedOperation",
                format!("You are not authorized to perform this operation. User: {principal} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"),
            )
            .with_status(403),
            Service::Ssm => Self::new(
                "AccessDeniedException",
                format!("User: {principal} is not authorized to perform: {action}{on}"),
            ),
            _ => Self::new(
                "AccessDenied",
                format!("User: {principal} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"),
            )
            .with_status(403),
        }
    }

    /// The answer to credentials whose session is over. EC2 says of them what it says of an old request.
    #[must_use]
    pub fn expired(service: Service) -> Self {
        match service {
            Service::Ec2 => Self::new("RequestExpired", "Request has expired."),
            Service::Ssm => Self::new("ExpiredTokenException", "The security token included in the request is expired"),
            _ => Self::new("ExpiredToken", "The security token included in the request is expired").with_status(403),
        }
    }

    /// A failure on the other side that says nothing about the effect.
    #[must_use]
    pub fn unavailable(service: Service) -> Self {
        match service {
            Service::Ec2 => Self::new("InternalError", "An internal error has occurred").with_status(500),
            Service::S3 => {
                Self::new("InternalError", "We encountered an internal error. Please try again.").with_status(500)
            }
            Service::Ssm => Self::new("InternalServerError", "An error occurred on the server side.").with_status(500),
            _ => Self::new("InternalFailure", "We encountered an internal error. Please try again.").with_status(500),
        }
    }

    /// As the protocol of the service writes it.
    #[must_use]
    pub fn write(&self, service: Service, request_id: &str) -> WireResponse {
        let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
        let error = Xml::new().text("Code", &self.code).text("Message", &self.message);
        let (content_type, body) = match service.protocol() {
            Protocol::Ec2 => {
                let body =
                    Xml::new().element("Errors", Xml::new().element("Error", error)).text("RequestID", request_id);
                ("text/xml;charset=UTF-8", body.document("Response", ""))
            }
            Protocol::Query => {
                let error = Xml::new().text("Type", kind).and(error);
                let body = Xml::new().element("Error", error).text("RequestId", request_id);
                ("text/xml", body.document("ErrorResponse", &format!("xmlns=\"{}\"", service.namespace())))
            }
            Protocol::RestXml => {
                let error = Xml::new().text("Type", kind).and(error);
                let body = Xml::new().element("Error", error).text("RequestId", request_id);
                ("text/xml", body.document("ErrorResponse", &format!("xmlns=\"{}\"", service.namespace())))
            }
            Protocol::S3 => {
                let error = error.text("RequestId", request_id);
                ("application/xml", error.document("Error", ""))
            }
            Protocol::Json11 => {
                let body = serde_json::json!({ "__type": self.code, "message": self.message });
                ("application/x-amz-json-1.1", body.to_string())
            }
        };
        WireResponse {
            status: self.status,
            headers: vec![
                ("content-type".to_owned(), content_type.to_owned()),
                ("x-amzn-requestid".to_owned(), request_id.to_owned()),
            ],
            body: body.into_bytes(),
        }
    }
}
