//! The subresource `/scale` of workloads.

use serde_json::{Value, json};

use super::super::Cluster;
use super::problem::Problem;
use super::write::{Form, Writing};
use super::{Server, patch};

impl Server<'_> {
    /// The replicas of a workload, as a Scale object.
    pub(super) fn scale(
        &self,
        cluster: &mut Cluster,
        (writing, name): (&Writing<'_>, &str),
        body: &Value,
    ) -> Result<(u16, Value), Problem> {
        let kind = writing.kind;
        if !kind.subresources.iter().any(|it| it == "scale") {
            return Err(Problem::no_such_resource());
        }
        let object = cluster.objects.get(&writing.key(name)).ok_or_else(|| Problem::not_found(kind, name))?.clone();
        let show = |object: &Value| {
            json!({
                "kind": "Scale", "apiVersion": "autoscaling/v1",
                "metadata": {
                    "name": name, "namespace": object["metadata"]["namespace"], "uid": object["metadata"]["uid"],
                    "resourceVersion": object["metadata"]["resourceVersion"],
                    "creationTimestamp": object["metadata"]["creationTimestamp"],
                },
                "spec": {"replicas": object["spec"]["replicas"]},
                "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0)},
            })
        };
        let mut scale = show(&object);
        match self.request.method.as_str() {
            "GET" => return Ok((200, scale)),
            "PUT" => scale = body.clone(),
            "PATCH" => match self.form()? {
                Form::Json => patch::json(&mut scale, body)?,
                _ => patch::merge(&mut scale, body),
            },
            _ => return Err(Problem::method_not_allowed()),
        }
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        let mut change = json!({"spec": {"replicas": replicas}});
        if let Some(version) = scale["metadata"]["resourceVersion"].as_str() {
            change["metadata"] = json!({"resourceVersion": version});
        }
        let (stored, _) = writing.patch(cluster, Form::Merge, &change)?;
        Ok((200, show(&stored)))
    }
}
