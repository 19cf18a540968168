//! `windlass state recover --from-aws`: shows what AWS knows of a cluster whose records are lost, asks, writes it down.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::rebuild::{Rebuilt, rebuild};
use crate::cli::failure::Stopped;
use crate::cli::keys::Forge;
use crate::cli::options::{Global, LockOptions};
use crate::cli::run;
use crate::cli::session::{FEW_CALLS, Session};
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::pki::AuthorityName;
use crate::state::{Intent, IntentKind, Lease, Outcome, Records, SealedKey};
use crate::ui::output::Output;
use crate::ui::prompt;

/// How it is done.
pub struct Options {
    /// Do not ask.
    pub yes: bool,
    /// Show only.
    pub dry_run: bool,
    /// How the lock is taken.
    pub lock: LockOptions,
}

/// Looks, shows, asks, writes.
pub async fn recover(
    global: &Global,
    output: Output,
    cluster: &ClusterName,
    options: &Options,
) -> anyhow::Result<Exit> {
    if !options.yes && !options.dry_run && !prompt::somebody_is_there() {
        return Err(prompt::NobodyToAsk.into());
    }
    let session = Session::open(global, output, cluster, FEW_CALLS).await?;
    let records = session.store.read().await?;
    let rebuilt = rebuild(&session, &records, "recover").await?;
    show(&session, &records, &rebuilt)?;
    if is_empty(&records, &rebuilt) {
        output.message("the records have everything that AWS knows of");
        return Ok(Exit::Done);
    }
    if options.dry_run {
        return Ok(Exit::Done);
    }
    // Before anybody is asked: what cannot be sealed would be lost once more.
    let forge = (!rebuilt.keys.secrets.is_empty()).then(|| Forge::new(&session, "recover")).transpose()?;
    if !options.yes && !prompt::confirm(&format!("Write this down as the state of {cluster}?"), "yes")? {
        return Err(Stopped::new(Exit::Refused, "not confirmed: nothing was changed").into());
    }
    run::recorded(&session, "recover", options.lock, async |lease| {
        write(&session, lease, &records, &rebuilt, forge.as_ref()).await
    })
    .await?;
    output.message(&format!("written down; what is left to do in AWS: windlass plan {cluster}"));
    Ok(Exit::Done)
}

fn is_empty(records: &Records, rebuilt: &Rebuilt) -> bool {
    records.cluster.is_some() && rebuilt.resources.is_empty() && rebuilt.keys.change == Default::default()
}

async fn write(
    session: &Session,
    lease: &mut Lease,
    seen: &Records,
    rebuilt: &Rebuilt,
    forge: Option<&Forge<'_>>,
) -> anyhow::Result<()> {
    let now = lease.records();
    if (&now.cluster, &now.resources, &now.keys) != (&seen.cluster, &seen.resources, &seen.keys) {
        let message = "somebody else has written to the state meanwhile; nothing was changed\n  hint: run it again";
        return Err(Stopped::new(Exit::StalePlan, message).into());
    }
    if seen.cluster.is_none() {
        lease.stage_cluster(rebuilt.cluster.clone())?;
    }
    let mut change = rebuilt.keys.change.clone();
    if let Some(forge) = forge {
        for (key, secret) in &rebuilt.keys.secrets {
            change.sealed.push(forge.seal(&key.to_string(), secret)?);
        }
    }
    lease.stage_keys(change)?;
    lease.stage_manifests(&run::manifests(session))?;
    let at = session.clock.now();
    let run = lease.run().to_owned();
    let intents = rebuilt.resources.iter().map(|record| Intent {
        address: record.address.clone(),
        operation: IntentKind::Adopt,
        generation: record.generation,
        token: None,
        id: Some(record.id.clone()),
        resource: Some(record.applied.clone()),
        at,
    });
    lease.write("what AWS knows", intents.collect(), Vec::new()).await?;
    let outcomes = rebuilt.resources.iter().map(|record| {
        let mut record = record.clone();
        record.run.clone_from(&run);
        Outcome { address: record.address.clone(), record: Some(record), at }
    });
    lease.write("its records", Vec::new(), outcomes.collect()).await?;
    Ok(())
}

/// On stdout: what would be written, what is lost for good, and what follows from that.
fn show(session: &Session, records: &Records, rebuilt: &Rebuilt) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    if records.cluster.is_none() {
        let it = &rebuilt.cluster;
        lines.push(format!("cluster {}: uid {}, account {}, region {}", it.name, it.uid, it.account, it.region));
    }
    let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
    for record in &rebuilt.resources {
        *kinds.entry(record.address.kind()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if !kinds.is_empty() {
        lines.push(format!("objects: {}", kinds.join(", ")));
    }
    let secrets: Vec<String> = rebuilt.keys.secrets.keys().map(ToString::to_string).collect();
    if !secrets.is_empty() {
        lines.push(format!("keys, from the parameters that the nodes read, sealed anew: {}", secrets.join(", ")));
    }
    lines.extend(lost(session, rebuilt));
    if records.cluster.is_none() {
        lines.push(String::from(
            "not to be had from AWS: the story of earlier runs, and the generations of objects that were deleted",
        ));
    }
    session.output.data(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

/// Keys that nobody has any more: until when that does not matter, and the way out.
fn lost(session: &Session, rebuilt: &Rebuilt) -> Vec<String> {
    let lost = rebuilt.keys.change.lost.iter().filter_map(|name| name.parse::<SealedKey>().ok());
    lost.map(|key| {
        let (until, argument) = match key {
            SealedKey::Authority(name, _) => (earliest_end(rebuilt, name), format!("--authority {name}")),
            SealedKey::ServiceAccount(_) => (None, String::from("--service-account")),
            SealedKey::Encryption(_) => (None, String::from("--encryption")),
        };
        let until = until.map(|end| format!(" until {}", end.strftime("%F"))).unwrap_or_default();
        format!(
            "lost for good: the key {key}. What it signed is good{until}; nothing new can be signed with it.\n  the way out: \
             windlass certs rotate-ca {} {argument}, which needs no old key",
            session.cluster()
        )
    })
    .collect()
}

/// When the first of an authority's certificates ends.
fn earliest_end(rebuilt: &Rebuilt, name: AuthorityName) -> Option<Timestamp> {
    let leafs = rebuilt.resources.iter().filter_map(crate::apply::certificate_record);
    leafs.filter(|record| record.authority == name).map(|record| record.not_after).min()
}
