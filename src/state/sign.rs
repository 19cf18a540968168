//! A sign that a run lives: a file that its process keeps locked (`flock(2)`). The kernel lets the lock go when the
//! process ends, however it ends, and not while it only stands still. So another process of the same machine knows for
//! certain that a run is dead, and need not watch the branch for a whole lease.
//!
//! The file's date says when the run was last seen alive, to a second, by its own clock.
//!
//! Only a file that was made here since the machine started tells anything: some network file systems keep such locks on
//! each machine for itself. And a copy of the file is no sign, because nobody keeps it locked.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::fs::OFlags;

use super::layout::is_id;
use crate::planted::{self, Bug};
use crate::private;

/// Where Linux says which start of the machine this is (random(4)). Other systems have no such file, and no signs.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Where the signs of a cluster's runs are, in windlass' own folder.
#[derive(Clone, Debug)]
pub(super) struct Signs {
    folder: PathBuf,
}

/// The sign of a run of this process: whoever looks finds it alive until this is dropped.
#[derive(Debug)]
pub(super) struct Sign {
    path: PathBuf,
    /// Locked.
    file: File,
}

impl Signs {
    /// Those of a cluster, in windlass' own folder.
    pub(super) fn of(own: &Path, cluster: &str) -> Self {
        Self { folder: own.join("runs").join(cluster) }
    }

    /// From now on the run is seen to live.
    ///
    /// # Errors
    /// Those of the file system, and where there are no signs: then the run's lock is held by its lease alone.
    pub(super) fn give(&self, run: &str, now: Timestamp) -> Result<Sign> {
        let path = self.path(run)?;
        private::folder(&self.folder)?;
        let mut file = private::open_new(&path)?;
        file.try_lock()?;
        let mark = mark(&file)?;
        file.write_all(mark.as_bytes())?;
        let sign = Sign { path, file };
        sign.pulse(now)?;
        Ok(sign)
    }

    /// When the run was last seen alive, if it is known to have ended. That it is not known says nothing.
    pub(super) fn death(&self, run: &str) -> Option<Timestamp> {
        let path = self.path(run).ok()?;
        let is_dead = is_left(&path).unwrap_or(false);
        let date = is_dead.then(|| fs::metadata(path).and_then(|metadata| metadata.modified()).ok()).flatten()?;
        Timestamp::try_from(date).ok()
    }

    /// Removes what dead runs have left: for whoever has the lock, so that none of them holds it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn tidy(&self) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if is_left(&path).unwrap_or(false) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// The name comes from the branch: it may be anything.
    fn path(&self, run: &str) -> Result<PathBuf> {
        match is_id(run) {
            true => Ok(self.folder.join(run)),
            false => Err(Error::new(ErrorKind::InvalidInput, "it is no name of a run")),
        }
    }
}

impl Sign {
    /// The run is alive at this moment.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn pulse(&self, now: Timestamp) -> Result<()> {
        self.file.set_modified(SystemTime::from(now))
    }

    /// The run has given its lock back.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn take_back(&self) -> Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Whether the file is the sign of a process of this machine that has ended.
fn is_left(path: &Path) -> Result<bool> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mark = mark(&file)?;
    let mut content = String::new();
    (&mut file).take(2 * mark.len() as u64).read_to_string(&mut content)?;
    let is_ours = content == mark;
    // Shared: two that look at the same time do not take each other for its owner.
    Ok(is_ours && (planted::is(Bug::BuriedAlive) || file.try_lock_shared().is_ok()))
}

/// What stands in a sign: this start of the machine, and this very file.
fn mark(file: &File) -> Result<String> {
    Ok(format!("{} {}\n", fs::read_to_string(BOOT)?.trim(), file.metadata()?.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_764_000_000, 0);

    /// A process that does not outlive a failed test.
    struct Killed(std::process::Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            // It may have ended, and nobody is left to be told.
            let _ended = self.0.kill().and_then(|()| self.0.wait());
        }
    }

    fn signs() -> (tempfile::TempDir, Signs) {
        let folder = tempfile::tempdir().expect("a folder");
        let signs = Signs::of(folder.path(), "prod.k8s.example");
        (folder, signs)
    }

    #[test]
    fn a_run_is_dead_when_its_process_is_and_not_before() {
        let (_folder, signs) = signs();
        let sign = signs.give("run-1", NOW).expect("a sign");
        assert!(signs.death("run-1").is_none());
        drop(sign);
        // Whoever looks changes nothing.
        assert!(signs.death("run-1") == Some(NOW) && signs.death("run-1") == Some(NOW));
    }

    #[test]
    fn a_process_that_was_killed_is_dead_and_one_that_was_stopped_is_not() {
        let (_folder, signs) = signs();
        let sign = signs.give("run-1", NOW).expect("a sign");
        let path = signs.path("run-1").expect("a path");
        // Another process keeps the lock: it got the file as its output.
        let locked = OpenOptions::new().append(true).open(&path).expect("a file");
        drop(sign);
        locked.try_lock().expect("nobody has it");
        let mut child = Killed({
            let mut command = std::process::Command::new("sleep");
            command.arg("600").stdout(locked).stderr(std::process::Stdio::null()).spawn().expect("a process")
        });
        assert!(signs.death("run-1").is_none());
        let id = rustix::process::Pid::from_child(&child.0);
        rustix::process::kill_process(id, rustix::process::Signal::STOP).expect("a process to stop");
        assert!(signs.death("run-1").is_none());
        child.0.kill().expect("a process to kill");
        child.0.wait().expect("an end");
        assert!(signs.death("run-1").is_some());
    }

    #[test]
    fn what_is_no_sign_of_this_machine_tells_nothing() {
        let (_folder, signs) = signs();
        assert!(signs.death("never-seen").is_none());
        let sign = signs.give("run-1", NOW).expect("a sign");
        let path = signs.path("run-1").expect("a path");
        // A copy of the project, made while the run lives.
        fs::copy(&path, path.with_file_name("run-2")).expect("a copy");
        assert!(signs.death("run-2").is_none());
        drop(sign);
        // The machine was started anew, or it is another one's file.
        let content = fs::read_to_string(&path).expect("a sign");
        let (_, file) = content.split_once(' ').expect("two words");
        fs::write(&path, format!("00000000-0000-0000-0000-000000000000 {file}")).expect("a file");
        assert!(signs.death("run-1").is_none());
        // Its process ended before it had written it.
        fs::write(&path, "").expect("a file");
        assert!(signs.death("run-1").is_none());
        for odd in ["", "../run-1", "a/b", "."] {
            assert!(signs.death(odd).is_none() && signs.give(odd, NOW).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_dead_runs_left_is_removed_and_a_living_one_is_not() {
        let (_folder, signs) = signs();
        signs.give("run-1", NOW).expect("a sign");
        let alive = signs.give("run-2", NOW).expect("a sign");
        signs.tidy().expect("an order");
        let left: Vec<_> =
            fs::read_dir(&signs.folder).expect("a folder").map(|it| it.expect("a file").file_name()).collect();
        assert_eq!(left, ["run-2"]);
        alive.take_back().expect("its own");
        assert_eq!(fs::read_dir(&signs.folder).expect("a folder").count(), 0);
    }
}
