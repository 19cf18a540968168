//! Terminations, and the nodes of machines that are gone.

use super::draft::Draft;
use super::look::{Look, is_present};
use crate::roll::action::Action;
use crate::state::roll::Replace;
use crate::state::roll::Termination;

/// How long a machine may still be in service after its termination was asked for, until it is asked for again: Auto
/// Scaling shows it as terminating within seconds, and the run may have been killed in between.
const ASK_AGAIN: u64 = 30;

/// Terminates a machine: first in the record.
pub(super) fn terminate(look: &Look<'_>, draft: &mut Draft<'_>, group: &str, instance: &str, replace: Replace) {
    draft.in_work = true;
    let memory = &mut draft.record.memory;
    memory.terminated.insert(instance.to_owned(), Termination { group: group.to_owned(), replace, at: look.now });
    draft.record.done.replaced += 1;
    draft.act(Action::Terminate { group: group.to_owned(), instance: instance.to_owned(), replace });
}

/// Terminates again what is still in service long after it was asked for.
pub(super) fn again(look: &Look<'_>, draft: &mut Draft<'_>, group: &str) {
    let ids: Vec<(String, Termination)> = draft
        .memory()
        .terminated
        .iter()
        .filter(|(_, it)| it.group == group)
        .map(|(id, it)| (id.clone(), it.clone()))
        .collect();
    for (id, mut termination) in ids {
        let Some((_, machine)) = look.machine(&id) else { continue };
        draft.in_work = true;
        draft.progress = true;
        if is_present(machine) && look.age(termination.at) >= ASK_AGAIN {
            let replace = termination.replace;
            termination.at = look.now;
            draft.record.memory.terminated.insert(id.clone(), termination);
            draft.act(Action::Terminate { group: group.to_owned(), instance: id, replace });
        }
    }
}

/// Deletes the nodes of machines that are gone: a successor of the same name would inherit their identity.
pub(super) fn delete_nodes(look: &Look<'_>, draft: &mut Draft<'_>) {
    let ids: Vec<String> = draft.memory().gone.iter().cloned().collect();
    for id in ids {
        if look.machine(&id).is_some() {
            draft.in_work = true;
            draft.progress = true;
            continue;
        }
        if let Some(node) = look.node(&id) {
            draft.in_work = true;
            draft.act(Action::DeleteNode { node: node.name.clone(), uid: node.uid.clone() });
        }
    }
}
