//! State in git: one orphan branch per cluster that is state, lock and journal at once, and only ever moves by
//! fast-forward pushes. The user's checkout, index and hooks are never touched.

mod acquire;
mod branch;
mod bundle;
mod edit;
mod error;
mod fence;
mod finding;
mod format;
mod fsck;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod git;
mod history;
mod invariant;
mod journal;
mod keys;
mod layout;
mod lease;
mod message;
mod reading;
mod record;
mod recover;
mod request;
pub mod roll;
mod secret;
mod settings;
mod sign;
mod store;
mod tree;
mod watch;

pub use error::{Error, Held};
pub use fence::{Fence, LeaseEnded};
pub use finding::{Finding, FindingKind, Findings};
pub use git::{Imitation, checked_out_commit};
pub use history::{History, PastRun};
pub use keys::{KeyChange, SealedKey, SealedSecret};
pub use lease::Lease;
pub use record::{
    AddOnRecord, Asked, CertificateRecord, CertificateRole, ClusterRecord, Intent, IntentKind, JournalLine, KeyPhase,
    KeyRecords, LockRecord, Outcome, PublicKeyRecord, RequestRecord, ResourceRecord, RunRecord, RunResult,
};
pub use settings::{Location, StoreSettings, Timing};
pub use store::{Acquire, Recover, Recovered, Store, Unlocked};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::planted::{self, Bug};
use crate::resource::Address;

/// Everything that the branch holds, read at one tip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The tip that was read; `None`: the branch does not exist yet.
    pub tip: Option<String>,
    /// Identity; `None` before the first apply.
    pub cluster: Option<ClusterRecord>,
    /// Present = held.
    pub lock: Option<LockRecord>,
    /// The live objects.
    pub resources: BTreeMap<Address, ResourceRecord>,
    /// The highest generation that a deleted (or forgotten) object of an address had. An address that comes back goes
    /// on from there, because EC2 remembers client tokens after a delete: a token must never be used twice.
    pub retired: BTreeMap<Address, u32>,
    /// Certificates: authorities and all that they signed, until they have expired. Sorted by authority and serial.
    pub certificates: Vec<CertificateRecord>,
    /// Keys that are no certificates, and for whom each secret is sealed.
    pub keys: KeyRecords,
    /// Name of a secret → its age ciphertext.
    pub secrets: BTreeMap<String, Arc<[u8]>>,
    /// A roll that is not at its end.
    pub roll: Option<roll::Record>,
    /// Add-ons as they were applied last, by name.
    pub add_ons: BTreeMap<String, AddOnRecord>,
    /// What is asked of the run that holds the lock, by id.
    pub requests: BTreeMap<String, RequestRecord>,
    /// Lines of journals that no run closed, by run: somebody died.
    pub open_journals: BTreeMap<String, Vec<JournalLine>>,
}

impl Records {
    /// What nobody has seen ready since it was made or changed, with its AWS id.
    #[must_use]
    pub fn settling(&self) -> BTreeMap<Address, String> {
        let records = self.resources.values().filter(|record| record.settling && !planted::is(Bug::HastyEnd));
        records.map(|record| (record.address.clone(), record.id.clone())).collect()
    }
}
