//! How S3's requests say what they are about: the bucket in the host name or first in the path, the key in the path, the
//! operation by method and query.
//!
//! Source: S3 user guide, "Virtual hosting of general purpose buckets"; the request syntax of each operation.

use super::{Node, WireRequest, body};

/// Headers and query parameters that have no effect here: how the SDK asks, not what for.
const WITHOUT_EFFECT: [&str; 4] = ["x-id", "fetch-owner", "encoding-type", "versionId"];

/// The operation of a request with its parameters: `Bucket`, `Key`, `Body` (base64), and those of the query by name.
pub fn decode(request: &WireRequest) -> Option<(&'static str, Node)> {
    let host = request.header("host").unwrap_or_default();
    let path = request.path.trim_start_matches('/');
    let (bucket, key) = match host.split_once(".s3.").or_else(|| host.split_once(".s3-")) {
        Some((bucket, _)) => (bucket.to_owned(), path),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (body::percent(bucket), key)
        }
    };
    let query: Vec<(String, String)> = form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
    let asks = |name: &str| query.iter().any(|(other, _)| other == name);
    let operation = match (request.method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", true, true) => "ListBuckets",
        ("GET", false, true) if asks("list-type") => "ListObjectsV2",
        ("GET", false, true) if asks("location") => "GetBucketLocation",
        ("HEAD", false, true) => "HeadBucket",
        ("HEAD", false, false) => "HeadObject",
        ("GET", false, false) => "GetObject",
        ("PUT", false, false) => "PutObject",
        ("DELETE", false, false) => "DeleteObject",
        _ => return None,
    };
    let mut node = Node::default();
    node.children.push((String::from("Bucket"), Node::leaf(bucket)));
    node.children.push((String::from("Key"), Node::leaf(body::percent(key))));
    if operation == "PutObject" {
        node.children.push((String::from("Body"), Node::leaf(data_encoding::BASE64.encode(&request.body))));
    }
    let told = query.into_iter().filter(|(name, _)| !WITHOUT_EFFECT.contains(&name.as_str()) && name != "location");
    node.children.extend(told.map(|(name, value)| (name, Node::leaf(value))));
    Some((operation, node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, host: &str, path: &str, query: &str) -> Option<(&'static str, String)> {
        let request = WireRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![("host".to_owned(), host.to_owned())],
            body: Vec::new(),
        };
        decode(&request).map(|(operation, node)| (operation, node.canonical(&[])))
    }

    #[test]
    fn the_bucket_is_in_the_host_or_in_the_path() {
        let expected = ("HeadObject", String::from("Bucket=backups&Key=a b/c"));
        let hosted = read("HEAD", "backups.s3.eu-west-3.amazonaws.com", "/a%20b/c", "");
        assert_eq!(hosted, Some(expected.clone()));
        assert_eq!(read("HEAD", "127.0.0.1:4566", "/backups/a%20b/c", ""), Some(expected));
        let listed = read("GET", "s3.eu-west-3.amazonaws.com", "/backups", "list-type=2&prefix=a%2F&x-id=1");
        assert_eq!(listed, Some(("ListObjectsV2", String::from("Bucket=backups&Key=&list-type=2&prefix=a/"))));
        assert_eq!(read("PATCH", "s3.eu-west-3.amazonaws.com", "/backups", ""), None);
    }
}
