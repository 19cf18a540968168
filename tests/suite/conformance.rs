//! Two implementations of AWS that nobody wrote together, asked the same through the same clients.
//!
//! A sequence runs against a [`Side`] and notes what it sees in a [`Notes`]; ids never get into notes, so that the notes
//! of two sides compare as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use windlass::clock::Clock;
use windlass::sandbox::seed::Seed;
use windlass::sandbox::{Sandbox, World};

/// The region of both sides.
pub const REGION: &str = "eu-west-3";

/// One implementation with its clients.
pub struct Side {
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// Auto Scaling.
    pub groups: aws_sdk_autoscaling::Client,
    /// Elastic Load Balancing.
    pub balancing: aws_sdk_elasticloadbalancingv2::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// A machine image that exists there.
    pub image: String,
    virtual_time: bool,
}

impl Side {
    /// The sandbox, in memory; inside a paused runtime.
    pub fn sandbox() -> Self {
        let seed = Seed::example();
        let mut world = World::from_seed(&seed, seed.clock);
        // The comparison is about answers, not about how long news take.
        world.behaviour.iam_propagation_seconds = 0;
        world.behaviour.throttling = false;
        let image = world.ec2.images.keys().next().expect("the seed has images").clone();
        let sandbox = Sandbox::in_memory(Clock::starting_at(seed.clock), world);
        let configuration = configuration().http_client(sandbox.http_client()).build();
        Self::of(&configuration, image, true)
    }

    /// moto on a port of this machine.
    pub async fn moto(port: u16) -> Self {
        let configuration = configuration().endpoint_url(format!("http://127.0.0.1:{port}")).build();
        let mut side = Self::of(&configuration, String::new(), false);
        let images = side.ec2.describe_images().owners("amazon").send().await.expect("moto has images");
        let fits = |it: &&aws_sdk_ec2::types::Image| it.architecture().is_some_and(|it| it.as_str() == "x86_64");
        side.image = images.images().iter().find(fits).and_then(|it| it.image_id()).expect("an image").to_owned();
        side
    }

    fn of(configuration: &SdkConfig, image: String, virtual_time: bool) -> Self {
        Self {
            ec2: aws_sdk_ec2::Client::new(configuration),
            groups: aws_sdk_autoscaling::Client::new(configuration),
            balancing: aws_sdk_elasticloadbalancingv2::Client::new(configuration),
            route53: aws_sdk_route53::Client::new(configuration),
            iam: aws_sdk_iam::Client::new(configuration),
            ssm: aws_sdk_ssm::Client::new(configuration),
            sts: aws_sdk_sts::Client::new(configuration),
            image,
            virtual_time,
        }
    }

    /// Lets that many seconds pass where they cost nothing; moto does everything at once.
    pub async fn settle(&self, seconds: u64) {
        if self.virtual_time {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
}

fn configuration() -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .retry_config(RetryConfig::disabled())
}

/// What a sequence saw.
#[derive(Debug, Default)]
pub struct Notes {
    sequence: String,
    /// `sequence/step` → what was seen.
    pub seen: BTreeMap<String, String>,
    /// Operations that were called.
    pub operations: BTreeSet<String>,
}

impl Notes {
    /// Names the sequence that the next notes belong to.
    pub fn begin(&mut self, sequence: &str) {
        sequence.clone_into(&mut self.sequence);
    }

    /// Notes an observation of an operation; `step` begins with the operation's name.
    pub fn see(&mut self, step: &str, seen: impl Display) {
        let operation = step.split(' ').next().unwrap_or(step);
        self.operations.insert(operation.to_owned());
        let twice = self.seen.insert(format!("{}/{step}", self.sequence), seen.to_string());
        assert_eq!(twice, None, "{}/{step} is noted twice", self.sequence);
    }

    /// Notes `ok` or the error's code, and passes the answer on.
    pub fn done<T, E: ProvideErrorMetadata>(&mut self, step: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(answer) => {
                self.see(step, "ok");
                Some(answer)
            }
            Err(error) => {
                self.see(step, error.code().unwrap_or("an error without a code"));
                None
            }
        }
    }
}

/// Texts sorted and joined.
pub fn joined(texts: impl IntoIterator<Item = impl Into<String>>) -> String {
    let mut texts: Vec<String> = texts.into_iter().map(Into::into).collect();
    texts.sort();
    texts.join(" ")
}
