//! The log of calls, for budgets and tests: how many, of what, and how deep they depend on each other.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::limits::{Service, reads};

/// One call as the gate saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// The service.
    pub service: Service,
    /// The operation, `DescribeVpcs`.
    pub operation: String,
    /// Position of its start among all starts and ends.
    pub started: u64,
    /// Position of its end; `None`: still under way.
    pub ended: Option<u64>,
}

/// A copy of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(pub Vec<CallRecord>);

impl Calls {
    /// How many calls were made.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.len()
    }

    /// How many calls were made that change something.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.0.iter().filter(|call| !reads(&call.operation)).count()
    }

    /// How many calls were made of each operation.
    #[must_use]
    pub fn by_operation(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.0 {
            *counts.entry(call.operation.as_str()).or_insert(0) += 1;
        }
        counts
    }

    /// The longest chain of calls each of which started after the one before it had ended. When all calls take the same
    /// time, this is the depth of their dependence; when they do not, it is at least that.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut calls: Vec<&CallRecord> = self.0.iter().collect();
        calls.sort_by_key(|call| call.started);
        let mut depths: Vec<(u64, usize)> = Vec::with_capacity(calls.len());
        for call in calls {
            let before = depths.iter().filter(|(ended, _)| *ended < call.started).map(|(_, depth)| *depth).max();
            depths.push((call.ended.unwrap_or(u64::MAX), before.unwrap_or(0) + 1));
        }
        depths.into_iter().map(|(_, depth)| depth).max().unwrap_or(0)
    }

    /// The calls after the first `count` ones.
    #[must_use]
    pub fn since(&self, count: usize) -> Self {
        Self(self.0.get(count..).unwrap_or_default().to_vec())
    }
}

/// The log as it grows.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    state: Mutex<(u64, Vec<CallRecord>)>,
}

impl CallLog {
    /// Notes a start; the answer goes to [`Self::end`].
    pub(super) fn start(&self, service: Service, operation: &str) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        let started = state.0;
        state.1.push(CallRecord { service, operation: operation.to_owned(), started, ended: None });
        state.1.len() - 1
    }

    /// Notes an end.
    pub(super) fn end(&self, index: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        let ended = state.0;
        if let Some(record) = state.1.get_mut(index) {
            record.ended = Some(ended);
        }
    }

    /// A copy of everything so far.
    pub(super) fn copy(&self) -> Calls {
        Calls(self.state.lock().unwrap_or_else(PoisonError::into_inner).1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_the_longest_chain_of_calls_that_wait_for_each_other() {
        let log = CallLog::default();
        let (first, second) = (log.start(Service::Ec2, "DescribeVpcs"), log.start(Service::Ec2, "DescribeSubnets"));
        log.end(first);
        log.end(second);
        let third = log.start(Service::Ec2, "DescribeVpcAttribute");
        log.end(third);
        assert_eq!(log.copy().depth(), 2);
        assert_eq!(log.copy().total(), 3);
        assert_eq!(log.copy().changes(), 0);
    }
}
