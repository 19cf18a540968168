//! Reading objects: one, a list in pages, and the events of a watch.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::super::Cluster;
use super::super::objects::{Change, Happened, Key, Objects, TooOld};
use super::kind::{Kind, Origin};
use super::path::{Query, Target};
use super::problem::Problem;
use super::selector::Selector;

/// An object as it is answered: with its type, in the version that was asked for.
#[must_use]
pub fn present(kind: &Kind, object: &Value) -> Value {
    let mut shown = json!({"kind": kind.kind, "apiVersion": kind.api_version()});
    for (field, value) in object.as_object().into_iter().flatten() {
        if !matches!(field.as_str(), "kind" | "apiVersion") {
            shown[field.as_str()] = value.clone();
        }
    }
    shown
}

/// A list, or a page of it.
///
/// # Errors
/// 400 for selectors and continue tokens that cannot be read, 410 for tokens that are too old.
pub fn list(cluster: &Cluster, kind: &Kind, target: &Target, query: &Query) -> Result<Value, Problem> {
    let objects = &cluster.objects;
    let selector = Selector::read(kind, query.get("labelSelector"), query.get("fieldSelector"))?;
    let resource = kind.resource();
    let from = query.get("continue").map(|token| page(objects, &resource, token)).transpose()?;
    let limit = query.get("limit").and_then(|limit| limit.parse::<usize>().ok()).filter(|limit| *limit > 0);
    let fits = |(key, object): &(&Key, &Value)| in_scope(target, key) && selector.fits(object);
    let after = |(key, _): &(&Key, &Value)| {
        from.as_ref().is_none_or(|(_, start)| format!("{}/{}", key.namespace, key.name) >= *start)
    };
    let mut rest = objects.list(&resource).filter(fits).filter(after);
    let mut items: Vec<&Value> = Vec::new();
    let mut next = None;
    while let Some((key, object)) = rest.next() {
        if limit.is_some_and(|limit| items.len() == limit) {
            next = Some((format!("{}/{}", key.namespace, key.name), rest.count() + 1));
            break;
        }
        items.push(object);
    }
    let revision = from.map_or_else(|| objects.revision(), |(revision, _)| revision);
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let Some((start, left)) = next {
        let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start});
        metadata["continue"] = json!(BASE64URL_NOPAD.encode(token.to_string().as_bytes()));
        if selector.is_empty() {
            metadata["remainingItemCount"] = json!(left);
        }
    }
    let shown = |object: &&Value| match kind.origin {
        Origin::Custom => present(kind, object),
        Origin::BuiltIn => {
            let mut object = (*object).clone();
            if let Some(map) = object.as_object_mut() {
                map.shift_remove("kind");
                map.shift_remove("apiVersion");
            }
            object
        }
    };
    let items: Vec<Value> = items.iter().map(shown).collect();
    Ok(json!({
        "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": metadata, "items": items,
    }))
}

fn in_scope(target: &Target, key: &Key) -> bool {
    target.namespace.as_deref().is_none_or(|namespace| namespace == key.namespace)
        && target.name.as_deref().is_none_or(|name| name == key.name)
}

/// Reads a continue token: its revision and where to go on.
fn page(objects: &Objects, resource: &str, token: &str) -> Result<(u64, String), Problem> {
    let wrong = |why: &str| Problem::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    let bytes = lenient(token).ok_or_else(|| wrong("illegal base64 data at input byte 0"))?;
    let read: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let first = bytes.first().copied().unwrap_or_default();
        let letter = if first.is_ascii_graphic() { char::from(first).to_string() } else { format!("\\u{first:04x}") };
        wrong(&format!("invalid character '{letter}' looking for beginning of value"))
    })?;
    let (Some(revision), Some(start)) = (read["rv"].as_u64(), read["start"].as_str()) else {
        return Err(wrong("start key is empty"));
    };
    if objects.since(resource, revision).is_err() {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start \
                       a new list without the continue parameter, or use the continue token in this response to \
                       retrieve the remainder of the results. Continuing with the provided token results in an \
                       inconsistent list - objects that were created, modified, or deleted between the time the \
                       first chunk was returned and now may show up in the list.";
        return Err(Problem::new(410, "Expired", message));
    }
    Ok((revision, start.to_owned()))
}

/// Go's decoder does not look at the bits that are left over at the end.
fn lenient(token: &str) -> Option<Vec<u8>> {
    let mut specification = data_encoding::Specification::new();
    specification.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    specification.check_trailing_bits = false;
    specification.encoding().ok()?.decode(token.as_bytes()).ok()
}

