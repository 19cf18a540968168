//! The check before a run: may the caller do all that is planned? Nothing is begun that would stop half-way for want of a
//! permission.

use std::collections::BTreeSet;

use super::failure::Stopped;
use super::session::{Manifests, Session};
use crate::aws::permission::acts::{self, Act};
use crate::aws::permission::policy::Policy;
use crate::aws::permission::{Backup, Checked, Permission, SWEPT, Territory, check, permissions};
use crate::desired::partition;
use crate::exit::Exit;
use crate::plan::{self, Plan, Purpose};

/// What the plan asks for, with what a destroy sweeps.
pub fn of_plan(plan: &Plan) -> BTreeSet<Permission> {
    let mut names = BTreeSet::new();
    for operation in plan.waves.iter().flatten() {
        let act = match operation.act {
            plan::Act::Create { .. } => Act::Create,
            plan::Act::Update { .. } => Act::Update,
            plan::Act::Delete { .. } | plan::Act::Discard { .. } => Act::Delete,
            plan::Act::Adopt { .. } | plan::Act::Forget => continue,
        };
        names.extend(acts::of(operation.address.kind(), act));
    }
    if plan.purpose == Purpose::Destroy {
        names.extend(acts::SWEEP);
    }
    let mut all = permissions(names);
    if plan.purpose == Purpose::Destroy {
        all.extend(SWEPT);
    }
    all
}

/// Refuses work that IAM would stop half-way, with everything that is missing.
///
/// # Errors
/// Exit 15 when something is missing; that of a call.
pub async fn refuse(session: &Session, needed: &BTreeSet<Permission>, policy: Policy) -> anyhow::Result<()> {
    let caller = session.aws.identity().await?;
    match check(&session.aws, &territory(&session.manifests), needed).await? {
        Checked::Allowed => Ok(()),
        Checked::Unknown(why) => {
            session.output.message(&format!("warning: permissions are not checked before the run: {why}"));
            Ok(())
        }
        Checked::Missing(missing) => {
            // The one of the policies with all of it; what is for everybody counts last.
            let allows = |it: &Policy| {
                let permissions = it.permissions();
                missing.iter().all(|missing| permissions.iter().any(|other| other.action == missing.action))
            };
            let policy = [policy, Policy::Destroy, Policy::Plan].into_iter().find(allows).unwrap_or(policy);
            let lines: Vec<String> = missing.iter().map(|it| format!("  {it}")).collect();
            let message = format!(
                "{} may not do all of this; nothing was changed. Missing:\n{}\n  hint: docs/reference/iam/{}.json \
                 allows what it takes; where IAM's simulator is mistaken, --skip-permission-check goes on without it",
                caller.arn,
                lines.join("\n"),
                policy.name()
            );
            Err(Stopped::new(Exit::Provider, message).into())
        }
    }
}

/// What the cluster's policies are about. The account is the manifests': with another one nothing is done.
pub fn territory(manifests: &Manifests) -> Territory {
    let specification = &manifests.specification;
    let spec = &specification.cluster.spec;
    let cluster = manifests.cluster.to_string();
    let declared = spec.dns.records.iter().map(|record| record.name.clone());
    let weighted = spec.dns.traffic.iter().flat_map(|traffic| traffic.names.iter().cloned());
    let below = format!(".{cluster}");
    let groups = specification.node_groups.iter().map(|group| specification.image(group));
    let images = groups.chain([&spec.control_plane.image]).map(ToString::to_string);
    Territory {
        partition: partition(spec.aws.region.as_str()).to_owned(),
        account: spec.aws.account.to_string(),
        region: spec.aws.region.to_string(),
        records: declared.chain(weighted).filter(|name| !name.ends_with(&below)).collect(),
        image_parameters: images
            .filter_map(|image| image.strip_prefix("ssm:").map(str::to_owned))
            .filter(|name| !name.starts_with("/aws/service/"))
            .collect(),
        backup: spec
            .backup
            .as_ref()
            .map(|backup| Backup { bucket: backup.bucket.clone(), folder: backup.folder(&cluster).to_owned() }),
        cluster,
    }
}
