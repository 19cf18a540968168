//! Where text goes: stdout is data, stderr is messages. A reader that went away (a pager that was closed, `head`) ends
//! the command quietly, as it does every Unix tool.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};

use super::neutral::{self, For};
use super::problem::Style;

/// Source lines in problems are cut to this many columns: the same on every terminal, so that logs can be compared.
const WIDTH: usize = 120;

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of a command.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    color: Color,
    captured: Option<&'static Captured>,
}

/// What was written, for tests that play a process.
#[derive(Debug, Default)]
pub struct Captured {
    text: Mutex<String>,
}

impl Captured {
    /// Everything so far, data and messages in the order in which they came.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, text: &str) {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }
}

/// The reader of stdout went away: not an error of ours.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the output went away")]
pub struct ReaderGone;

impl Output {
    /// With this choice of colours.
    #[must_use]
    pub const fn new(color: Color) -> Self {
        Self { color, captured: None }
    }

    /// Into memory instead, without colours. Its few bytes are never given back.
    #[must_use]
    pub fn captured() -> (Self, &'static Captured) {
        let captured: &'static Captured = Box::leak(Box::default());
        (Self { color: Color::Never, captured: Some(captured) }, captured)
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// [`ReaderGone`] when nobody reads any more, else the error of the write.
    pub fn data(&self, text: &str) -> anyhow::Result<()> {
        self.write(&neutral::text(text, For::People))
    }

    /// Writes text of the project's own to stdout, as it is but for what terminals obey.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn verbatim(&self, text: &str) -> anyhow::Result<()> {
        self.write(&neutral::text(text, For::Programs))
    }

    fn write(self, text: &str) -> anyhow::Result<()> {
        if let Some(captured) = self.captured {
            captured.write(text);
            return Ok(());
        }
        let mut stream = AutoStream::new(io::stdout().lock(), self.choice(io::stdout().is_terminal()));
        match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
            other => Ok(other?),
        }
    }

    /// Writes a line of message to stderr. A stderr that cannot be written to is no reason to stop.
    pub fn message(&self, text: &str) {
        if let Some(captured) = self.captured {
            captured.write(&format!("{text}\n"));
            return;
        }
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(io::stderr().is_terminal()));
        let _written = writeln!(stream, "{}", neutral::text(text, For::People));
    }

    /// How problems look on stdout.
    #[must_use]
    pub fn data_style(&self) -> Style {
        Style { color: self.data_has_color(), width: WIDTH }
    }

    /// How problems look on stderr.
    #[must_use]
    pub fn message_style(&self) -> Style {
        Style { color: self.messages_have_color(), width: WIDTH }
    }

    /// Whether stdout gets colours.
    #[must_use]
    pub fn data_has_color(&self) -> bool {
        self.choice(io::stdout().is_terminal()) != ColorChoice::Never
    }

    /// Whether stderr gets colours.
    #[must_use]
    pub fn messages_have_color(&self) -> bool {
        self.choice(io::stderr().is_terminal()) != ColorChoice::Never
    }

    fn choice(self, terminal: bool) -> ColorChoice {
        // https://no-color.org: any non-empty value switches colours off.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto if terminal && !refused => ColorChoice::Always,
            Color::Auto => ColorChoice::Never,
        }
    }
}
