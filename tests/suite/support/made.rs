//! Fleets that many tests go on from: made once in a process, kept in memory, and laid out anew for each test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::{Fleet, small_cluster};

/// By what was done to them.
static MADE: Mutex<BTreeMap<String, Arc<OnceLock<Folder>>>> = Mutex::new(BTreeMap::new());

/// What a folder holds.
struct Folder {
    folders: Vec<PathBuf>,
    files: Vec<(PathBuf, fs::Permissions, Vec<u8>)>,
}

impl Fleet {
    /// The example fleet without add-ons, and a cluster of it created.
    pub fn created(cluster: &str) -> Self {
        Self::made(&format!("{cluster} is created"), || applied(Self::new(), cluster))
    }

    /// The example fleet, and a cluster of it created.
    pub fn created_with_add_ons(cluster: &str) -> Self {
        Self::made(&format!("{cluster} is created with its add-ons"), || applied(Self::with_add_ons(), cluster))
    }

    /// The small project, and its cluster created.
    pub fn small_created() -> Self {
        Self::made("the small cluster is created", || applied(Self::small(), small_cluster::NAME))
    }

    /// A created cluster, and a commit that changes the tags of everything in it.
    pub fn to_update(cluster: &str) -> Self {
        let fleet = Self::created(cluster);
        let vars = format!("vars/{cluster}.yaml");
        fleet.write(&vars, &format!("{}\ntags:\n  costCenter: \"42\"\n", fleet.read(&vars)));
        fleet.commit("who pays");
        fleet
    }

    /// A cluster whose templates have changed since its machines were launched.
    pub fn outdated(cluster: &str) -> Self {
        Self::made(&format!("{cluster} is out of date"), || applied(Self::to_update(cluster), cluster))
    }

    fn made(what: &str, make: impl FnOnce() -> Self) -> Self {
        let made = Arc::clone(MADE.lock().expect("no test ends here").entry(what.to_owned()).or_default());
        // Whoever comes second waits for the first.
        let folder = made.get_or_init(|| Folder::read(&make().path()));
        let fleet = Self::nowhere();
        folder.write(&fleet.path());
        fleet
    }
}

fn applied(fleet: Fleet, cluster: &str) -> Fleet {
    fleet.sandboxed(&["apply", cluster, "--yes"]).exits(0);
    fleet
}

impl Folder {
    fn read(root: &Path) -> Self {
        let mut folder = Self { folders: vec![PathBuf::new()], files: Vec::new() };
        let mut next = 0;
        while let Some(inner) = folder.folders.get(next).cloned() {
            next += 1;
            for entry in fs::read_dir(root.join(&inner)).expect("a readable folder") {
                let entry = entry.expect("a readable entry");
                let (path, metadata) = (inner.join(entry.file_name()), entry.metadata().expect("metadata"));
                if metadata.is_dir() {
                    folder.folders.push(path);
                } else {
                    let bytes = fs::read(entry.path()).expect("a readable file");
                    folder.files.push((path, metadata.permissions(), bytes));
                }
            }
        }
        folder
    }

    fn write(&self, root: &Path) {
        for folder in &self.folders {
            fs::create_dir_all(root.join(folder)).expect("folders can be made");
        }
        for (path, permissions, bytes) in &self.files {
            fs::write(root.join(path), bytes).expect("files can be written");
            fs::set_permissions(root.join(path), permissions.clone()).expect("permissions can be set");
        }
    }
}
