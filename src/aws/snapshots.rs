//! The etcd snapshots in a bucket. windlass only looks: members write them, and the bucket's own rules delete them.

use jiff::Timestamp;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::{CallError, Error};
use super::pages;

/// Objects in one page; the most that S3 gives (API reference, ListObjectsV2).
const PAGE: i32 = 1000;

/// A snapshot in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The object's key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was stored, by S3's clock.
    pub stored: Timestamp,
}

/// The objects beneath a prefix (which ends with `/`), newest first.
///
/// # Errors
/// That of the call, with a hint when the bucket does not exist, is somebody else's, or is in another region.
pub async fn snapshots(aws: &Aws, bucket: &str, prefix: &str) -> Result<Vec<Snapshot>, Error> {
    let objects = pages::all("ListObjectsV2", async |token| {
        let request = aws.s3().list_objects_v2().bucket(bucket).prefix(prefix).max_keys(PAGE);
        let request = request.set_continuation_token(token);
        let answer = call(aws, Call::read("ListObjectsV2"), || request.clone().send()).await?;
        Ok((answer.contents.unwrap_or_default(), answer.next_continuation_token))
    });
    let objects = objects.await.map_err(|error| explained(aws, error, bucket))?;
    let mut found: Vec<Snapshot> = objects
        .into_iter()
        .filter_map(|object| {
            let stored = object.last_modified().map(timestamp).unwrap_or(Timestamp::UNIX_EPOCH);
            Some(Snapshot { size: bytes(object.size), stored, key: object.key? })
        })
        .collect();
    found.sort_by(|one, other| other.stored.cmp(&one.stored).then_with(|| other.key.cmp(&one.key)));
    Ok(found)
}

/// One object; `None`: there is none of that key.
///
/// # Errors
/// As [`snapshots`].
pub async fn snapshot(aws: &Aws, bucket: &str, key: &str) -> Result<Option<Snapshot>, Error> {
    let request = aws.s3().head_object().bucket(bucket).key(key);
    match call(aws, Call::read("HeadObject"), || request.clone().send()).await {
        Ok(answer) => {
            let stored = answer.last_modified().map(timestamp).unwrap_or(Timestamp::UNIX_EPOCH);
            Ok(Some(Snapshot { key: key.to_owned(), size: bytes(answer.content_length), stored }))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(explained(aws, error, bucket)),
    }
}

fn timestamp(moment: &aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_second(moment.secs()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn bytes(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
}

/// What a refusal of a bucket most likely means (S3 API reference, "Error responses").
fn explained(aws: &Aws, error: Error, bucket: &str) -> Error {
    let Error::Call(call) = error else { return error };
    let hint = match call.code.as_deref() {
        Some("NoSuchBucket") => format!("make the bucket {bucket} in this account, or correct spec.backup.bucket"),
        Some("AllAccessDisabled" | "AccessDenied") => format!(
            "the bucket {bucket} is another account's, or the caller may not s3:ListBucket and s3:GetObject there"
        ),
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            format!("the bucket {bucket} is in another region than {}", aws.region())
        }
        None if call.failure == super::Failure::Permission => {
            format!("the bucket {bucket} is another account's, or the caller may not s3:GetObject there")
        }
        _ => return Error::Call(call),
    };
    Error::Call(Box::new(CallError { hint: Some(hint), ..*call }))
}
