//! The API server of a cluster: a request becomes an answer, or a watch.
//!
//! `path` and `kind` say what a request is about, `access` whether it may be, `typed` and `schema` whether an object has
//! the form of its kind, `read`, `write`, `managed`, `delete` and `eviction` carry it out on the cluster's objects, `table`
//! and `discovery` are what kubectl needs beside that. Nothing here waits, knows members or connections, or acts by
//! itself: controllers do that.

pub mod access;
mod delete;
mod discovery;
mod eviction;
mod fields;
mod form;
mod immutable;
mod kind;
mod lists;
mod managed;
mod patch;
mod path;
mod problem;
mod read;
mod rules;
mod scale;
mod schema;
mod selector;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod typed;
mod write;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::wire::WireRequest;
use super::Cluster;
use super::objects::Key;
pub use access::{Identity, User};
pub use delete::{CLEANUP, FOREGROUND};
use form::Strictness;
pub use kind::CRDS;
use kind::Kind;
use managed::{Manager, OnConflict};
use path::{Query, Target};
pub use problem::Problem;
pub use read::Watch;
pub use rules::default_class;
pub use selector::matches;
use write::{Form, Writing};

/// What comes back.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Answer(Answer),
    /// A watch, with its first events.
    Watch(Box<Watch>, Vec<Value>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A JSON document.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// Plain text.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }

    /// A refusal.
    #[must_use]
    pub fn refused(problem: &Problem) -> Self {
        let mut answer = Self::json(problem.code, &problem.status());
        if let Some(seconds) = problem.retry_after {
            answer.headers.push(("retry-after", seconds.to_string()));
        }
        answer
    }
}

/// How faults and the record of calls name a request: `kubernetes:PatchNode`, `kubernetes:ListPod`, `kubernetes:Evict`,
/// `kubernetes:Get/readyz`.
#[must_use]
pub fn operation(request: &WireRequest) -> String {
    let Some(target) = Target::read(&request.path).filter(|target| !target.plural.is_empty()) else {
        return format!("kubernetes:{}{}", capital(&request.method.to_lowercase()), request.path);
    };
    if target.subresource.as_deref() == Some("eviction") {
        return "kubernetes:Evict".to_owned();
    }
    let verb = match access::verb(&request.method, &target, Query::read(&request.query).flag("watch")) {
        "deletecollection" => "DeleteCollection".to_owned(),
        verb => capital(verb),
    };
    let kind = kind::name(&target.group, &target.plural).unwrap_or(&target.plural);
    format!("kubernetes:{verb}{kind}{}", capital(target.subresource.as_deref().unwrap_or_default()))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// Whether a request of that name only reads.
#[must_use]
pub fn is_read(operation: &str) -> bool {
    ["Get", "List", "Watch", "Head"]
        .iter()
        .any(|verb| operation.strip_prefix("kubernetes:").is_some_and(|it| it.starts_with(verb)))
}

/// Answers a request.
pub fn handle(
    cluster: &mut Cluster,
    requested: &mut BTreeSet<String>,
    (request, identity): (&WireRequest, &Identity),
    now: Timestamp,
) -> Outcome {
    Server { requested, request, identity, now, query: Query::read(&request.query) }
        .handle(cluster)
        .unwrap_or_else(|problem| Outcome::Answer(Answer::refused(&problem)))
}

struct Server<'call> {
    requested: &'call mut BTreeSet<String>,
    request: &'call WireRequest,
    identity: &'call Identity,
    now: Timestamp,
    query: Query,
}

