//! An HTTP client that answers from a function, for what only exact answers can show.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::start;
use crate::aws::{Aws, Fence, Settings};
use crate::clock::Clock;

/// What comes back for one request.
pub(super) enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// The connection breaks.
    Reset,
    /// Nothing, ever.
    Silence,
}

impl Reply {
    /// An answer of EC2 with these elements.
    pub(super) fn ec2(operation: &str, inner: &str) -> Self {
        Self::Answer(200, format!("<{operation}Response><requestId>r-1</requestId>{inner}</{operation}Response>"))
    }

    /// An error of EC2.
    pub(super) fn ec2_error(status: u16, code: &str, message: &str) -> Self {
        Self::Answer(
            status,
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>r-1</RequestID></Response>"
            ),
        )
    }
}

type Script = dyn FnMut(&str) -> Reply + Send;

/// Answers each request by its form body.
#[derive(Clone)]
struct Canned {
    script: Arc<Mutex<Script>>,
}

impl fmt::Debug for Canned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Canned")
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let reply = (self.script.lock().unwrap_or_else(PoisonError::into_inner))(&body);
        match reply {
            Reply::Answer(status, body) => {
                let status = status.try_into().expect("a valid status");
                HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
            }
            Reply::Reset => HttpConnectorFuture::ready(Err(ConnectorError::io("connection reset by peer".into()))),
            Reply::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A connection that answers every request with what `script` says to its form body.
pub(super) async fn canned(script: impl FnMut(&str) -> Reply + Send + 'static) -> Aws {
    let client = SharedHttpClient::new(Canned { script: Arc::new(Mutex::new(script)) });
    let clock = Clock::starting_at(start());
    let aws = Aws::connect(Settings { http_client: Some(client), ..Settings::new("eu-west-3", clock) }).await;
    aws.hold(Fence::open());
    aws
}
