//! The gate underneath the SDK: every request passes here, on its way to the real HTTPS client or to the sandbox.
//!
//! In this order: waits for the token bucket of its API, waits for one of the places (`parallelism`), asks the lease if it
//! changes something, counts, calls with a timeout, reads the whole answer, notes the server's date. It never repeats a
//! call: that is [`super::call`]'s decision.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::calls::{CallLog, Calls};
use super::fence::Fence;
use super::limits::{Buckets, Limits, Service, reads};
use crate::clock::Clock;

/// How long one call may take, with connection, answer and all. AWS' control planes answer within seconds; the lease of
/// a run (300 s, with 60 s of margin) must outlast a call by far.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What all requests of one [`super::Aws`] share.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    buckets: Buckets,
    places: Semaphore,
    fence: RwLock<Fence>,
    log: CallLog,
    /// The server's date in the last answer, and when that came, on the clock that nobody sets.
    date: Mutex<Option<(Timestamp, Duration)>>,
}

impl Gate {
    /// A gate for `parallelism` calls at a time, with a closed fence.
    pub(super) fn new(clock: Clock, limits: Limits, parallelism: usize) -> Arc<Self> {
        Arc::new(Self {
            clock,
            buckets: Buckets::new(limits),
            places: Semaphore::new(parallelism.max(1)),
            fence: RwLock::new(Fence::closed()),
            log: CallLog::default(),
            date: Mutex::new(None),
        })
    }

    /// Replaces the fence.
    pub(super) fn set_fence(&self, fence: Fence) {
        *self.fence.write().unwrap_or_else(PoisonError::into_inner) = fence;
    }

    /// A copy of the log of calls.
    pub(super) fn calls(&self) -> Calls {
        self.log.copy()
    }

    /// The server's clock less ours, as of the last answer that had a date. A date of ours that was set since shows too.
    pub(super) fn skew(&self) -> Option<SignedDuration> {
        let (date, at) = (*self.date.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = self.clock.since_boot().saturating_sub(at);
        Some(date.saturating_add(since).unwrap_or(Timestamp::MAX).duration_since(self.clock.now()))
    }

    async fn pass(
        &self,
        service: Service,
        inner: SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(service, &request);
        let wait = self.buckets.take(service, &operation, self.clock.since_boot());
        if !wait.is_zero() {
            tracing::debug!(service = service.as_str(), operation, ?wait, "waiting for the rate limit");
            self.clock.sleep(wait).await;
        }
        // The semaphore is never closed.
        let _place = self.places.acquire().await.map_err(|closed| ConnectorError::other(closed.into(), None))?;
        let changes = !reads(&operation);
        if changes {
            self.permit().await?;
        }
        let index = self.log.start(service, &operation);
        // Calls that are issued together all start before the first of them ends, however fast the other side is.
        tokio::task::yield_now().await;
        // Asked again, because whoever is suspended in between has no lease behind the call.
        if changes && let Err(ended) = self.permit().await {
            self.log.end(index);
            return Err(ended);
        }
        let began = self.clock.since_boot();
        let answer = tokio::time::timeout(CALL_TIMEOUT, read_whole(inner, request)).await;
        self.log.end(index);
        let answer =
            answer.unwrap_or_else(|_| Err(ConnectorError::timeout(format!("no answer in {CALL_TIMEOUT:?}").into())));
        let took = self.clock.since_boot().saturating_sub(began);
        match &answer {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(service = service.as_str(), operation, status, ?took, "called");
                self.note_date(response);
            }
            Err(error) => tracing::debug!(service = service.as_str(), operation, %error, ?took, "call failed"),
        }
        answer
    }

    async fn permit(&self) -> Result<(), ConnectorError> {
        let fence = self.fence.read().unwrap_or_else(PoisonError::into_inner).clone();
        fence.permit(self.clock, CALL_TIMEOUT).await.map_err(|ended| ConnectorError::user(ended.into()))
    }

    fn note_date(&self, response: &HttpResponse) {
        let Some(date) = response.headers().get("date") else { return };
        let Ok(date) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date) else { return };
        *self.date.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, self.clock.since_boot()));
    }
}

