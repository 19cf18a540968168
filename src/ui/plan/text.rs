//! A plan for people: destroys first, drift apart, the counts in the last line. The width does not depend on the
//! terminal, so that a log reads like a screen.

mod add_ons;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use similar::ChangeTag;

use super::{Detail, SECTIONS, View, heading, sign, summary, title, value};
use crate::plan::{Action, Cause, Change, Drift, FieldChange, Plan};
use crate::resource::Kind;

/// Columns.
const WIDTH: usize = 100;
/// Fields of a change in a summary; more are counted.
const FIELDS: usize = 8;

/// Shows a plan.
#[must_use]
pub fn text(plan: &Plan, view: View) -> String {
    let mut page = Page { text: String::new(), view };
    page.line(Style::new().bold(), &title(plan));
    for action in SECTIONS {
        let changes: Vec<&Change> = plan.changes.iter().filter(|change| change.action == action).collect();
        if !changes.is_empty() {
            page.section(action, &changes);
        }
    }
    if !plan.drift.is_empty() {
        page.drift(&plan.drift);
    }
    if !plan.rolls.is_empty() {
        page.rolls(plan);
    }
    page.add_ons(&plan.add_ons);
    if plan.is_empty() {
        page.text.push_str("\nNothing to do: AWS and the cluster are as the manifests say.\n");
    }
    page.text.push('\n');
    page.line(Style::new().bold(), &summary(plan));
    page.text
}

/// Shows what somebody changed by hand, and nothing else of a plan.
#[must_use]
pub fn drift(plan: &Plan, view: View) -> String {
    let mut page = Page { text: String::new(), view };
    page.line(Style::new().bold(), &format!("drift of {} in {}, account {}", plan.cluster, plan.region, plan.account));
    if !plan.drift.is_empty() {
        page.drift(&plan.drift);
    }
    page.add_ons(&plan.add_ons);
    if plan.drift.is_empty() && plan.add_ons.is_empty() {
        page.text.push_str("\nNo drift: nobody has changed anything since the last apply.\n");
        if let Some(why) = &plan.add_ons.unasked {
            let _ = writeln!(page.text, "The cluster itself was not asked: {why}");
        }
    }
    page.text
}

struct Page {
    text: String,
    view: View,
}

