//! A launch template's data between the wire and [`LaunchTemplate`]. Calls nothing.

use aws_sdk_ec2::types as wire;
use data_encoding::BASE64;

use crate::aws::error::Error;
use crate::aws::identity::{Identity, tag};
use crate::aws::ids::Ids;
use crate::aws::named::{count, whole};
use crate::aws::tags::own;
use crate::desired::{compressed, decompressed};
use crate::resource::{BlockDevice, LaunchNetwork, LaunchTemplate, MetadataOptions, Reference, Tags};

/// What `CreateLaunchTemplate` and `CreateLaunchTemplateVersion` take.
///
/// # Errors
/// A reference that has no id yet.
pub(super) fn encode(
    template: &LaunchTemplate,
    identity: &Identity,
    ids: &Ids,
) -> Result<wire::RequestLaunchTemplateData, Error> {
    let profile = wire::LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
        .name(ids.id(&template.instance_profile)?)
        .build();
    let tokens = match template.metadata_options.tokens_required {
        true => wire::LaunchTemplateHttpTokensState::Required,
        false => wire::LaunchTemplateHttpTokensState::Optional,
    };
    let metadata = wire::LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(wire::LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(tokens)
        .http_put_response_hop_limit(whole(template.metadata_options.hop_limit))
        .build();
    let monitoring = wire::LaunchTemplatesMonitoringRequest::builder().enabled(template.detailed_monitoring).build();
    Ok(wire::RequestLaunchTemplateData::builder()
        .image_id(&template.image)
        .set_instance_type(template.machine_type.as_deref().map(wire::InstanceType::from))
        .iam_instance_profile(profile)
        .network_interfaces(encode_network(&template.network, ids)?)
        .set_block_device_mappings(Some(template.block_devices.iter().map(encode_disk).collect()))
        .metadata_options(metadata)
        .monitoring(monitoring)
        .user_data(BASE64.encode(&compressed(&template.user_data)))
        .tag_specifications(encode_tags(wire::ResourceType::Instance, &template.instance_tags, identity))
        .tag_specifications(encode_tags(wire::ResourceType::Volume, &template.volume_tags, identity))
        .build())
}

fn encode_network(
    network: &LaunchNetwork,
    ids: &Ids,
) -> Result<wire::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, Error> {
    let builder = wire::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder().device_index(0);
    Ok(match network {
        LaunchNetwork::Interface(interface) => builder.network_interface_id(ids.id(interface)?).build(),
        LaunchNetwork::New { security_groups, public_address } => {
            let groups = security_groups.iter().map(|group| ids.id(group)).collect::<Result<Vec<_>, _>>()?;
            builder
                .set_groups(Some(groups))
                .associate_public_ip_address(*public_address)
                .delete_on_termination(true)
                .build()
        }
    })
}

fn encode_disk(disk: &BlockDevice) -> wire::LaunchTemplateBlockDeviceMappingRequest {
    let volume = wire::LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_size(whole(disk.size))
        .volume_type(wire::VolumeType::from(disk.volume_type.as_str()))
        .set_iops(disk.iops.map(whole))
        .set_throughput(disk.throughput.map(whole))
        .encrypted(disk.encrypted)
        .set_kms_key_id(disk.kms_key.clone())
        .delete_on_termination(true)
        .build();
    wire::LaunchTemplateBlockDeviceMappingRequest::builder().device_name(&disk.device).ebs(volume).build()
}

/// Launched things carry the cluster's name and id, but no address: they are Auto Scaling's, not ours to adopt.
fn encode_tags(
    resource_type: wire::ResourceType,
    tags: &Tags,
    identity: &Identity,
) -> wire::LaunchTemplateTagSpecificationRequest {
    let mut all = tags.clone();
    all.insert(tag::CLUSTER.to_owned(), identity.cluster.to_string());
    all.insert(tag::UID.to_owned(), identity.uid.clone());
    let tags = all.into_iter().map(|(key, value)| wire::Tag::builder().key(key).value(value).build());
    wire::LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(resource_type)
        .set_tags(Some(tags.collect()))
        .build()
}

/// Reads a template and its default version. What a version does not say has the default of RunInstances (EC2 API
/// reference): monitoring off, metadata tokens optional, hop limit 1.
pub(in crate::aws) fn decode(name: String, tags: Tags, data: &wire::ResponseLaunchTemplateData) -> LaunchTemplate {
    LaunchTemplate {
        name,
        image: data.image_id().unwrap_or_default().to_owned(),
        machine_type: data.instance_type().map(|machine| machine.as_str().to_owned()),
        instance_profile: Reference::Id(decode_profile(data)),
        network: decode_network(data),
        block_devices: data.block_device_mappings().iter().filter_map(decode_disk).collect(),
        metadata_options: decode_metadata(data.metadata_options()),
        user_data: data.user_data().map(decode_user_data).unwrap_or_default(),
        detailed_monitoring: data.monitoring().and_then(wire::LaunchTemplatesMonitoring::enabled).unwrap_or(false),
        instance_tags: decode_tags(data, &wire::ResourceType::Instance),
        volume_tags: decode_tags(data, &wire::ResourceType::Volume),
        tags,
    }
}

/// The profile's name, which is its id, also where somebody wrote its ARN (`…:instance-profile/path/name`).
fn decode_profile(data: &wire::ResponseLaunchTemplateData) -> String {
    let Some(profile) = data.iam_instance_profile() else { return String::new() };
    let of_arn = || profile.arn().and_then(|arn| arn.rsplit('/').next());
    profile.name().or_else(of_arn).unwrap_or_default().to_owned()
}

fn decode_network(data: &wire::ResponseLaunchTemplateData) -> LaunchNetwork {
    let first = data.network_interfaces().iter().find(|interface| interface.device_index().unwrap_or(0) == 0);
    if let Some(id) = first.and_then(|interface| interface.network_interface_id()) {
        return LaunchNetwork::Interface(Reference::Id(id.to_owned()));
    }
    let groups = first.map_or(data.security_group_ids(), |interface| interface.groups());
    let mut security_groups: Vec<Reference> = groups.iter().cloned().map(Reference::Id).collect();
    security_groups.sort();
    let public_address = first.and_then(|interface| interface.associate_public_ip_address()).unwrap_or(false);
    LaunchNetwork::New { security_groups, public_address }
}

fn decode_disk(mapping: &wire::LaunchTemplateBlockDeviceMapping) -> Option<BlockDevice> {
    let volume = mapping.ebs()?;
    Some(BlockDevice {
        device: mapping.device_name().unwrap_or_default().to_owned(),
        size: count(volume.volume_size()),
        volume_type: volume.volume_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        iops: volume.iops().map(|iops| count(Some(iops))),
        throughput: volume.throughput().map(|throughput| count(Some(throughput))),
        encrypted: volume.encrypted().unwrap_or(false),
        kms_key: volume.kms_key_id().map(str::to_owned),
    })
}

fn decode_metadata(options: Option<&wire::LaunchTemplateInstanceMetadataOptions>) -> MetadataOptions {
    let tokens = options.and_then(wire::LaunchTemplateInstanceMetadataOptions::http_tokens);
    let hops = options.and_then(wire::LaunchTemplateInstanceMetadataOptions::http_put_response_hop_limit);
    MetadataOptions {
        tokens_required: tokens == Some(&wire::LaunchTemplateHttpTokensState::Required),
        hop_limit: hops.map_or(1, |hops| count(Some(hops))),
    }
}

/// The text, unpacked. What is no base64 or no UTF-8 is shown as it came: it differs from whatever is wanted.
fn decode_user_data(encoded: &str) -> String {
    let bytes = BASE64.decode(encoded.as_bytes()).ok();
    bytes.and_then(|bytes| decompressed(&bytes)).unwrap_or_else(|| encoded.to_owned())
}

fn decode_tags(data: &wire::ResponseLaunchTemplateData, resource_type: &wire::ResourceType) -> Tags {
    let specifications = data.tag_specifications().iter().filter(|it| it.resource_type() == Some(resource_type));
    let pairs = specifications.flat_map(|specification| specification.tags());
    let tags = pairs.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
    own(&tags.collect())
}
