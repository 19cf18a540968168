//! Fills [`Facts`]: what the world must tell before the desired resources can be computed. Only reads; all look-ups at
//! the same time, each at most two calls deep.

mod image;
mod network;
mod zone;

use std::collections::BTreeSet;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::tags;
use crate::desired::{Facts, Image, Keys};

/// What to look up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The zones of the region.
    pub zones: Zones,
    /// The zone for the cluster's records.
    pub hosted_zone: Option<WantedZone>,
    /// Images as the manifests say them: `ami-…`; `ssm:/path` for a Systems Manager parameter; `OWNER/NAME` for the
    /// newest image of that name, with `*` for any text, where OWNER is an account id or `self`.
    pub images: BTreeSet<String>,
    /// Images that need not be looked up: launch templates of the cluster were made from them, and images never change.
    pub known_images: Vec<Image>,
    /// An existing VPC, `vpc-…`.
    pub network: Option<String>,
}

/// Where the zones of the region are known from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Zones {
    /// From EC2: those that are available.
    #[default]
    Listed,
    /// These are enough: something of the cluster stands in each, so they exist. Saves a call.
    Known(BTreeSet<String>),
}

/// Which hosted zone to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedZone {
    /// A DNS name without the last dot: the longest existing zone that is it, or holds it, is found.
    pub name: String,
    /// Whether only VPCs see it.
    pub private: bool,
}

/// Looks everything up at the same time.
///
/// # Errors
/// That of the first call that failed. What does not exist is no error: it is absent.
pub async fn facts(aws: &Aws, wanted: &Wanted) -> Result<Facts, Error> {
    let (caller, zones, hosted_zone, images, network) = tokio::try_join!(
        aws.identity(),
        zones(aws, &wanted.zones),
        zone::find(aws, wanted.hosted_zone.as_ref()),
        image::find(aws, &wanted.images, &wanted.known_images),
        network::find(aws, wanted.network.as_deref()),
    )?;
    let keys = Keys::default();
    Ok(Facts { account: caller.account, region: aws.region().to_owned(), zones, hosted_zone, images, network, keys })
}

/// Names of the available zones, sorted; local zones and Wavelength zones that nobody opted in to are not shown by EC2.
async fn zones(aws: &Aws, zones: &Zones) -> Result<Vec<String>, Error> {
    if let Zones::Known(zones) = zones {
        return Ok(zones.iter().cloned().collect());
    }
    let request = aws.ec2().describe_availability_zones().filters(tags::filter("state", "available"));
    let answer = call(aws, Call::read("DescribeAvailabilityZones"), || request.clone().send()).await?;
    let zones = answer.availability_zones.unwrap_or_default();
    let mut names: Vec<String> = zones.into_iter().filter_map(|zone| zone.zone_name).collect();
    names.sort();
    Ok(names)
}
