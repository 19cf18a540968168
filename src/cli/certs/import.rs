//! `windlass certs import`: the authorities of a cluster that kops or kubeadm made, before windlass makes its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::cli::failure::Stopped;
use crate::cli::keys::{Forge, authority_record};
use crate::cli::options::{Global, LockOptions, Which};
use crate::cli::run;
use crate::cli::session::{FEW_CALLS, Session};
use crate::exit::Exit;
use crate::file;
use crate::pki::import::{self, Files, Imported};
use crate::pki::{AuthorityName, KeyPhase};
use crate::secret::Secret;
use crate::state::{KeyChange, PublicKeyRecord, Records, SealedKey};
use crate::ui::output::Output;
use crate::ui::prompt;

/// Take over the authorities and the service-account key of an existing cluster, from a folder of kops or kubeadm.
///
/// Only before the first apply: a cluster does not change whom it trusts by accident. What the folder does not have is
/// made new by the apply. The folder is read and not changed.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The cluster's folder of a kops state store, or a copy of /etc/kubernetes/pki.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    lock: LockOptions,
}

impl Arguments {
    /// Reads, shows, asks, seals.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if !self.yes && !prompt::somebody_is_there() {
            return Err(prompt::NobodyToAsk.into());
        }
        let session = Session::open(global, output, &self.which.cluster, FEW_CALLS).await?;
        let mut files = Files::new();
        collect(&self.from, &self.from, &mut files)?;
        let imported = import::read(&files)
            .map_err(|error| Stopped::new(Exit::Config, error.to_string().replace("\nhint:", "\n  hint:")))?;
        refuse_existing(&session, &session.store.read().await?)?;
        for (name, authority) in &imported.authorities {
            let certificate = authority.certificate();
            let (subject, end) = (&certificate.subject, certificate.ends.not_after);
            output.message(&format!("{name} authority: {subject}, valid until {end}"));
        }
        for missing in imported.missing() {
            output.message(&format!("{missing}: not in the folder; the first apply makes a new one"));
        }
        let question = format!("Take these over from {} for {}?", imported.layout, session.cluster());
        if !self.yes && !prompt::confirm(&question, "yes")? {
            return Err(Stopped::new(Exit::Refused, "not confirmed: nothing was taken over").into());
        }
        run::recorded(&session, "certs import", self.lock, async |lease| {
            refuse_existing(&session, lease.records())?;
            let change = change(&session, &imported, lease.run())?;
            Ok(lease.stage_keys(change)?)
        })
        .await?;
        let cluster = session.cluster();
        output.message(&format!(
            "sealed on the state branch; remove the plain copy when windlass apply {cluster} is done"
        ));
        Ok(Exit::Done)
    }
}

fn refuse_existing(session: &Session, records: &Records) -> anyhow::Result<()> {
    if records.cluster.is_none() && records.certificates.is_empty() {
        return Ok(());
    }
    let cluster = session.cluster();
    let message = format!(
        "{cluster} has authorities of its own already\n  hint: windlass certs rotate-ca {cluster} changes them without an \
         interruption"
    );
    Err(Stopped::new(Exit::Refused, message).into())
}

fn change(session: &Session, imported: &Imported, run: &str) -> anyhow::Result<KeyChange> {
    let forge = Forge::new(session, run)?;
    let mut change = KeyChange::default();
    for name in AuthorityName::ALL {
        let Some(authority) = imported.authorities.get(&name) else { continue };
        let also = imported.also_trusted.get(&name).map(|also| (also, KeyPhase::Retiring));
        for (revision, (it, phase)) in (1..).zip(also.into_iter().chain([(authority, KeyPhase::Issuing)])) {
            change.certificates.push(authority_record((name, revision), phase, it.certificate(), run));
            change.sealed.push(forge.seal(&SealedKey::Authority(name, revision).to_string(), &it.key_pem())?);
        }
    }
    let former = imported.former_service_account.as_ref().map(|key| (key, KeyPhase::Retiring));
    let keys = former.into_iter().chain(imported.service_account.as_ref().map(|key| (key, KeyPhase::Issuing)));
    for (revision, (key, phase)) in (1..).zip(keys) {
        change.service_account.insert(revision, PublicKeyRecord { phase, pem: key.public_pem() });
        change.sealed.push(forge.seal(&SealedKey::ServiceAccount(revision).to_string(), &key.private_pem())?);
    }
    Ok(change)
}

/// All files beneath a folder, links left out.
fn collect(root: &Path, folder: &Path, files: &mut Files) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let path = entry.path();
        let metadata = entry.metadata().with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            collect(root, &path, files)?;
        } else if metadata.is_file() && metadata.len() <= file::LARGEST {
            let content =
                file::read(&path, file::LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, Secret::new(content));
        }
    }
    Ok(())
}