impl Page {
    fn line(&mut self, style: Style, line: &str) {
        let painted = self.paint(style, line);
        self.text.push_str(&painted);
        self.text.push('\n');
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.view.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn section(&mut self, action: Action, changes: &[&Change]) {
        self.text.push('\n');
        self.line(Style::new().bold(), heading(action));
        // What needs no explanation is listed by kind, all in a few lines.
        let by_kind = self.view.detail == Detail::Summary && !matches!(action, Action::Update | Action::Replace);
        let (plain, single): (Vec<&Change>, Vec<&Change>) =
            changes.iter().partition(|change| by_kind && (change.reason.is_none() || is_quiet(action)));
        for change in single {
            self.change(change);
        }
        let mut kinds: BTreeMap<Kind, Vec<&str>> = BTreeMap::new();
        for change in plain {
            kinds.entry(change.address.kind()).or_default().push(change.address.name());
        }
        for (kind, names) in kinds {
            self.kind(action, kind, &names);
        }
    }

    /// `+ subnet  private-a, private-b`, wrapped.
    fn kind(&mut self, action: Action, kind: Kind, names: &[&str]) {
        // The longest word of a kind.
        const COLUMN: usize = 20;
        let mark = self.paint(color(action), &format!("{:>3} {kind:<COLUMN$}", sign(action)));
        let room = WIDTH - COLUMN - 6;
        let names = folded(names).join(", ");
        // Names are never cut: they are there to be copied.
        let options = textwrap::Options::new(room)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for (index, line) in textwrap::wrap(&names, options).iter().enumerate() {
            if index == 0 {
                let _ = writeln!(self.text, "{mark}  {line}");
            } else {
                let _ = writeln!(self.text, "{:indent$}{line}", "", indent = COLUMN + 6);
            }
        }
    }

    fn change(&mut self, change: &Change) {
        let mark = self.paint(color(change.action), &format!("{:>3} {}", sign(change.action), change.address));
        let reason = change.reason.as_ref().map(|reason| format!("  # {reason}")).unwrap_or_default();
        let _ = writeln!(self.text, "{mark}{}", self.paint(Style::new().dimmed(), &reason));
        let shown = match (self.view.detail, change.action) {
            (Detail::Full, _) => change.fields.len(),
            // What a new thing is made of is for the details; what is lost or changed is not.
            (Detail::Summary, Action::Create) => return,
            (Detail::Summary, _) => FIELDS,
        };
        // What forces a replacement must never be among those that are only counted.
        let (forcing, others): (Vec<&FieldChange>, Vec<&FieldChange>) =
            change.fields.iter().partition(|field| field.forces_replacement);
        let ordered: Vec<&FieldChange> = forcing.into_iter().chain(others).collect();
        for field in ordered.iter().take(shown) {
            self.field(field, change.action);
        }
        if ordered.len() > shown {
            let more = ordered.len() - shown;
            let _ = writeln!(self.text, "        … and {more} more fields (--details shows all)");
        }
    }

    fn field(&mut self, field: &FieldChange, action: Action) {
        let (before, after) = (field.before.as_ref(), field.after.as_ref());
        let mut notes = String::new();
        if field.forces_replacement {
            notes.push_str("  # forces replacement");
        }
        match field.cause {
            Cause::Pending => {}
            Cause::Drift => notes.push_str("  # changed by hand"),
            Cause::Both => notes.push_str("  # changed by hand, and in the manifests"),
        }
        let notes = self.paint(Style::new().dimmed(), &notes);
        let path = &field.path;
        if !value::is_long(before, after) {
            // What only comes or goes needs no arrow.
            let (mark, change) = match (action, before, after) {
                (Action::Create, _, after) => (' ', value::inline(after)),
                (_, None, after) => ('+', value::inline(after)),
                (_, before, None) => ('-', value::inline(before)),
                (_, before, after) => (' ', format!("{} -> {}", value::inline(before), value::inline(after))),
            };
            let _ = writeln!(self.text, "      {mark} {path}: {change}{notes}");
        } else if self.view.detail == Detail::Full {
            let _ = writeln!(self.text, "        {path}:{notes}");
            self.lines(before, after);
        } else {
            let (more, fewer) = value::line_counts(before, after);
            let _ = writeln!(self.text, "        {path}: {more} lines added, {fewer} removed{notes}");
        }
    }

    fn lines(&mut self, before: Option<&serde_json::Value>, after: Option<&serde_json::Value>) {
        for line in value::line_diff(before, after) {
            let Some(line) = line else {
                self.text.push_str("          ⋮\n");
                continue;
            };
            let (mark, style) = match line.tag {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Delete => ('-', color(Action::Delete)),
                ChangeTag::Insert => ('+', color(Action::Create)),
            };
            let painted = self.paint(style, format!("{mark} {}", line.text).trim_end());
            let _ = writeln!(self.text, "          {painted}");
        }
    }

    fn rolls(&mut self, plan: &Plan) {
        self.text.push('\n');
        self.line(Style::new().bold(), &format!("Machines to replace (windlass roll {})", plan.cluster));
        for roll in &plan.rolls {
            let mark = self.paint(color(Action::Replace), "-/+");
            let _ = writeln!(self.text, "{mark} {roll}");
        }
    }

    fn drift(&mut self, drift: &[Drift]) {
        self.text.push('\n');
        self.line(Style::new().bold(), "Drift (somebody changed AWS since the last apply)");
        for it in drift {
            let mark = self.paint(AnsiColor::Cyan.on_default(), &format!("  ! {}", it.address));
            let _ = writeln!(self.text, "{mark}{}", if it.vanished { "  # vanished" } else { "" });
            for field in &it.fields {
                let (applied, observed) = (field.applied.as_ref(), field.observed.as_ref());
                let path = &field.path;
                if self.view.detail == Detail::Full && value::is_long(applied, observed) {
                    let _ = writeln!(self.text, "        {path}:");
                    self.lines(applied, observed);
                } else {
                    let (was, is) = (value::brief(applied), value::brief(observed));
                    let _ = writeln!(self.text, "        {path}: was {was}, is {is}");
                }
            }
        }
    }
}

/// Actions that call nothing are never worth more than a line.
/// Names in folders of which there are more than a line holds become one entry: `members/a/* (11)`.
fn folded(names: &[&str]) -> Vec<String> {
    /// Names of one folder that are still listed.
    const LISTED: usize = 3;
    let folder = |name: &str| name.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let mut entries: Vec<String> = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let own = folder(first);
        let count = rest.iter().take_while(|name| folder(name) == own).count();
        let (these, others) = rest.split_at(count);
        match own {
            Some(folder) if count > LISTED => entries.push(format!("{folder}/* ({count})")),
            _ => entries.extend(these.iter().map(|&name| name.to_owned())),
        }
        rest = others;
    }
    entries
}

const fn is_quiet(action: Action) -> bool {
    matches!(action, Action::Adopt | Action::Forget)
}

const fn color(action: Action) -> Style {
    match action {
        Action::Delete => AnsiColor::Red.on_default(),
        Action::Replace => AnsiColor::Magenta.on_default(),
        Action::Update => AnsiColor::Yellow.on_default(),
        Action::Create => AnsiColor::Green.on_default(),
        Action::Adopt | Action::Forget => AnsiColor::Blue.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn many_names_of_one_folder_are_one_entry() {
        let names = ["a", "m/a/1", "m/a/2", "m/a/3", "m/a/4", "m/b/1", "zone/a"];
        assert_eq!(folded(&names), ["a", "m/a/* (4)", "m/b/1", "zone/a"]);
        assert!(folded(&[]).is_empty());
    }
}
