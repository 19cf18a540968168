//! `windlass certs rotate-ca`: a new authority (or token key, or encryption key) without a moment of distrust, one
//! recorded step at a time.

use std::collections::BTreeMap;

use clap::Args;

use super::renew::parameters;
use super::reports;
use super::situation::{Target, situation};
use crate::cli::failure::Stopped;
use crate::cli::keys::{Forge, Made};
use crate::cli::options::{Global, RunOptions, Which};
use crate::cli::picture::renewal;
use crate::cli::run;
use crate::cli::session::Session;
use crate::cli::work::Step as Work;
use crate::exit::Exit;
use crate::pki::rotation::{Missing, Position, Stage, Step, after, decide};
use crate::pki::status::MemberStatus;
use crate::pki::{AuthorityName, KeyPhase};
use crate::state::{CertificateRole, KeyChange, PublicKeyRecord, Records, SealedKey};
use crate::ui::output::Output;

/// Replace an authority, the service-account key or the encryption key, one step at a time.
///
/// Run it again for each step: prepare (everybody trusts both), switch (the new one signs, everything is issued anew),
/// drop (only the new one is trusted). A step is refused, with what is missing, until the members report that the one
/// before has arrived. Until the drop, --abort takes the last step back. There is no saved progress: it reads the
/// records and the reports each time.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The authority: cluster, etcd or front-proxy.
    #[arg(long, value_name = "NAME")]
    authority: Option<AuthorityName>,
    /// The key that signs service-account tokens, instead.
    #[arg(long, conflicts_with = "authority")]
    service_account: bool,
    /// The key that encrypts etcd's content, instead.
    #[arg(long, conflicts_with_all = ["authority", "service_account"])]
    encryption: bool,
    /// Say where it is and what the next step waits for.
    #[arg(long)]
    status: bool,
    /// Take the last step back.
    #[arg(long, conflicts_with = "status")]
    abort: bool,
    /// For the last step: you have made sure that nothing lives from the old key where windlass cannot see it.
    #[arg(long)]
    verified: bool,
    #[command(flatten)]
    options: RunOptions,
}

impl Arguments {
    /// Reads, decides, does one step.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let target = self.target()?;
        if !self.status {
            run::needs_somebody_to_ask(&self.options, "certs rotate-ca")?;
        }
        let session = Session::open(global, output, &self.which.cluster, self.options.parallelism).await?;
        let records = session.store.read().await?;
        let reports = reports::reports(&session).await?;
        let position = self.position(&session, target, &records, &reports)?;
        if self.status {
            output.data(&describe(target, &position))?;
            return Ok(Exit::Done);
        }
        let unfinished = |missing: &Missing| matches!(missing, Missing::Published | Missing::Signed { .. });
        if !self.abort && position.missing.iter().any(unfinished) {
            output.message("the last step is not published to its end: that comes first");
            return parameters(&session, &self.options, "certs rotate-ca", records, renewal(&session), None).await;
        }
        let step = self.step(&session, target, &position)?;
        output.message(&format!("{target}: {step}"));
        let work = work(&session, target, &records, step)?;
        let exit =
            parameters(&session, &self.options, "certs rotate-ca", records, renewal(&session), Some(work)).await?;
        if exit == Exit::Done && !self.options.dry_run {
            output.message(&next(&session, target, step));
        }
        Ok(exit)
    }

    fn target(&self) -> anyhow::Result<Target> {
        match (self.authority, self.service_account, self.encryption) {
            (Some(name), ..) => Ok(Target::Authority(name)),
            (None, true, _) => Ok(Target::ServiceAccount),
            (None, false, true) => Ok(Target::Encryption),
            (None, false, false) => {
                let message =
                    "which one?\n  hint: --authority cluster|etcd|front-proxy, --service-account or --encryption";
                Err(Stopped::new(Exit::Config, message).into())
            }
        }
    }

    fn position(
        &self,
        session: &Session,
        target: Target,
        records: &Records,
        reports: &BTreeMap<String, MemberStatus>,
    ) -> anyhow::Result<Position> {
        let mut situation = situation(session, target, records, reports)?;
        if self.verified {
            situation.holders.clear();
        }
        Ok(decide(&situation)?)
    }

    fn step(&self, session: &Session, target: Target, position: &Position) -> anyhow::Result<Step> {
        if self.abort {
            return position.back.ok_or_else(|| {
                let message = format!("{target}: no rotation is under way, so there is nothing to take back");
                Stopped::new(Exit::Refused, message).into()
            });
        }
        if position.is_ready() {
            return Ok(position.next);
        }
        let mut message = format!("{target}: {} has to wait:", position.next);
        for missing in &position.missing {
            message.push_str(&format!("\n  {missing}"));
        }
        let arguments = target.arguments();
        message.push_str(&format!(
            "\n  hint: look again later: windlass certs rotate-ca {} {arguments} --status; members refresh twice an hour",
            session.cluster()
        ));
        if matches!(position.next, Step::Drop { .. }) && position.missing.iter().any(is_holder) {
            message.push_str("; add --verified when nothing of that is left (runbook: docs/runbooks/ca-rotation.md)");
        }
        Err(Stopped::new(Exit::Refused, message).into())
    }
}

