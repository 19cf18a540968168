//! References to container images: `registry.k8s.io/coredns/coredns:v1.12.1@sha256:…`.
//!
//! Source of the grammar: the Distribution project, package `reference` (its grammar of `reference`), which is what
//! containerd and the kubelet read. Pure: nothing asks a registry.

use std::fmt;
use std::str::FromStr;

/// The registry of references that name none (the Distribution project, `reference.ParseNormalizedNamed`).
pub const DEFAULT_REGISTRY: &str = "docker.io";
/// Where that registry keeps images of one word: `busybox` is `docker.io/library/busybox`.
const DEFAULT_FOLDER: &str = "library";
/// Longest repository with its registry (the grammar's `NameTotalLengthMax`), in bytes.
const LONGEST_NAME: usize = 255;
/// Longest tag (the grammar's `tag`), in bytes.
const LONGEST_TAG: usize = 128;
/// Hexadecimal digits of a SHA-256 digest.
const SHA256_DIGITS: usize = 64;

/// A reference to a container image, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is no reference to an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidReference(String);

impl Reference {
    /// Host, with its port if it has one; [`DEFAULT_REGISTRY`] if the text named none.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry: `coredns/coredns`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `None`: the text has none.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, such as `sha256:…`; `None`: the text has none.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The same image in a mirror: a registry, or a folder of one (`mirror.foo.bar/k8s`).
    ///
    /// # Errors
    /// The mirror is no host, or no host and path.
    pub fn mirrored(&self, mirror: &str) -> Result<String, InvalidReference> {
        let (host, folder) = match mirror.split_once('/') {
            Some((host, folder)) => (host, Some(folder)),
            None => (mirror, None),
        };
        if !is_host(host) || folder.is_some_and(|folder| !folder.split('/').all(is_component)) {
            return Err(InvalidReference(format!(
                "{mirror:?} is no mirror of {}: expected a host, or a host and a path, such as mirror.foo.bar/k8s",
                self.registry
            )));
        }
        let moved = Self { registry: mirror.to_owned(), ..self.clone() };
        Ok(moved.to_string())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let wrong = |why: &str| InvalidReference(format!("{text:?} is no image reference: {why}"));
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        if text.contains("://") {
            return Err(wrong("it has a scheme; write it without, such as registry.k8s.io/pause:3.10"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(wrong("behind @ stands a digest, sha256: and 64 hexadecimal digits"));
        }
        // A colon before the last slash is that of a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("behind : stands a tag, at most 128 of A-Z a-z 0-9 _ . -, not beginning with . or -"));
        }
        let named = name.split_once('/').filter(|(host, _)| {
            host.contains(['.', ':']) || *host == "localhost" || host.bytes().any(|byte| byte.is_ascii_uppercase())
        });
        let (registry, repository) = match named {
            Some((host, path)) => (host, path.to_owned()),
            None if name.contains('/') => (DEFAULT_REGISTRY, name.to_owned()),
            None => (DEFAULT_REGISTRY, format!("{DEFAULT_FOLDER}/{name}")),
        };
        if !is_host(registry) {
            return Err(wrong(&format!("{registry:?} is no host")));
        }
        if let Some(part) = repository.split('/').find(|part| !is_component(part)) {
            let why = format!("its path has {part:?}, but only a-z 0-9 are allowed, with . _ - between them");
            return Err(wrong(&why));
        }
        if registry.len() + 1 + repository.len() > LONGEST_NAME {
            return Err(wrong("it is longer than 255 characters"));
        }
        let owned = |part: Option<&str>| part.map(str::to_owned);
        Ok(Self { registry: registry.to_owned(), repository, tag: owned(tag), digest: owned(digest) })
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Lowercase letters and digits; between them one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().last()];
    ends.into_iter().all(|end| end.is_some_and(alphanumeric))
        && text.bytes().all(|byte| alphanumeric(byte) || b"._-".contains(&byte))
        && text
            .split(|one: char| one.is_ascii_alphanumeric())
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= LONGEST_TAG
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == SHA256_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn read(text: &str) -> Result<Reference, String> {
        text.parse().map_err(|why: InvalidReference| why.to_string())
    }

    #[test]
    fn a_reference_is_taken_apart() {
        for (text, registry, repository, tag) in [
            ("registry.k8s.io/coredns/coredns:v1.12.1", "registry.k8s.io", "coredns/coredns", Some("v1.12.1")),
            ("busybox", "docker.io", "library/busybox", None),
            ("flannel/flannel:v0.26.1", "docker.io", "flannel/flannel", Some("v0.26.1")),
            ("localhost/a:1", "localhost", "a", Some("1")),
            ("registry:5000/a/b_c:1", "registry:5000", "a/b_c", Some("1")),
            ("a__b/c-d---e.f", "docker.io", "a__b/c-d---e.f", None),
        ] {
            let reference = read(text).expect(text);
            assert_eq!((reference.registry(), reference.repository(), reference.tag()), (registry, repository, tag));
        }
        let both = format!("quay.io/a/b:1@{DIGEST}");
        assert_eq!(read(&both).expect("good").digest(), Some(DIGEST));
        assert_eq!(read(&both).expect("good").to_string(), both);
    }

    #[test]
    fn a_mirror_takes_the_registrys_place() {
        let reference = read("registry.k8s.io/pause:3.10").expect("good");
        assert_eq!(reference.mirrored("mirror.foo.bar/k8s").as_deref(), Ok("mirror.foo.bar/k8s/pause:3.10"));
        assert_eq!(read("busybox:1").expect("good").mirrored("m:5000").as_deref(), Ok("m:5000/library/busybox:1"));
        assert_eq!(
            reference.mirrored("https://mirror").map_err(|why| why.to_string()),
            Err(String::from(
                "\"https://mirror\" is no mirror of registry.k8s.io: expected a host, or a host and a path, such as \
                 mirror.foo.bar/k8s"
            ))
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for (text, why) in [
            ("", "it is empty"),
            ("https://quay.io/a:1", "it has a scheme; write it without, such as registry.k8s.io/pause:3.10"),
            ("quay.io/A/b:1", "its path has \"A\", but only a-z 0-9 are allowed, with . _ - between them"),
            ("quay.io/a..b:1", "its path has \"a..b\", but only a-z 0-9 are allowed, with . _ - between them"),
            ("quay.io/a//b:1", "its path has \"\", but only a-z 0-9 are allowed, with . _ - between them"),
            ("a: 1", "behind : stands a tag, at most 128 of A-Z a-z 0-9 _ . -, not beginning with . or -"),
            ("a:", "behind : stands a tag, at most 128 of A-Z a-z 0-9 _ . -, not beginning with . or -"),
            ("a@sha256:12", "behind @ stands a digest, sha256: and 64 hexadecimal digits"),
            ("-quay.io/a:1", "\"-quay.io\" is no host"),
        ] {
            assert_eq!(read(text), Err(format!("{text:?} is no image reference: {why}")));
        }
        assert!(read(&"a".repeat(256)).is_err());
    }
}
