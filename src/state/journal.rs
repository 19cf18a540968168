//! The journal of a run: intents before acts, results after them. Recovery needs the intents only.

use jiff::Timestamp;

use super::record::{Intent, JournalLine};
use crate::planted::{self, Bug};
use crate::resource::Address;

/// A line that is no journal line: 1-based, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) line: usize,
    pub(super) why: String,
}

/// `journal/<run>.jsonl`: its lines, and the text that they stand in.
///
/// The text grows with the lines: a long run writes each line once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Journal {
    lines: Vec<JournalLine>,
    content: Vec<u8>,
}

impl Journal {
    pub(super) fn read(content: &[u8]) -> Result<Self, Damage> {
        Self::default().grown(content)
    }

    /// The same with more text at its end.
    pub(super) fn grown(&self, added: &[u8]) -> Result<Self, Damage> {
        let first = self.lines.len() + 1;
        let text =
            std::str::from_utf8(added).map_err(|_| Damage { line: first, why: String::from("it is not UTF-8") })?;
        let read = |(index, line)| {
            serde_json::from_str(line)
                .map_err(|error: serde_json::Error| Damage { line: first + index, why: error.to_string() })
        };
        let new = text.lines().enumerate().map(read).collect::<Result<Vec<JournalLine>, Damage>>()?;
        let mut journal = self.clone();
        journal.lines.extend(new);
        journal.content.extend_from_slice(added);
        Ok(journal)
    }

    pub(super) fn of(lines: Vec<JournalLine>) -> Self {
        let mut journal = Self::default();
        lines.into_iter().for_each(|line| journal.push(line));
        journal
    }

    pub(super) fn push(&mut self, line: JournalLine) {
        // Journal lines are structs with string keys, which always serialize. Should one not, the empty line is
        // refused by the check that precedes every push.
        self.content.extend(serde_json::to_vec(&line).unwrap_or_default());
        self.content.push(b'\n');
        self.lines.push(line);
    }

    pub(super) fn lines(&self) -> &[JournalLine] {
        &self.lines
    }

    /// One line of JSON each.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The 1-based line of the first result that has no earlier intent.
    pub(super) fn orphan_result(&self) -> Option<usize> {
        let mut open: Vec<&Address> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            match line {
                JournalLine::Intent(intent) => open.push(&intent.address),
                JournalLine::Outcome(outcome) if !open.contains(&&outcome.address) => return Some(index + 1),
                JournalLine::Outcome(outcome) => open.retain(|address| **address != outcome.address),
            }
        }
        None
    }
}

/// The intents that no later result answers: what was begun and may or may not have happened.
pub(super) fn unresolved(lines: &[JournalLine]) -> Vec<Intent> {
    let mut open: Vec<&Intent> = Vec::new();
    for line in lines {
        match line {
            JournalLine::Intent(intent) => open.push(intent),
            JournalLine::Outcome(outcome) => open.retain(|intent| intent.address != outcome.address),
        }
    }
    open.into_iter().cloned().collect()
}

/// What stays of a journal when its run is over: the unresolved intents.
pub(super) fn compacted(lines: &[JournalLine]) -> Vec<JournalLine> {
    unresolved(lines).into_iter().map(JournalLine::Intent).collect()
}

/// The same, dated to the end of the run: its last call for them may have begun just then, after many that were throttled.
/// Never to a time before they were announced, whoever's clock says so.
pub(super) fn closed(lines: &[JournalLine], end: Timestamp) -> Vec<JournalLine> {
    let dated = |intent: Intent| match planted::is(Bug::EarlyIntent) {
        true => intent,
        false => Intent { at: intent.at.max(end), ..intent },
    };
    unresolved(lines).into_iter().map(|intent| JournalLine::Intent(dated(intent))).collect()
}

/// The same without the intents for `address`, which a later run has answered.
pub(super) fn without(lines: &[JournalLine], address: &Address) -> Vec<JournalLine> {
    let is_other = |line: &&JournalLine| match line {
        JournalLine::Intent(intent) => intent.address != *address,
        JournalLine::Outcome(outcome) => outcome.address != *address,
    };
    lines.iter().filter(is_other).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::{IntentKind, Outcome};
    use super::*;
    use crate::resource::Kind;

    fn intent(name: &str) -> JournalLine {
        JournalLine::Intent(Intent {
            address: Address::new(Kind::Vpc, name),
            operation: IntentKind::Create,
            generation: 1,
            token: None,
            id: None,
            resource: None,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    fn outcome(name: &str) -> JournalLine {
        let address = Address::new(Kind::Vpc, name);
        JournalLine::Outcome(Outcome { address, record: None, at: Timestamp::UNIX_EPOCH })
    }

    #[test]
    fn a_journal_reads_back_as_it_was_written() {
        let lines = vec![intent("a"), outcome("a"), intent("b")];
        let journal = Journal::of(lines.clone());
        assert_eq!(journal.content().iter().filter(|&&byte| byte == b'\n').count(), 3);
        assert_eq!(journal.lines(), lines);
        assert_eq!(Journal::read(journal.content()), Ok(journal));
    }

    #[test]
    fn damage_names_its_line() {
        let journal = Journal::of(vec![intent("a")]);
        let content = [journal.content(), b"{\"intent\":\n"].concat();
        assert_eq!(Journal::read(&content).map_err(|damage| damage.line), Err(2));
        assert_eq!(journal.grown(b"{\"intent\":\n").map_err(|damage| damage.line), Err(2));
        assert!(Journal::read(&[0xff]).is_err());
    }

    #[test]
    fn what_has_no_answer_is_unresolved_and_survives_compaction() {
        let lines = [intent("a"), intent("b"), outcome("a"), intent("a"), intent("c"), outcome("c")];
        let names: Vec<_> = unresolved(&lines).iter().map(|intent| intent.address.name().to_owned()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(compacted(&lines), [intent("b"), intent("a")]);
        let end = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(90);
        let at = |line: &JournalLine| matches!(line, JournalLine::Intent(intent) if intent.at == end);
        assert!(closed(&lines, end).len() == 2 && closed(&lines, end).iter().all(at));
        assert_eq!(without(&compacted(&lines), &Address::new(Kind::Vpc, "b")), [intent("a")]);
    }

    #[test]
    fn a_result_needs_an_earlier_intent_of_its_own() {
        assert_eq!(Journal::of(vec![intent("a"), outcome("a")]).orphan_result(), None);
        assert_eq!(Journal::of(vec![outcome("a"), intent("a")]).orphan_result(), Some(1));
        assert_eq!(Journal::of(vec![intent("a"), outcome("a"), outcome("a")]).orphan_result(), Some(3));
    }
}
