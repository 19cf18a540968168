//! `windlass certs`: what certificates a cluster has, and what is done about them.

mod check;
mod gate;
mod import;
mod list;
mod refresh;
mod renew;
mod reports;
mod rescue;
mod rotate;
mod rows;
mod situation;

use clap::{Args, Subcommand};

use super::failure::Stopped;
use super::options::Global;
use super::session::Session;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::state::Records;
use crate::ui::certificates::{Row, Seen};
use crate::ui::output::Output;
pub use gate::{refusal, warnings};

/// Look after the certificates of a cluster: list, check, renew, rotate, rescue, import.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Check(check::Arguments),
    Renew(renew::Arguments),
    RotateCa(rotate::Arguments),
    Rescue(rescue::Arguments),
    Import(import::Arguments),
}

impl Arguments {
    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::List(list) => list.run(global, output).await,
            Command::Check(check) => check.run(global, output).await,
            Command::Renew(renew) => renew.run(global, output).await,
            Command::RotateCa(rotate) => rotate.run(global, output).await,
            Command::Rescue(rescue) => rescue.run(global, output).await,
            Command::Import(import) => import.run(global, output).await,
        }
    }
}

/// What is other than recorded, in words.
fn mismatch(row: &Row) -> String {
    let what = format!("{} of the {} authority, {}", row.name, row.authority, row.place);
    let seen = |who: &str, seen: &Seen| match seen {
        Seen::Other { serial, .. } => Some(format!("{who} {serial}")),
        Seen::Missing => Some(format!("{who} none")),
        Seen::NotAsked | Seen::Same | Seen::Unreachable(_) => None,
    };
    let used = [seen("the member has installed", &row.reported), seen("the endpoint shows", &row.live)];
    let used: Vec<String> = used.into_iter().flatten().collect();
    if used.is_empty() {
        return format!("{what}: ends on {}, which is not what was asked for", row.ends.not_after);
    }
    format!("{what}: recorded is {}, {}", row.serial, used.join(", "))
}

/// Lines of warnings before a plan; `certs list` has all of them.
const SHOWN: usize = 5;

/// Refuses a plan that would only make things worse.
///
/// # Errors
/// With the exit code of certificates, and the command that helps.
pub fn refuse(session: &Session, plan: &Plan, records: &Records) -> anyhow::Result<()> {
    match refusal(plan, records, session.clock.now()) {
        Some(why) => Err(Stopped::new(Exit::Certificate, why).into()),
        None => Ok(()),
    }
}

/// Says which certificates end soon.
pub fn warn(session: &Session, records: &Records) {
    let pki = &session.specification().cluster.spec.pki;
    let warnings = warnings(session.cluster(), records, pki, session.clock.now());
    for warning in warnings.iter().take(SHOWN) {
        session.output.message(&format!("warning: {warning}"));
    }
    if warnings.len() > SHOWN {
        let more = warnings.len() - SHOWN;
        session.output.message(&format!("warning: {more} more: windlass certs list {}", session.cluster()));
    }
}
