//! Whether what was launched also works, as its load balancer sees it.

use std::collections::BTreeMap;

use super::failure::Stopped;
use super::picture::Picture;
use super::session::Session;
use crate::aws;
use crate::exit::Exit;
use crate::resource::Resource;

/// Targets that get no traffic: address of the target group and instance → AWS' word for why. An empty target group is
/// one, too: nothing answers behind it.
///
/// # Errors
/// That of the call.
pub async fn unhealthy(session: &Session, picture: &Picture) -> anyhow::Result<BTreeMap<String, String>> {
    let mut unhealthy = BTreeMap::new();
    for found in &picture.observed.found {
        let Resource::TargetGroup(_) = &found.resource else { continue };
        let targets = aws::target_health(&session.aws, &found.id).await?;
        if targets.is_empty() {
            unhealthy.insert(found.address.to_string(), String::from("no instance is registered"));
        }
        let bad = targets.into_iter().filter(|(_, target)| !target.healthy);
        unhealthy.extend(bad.map(|(instance, target)| (format!("{} {instance}", found.address), target.state)));
    }
    Ok(unhealthy)
}

/// Refuses to call a cluster done whose members do not answer, although there is nothing to change.
///
/// # Errors
/// With exit code 15, naming each.
pub async fn expect(session: &Session, picture: &Picture) -> anyhow::Result<()> {
    let unhealthy = unhealthy(session, picture).await?;
    if unhealthy.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = unhealthy.iter().map(|(target, state)| format!("  {target}: {state}")).collect();
    let message = format!(
        "nothing to change, but the API of {} is not whole:\n{}\n  hint: when a machine is just being replaced, look again in \
         some minutes: windlass status {}; else its console output, or the journal of windlass-bootstrap on it, says why",
        session.cluster(),
        lines.join("\n"),
        session.cluster()
    );
    Err(Stopped::new(Exit::Provider, message).into())
}
