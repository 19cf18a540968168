//! Questions that only a person can answer.

use std::io::{self, BufRead, IsTerminal, Write};

/// There is nobody to ask.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this needs a confirmation, and there is no terminal to ask on")]
pub struct NobodyToAsk;

/// Whether a person sits at both ends.
#[must_use]
pub fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for exactly `expected`; anything else is a no.
///
/// # Errors
/// When there is no terminal, or it cannot be read.
pub fn confirm(question: &str, expected: &str) -> anyhow::Result<bool> {
    if !somebody_is_there() {
        return Err(NobodyToAsk.into());
    }
    let mut messages = io::stderr().lock();
    write!(messages, "{question}\nType {expected} to go on: ")?;
    messages.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == expected)
}
