//! What changes inside the cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;

use super::{Page, color, sign};
use crate::plan::{Action, AddOnChange, AddOns};
use crate::ui::plan::Detail;

/// The actions, in the order in which they matter.
const ACTIONS: [Action; 3] = [Action::Delete, Action::Update, Action::Create];

impl Page {
    /// Deletes first; what is new is counted by add-on, what changes is shown by field.
    pub(super) fn add_ons(&mut self, add_ons: &AddOns) {
        if add_ons.is_empty() {
            return;
        }
        self.text.push('\n');
        self.line(Style::new().bold(), &heading(add_ons));
        for action in ACTIONS {
            let changes = add_ons.changes.iter().filter(|change| change.action == action);
            if action == Action::Create && self.view.detail == Detail::Summary {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                changes.for_each(|change| *counts.entry(&change.add_on).or_default() += 1);
                for (add_on, count) in counts {
                    let objects = if count == 1 { "object" } else { "objects" };
                    let mark = self.paint(color(action), &format!("{:>3} {add_on}", sign(action)));
                    let _ = writeln!(self.text, "{mark}: {count} {objects}");
                }
            } else {
                changes.for_each(|change| self.add_on(change));
            }
        }
        for unhealthy in &add_ons.unhealthy {
            let _ = writeln!(self.text, "  … {unhealthy}");
        }
        if let Some(why) = &add_ons.unasked {
            let _ = writeln!(self.text, "    compared with what was applied last: {why}");
        }
    }

    fn add_on(&mut self, change: &AddOnChange) {
        let mark = self.paint(color(change.action), &format!("{:>3} {}", sign(change.action), change.add_on));
        let note =
            if change.is_drift() { self.paint(Style::new().dimmed(), "  # changed by hand") } else { String::new() };
        let _ = writeln!(self.text, "{mark}: {}{note}", change.object);
        for field in &change.fields {
            self.field(field, change.action);
        }
        for conflict in &change.conflicts {
            let _ = writeln!(self.text, "      ! {conflict} has set it: apply refuses without --force-conflicts");
        }
    }
}

/// `Add-ons: 12 objects to create, 1 to change, 0 to delete`.
fn heading(add_ons: &AddOns) -> String {
    let [create, update, delete] = add_ons.counts();
    format!("Add-ons: {create} objects to create, {update} to change, {delete} to delete")
}
