//! The connection: one SDK client per service, all behind one gate, with retries switched off because they are ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use super::call::{Call, call};
use super::calls::Calls;
use super::error::Error;
use super::fence::Fence;
use super::gate::{Gate, GatedClient};
use super::limits::{Limits, Service};
use super::record_set;
use crate::clock::Clock;
use crate::mix::{fraction, mix};
use crate::planted::{self, Bug};

/// How long a TCP and TLS connection may take to be made; the SDK's own default is 3.1 s.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// How to connect.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Region name, `eu-west-3`.
    pub region: String,
    /// `None`: the real AWS, with the credentials and endpoints that the AWS CLI would use (environment, profile, SSO,
    /// `AWS_ENDPOINT_URL`, …). `Some`: everything goes to this client (the sandbox), with fixed credentials, and nothing
    /// is read from the environment.
    pub http_client: Option<SharedHttpClient>,
    /// The clock of all waiting.
    pub clock: Clock,
    /// How many calls may be under way at the same time; at least 1.
    pub parallelism: usize,
    /// Rate limits that differ from AWS' defaults.
    pub limits: Limits,
    /// Seed of the jitter between repeated calls.
    pub seed: u64,
}

impl Settings {
    /// The usual settings for `region`.
    #[must_use]
    pub fn new(region: impl Into<String>, clock: Clock) -> Self {
        Self {
            region: region.into(),
            http_client: None,
            clock,
            // Enough for every wave of a create; the token buckets are the real bound.
            parallelism: 32,
            limits: Limits::default(),
            seed: 0,
        }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Account id, 12 digits.
    pub account: String,
    /// ARN of the user or the role session.
    pub arn: String,
}

/// A connection to one region of one account. Cheap to clone; all clones share limits, lease and counts.
#[derive(Clone, Debug)]
pub struct Aws {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    region: String,
    clock: Clock,
    gate: Arc<Gate>,
    jitter: AtomicU64,
    caller: OnceCell<Caller>,
    ec2: aws_sdk_ec2::Client,
    auto_scaling: aws_sdk_autoscaling::Client,
    load_balancing: aws_sdk_elasticloadbalancingv2::Client,
    iam: aws_sdk_iam::Client,
    route53: aws_sdk_route53::Client,
    ssm: aws_sdk_ssm::Client,
    s3: aws_sdk_s3::Client,
    sts: aws_sdk_sts::Client,
    record_changes: record_set::Changes,
}

impl Aws {
    /// Connects. No call is made yet. Changes are refused until [`Self::hold`] gave a lease.
    pub async fn connect(settings: Settings) -> Self {
        let (config, inner) = match settings.http_client {
            Some(client) => (fixed_config(&settings.region, &client), client),
            None => environment_config(&settings.region).await,
        };
        let gate = Gate::new(settings.clock, settings.limits, settings.parallelism);
        let gated = |service| config.to_builder().http_client(GatedClient::wrap(&gate, service, &inner)).build();
        let shared = Shared {
            ec2: aws_sdk_ec2::Client::new(&gated(Service::Ec2)),
            auto_scaling: aws_sdk_autoscaling::Client::new(&gated(Service::AutoScaling)),
            load_balancing: aws_sdk_elasticloadbalancingv2::Client::new(&gated(Service::LoadBalancing)),
            iam: aws_sdk_iam::Client::new(&gated(Service::Iam)),
            route53: aws_sdk_route53::Client::new(&gated(Service::Route53)),
            ssm: aws_sdk_ssm::Client::new(&gated(Service::Ssm)),
            s3: aws_sdk_s3::Client::new(&gated(Service::S3)),
            sts: aws_sdk_sts::Client::new(&gated(Service::Sts)),
            record_changes: record_set::Changes::default(),
            region: settings.region,
            clock: settings.clock,
            gate,
            jitter: AtomicU64::new(settings.seed),
            caller: OnceCell::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// From now on every change asks `fence` first.
    pub fn hold(&self, fence: Fence) {
        self.shared.gate.set_fence(fence);
    }

    /// Who calls; asked once per connection.
    ///
    /// # Errors
    /// No credentials, or STS refused them.
    pub async fn identity(&self) -> Result<Caller, Error> {
        let ask = async || {
            let answer =
                call(self, Call::read("GetCallerIdentity"), || self.sts().get_caller_identity().send()).await?;
            let missing = |what| Error::Malformed { operation: "GetCallerIdentity", what };
            Ok(Caller {
                account: answer.account.ok_or_else(|| missing("no account"))?,
                arn: answer.arn.ok_or_else(|| missing("no ARN"))?,
            })
        };
        self.shared.caller.get_or_try_init(ask).await.cloned()
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.shared.region
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// All calls so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.shared.gate.calls()
    }

    /// AWS' clock less ours, from the last answer; `None` before the first.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.shared.gate.skew()
    }

    /// Whether AWS' clock and ours are further apart than AWS lets pass: five minutes (IAM user guide, "Elements of an AWS
    /// API request signature").
    pub(super) fn clock_is_wrong(&self) -> bool {
        self.clock_skew().is_some_and(|skew| skew.abs() > SignedDuration::from_mins(5))
    }

    /// The date that goes into certificates: ours, as long as AWS' is the same. One that is issued on a wrong date is not
    /// valid yet, or ends too early, and takes the cluster down with it.
    ///
    /// # Errors
    /// [`Error::Clock`] when AWS' clock says something else.
    pub fn certain_date(&self) -> Result<Timestamp, Error> {
        match self.clock_skew() {
            Some(skew) if self.clock_is_wrong() && !planted::is(Bug::TrustedDate) => {
                Err(Error::Clock { seconds: skew.as_secs() })
            }
            _ => Ok(self.clock().now()),
        }
    }

    /// A number in `0.0..1.0`, the next of the seeded sequence (SplitMix64, Steele, Lea and Flood 2014).
    pub(super) fn jitter(&self) -> f64 {
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        fraction(mix(self.shared.jitter.fetch_add(GOLDEN, Ordering::Relaxed)))
    }

    pub(super) fn ec2(&self) -> &aws_sdk_ec2::Client {
        &self.shared.ec2
    }

    pub(super) fn auto_scaling(&self) -> &aws_sdk_autoscaling::Client {
        &self.shared.auto_scaling
    }

    pub(super) fn load_balancing(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        &self.shared.load_balancing
    }

    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        &self.shared.iam
    }

    pub(super) fn route53(&self) -> &aws_sdk_route53::Client {
        &self.shared.route53
    }

    pub(super) fn ssm(&self) -> &aws_sdk_ssm::Client {
        &self.shared.ssm
    }

    pub(super) fn s3(&self) -> &aws_sdk_s3::Client {
        &self.shared.s3
    }

    pub(super) fn record_changes(&self) -> &record_set::Changes {
        &self.shared.record_changes
    }

    fn sts(&self) -> &aws_sdk_sts::Client {
        &self.shared.sts
    }
}

/// Timeouts of the SDK: only the connection's. The rest is the gate's, which does not count the time that a call waits
/// for its rate limit.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build()
}

/// The configuration for a world in this process: nothing from the environment, no secret.
fn fixed_config(region: &str, client: &SharedHttpClient) -> SdkConfig {
    let credentials = Credentials::from_keys("AKIASANDBOX", "sandbox", None);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// The configuration that the AWS CLI would use, and the HTTPS client.
async fn environment_config(region: &str) -> (SdkConfig, SharedHttpClient) {
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(https.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Ok(name) = AppName::new("windlass") {
        loader = loader.app_name(name);
    }
    (loader.load().await, https)
}
