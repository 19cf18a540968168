//! The state of the imitated account: everything that a request can see or change, as one serializable value.
//!
//! Handlers change it; time moves it on by events. It never reads a clock or a file itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::wire::{Call, Refusal};
use super::{autoscaling, boot, ec2, elbv2, iam, kubernetes, route53, s3, scenario, ssm, sts};
use crate::mix::mix;

/// The version of the stored form; a file of another version is refused.
pub const VERSION: u32 = 4;

/// How long a client token is remembered: AWS documents 24 hours for RunInstances and less for others.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// More events than this in one step of time mean that a service asks for the same moment for ever.
const EVENTS_PER_STEP: usize = 100_000;

/// Live objects by `service/kind/id`, see [`World::live`].
pub type Live = BTreeMap<String, serde_json::Value>;

/// One account in one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    /// [`VERSION`].
    pub version: u32,
    /// 12 digits.
    pub account: String,
    /// Region name.
    pub region: String,
    /// Zone names, sorted.
    pub zones: Vec<String>,
    /// The date in the account; moves with the process's clock and persists between processes.
    pub now: Timestamp,
    /// Where ids come from, together with `counter`.
    pub seed: u64,
    /// How many ids were made.
    pub counter: u64,
    /// How the sandbox behaves where AWS varies.
    pub behaviour: Behaviour,
    /// Quotas of the account.
    pub quotas: Quotas,
    /// Client tokens that were used, by operation and token.
    pub tokens: BTreeMap<String, UsedToken>,
    /// Ids that readers do not see yet, with the moment from which they do.
    pub hidden: BTreeMap<String, Timestamp>,
    /// EC2, VPC, EBS.
    pub ec2: ec2::State,
    /// Auto Scaling.
    pub autoscaling: autoscaling::State,
    /// Elastic Load Balancing.
    pub elbv2: elbv2::State,
    /// Route 53.
    pub route53: route53::State,
    /// IAM.
    pub iam: iam::State,
    /// Systems Manager.
    pub ssm: ssm::State,
    /// S3.
    pub s3: s3::State,
    /// What instances make of their user data.
    pub boot: boot::State,
    /// Kubernetes in the clusters.
    pub kubernetes: kubernetes::State,
    /// STS.
    pub sts: sts::State,
}

/// How the sandbox behaves where AWS varies from call to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Behaviour {
    /// Seconds during which a new object is not found by later calls.
    pub visibility_lag_seconds: u32,
    /// Seconds until EC2 and Auto Scaling know a new role or instance profile (34 s was seen on AWS).
    pub iam_propagation_seconds: u32,
    /// Milliseconds that every call takes, on the process's clock.
    pub latency_milliseconds: u32,
    /// Whether calls above the published rates are refused.
    pub throttling: bool,
    /// Where the pods of new nodes get their network from.
    pub network_plugin: NetworkPlugin,
}

/// Where the pods of new nodes get their network from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NetworkPlugin {
    /// It is there when the machine is: nodes become Ready by themselves.
    BuiltIn,
    /// A pod brings it, as in life: nodes are not Ready before a DaemonSet's pod has put a configuration there.
    #[default]
    AddOn,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            visibility_lag_seconds: 0,
            iam_propagation_seconds: 8,
            latency_milliseconds: 0,
            throttling: true,
            network_plugin: NetworkPlugin::default(),
        }
    }
}

/// Quotas, with AWS' defaults (Amazon VPC quotas, Amazon EC2 endpoints and quotas).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Quotas {
    /// VPCs in the region.
    pub vpcs: u32,
    /// Internet gateways in the region; follows the VPCs.
    pub internet_gateways: u32,
    /// Elastic IP addresses in the region.
    pub addresses: u32,
    /// NAT gateways in one zone.
    pub nat_gateways_per_zone: u32,
    /// Security groups in the region.
    pub security_groups: u32,
    /// Rules in each direction of one security group.
    pub rules_per_security_group: u32,
    /// Network interfaces in the region.
    pub network_interfaces: u32,
    /// Auto Scaling groups in the region.
    pub auto_scaling_groups: u32,
    /// Network load balancers in the region.
    pub network_load_balancers: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            vpcs: 5,
            internet_gateways: 5,
            addresses: 5,
            nat_gateways_per_zone: 5,
            security_groups: 2500,
            rules_per_security_group: 60,
            network_interfaces: 5000,
            auto_scaling_groups: 500,
            network_load_balancers: 50,
        }
    }
}

/// What a client token was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsedToken {
    /// The parameters of the first call.
    pub parameters: String,
    /// The id of what it made.
    pub made: String,
    /// When.
    pub used_at: Timestamp,
}

