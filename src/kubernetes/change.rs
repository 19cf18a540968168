//! What windlass changes: nodes are cordoned, annotated and deleted, pods deleted. Each change is about one object, told by
//! its uid: a namesake is left alone. What is gone already is no error.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::call::{Content, escaped};
use super::connect::Kubernetes;
use super::error::Error;

/// Annotation by which the cluster-autoscaler leaves a node alone (its FAQ, "How can I prevent Cluster Autoscaler from
/// scaling down a particular node?").
const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

/// How a change of an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is as it should be.
    Yes,
    /// It is gone, or another object has its name.
    Gone,
}

impl Kubernetes {
    /// Lets no new pods onto a node, and writes annotations with the same call.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn cordon(
        &self,
        node: &str,
        uid: &str,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Changed, Error> {
        let annotations: Map<String, Value> =
            annotations.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        self.patch_node(node, Some(uid), json!({ "spec": { "unschedulable": true } }), annotations).await
    }

    /// Lets pods onto a node again, and takes annotations away with the same call.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn uncordon(&self, node: &str, uid: &str, annotations: &[&str]) -> Result<Changed, Error> {
        let annotations = annotations.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        self.patch_node(node, Some(uid), json!({ "spec": { "unschedulable": null } }), annotations).await
    }

    /// Keeps the cluster-autoscaler from removing a node, or gives it back to it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn protect(&self, node: &str, on: bool) -> Result<Changed, Error> {
        let value = if on { json!("true") } else { Value::Null };
        let annotations = Map::from_iter([(SCALE_DOWN_DISABLED.to_owned(), value)]);
        self.patch_node(node, None, json!({}), annotations).await
    }

    async fn patch_node(
        &self,
        node: &str,
        uid: Option<&str>,
        mut patch: Value,
        annotations: Map<String, Value>,
    ) -> Result<Changed, Error> {
        let mut metadata = Map::from_iter([(String::from("annotations"), Value::Object(annotations))]);
        if let Some(uid) = uid {
            // Uids cannot be changed: of a namesake the server says so.
            metadata.insert(String::from("uid"), json!(uid));
        }
        patch["metadata"] = Value::Object(metadata);
        let path = format!("/api/v1/nodes/{}?fieldManager=windlass", escaped(node));
        let answer = self.call(Method::PATCH, &path, Some((Content::MergePatch, &patch))).await?;
        let told = super::error::Status::of(&answer.body, answer.status);
        match answer.status {
            StatusCode::NOT_FOUND => Ok(Changed::Gone),
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT
                if told.is_about("metadata.uid") || told.is_other_uid() =>
            {
                Ok(Changed::Gone)
            }
            _ => answer.successful().map(|_| Changed::Yes),
        }
    }

    /// Deletes a node's object; its pods are collected afterwards.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_node(&self, node: &str, uid: &str) -> Result<Changed, Error> {
        self.delete(&format!("/api/v1/nodes/{}", escaped(node)), uid).await
    }

    /// Deletes a pod with its own grace period, whatever its budget says.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_pod(&self, namespace: &str, pod: &str, uid: &str) -> Result<Changed, Error> {
        self.delete(&format!("/api/v1/namespaces/{}/pods/{}", escaped(namespace), escaped(pod)), uid).await
    }

    async fn delete(&self, path: &str, uid: &str) -> Result<Changed, Error> {
        let body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": uid } });
        let answer = self.call(Method::DELETE, path, Some((Content::Json, &body))).await?;
        match answer.status {
            // 409: the uid is another one.
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Ok(Changed::Gone),
            _ => answer.successful().map(|_| Changed::Yes),
        }
    }
}
