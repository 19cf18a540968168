//! What the next commit changes, collected before it is made: pure, so that it can be made again on another tip.

use jiff::Timestamp;

use super::format::Format;
use super::journal::{self, Journal};
use super::keys::KeyChange;
use super::layout;
use super::reading::Body;
use super::record::{
    ClusterRecord, Intent, JournalLine, KeyRecords, LockRecord, Outcome, RequestRecord, RunRecord, RunResult,
};
use super::roll;
use super::tree::{self, Changes, View};
use crate::resource::Address;

/// A view of the branch, and what was changed in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Edit {
    pub(super) view: View,
    pub(super) changes: Changes,
}

impl Edit {
    /// Nothing changed yet.
    pub(super) fn of(view: &View) -> Self {
        Self { view: view.clone(), changes: Changes::new() }
    }

    /// The first commit of a branch.
    pub(super) fn found(&mut self) {
        self.put(layout::FORMAT.to_owned(), tree::json(&Format::current()));
    }

    pub(super) fn lock(&mut self, lock: Option<LockRecord>) {
        match &lock {
            Some(lock) => self.put(layout::LOCK.to_owned(), tree::json(lock)),
            None => self.remove(layout::LOCK.to_owned()),
        }
        self.view.records.lock = lock;
    }

    pub(super) fn cluster(&mut self, cluster: ClusterRecord) {
        self.put(layout::CLUSTER.to_owned(), tree::json(&cluster));
        self.view.records.cluster = Some(cluster);
    }

    /// A roll as it is now; `None`: it is at its end.
    pub(super) fn roll(&mut self, record: Option<roll::Record>) {
        match &record {
            Some(record) => self.put(layout::ROLL.to_owned(), tree::json(record)),
            None if self.view.records.roll.is_some() => self.remove(layout::ROLL.to_owned()),
            None => {}
        }
        self.view.records.roll = record;
    }

    /// Somebody asks something of the run that holds the lock.
    pub(super) fn request(&mut self, id: &str, request: RequestRecord) {
        self.put(layout::request(id), tree::json(&request));
        self.view.records.requests.insert(id.to_owned(), request);
    }

    /// The run that was asked has done it.
    pub(super) fn answer(&mut self, id: &str) {
        if self.view.records.requests.remove(id).is_some() {
            self.remove(layout::request(id));
        }
    }

    /// Certificates, keys and secrets: what is new or changed, and what goes.
    pub(super) fn keys(&mut self, change: &KeyChange) {
        let mut files = Changes::new();
        for (authority, serial) in &change.dropped {
            files.insert(layout::certificate(*authority, serial), None);
        }
        for record in &change.certificates {
            files.insert(layout::certificate(record.authority, &record.serial), Some(Body::new(tree::json(record))));
        }
        for secret in &change.sealed {
            files.insert(layout::secret(&secret.name), Some(Body::new(secret.ciphertext.clone())));
        }
        for name in &change.removed {
            files.insert(layout::secret(name), None);
        }
        let before = self.view.records.keys.clone();
        self.view.records.change_keys(change);
        if self.view.records.keys != before {
            files.insert(layout::KEYS.to_owned(), Some(Body::new(tree::json(&self.view.records.keys))));
        }
        self.changes.extend(files);
    }

    /// `cluster.json` becomes `former/<uid>.json`. Generations count per uid, so they go too; and so do the keys, which
    /// no other cluster may have. They stay in the history, for those who can open them.
    pub(super) fn retire(&mut self) {
        let Some(cluster) = self.view.records.cluster.take() else { return };
        self.put(layout::former(&cluster.uid), tree::json(&cluster));
        self.view.former.insert(cluster.uid);
        self.remove(layout::CLUSTER.to_owned());
        if !self.view.records.retired.is_empty() {
            self.view.records.retired.clear();
            self.remove(layout::GENERATIONS.to_owned());
        }
        self.roll(None);
        let records = &mut self.view.records;
        let certificates = records.certificates.drain(..);
        let mut gone: Vec<String> =
            certificates.map(|record| layout::certificate(record.authority, &record.serial)).collect();
        gone.extend(std::mem::take(&mut records.secrets).into_keys().map(|name| layout::secret(&name)));
        gone.extend(std::mem::take(&mut records.add_ons).into_keys().map(|name| layout::add_on(&name)));
        if std::mem::take(&mut records.keys) != KeyRecords::default() {
            gone.push(layout::KEYS.to_owned());
        }
        for path in gone {
            self.remove(path);
        }
    }

    /// These were seen ready.
    pub(super) fn settled(&mut self, addresses: &[Address]) {
        for address in addresses {
            let Some(record) = self.view.records.resources.get_mut(address).filter(|record| record.settling) else {
                continue;
            };
            record.settling = false;
            let file = tree::json(record);
            self.put(layout::resource(address), file);
        }
    }

    pub(super) fn intent(&mut self, run: &str, intent: Intent) {
        self.view.journals.entry(run.to_owned()).or_default().push(JournalLine::Intent(intent));
        self.journal_changed(run);
    }

