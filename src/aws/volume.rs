//! EBS volumes that outlive instances.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, VolumeState, VolumeType};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::failure::Failure;
use super::identity::Identity;
use super::ids::{Ids, Made};
use super::settle::adopt;
use super::{pages, tags};
use crate::resource::{Attributes, Found, Kind, Observed, Readiness, Tags, Volume};

/// Largest page of DescribeVolumes (EC2 API reference).
const PAGE: i32 = 500;

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<aws_sdk_ec2::types::Volume>, Error> {
    pages::all("DescribeVolumes", async |token| {
        let request = aws.ec2().describe_volumes().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeVolumes"), || request.clone().send()).await?;
        Ok((answer.volumes.unwrap_or_default(), answer.next_token))
    })
    .await
}

fn state(volume: &aws_sdk_ec2::types::Volume) -> Readiness {
    match volume.state() {
        Some(VolumeState::Available | VolumeState::InUse) => Readiness::Ready,
        Some(VolumeState::Error) => Readiness::Failed(String::from("error")),
        Some(VolumeState::Deleted) => Readiness::Gone,
        Some(other) => Readiness::Pending(other.to_string()),
        None => Readiness::Pending(String::from("unknown")),
    }
}

fn is_live(volume: &aws_sdk_ec2::types::Volume) -> bool {
    !matches!(volume.state(), Some(VolumeState::Deleted | VolumeState::Deleting))
}

/// Whether operations a second can be provisioned: EC2 shows figures for other types too, which nobody set.
fn has_iops(volume_type: &str) -> bool {
    matches!(volume_type, "gp3" | "io1" | "io2")
}

fn has_throughput(volume_type: &str) -> bool {
    volume_type == "gp3"
}

fn number(value: Option<i32>) -> Option<u32> {
    value.and_then(|value| u32::try_from(value).ok())
}

fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    let volumes = describe(aws, vec![tags::of_cluster(&scope.cluster)]).await?;
    for volume in volumes.into_iter().filter(is_live) {
        let readiness = state(&volume);
        let volume_type = volume.volume_type().map(|it| it.as_str().to_owned()).unwrap_or_default();
        let all = tags::from_ec2(volume.tags);
        tags::sight(&mut observed, scope, Kind::Volume, volume.volume_id.unwrap_or_default(), &all, |tags| {
            let it = Volume {
                zone: volume.availability_zone.unwrap_or_default(),
                size: number(volume.size).unwrap_or(0),
                iops: number(volume.iops).filter(|_| has_iops(&volume_type)),
                throughput: number(volume.throughput).filter(|_| has_throughput(&volume_type)),
                volume_type,
                encrypted: volume.encrypted.unwrap_or(false),
                kms_key: volume.kms_key_id,
                tags,
            };
            (it.into(), Attributes::new(), readiness)
        });
    }
    Ok(observed)
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<(String, Tags)>, Error> {
    let volumes = describe(aws, tags::of_identity(identity)).await?;
    let found = volumes.into_iter().find(is_live);
    Ok(found.map(|volume| (volume.volume_id.unwrap_or_default(), tags::from_ec2(volume.tags))))
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &Volume, ids: &Ids) -> Result<Made, Error> {
    let request = aws
        .ec2()
        .create_volume()
        .availability_zone(&it.zone)
        .size(signed(it.size))
        .volume_type(VolumeType::from(it.volume_type.as_str()))
        .set_iops(it.iops.map(signed))
        .set_throughput(it.throughput.map(signed))
        .encrypted(it.encrypted)
        .set_kms_key_id(it.kms_key.clone())
        .client_token(identity.client_token())
        .tag_specifications(tags::specification(ResourceType::Volume, identity, &it.tags));
    match call(aws, Call::token("CreateVolume").with(ids), || request.clone().send()).await {
        Ok(answer) => {
            answer.volume_id.map(Made::new).ok_or(Error::Malformed { operation: "CreateVolume", what: "no id" })
        }
        Err(error) if error.already_exists() => adopt(aws, identity, || find(aws, identity)).await.map(Made::new),
        Err(error) => Err(error),
    }
}

pub(super) async fn update(aws: &Aws, update: Update<'_, Volume>) -> Result<Attributes, Error> {
    let Update { found, before, after, ids, .. } = update;
    let shape = |it: &Volume| (it.size, it.volume_type.clone(), it.iops, it.throughput);
    if shape(before) != shape(after) {
        let request = aws
            .ec2()
            .modify_volume()
            .volume_id(&found.id)
            .size(signed(after.size))
            .volume_type(VolumeType::from(after.volume_type.as_str()))
            .set_iops(after.iops.map(signed))
            .set_throughput(after.throughput.map(signed));
        call(aws, Call::named("ModifyVolume").with(ids), || request.clone().send()).await?;
    }
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

/// Waits for the instance that still has it to go.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &Volume) -> Result<(), Error> {
    let request = aws.ec2().delete_volume().volume_id(&found.id);
    match delete_call(aws, "DeleteVolume", || request.clone().send()).await {
        Err(Error::Call(call)) if call.failure == Failure::Dependency => {
            let volumes = describe(aws, vec![tags::filter("volume-id", &found.id)]).await.unwrap_or_default();
            let holders: Vec<String> = volumes
                .iter()
                .flat_map(aws_sdk_ec2::types::Volume::attachments)
                .filter_map(|attachment| Some(format!("instance {}", attachment.instance_id()?)))
                .collect();
            if holders.is_empty() { Err(Error::Call(call)) } else { Err(Error::Held { call, holders }) }
        }
        outcome => outcome,
    }
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let volumes = describe(aws, vec![tags::any_of("volume-id", ids)]).await?;
    Ok(volumes.into_iter().filter_map(|volume| Some((volume.volume_id.clone()?, state(&volume)))).collect())
}
