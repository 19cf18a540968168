//! Where a cluster's state lives and how its lease is timed: what a [`super::Store`] is opened with.

use std::path::PathBuf;
use std::time::Duration;

use super::git::{Imitation, Manner};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::name::ClusterName;

/// What a [`super::Store`] is opened with.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The cluster, which gives the branch its name: `windlass-state/<cluster>`.
    pub cluster: ClusterName,
    /// Where the branch is.
    pub location: Location,
    /// The project's root: inside it the user's git configuration is read, and beside it a bundle is written when
    /// the state cannot be pushed.
    pub project: PathBuf,
    /// windlass' own folder, `<project>/.windlass`: private copies of the state branches are kept in it.
    pub directory: PathBuf,
    /// The clock that leases and record times are measured with.
    pub clock: Clock,
    /// Lease and push times.
    pub timing: Timing,
    /// What goes wrong with git on purpose.
    pub faults: Faults,
    /// What takes git's place, in tests.
    pub imitation: Option<Imitation>,
}

impl StoreSettings {
    /// Settings of a project: `<project>/.windlass` as folder, the machine's clock, the usual times.
    #[must_use]
    pub fn new(cluster: ClusterName, location: Location, project: impl Into<PathBuf>) -> Self {
        let project = project.into();
        let directory = project.join(".windlass");
        let (clock, timing, faults) = (Clock::system(), Timing::default(), Faults::default());
        Self { cluster, location, project, directory, clock, timing, faults, imitation: None }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same with faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The same with an imitation of git.
    #[must_use]
    pub fn with_imitation(mut self, imitation: Option<Imitation>) -> Self {
        self.imitation = imitation;
        self
    }

    pub(super) fn manner(&self) -> Manner {
        Manner { limit: self.timing.command, faults: self.faults.clone(), imitation: self.imitation.clone() }
    }
}

/// Where the state branches are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a remote repository: the name of a remote of the project's repository (`origin`), a URL or a path.
    Remote(String),
    /// In the repository that the project is in (`state.remote: none`): no second machine can see the lock.
    Local,
    /// In the first of [`Location::SANDBOX_FILES`] in [`StoreSettings::directory`]: the sandbox's own, which no real cluster ever uses.
    Sandbox,
}

impl Location {
    /// What the sandbox's state is in, in [`StoreSettings::directory`]: the repository, and the private copy of it.
    pub const SANDBOX_FILES: [&str; 2] = ["sandbox-state.git", "sandbox-state-copy.git"];
}

/// Lease and push times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a lease lasts after the last push: 300 s, three beats.
    pub ttl: Duration,
    /// How long before the end of its lease the holder stops to start calls: 60 s.
    pub margin: Duration,
    /// The longest time between two pushes of a holder: 100 s, so that two may fail within a lease.
    pub beat: Duration,
    /// The shortest time between two pushes: 10 s, because git hosts advise at most six pushes a minute to one
    /// repository. Acquire and release do not wait for it, and a repository on this machine is exempt.
    pub spacing: Duration,
    /// How often a waiter looks at the branch: 10 s.
    pub poll: Duration,
    /// How long one git command that talks to a remote may take: 60 s. Real time, in the sandbox too.
    pub command: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            margin: Duration::from_secs(60),
            beat: Duration::from_secs(100),
            spacing: Duration::from_secs(10),
            poll: Duration::from_secs(10),
            command: Duration::from_secs(60),
        }
    }
}

impl Timing {
    /// The usual proportions for a shorter lease: for whoever watches one end.
    #[must_use]
    pub fn of_lease(ttl: Duration) -> Self {
        Self { ttl, margin: ttl / 5, beat: ttl / 10, poll: ttl / 30, ..Self::default() }
    }
}
