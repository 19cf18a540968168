//! The next step of a roll, out of what is seen and what is remembered. Pure: it never asks, waits or acts, and the same
//! view, policy and record always give the same decision.

mod capacity;
mod draft;
mod drain;
mod ending;
mod gates;
mod look;
mod members;
mod stop;
mod surge;
mod terminate;
mod workers;

use jiff::Timestamp;

pub use gates::baseline;
pub use stop::Stop;

use super::action::Action;
use super::policy::Policy;
use crate::health::View;
use crate::state::roll::{Record, State};
use draft::Draft;
use look::Look;

/// Annotation of a node that a roll has cordoned: the roll's id.
pub const ROLL_ANNOTATION: &str = "windlass.dev/roll";
/// Annotation of a node that a roll has cordoned: when, RFC 3339.
pub const CORDONED_AT_ANNOTATION: &str = "windlass.dev/cordoned-at";
/// Annotation by which the cluster-autoscaler leaves a node alone (its FAQ, "How can I prevent Cluster Autoscaler from
/// scaling down a particular node?").
pub const PROTECT_ANNOTATION: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// To be done in this order. Each may be repeated; the rest may be dropped after one that fails.
    pub actions: Vec<Action>,
    /// To be stored before the first action is done.
    pub record: Record,
    /// What it waits for.
    pub waiting: Vec<Waiting>,
    /// Whether the next look needs [`View::control_plane`].
    pub needs_control_plane: bool,
    /// Whether it goes on.
    pub outcome: Outcome,
}

/// Something that a roll waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The node or the group.
    pub about: String,
    /// What for.
    pub what: String,
    /// The group, where it is about one or about a node of one.
    pub group: Option<String>,
    /// Since when, where known.
    pub since: Option<Timestamp>,
}

/// Whether a roll goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on: look again after the actions.
    Going,
    /// Everything is new, and everything that was changed for the roll is back.
    Done,
    /// Somebody paused it, and nothing is in work any more.
    Paused,
    /// Somebody aborted it, and everything that was changed for the roll is back.
    Aborted,
    /// It cannot go on by itself.
    Stopped(Stop),
}

/// Decides the next step.
#[must_use]
pub fn decide(view: &View, policy: &Policy, record: &Record) -> Decision {
    let look = Look::at(view, policy, record);
    let mut draft = Draft::new(record.clone());
    if let Some(why) = &view.unreachable {
        return gates::unreachable(&look, draft, why);
    }
    draft.follow(&look);
    let gates = gates::judge(&look, &mut draft);
    if matches!(record.state, State::Running) && !record.memory.stopping {
        surge::suspend(&look, &mut draft);
    }
    capacity::watch(&look, &mut draft);
    let members_done = members::decide(&look, &mut draft, gates.are_open_for_members(&look));
    let open = members_done && matches!(record.state, State::Running);
    for group in look.worker_groups(&draft) {
        workers::decide(&look, &mut draft, group, open && gates.are_open(group));
    }
    capacity::raise(&look, &mut draft, gates.red.is_empty());
    drain::evict(&look, &mut draft);
    terminate::delete_nodes(&look, &mut draft);
    ending::end(&look, draft, &gates)
}