impl Server<'_> {
    fn handle(self, cluster: &mut Cluster) -> Result<Outcome, Problem> {
        let user = access::authenticate(cluster, self.identity, self.request.header("authorization"))?;
        let Some(target) = Target::read(&self.request.path).filter(|target| !target.plural.is_empty()) else {
            access::path(cluster, &user, &self.request.path, &self.request.method)?;
            return Ok(Outcome::Answer(self.document(cluster)));
        };
        if let Some(review) = self.review(cluster, (&user, &target)) {
            return review.map(|object| Outcome::Answer(Answer::json(201, &object)));
        }
        let watching = self.query.flag("watch");
        let verb = access::verb(&self.request.method, &target, watching);
        let known = kind::find(cluster, &target.group, &target.version, &target.plural);
        // Authorization comes first: who may not ask does not learn what there is.
        let asked = known.clone().unwrap_or_else(|| Kind::unknown(&target));
        access::resource(cluster, &user, verb, (&asked, &target))?;
        let kind = known.ok_or_else(Problem::no_such_resource)?;
        if let Some(labels) = discovery::deprecated(&kind, target.subresource.as_deref()) {
            self.requested.insert(labels);
        }
        if kind.scope == kind::Scope::Cluster && target.namespace.is_some() {
            return Err(Problem::no_such_resource());
        }
        if verb == "watch" {
            let (mut watch, first) = Watch::begin(cluster, (&kind, &target), &self.query)?;
            watch.table = self.wants_table();
            return Ok(Outcome::Watch(Box::new(watch), first));
        }
        let (status, object) = self.resource(cluster, (&kind, &target))?;
        let object = if self.wants_table() && status == 200 && object["kind"] != "Status" {
            table::of(&kind, &object, self.now)
        } else {
            object
        };
        Ok(Outcome::Answer(Answer::json(status, &object)))
    }

    fn wants_table(&self) -> bool {
        self.request.method == "GET" && self.request.header("accept").is_some_and(|accept| accept.contains("as=Table"))
    }

    /// Paths that are no resources.
    fn document(&self, cluster: &Cluster) -> Answer {
        let path = self.request.path.trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let found = match parts.as_slice() {
            ["version"] => Some(discovery::version(cluster)),
            ["api"] => Some(discovery::core_versions()),
            ["apis"] => Some(discovery::group_list(cluster)),
            ["apis", group] => discovery::one_group(cluster, group),
            ["api", version] => discovery::resources(cluster, "", version),
            ["apis", group, version] => discovery::resources(cluster, group, version),
            ["openapi", "v3"] => Some(discovery::openapi(cluster)),
            ["openapi", "v3", rest @ ..] => discovery::openapi_document(cluster, &rest.join("/")),
            [endpoint @ ("healthz" | "livez" | "readyz"), ..] => {
                return Answer::text(200, &discovery::health(endpoint, self.query.has("verbose")));
            }
            ["metrics"] => return Answer::text(200, &discovery::metrics(self.requested)),
            _ => None,
        };
        found.map_or_else(|| Answer::text(404, "404 page not found\n"), |document| Answer::json(200, &document))
    }

    /// What somebody asks of themselves: `kubectl auth can-i` and `whoami`.
    fn review(&self, cluster: &Cluster, (user, target): (&User, &Target)) -> Option<Result<Value, Problem>> {
        if self.request.method != "POST" {
            return None;
        }
        let mut object = match self.body() {
            Ok(object) if object.is_object() => object,
            Ok(_) => return None,
            Err(problem) => return Some(Err(problem)),
        };
        match (target.group.as_str(), target.plural.as_str()) {
            ("authorization.k8s.io", "selfsubjectaccessreviews") => {
                let asked = object["spec"]["resourceAttributes"].clone();
                let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
                let filled = |field: &str| Some(text(field)).filter(|it| !it.is_empty());
                let about = Target {
                    group: text("group"),
                    version: "v1".to_owned(),
                    plural: text("resource"),
                    namespace: filled("namespace"),
                    name: filled("name"),
                    subresource: filled("subresource"),
                };
                let allowed = access::resource(cluster, user, &text("verb"), (&Kind::unknown(&about), &about)).is_ok();
                object["status"] = json!({"allowed": allowed});
                Some(Ok(object))
            }
            ("authentication.k8s.io", "selfsubjectreviews") => {
                object["status"] = json!({"userInfo": {"username": user.name, "groups": user.groups}});
                Some(Ok(object))
            }
            _ => None,
        }
    }

    /// Carries out a verb on a resource: the status and the object of the answer.
    fn resource(&self, cluster: &mut Cluster, (kind, target): (&Kind, &Target)) -> Result<(u16, Value), Problem> {
        let method = self.request.method.as_str();
        if matches!(method, "GET" | "HEAD") && target.subresource.as_deref().is_none_or(|it| it == "status") {
            let Some(name) = &target.name else {
                return Ok((200, read::list(cluster, kind, target, &self.query)?));
            };
            let key = key(kind, target, name);
            let object = cluster.objects.get(&key).ok_or_else(|| Problem::not_found(kind, name))?;
            return Ok((200, read::present(kind, object)));
        }
        let body = if matches!(method, "GET" | "HEAD") { Value::Null } else { self.body()? };
        let wants = |value: &Value| value.as_array().into_iter().flatten().any(|it| it == "All");
        let of_body = method != "PATCH" && (wants(&body["dryRun"]) || wants(&body["deleteOptions"]["dryRun"]));
        if self.query.get("dryRun").is_some_and(|value| value != "All") {
            return Err(Problem::bad_request("dryRun: Unsupported value: supported values: \"All\""));
        }
        if of_body || self.query.has("dryRun") {
            // The whole way, on a copy that nobody sees. Nothing is stored, so that there is no new revision.
            let (status, mut object) = self.change(&mut cluster.clone(), (kind, target), body)?;
            let name = object["metadata"]["name"].as_str().or(target.name.as_deref()).unwrap_or_default();
            let live =
                cluster.objects.get(&key(kind, target, name)).map(|it| it["metadata"]["resourceVersion"].clone());
            if object["kind"] == kind.kind.as_str()
                && let Some(metadata) = object["metadata"].as_object_mut()
            {
                match live {
                    Some(version) => metadata.insert("resourceVersion".to_owned(), version),
                    None => metadata.shift_remove("resourceVersion"),
                };
            }
            return Ok((status, object));
        }
        self.change(cluster, (kind, target), body)
    }

    fn change(
        &self,
        cluster: &mut Cluster,
        (kind, target): (&Kind, &Target),
        body: Value,
    ) -> Result<(u16, Value), Problem> {
        let method = self.request.method.as_str();
        let subresource = target.subresource.as_deref();
        let strictness = Strictness::read(self.query.get("fieldValidation"))?;
        let writing = Writing { kind, target, manager: self.manager(kind, target), now: self.now, strictness };
        let present = |status: u16, object: &Value| Ok((status, read::present(kind, object)));
        match (method, subresource, &target.name) {
            ("POST", Some("eviction"), Some(name)) if kind.plural == "pods" => {
                if body["kind"] != "Eviction" {
                    return Err(Problem::bad_request("the object provided is no Eviction"));
                }
                eviction::evict(&mut cluster.objects, (kind, &key(kind, target, name)), &body, self.now)?;
                Ok((201, success(201)))
            }
            ("POST", Some("binding"), Some(name)) if kind.plural == "pods" => {
                bind(cluster, kind, &key(kind, target, name), &body)?;
                Ok((201, success(201)))
            }
            ("POST", Some("token"), Some(name)) if kind.plural == "serviceaccounts" => {
                let account = cluster.objects.get(&key(kind, target, name));
                let account = account.ok_or_else(|| Problem::not_found(kind, name))?;
                let uid = account["metadata"]["uid"].as_str().unwrap_or_default();
                let token = access::token(target.namespace.as_deref().unwrap_or_default(), name, uid);
                let mut answer = body.clone();
                if answer.is_object() {
                    answer["status"] = json!({"token": token});
                }
                Ok((201, answer))
            }
            (_, Some("scale"), Some(name)) => self.scale(cluster, (&writing, name), &body),
            (_, Some(other), _) if other != "status" && !(other == "finalize" && kind.plural == "namespaces") => {
                Err(Problem::no_such_resource())
            }
            (_, Some("status"), _) if !kind.has_status() => Err(Problem::no_such_resource()),
            ("POST", None, None) => {
                rules::well_formed(&body)?;
                present(201, &writing.create(cluster, body)?)
            }
            ("PUT", _, Some(_)) => {
                rules::well_formed(&body)?;
                present(200, &writing.update(cluster, body)?)
            }
            ("PATCH", _, Some(_)) => {
                let (object, is_new) = writing.patch(cluster, self.form()?, &body)?;
                present(if is_new { 201 } else { 200 }, &object)
            }
            ("DELETE", None, name) => self.delete(cluster, (kind, target), name.as_deref(), &body),
            _ => Err(Problem::method_not_allowed()),
        }
    }

    fn delete(
        &self,
        cluster: &mut Cluster,
        (kind, target): (&Kind, &Target),
        name: Option<&str>,
        body: &Value,
    ) -> Result<(u16, Value), Problem> {
        let mut options = delete::Options::read(body);
        if let Some(grace) = self.query.get("gracePeriodSeconds").and_then(|text| text.parse().ok()) {
            options.grace = Some(grace);
        }
        if let Some(policy) = self.query.get("propagationPolicy") {
            options.propagation = delete::Propagation::read(policy);
        }
        let Some(name) = name else {
            if target.namespace.is_none() && kind.scope == kind::Scope::Namespaced {
                return Err(Problem::method_not_allowed());
            }
            let mut gone = read::list(cluster, kind, target, &self.query)?;
            let names: Vec<String> = gone["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned))
                .collect();
            for name in names {
                delete::delete(&mut cluster.objects, (kind, &key(kind, target, &name)), &options, self.now)?;
            }
            gone["metadata"]["resourceVersion"] = json!(cluster.objects.revision().to_string());
            return Ok((200, gone));
        };
        let returns_objects = kind.group.is_empty()
            && matches!(
                kind.plural.as_str(),
                "pods" | "services" | "serviceaccounts" | "persistentvolumes" | "persistentvolumeclaims"
            );
        match delete::delete(&mut cluster.objects, (kind, &key(kind, target, name)), &options, self.now)? {
            delete::Deleted::Gone(object) if returns_objects => Ok((200, read::present(kind, &object))),
            delete::Deleted::Waiting(object) => Ok((200, read::present(kind, &object))),
            delete::Deleted::Gone(object) => {
                let mut status = success(200);
                if let Some(map) = status.as_object_mut() {
                    map.remove("code");
                }
                status["details"] = problem::details(name, &kind.group, &kind.plural);
                status["details"]["uid"] = object["metadata"]["uid"].clone();
                Ok((200, status))
            }
        }
    }

    /// The body; nothing is null.
    fn body(&self) -> Result<Value, Problem> {
        if self.request.body.is_empty() {
            return Ok(Value::Null);
        }
        let form = self.request.header("content-type").unwrap_or("application/json");
        if !(form.contains("json") || form.contains("yaml")) {
            return Err(Problem::unsupported_media("application/json, application/yaml"));
        }
        if let Ok(read) = serde_json::from_slice(&self.request.body) {
            return Ok(read);
        }
        let text = String::from_utf8_lossy(&self.request.body);
        let read: Option<Value> = if form.contains("yaml") { serde_saphyr::from_str(&text).ok() } else { None };
        read.ok_or_else(|| Problem::bad_request("the body of the request cannot be read"))
    }

    fn form(&self) -> Result<Form, Problem> {
        let form = self.request.header("content-type").unwrap_or_default();
        match form.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => Ok(Form::Merge),
            "application/strategic-merge-patch+json" => Ok(Form::Strategic),
            "application/json-patch+json" => Ok(Form::Json),
            "application/apply-patch+yaml" if self.query.get("fieldManager").is_none() => {
                let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for \
                               apply patch";
                Err(Problem::new(422, "Invalid", message))
            }
            "application/apply-patch+yaml" if self.query.flag("force") => Ok(Form::Apply(OnConflict::Force)),
            "application/apply-patch+yaml" => Ok(Form::Apply(OnConflict::Refuse)),
            _ => Err(Problem::unsupported_media(
                "application/json-patch+json, application/merge-patch+json, \
                 application/strategic-merge-patch+json, application/apply-patch+yaml",
            )),
        }
    }

    fn manager(&self, kind: &Kind, target: &Target) -> Manager {
        let agent = self.request.header("user-agent").unwrap_or("unknown");
        let agent = agent.split('/').next().unwrap_or_default();
        let applies = self.request.header("content-type").is_some_and(|form| form.contains("apply-patch"));
        Manager {
            name: self.query.get("fieldManager").unwrap_or(agent).to_owned(),
            operation: if applies && self.request.method == "PATCH" { "Apply" } else { "Update" },
            api_version: kind.api_version(),
            subresource: target.subresource.clone().unwrap_or_default(),
        }
    }
}

