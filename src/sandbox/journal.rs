//! The calls of all processes that share a world, in the order of their effects: a file of JSON lines, for tests.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::is_read;
use super::store::StoreError;
use super::wire::{Decoded, Refusal};

/// The environment variable that names the file.
pub const VARIABLE: &str = "WINDLASS_SANDBOX_CALLS";

/// A call of one of the processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line {
    /// By the machine's clock, not the account's.
    pub at: Timestamp,
    /// Which process.
    pub process: u32,
    /// `CreateVpc`.
    pub operation: String,
    /// Whether it changes something.
    pub changes: bool,
    /// The error code; `None` if it was done.
    pub error: Option<String>,
}

/// Where the calls are written to, if anywhere.
#[derive(Debug, Default)]
pub struct Journal(Option<(PathBuf, File)>);

impl Journal {
    /// The file in [`VARIABLE`].
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn from_environment() -> Result<Self, StoreError> {
        let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(Self::default()) };
        match File::options().create(true).append(true).open(&path) {
            Ok(file) => Ok(Self(Some((path, file)))),
            Err(source) => Err(StoreError::File { path, action: "opened", source }),
        }
    }

    /// Writes a call down.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, call: &Decoded, refusal: Option<&Refusal>) -> Result<(), StoreError> {
        let Some((path, file)) = &mut self.0 else { return Ok(()) };
        let line = Line {
            at: Timestamp::now(),
            process: std::process::id(),
            operation: call.operation.clone(),
            changes: !is_read(&call.operation),
            error: refusal.map(|refusal| refusal.code.clone().into_owned()),
        };
        let written = serde_json::to_string(&line).map_err(std::io::Error::from);
        let written = written.and_then(|text| file.write_all((text + "\n").as_bytes()));
        written.map_err(|source| StoreError::File { path: path.clone(), action: "written", source })
    }
}
