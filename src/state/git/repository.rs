//! Finds the repository that holds the state, and keeps the private bare copy that everything is done in.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::remote::Remote;
use super::{Git, Identity, Manner, authorization, environment, words};
use crate::private;
use crate::state::error::Error;
use crate::state::settings::{Location, StoreSettings};

/// What the user's git says about a project: read once, in two commands.
#[derive(Debug)]
pub(in crate::state) struct Project {
    /// The repository's own folder (`.git`); `None`: the project is in no repository.
    common: Option<PathBuf>,
    /// `sha1` or `sha256`.
    format: String,
    configuration: Vec<Setting>,
}

#[derive(Debug)]
struct Setting {
    scope: String,
    key: String,
    value: String,
}

impl Project {
    /// Reads repository and configuration of the folder `project`.
    pub(in crate::state) async fn read(project: &Path, manner: Manner) -> Result<Self, Error> {
        let git = Git::beside(project, manner);
        let arguments = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format"];
        let found = git.run(&arguments, Vec::new()).await?;
        let (common, format) = if found.success {
            let text = String::from_utf8_lossy(&found.stdout);
            let mut lines = text.lines();
            let common = lines.next().map(PathBuf::from);
            (common, lines.next().unwrap_or("sha1").to_owned())
        } else if String::from_utf8_lossy(&found.stderr).contains("not a git repository") {
            (None, String::from("sha1"))
        } else {
            return Err(super::failed(&arguments, &found.stderr));
        };
        let listed = git.output(&["config", "--includes", "--list", "-z", "--show-scope"], Vec::new()).await?;
        Ok(Self { common, format, configuration: settings(&listed) })
    }

    /// Who commits: the user's git identity, or one made of `fallback` (`user@host`).
    pub(in crate::state) fn identity(&self, fallback: &str) -> Identity {
        let from = |variable: &str, key: &str| {
            std::env::var(variable).ok().filter(|value| !value.is_empty()).or_else(|| self.last(key).map(str::to_owned))
        };
        let name = from("GIT_AUTHOR_NAME", "user.name");
        let email = from("GIT_AUTHOR_EMAIL", "user.email").or_else(|| std::env::var("EMAIL").ok());
        Identity::new(
            &name.unwrap_or_else(|| fallback.split('@').next().unwrap_or(fallback).to_owned()),
            &email.unwrap_or_else(|| fallback.to_owned()),
        )
    }

    /// The repository that holds the state branches, and the private copy of it.
    pub(in crate::state) async fn workspace(&self, settings: &StoreSettings) -> Result<(Git, Remote), Error> {
        let manner = settings.manner();
        let [sandbox, sandbox_copy] = Location::SANDBOX_FILES;
        self.refuse_committed(settings).await?;
        let mut configuration = self.transport();
        let remote = match &settings.location {
            Location::Remote(name) => {
                let (url, authorization) = authorization::apart(&self.url(name, settings)?);
                configuration.extend(authorization);
                Remote::elsewhere(url)
            }
            Location::Local => {
                let Some(common) = &self.common else {
                    return Err(Error::NoRepository { project: settings.project.clone() });
                };
                Remote::on_this_machine(common)
            }
            Location::Sandbox => {
                let path = settings.directory.join(sandbox);
                hide(&settings.directory)?;
                create(&path, "sha1", manner.clone()).await?;
                Remote::on_this_machine(&path)
            }
        };
        hide(&settings.directory)?;
        let (cache, format) = match &settings.location {
            Location::Sandbox => (settings.directory.join(sandbox_copy), "sha1"),
            Location::Remote(_) | Location::Local => {
                let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(remote.url().as_bytes()));
                (settings.directory.join("state").join(format!("{}.git", &digest[..16])), self.format.as_str())
            }
        };
        create(&cache, format, manner.clone()).await?;
        // As configuration, so that a token in the URL is in no argument list.
        configuration.push((format!("remote.{}.url", Remote::NAME), remote.url().to_owned()));
        Ok((Git::on(&cache, configuration, manner), remote))
    }

    /// Refuses a folder of windlass' own that came with a commit: a repository in it has a configuration, and git would do
    /// what that says.
    async fn refuse_committed(&self, settings: &StoreSettings) -> Result<(), Error> {
        if self.common.is_none() {
            return Ok(());
        }
        let own = settings.directory.strip_prefix(&settings.project).unwrap_or(&settings.directory);
        let arguments = [std::ffi::OsStr::new("ls-files"), "-z".as_ref(), "--".as_ref(), own.as_os_str()];
        let listed = Git::beside(&settings.project, settings.manner()).output(&arguments, Vec::new()).await?;
        match listed.split(|byte| *byte == 0).next().filter(|name| !name.is_empty()) {
            Some(_) => Err(Error::Committed { path: own.to_owned() }),
            None => Ok(()),
        }
    }

    /// The URL of `state.remote`: of the remote of that name, or the text itself.
    ///
    /// A remote's push URL wins: the side that takes our pushes is the truth, and the other may be a mirror that lags.
    /// `insteadOf` rules are left to git, which gets them handed over.
    fn url(&self, name: &str, settings: &StoreSettings) -> Result<String, Error> {
        let named = |what: &str| self.first(&format!("remote.{name}.{what}"));
        if let Some(url) = named("pushurl").or_else(|| named("url")) {
            return Ok(absolute(url, &self.top(settings)));
        }
        let is_name = !name.contains(['/', ':', '\\']) && !settings.project.join(name).exists();
        match (is_name, &self.common) {
            (true, None) => Err(Error::NoRepository { project: settings.project.clone() }),
            (true, Some(_)) => Err(Error::NoRemote { name: name.to_owned(), known: self.remotes() }),
            (false, _) => match is_inside(name, &settings.project) {
                true => Err(Error::RemoteInside { url: words::clean(name) }),
                false => Ok(absolute(name, &settings.project)),
            },
        }
    }

    /// Where relative URLs of remotes begin: at the top of the checkout.
    fn top(&self, settings: &StoreSettings) -> PathBuf {
        match self.common.as_deref() {
            Some(common) if common.file_name().is_some_and(|name| name == ".git") => {
                common.parent().unwrap_or(common).to_owned()
            }
            Some(_) | None => settings.project.clone(),
        }
    }

    fn remotes(&self) -> Vec<String> {
        let names = self.configuration.iter().filter_map(|setting| {
            setting.key.strip_prefix("remote.").and_then(|rest| rest.strip_suffix(".url")).map(str::to_owned)
        });
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// What the repository's own configuration says about the way to a remote. The user's and the system's apply to
    /// the private copy anyway.
    fn transport(&self) -> Vec<(String, String)> {
        let own = self.configuration.iter().filter(|setting| matches!(setting.scope.as_str(), "local" | "worktree"));
        let mut kept: Vec<(String, String)> = own
            .filter(|setting| environment::is_transport(&setting.key))
            .map(|setting| (setting.key.clone(), setting.value.clone()))
            .collect();
        let chosen = ["GIT_SSH", "GIT_SSH_COMMAND"].iter().any(|name| std::env::var_os(name).is_some());
        if !chosen && self.last("core.sshcommand").is_none() {
            // OpenSSH asks on the terminal by itself; in this mode it fails instead.
            kept.push((String::from("core.sshCommand"), String::from("ssh -oBatchMode=yes")));
        }
        kept
    }

    fn first(&self, key: &str) -> Option<&str> {
        self.configuration.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str())
    }

    fn last(&self, key: &str) -> Option<&str> {
        self.configuration.iter().rev().find(|setting| setting.key == key).map(|setting| setting.value.as_str())
    }
}

