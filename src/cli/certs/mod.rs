//! `windlass certs`: what certificates a cluster has, and what is done about them.

mod gate;
mod rows;

use super::failure::Stopped;
use super::session::Session;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::state::Records;
pub use gate::{refusal, warnings};

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
