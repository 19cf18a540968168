//! Objects of any kind: which kinds a server has, and its server-side apply.
//!
//! Source: Kubernetes documentation, "Server-Side Apply" and "API Concepts".

use std::fmt;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::call::{Content, escaped};
use super::change::Changed;
use super::connect::Kubernetes;
use super::error::{Error, Status};
use crate::planted::{self, Bug};

/// The name under which windlass owns fields.
pub const FIELD_MANAGER: &str = "windlass";

/// A kind as a server has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKind {
    /// `apps/v1`; `v1` for the core.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// What an apply does beside saying what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applying {
    /// Nothing: the answer is what would be, also against the will of other managers.
    Trying,
    /// Nothing: the answer is whether other managers have set a field to another value.
    Asking,
    /// It takes effect, unless another manager has set a field to another value.
    Politely,
    /// It takes effect, and takes such fields over.
    ByForce,
}

/// A field that another manager has set to another value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldConflict {
    /// `.spec.replicas`.
    pub field: String,
    /// Who, in the server's words: `"kubectl-edit" using apps/v1`.
    pub manager: String,
}

/// What came of an apply.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// The object as it is now, or would be.
    Object(Box<Value>),
    /// Others have set these fields; nothing was changed.
    Conflict(Vec<FieldConflict>),
}

impl fmt::Display for FieldConflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.field, self.manager)
    }
}

/// Where a version of a group is served.
fn root(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", escaped(group), escaped(version)),
        None => format!("/api/{}", escaped(api_version)),
    }
}

impl ObjectKind {
    /// The path of one of its objects, or of their list.
    fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = root(&self.api_version);
        if let Some(namespace) = namespace.filter(|_| self.namespaced) {
            path.push_str(&format!("/namespaces/{}", escaped(namespace)));
        }
        path.push_str(&format!("/{}", escaped(&self.plural)));
        if let Some(name) = name {
            path.push_str(&format!("/{}", escaped(name)));
        }
        path
    }
}

impl Kubernetes {
    /// The kinds of a group's version; none when the server does not serve it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn kinds(&self, api_version: &str) -> Result<Vec<ObjectKind>, Error> {
        let answer = match self.get(&root(api_version)).await {
            Err(Error::NotFound(_)) => return Ok(Vec::new()),
            other => other?,
        };
        let resources = answer["resources"].as_array().into_iter().flatten();
        let kinds = resources.filter_map(|it| {
            let plural = it["name"].as_str()?;
            // `deployments/scale` and the like are no objects of their own.
            (!plural.contains('/')).then(|| ObjectKind {
                api_version: api_version.to_owned(),
                kind: it["kind"].as_str().unwrap_or_default().to_owned(),
                plural: plural.to_owned(),
                namespaced: it["namespaced"].as_bool().unwrap_or(false),
            })
        });
        Ok(kinds.collect())
    }

    /// The version of a group that the server prefers, `apps/v1`; `None`: it does not serve the group.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn preferred_version(&self, group: &str) -> Result<Option<String>, Error> {
        match self.get(&format!("/apis/{}", escaped(group))).await {
            Err(Error::NotFound(_)) => Ok(None),
            other => Ok(other?["preferredVersion"]["groupVersion"].as_str().map(str::to_owned)),
        }
    }

    /// Says what an object should be (server-side apply). Unknown fields are refused by the server.
    ///
    /// # Errors
    /// See [`Error`]; a conflict with another manager is none.
    pub async fn apply(
        &self,
        kind: &ObjectKind,
        namespace: Option<&str>,
        object: &Value,
        applying: Applying,
    ) -> Result<Applied, Error> {
        self.apply_as(FIELD_MANAGER, kind, namespace, object, applying).await
    }

    /// The same in the name of another field manager.
    pub(crate) async fn apply_as(
        &self,
        manager: &str,
        kind: &ObjectKind,
        namespace: Option<&str>,
        object: &Value,
        applying: Applying,
    ) -> Result<Applied, Error> {
        let name = object["metadata"]["name"].as_str();
        let more = match applying {
            Applying::Trying => "&dryRun=All&force=true",
            Applying::Asking if planted::is(Bug::ForcedConflict) => "&dryRun=All&force=true",
            Applying::Asking => "&dryRun=All",
            Applying::Politely if planted::is(Bug::ForcedConflict) => "&force=true",
            Applying::Politely => "",
            Applying::ByForce => "&force=true",
        };
        let path = kind.path(namespace, name);
        let path = format!("{path}?fieldManager={}&fieldValidation=Strict{more}", escaped(manager));
        let answer = self.call(Method::PATCH, &path, Some((Content::Apply, object))).await?;
        if answer.status == StatusCode::CONFLICT {
            let conflicts = Status::of(&answer.body, answer.status).field_conflicts();
            if !conflicts.is_empty() {
                return Ok(Applied::Conflict(conflicts));
            }
        }
        Ok(Applied::Object(Box::new(answer.successful()?.json()?)))
    }

    /// One object; `None`: there is none, or the server has no such kind.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn object(&self, kind: &ObjectKind, namespace: Option<&str>, name: &str) -> Result<Option<Value>, Error> {
        match self.get(&kind.path(namespace, Some(name))).await {
            Err(Error::NotFound(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// All objects of a kind, in one namespace or in all, whose labels are selected (`app=web`; empty: all of them).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn objects(
        &self,
        kind: &ObjectKind,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Value>, Error> {
        let filter = format!("&labelSelector={}", escaped(selector));
        match self.pages(&kind.path(namespace, None), &filter).await {
            Err(Error::NotFound(_)) => Ok(Vec::new()),
            other => other.map(|(items, _)| items),
        }
    }

    /// Deletes an object: that one, not a namesake. What it owns goes after it, in the background.
    ///
    /// # Errors
    /// See [`Error`]; that it is gone is none.
    pub async fn delete_object(
        &self,
        kind: &ObjectKind,
        namespace: Option<&str>,
        name: &str,
        uid: &str,
    ) -> Result<Changed, Error> {
        let body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "preconditions": { "uid": uid }, "propagationPolicy": "Background",
        });
        let answer = self.call(Method::DELETE, &kind.path(namespace, Some(name)), Some((Content::Json, &body))).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Ok(Changed::Gone),
            _ => answer.successful().map(|_| Changed::Yes),
        }
    }
}

impl Status {
    /// The fields that others have set, where that is what it says.
    fn field_conflicts(&self) -> Vec<FieldConflict> {
        let causes = self.details.iter().flat_map(|details| &details.causes);
        let conflicts = causes.filter(|cause| cause.reason == "FieldManagerConflict").map(|cause| FieldConflict {
            field: cause.field.clone(),
            manager: cause.message.trim_start_matches("conflict with ").to_owned(),
        });
        conflicts.collect()
    }
}
