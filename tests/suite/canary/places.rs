//! Where a secret could be seen: files, and every object of every repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that hold secrets by their nature.
const HOLDERS: [&str; 2] = ["sandbox.json", "sandbox-age-key.txt"];

/// Every file below a folder, with its path.
pub fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, found);
        } else if path.is_file() && !HOLDERS.iter().any(|name| path.ends_with(name)) {
            found.push((path.display().to_string(), fs::read(&path).expect("a file can be read")));
        }
    }
}

/// The content of every object of a repository, reachable or not, in packs or not.
pub fn objects(repository: &Path) -> Vec<u8> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository).args(["cat-file", "--batch-all-objects", "--batch", "--unordered"]);
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "{}: {}", repository.display(), String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The repositories below a folder.
pub fn repositories(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
        found.push(folder.to_owned());
        return;
    }
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && !path.is_symlink() {
            repositories(&path, found);
        }
    }
}