const fn is_holder(missing: &Missing) -> bool {
    matches!(missing, Missing::Holder { .. })
}

/// The change of the keys that a step is.
fn work(session: &Session, target: Target, records: &Records, step: Step) -> anyhow::Result<Work> {
    let mut change = KeyChange::default();
    let mut made = Made::new();
    if let Step::Prepare { new } = step {
        let forge = Forge::new(session, "rotation")?;
        (change, made) = forge.make(&[target.key(new)].into(), KeyPhase::Prepared)?;
    } else {
        let phases = after(step, &target.revisions(records)?)?;
        for (revision, phase) in phases {
            set(&mut change, target, records, revision, phase);
        }
    }
    Ok(Work { decided_on: records.clone(), change, made })
}

/// Writes a phase down where it is another one than is recorded.
fn set(change: &mut KeyChange, target: Target, records: &Records, revision: u32, phase: KeyPhase) {
    let before = match target {
        Target::Authority(name) => {
            let Some((record, before)) = records.authorities(name).find(|(record, _)| record.revision == revision)
            else {
                return;
            };
            if before != phase {
                let mut record = record.clone();
                record.role = CertificateRole::Authority { phase };
                change.certificates.push(record);
            }
            before
        }
        Target::ServiceAccount => {
            let Some(key) = records.keys.service_account.get(&revision) else { return };
            if key.phase != phase {
                change.service_account.insert(revision, PublicKeyRecord { phase, pem: key.pem.clone() });
            }
            key.phase
        }
        Target::Encryption => {
            let Some(before) = records.keys.encryption.get(&revision) else { return };
            if *before != phase {
                change.encryption.insert(revision, phase);
            }
            *before
        }
    };
    let name = target.key(revision).to_string();
    let known = records.secrets.contains_key(&name) || records.keys.lost.contains(&name);
    if before != phase && phase == KeyPhase::Dropped && known {
        change.removed.push(name);
    }
}

fn describe(target: Target, position: &Position) -> String {
    let stage = match position.stage {
        Stage::Steady => String::from("no rotation is under way"),
        Stage::Trusting { new } => {
            format!("prepared: revision {new} is to be trusted everywhere, and signs nothing yet")
        }
        Stage::Replacing { old } => format!("switched: the new revision signs, revision {old} is still trusted"),
    };
    let mut text = format!("{target}: {stage}\n");
    text.push_str(&format!("next: {}{}\n", position.next, if position.is_ready() { "" } else { ", which waits for:" }));
    for missing in &position.missing {
        text.push_str(&format!("  {missing}\n"));
    }
    if let Some(back) = position.back {
        text.push_str(&format!("back: {back} (--abort)\n"));
    }
    text
}

/// What comes after a step.
fn next(session: &Session, target: Target, step: Step) -> String {
    let again = format!("windlass certs rotate-ca {} {}", session.cluster(), target.arguments());
    match step {
        Step::Prepare { .. } => {
            format!(
                "members trust both within half an hour; then switch: {again} (--status says when, --abort goes back)"
            )
        }
        Step::Switch { .. } => {
            format!(
                "members install what is new within half an hour; then drop the old one: {again} (--abort goes back)"
            )
        }
        Step::Drop { .. } => String::from("the old key is dropped: the rotation is complete"),
        Step::Withdraw { .. } => String::from("the preparation is taken back"),
        Step::Return { .. } => format!("the old key signs again; drop the other one when it is out of use: {again}"),
    }
}

/// The sealed key of a revision.
impl Target {
    const fn key(self, revision: u32) -> SealedKey {
        match self {
            Self::Authority(name) => SealedKey::Authority(name, revision),
            Self::ServiceAccount => SealedKey::ServiceAccount(revision),
            Self::Encryption => SealedKey::Encryption(revision),
        }
    }

    fn arguments(self) -> String {
        match self {
            Self::Authority(name) => format!("--authority {name}"),
            Self::ServiceAccount => String::from("--service-account"),
            Self::Encryption => String::from("--encryption"),
        }
    }
}
