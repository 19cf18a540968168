//! What the launch templates of members and nodes have in common: metadata service, disks.

use super::facts::Image;
use crate::resource::{BlockDevice, MetadataOptions};
use crate::spec::Volume;

/// IMDSv2 only, and not beyond the instance: a pod without host network cannot take the node's role.
pub(super) const METADATA: MetadataOptions = MetadataOptions { tokens_required: true, hop_limit: 1 };

/// The root disk.
pub(super) fn root(image: &Image, volume: &Volume) -> BlockDevice {
    BlockDevice {
        device: image.root_device.clone(),
        size: volume.size,
        volume_type: volume.volume_type.as_str().to_owned(),
        iops: volume.iops,
        throughput: volume.throughput,
        encrypted: true,
        kms_key: volume.kms_key.clone(),
    }
}
