//! User data as EC2 gets it: gzip, which cloud-init unpacks. The resource itself keeps the text, so that diffs can be read.

use std::io::{Read as _, Write as _};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder, read::GzDecoder};

/// A text that decompresses to more is none of ours: far above what 16 KB of scripts unpack to.
const MOST: u64 = 4 * 1024 * 1024;

/// Gzip, the same bytes for the same text: no time, no name, fixed level.
#[must_use]
pub fn compressed(text: &str) -> Vec<u8> {
    let mut encoder: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let written = encoder.write_all(text.as_bytes());
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The text of user data, compressed or not; `None` when it is neither.
#[must_use]
pub fn decompressed(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return String::from_utf8(bytes.to_vec()).ok();
    }
    let mut text = String::new();
    GzDecoder::new(bytes).take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_reads_back_and_is_always_the_same() {
        let text = "#cloud-config\nruncmd: [true]\n".repeat(100);
        let bytes = compressed(&text);
        assert_eq!(bytes, compressed(&text));
        assert!(bytes.len() < text.len() / 10);
        assert_eq!(decompressed(&bytes).as_deref(), Some(text.as_str()));
        assert_eq!(decompressed(text.as_bytes()).as_deref(), Some(text.as_str()));
        assert_eq!(decompressed(&[0x1f, 0x8b, 0]), None);
        assert_eq!(decompressed(&[0xff, 0xfe]), None);
    }
}
