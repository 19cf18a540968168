//! age identities: the private keys that open what is sealed. Read from files, kept in memory only.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519;

use super::Secret;
use super::error::SealError;
use crate::{file, private};

/// Names the file with the identities.
const VARIABLE: &str = "WINDLASS_AGE_KEY_FILE";

/// Identities and the files that they came from.
#[derive(Clone, Default)]
pub struct Identities {
    keys: Vec<x25519::Identity>,
    sources: Vec<String>,
}

impl Identities {
    /// Reads the file that `WINDLASS_AGE_KEY_FILE` names, or else all that exist of the usual places.
    ///
    /// # Errors
    /// When there is none, and when a file is not what it should be.
    pub fn find() -> Result<Self, SealError> {
        Self::find_in(&|name| std::env::var_os(name))
    }

    /// As [`Identities::find`], in this environment.
    ///
    /// # Errors
    /// As [`Identities::find`].
    pub fn find_in(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, SealError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = set(VARIABLE) {
            return Self::from_file(&path);
        }
        let searched = usual_places(&set);
        let mut found = Self::default();
        for path in searched.iter().filter(|path| path.exists()) {
            found = found.and(Self::from_file(path)?);
        }
        if found.is_empty() { Err(SealError::NoIdentity { searched }) } else { Ok(found) }
    }

    /// Reads one file: a key per line, comments with `#`.
    ///
    /// # Errors
    /// When it cannot be read, has a line that is neither, or has no key.
    pub fn from_file(path: &Path) -> Result<Self, SealError> {
        let unreadable = |source| SealError::Unreadable { path: path.to_owned(), source };
        let content = Secret::new(file::read(path, file::LARGEST).map_err(unreadable)?);
        if private::is_open_to_others(path).map_err(|error| unreadable(error.into()))? {
            return Err(SealError::OpenToOthers { path: path.to_owned() });
        }
        Self::from_content(path, &content)
    }

    pub(super) fn from_content(path: &Path, content: &Secret) -> Result<Self, SealError> {
        let mut keys = Vec::new();
        // Neither a line nor age's own message about it may be shown: both can hold the key.
        for (index, line) in content.expose().split(|&byte| byte == b'\n').enumerate() {
            let bad = || SealError::BadIdentity { path: path.to_owned(), line: index + 1 };
            let line = std::str::from_utf8(line).map_err(|_| bad())?;
            let line = if index == 0 { line.trim_start_matches('\u{feff}') } else { line }.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.push(line.parse::<x25519::Identity>().map_err(|_| bad())?);
        }
        if keys.is_empty() {
            return Err(SealError::EmptyIdentities { path: path.to_owned() });
        }
        Ok(Self { keys, sources: vec![path.display().to_string()] })
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self.sources.extend(other.sources);
        self
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The files that they came from.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Their recipients, `age1…`, sorted, each once.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        let distinct: BTreeSet<String> = self.keys.iter().map(|key| key.to_public().to_string()).collect();
        distinct.into_iter().collect()
    }

    /// A new identity: the text of a file that holds it, and its recipient.
    #[must_use]
    pub fn generate() -> (Secret, String) {
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let text = format!("# public key: {recipient}\n{}\n", identity.to_string().expose_secret());
        (Secret::from(text), recipient)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &x25519::Identity> {
        self.keys.iter()
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identities({} from {})", self.keys.len(), self.sources.join(", "))
    }
}

/// windlass's own file, age's usual one, and sops's, because whoever has age keys mostly has them there.
fn usual_places(set: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let home = set("HOME");
    let below_home = home.map(|home| home.join(".config"));
    let configuration = set("XDG_CONFIG_HOME").into_iter().chain(below_home.clone());
    let mut places = Vec::new();
    let mut add = |base: PathBuf, rest: &str| {
        let path = base.join(rest);
        if !places.contains(&path) {
            places.push(path);
        }
    };
    for base in configuration.clone() {
        add(base, "windlass/keys.txt");
    }
    if let Some(base) = below_home {
        add(base, "age/keys.txt");
    }
    for base in configuration {
        add(base, "sops/age/keys.txt");
    }
    places
}