/// Reads `git config --list -z --show-scope`: scope, NUL, key, newline, value, NUL, ….
fn settings(listed: &[u8]) -> Vec<Setting> {
    let text = String::from_utf8_lossy(listed);
    let mut fields = text.split('\0');
    let mut settings = Vec::new();
    while let (Some(scope), Some(pair)) = (fields.next(), fields.next()) {
        // A key without a value means true.
        let (key, value) = pair.split_once('\n').unwrap_or((pair, "true"));
        settings.push(Setting { scope: scope.to_owned(), key: key.to_owned(), value: value.to_owned() });
    }
    settings
}

/// A path as an absolute path; a URL, or `host:path`, as it is.
fn absolute(url: &str, base: &Path) -> String {
    let colon = url.find(':');
    let is_path = match (colon, url.find('/')) {
        (None, _) => true,
        (Some(colon), Some(slash)) => slash < colon,
        (Some(_), None) => false,
    };
    if is_path { base.join(url).to_string_lossy().into_owned() } else { url.to_owned() }
}

/// Whether a URL is a path that leads to something within `folder`.
fn is_inside(url: &str, folder: &Path) -> bool {
    let path = url.strip_prefix("file://").unwrap_or(url);
    let real = |path: &Path| path.canonicalize().ok();
    match (real(Path::new(&absolute(path, folder))), real(folder)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        _ => false,
    }
}

/// Makes windlass' folder, which no `git status` ever shows.
fn hide(directory: &Path) -> Result<(), Error> {
    let ignore = directory.join(".gitignore");
    let make = || {
        private::folder(directory)?;
        if ignore.exists() { Ok(()) } else { std::fs::write(&ignore, "*\n") }
    };
    make().map_err(|source| Error::Io { path: directory.to_owned(), source })
}

/// Makes a bare repository without templates, so without hooks. Made beside its place and moved there whole, because
/// two processes may do this at once.
async fn create(path: &Path, format: &str, manner: Manner) -> Result<(), Error> {
    if path.join("HEAD").exists() {
        return Ok(());
    }
    let io = |source| Error::Io { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(io)?;
    let draft = folder.join(format!(".new-{}", super::objects::unique()?));
    let arguments = ["init", "--quiet", "--bare", "--template=", "--object-format", format];
    let arguments: Vec<_> = arguments.iter().map(std::ffi::OsStr::new).chain([draft.as_os_str()]).collect();
    Git::beside(folder, manner).output(&arguments, Vec::new()).await?;
    match std::fs::rename(&draft, path) {
        Ok(()) => Ok(()),
        // Another process was faster.
        Err(_) if path.join("HEAD").exists() => std::fs::remove_dir_all(&draft).map_err(io),
        Err(source) => Err(io(source)),
    }
}

impl Remote {
    /// For messages.
    pub(in crate::state) fn shown(&self) -> String {
        words::redact(self.url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_and_urls_are_left_alone() {
        let base = Path::new("/project");
        assert_eq!(absolute("../state.git", base), "/project/../state.git");
        assert_eq!(absolute("/srv/a:b.git", base), "/srv/a:b.git");
        for url in ["https://host/a.git", "git@host:team/a.git", "host:a", "file:///srv/a.git"] {
            assert_eq!(absolute(url, base), url);
        }
    }

    #[test]
    fn configuration_is_read_with_its_scopes_and_lines() {
        let read = settings(b"global\0user.name\nA B\0local\0http.x.extraheader\nline 1\nline 2\0local\0core.bare\0");
        let read: Vec<_> = read.iter().map(|s| (s.scope.as_str(), s.key.as_str(), s.value.as_str())).collect();
        assert_eq!(
            read,
            [
                ("global", "user.name", "A B"),
                ("local", "http.x.extraheader", "line 1\nline 2"),
                ("local", "core.bare", "true")
            ]
        );
    }
}
