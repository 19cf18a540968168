//! Claims and persistent volumes: bound when the volume is there, held while a pod uses them, deleted as their class says.
//!
//! Imitated: the controllers of claims and of their protection, and the provisioner beside the EBS driver. Not imitated:
//! other provisioners, volumes that somebody made by hand, growing, snapshots.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::super::world::World;
use super::super::super::objects::{Key, Objects};
use super::super::index::Index;
use super::super::kubelet::jitter;
use super::super::{events, later, note, owners};
use super::volumes::{self, DRIVER, Wanted};
use super::{Hand, RETRY};

const CLAIM: &str = "kubernetes.io/pvc-protection";
const VOLUME: &str = "kubernetes.io/pv-protection";
const PROVISIONED: &str = "external-provisioner.volume.kubernetes.io/finalizer";
/// Annotation of claims: the node of the pod that waits for it.
pub const SELECTED: &str = "volume.kubernetes.io/selected-node";

pub fn step(world: &mut World, driver: Option<&Hand<'_>>, objects: &mut Objects, index: &Index) -> Option<Timestamp> {
    let now = world.now;
    let claims: Vec<(Key, Value)> =
        index.of("persistentvolumeclaims").map(|(key, it)| (key.clone(), it.clone())).collect();
    let mut next = Vec::new();
    for (key, claim) in &claims {
        if !claim["metadata"]["deletionTimestamp"].is_null() {
            if index.users(&key.namespace, &key.name).next().is_none() {
                owners::let_go(objects, key, CLAIM);
            }
        } else if claim["status"]["phase"] != "Bound" {
            next.extend(provision(world, driver, objects, index, (key, claim)));
        }
    }
    let released: Vec<(Key, Value)> =
        index.of("persistentvolumes").map(|(key, it)| (key.clone(), it.clone())).collect();
    for (key, volume) in &released {
        next.extend(release(world, driver, objects, (key, volume)));
    }
    next.into_iter().filter(|at| *at > now).min()
}

/// Makes the volume of a claim, and binds it.
fn provision(
    world: &mut World,
    driver: Option<&Hand<'_>>,
    objects: &mut Objects,
    index: &Index,
    (key, claim): (&Key, &Value),
) -> Option<Timestamp> {
    let now = world.now;
    let subject = ("PersistentVolumeClaim", key);
    let by = ("persistentvolume-controller", now);
    let class = claim["spec"]["storageClassName"].as_str().filter(|it| !it.is_empty())?;
    let class =
        index.of("storageclasses.storage.k8s.io").find(|(key, _)| key.name == class).map(|(_, it)| it.clone())?;
    if class["provisioner"] != DRIVER {
        return None;
    }
    let node = claim["metadata"]["annotations"][SELECTED].as_str();
    if class["volumeBindingMode"] == "WaitForFirstConsumer" && node.is_none() {
        let message = "waiting for first consumer to be created before binding";
        events::tell(objects, subject, ("Normal", "WaitForFirstConsumer"), message, by);
        return None;
    }
    let Some(hand) = driver else {
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{DRIVER}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly \
             registered."
        );
        events::tell(objects, subject, ("Normal", "ExternalProvisioning"), &message, by);
        return None;
    };
    let zone = match node {
        Some(node) => index.nodes.get(node)?.labels.get("topology.kubernetes.io/zone")?.clone(),
        None => any_zone(index, claim)?,
    };
    let name = format!("pvc-{}", claim["metadata"]["uid"].as_str().unwrap_or_default());
    let asked = claim["spec"]["resources"]["requests"]["storage"].as_str().unwrap_or("1Gi");
    let size = crate::kubernetes::bytes(asked).unwrap_or(1).div_ceil(1 << 30).max(1);
    if volumes::find(world, &name).is_none() {
        let parameters = &class["parameters"];
        let wanted = Wanted { name: &name, claim: key, zone: &zone, size, parameters };
        if let Err(why) = volumes::make(world, hand, objects, &wanted) {
            let message = format!("failed to provision volume with StorageClass {}: {why}", class["metadata"]["name"]);
            events::tell(objects, subject, ("Warning", "ProvisioningFailed"), &message, (DRIVER, now));
            return Some(later(now, RETRY));
        }
    }
    let volume = volumes::find(world, &name)?;
    let ready = volume.available_at;
    if now < ready {
        return Some(super::super::whole(ready));
    }
    let bound = persistent((key, claim), (&class, size), &volume.id, &zone);
    let volume = Key::new("persistentvolumes", "", &name);
    if objects.get(&volume).is_none() {
        objects.create(&volume, bound, now);
    }
    bind(objects, (key, claim), &name, size, now);
    let message = format!("Successfully provisioned volume {name}");
    events::tell(objects, subject, ("Normal", "ProvisioningSucceeded"), &message, (DRIVER, now));
    None
}

