//! Has the members fetch what was published, at once: through Systems Manager, which needs no API server.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::aws::{self, Instances, Script};
use crate::cli::failure::Stopped;
use crate::cli::options::LockOptions;
use crate::cli::picture::look_at;
use crate::cli::run;
use crate::cli::session::Session;
use crate::exit::Exit;
use crate::plan::Purpose;
use crate::resource::Resource;

/// What the timer on a member runs twice an hour (`windlass-refresh.service`).
const REFRESH: &str = "/usr/local/lib/windlass/refresh.sh";

/// A refresh fetches a dozen parameters and restarts what must be: seconds; etcd may wait for the other members.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs the refresh on each member, one after the other: whatever must restart restarts on one of them at a time.
///
/// # Errors
/// With exit code 15, naming the members on which it failed.
pub async fn members(session: &Session, lock: LockOptions) -> anyhow::Result<Exit> {
    let records = session.store.read().await?;
    let picture = look_at(session, Purpose::Destroy, records, Instances::Listed).await?;
    let mut instances: BTreeMap<String, String> = BTreeMap::new();
    for found in &picture.observed.found {
        let Resource::AutoScalingGroup(group) = &found.resource else { continue };
        let Some(member) = found.address.name().strip_prefix("control-plane-") else { continue };
        let own = picture.observed.instances.iter().filter(|instance| instance.group == group.name);
        instances.extend(own.map(|instance| (member.to_owned(), instance.id.clone())));
    }
    let failed = run::recorded(session, "certs refresh", lock, async |lease| {
        run::fence(session, lease);
        let mut failed = Vec::new();
        for (member, instance) in &instances {
            let script = Script {
                instances: vec![instance.clone()],
                lines: vec![REFRESH.to_owned()],
                timeout: LIMIT,
                comment: format!("windlass certs refresh of member {member}"),
            };
            let runs = match lease.beating(aws::run_command(&session.aws, &script)).await? {
                Ok(runs) => runs,
                Err(error) => {
                    failed.push(format!("  member {member} ({instance}): {error}"));
                    continue;
                }
            };
            for run in runs.values() {
                if run.succeeded() {
                    session.output.message(&format!("member {member} ({instance}) is refreshed"));
                } else {
                    failed.push(format!("  member {member} ({instance}): {}", run.complaint()));
                }
            }
        }
        Ok(failed)
    })
    .await?;
    if failed.is_empty() {
        return Ok(Exit::Done);
    }
    let message = format!(
        "the certificates are published, but not every member fetched them:\n{}\n  hint: look at journalctl -u \
         windlass-refresh on the member; it tries again within half an hour",
        failed.join("\n")
    );
    Err(Stopped::new(Exit::Provider, message).into())
}
