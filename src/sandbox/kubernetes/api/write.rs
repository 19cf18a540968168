//! Writing objects: create, update and the patches, with what the API server does around them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Cluster;
use super::super::objects::{Key, metadata};
use super::form::Strictness;
use super::kind::{Kind, Origin, Scope};
use super::managed::{self, Manager, OnConflict};
use super::path::Target;
use super::problem::Problem;
use super::{immutable, patch, rules};
use crate::mix::mix;

/// Letters of generated names (no vowels, so that no words come out).
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// What is written, by whom, when.
#[derive(Debug)]
pub struct Writing<'call> {
    /// The resource.
    pub kind: &'call Kind,
    /// The path.
    pub target: &'call Target,
    /// Who is noted as manager of the fields.
    pub manager: Manager,
    /// The date.
    pub now: Timestamp,
    /// What becomes of unknown fields.
    pub strictness: Strictness,
}

/// The form of a patch, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/json-patch+json`.
    Json,
    /// `application/apply-patch+yaml`.
    Apply(OnConflict),
}

impl Writing<'_> {
    /// The key of an object in the place that the path names.
    #[must_use]
    pub fn key(&self, name: &str) -> Key {
        Key::new(&self.kind.resource(), self.target.namespace.as_deref().unwrap_or_default(), name)
    }

    fn named(&self) -> Result<(Key, String), Problem> {
        let name = self.target.name.clone().ok_or_else(Problem::method_not_allowed)?;
        Ok((self.key(&name), name))
    }

    /// Creates an object.
    ///
    /// # Errors
    /// 400, 403, 404, 409, 422.
    pub fn create(&self, cluster: &mut Cluster, mut object: Value) -> Result<Value, Problem> {
        self.check_type(&object)?;
        let generated = object["metadata"]["generateName"].as_str().unwrap_or_default().to_owned();
        let mut name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() && !generated.is_empty() {
            name = generate(&generated, cluster.objects.revision());
            metadata(&mut object).insert("name".to_owned(), json!(name));
        }
        self.check_namespace(&object)?;
        rules::name(self.kind, &name)?;
        let key = self.key(&name);
        rules::namespace(cluster, self.kind, (&name, &key.namespace))?;
        rules::definition(cluster, self.kind)?;
        if cluster.objects.get(&key).is_some() {
            return Err(Problem::already_exists(self.kind, &name));
        }
        if object["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
            return Err(Problem::bad_request("resourceVersion should not be set on objects to be created"));
        }
        let by_hand = !object["metadata"]["managedFields"].is_null();
        if self.manager.operation == "Update" {
            self.check_fields(cluster, &object)?;
        }
        self.prepare(&mut object, &key);
        self.shape(cluster, &name, &mut object)?;
        let given = object.clone();
        rules::fill(self.kind, &mut object);
        rules::admit(&cluster.objects, self.kind, &mut object);
        let mut object = ordered(object);
        if self.manager.operation == "Update" && !by_hand {
            let mut owned = rules::without_admission(self.kind, &given, &object);
            managed::note_update(&Value::Null, &mut owned, &self.manager, self.now);
            let fields = owned["metadata"]["managedFields"].clone();
            if fields.is_array() {
                metadata(&mut object).insert("managedFields".to_owned(), fields);
            }
        }
        Ok(cluster.objects.create(&key, object, self.now).clone())
    }

    /// Makes a new object's metadata and status the server's.
    fn prepare(&self, object: &mut Value, key: &Key) {
        if self.kind.origin == Origin::BuiltIn
            && let Some(map) = object.as_object_mut()
        {
            map.remove("apiVersion");
            map.remove("kind");
        }
        let keeps_status = matches!(self.kind.plural.as_str(), "nodes" | "namespaces");
        if self.kind.has_status()
            && !keeps_status
            && let Some(map) = object.as_object_mut()
        {
            map.remove("status");
        }
        secret(self.kind, object);
        let counts = self.kind.has_generation();
        let metadata = metadata(object);
        for own in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            metadata.remove(own);
        }
        if !key.namespace.is_empty() {
            metadata.insert("namespace".to_owned(), json!(key.namespace));
        }
        metadata.remove("generation");
        if counts {
            metadata.insert("generation".to_owned(), json!(1));
        }
    }

    /// Replaces an object, or its status.
    ///
    /// # Errors
    /// 400, 404, 409, 422.
    pub fn update(&self, cluster: &mut Cluster, object: Value) -> Result<Value, Problem> {
        let (key, name) = self.named()?;
        self.check_type(&object)?;
        self.check_namespace(&object)?;
        let given = object["metadata"]["name"].as_str().unwrap_or_default();
        if given != name {
            return Err(Problem::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        let before = cluster.objects.get(&key).ok_or_else(|| Problem::not_found(self.kind, &name))?.clone();
        self.check_fields(cluster, &object)?;
        self.store(cluster, &key, &before, object)
    }

    /// Patches an object, or its status; an apply makes it if it is not there. `true`: it is new.
    ///
    /// # Errors
    /// 400, 404, 409, 415, 422.
    pub fn patch(&self, cluster: &mut Cluster, form: Form, body: &Value) -> Result<(Value, bool), Problem> {
        let (key, name) = self.named()?;
        let before = cluster.objects.get(&key).cloned();
        if let Form::Apply(on_conflict) = form {
            self.check_type(body)?;
            if !body["metadata"]["managedFields"].is_null() {
                return Err(Problem::bad_request("metadata.managedFields must be nil"));
            }
            rules::well_formed(body)?;
            let given = body["metadata"]["name"].as_str().unwrap_or_default();
            if !given.is_empty() && given != name {
                return Err(Problem::bad_request(format!(
                    "the name of the object ({given}) does not match the name on the URL ({name})"
                )));
            }
            self.check_applied(cluster, body, &key)?;
            let live = before.clone().unwrap_or_default();
            let mut configuration = body.clone();
            secret(self.kind, &mut configuration);
            self.trim(&mut configuration);
            if self.kind.origin == Origin::BuiltIn
                && let Some(map) = configuration.as_object_mut()
            {
                // They are not stored.
                map.shift_remove("apiVersion");
                map.shift_remove("kind");
            }
            let object = managed::apply(&live, &configuration, &self.manager, (on_conflict, self.now))?;
            return match before {
                Some(before) => Ok((self.store(cluster, &key, &before, object)?, false)),
                None if self.target.subresource.is_some() => Err(Problem::not_found(self.kind, &name)),
                None => {
                    let mut object = object;
                    metadata(&mut object).insert("name".to_owned(), json!(name));
                    Ok((self.create(cluster, object)?, true))
                }
            };
        }
        let before = before.ok_or_else(|| Problem::not_found(self.kind, &name))?;
        let mut object = before.clone();
        match form {
            Form::Merge => patch::merge(&mut object, body),
            Form::Strategic if self.kind.origin == Origin::Custom => {
                return Err(Problem::unsupported_media(
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                ));
            }
            Form::Strategic => patch::strategic(&mut object, body),
            Form::Json => patch::json(&mut object, body)?,
            Form::Apply(_) => {}
        }
        // Custom resources may have any shape.
        if self.kind.origin == Origin::BuiltIn {
            rules::well_formed(&object)?;
        }
        self.check_patched(cluster, (&before, &object), body)?;
        if object["metadata"]["name"] != before["metadata"]["name"] {
            return Err(Problem::bad_request("the name of the object does not match the name on the URL"));
        }
        Ok((self.store(cluster, &key, &before, object)?, false))
    }

    /// Stores a changed object: what only the server changes stays, the rest is checked.
    fn store(&self, cluster: &mut Cluster, key: &Key, before: &Value, mut object: Value) -> Result<Value, Problem> {
        let given = |field: &str| object["metadata"][field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if given("resourceVersion").is_some_and(|version| before["metadata"]["resourceVersion"] != version.as_str()) {
            return Err(Problem::modified(self.kind, &key.name));
        }
        if let Some(uid) = given("uid").filter(|uid| before["metadata"]["uid"] != uid.as_str()) {
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                before["metadata"]["uid"].as_str().unwrap_or_default()
            );
            return Err(Problem::conflict(self.kind, &key.name, &why));
        }
        self.split(before, &mut object);
        if self.kind.origin == Origin::BuiltIn
            && let Some(map) = object.as_object_mut()
        {
            map.shift_remove("apiVersion");
            map.shift_remove("kind");
        }
        secret(self.kind, &mut object);
        let old = before["metadata"].as_object();
        {
            let metadata = metadata(&mut object);
            for own in [
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "generation",
                "namespace",
                "name",
                "generateName",
            ] {
                match old.and_then(|old| old.get(own)) {
                    Some(value) => metadata.insert(own.to_owned(), value.clone()),
                    None => metadata.remove(own),
                };
            }
            if self.manager.operation == "Update" {
                // Clients that clear or keep it mean nothing by that here.
                match old.and_then(|old| old.get("managedFields")) {
                    Some(value) => metadata.insert("managedFields".to_owned(), value.clone()),
                    None => metadata.remove("managedFields"),
                };
            }
        }
        self.shape(cluster, &key.name, &mut object)?;
        rules::refill(self.kind, before, &mut object);
        immutable::check(self.kind, &key.name, before, &object)?;
        if self.kind.has_generation() && specification(before) != specification(&object) {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(1) + 1;
            metadata(&mut object).insert("generation".to_owned(), json!(generation));
        }
        if self.manager.operation == "Update" && strip(before) != strip(&object) {
            managed::note_update(before, &mut object, &self.manager, self.now);
        }
        let object = ordered(object);
        cluster.objects.update(key, |stored| *stored = object);
        let stored = cluster.objects.get(key).cloned().unwrap_or_default();
        let waits = &stored["metadata"];
        let held = waits["finalizers"].as_array().is_some_and(|it| !it.is_empty());
        let graced = waits["deletionGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds > 0);
        if !waits["deletionTimestamp"].is_null() && !held && !graced && key.resource != "namespaces" {
            // The last finalizer went.
            cluster.objects.remove(key);
        }
        Ok(stored)
    }

    /// What an apply does not own: the status beside `/status`, everything else there.
    fn trim(&self, configuration: &mut Value) {
        if !self.kind.has_status() {
            return;
        }
        let Some(map) = configuration.as_object_mut() else { return };
        if self.target.subresource.as_deref() == Some("status") {
            map.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
            if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
                metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "resourceVersion" | "uid"));
            }
        } else {
            map.remove("status");
        }
    }

    /// `/status` changes nothing but the status, everything else all but the status.
    fn split(&self, before: &Value, object: &mut Value) {
        if !self.kind.has_status() {
            return;
        }
        if self.target.subresource.as_deref() == Some("status") {
            let status = object["status"].clone();
            let fields = object["metadata"]["managedFields"].clone();
            *object = before.clone();
            object["status"] = status;
            if self.manager.operation == "Apply" {
                object["metadata"]["managedFields"] = fields;
            }
            return;
        }
        let Some(map) = object.as_object_mut() else { return };
        match before.get("status") {
            Some(status) => map.insert("status".to_owned(), status.clone()),
            None => map.remove("status"),
        };
    }

    fn check_type(&self, object: &Value) -> Result<(), Problem> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let expected = self.kind.api_version();
        if !version.is_empty() && version != expected {
            return Err(Problem::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({expected})"
            )));
        }
        if !kind.is_empty() && kind != self.kind.kind {
            return Err(Problem::bad_request(format!(
                "{} in version {expected:?} cannot be handled as a {}: no kind {kind:?} is registered",
                kind, self.kind.kind
            )));
        }
        if object.is_object() {
            return Ok(());
        }
        Err(Problem::bad_request("the object provided is unrecognized (must be of type Object)"))
    }

    fn check_namespace(&self, object: &Value) -> Result<(), Problem> {
        let given = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let wanted = self.target.namespace.as_deref().unwrap_or_default();
        if given.is_empty() || given == wanted || self.kind.scope == Scope::Cluster {
            return Ok(());
        }
        Err(Problem::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ))
    }
}

