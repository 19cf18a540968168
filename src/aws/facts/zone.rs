//! The hosted zone of a name: asked by name, because an account may have hundreds of zones.

use aws_sdk_route53::types::HostedZone as Zone;

use super::WantedZone;
use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::desired::HostedZone;

/// Zones of one name that are looked at: a public one and several private ones may share it.
const SAME_NAME: i32 = 20;

/// The longest existing zone that is the wanted name or holds it. One call when the name itself is a zone.
pub(super) async fn find(aws: &Aws, wanted: Option<&WantedZone>) -> Result<Option<HostedZone>, Error> {
    let Some(wanted) = wanted else { return Ok(None) };
    let mut name = wanted.name.trim_end_matches('.');
    loop {
        if let Some(zone) = exactly(aws, name, wanted.private).await? {
            return Ok(Some(zone));
        }
        // A top-level domain is nobody's zone.
        match name.split_once('.') {
            Some((_, parent)) if parent.contains('.') => name = parent,
            _ => return Ok(None),
        }
    }
}

async fn exactly(aws: &Aws, name: &str, private: bool) -> Result<Option<HostedZone>, Error> {
    let request = aws.route53().list_hosted_zones_by_name().dns_name(format!("{name}.")).max_items(SAME_NAME);
    let answer = call(aws, Call::read("ListHostedZonesByName"), || request.clone().send()).await?;
    // The list begins at the name and goes on with those that sort after it.
    Ok(answer.hosted_zones.iter().map(read).find(|zone| zone.name == name && zone.private == private))
}

fn read(zone: &Zone) -> HostedZone {
    HostedZone {
        id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
        name: zone.name().trim_end_matches('.').to_owned(),
        private: zone.config().is_some_and(|config| config.private_zone),
    }
}
