//! Buckets are looked at; objects are listed, read, written and deleted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::wire::{Answer, Call, Content, Refusal, Xml};
use super::super::world::{World, iso};
use super::{Object, no_such_key};

/// Objects in one page (ListObjectsV2, "max-keys").
const PAGE: usize = 1000;
/// Characters of a key (S3 user guide, "Naming Amazon S3 objects").
const KEY: usize = 1024;

/// Stores an object for somebody of the account.
///
/// # Errors
/// `NoSuchBucket`, `AccessDenied`.
pub fn store(world: &mut World, bucket: &str, key: &str, content: &[u8]) -> Result<(), Refusal> {
    let object = Object {
        size: u64::try_from(content.len()).unwrap_or(u64::MAX),
        stored: world.now,
        etag: data_encoding::HEXLOWER.encode(&Sha256::digest(content))[..32].to_owned(),
        content: data_encoding::BASE64.encode(content),
    };
    let account = world.account.clone();
    world.s3.bucket_mut(bucket, &account)?.objects.insert(key.to_owned(), object);
    Ok(())
}

fn document(root: &'static str, xml: Xml) -> Answer {
    Answer { content: Content::Document(root, xml), status: 200, headers: Vec::new() }
}

fn bucket_name(call: &Call<'_>) -> String {
    call.accept_all(&["Key"]);
    call.text("Bucket").unwrap_or_default()
}

pub fn buckets(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    bucket_name(call);
    let own = world.s3.buckets.values().filter(|bucket| bucket.owner == world.account);
    let items = own.map(|it| Xml::new().text("Name", &it.name).text("CreationDate", iso(it.created)));
    let owner = Xml::new().text("ID", &world.account);
    Ok(document("ListAllMyBucketsResult", Xml::new().list("Buckets", "Bucket", items).element("Owner", owner)))
}

pub fn head_bucket(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    world.s3.bucket(&bucket_name(call), &world.account)?;
    Ok(Answer::bytes(Vec::new()).with_header("x-amz-bucket-region", &world.region))
}

pub fn location(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    world.s3.bucket(&bucket_name(call), &world.account)?;
    Ok(document("LocationConstraint", Xml::new().text("LocationConstraint", &world.region)))
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = bucket_name(call);
    call.accept_all(&["list-type"]);
    let bucket = world.s3.bucket(&name, &world.account)?;
    let prefix = call.text("prefix").unwrap_or_default();
    let delimiter = call.text("delimiter").filter(|it| !it.is_empty());
    let most = call.parsed::<usize>("max-keys")?.unwrap_or(PAGE).min(PAGE);
    let token = call.text("continuation-token").map(|token| decoded(&token)).transpose()?;
    let after = token.or_else(|| call.text("start-after")).unwrap_or_default();
    let mut folders = BTreeSet::new();
    let mut contents = Vec::new();
    let mut next = None;
    let mut last = String::new();
    for (key, object) in bucket.objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after) {
        if contents.len() + folders.len() >= most {
            next = Some(last.clone());
            break;
        }
        last.clone_from(key);
        let folder = delimiter.as_ref().and_then(|it| key[prefix.len()..].split_once(it.as_str()));
        match (folder, &delimiter) {
            (Some((folder, _)), Some(delimiter)) => {
                folders.insert(format!("{prefix}{folder}{delimiter}"));
            }
            _ => contents.push(
                Xml::new()
                    .text("Key", key)
                    .text("LastModified", iso(object.stored))
                    .text("ETag", format!("\"{}\"", object.etag))
                    .text("Size", object.size)
                    .text("StorageClass", "STANDARD"),
            ),
        }
    }
    let mut xml = Xml::new()
        .text("Name", &name)
        .text("Prefix", &prefix)
        .text("KeyCount", contents.len() + folders.len())
        .text("MaxKeys", most)
        .text("IsTruncated", next.is_some())
        .maybe("NextContinuationToken", next.map(|key| data_encoding::BASE64.encode(key.as_bytes())));
    for item in contents {
        xml = xml.element("Contents", item);
    }
    for folder in folders {
        xml = xml.element("CommonPrefixes", Xml::new().text("Prefix", folder));
    }
    Ok(document("ListBucketResult", xml))
}

fn decoded(token: &str) -> Result<String, Refusal> {
    let bytes = data_encoding::BASE64.decode(token.as_bytes()).ok();
    let invalid = || Refusal::new("InvalidArgument", "The continuation token provided is incorrect");
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)
}

fn object<'w>(world: &'w World, call: &Call<'_>) -> Result<&'w Object, Refusal> {
    let bucket = world.s3.bucket(&call.text("Bucket").unwrap_or_default(), &world.account)?;
    bucket.objects.get(&call.text("Key").unwrap_or_default()).ok_or_else(no_such_key)
}

fn facts(object: &Object, answer: Answer) -> Answer {
    answer
        .with_header("content-length", object.size.to_string())
        .with_header("etag", format!("\"{}\"", object.etag))
        .with_header("last-modified", http_date(object.stored))
}

/// As HTTP writes dates (RFC 9110, section 5.6.7).
fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

pub fn head(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let object = object(world, call)?;
    Ok(facts(object, Answer::bytes(Vec::new())))
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let object = object(world, call)?;
    let content = data_encoding::BASE64.decode(object.content.as_bytes()).unwrap_or_default();
    Ok(facts(object, Answer::bytes(content)))
}

pub fn put(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (bucket, key) = (call.text("Bucket").unwrap_or_default(), call.text("Key").unwrap_or_default());
    if key.len() > KEY {
        return Err(Refusal::new("KeyTooLongError", "Your key is too long"));
    }
    let content = data_encoding::BASE64.decode(call.text("Body").unwrap_or_default().as_bytes()).unwrap_or_default();
    store(world, &bucket, &key, &content)?;
    let etag = world.s3.bucket(&bucket, &world.account)?.objects.get(&key).map(|it| it.etag.clone());
    Ok(Answer::bytes(Vec::new()).with_header("etag", format!("\"{}\"", etag.unwrap_or_default())))
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let (bucket, key) = (call.text("Bucket").unwrap_or_default(), call.text("Key").unwrap_or_default());
    let account = world.account.clone();
    world.s3.bucket_mut(&bucket, &account)?.objects.remove(&key);
    Ok(Answer::bytes(Vec::new()).with_status(204))
}
