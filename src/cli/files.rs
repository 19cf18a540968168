//! Files that the user names on the command line; and those that hold secrets: found where other tools look for them,
//! replaced whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::failure::Stopped;
use crate::exit::Exit;
use crate::file;
use crate::private::{self, Lasting};
use crate::problem::{Problem, Problems};
use crate::render::source::Source;
use crate::secret::Secret;

/// The text of a file of at most so many bytes.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn source(path: &Path, most: u64) -> Result<Source, Problems> {
    let name = path.display().to_string();
    let content = file::read(path, most).map_err(|error| Problem::error(format!("cannot read {name}: {error}")))?;
    Ok(Source::from_bytes(name, content)?)
}

/// The file that kubectl writes to: the first of $KUBECONFIG, or ~/.kube/config.
///
/// # Errors
/// When there is neither the variable nor a home.
pub fn kubeconfig() -> anyhow::Result<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    if let Some(first) = std::env::split_paths(&listed).find(|path| !path.as_os_str().is_empty()) {
        return Ok(first);
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.context("neither KUBECONFIG nor HOME says where the kubeconfig is")?;
    Ok(PathBuf::from(home).join(".kube/config"))
}

/// Replaces the content of a file by what `change` makes of it (of nothing, when there is none): for the owner's eyes
/// only, at one stroke. kubectl's own lock file keeps it away meanwhile.
///
/// # Errors
/// Those of `change`, of the file system, and when somebody else is changing it.
pub fn change(path: &Path, change: impl FnOnce(&Secret) -> anyhow::Result<Secret>) -> anyhow::Result<()> {
    // Behind a link stands the file that is meant: the link stays.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    private::folder_of(&path).with_context(|| format!("cannot make the folder of {}", path.display()))?;
    let _lock = Lock::take(&path)?;
    let existing = match file::read(&path, file::LARGEST_MADE) {
        Ok(content) => Secret::new(content),
        Err(error) if error.is_absence() => Secret::new(Vec::new()),
        Err(error) => return Err(anyhow::Error::from(error).context(format!("cannot read {}", path.display()))),
    };
    let content = change(&existing).with_context(|| format!("cannot add to {}", path.display()))?;
    private::replace(&path, content.expose(), Lasting::PowerCut)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file of its own, for the owner's eyes only; it must not exist.
///
/// # Errors
/// When it exists, or cannot be written.
pub fn create(path: &Path, content: &Secret) -> anyhow::Result<()> {
    private::create(path, content.expose(), Lasting::PowerCut)
        .with_context(|| format!("cannot make {}", path.display()))
}

/// The lock of client-go (tools/clientcmd, `lockFile`): a file beside it, which must not exist.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> anyhow::Result<Self> {
        let lock = suffixed(path, ".lock");
        match private::create(&lock, b"", Lasting::Process) {
            Ok(()) => Ok(Self(lock)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let message = format!(
                    "{} is being changed by another program\n  hint: if none is running, remove {}",
                    path.display(),
                    lock.display()
                );
                Err(Stopped::new(Exit::Unexpected, message).into())
            }
            Err(error) => Err(anyhow::Error::from(error).context(format!("cannot make {}", lock.display()))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that stays behind is named by the next one who meets it.
        let _removed = fs::remove_file(&self.0);
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