/// Notes that a controller changed fields of an object: `(manager, subresource)`.
pub fn note_controller(
    before: &Value,
    after: &mut Value,
    resource: &str,
    (manager, subresource): (&str, &str),
    now: Timestamp,
) {
    let manager = Manager {
        name: manager.to_owned(),
        operation: "Update",
        api_version: kind::api_version(resource),
        subresource: subresource.to_owned(),
    };
    managed::note_update(before, after, &manager, now);
}

/// A table of one event's object, for watches that show tables.
#[must_use]
pub fn as_table(watch: &Watch, mut event: Value, now: Timestamp) -> Value {
    if watch.table && event["type"] != "ERROR" && event["type"] != "BOOKMARK" {
        event["object"] = table::of(&watch.kind, &event["object"], now);
    }
    event
}

/// What a server answers whose etcd has no majority.
#[must_use]
pub fn without_etcd(request: &WireRequest) -> Answer {
    let endpoint = request.path.trim_matches('/');
    match endpoint {
        "readyz" | "healthz" => Answer::text(500, &discovery::unhealthy(endpoint)),
        // It lives: etcd is not among its own checks.
        "livez" => Answer::text(200, "ok"),
        _ => Answer::refused(&Problem::unavailable("etcdserver: no leader")),
    }
}

fn key(kind: &Kind, target: &Target, name: &str) -> Key {
    Key::new(&kind.resource(), target.namespace.as_deref().unwrap_or_default(), name)
}

fn success(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code})
}

fn bind(cluster: &mut Cluster, kind: &Kind, key: &Key, binding: &Value) -> Result<(), Problem> {
    let node = binding["target"]["name"].as_str().unwrap_or_default();
    let pod = cluster.objects.get(key).ok_or_else(|| Problem::not_found(kind, &key.name))?;
    if let Some(there) = pod["spec"]["nodeName"].as_str().filter(|it| !it.is_empty()) {
        let why = format!("pod {} is already assigned to node {there:?}", key.name);
        return Err(Problem::conflict(kind, &key.name, &why));
    }
    cluster.objects.update(key, |pod| pod["spec"]["nodeName"] = json!(node));
    Ok(())
}
