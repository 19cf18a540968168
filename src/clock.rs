//! The one clock. Nothing else in windlass asks the system for the time or sleeps.
//!
//! All waiting goes through tokio's timers. In the sandbox the runtime is started paused, so that tokio moves its
//! clock forward by itself whenever every task waits: a five-minute load balancer costs microseconds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The end of a process has to wait for a thread that blocks: none does for longer.
const NAP: Duration = Duration::from_millis(200);

/// Tells the date and how much time has passed; cheap to clone.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    System,
    Virtual { base: Timestamp, started: Instant, skew: Option<Skew> },
}

/// How far a machine's date is off, in seconds; copies share it.
#[derive(Clone, Copy, Debug)]
pub struct Skew(&'static AtomicI64);

impl Skew {
    /// None yet. Takes a few bytes that are never given back: for one a process, and for tests, which play processes.
    #[must_use]
    pub fn none() -> Self {
        Self(Box::leak(Box::default()))
    }

    /// Sets the date forwards, or back.
    pub fn add(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn applied_to(self, time: Timestamp) -> Timestamp {
        time.saturating_add(SignedDuration::from_secs(self.0.load(Ordering::Relaxed))).unwrap_or(Timestamp::MAX)
    }
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub const fn system() -> Self {
        Self { kind: Kind::System }
    }

    /// A clock that says `base` now and moves with tokio's timers (paused runtime: virtual time).
    ///
    /// Must be called inside a tokio runtime.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self { kind: Kind::Virtual { base, started: Instant::now(), skew: None } }
    }

    /// The same with a date that can be set: how much time has passed stays true.
    #[must_use]
    pub const fn skewed(self, skew: Skew) -> Self {
        match self.kind {
            Kind::Virtual { base, started, .. } => Self { kind: Kind::Virtual { base, started, skew: Some(skew) } },
            Kind::System => self,
        }
    }

    /// Sets the date of a clock with a [`Skew`] forwards to this one, if it is behind; how much time has passed stays
    /// true.
    pub fn catch_up(&self, date: Timestamp) {
        if let Kind::Virtual { skew: Some(skew), .. } = self.kind {
            // Up to the next second: it must not be behind afterwards.
            skew.add(date.duration_since(self.now()).as_secs().saturating_add(1).max(0));
        }
    }

    /// The date and time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.kind {
            Kind::System => Timestamp::now(),
            Kind::Virtual { base, started, skew } => {
                let time = base.saturating_add(started.elapsed()).unwrap_or(Timestamp::MAX);
                skew.map_or(time, |skew| skew.applied_to(time))
            }
        }
    }

    /// Time since an arbitrary fixed moment, counting the time that a laptop was suspended: a lease must not outlive
    /// a closed lid (CLOCK_BOOTTIME, see clock_gettime(2)).
    #[must_use]
    pub fn since_boot(&self) -> Duration {
        match self.kind {
            #[cfg(target_os = "linux")]
            Kind::System => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
            }
            #[cfg(not(target_os = "linux"))]
            Kind::System => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
                Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
            }
            Kind::Virtual { started, .. } => started.elapsed(),
        }
    }

    /// Waits; in a paused runtime the time passes at once.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Waits for what other processes do: with the machine's own clock real time passes, also in a paused runtime, whose
    /// time stands still meanwhile.
    pub async fn wait_for_others(&self, duration: Duration) {
        if let Kind::Virtual { .. } = self.kind {
            return self.sleep(duration).await;
        }
        let until = self.since_boot() + duration;
        loop {
            let left = until.saturating_sub(self.since_boot());
            if left.is_zero() {
                return;
            }
            // tokio moves a paused clock whenever it has nothing to do; a thread that blocks is something to do.
            let nap = tokio::task::spawn_blocking(move || std::thread::sleep(left.min(NAP)));
            // Fails only when the runtime ends, and this with it.
            let _ = nap.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_for_others_takes_real_time_while_virtual_time_stands_still() {
        let (clock, duration) = (Clock::system(), NAP + Duration::from_millis(50));
        let (real, paused) = (clock.since_boot(), Instant::now());
        // Would fire at once if the paused clock were free to move.
        let timer = tokio::time::sleep(Duration::from_secs(3600));
        tokio::select! {
            () = clock.wait_for_others(duration) => {}
            () = timer => panic!("virtual time has passed"),
        }
        assert!(clock.since_boot() - real >= duration);
        assert_eq!(paused.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn others_of_a_virtual_clock_are_waited_for_in_virtual_time() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        clock.wait_for_others(Duration::from_secs(3600)).await;
        assert_eq!(clock.since_boot(), Duration::from_secs(3600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_date_that_catches_up_is_not_behind_and_no_time_has_passed() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH).skewed(Skew::none());
        let date: Timestamp = "1970-01-01T01:00:00.5Z".parse().expect("a date");
        clock.catch_up(date);
        let caught_up = clock.now();
        assert!(date <= caught_up && caught_up.duration_since(date) <= SignedDuration::from_secs(1), "{caught_up}");
        assert_eq!(clock.since_boot(), Duration::ZERO);
        // It is never set back.
        clock.catch_up(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), caught_up);
    }
}
