//! Looks at folders while a command runs, for files that are there only for a moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(3);
/// Larger files are no drafts of anything.
const LARGEST: u64 = 1024 * 1024;
/// What holds secrets by its nature, with its drafts.
const HOLDER: &str = "sandbox";

/// A thread that looks.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeMap<(PathBuf, u64), Vec<u8>>>,
}

impl Watcher {
    /// Watches the files directly in these folders.
    pub fn over(folders: &[PathBuf]) -> Self {
        let (stop, folders) = (Arc::new(AtomicBool::new(false)), folders.to_vec());
        let stopped = Arc::clone(&stop);
        let thread = spawn(move || {
            let mut seen = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                for folder in &folders {
                    look(folder, &mut seen);
                }
                sleep(PAUSE);
            }
            seen
        });
        Self { stop, thread }
    }

    /// Every content that a file had.
    pub fn seen(self) -> Vec<(String, Vec<u8>)> {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("the watcher looks on");
        seen.into_iter().map(|((path, _), content)| (path.display().to_string(), content)).collect()
    }
}

fn look(folder: &Path, seen: &mut BTreeMap<(PathBuf, u64), Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_holder = entry.file_name().to_string_lossy().starts_with(HOLDER);
        let Ok(metadata) = entry.metadata() else { continue };
        let key = (path, metadata.len());
        if metadata.is_file() && metadata.len() <= LARGEST && !is_holder && !seen.contains_key(&key) {
            // It may be gone already.
            if let Ok(content) = fs::read(&key.0) {
                seen.insert(key, content);
            }
        }
    }
}
