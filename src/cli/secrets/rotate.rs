//! `windlass secrets rotate`: seals everything for the recipients that windlass.yaml has now, and says what that does
//! not undo.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::failure::Stopped;
use crate::cli::keys::{self, Forge};
use crate::cli::options::{Global, LockOptions, Which};
use crate::cli::run;
use crate::cli::session::Session;
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::state::{KeyChange, Records, SealedKey};
use crate::ui::output::Output;
use crate::ui::prompt;

/// Seal all secrets anew for the recipients in windlass.yaml, after somebody came or went.
///
/// Whoever was a recipient may have read the keys, and git keeps the old ciphertext for ever: what must be replaced
/// besides is listed, with the command for each.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Show what would be done, and stop.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    lock: LockOptions,
}

impl Arguments {
    /// Looks, asks, seals, says what is left to do.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if !self.yes && !self.dry_run && !prompt::somebody_is_there() {
            return Err(prompt::NobodyToAsk.into());
        }
        let session = Session::open(global, output, &self.which.cluster, std::num::NonZeroUsize::MIN).await?;
        let wanted = session.age.recipients()?.names();
        session.age.can_open(&session.age.recipients()?)?;
        let records = session.store.read().await?;
        let stale = stale(&records, &wanted);
        if stale.is_empty() {
            output.message("every secret is sealed for the recipients of windlass.yaml");
            return Ok(Exit::Done);
        }
        let (gone, come) = moved(&records, &stale, &wanted);
        for (recipients, verb) in
            [(&come, "may open them from now on"), (&gone, "may no longer open what is sealed from now on")]
        {
            for recipient in recipients {
                output.message(&format!("{recipient} {verb}"));
            }
        }
        if self.dry_run {
            output.message(&format!("{} secrets would be sealed anew", stale.len()));
            return Ok(Exit::Done);
        }
        if !self.yes && !prompt::confirm(&format!("Seal {} secrets anew?", stale.len()), "yes")? {
            return Err(Stopped::new(Exit::Refused, "not confirmed: nothing was changed").into());
        }
        let sealed = run::recorded(&session, "secrets rotate", self.lock, async |lease| {
            let change = again(&session, lease.records(), &wanted, lease.run())?;
            let count = change.sealed.len();
            lease.stage_keys(change)?;
            Ok(count)
        })
        .await?;
        output.message(&format!("sealed anew: {sealed}"));
        if !gone.is_empty() {
            output.message(&besides(session.cluster(), &stale));
        }
        Ok(Exit::Done)
    }
}

/// Secrets that are sealed for others than are wanted.
fn stale(records: &Records, wanted: &[String]) -> Vec<String> {
    let sealed = records.keys.sealed.iter().filter(|(_, recipients)| recipients.as_slice() != wanted);
    sealed.map(|(name, _)| name.clone()).collect()
}

/// Recipients that go, and that come.
fn moved(records: &Records, stale: &[String], wanted: &[String]) -> (BTreeSet<String>, BTreeSet<String>) {
    let had: BTreeSet<String> =
        stale.iter().filter_map(|name| records.keys.sealed.get(name)).flatten().cloned().collect();
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    (had.difference(&wanted).cloned().collect(), wanted.difference(&had).cloned().collect())
}

fn again(session: &Session, records: &Records, wanted: &[String], run: &str) -> anyhow::Result<KeyChange> {
    let forge = Forge::new(session, run)?;
    let mut change = KeyChange::default();
    for name in stale(records, wanted) {
        let secret = keys::open_secret(&session.age, records, &name)?;
        change.sealed.push(forge.seal(&name, &secret)?);
    }
    Ok(change)
}

/// What a new seal does not undo.
fn besides(cluster: &ClusterName, names: &[String]) -> String {
    let mut lines = vec![String::from(
        "The recipients that went may have read these keys, and git keeps the old ciphertext. Replace the keys themselves:",
    )];
    let mut commands: BTreeSet<String> = BTreeSet::new();
    for name in names {
        let command = match name.parse() {
            Ok(SealedKey::Authority(authority, _)) => {
                format!("windlass certs rotate-ca {cluster} --authority {authority}")
            }
            Ok(SealedKey::ServiceAccount(_)) => format!("windlass certs rotate-ca {cluster} --service-account"),
            Ok(SealedKey::Encryption(_)) => format!("windlass certs rotate-ca {cluster} --encryption"),
            Err(_) => continue,
        };
        commands.insert(command);
    }
    lines.extend(commands.into_iter().map(|command| format!("  {command}")));
    lines.join("\n")
}
