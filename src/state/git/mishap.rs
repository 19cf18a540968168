//! A git command with which something goes wrong on purpose: what git, or the host on the other side, then says.

use std::ffi::OsStr;
use std::time::Duration;

use super::process::Finished;
use super::{Git, subcommand};
use crate::fault::{self, Kind};
use crate::state::error::Error;

/// git's exit code when it gives up.
const FATAL: i32 = 128;

/// Runs a command, or not, as the fault has it.
pub(super) async fn run<S: AsRef<OsStr>>(
    git: &Git,
    kind: Kind,
    arguments: &[S],
    input: Vec<u8>,
) -> Result<Finished, Error> {
    let is_push = subcommand(arguments) == "push";
    match kind {
        Kind::KillBefore => {
            fault::kill_this_process();
            Ok(cut_off())
        }
        Kind::KillAfter => {
            // What it gave is lost with the process.
            let _ = git.run_well(arguments, input).await;
            fault::kill_this_process();
            Ok(cut_off())
        }
        Kind::SuspendAfter => {
            let finished = git.run_well(arguments, input).await;
            fault::suspend_this_process();
            finished
        }
        Kind::StopBefore => match git.manner.faults.stop().await {},
        Kind::StopAfter => {
            let _ = git.run_well(arguments, input).await;
            match git.manner.faults.stop().await {}
        }
        Kind::LostResponse | Kind::ServerErrorAfter => {
            let _ = git.run_well(arguments, input).await;
            Ok(cut_off())
        }
        Kind::Reset | Kind::ServerError => Ok(cut_off()),
        Kind::Throttle(_) => Ok(gave_up("remote: too many requests, try again later")),
        Kind::AccessDenied if is_push => Ok(declined(arguments)),
        Kind::AccessDenied => Ok(gave_up("fatal: Authentication failed")),
        Kind::ExpiredCredentials => Ok(gave_up("fatal: Authentication failed: the token has expired")),
        Kind::DiskFull => Ok(gave_up("fatal: unable to write file: No space left on device")),
        Kind::Pause(seconds) => {
            tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
            git.run_well(arguments, input).await
        }
        // The clock has jumped already, and all see the same branch.
        Kind::Lag(_) | Kind::ClockJump(_) => git.run_well(arguments, input).await,
    }
}

fn cut_off() -> Finished {
    gave_up("fatal: the remote end hung up unexpectedly")
}

fn gave_up(words: &str) -> Finished {
    Finished { success: false, code: Some(FATAL), stdout: Vec::new(), stderr: format!("{words}\n").into_bytes() }
}

/// A rule of the host is against the push.
fn declined<S: AsRef<OsStr>>(arguments: &[S]) -> Finished {
    let refspec = arguments.last().map(|it| it.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
    let line = format!("To windlass\n!\t{refspec}\t[remote rejected] (pre-receive hook declined)\nDone\n");
    Finished {
        success: false,
        code: Some(1),
        stdout: line.into_bytes(),
        stderr: b"remote: this branch is protected\n".to_vec(),
    }
}