    /// Writes the result down, and the record that it leaves; what dead runs meant to do to the same address is
    /// answered with it.
    pub(super) fn outcome(&mut self, run: &str, outcome: Outcome) {
        let address = outcome.address.clone();
        let intended = self.intended_generation(&address);
        match &outcome.record {
            Some(record) => {
                self.put(layout::resource(&address), tree::json(record));
                self.view.records.resources.insert(address.clone(), record.clone());
            }
            None => {
                let recorded = self.view.records.resources.remove(&address).map(|record| record.generation);
                if recorded.is_some() {
                    self.remove(layout::resource(&address));
                }
                self.retire_generation(&address, recorded.max(intended));
            }
        }
        self.view.journals.entry(run.to_owned()).or_default().push(JournalLine::Outcome(outcome));
        self.journal_changed(run);
        let others: Vec<String> = self.view.journals.keys().filter(|other| *other != run).cloned().collect();
        for other in others {
            self.rewrite_journal(&other, |lines| journal::without(lines, &address));
        }
    }

    /// Ends a run: its record, and of its journal only what nobody knows the outcome of.
    pub(super) fn close(&mut self, record: &RunRecord) {
        self.put(layout::run(&record.run), tree::json(record));
        self.view.runs.insert(record.run.clone());
        self.rewrite_journal(&record.run, |lines| journal::closed(lines, record.ended));
    }

    /// Closes every run but `run` that left a journal or the lock behind.
    pub(super) fn abandon_others(&mut self, run: &str, now: Timestamp) {
        let lock = self.view.records.lock.clone().filter(|lock| lock.run != run);
        if let Some(lock) = &lock
            && !self.view.runs.contains(&lock.run)
        {
            let counts = journal_counts(self.view.journals.get(&lock.run));
            self.close(&abandoned(lock, counts, now));
        }
        let others: Vec<String> = self.view.journals.keys().filter(|other| *other != run).cloned().collect();
        for other in others {
            self.rewrite_journal(&other, journal::compacted);
        }
    }

    /// Drops all journals: the whole world was seen, so that no intent is open any more.
    pub(super) fn settle(&mut self) {
        let runs: Vec<String> = self.view.journals.keys().cloned().collect();
        for run in runs {
            self.rewrite_journal(&run, |_| Vec::new());
        }
    }

    /// Replaces a folder: file name → content.
    pub(super) fn replace_folder<'a>(
        &mut self,
        present: impl Iterator<Item = &'a String>,
        folder: &str,
        files: impl Iterator<Item = (String, Vec<u8>)>,
    ) {
        for path in present.filter(|path| path.starts_with(folder)) {
            self.remove(path.clone());
        }
        for (name, content) in files {
            self.put(format!("{folder}{name}"), content);
        }
    }

    pub(super) fn put(&mut self, path: String, content: Vec<u8>) {
        self.changes.insert(path, Some(Body::new(content)));
    }

    fn remove(&mut self, path: String) {
        self.changes.insert(path, None);
    }

    fn journal_changed(&mut self, run: &str) {
        if let Some(journal) = self.view.journals.get(run) {
            self.put(layout::journal(run), journal.content().to_vec());
        }
    }

    fn rewrite_journal(&mut self, run: &str, rewrite: impl Fn(&[JournalLine]) -> Vec<JournalLine>) {
        let Some(journal) = self.view.journals.get(run) else { return };
        let rest = rewrite(journal.lines());
        if rest.is_empty() {
            self.view.journals.remove(run);
            self.remove(layout::journal(run));
        } else if rest != journal.lines() {
            self.view.journals.insert(run.to_owned(), Journal::of(rest));
            self.journal_changed(run);
        }
    }

    /// The highest generation that any open intent wants to make of `address`.
    fn intended_generation(&self, address: &Address) -> Option<u32> {
        let journals = self.view.journals.values();
        let intents = journals.flat_map(|journal| journal::unresolved(journal.lines()));
        intents.filter(|intent| intent.address == *address).map(|intent| intent.generation).max()
    }

    fn retire_generation(&mut self, address: &Address, generation: Option<u32>) {
        let Some(generation) = generation.filter(|&generation| generation > 0) else { return };
        let retired = self.view.records.retired.entry(address.clone()).or_default();
        *retired = (*retired).max(generation);
        let content = tree::json(&self.view.records.retired);
        self.put(layout::GENERATIONS.to_owned(), content);
    }
}

/// How many results a journal holds.
fn journal_counts(journal: Option<&Journal>) -> u64 {
    let lines = journal.map(Journal::lines).unwrap_or_default();
    lines.iter().map(|line| u64::from(matches!(line, JournalLine::Outcome(_)))).sum()
}

/// The record of a run that died, written by the one that found it.
fn abandoned(lock: &LockRecord, results: u64, now: Timestamp) -> RunRecord {
    RunRecord {
        run: lock.run.clone(),
        epoch: lock.epoch,
        operation: lock.operation.clone(),
        actor: lock.holder.clone(),
        started: lock.started,
        ended: now,
        config: None,
        plan: None,
        result: RunResult::Abandoned,
        counts: if results == 0 { Default::default() } else { [(String::from("results"), results)].into() },
        error: Some(String::from("it ended without giving the lock back")),
    }
}
