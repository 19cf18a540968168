//! The sandbox as the SDK's HTTP client: the last thing above the wire, and no network below it.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::Sandbox;
use super::wire::{WireRequest, WireResponse};

impl Sandbox {
    /// The HTTP client to give to the SDK.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(Client { sandbox: self.clone() })
    }
}

#[derive(Clone, Debug)]
struct Client {
    sandbox: Sandbox,
}

impl HttpClient for Client {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sandbox = self.sandbox.clone();
        HttpConnectorFuture::new(async move {
            let request = read(&request)?;
            let response = sandbox.exchange(request).await.map_err(|lost| ConnectorError::io(lost.into()))?;
            write(response)
        })
    }
}

fn read(request: &HttpRequest) -> Result<WireRequest, ConnectorError> {
    let body = request
        .body()
        .bytes()
        .ok_or_else(|| ConnectorError::user("the sandbox takes no streamed request bodies".into()))?
        .to_vec();
    let uri: http::Uri =
        request.uri().parse().map_err(|error: http::uri::InvalidUri| ConnectorError::user(error.into()))?;
    let mut headers: Vec<(String, String)> =
        request.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    // The real connector writes this one only when it sends.
    if let Some(authority) = uri.authority().filter(|_| !headers.iter().any(|(name, _)| name == "host")) {
        headers.push(("host".to_owned(), authority.to_string()));
    }
    Ok(WireRequest {
        method: request.method().to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

fn write(response: WireResponse) -> Result<HttpResponse, ConnectorError> {
    let mut built = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        built = built.header(name, value);
    }
    let built = built.body(SdkBody::from(response.body)).map_err(|error| ConnectorError::user(error.into()))?;
    HttpResponse::try_from(built).map_err(|error| ConnectorError::user(error.into()))
}
