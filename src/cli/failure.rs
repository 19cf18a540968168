//! From an error to what the user reads and the exit code that a script sees.

use crate::apply::{OperationError, WaitError};
use crate::aws;
use crate::exit::Exit;
use crate::install;
use crate::kubernetes;
use crate::pki::IssueError;
use crate::plan::Refusal;
use crate::problem::Problems;
use crate::roll::RunError;
use crate::secret::SealError;
use crate::state;
use crate::ui::output::{Output, ReaderGone};
use crate::ui::prompt::NobodyToAsk;

/// An end that is not an error of the program, but has its own exit code and its own words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Stopped {
    /// How the run ends.
    pub exit: Exit,
    /// What happened, so far, and what to do next; several lines.
    pub message: String,
}

impl Stopped {
    /// Ends with this code and these words.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

/// What happened, without the lines that follow it: for a warning that goes on.
pub fn first_line(error: &anyhow::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Shows the error, and says how the run ends.
pub fn report(output: Output, error: &anyhow::Error) -> Exit {
    if error.is::<ReaderGone>() {
        return Exit::Done;
    }
    if let Some(problems) = error.downcast_ref::<Problems>() {
        output.message(crate::ui::problem::text(problems, output.message_style()).trim_end());
        return Exit::Config;
    }
    let (first, mut inner) = apart(&error.to_string());
    let mut message = format!("error: {first}");
    for cause in error.chain().skip(1) {
        let (cause, hint) = apart(&cause.to_string());
        inner = inner.or(hint);
        // Transparent wrappers say the same twice.
        if !message.contains(&cause) {
            message.push_str("\n  because: ");
            message.push_str(&cause);
        }
    }
    if let Some(hint) = error.chain().find_map(hint_of).or(inner) {
        message.push_str("\n  hint: ");
        message.push_str(&hint);
    }
    output.message(&message);
    exit(error)
}

/// Some errors carry their hint as their last line.
fn apart(text: &str) -> (String, Option<String>) {
    match text.split_once("\nhint: ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// What to do about an error, where there is more to say than what happened.
fn hint_of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<state::Error>() {
        return error.hint();
    }
    if let Some(error) = boxed::<aws::Error>(cause) {
        return error.hint();
    }
    if cause.is::<NobodyToAsk>() {
        return Some(String::from("add --yes to do it without asking"));
    }
    cause.downcast_ref::<Refusal>().map(Refusal::hint)
}

/// The exit code of an error: the first of its causes that has one.
fn exit(error: &anyhow::Error) -> Exit {
    error.chain().find_map(exit_of).unwrap_or(Exit::Unexpected)
}

fn exit_of(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(stopped) = cause.downcast_ref::<Stopped>() {
        return Some(stopped.exit);
    }
    if cause.is::<NobodyToAsk>() || cause.is::<Refusal>() || cause.is::<SealError>() {
        return Some(Exit::Refused);
    }
    if cause.is::<IssueError>() {
        return Some(Exit::Certificate);
    }
    if let Some(error) = cause.downcast_ref::<state::Error>() {
        return Some(error.exit());
    }
    if let Some(OperationError::Wait(WaitError::Aws(_)) | OperationError::Aws(_)) = cause.downcast_ref() {
        return Some(Exit::Provider);
    }
    if let Some(error) = boxed::<aws::Error>(cause) {
        let resumable = [Some(aws::Failure::LeaseEnded), Some(aws::Failure::ExpiredCredentials)];
        return Some(if resumable.contains(&error.failure()) { Exit::Resumable } else { Exit::Provider });
    }
    if let Some(RunError::Member { .. }) = cause.downcast_ref() {
        return Some(Exit::Provider);
    }
    if let Some(error) = cause.downcast_ref::<install::Error>() {
        return Some(if error.is_resumable() { Exit::Resumable } else { Exit::Provider });
    }
    boxed::<kubernetes::Error>(cause).map(|_| Exit::Provider)
}

/// A cause as what it is; errors with large ones keep them in a box.
fn boxed<'error, T: std::error::Error + 'static>(
    cause: &'error (dyn std::error::Error + 'static),
) -> Option<&'error T> {
    cause.downcast_ref().or_else(|| cause.downcast_ref().map(Box::<T>::as_ref))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error that is kept in a box inside of another one has the code that it has by itself.
    #[test]
    fn a_boxed_cause_has_its_own_exit_code() {
        let forbidden = || kubernetes::Error::Forbidden { message: String::from("may not evict") };
        let what = String::from("evict kube-system/coredns");
        let inner = RunError::Kubernetes { what, error: Box::new(forbidden()) };
        assert_eq!(exit(&forbidden().into()), Exit::Provider);
        assert_eq!(exit(&inner.into()), Exit::Provider);
        assert_eq!(exit(&anyhow::anyhow!("anything else")), Exit::Unexpected);
    }
}
