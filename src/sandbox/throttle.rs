//! Refuses calls that come too fast, by token buckets that fill while the account's time passes.
//!
//! Figures are burst and refill a second: "Request throttling for the Amazon EC2 API" and the quota pages of Elastic
//! Load Balancing and Route 53. Where AWS publishes none they are generous guesses. The buckets are those of one
//! process: a new one starts with full buckets.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::wire::Service;

/// Burst, and refill a second.
type Rate = (f64, f64);

/// The buckets of one account and region.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    buckets: BTreeMap<(Service, &'static str, String), (f64, Timestamp)>,
}

impl Buckets {
    /// Takes one token for a call; `false`: too fast. `selective` says whether a describe names ids, filters or a
    /// page size.
    pub fn take(&mut self, now: Timestamp, service: Service, operation: &str, selective: bool) -> bool {
        let (key, (burst, refill)) = rate(service, operation, selective);
        let (tokens, at) = self.buckets.entry(key).or_insert((burst, now));
        let passed = now.duration_since(*at).as_secs_f64().max(0.0);
        *tokens = (*tokens + passed * refill).min(burst);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

fn rate(service: Service, operation: &str, selective: bool) -> ((Service, &'static str, String), Rate) {
    let own = |kind, rate| ((service, kind, operation.to_owned()), rate);
    let shared = |kind, rate| ((service, kind, String::new()), rate);
    match service {
        Service::Ec2 => match operation {
            "CreateTags" | "DeleteTags" => own("tags", (100.0, 10.0)),
            "RunInstances" => own("run", (5.0, 2.0)),
            "CreateNatGateway" => own("nat", (10.0, 1.0)),
            "CreateLaunchTemplateVersion" | "TerminateInstances" => own("", (100.0, 5.0)),
            it if it.starts_with("Describe") && selective => own("selective", (100.0, 20.0)),
            it if it.starts_with("Describe") => own("all", (50.0, 10.0)),
            _ => own("", (50.0, 5.0)),
        },
        Service::ElasticLoadBalancing => match operation {
            "CreateLoadBalancer" => own("", (10.0, 0.2)),
            "RegisterTargets" => own("", (20.0, 4.0)),
            _ => shared("", (40.0, 10.0)),
        },
        Service::Route53 => shared("", (50.0, 10.0)),
        Service::AutoScaling => shared("", (60.0, 12.0)),
        Service::Iam | Service::Ssm => shared("", (40.0, 15.0)),
        Service::Sts => shared("", (100.0, 50.0)),
        // 3500 changes and 5500 reads a second and prefix (S3 user guide, "Best practices design patterns").
        Service::S3 => shared("", (3500.0, 3500.0)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let mut buckets = Buckets::default();
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a date");
        let mut take = |now| buckets.take(now, Service::Ec2, "RunInstances", true);
        assert_eq!((0..6).filter(|_| take(start)).count(), 5);
        let later = start + SignedDuration::from_secs(1);
        assert_eq!((0..6).filter(|_| take(later)).count(), 2);
        assert!(buckets.take(later, Service::Ec2, "CreateVpc", true), "each API has its own bucket");
    }
}
