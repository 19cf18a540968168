//! Repositories to test with: bare ones as hosts, clones as projects, and a host that speaks smart HTTP.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Runs git in `folder`, without the configuration of whoever runs the tests; its standard output.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.org");
    }
    let output = command.arg("-C").arg(folder).args(arguments).output().expect("git runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?} in {}: {stderr}", folder.display());
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A bare repository that takes pushes over HTTP.
pub fn bare(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder");
    git(folder, &["init", "--quiet", "--bare"]);
    git(folder, &["config", "http.receivepack", "true"]);
    folder.to_owned()
}

/// A project in a repository with one commit, whose `origin` is `url`.
pub fn project(folder: &Path, url: &str) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder");
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    // Whatever proxy the machine has, loopback is reached directly.
    git(folder, &["config", "http.proxy", ""]);
    git(folder, &["remote", "add", "origin", url]);
    std::fs::write(folder.join("windlass.yaml"), "# a project\n").expect("a file");
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "Begin"]);
    folder.to_owned()
}

/// An executable hook.
pub fn hook(repository: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = repository.join("hooks").join(name);
    std::fs::create_dir_all(repository.join("hooks")).expect("a folder");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("an executable file");
}

/// A host that speaks smart HTTP on a free loopback port; ends when dropped.
pub struct Host {
    server: Child,
    /// Closing it ends the server.
    _stdin: ChildStdin,
    folder: PathBuf,
    port: u16,
}

impl Host {
    /// Serves all repositories in `folder`.
    pub fn serving(folder: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/support/git_http.py");
        let git = Command::new("git").arg("--exec-path").output().expect("git runs");
        let backend = Path::new(String::from_utf8_lossy(&git.stdout).trim()).join("git-http-backend");
        assert!(
            backend.exists(),
            "these tests need `git http-backend`, and {} does not exist: install git with its HTTP server part",
            backend.display()
        );
        let mut server = Command::new("python3")
            .arg(&script)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests need python3 in PATH: install Python 3, its standard library is enough");
        let stdin = server.stdin.take().expect("a pipe");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the server prints its port");
        let port = line.trim().parse().expect("a port: see what the server said above");
        Self { server, _stdin: stdin, folder: folder.to_owned(), port }
    }

    /// The URL of a repository in the folder.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// What happens to the next push: see `git_http.py`.
    pub fn fault(&self, kind: &str) {
        std::fs::write(self.folder.join("fault"), kind).expect("a file");
    }

    /// Whether a fault still waits for its push.
    pub fn fault_is_pending(&self) -> bool {
        self.folder.join("fault").exists()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
