//! Which kinds the cluster serves, asked once for each version of a group.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::Error;
use crate::install::GroupKind;
use crate::kubernetes::{Kubernetes, ObjectKind};

/// What was asked so far.
#[derive(Clone, Default)]
pub struct Kinds(Arc<Mutex<BTreeMap<String, Vec<ObjectKind>>>>);

impl Kinds {
    /// The kind of an object; `None`: the cluster does not serve it (yet).
    pub async fn of(&self, kubernetes: &Kubernetes, object: &Value) -> Result<Option<ObjectKind>, Error> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.find(kubernetes, &text(&object["apiVersion"]), &text(&object["kind"])).await
    }

    /// A kind in the version that the server prefers.
    pub async fn preferred(&self, kubernetes: &Kubernetes, kind: &GroupKind) -> Result<Option<ObjectKind>, Error> {
        let version = match kind.group.as_str() {
            "" => Some(String::from("v1")),
            group => kubernetes.preferred_version(group).await?,
        };
        match version {
            Some(version) => self.find(kubernetes, &version, &kind.kind).await,
            None => Ok(None),
        }
    }

    /// Forgets what was not there: definitions have been applied since.
    pub fn ask_again(&self, api_version: &str) {
        self.known().remove(api_version);
    }

    async fn find(&self, kubernetes: &Kubernetes, api_version: &str, kind: &str) -> Result<Option<ObjectKind>, Error> {
        let known = self.known().get(api_version).cloned();
        let kinds = match known {
            Some(kinds) => kinds,
            None => {
                let kinds = kubernetes.kinds(api_version).await?;
                self.known().insert(api_version.to_owned(), kinds.clone());
                kinds
            }
        };
        Ok(kinds.into_iter().find(|it| it.kind == kind))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<ObjectKind>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
