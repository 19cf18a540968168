//! Keeps a world in memory or in a file that several processes share.
//!
//! The file is replaced atomically, so that a killed process leaves the world of before or of after a call.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{Place, World, world::VERSION};
use crate::private::{self, Lasting};

/// So long what API servers changed may wait to be stored, in real time: a person does not notice it, and a world of
/// 300 nodes takes a tenth of that to write.
pub const DELAY: std::time::Duration = std::time::Duration::from_millis(250);

/// Why a world could not be loaded or stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("the sandbox's world {path} cannot be {action}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// `read`, `written` or `locked`.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The content is not a world.
    #[error("the sandbox's world {path} cannot be understood: {source}; `windlass sandbox reset` makes a new one")]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another version of windlass wrote it.
    #[error(
        "the sandbox's world {path} has version {found}, this windlass reads {VERSION}; `windlass sandbox reset` makes a new one"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in it.
        found: u64,
    },
}

/// Where the world is, and what of it was seen last.
#[derive(Debug)]
pub struct Store {
    place: Place,
    seen: Option<Stamp>,
}

/// Tells one version of a file from the next: every save makes a new inode.
type Stamp = (u64, u64, i64, i64);

/// Held as long as it lives: the operating system takes it back when the process dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "dropping the file gives the lock back")] Option<File>);

impl Store {
    pub const fn new(place: Place) -> Self {
        Self { place, seen: None }
    }

    /// Waits for the other processes; they hold it for one call each.
    pub fn lock(&self) -> Result<Lock, StoreError> {
        let Place::File(path) = &self.place else { return Ok(Lock(None)) };
        let failed = |source: std::io::Error| StoreError::File { path: path.clone(), action: "locked", source };
        private::folder_of(path).map_err(failed)?;
        let file = private::open(&beside(path, ".lock")).map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        Ok(Lock(Some(file)))
    }

    /// The stored world, `None` if there is none.
    pub fn load(&mut self) -> Result<Option<World>, StoreError> {
        let Place::File(path) = &self.place else { return Ok(None) };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::File { path: path.clone(), action: "read", source }),
        };
        let content = |source| StoreError::Content { path: path.clone(), source };
        #[derive(serde::Deserialize)]
        struct Version {
            version: u64,
        }
        let Version { version } = serde_json::from_slice(&text).map_err(content)?;
        if version != u64::from(VERSION) {
            return Err(StoreError::Version { path: path.clone(), found: version });
        }
        let world = serde_json::from_slice(&text).map_err(content)?;
        self.seen = stamp(path);
        Ok(Some(world))
    }

    /// The stored world if another process replaced it since it was seen last.
    pub fn reload(&mut self) -> Result<Option<World>, StoreError> {
        match &self.place {
            Place::File(path) if stamp(path) != self.seen => self.load(),
            Place::File(_) | Place::Memory => Ok(None),
        }
    }

    /// Whether the world is in a file.
    pub const fn is_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// Replaces the stored world.
    pub fn save(&mut self, world: &World) -> Result<(), StoreError> {
        let Place::File(path) = &self.place else { return Ok(()) };
        let failed = |source: std::io::Error| StoreError::File { path: path.clone(), action: "written", source };
        let text = serde_json::to_vec(world).map_err(|error| failed(error.into()))?;
        private::replace(path, &text, Lasting::Process).map_err(failed)?;
        self.seen = stamp(path);
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}
