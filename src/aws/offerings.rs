//! Which instance types are offered in which zones.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::LocationType;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::{pages, tags};

/// Offerings in one page; the most that EC2 gives (API reference, DescribeInstanceTypeOfferings).
const PAGE: i32 = 1000;
/// Values of one filter; the most that EC2 takes (EC2 user guide, "Filtering": 200 values).
const VALUES: usize = 200;

/// The zones that offer each of `types`: one call for up to 200 types, and its pages. A type that no zone offers has none.
///
/// # Errors
/// That of the call.
pub async fn offerings(aws: &Aws, types: &BTreeSet<String>) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    const OPERATION: &str = "DescribeInstanceTypeOfferings";
    let mut zones: BTreeMap<String, BTreeSet<String>> = types.iter().map(|it| (it.clone(), BTreeSet::new())).collect();
    let types: Vec<String> = types.iter().cloned().collect();
    for some in types.chunks(VALUES) {
        let found = pages::all(OPERATION, async |token| {
            let request = aws.ec2().describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
            let request = request.filters(tags::any_of("instance-type", some));
            let request = request.max_results(PAGE).set_next_token(token);
            let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
            Ok((answer.instance_type_offerings.unwrap_or_default(), answer.next_token))
        })
        .await?;
        for offering in found {
            if let (Some(machine), Some(zone)) = (offering.instance_type, offering.location) {
                zones.entry(machine.as_str().to_owned()).or_default().insert(zone);
            }
        }
    }
    Ok(zones)
}
