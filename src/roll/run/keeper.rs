//! Where a roll's record is kept while it runs, and where it is asked something: the lease on the state branch.

use std::future::Future;

use crate::roll::Record;
use crate::state::{self, Asked, Lease, RequestRecord};

/// Keeps the record, and hears what is asked.
pub trait Keeper: Send {
    /// Stores the record; returns when it is safe. `why` goes into the audit log.
    ///
    /// # Errors
    /// It could not be stored: nothing of what it announces may be done.
    fn keep(&mut self, record: &Record, why: &str) -> impl Future<Output = Result<(), state::Error>>;

    /// Looks for what somebody asked of this run since the last look; the right to act is kept alive with it. Each
    /// request is answered by being handed out.
    ///
    /// # Errors
    /// The right to act is lost.
    fn asked(&mut self) -> impl Future<Output = Result<Vec<RequestRecord>, state::Error>>;

    /// Waits for some work; the right to act is kept alive meanwhile.
    ///
    /// # Errors
    /// The right to act is lost; the work is dropped.
    fn during<T>(&mut self, work: impl Future<Output = T>) -> impl Future<Output = Result<T, state::Error>>;
}

impl Keeper for Lease {
    async fn keep(&mut self, record: &Record, why: &str) -> Result<(), state::Error> {
        self.stage_roll(Some(record.clone()))?;
        self.write(why, Vec::new(), Vec::new()).await
    }

    async fn asked(&mut self) -> Result<Vec<RequestRecord>, state::Error> {
        self.beat_if_due().await?;
        self.look().await?;
        let asked = self.records().requests.clone();
        for id in asked.keys() {
            // It rides with the next push: the record that follows from it.
            self.stage_answer(id)?;
        }
        Ok(asked.into_values().collect())
    }

    async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, state::Error> {
        self.beating(work).await
    }
}

/// Keeps the record in memory: for simulations, which nobody interrupts from elsewhere but their own tests.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    /// The last record that was kept.
    pub record: Option<Record>,
    /// How often one was.
    pub writes: usize,
    /// What the next look gives.
    pub requests: Vec<RequestRecord>,
}

impl InMemory {
    /// Asks for something at the next look.
    pub fn ask(&mut self, what: Asked, at: jiff::Timestamp) {
        self.requests.push(RequestRecord { what, by: String::from("somebody"), at });
    }
}

impl Keeper for InMemory {
    async fn keep(&mut self, record: &Record, _why: &str) -> Result<(), state::Error> {
        self.record = Some(record.clone());
        self.writes += 1;
        Ok(())
    }

    async fn asked(&mut self) -> Result<Vec<RequestRecord>, state::Error> {
        Ok(std::mem::take(&mut self.requests))
    }

    async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, state::Error> {
        Ok(work.await)
    }
}
