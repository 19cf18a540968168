//! kubeconfig documents: building one, merging it into a file that a person already has, taking it out again.
//!
//! Whatever belongs to somebody else stays: other contexts, clusters and users, fields that windlass does not know, and
//! their order. A file that cannot be understood is refused and not touched. Comments do not survive: kubectl drops
//! them as well.

mod edit;
#[cfg(test)]
mod tests;
mod write;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use crate::render::source::Source;
use crate::render::yaml;
use crate::secret::Secret;

/// A cluster, a user and the context that joins them.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// Name of the context, and of the cluster in it.
    pub context: String,
    /// Name of the user in it; no two clusters' users may have the same.
    pub user: String,
    /// `https://…`.
    pub server: String,
    /// The name that the server's certificate must have, where it is another than that of `server`.
    pub tls_server_name: Option<String>,
    /// Authorities that are trusted.
    pub trust: Trust,
    /// What the user proves itself with.
    pub credentials: Credentials,
}

/// The authorities that a client trusts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// PEM, one or several certificates.
    Embedded(String),
    /// The path of a file, which is read again when it changes.
    File(String),
}

/// A client certificate and its key.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// In the document.
    Embedded {
        /// PEM.
        certificate: String,
        /// PEM.
        key: Secret,
    },
    /// Paths of files; clients read them again when they change, so a renewal needs no restart.
    Files {
        /// Path of the certificate.
        certificate: String,
        /// Path of the key; may be the same file.
        key: String,
    },
}

/// What happens to `current-context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// The merged context becomes the current one.
    Switch,
    /// It stays, unless there is none.
    Keep,
}

/// Why an existing file was not changed. No message holds any of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// Not YAML.
    #[error("the kubeconfig is not valid YAML (line {line}, column {column}); it was not changed")]
    Yaml {
        /// From 1; 0 when that cannot be told.
        line: usize,
        /// From 1; 0 when that cannot be told.
        column: usize,
    },
    /// YAML, but no kubeconfig.
    #[error("the kubeconfig cannot be understood: {0}; it was not changed")]
    Shape(&'static str),
}

impl Kubeconfig {
    /// A document with this context only.
    #[must_use]
    pub fn document(&self) -> Secret {
        let mut document = Map::new();
        edit::insert(&mut document, self, Current::Switch);
        write::yaml(&Value::Object(document))
    }

    /// The content of an existing file (empty when there is none) with this context added, or replaced if one of its
    /// name is in it.
    ///
    /// # Errors
    /// When the existing content is not a kubeconfig.
    pub fn merge(&self, existing: &Secret, current: Current) -> Result<Secret, KubeconfigError> {
        let mut document = read(existing)?;
        edit::check(&document)?;
        edit::insert(&mut document, self, current);
        Ok(write::yaml(&Value::Object(document)))
    }

    fn cluster_fields(&self) -> Vec<(&'static str, Value)> {
        let trust = match &self.trust {
            Trust::Embedded(pem) => ("certificate-authority-data", json!(BASE64.encode(pem.as_bytes()))),
            Trust::File(path) => ("certificate-authority", json!(path)),
        };
        let name = self.tls_server_name.as_ref().map(|name| ("tls-server-name", json!(name)));
        [("server", json!(self.server)), trust].into_iter().chain(name).collect()
    }

    fn user_fields(&self) -> Vec<(&'static str, Value)> {
        match &self.credentials {
            Credentials::Embedded { certificate, key } => vec![
                ("client-certificate-data", json!(BASE64.encode(certificate.as_bytes()))),
                ("client-key-data", json!(BASE64.encode(key.expose()))),
            ],
            Credentials::Files { certificate, key } => {
                vec![("client-certificate", json!(certificate)), ("client-key", json!(key))]
            }
        }
    }
}

/// The content of a file without a context, and without its cluster and its user unless another context needs them;
/// `None` when the context is not in it.
///
/// # Errors
/// When the content is not a kubeconfig.
pub fn remove(existing: &Secret, context: &str) -> Result<Option<Secret>, KubeconfigError> {
    let mut document = read(existing)?;
    edit::check(&document)?;
    Ok(edit::remove(&mut document, context).then(|| write::yaml(&Value::Object(document))))
}

fn read(existing: &Secret) -> Result<Map<String, Value>, KubeconfigError> {
    let text = existing.expose_text().map_err(|_| KubeconfigError::Shape("it is not UTF-8"))?;
    // YAML 1.1's booleans, as kubectl reads them: `insecure-skip-tls-verify: yes` must not become a word.
    let mut documents = yaml::foreign::<Value>(&Source::new("kubeconfig", text)).map_err(|problem| {
        let place = problem.places.first();
        KubeconfigError::Yaml {
            line: place.map_or(0, |place| place.line),
            column: place.map_or(0, |place| place.column),
        }
    })?;
    match (documents.pop(), documents.is_empty()) {
        (None | Some(Value::Null), true) => Ok(Map::new()),
        (Some(Value::Object(document)), true) => Ok(document),
        (_, true) => Err(KubeconfigError::Shape("its top is not a mapping")),
        (_, false) => Err(KubeconfigError::Shape("it has several documents")),
    }
}
