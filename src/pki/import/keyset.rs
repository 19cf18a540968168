//! kops' `Keyset` documents: several generations of one key pair.

use data_encoding::BASE64;
use serde_json::Value;

use super::{ImportError, at};
use crate::render::source::Source;
use crate::render::yaml;
use crate::secret::Secret;

/// Generations of a key pair.
pub(super) struct Keyset {
    pub(super) entries: Vec<Entry>,
    /// The id of the one that signs, if the document says so.
    pub(super) primary: Option<String>,
}

/// One generation.
pub(super) struct Entry {
    /// A whole number that grows with the time it was made.
    pub(super) id: String,
    /// PEM.
    pub(super) public: Option<Secret>,
    /// PEM.
    pub(super) private: Option<Secret>,
    /// Whether it is out of use.
    pub(super) distrusted: bool,
}

impl Keyset {
    pub(super) fn parse(path: &str, content: &Secret) -> Result<Self, ImportError> {
        let bad = |why: &str| at(path)(&why);
        let text = content.expose_text().map_err(|_| bad("it is not text"))?;
        let source = Source::new(path, text);
        let mut documents = yaml::foreign::<Value>(&source).map_err(|problem| match problem.places.first() {
            Some(place) => at(&format!("{path}:{}:{}", place.line, place.column))(&"it is not valid YAML"),
            None => bad("it is not valid YAML"),
        })?;
        let value = documents.pop().unwrap_or_default();
        if !documents.is_empty() {
            return Err(bad("it has several documents"));
        }
        if value["kind"] != "Keyset" {
            return Err(bad("its kind is not Keyset"));
        }
        let keys = value["spec"]["keys"].as_array().ok_or_else(|| bad("it has no list of keys"))?;
        let entries = keys.iter().map(|key| entry(path, key)).collect::<Result<_, _>>()?;
        let primary = ["primaryID", "primaryId"].into_iter().find_map(|field| identifier(&value["spec"][field]));
        Ok(Self { entries, primary })
    }

    /// Those in use.
    pub(super) fn usable(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.distrusted)
    }

    /// The one that signs: the one that is named, or else the newest.
    pub(super) fn primary(&self, path: &str) -> Result<&Entry, ImportError> {
        let found = match &self.primary {
            Some(id) => self.usable().find(|entry| &entry.id == id),
            // Ids are numbers of up to 29 digits: the longer one is the larger one.
            None => self.usable().max_by_key(|entry| (entry.id.len(), entry.id.as_str())),
        };
        found.ok_or_else(|| at(path)(&"the key that signs is not in it"))
    }
}

fn entry(path: &str, key: &Value) -> Result<Entry, ImportError> {
    let bad = |why: &str| at(path)(&why);
    let id = identifier(&key["id"]).ok_or_else(|| bad("a key has no id"))?;
    let material = |field: &str| match &key[field] {
        Value::Null => Ok(None),
        Value::String(text) => {
            let text: String = text.split_whitespace().collect();
            let bytes = BASE64.decode(text.as_bytes()).map_err(|_| bad("a key in it is not base64"))?;
            Ok(Some(Secret::new(bytes)))
        }
        _ => Err(bad("a key in it is not base64")),
    };
    let distrusted = !key["distrustTimestamp"].is_null();
    Ok(Entry { id, public: material("publicMaterial")?, private: material("privateMaterial")?, distrusted })
}

fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
