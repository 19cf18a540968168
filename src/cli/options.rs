//! The flags that are the same everywhere.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::complete;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::name::ClusterName;
use crate::sandbox::Sandbox;
use crate::state::Imitation;
use crate::ui::output::Color;

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Run as if started in this directory.
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Log more on stderr: -v calls, -vv details, -vvv everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Use the sandbox: an AWS in this process, kept in .windlass/, with virtual time. No account, no network.
    #[arg(long, global = true, env = "WINDLASS_SANDBOX", hide_env_values = true)]
    pub sandbox: bool,
    /// What a test puts in the place of the sandbox's file.
    #[arg(skip)]
    pub stage: Option<Stage>,
}

/// An account in memory, with the clock and the faults of the process that is played.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The account.
    pub sandbox: Sandbox,
    /// The process's clock, for leases too.
    pub clock: Clock,
    /// What goes wrong with git; with calls, the account knows itself.
    pub faults: Faults,
    /// What takes git's place; `None`: git.
    pub git: Option<Imitation>,
}

/// The cluster that a command is about.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// The cluster's DNS name, as in vars/NAME.yaml.
    #[arg(value_name = "CLUSTER", add = ArgValueCandidates::new(complete::clusters))]
    pub cluster: ClusterName,
}

/// `-o` of commands that read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// How a run that changes records only takes the lock.
#[derive(Clone, Copy, Debug, Args)]
pub struct LockOptions {
    /// How long to wait for a lock that another run holds, such as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// How long it may take in all.
    #[arg(skip = LONGEST_RECORD)]
    pub timeout: Duration,
}

impl RunOptions {
    /// The part that is about the lock.
    pub const fn lock(&self) -> LockOptions {
        LockOptions { lock_timeout: self.lock_timeout, timeout: self.timeout }
    }
}

/// Two pushes take seconds; behind this a remote does not answer.
const LONGEST_RECORD: Duration = Duration::from_secs(15 * 60);

/// How a run behaves: the flags of every command that changes something.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// Do not ask. Without a terminal, nothing is changed without it.
    #[arg(short, long)]
    pub yes: bool,
    /// Show what would be done, and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// How many resources may be deleted or replaced; a plan with more is refused.
    #[arg(long, value_name = "N")]
    pub allow: Option<usize>,
    /// Do not ask IAM first whether the caller may do all of it.
    #[arg(long)]
    pub skip_permission_check: bool,
    /// How many AWS calls may be under way at the same time.
    #[arg(long, value_name = "N", default_value = "16")]
    pub parallelism: NonZeroUsize,
    /// How long to wait for a lock that another run holds, such as 90s or 10m.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub lock_timeout: Duration,
    /// How long the run may take; then it stops as on Ctrl-C, to be resumed.
    #[arg(long, value_name = "TIME", default_value = "60m", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Show the run as text, or as JSON lines on stdout.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// Write the JSON lines of the run to this file as well.
    #[arg(long, value_name = "FILE")]
    pub json_into: Option<PathBuf>,
}

/// `90s`, `10m`, `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is no time span: write 90s, 10m or 1h30m"))?;
    Duration::try_from(span).map_err(|_| format!("{text:?} is negative"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_as_people_write_them() {
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(parse_duration("-5s").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
