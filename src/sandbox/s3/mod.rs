//! S3, imitated: buckets that others made, and the objects in them.
//!
//! Source: S3 API reference (2006-03-01). Buckets come from the seed of the world. No versions, no multipart uploads, no
//! bucket policies: a bucket belongs to an account, and its account may do everything.

mod objects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::{Operation, Refusal};
use super::world::{Live, World};

pub use objects::store;

/// Its part of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// By name.
    pub buckets: BTreeMap<String, Bucket>,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bucket {
    /// Its name, unique in the world.
    pub name: String,
    /// The account that it belongs to.
    pub owner: String,
    /// When it was made.
    pub created: Timestamp,
    /// By key.
    pub objects: BTreeMap<String, Object>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Object {
    /// Bytes, as S3 tells them.
    pub size: u64,
    /// When it was stored.
    pub stored: Timestamp,
    /// Its digest.
    pub etag: String,
    /// Its content in base64.
    pub content: String,
}

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("ListBuckets", objects::buckets),
    ("HeadBucket", objects::head_bucket),
    ("GetBucketLocation", objects::location),
    ("ListObjectsV2", objects::list),
    ("HeadObject", objects::head),
    ("GetObject", objects::get),
    ("PutObject", objects::put),
    ("DeleteObject", objects::delete),
];

/// Its live objects: the account's buckets, and what is in them.
#[must_use]
pub fn live(world: &World) -> Live {
    let mut live = Live::new();
    for bucket in world.s3.buckets.values().filter(|bucket| bucket.owner == world.account) {
        let bare = Bucket { objects: BTreeMap::new(), ..bucket.clone() };
        live.insert(format!("s3/bucket/{}", bucket.name), serde_json::to_value(bare).unwrap_or_default());
        for (key, object) in &bucket.objects {
            let value = serde_json::to_value(object).unwrap_or_default();
            live.insert(format!("s3/object/{}/{key}", bucket.name), value);
        }
    }
    live
}

impl State {
    /// The bucket, for somebody of `account`.
    ///
    /// # Errors
    /// `NoSuchBucket`, or `AccessDenied` when it is another account's.
    pub fn bucket(&self, name: &str, account: &str) -> Result<&Bucket, Refusal> {
        let bucket = self.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
        if bucket.owner == account { Ok(bucket) } else { Err(denied()) }
    }

    fn bucket_mut(&mut self, name: &str, account: &str) -> Result<&mut Bucket, Refusal> {
        self.bucket(name, account)?;
        self.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))
    }
}

fn no_such_bucket(_: &str) -> Refusal {
    Refusal::new("NoSuchBucket", "The specified bucket does not exist").with_status(404)
}

fn no_such_key() -> Refusal {
    Refusal::new("NoSuchKey", "The specified key does not exist.").with_status(404)
}

fn denied() -> Refusal {
    Refusal::new("AccessDenied", "Access Denied").with_status(403)
}
