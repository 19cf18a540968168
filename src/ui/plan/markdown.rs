//! A plan for a pull request: what is lost stands open, everything else folds.

use std::fmt::Write as _;

use similar::ChangeTag;

use super::{SECTIONS, heading, sign, summary, title, value};
use crate::plan::{Action, Change, FieldChange, Plan};

/// Characters of all details together: GitHub refuses comments of more than 65,536 characters (REST API, "Create an
/// issue comment").
const LIMIT: usize = 60_000;

/// Shows a plan as Markdown (GitHub's and GitLab's, with `<details>`).
#[must_use]
pub fn markdown(plan: &Plan) -> String {
    let mut page = format!("### windlass: {}\n\n**{}**\n", title(plan), summary(plan));
    if !plan.drift.is_empty() {
        let _ = writeln!(page, "\n**Drift**: somebody changed AWS since the last apply\n");
        for drift in &plan.drift {
            let what = if drift.vanished { String::from("vanished") } else { fields_of(drift) };
            let _ = writeln!(page, "- `{}`: {what}", drift.address);
        }
    }
    for action in SECTIONS {
        let changes: Vec<&Change> = plan.changes.iter().filter(|change| change.action == action).collect();
        if changes.is_empty() {
            continue;
        }
        let open = if matches!(action, Action::Delete | Action::Replace) { " open" } else { "" };
        let _ = writeln!(page, "\n<details{open}><summary>{}: {}</summary>\n", heading(action), changes.len());
        for change in changes {
            section(&mut page, change);
        }
        page.push_str("\n</details>\n");
    }
    if !plan.rolls.is_empty() {
        let _ = writeln!(page, "\n**Machines to replace** with `windlass roll {}`\n", plan.cluster);
        for roll in &plan.rolls {
            let _ = writeln!(page, "- {roll}");
        }
    }
    add_ons(&mut page, plan);
    if plan.is_empty() {
        page.push_str("\nNothing to do: AWS and the cluster are as the manifests say.\n");
    }
    page
}

fn section(page: &mut String, change: &Change) {
    let reason = change.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let _ = writeln!(page, "- `{} {}`{reason}", sign(change.action), change.address);
    if change.action == Action::Create || change.fields.is_empty() {
        return;
    }
    fields(page, &change.fields);
}

/// Objects in the cluster: what is new is counted, what changes and goes is shown.
fn add_ons(page: &mut String, plan: &Plan) {
    if plan.add_ons.is_empty() {
        return;
    }
    let [create, update, delete] = plan.add_ons.counts();
    let _ = writeln!(page, "\n**Add-ons**: {create} objects to create, {update} to change, {delete} to delete\n");
    for change in plan.add_ons.changes.iter().filter(|change| change.action != Action::Create) {
        let note = if change.is_drift() { " (changed by hand)" } else { "" };
        let _ = writeln!(page, "- `{} {}`: {}{note}", sign(change.action), change.add_on, change.object);
        if !change.fields.is_empty() {
            fields(page, &change.fields);
        }
    }
    for unhealthy in &plan.add_ons.unhealthy {
        let _ = writeln!(page, "- not healthy: {unhealthy}");
    }
    if let Some(why) = &plan.add_ons.unasked {
        let _ = writeln!(page, "\nCompared with what was applied last: {why}");
    }
}

fn fields(page: &mut String, fields: &[FieldChange]) {
    if page.len() > LIMIT {
        let _ = writeln!(page, "  {} fields, left out: the plan is too long for a comment", fields.len());
        return;
    }
    let mut diff = String::new();
    for field in fields {
        let (before, after) = (field.before.as_ref(), field.after.as_ref());
        let note = if field.forces_replacement { "  # forces replacement" } else { "" };
        let path = &field.path;
        if value::is_long(before, after) {
            let _ = writeln!(diff, "  {path}:{note}");
            for line in value::line_diff(before, after) {
                let line = line.map_or_else(
                    || String::from("    ⋮"),
                    |line| {
                        let mark = match line.tag {
                            ChangeTag::Equal => ' ',
                            ChangeTag::Delete => '-',
                            ChangeTag::Insert => '+',
                        };
                        format!("{mark}   {}", line.text)
                    },
                );
                let _ = writeln!(diff, "{}", line.trim_end());
            }
        } else {
            if before.is_some() {
                let _ = writeln!(diff, "- {path}: {}{note}", value::inline(before));
            }
            if after.is_some() {
                let _ = writeln!(diff, "+ {path}: {}{note}", value::inline(after));
            }
        }
    }
    // A fence longer than any in the text, so that user data cannot end it.
    let longest = diff.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    let _ = writeln!(page, "  {fence}diff");
    for line in diff.lines() {
        let _ = writeln!(page, "  {line}");
    }
    let _ = writeln!(page, "  {fence}");
}

/// Text as code, whatever stands in it: a span that is longer than any in the text, and no line end.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // Text that begins or ends with a backtick needs room; the renderer takes one space away again.
    let room = if longest > 0 { " " } else { "" };
    format!("{fence}{room}{}{room}{fence}", text.replace(['\n', '\r'], " "))
}

fn fields_of(drift: &crate::plan::Drift) -> String {
    let field = |field: &crate::plan::DriftedField| {
        let (was, is) = (value::brief(field.applied.as_ref()), value::brief(field.observed.as_ref()));
        format!("{} was {}, is {}", code(&field.path), code(&was), code(&is))
    };
    drift.fields.iter().map(field).collect::<Vec<_>>().join("; ")
}