/// A watch under way.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What.
    pub kind: Kind,
    target: Target,
    selector: Selector,
    /// Up to which revision it has told.
    revision: u64,
    /// Objects that the client knows, where a selector hides others.
    known: BTreeSet<Key>,
    bookmarks: bool,
    /// Seconds that it lasts.
    pub seconds: Option<u64>,
    /// Whether events are shown as tables.
    pub table: bool,
}

/// A watch's end before its time: what it tells is the last event.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended;

impl Watch {
    /// Begins a watch; gives the events that come first.
    ///
    /// # Errors
    /// 400 for selectors and revisions that cannot be read.
    pub fn begin(
        cluster: &Cluster,
        (kind, target): (&Kind, &Target),
        query: &Query,
    ) -> Result<(Self, Vec<Value>), Problem> {
        let objects = &cluster.objects;
        let selector = Selector::read(kind, query.get("labelSelector"), query.get("fieldSelector"))?;
        let asked = query.get("resourceVersion").filter(|version| *version != "0");
        let revision = match asked {
            Some(text) => text
                .parse()
                .map_err(|_| Problem::bad_request(format!("invalid resource version {text:?}: strconv.ParseUint")))?,
            None => objects.revision(),
        };
        let mut watch = Self {
            kind: kind.clone(),
            target: target.clone(),
            selector,
            revision,
            known: BTreeSet::new(),
            bookmarks: query.flag("allowWatchBookmarks"),
            seconds: query.get("timeoutSeconds").and_then(|seconds| seconds.parse().ok()),
            table: false,
        };
        let initial = query.flag("sendInitialEvents");
        let mut first = Vec::new();
        for (key, object) in objects.list(&kind.resource()) {
            if in_scope(target, key) && watch.selector.fits(object) {
                watch.known.insert(key.clone());
                if initial || asked.is_none() {
                    first.push(json!({"type": "ADDED", "object": present(kind, object)}));
                }
            }
        }
        if asked.is_some() && !initial {
            // Whatever changed since may have been known to the client: it is told when it does not fit any more.
            let mut seen = BTreeSet::new();
            for change in objects.since(&kind.resource(), revision).unwrap_or_default() {
                if !seen.insert(change.key.clone()) {
                    continue;
                }
                match change.happened {
                    Happened::Added => watch.known.remove(&change.key),
                    Happened::Modified | Happened::Deleted => watch.known.insert(change.key),
                };
            }
        }
        if initial {
            watch.revision = objects.revision();
            let mut bookmark = watch.bookmark();
            bookmark["object"]["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
            first.push(bookmark);
        }
        Ok((watch, first))
    }

    /// The events since the last time.
    ///
    /// # Errors
    /// When changes were missed; the last event says so.
    pub fn next(&mut self, objects: &Objects) -> Result<Vec<Value>, (Vec<Value>, Ended)> {
        // A world that another process stored may be behind what was told here.
        let changes = if objects.revision() < self.revision {
            Err(TooOld)
        } else {
            objects.since(&self.kind.resource(), self.revision)
        };
        let Ok(changes) = changes else {
            let message = format!("too old resource version: {} ({})", self.revision, objects.revision());
            let problem = Problem::new(410, "Expired", message);
            return Err((vec![json!({"type": "ERROR", "object": problem.status()})], Ended));
        };
        let events = changes.iter().filter_map(|change| self.event(change)).collect();
        self.revision = self.revision.max(objects.revision());
        Ok(events)
    }

    /// The bookmark at the end of a watch that wants bookmarks.
    #[must_use]
    pub fn last(&self) -> Option<Value> {
        self.bookmarks.then(|| self.bookmark())
    }

    fn bookmark(&self) -> Value {
        json!({"type": "BOOKMARK", "object": {
            "kind": self.kind.kind, "apiVersion": self.kind.api_version(),
            "metadata": {"resourceVersion": self.revision.to_string()},
        }})
    }

    fn event(&mut self, change: &Change) -> Option<Value> {
        if !in_scope(&self.target, &change.key) {
            return None;
        }
        let fits = change.happened != Happened::Deleted && self.selector.fits(&change.object);
        let was_known = if fits { !self.known.insert(change.key.clone()) } else { self.known.remove(&change.key) };
        let what = match (fits, was_known) {
            (true, true) => "MODIFIED",
            (true, false) => "ADDED",
            (false, true) => "DELETED",
            (false, false) => return None,
        };
        Some(json!({"type": what, "object": present(&self.kind, &change.object)}))
    }
}
