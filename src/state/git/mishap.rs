//! A git command with which something goes wrong on purpose: what git, or the host on the other side, then says.

use std::ffi::OsStr;

use super::process::Finished;
use super::{Git, subcommand};
use crate::fault::{Instead, Kind};
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
    let act = async || git.run_well(arguments, input).await;
    let refusal = match git.manner.faults.surround(kind, || {}, act).await {
        Ok(finished) => return finished,
        Err(Instead::Nothing) => return Ok(cut_off()),
        Err(Instead::Refusal(kind)) => kind,
    };
    Ok(match refusal {
        Kind::Throttle(_) => gave_up("remote: too many requests, try again later"),
        Kind::AccessDenied if subcommand(arguments) == "push" => declined(arguments),
        Kind::AccessDenied => gave_up("fatal: Authentication failed"),
        Kind::ExpiredCredentials => gave_up("fatal: Authentication failed: the token has expired"),
        Kind::DiskFull => gave_up("fatal: unable to write file: No space left on device"),
        _ => cut_off(),
    })
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
