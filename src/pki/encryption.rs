//! Encryption of etcd's content: keys, and kube-apiserver's EncryptionConfiguration.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// XSalsa20-Poly1305 takes keys of this length.
const KEY_BYTES: usize = 32;

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionError {
    /// The random generator failed.
    #[error("cannot make a key: the crypto library failed")]
    Generate,
    /// No key at all.
    #[error("encryption needs at least one key")]
    NoKeys,
    /// Not base64 of 32 bytes.
    #[error("encryption key {0} is not 32 bytes in base64")]
    Key(u32),
}

/// A new key: 32 random bytes in base64, as the configuration has them.
///
/// # Errors
/// When the crypto library fails.
pub fn generate() -> Result<Secret, EncryptionError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| EncryptionError::Generate)?;
    Ok(Secret::from(BASE64.encode(bytes.as_slice())))
}

/// The configuration, YAML: Secrets are encrypted with the **last** of these keys and decrypted with all of them. What
/// was written before there was any key is still read.
///
/// To change keys, every API server must know the new one before the first encrypts with it: `[new, old]`, then
/// `[old, new]`, and `[new]` once everything was written again.
///
/// # Errors
/// When there is no key, or one is none.
pub fn configuration(keys: &[(u32, &Secret)]) -> Result<Secret, EncryptionError> {
    if keys.is_empty() {
        return Err(EncryptionError::NoKeys);
    }
    let mut text = String::from(
        "apiVersion: apiserver.config.k8s.io/v1\n\
         kind: EncryptionConfiguration\n\
         resources:\n\
         - resources:\n\
         \x20 - secrets\n\
         \x20 providers:\n\
         \x20 - secretbox:\n\
         \x20     keys:\n",
    );
    for (revision, key) in keys.iter().rev() {
        let key = key.expose_text().map(str::trim).map_err(|_| EncryptionError::Key(*revision))?;
        let bytes = BASE64.decode(key.as_bytes()).map(Zeroizing::new).map_err(|_| EncryptionError::Key(*revision))?;
        if bytes.len() != KEY_BYTES {
            return Err(EncryptionError::Key(*revision));
        }
        text.push_str(&format!("      - name: key-{revision}\n        secret: {key}\n"));
    }
    text.push_str("  - identity: {}\n");
    Ok(Secret::from(text))
}

/// The keys in a configuration that [`configuration`] wrote, in its order.
///
/// # Errors
/// When there is none in it.
pub fn keys(configuration: &Secret) -> Result<Vec<(u32, Secret)>, EncryptionError> {
    let text = configuration.expose_text().map_err(|_| EncryptionError::NoKeys)?;
    let mut keys = Vec::new();
    let mut revision = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- name: key-") {
            revision = name.parse().ok();
        } else if let (Some(key), Some(revision)) = (line.strip_prefix("secret: "), revision.take()) {
            keys.push((revision, Secret::from(key.to_owned())));
        }
    }
    keys.reverse();
    if keys.is_empty() { Err(EncryptionError::NoKeys) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_key_encrypts_and_all_decrypt() {
        let keys = [1_u8, 2].map(|byte| Secret::from(BASE64.encode(&[byte; KEY_BYTES])));
        let text = configuration(&[(1, &keys[0]), (2, &keys[1])]).expect("a configuration");
        let value: serde_json::Value = serde_saphyr::from_str(text.expose_text().expect("text")).expect("YAML");
        assert_eq!(
            value,
            serde_json::json!({
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "EncryptionConfiguration",
                "resources": [{
                    "resources": ["secrets"],
                    "providers": [
                        { "secretbox": { "keys": [
                            { "name": "key-2", "secret": BASE64.encode(&[2; KEY_BYTES]) },
                            { "name": "key-1", "secret": BASE64.encode(&[1; KEY_BYTES]) },
                        ]}},
                        { "identity": {} },
                    ],
                }],
            })
        );
    }

    #[test]
    fn the_keys_are_read_back_as_they_were_written() {
        let made = [3_u32, 2].map(|revision| (revision, generate().expect("a key")));
        let text = configuration(&made.each_ref().map(|(revision, key)| (*revision, key))).expect("a configuration");
        let read = keys(&text).expect("keys");
        let plain =
            |keys: &[(u32, Secret)]| -> Vec<_> { keys.iter().map(|(r, key)| (*r, key.expose().to_vec())).collect() };
        assert_eq!(plain(&read), plain(&made));
        assert_eq!(keys(&Secret::from(String::from("kind: Secret\n"))).err(), Some(EncryptionError::NoKeys));
    }

    #[test]
    fn keys_are_random_and_checked() {
        let (one, other) = (generate().expect("a key"), generate().expect("a key"));
        assert_ne!(one.expose(), other.expose());
        assert!(configuration(&[(1, &one)]).is_ok());
        assert_eq!(configuration(&[]).err(), Some(EncryptionError::NoKeys));
        for text in ["", "hunter2", "AAAA"] {
            let refused = configuration(&[(1, &one), (2, &Secret::from(text.to_owned()))]).err();
            assert_eq!(refused, Some(EncryptionError::Key(2)), "{text}");
        }
    }
}