/// `stringData` of a Secret goes into `data`.
fn secret(kind: &Kind, object: &mut Value) {
    if kind.plural != "secrets" || !kind.group.is_empty() {
        return;
    }
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|map| map.remove("stringData")) else { return };
    for (key, text) in texts {
        let encoded = data_encoding::BASE64.encode(text.as_str().unwrap_or_default().as_bytes());
        object["data"][key.as_str()] = json!(encoded);
    }
}

/// Everything but metadata and status.
fn specification(object: &Value) -> Vec<(&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(field, _)| !matches!(field.as_str(), "metadata" | "status" | "apiVersion" | "kind")).collect()
}

fn strip(object: &Value) -> Value {
    let mut object = object.clone();
    metadata(&mut object).remove("managedFields");
    object
}

/// Metadata first, status last: as people expect to read it.
fn ordered(object: Value) -> Value {
    let Value::Object(mut map) = object else { return object };
    let mut ordered = serde_json::Map::new();
    for field in ["kind", "apiVersion", "metadata"] {
        if let Some(value) = map.shift_remove(field) {
            ordered.insert(field.to_owned(), value);
        }
    }
    let status = map.shift_remove("status");
    ordered.extend(map);
    if let Some(status) = status {
        ordered.insert("status".to_owned(), status);
    }
    Value::Object(ordered)
}

fn generate(prefix: &str, revision: u64) -> String {
    let mut bits = mix(revision ^ 0x6e61_6d65);
    let mut name = prefix.to_owned();
    // Five letters, as the API conventions say.
    for _ in 0..5 {
        let letter = LETTERS[usize::try_from(bits % 27).unwrap_or(0)];
        name.push(char::from(letter));
        bits /= 27;
    }
    name
}
