//! Sealing: age ciphertext for several recipients, the only form in which a secret is in git.
//!
//! Never for one recipient only: whoever loses the one key loses the cluster. Never prints an identity.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519;

use super::Secret;
use super::error::SealError;
use super::identities::Identities;
use crate::planted::{self, Bug};

/// One lost laptop must not be the end of a cluster.
const FEWEST_RECIPIENTS: usize = 2;

/// How an age secret key begins (age-encryption.org/v1, "X25519 identities").
pub(super) const SECRET_KEY_PREFIX: &str = "AGE-SECRET-KEY-";

/// Who can open what is sealed: at least two X25519 recipients.
#[derive(Clone, Debug)]
pub struct Recipients(BTreeMap<String, x25519::Recipient>);

impl Recipients {
    /// Reads `age1…` words; the same one twice counts once.
    ///
    /// # Errors
    /// When one is no recipient, when one is a secret key, and when there are fewer than two different ones.
    pub fn parse(words: &[String]) -> Result<Self, SealError> {
        let mut recipients = BTreeMap::new();
        for (index, word) in words.iter().enumerate() {
            let word = word.trim();
            if word.to_ascii_uppercase().starts_with(SECRET_KEY_PREFIX) {
                return Err(SealError::SecretKeyAsRecipient { position: index + 1 });
            }
            let recipient: x25519::Recipient =
                word.parse().map_err(|_| SealError::NoRecipient { position: index + 1 })?;
            recipients.insert(recipient.to_string(), recipient);
        }
        if recipients.len() < FEWEST_RECIPIENTS {
            return Err(SealError::TooFewRecipients { found: recipients.len(), fewest: FEWEST_RECIPIENTS });
        }
        Ok(Self(recipients))
    }

    /// The recipients, `age1…`, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Seals a secret, as text (`BEGIN AGE ENCRYPTED FILE`): in an emergency it survives a terminal and a clipboard.
///
/// # Errors
/// When age refuses.
pub fn seal(recipients: &Recipients, secret: &Secret) -> Result<Vec<u8>, SealError> {
    if planted::is(Bug::PlainSecret) {
        return Ok(secret.expose().to_vec());
    }
    let failed = |error: &dyn std::fmt::Display| SealError::Seal(error.to_string());
    let encryptor =
        age::Encryptor::with_recipients(recipients.0.values().map(|recipient| recipient as &dyn age::Recipient))
            .map_err(|error| failed(&error))?;
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).map_err(|error| failed(&error))?;
    let mut writer = encryptor.wrap_output(armor).map_err(|error| failed(&error))?;
    writer.write_all(secret.expose()).map_err(|error| failed(&error))?;
    let armor = writer.finish().map_err(|error| failed(&error))?;
    armor.finish().map_err(|error| failed(&error))
}

/// Opens what was sealed. The content is wiped when the result goes.
///
/// # Errors
/// When it is no age file, when none of the identities fits, and when it is damaged.
pub fn open(identities: &Identities, sealed: &[u8]) -> Result<Secret, SealError> {
    let decryptor = age::Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(|_| SealError::NotSealed)?;
    let keys = identities.keys().map(|identity| identity as &dyn age::Identity);
    let mut reader = decryptor.decrypt(keys).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => SealError::WrongIdentity {
            recipients: count_recipients(sealed),
            tried: identities.len(),
            sources: identities.sources().join(", "),
        },
        _ => SealError::Damaged,
    })?;
    // Plain text is never longer than the ciphertext, so the buffer does not move and leave copies behind.
    let mut content = zeroize::Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut content).map_err(|_| SealError::Damaged)?;
    Ok(Secret(content))
}

/// For how many recipients a file is sealed; 0 when that cannot be told.
fn count_recipients(sealed: &[u8]) -> usize {
    let mut plain = Vec::new();
    // A file that is cut or damaged still shows its header.
    let _ = ArmoredReader::new(sealed).read_to_end(&mut plain);
    // Others than X25519 are windlass's neither in writing nor in reading; age adds meaningless ones now and then.
    let lines = plain.split(|&byte| byte == b'\n').take_while(|line| !line.starts_with(b"---"));
    lines.filter(|line| line.starts_with(b"-> X25519 ")).count()
}
