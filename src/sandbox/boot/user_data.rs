//! User data as cloud-init reads it: base64 around, gzip perhaps, a cloud-config document within.
//!
//! Source: cloud-init's documentation, "User data formats", "write_files", "runcmd".

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;

/// More than this comes out of no honest user data: 16 KB of text shrink by ten at most.
const MOST: u64 = 1024 * 1024;

/// What a document tells the machine to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Files by path.
    pub files: BTreeMap<String, String>,
    /// Units that are started.
    pub units: Vec<String>,
}

/// Reads user data as EC2 keeps it. `None`: it is no cloud-config document, so not windlass'.
///
/// # Errors
/// What cloud-init would complain about, in words for the console.
pub fn read(base64: &str) -> Result<Option<Document>, String> {
    let bytes = data_encoding::BASE64.decode(base64.as_bytes()).map_err(|_| String::from("user data is not base64"))?;
    let Some(text) = text(bytes)? else { return Ok(None) };
    if !text.starts_with("#cloud-config") {
        return Ok(None);
    }
    let config: Value =
        serde_saphyr::from_str(&text).map_err(|error| format!("user data is not YAML: {}", error.without_snippet()))?;
    let mut document = Document::default();
    for file in items(&config, "write_files") {
        let path = file.get("path").and_then(Value::as_str).ok_or("a file in write_files has no path")?;
        let content = file.get("content").and_then(Value::as_str).unwrap_or_default();
        document.files.insert(path.to_owned(), decoded(file, path, content)?);
    }
    for command in items(&config, "runcmd") {
        let words: Vec<&str> = match command {
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
            Value::String(line) => line.split_whitespace().collect(),
            _ => return Err(String::from("runcmd has something that is no command")),
        };
        if words.first() == Some(&"systemctl") && words.iter().any(|word| ["start", "--now"].contains(word)) {
            document.units.extend(words.iter().filter(|word| word.contains('.')).map(|word| (*word).to_owned()));
        }
    }
    Ok(Some(document))
}

/// `None`: bytes that are no text, which are somebody else's business.
fn text(bytes: Vec<u8>) -> Result<Option<String>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(String::from_utf8(bytes).ok());
    }
    let mut text = String::new();
    let unpacked = GzDecoder::new(bytes.as_slice()).take(MOST).read_to_string(&mut text);
    unpacked.map_err(|error| format!("user data cannot be unpacked: {error}"))?;
    Ok(Some(text))
}

fn items<'a>(config: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    config.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The content of a file after its encoding.
fn decoded(file: &Value, path: &str, content: &str) -> Result<String, String> {
    let encoding = file.get("encoding").and_then(Value::as_str).unwrap_or("text/plain");
    let broken = || format!("the content of {path} is not {encoding}");
    let bytes = |text: &str| {
        let plain: String = text.split_whitespace().collect();
        data_encoding::BASE64.decode(plain.as_bytes()).map_err(|_| broken())
    };
    match encoding {
        "text/plain" => Ok(content.to_owned()),
        "b64" | "base64" => String::from_utf8(bytes(content)?).map_err(|_| broken()),
        "gz+b64" | "gzip+base64" | "gz+base64" | "gzip+b64" => {
            let mut text = String::new();
            let unpacked = GzDecoder::new(bytes(content)?.as_slice()).take(MOST).read_to_string(&mut text).is_ok();
            if unpacked { Ok(text) } else { Err(broken()) }
        }
        other => Err(format!("the encoding {other} of {path} is not known")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &str = "#cloud-config\nwrite_files:\n- path: /a\n  permissions: '0600'\n  content: |\n    one\n    two\n\
                        - path: /b\n  encoding: b64\n  content: dGhyZWU=\nruncmd:\n- [systemctl, daemon-reload]\n\
                        - [systemctl, enable, --now, --no-block, x.service]\n";

    #[test]
    fn plain_and_packed_user_data_say_the_same() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(TEXT.as_bytes()).expect("memory");
        for bytes in [TEXT.as_bytes().to_vec(), packed.finish().expect("memory")] {
            let document = read(&data_encoding::BASE64.encode(&bytes)).expect("sound").expect("a document");
            assert_eq!(document.files["/a"], "one\ntwo\n");
            assert_eq!(document.files["/b"], "three");
            assert_eq!(document.units, ["x.service"]);
        }
    }

    #[test]
    fn what_is_not_cloud_config_is_left_alone_and_what_is_broken_is_told() {
        let encoded = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
        assert_eq!(read(&encoded("#!/bin/sh\ntrue\n")), Ok(None));
        assert!(read("%").is_err());
        assert!(read(&encoded("#cloud-config\nwrite_files: [\n")).is_err());
        let cut = data_encoding::BASE64.encode(&[0x1f, 0x8b, 8, 0]);
        assert!(read(&cut).is_err());
    }
}