/// Calls, and reads the body to its end, so that the timeout covers it too.
async fn read_whole(inner: SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let mut response = inner.call(request).await?;
    let body = ByteStream::new(response.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    *response.body_mut() = SdkBody::from(body.into_bytes());
    Ok(response)
}

/// The client that is given to the SDK for one service.
#[derive(Clone, Debug)]
pub(super) struct GatedClient {
    gate: Arc<Gate>,
    service: Service,
    inner: SharedHttpClient,
}

impl GatedClient {
    /// Wraps `inner` for the calls of `service`.
    pub(super) fn wrap(gate: &Arc<Gate>, service: Service, inner: &SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Self { gate: Arc::clone(gate), service, inner: inner.clone() })
    }
}

impl HttpClient for GatedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(GatedConnector {
            gate: Arc::clone(&self.gate),
            service: self.service,
            inner: self.inner.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct GatedConnector {
    gate: Arc<Gate>,
    service: Service,
    inner: SharedHttpConnector,
}

impl HttpConnector for GatedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (gate, service, inner) = (Arc::clone(&self.gate), self.service, self.inner.clone());
        HttpConnectorFuture::new(async move { gate.pass(service, inner, request).await })
    }
}

/// The operation that a request asks for, from what its protocol shows: the form field `Action`, the header
/// `X-Amz-Target`, or or the REST services' method and path.
fn operation(service: Service, request: &HttpRequest) -> String {
    match service {
        Service::Route53 => route53_operation(request.method(), request.uri()).to_owned(),
        Service::S3 => s3_operation(request.method(), request.uri()).to_owned(),
        Service::Ssm => {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            target.rsplit('.').next().unwrap_or_default().to_owned()
        }
        Service::Ec2 | Service::AutoScaling | Service::LoadBalancing | Service::Iam | Service::Sts => {
            let body = request.body().bytes().unwrap_or_default();
            let action = form_urlencoded::parse(body).find(|(name, _)| name == "Action");
            action.map(|(_, value)| value.into_owned()).unwrap_or_default()
        }
    }
}

/// Route 53 is a REST API: the operations that windlass calls, by method and path (Route 53 API reference). An unknown
/// one counts as a change, so that it needs the lease.
fn route53_operation(method: &str, uri: &str) -> &'static str {
    let after_host = uri.split_once("://").map_or(uri, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = after_host.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    match (method, parts.as_slice()) {
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset" | "rrset/"]) => "ChangeResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        ("GET", ["tags", _, _]) => "ListTagsForResource",
        _ => "UnknownRoute53Operation",
    }
}

/// S3 is a REST API too: the operations that windlass calls. Anything else counts as a change.
fn s3_operation(method: &str, uri: &str) -> &'static str {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let lists = form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "list-type" && value == "2");
    match method {
        "GET" if lists => "ListObjectsV2",
        "HEAD" => "HeadObject",
        _ => "UnknownS3Operation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> HttpRequest {
        HttpRequest::new(SdkBody::from(body))
    }

    #[test]
    fn the_operation_is_read_from_each_protocol() {
        let form = request("Version=2016-11-15&Action=CreateVpc&CidrBlock=10.0.0.0%2F16");
        assert_eq!(operation(Service::Ec2, &form), "CreateVpc");
        let mut json = request("{}");
        json.headers_mut().insert("x-amz-target", "AmazonSSM.GetParameters");
        assert_eq!(operation(Service::Ssm, &json), "GetParameters");
        let base = "https://route53.amazonaws.com/2013-04-01";
        for (method, path, expected) in [
            ("GET", "/hostedzonesbyname?dnsname=a.b.", "ListHostedZonesByName"),
            ("GET", "/hostedzone/Z1/rrset?maxitems=300", "ListResourceRecordSets"),
            ("POST", "/hostedzone/Z1/rrset/", "ChangeResourceRecordSets"),
            ("POST", "/hostedzone/Z1/rrset", "ChangeResourceRecordSets"),
            ("GET", "/change/C1", "GetChange"),
        ] {
            assert_eq!(route53_operation(method, &format!("{base}{path}")), expected);
        }
    }

    #[test]
    fn an_unknown_route_needs_the_lease() {
        assert!(!reads(route53_operation("DELETE", "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1")));
        assert!(!reads(s3_operation("PUT", "https://bucket.s3.eu-west-3.amazonaws.com/key")));
        assert!(reads(s3_operation("GET", "https://bucket.s3.eu-west-3.amazonaws.com/?list-type=2&prefix=a%2F")));
        assert!(!reads(&operation(Service::Ec2, &request(""))));
    }
}
