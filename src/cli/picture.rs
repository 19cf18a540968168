//! Looking before planning: facts, desired resources, what exists, what was recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{self, Renewal};
use super::session::{Session, show_warnings};
use crate::aws::{self, Caller, Instances, Scope, Wanted, WantedZone, Zones};
use crate::desired::{self, Facts, Image};
use crate::plan::{self, Guards, Inputs, Plan, Protection, Purpose};
use crate::problem::Problems;
use crate::resource::{Address, LaunchTemplate, Observed, Resource};
use crate::spec::Specification;
use crate::state::{JournalLine, Records};

/// Everything that a plan is made from.
pub struct Picture {
    /// Who calls.
    pub caller: Caller,
    /// What should exist; empty for a destroy.
    pub desired: BTreeMap<Address, Resource>,
    /// What exists.
    pub observed: Observed,
    /// What the state branch says.
    pub records: Records,
    /// What was looked for.
    pub scope: Scope,
}

/// Looks at AWS, with what the state branch says: at everything but the machines.
pub async fn look(session: &Session, purpose: Purpose, records: Records) -> anyhow::Result<Picture> {
    look_at(session, purpose, records, Instances::Ignored).await
}

/// Looks at AWS, with what the state branch says; at the machines when somebody asks.
pub async fn look_at(
    session: &Session,
    purpose: Purpose,
    records: Records,
    instances: Instances,
) -> anyhow::Result<Picture> {
    look_renewing(session, purpose, records, instances, &renewal(session)).await
}

/// The certificates whose time has come.
pub fn renewal(session: &Session) -> Renewal {
    let percent = session.specification().cluster.spec.pki.renew_at_percent.get();
    Renewal { at_percent: u8::try_from(percent).unwrap_or(u8::MAX), also: BTreeSet::new() }
}

/// The same, with other certificates issued anew than those whose time has come.
pub async fn look_renewing(
    session: &Session,
    purpose: Purpose,
    records: Records,
    instances: Instances,
    renewal: &Renewal,
) -> anyhow::Result<Picture> {
    let specification = session.specification();
    let wanted = wanted_facts(specification, &records);
    // At the same time, because it all only reads; but a wrong account is said first.
    let (caller, facts) = tokio::join!(session.aws.identity(), aws::facts(&session.aws, &wanted));
    let caller = caller?;
    guards(session, None).identity(&caller.account, session.aws.region())?;
    let keys = keys::desired_keys(&records, renewal, session.aws.certain_date()?);
    let facts = Facts { keys, ..facts? };
    let (wanted, warnings) = match (desired::desired(specification, &facts), purpose) {
        (Ok(desired), _) => desired,
        // A cluster must be destroyable when its image or its zone is gone: the records and the tags are enough.
        (Err(_), Purpose::Destroy) => (BTreeMap::new(), Vec::new()),
        (Err(problems), Purpose::Apply) => return Err(problems.into()),
    };
    show_warnings(session.output, &Problems(warnings));
    let scope = Scope { instances, ..scope(session, &wanted, &records) };
    let observed = aws::discover(&session.aws, &scope).await?;
    let calls = session.aws.calls();
    tracing::info!(calls = calls.total(), deep = calls.depth(), "looked at AWS");
    let desired = match purpose {
        Purpose::Apply => wanted,
        Purpose::Destroy => BTreeMap::new(),
    };
    Ok(Picture { caller, desired, observed, records, scope })
}

/// What the manifests, the records and the journals of dead runs say: what is looked for by name.
fn scope(session: &Session, desired: &BTreeMap<Address, Resource>, records: &Records) -> Scope {
    let mut scope = Scope::new(session.cluster().clone());
    scope.uid = records.cluster.as_ref().map(|cluster| cluster.uid.clone());
    for intent in records.open_journals.values().flatten().filter_map(JournalLine::intent) {
        if let Some(resource) = &intent.resource {
            scope.resources.insert(intent.address.clone(), resource.clone());
        }
    }
    for (address, record) in &records.resources {
        scope.resources.insert(address.clone(), record.applied.clone());
        scope.ids.insert(address.clone(), record.id.clone());
        scope.applied.insert(address.clone(), record.applied.clone());
        scope.attributes.insert(address.clone(), record.attributes.clone());
        if let Some(made) = record.made {
            scope.young.insert(address.clone(), made);
        }
    }
    scope.resources.extend(desired.clone());
    scope.begun = plan::begun(records);
    scope
}

/// The look-ups that the manifests ask for.
fn wanted_facts(specification: &Specification, records: &Records) -> Wanted {
    let spec = &specification.cluster.spec;
    let images = specification.node_groups.iter().map(|group| specification.image(group));
    Wanted {
        zones: zones(specification, records),
        hosted_zone: Some(WantedZone { name: spec.dns.zone.to_string(), private: spec.dns.private }),
        images: images.chain([&spec.control_plane.image]).map(ToString::to_string).collect(),
        known_images: known_images(records),
        network: spec.network.existing_vpc().map(ToString::to_string),
    }
}

/// Zones in which subnets of the cluster stand already need not be asked for, when the manifests name no others.
fn zones(specification: &Specification, records: &Records) -> Zones {
    let recorded = records.resources.values().filter_map(|record| match &record.applied {
        Resource::Subnet(subnet) => Some(subnet.zone.clone()),
        _ => None,
    });
    let recorded: BTreeSet<String> = recorded.collect();
    let subnets = &specification.cluster.spec.network.subnets;
    match subnets.iter().all(|subnet| recorded.contains(subnet.zone.as_str())) {
        true => Zones::Known(recorded),
        false => Zones::Listed,
    }
}

/// The images of the recorded launch templates, with the root device that was looked up when they were made.
fn known_images(records: &Records) -> Vec<Image> {
    let templates = records.resources.values().filter_map(|record| match &record.applied {
        Resource::LaunchTemplate(template) => Some(template),
        _ => None,
    });
    let image = |template: &LaunchTemplate| {
        let root = template.block_devices.first()?;
        Some(Image { id: template.image.clone(), root_device: root.device.clone() })
    };
    templates.filter_map(image).collect()
}

/// The guards of a cluster: those of its manifests and of windlass.yaml, whichever is stricter.
pub fn guards(session: &Session, allow: Option<usize>) -> Guards {
    let spec = &session.specification().cluster.spec;
    let project = session.manifests.project.settings.guards_of(session.cluster());
    let limits = [usize::try_from(spec.protection.max_destroys).ok(), project.max_destroys];
    let protected = spec.protection.deletion || project.deletion_protection == Some(true);
    Guards {
        account: Some(spec.aws.account.to_string()),
        region: Some(spec.aws.region.to_string()),
        protection: if protected { Protection::On } else { Protection::Off },
        limit: limits.into_iter().flatten().min(),
        allow,
    }
}

impl Picture {
    /// The plan that follows from it.
    pub fn plan(&self, session: &Session, purpose: Purpose) -> anyhow::Result<Plan> {
        Ok(plan::plan(&Inputs {
            cluster: session.cluster(),
            account: &self.caller.account,
            region: session.aws.region(),
            uid: self.records.cluster.as_ref().map(|cluster| cluster.uid.as_str()),
            purpose,
            desired: &self.desired,
            observed: &self.observed,
            records: &self.records,
            config: session.config.as_deref(),
        })?)
    }
}
