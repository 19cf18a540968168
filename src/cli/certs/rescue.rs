//! `windlass certs rescue`: a cluster whose certificates have expired, brought back without its API.

use clap::Args;

use super::refresh;
use super::renew::parameters;
use super::rows::rows;
use crate::cli::keys::{Forge, Made};
use crate::cli::options::{Global, RunOptions, Which};
use crate::cli::picture::renewal;
use crate::cli::run;
use crate::cli::session::Session;
use crate::cli::work::Step;
use crate::exit::Exit;
use crate::pki::{AuthorityName, KeyPhase, Standing};
use crate::state::{CertificateRole, KeyChange, Records, SealedKey};
use crate::ui::output::Output;

/// Bring back a cluster whose certificates have expired: issue them anew, publish them, and have each member install them
/// through Systems Manager. Needs no API server.
///
/// An authority that has expired is replaced at once, because nothing can be signed with it; nodes then have to be
/// replaced too. The plan is shown first.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    options: RunOptions,
}

impl Arguments {
    /// Looks at what has expired, plans, shows, asks, issues, refreshes.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        run::needs_somebody_to_ask(&self.options, "certs rescue")?;
        let session = Session::open(global, output, &self.which.cluster, self.options.parallelism).await?;
        let records = session.store.read().await?;
        let now = session.clock.now();
        let pki = &session.specification().cluster.spec.pki;
        let mut expired = rows(session.cluster(), &records, pki, now);
        expired.retain(|row| row.standing == Standing::Expired);
        for row in &expired {
            let when = row.ends.not_after.strftime("%F");
            output
                .message(&format!("expired on {when}: {} of the {} authority, {}", row.name, row.authority, row.place));
        }
        let step = replaced(&session, &records)?;
        if step.is_some() {
            output.message(
                "warning: an authority has expired and is replaced at once. Members come back; nodes trust only the old \
                 one and must be replaced afterwards (docs/runbooks/expired-cluster.md)",
            );
        } else if expired.is_empty() {
            output.message("nothing has expired; what is due is issued, and members fetch what is published");
        }
        let exit = parameters(&session, &self.options, "certs rescue", records, renewal(&session), step).await?;
        if exit != Exit::Done || self.options.dry_run {
            return Ok(exit);
        }
        refresh::members(&session, self.options.lock()).await
    }
}

/// New authorities in the place of those that have expired; `None`: none has.
fn replaced(session: &Session, records: &Records) -> anyhow::Result<Option<Step>> {
    let now = session.clock.now();
    let mut change = KeyChange::default();
    let mut made = Made::new();
    for name in AuthorityName::ALL {
        let Some(issuing) = records.issuing(name).filter(|record| now > record.not_after) else { continue };
        let highest = records.authorities(name).map(|(record, _)| record.revision).max().unwrap_or(0);
        let key = SealedKey::Authority(name, highest + 1);
        let (new, secret) = Forge::new(session, "rescue")?.make(&[key].into(), KeyPhase::Issuing)?;
        change.certificates.extend(new.certificates);
        change.sealed.extend(new.sealed);
        made.extend(secret);
        // What has expired opens no door: whoever trusts it gains nothing, and nothing else may be under way.
        for (record, phase) in records.authorities(name) {
            if record.serial == issuing.serial || phase != KeyPhase::Dropped {
                let mut record = record.clone();
                record.role = CertificateRole::Authority { phase: KeyPhase::Dropped };
                change.removed.push(SealedKey::Authority(name, record.revision).to_string());
                change.certificates.push(record);
            }
        }
    }
    change.removed.retain(|name| records.secrets.contains_key(name));
    Ok((!made.is_empty()).then(|| Step { decided_on: records.clone(), change, made }))
}
