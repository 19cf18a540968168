//! Disks: what EBS takes (EC2 API reference, CreateVolume).

use super::super::read::{Document, Step, steps};
use super::super::{Volume, VolumeType};
use super::Rules;

/// A node's image, container images and logs need at least that, in GiB.
const SMALLEST_ROOT: u32 = 20;

pub(super) fn check(rules: &mut Rules<'_>) {
    let volumes = &rules.spec().control_plane.volumes;
    let document = rules.document();
    volume(rules, document, &steps!["spec", "controlPlane", "volumes", "root"], &volumes.root, SMALLEST_ROOT);
    volume(rules, document, &steps!["spec", "controlPlane", "volumes", "etcd"], &volumes.etcd, 1);
    for group in rules.groups {
        let path = steps!["spec", "rootVolume"];
        volume(rules, &group.document, &path, &group.manifest.spec.root_volume, SMALLEST_ROOT);
    }
}

fn volume(rules: &mut Rules<'_>, document: &Document, path: &[Step], volume: &Volume, smallest: u32) {
    let kind = volume.volume_type.as_str();
    let mut wrong = |field: &str, message: String| {
        let path: Vec<Step> = path.iter().cloned().chain([Step::from(field)]).collect();
        let finding = rules.error(message).at(document, &path, "");
        rules.push(finding);
    };
    let (largest, operations, throughputs) = match volume.volume_type {
        VolumeType::Gp3 => (65_536, Some(3_000..=80_000), Some(125..=2_000)),
        VolumeType::Gp2 => (16_384, None, None),
        VolumeType::Io1 => (16_384, Some(100..=64_000), None),
        VolumeType::Io2 => (65_536, Some(100..=256_000), None),
    };
    if !(smallest..=largest).contains(&volume.size) {
        let size = volume.size;
        wrong("size", format!("{size} GiB is not possible for this disk: {smallest} to {largest} for {kind}"));
    }
    match (volume.iops, operations) {
        (Some(_), None) => wrong("iops", format!("a {kind} volume takes no iops")),
        (Some(iops), Some(range)) if !range.contains(&iops) => {
            let (least, most) = (range.start(), range.end());
            wrong("iops", format!("{iops} iops are not possible: {least} to {most} for {kind}"));
        }
        (None, Some(_)) if matches!(volume.volume_type, VolumeType::Io1 | VolumeType::Io2) => {
            wrong("type", format!("a {kind} volume needs iops"));
        }
        _ => {}
    }
    match (volume.throughput, throughputs) {
        (Some(_), None) => wrong("throughput", format!("a {kind} volume takes no throughput")),
        (Some(throughput), Some(range)) if !range.contains(&throughput) => {
            wrong("throughput", format!("{throughput} MiB/s are not possible: 125 to 2000 for {kind}"));
        }
        _ => {}
    }
}
