//! How fast each API may be called, per account and region: token buckets that fill while time passes.
//!
//! Figures are burst and refill a second, from "Request throttling for the Amazon EC2 API", the quota pages of Elastic
//! Load Balancing and Route 53 as of 2026. Unpublished ones (Auto Scaling, IAM, Systems Manager, STS) are cautious.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// An AWS service that windlass calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Elastic Compute Cloud, with VPC and EBS.
    Ec2,
    /// EC2 Auto Scaling.
    AutoScaling,
    /// Elastic Load Balancing, version 2.
    LoadBalancing,
    /// Identity and Access Management.
    Iam,
    /// Route 53.
    Route53,
    /// Systems Manager.
    Ssm,
    /// Simple Storage Service.
    S3,
    /// Security Token Service.
    Sts,
}

impl Service {
    /// The prefix of its actions in IAM policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::LoadBalancing => "elasticloadbalancing",
            Self::Iam => "iam",
            Self::Route53 => "route53",
            Self::Ssm => "ssm",
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }
}

/// Size and refill of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Calls that may be made at once.
    pub burst: f64,
    /// Calls a second after that.
    pub per_second: f64,
}

impl Rate {
    const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second }
    }
}

/// What can be configured; everything else is AWS' default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// All calls of Route 53: 50 / 10, and 5 / 5 until July 2026; an account may have been given more.
    pub route53: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self { route53: Rate::new(50.0, 10.0) }
    }
}

/// Calls that draw from the same bucket: of one API, or of a whole service.
type BucketKey = (Service, &'static str);

/// The bucket of a call, by service and operation, and its rate.
fn rate(limits: &Limits, service: Service, operation: &str) -> (BucketKey, Rate) {
    /// EC2 counts each API apart; those with figures of their own.
    const EC2: [(&str, Rate); 8] = [
        ("CreateTags", Rate::new(100.0, 10.0)),
        ("DeleteTags", Rate::new(100.0, 10.0)),
        ("CreateLaunchTemplateVersion", Rate::new(100.0, 5.0)),
        ("RunInstances", Rate::new(5.0, 2.0)),
        ("TerminateInstances", Rate::new(100.0, 5.0)),
        ("CreateNatGateway", Rate::new(10.0, 1.0)),
        ("CreateVpcEndpoint", Rate::new(4.0, 0.3)),
        ("DeleteVpcEndpoints", Rate::new(4.0, 0.3)),
    ];
    match service {
        Service::Ec2 => match EC2.into_iter().find(|(name, _)| *name == operation) {
            Some((name, rate)) => ((service, name), rate),
            None if reads(operation) => ((service, "Describe"), Rate::new(100.0, 20.0)),
            None => ((service, "Mutate"), Rate::new(50.0, 5.0)),
        },
        Service::LoadBalancing => match operation {
            "CreateLoadBalancer" => ((service, "CreateLoadBalancer"), Rate::new(10.0, 0.2)),
            "RegisterTargets" => ((service, "RegisterTargets"), Rate::new(20.0, 4.0)),
            _ => ((service, ""), Rate::new(40.0, 10.0)),
        },
        Service::Route53 => ((service, ""), limits.route53),
        // One unpublished bucket for all calls of Auto Scaling.
        Service::AutoScaling => ((service, ""), Rate::new(40.0, 10.0)),
        // Not on the quota page: AWS' support told its users of 3 a second, and bursts of 20 went through (issues
        // github-aws-runners/terraform-aws-github-runner#2944 and sudolabs-io/aws-ssm-cli#503).
        Service::Ssm if operation == "PutParameter" => ((service, "PutParameter"), Rate::new(10.0, 3.0)),
        Service::Ssm if operation.starts_with("DeleteParameter") => {
            ((service, "DeleteParameter"), Rate::new(10.0, 3.0))
        }
        Service::Iam | Service::Ssm => ((service, ""), Rate::new(20.0, 10.0)),
        Service::Sts => ((service, ""), Rate::new(50.0, 20.0)),
        // Thousands a second and prefix (S3 user guide, "Best practices design patterns"); far fewer are ever needed.
        Service::S3 => ((service, ""), Rate::new(100.0, 100.0)),
    }
}

/// Whether an operation only reads, by its name: all AWS services keep to these verbs.
pub(super) fn reads(operation: &str) -> bool {
    ["Describe", "List", "Get", "Head", "Simulate"].iter().any(|verb| operation.starts_with(verb))
}

/// One bucket: may go below zero, which is how calls queue up.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    /// Time since boot at which `tokens` was right.
    at: Duration,
}

/// All buckets of one account and region.
#[derive(Debug)]
pub(super) struct Buckets {
    limits: Limits,
    /// EC2's buckets are per API: keyed by the operation as well.
    buckets: Mutex<BTreeMap<(BucketKey, String), Bucket>>,
}

impl Buckets {
    /// All buckets full.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// Takes one token at `now` (time since boot) and says how long to wait until it is there.
    pub(super) fn take(&self, service: Service, operation: &str, now: Duration) -> Duration {
        let (key, rate) = rate(&self.limits, service, operation);
        let api = if service == Service::Ec2 { operation.to_owned() } else { String::new() };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((key, api)).or_insert(Bucket { tokens: rate.burst, at: now });
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.tokens = passed.mul_add(rate.per_second, bucket.tokens).min(rate.burst) - 1.0;
        bucket.at = now;
        if bucket.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-bucket.tokens / rate.per_second) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_its_refill_after() {
        let buckets = Buckets::new(Limits::default());
        let now = Duration::from_secs(1000);
        for _ in 0..50 {
            assert_eq!(buckets.take(Service::Ec2, "CreateSubnet", now), Duration::ZERO);
        }
        assert_eq!(buckets.take(Service::Ec2, "CreateSubnet", now), Duration::from_millis(200));
        assert_eq!(buckets.take(Service::Ec2, "CreateSubnet", now), Duration::from_millis(400));
        // Another API of EC2 has its own.
        assert_eq!(buckets.take(Service::Ec2, "CreateRouteTable", now), Duration::ZERO);
        // Ten seconds later 48 of the 50 are back: two were borrowed.
        let later = now + Duration::from_secs(10);
        for _ in 0..48 {
            assert_eq!(buckets.take(Service::Ec2, "CreateSubnet", later), Duration::ZERO);
        }
        assert_ne!(buckets.take(Service::Ec2, "CreateSubnet", later), Duration::ZERO);
    }

    #[test]
    fn route_53_has_one_configurable_bucket() {
        let buckets = Buckets::new(Limits { route53: Rate { burst: 1.0, per_second: 5.0 } });
        assert_eq!(buckets.take(Service::Route53, "ListResourceRecordSets", Duration::ZERO), Duration::ZERO);
        let wait = buckets.take(Service::Route53, "ChangeResourceRecordSets", Duration::ZERO);
        assert_eq!(wait, Duration::from_millis(200));
    }

    #[test]
    fn a_load_balancer_takes_five_seconds_after_the_tenth() {
        let buckets = Buckets::new(Limits::default());
        for _ in 0..10 {
            assert_eq!(buckets.take(Service::LoadBalancing, "CreateLoadBalancer", Duration::ZERO), Duration::ZERO);
        }
        let wait = buckets.take(Service::LoadBalancing, "CreateLoadBalancer", Duration::ZERO);
        assert_eq!(wait, Duration::from_secs(5));
    }
}