fn any_zone(index: &Index, claim: &Value) -> Option<String> {
    let zones: std::collections::BTreeSet<&String> =
        index.nodes.values().filter_map(|it| it.labels.get("topology.kubernetes.io/zone")).collect();
    let last = i64::try_from(zones.len()).ok()? - 1;
    let place = jitter(claim["metadata"]["uid"].as_str().unwrap_or_default(), 8, (0, last.max(0)));
    zones.into_iter().nth(usize::try_from(place).ok()?).cloned()
}

/// The PersistentVolume of a claim.
fn persistent((key, claim): (&Key, &Value), (class, size): (&Value, u64), handle: &str, zone: &str) -> Value {
    let file_system = class["parameters"]["csi.storage.k8s.io/fstype"].as_str().unwrap_or("ext4");
    json!({
        "metadata": {
            "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER},
            "finalizers": [VOLUME, PROVISIONED],
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "capacity": {"storage": format!("{size}Gi")},
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"], "storageClassName": claim["spec"]["storageClassName"],
            "volumeMode": "Filesystem",
            "csi": {"driver": DRIVER, "volumeHandle": handle, "fsType": file_system},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": key.namespace,
                "name": key.name, "uid": claim["metadata"]["uid"]},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}]}]}},
        },
        "status": {"phase": "Bound"},
    })
}

fn bind(objects: &mut Objects, (key, claim): (&Key, &Value), name: &str, size: u64, now: Timestamp) {
    let modes = claim["spec"]["accessModes"].clone();
    note::as_manager(objects, key, ("kube-controller-manager", ""), now, |claim| {
        claim["spec"]["volumeName"] = json!(name);
        claim["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = json!("yes");
        claim["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = json!("yes");
        claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] = json!(DRIVER);
    });
    note::as_manager(objects, key, ("kube-controller-manager", "status"), now, |claim| {
        claim["status"] = json!({"phase": "Bound", "accessModes": modes, "capacity": {"storage": format!("{size}Gi")}});
    });
}

/// What becomes of a volume whose claim is gone.
fn release(
    world: &mut World,
    driver: Option<&Hand<'_>>,
    objects: &mut Objects,
    (key, volume): (&Key, &Value),
) -> Option<Timestamp> {
    let now = world.now;
    let reference = &volume["spec"]["claimRef"];
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let claim = objects.get(&Key::new("persistentvolumeclaims", text("namespace"), text("name")));
    if reference.is_null() || claim.is_some_and(|it| it["metadata"]["uid"] == reference["uid"]) {
        return None;
    }
    objects.update(key, |volume| volume["status"]["phase"] = json!("Released"));
    if volume["spec"]["csi"]["driver"] != DRIVER || volume["spec"]["persistentVolumeReclaimPolicy"] != "Delete" {
        if !volume["metadata"]["deletionTimestamp"].is_null() {
            owners::let_go(objects, key, VOLUME);
            owners::let_go(objects, key, PROVISIONED);
        }
        return None;
    }
    let hand = driver?;
    let id = volume["spec"]["csi"]["volumeHandle"].as_str().unwrap_or_default().to_owned();
    if world.ec2.volumes.get(&id).is_some_and(|it| it.attachment.is_some()) {
        // It is detached first.
        return Some(later(now, 2));
    }
    match volumes::delete(world, hand, &id) {
        Ok(()) => {
            objects.remove(key);
            None
        }
        Err(why) => {
            let subject = ("PersistentVolume", key);
            events::tell(objects, subject, ("Warning", "VolumeFailedDelete"), &why, (DRIVER, now));
            Some(later(now, RETRY))
        }
    }
}