impl World {
    /// An account without anything in it.
    #[must_use]
    pub fn empty(account: &str, region: &str, seed: u64, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            account: account.to_owned(),
            region: region.to_owned(),
            zones: ["a", "b", "c"].iter().map(|letter| format!("{region}{letter}")).collect(),
            now,
            seed,
            counter: 0,
            behaviour: Behaviour::default(),
            quotas: Quotas::default(),
            tokens: BTreeMap::new(),
            hidden: BTreeMap::new(),
            ec2: ec2::State::default(),
            autoscaling: autoscaling::State::default(),
            elbv2: elbv2::State::default(),
            route53: route53::State::default(),
            iam: iam::State::default(),
            ssm: ssm::State::default(),
            s3: s3::State::default(),
            boot: boot::State::default(),
            kubernetes: kubernetes::State::default(),
            sts: sts::State::default(),
        }
    }

    /// 64 pseudo-random bits, the same for the same seed and the same calls before.
    pub fn random(&mut self) -> u64 {
        self.counter += 1;
        mix(self.seed ^ mix(self.counter))
    }

    /// A new EC2 id: the prefix, a dash and 17 hexadecimal digits. Readers see it after the visibility lag.
    pub fn new_id(&mut self, prefix: &str) -> String {
        let id = format!("{prefix}-0{:016x}", self.random());
        self.hide(&id);
        id
    }

    /// As many upper-case letters and digits, for ids such as `AROA…` or `Z…`.
    pub fn new_letters(&mut self, count: usize) -> String {
        const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut bits = 0;
        (0..count)
            .map(|index| {
                if index % 12 == 0 {
                    bits = self.random();
                }
                let letter = ALPHABET[usize::try_from(bits % 36).unwrap_or(0)];
                bits /= 36;
                char::from(letter)
            })
            .collect()
    }

    /// Keeps a new object from later calls for the visibility lag.
    pub fn hide(&mut self, id: &str) {
        if self.behaviour.visibility_lag_seconds > 0 {
            let until = self.after(f64::from(self.behaviour.visibility_lag_seconds));
            self.hidden.insert(id.to_owned(), until);
        }
    }

    /// Whether readers do not see it yet.
    #[must_use]
    pub fn is_hidden(&self, id: &str) -> bool {
        self.hidden.get(id).is_some_and(|until| self.now < *until)
    }

    /// The moment that many seconds from now.
    #[must_use]
    pub fn after(&self, seconds: f64) -> Timestamp {
        self.now.saturating_add(SignedDuration::from_secs_f64(seconds)).unwrap_or(Timestamp::MAX)
    }

    /// A moment from now that lies evenly between two numbers of seconds, depending on the seed.
    pub fn after_between(&mut self, from: u32, to: u32) -> Timestamp {
        let span = u64::from(to.saturating_sub(from)) * 1000 + 1;
        let extra = u32::try_from(self.random() % span).unwrap_or(0);
        self.after(f64::from(from) + f64::from(extra) / 1000.0)
    }

    /// `arn:aws:<service>:<region>:<account>:<resource>`.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// What an earlier call with the same client token made, if there was one.
    ///
    /// # Errors
    /// `IdempotentParameterMismatch` when the parameters were others.
    pub fn replay(&self, call: &Call<'_>) -> Result<Option<String>, Refusal> {
        let Some(token) = call.text("ClientToken").filter(|token| !token.is_empty()) else { return Ok(None) };
        if token.len() > 64 || !token.is_ascii() {
            return Err(Refusal::invalid(format!("Invalid client token: {token}")));
        }
        let Some(used) = self.tokens.get(&format!("{}/{token}", call.operation)) else { return Ok(None) };
        if used.parameters == token_parameters(call) {
            return Ok(Some(used.made.clone()));
        }
        Err(Refusal::new(
            "IdempotentParameterMismatch",
            "The client token you have provided is associated with a resource creation request with different \
             parameters. Please use a different client token or the original parameters.",
        ))
    }

    /// Remembers what a call with a client token made.
    pub fn remember(&mut self, call: &Call<'_>, made: &str) {
        if let Some(token) = call.text("ClientToken").filter(|token| !token.is_empty()) {
            let used = UsedToken { parameters: token_parameters(call), made: made.to_owned(), used_at: self.now };
            self.tokens.insert(format!("{}/{token}", call.operation), used);
        }
    }

    /// Moves the account on to a later moment, event by event in their order.
    pub fn advance_to(&mut self, to: Timestamp) {
        kubernetes::controllers::observe(self);
        for _ in 0..EVENTS_PER_STEP {
            // What the other services show is a matter of age: it is worked out when somebody asks.
            let clusters = [kubernetes::controllers::due(self), scenario::due(self)].into_iter().flatten().min();
            let due = [ec2::due(self), autoscaling::due(self), boot::due(self), ssm::due(self), clusters];
            let Some(next) = due.into_iter().flatten().min().filter(|next| *next <= to) else { break };
            self.now = self.now.max(next);
            ec2::advance(self);
            autoscaling::advance(self);
            ssm::advance(self);
            boot::advance(self, to);
            kubernetes::controllers::advance(self);
            scenario::advance(self);
            kubernetes::controllers::observe(self);
        }
        self.now = self.now.max(to);
        let now = self.now;
        self.hidden.retain(|_, until| now < *until);
        self.tokens.retain(|_, used| now.duration_since(used.used_at) < TOKEN_LIFETIME);
    }

    /// Every live object by `service/kind/id`: what somebody would be billed for or stumble over. Terminated and
    /// deleted remnants, tokens, counters and the date are not in it, so that two worlds compare as accounts do.
    #[must_use]
    pub fn live(&self) -> Live {
        let mut live = ec2::live(self);
        live.extend(autoscaling::live(self));
        live.extend(elbv2::live(self));
        live.extend(route53::live(self));
        live.extend(iam::live(self));
        live.extend(ssm::live(self));
        live.extend(s3::live(self));
        live
    }
}

fn token_parameters(call: &Call<'_>) -> String {
    call.digest(&["ClientToken", "DryRun"])
}

/// A moment as EC2 and the query services write it, `2026-11-20T13:00:00.000Z`.
#[must_use]
pub fn iso(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
