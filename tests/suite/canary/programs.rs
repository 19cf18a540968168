//! Programs that windlass starts, replaced by ones that write down their arguments and their environment first.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Wrappers in a folder of their own.
pub struct Programs {
    folder: PathBuf,
}

/// One program that was started.
#[derive(Debug)]
pub struct Started {
    /// Its arguments.
    pub arguments: Vec<u8>,
    /// Its environment: `NAME=value`, each with a line end.
    pub environment: Vec<u8>,
}

impl Programs {
    /// Wraps git, and what git starts to speak HTTP.
    pub fn new(folder: &Path) -> Self {
        let this = Self { folder: folder.to_owned() };
        for name in ["bin", "exec", "log"] {
            fs::create_dir_all(folder.join(name)).expect("folders can be made");
        }
        let real = which("git");
        this.wrap(&folder.join("bin/git"), &real);
        let output = Command::new(&real).arg("--exec-path").output().expect("git runs");
        let exec = PathBuf::from(String::from_utf8(output.stdout).expect("a UTF-8 path").trim());
        for entry in fs::read_dir(&exec).expect("git has programs") {
            let entry = entry.expect("an entry");
            let name = entry.file_name();
            let there = folder.join("exec").join(&name);
            match name.to_str() {
                Some("git-remote-http" | "git-remote-https") => this.wrap(&there, &entry.path()),
                _ => symlink(entry.path(), there).expect("links can be made"),
            }
        }
        this
    }

    fn wrap(&self, at: &Path, real: &Path) {
        let log = self.folder.join("log");
        // A file for each process: lines of two would mix.
        let script = format!(
            "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/cmdline > {log}/$$.arguments\nprintf '%s\\n' \"$@\" >> {log}/$$.arguments\n\
             env > {log}/$$.environment\nexec {real} \"$@\"\n",
            log = log.display(),
            real = real.display()
        );
        fs::write(at, script).expect("files can be written");
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("permissions");
    }

    /// Makes a command find them.
    pub fn in_the_way(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = self.folder.join("bin");
        let all = std::env::join_paths([first].into_iter().chain(std::env::split_paths(&path))).expect("a path");
        command.env("PATH", all).env("GIT_EXEC_PATH", self.folder.join("exec"));
    }

    /// What was started so far; the next call gives only what comes after.
    pub fn started(&self) -> Vec<Started> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.folder.join("log")).expect("a folder can be read") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|it| it == "arguments") {
                let environment = path.with_extension("environment");
                all.push(Started {
                    arguments: fs::read(&path).expect("a file can be read"),
                    environment: fs::read(&environment).expect("a file can be read"),
                });
                fs::remove_file(&path).and_then(|()| fs::remove_file(&environment)).expect("files can be removed");
            }
        }
        all
    }
}

fn which(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("these tests need {name} in PATH"))
}
