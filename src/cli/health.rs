//! Whether what was launched also works, as its load balancer sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::failure::Stopped;
use super::picture::Picture;
use super::session::Session;
use crate::aws;
use crate::exit::Exit;
use crate::resource::Resource;

/// What is said of a target group that has none.
const EMPTY: &str = "no instance is registered";

/// Whether that is how a member begins (Elastic Load Balancing, "Target health status").
fn comes_up(state: &str) -> bool {
    state == EMPTY || state.starts_with("initial")
}

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
            unhealthy.insert(found.address.to_string(), EMPTY.to_owned());
        }
        let bad = targets.into_iter().filter(|(_, target)| !target.healthy);
        unhealthy.extend(bad.map(|(instance, target)| (format!("{} {instance}", found.address), target.state)));
    }
    Ok(unhealthy)
}

/// How long members may take to come up: a machine boots and joins within three or four minutes.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How often they are looked at meanwhile.
const INTERVAL: Duration = Duration::from_secs(10);

/// Refuses to call a cluster done whose members do not answer, although there is nothing to change. Those that are just
/// coming up are waited for: an earlier run may have ended before it had.
///
/// # Errors
/// With exit code 15, naming each.
pub async fn expect(session: &Session, picture: &Picture) -> anyhow::Result<()> {
    let began = session.clock.since_boot();
    let mut told = false;
    let unhealthy = loop {
        let unhealthy = unhealthy(session, picture).await?;
        if unhealthy.is_empty() {
            return Ok(());
        }
        let waited = session.clock.since_boot().saturating_sub(began);
        if waited >= PATIENCE || !unhealthy.values().all(|state| comes_up(state)) {
            break unhealthy;
        }
        if !std::mem::replace(&mut told, true) {
            session.output.message(&format!("waiting for members that come up: {}", unhealthy.len()));
        }
        session.clock.sleep(INTERVAL).await;
    };
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
