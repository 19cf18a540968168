//! `windlass certs`: what certificates a cluster has, and what is done about them.

mod gate;
mod rows;

use crate::plan::Plan;
use crate::state::Records;

use super::failure::Stopped;
use crate::exit::Exit;
pub use gate::warnings;

/// # Errors
/// When applying the plan would only make things worse.
pub fn refuse(plan: &Plan, records: &Records, now: jiff::Timestamp) -> anyhow::Result<()> {
    match gate::refusal(plan, records, now) {
        Some(why) => Err(Stopped::new(Exit::Certificate, why).into()),
        None => Ok(()),
    }
}
