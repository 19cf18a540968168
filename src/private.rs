//! Files and folders for their owner's eyes only, whatever the umask: written whole or not at all, never to where a link
//! of somebody else's leads. What exists with a looser mode is tightened.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The owner reads and writes.
const FILE: u32 = 0o600;
/// The owner, and nobody else, gets in.
const FOLDER: u32 = 0o700;
/// What everybody else may do.
const OTHERS: u32 = 0o077;

/// What a file must outlast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// This process.
    Process,
    /// A power cut.
    PowerCut,
}

/// Makes the folder that a file is to be in, if it is not there. One that is there may be anybody's, such as the working
/// directory, and stays as it is.
///
/// # Errors
/// Those of the file system.
pub fn folder_of(file: &Path) -> Result<()> {
    match file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if !parent.is_dir() => folder(parent),
        _ => Ok(()),
    }
}

/// Makes a folder of windlass' own, with what is missing above it.
///
/// # Errors
/// Those of the file system; something else is there, or a link.
pub fn folder(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_dir() => return Err(Error::new(ErrorKind::NotADirectory, "it is no folder")),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
        }
        Err(error) => return Err(error),
    }
    tighten(path, FOLDER)
}

/// Writes a file that must not exist: whoever sees it, sees all of it.
///
/// # Errors
/// It exists; those of the file system; nothing half-written stays.
pub fn create(path: &Path, content: &[u8], lasting: Lasting) -> Result<()> {
    by_draft(path, content, lasting, |draft| {
        // Unlike a rename, it replaces nothing.
        fs::hard_link(draft, path)?;
        fs::remove_file(draft)
    })
}

/// Replaces a file, or makes it: whoever reads it sees the old content or the new.
///
/// # Errors
/// Those of the file system; nothing half-written stays.
pub fn replace(path: &Path, content: &[u8], lasting: Lasting) -> Result<()> {
    by_draft(path, content, lasting, |draft| fs::rename(draft, path))
}

/// Writes beside the file, and puts that in its place.
fn by_draft(path: &Path, content: &[u8], lasting: Lasting, place: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let draft = draft(path)?;
    let done = write(&draft, content, lasting).and_then(|()| place(&draft));
    if done.is_err() {
        // That it cannot be removed adds nothing to the first error.
        let _removed = fs::remove_file(&draft);
    }
    done
}

/// A new file, empty and open; a umask that takes more away than it should does not matter.
///
/// # Errors
/// It exists; those of the file system.
pub fn open_new(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(FILE).open(path)?;
    file.set_permissions(Permissions::from_mode(FILE))?;
    Ok(file)
}

/// A new file with this content.
fn write(path: &Path, content: &[u8], lasting: Lasting) -> Result<()> {
    let mut file = open_new(path)?;
    file.write_all(content)?;
    match lasting {
        Lasting::Process => Ok(()),
        Lasting::PowerCut => file.sync_all(),
    }
}

/// Opens a file that processes share, such as a lock, and makes it if it is missing; its content stays.
///
/// # Errors
/// Those of the file system.
pub fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE).open(path)?;
    file.set_permissions(Permissions::from_mode(FILE))?;
    Ok(file)
}

/// Takes a file that another program has made from everybody but its owner.
///
/// # Errors
/// Those of the file system.
pub fn take(path: &Path) -> Result<()> {
    tighten(path, FILE)
}

/// Whether others than the owner can read or change a file. A pipe or a device is nobody's.
///
/// # Errors
/// Those of the file system.
pub fn is_open_to_others(path: &Path) -> Result<bool> {
    let metadata = fs::metadata(path)?;
    Ok(metadata.is_file() && metadata.permissions().mode() & OTHERS != 0)
}

fn tighten(path: &Path, mode: u32) -> Result<()> {
    let present = fs::metadata(path)?.permissions().mode() & 0o777;
    if present == mode { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode)) }
}

/// A name beside the file that nobody can have put something at.
fn draft(path: &Path) -> Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::other(error.to_string()))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", data_encoding::HEXLOWER.encode(&random)));
    Ok(PathBuf::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_loose_file_is_replaced_by_a_tight_one_and_nothing_stays_beside_it() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let file = scratch.path().join("a");
        fs::write(&file, "old").expect("a file");
        fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("permissions");
        assert!(is_open_to_others(&file).expect("a mode"));
        replace(&file, b"new", Lasting::PowerCut).expect("replaced");
        assert_eq!((fs::read(&file).expect("readable"), mode(&file)), (b"new".to_vec(), FILE));
        assert!(!is_open_to_others(&file).expect("a mode"));
        assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 1);
        create(&file, b"again", Lasting::Process).expect_err("it exists");
    }

    #[test]
    fn of_many_that_make_a_file_at_once_one_does_and_nobody_sees_a_part_of_it() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        for round in 0..50 {
            let file = scratch.path().join(round.to_string());
            let makes = |letter: u8| {
                let made = create(&file, &[letter; 1 << 16], Lasting::Process);
                let seen = fs::read(&file).expect("it is there");
                assert!(seen.len() == 1 << 16 && seen.iter().all(|it| *it == seen[0]), "{} bytes", seen.len());
                made.is_ok()
            };
            let made = std::thread::scope(|scope| {
                let contenders: Vec<_> = (b'a'..b'h').map(|letter| scope.spawn(move || makes(letter))).collect();
                contenders.into_iter().map(|it| it.join().expect("no panic")).filter(|it| *it).count()
            });
            assert_eq!(made, 1);
        }
        assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 50, "drafts are left");
    }

    #[test]
    fn a_loose_folder_is_tightened_and_a_link_is_none() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let (folder_, link) = (scratch.path().join("a/b"), scratch.path().join("link"));
        folder(&folder_).expect("made");
        assert_eq!(mode(&folder_), FOLDER);
        fs::set_permissions(&folder_, Permissions::from_mode(0o777)).expect("permissions");
        folder(&folder_).expect("there");
        assert_eq!(mode(&folder_), FOLDER);
        std::os::unix::fs::symlink(&folder_, &link).expect("a link");
        folder(&link).expect_err("whose it is, nobody knows");
    }
}
