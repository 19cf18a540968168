//! Files that a user names: read whole, or refused before they can do harm.
//!
//! A pipe that nobody writes to, a device that never ends or a log of gigabytes in place of a file must end in a message
//! and neither in waiting nor in a full memory.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// No file that a person writes comes near; a bigger one is a mistake (bytes).
pub const LARGEST: u64 = 1024 * 1024;

/// Plans and other files that programs write: some kilobytes for each of thousands of objects (bytes).
pub const LARGEST_MADE: u64 = 256 * 1024 * 1024;

/// Why a file was not read: a sentence fragment, to stand behind its name.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file system refused.
    #[error(transparent)]
    System(#[from] io::Error),
    /// A directory, a pipe, a device or a socket.
    #[error("it is not a file")]
    NotAFile,
    /// Larger than such a file can be.
    #[error("it has more than {most} bytes, and at most {most} are read")]
    TooLarge {
        /// How many bytes are read at most.
        most: u64,
    },
}

impl Unreadable {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// The content of a file of at most so many bytes.
///
/// # Errors
/// It is none, is larger, or the system refuses.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    // Opening a pipe would wait for its other end.
    let without_waiting = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(without_waiting).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unreadable::NotAFile);
    }
    if metadata.len() > most {
        return Err(Unreadable::TooLarge { most });
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // It may grow meanwhile, and files of the kernel do not say how long they are.
    file.take(most + 1).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > most) {
        return Err(Unreadable::TooLarge { most });
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .expect("a pipe can be made");
        for path in [&pipe, folder.path(), Path::new("/dev/zero")] {
            assert!(matches!(read(path, LARGEST), Err(Unreadable::NotAFile)), "{}", path.display());
        }
        assert!(read(&folder.path().join("nothing"), LARGEST).expect_err("not there").is_absence());
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").expect("files can be written");
        assert_eq!(read(&path, 5).expect("it fits"), b"12345");
        assert!(matches!(read(&path, 4), Err(Unreadable::TooLarge { most: 4 })));
    }
}
