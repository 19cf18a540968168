//! Why a secret cannot be sealed or opened. No message holds any part of a secret or of an identity file.

use std::path::PathBuf;

use crate::file::Unreadable;

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There must be more recipients.
    #[error(
        "{found} age recipient{} cannot open the secrets of a cluster alone: at least {fewest} different ones \
         are needed\nhint: add recipients to `ageRecipients` in windlass.yaml; `age-keygen` makes a key and prints its recipient",
        if *.found == 1 { "" } else { "s" }
    )]
    TooFewRecipients {
        /// Different ones.
        found: usize,
        /// How many there must be.
        fewest: usize,
    },
    /// A word is no X25519 recipient.
    #[error("age recipient {position} is none: an X25519 recipient begins with age1 and is 62 characters long")]
    NoRecipient {
        /// From 1.
        position: usize,
    },
    /// Somebody wrote the key where its public half belongs.
    #[error(
        "age recipient {position} is a secret key\nhint: take it out of the file and of git's history, make a new one \
         with `age-keygen`, and write the recipient that begins with age1"
    )]
    SecretKeyAsRecipient {
        /// From 1.
        position: usize,
    },
    /// age could not seal.
    #[error("cannot seal: {0}")]
    Seal(String),
    /// The variable is not set and no file is in the usual places.
    #[error(
        "no age identity was found: WINDLASS_AGE_KEY_FILE is not set, and there is none of {}\nhint: set \
         WINDLASS_AGE_KEY_FILE to a file with the key of one of the recipients",
        .searched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoIdentity {
        /// The usual places.
        searched: Vec<PathBuf>,
    },
    /// An identity file cannot be read.
    #[error("cannot read the age identities in {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Unreadable,
    },
    /// Others than its owner may read an identity file.
    #[error(
        "others may read the age identities in {path}\nhint: chmod 600 {path}; where a mount decides, set its mode (defaultMode: 0400)"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// An identity file has something else in it.
    #[error(
        "{path}, line {line}: not an age identity\nhint: each line is a comment with # or a key as `age-keygen` \
         writes it"
    )]
    BadIdentity {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// An identity file has no key in it.
    #[error("{path} has no age identity in it")]
    EmptyIdentities {
        /// The file.
        path: PathBuf,
    },
    /// Not age ciphertext.
    #[error("not an age file, or its header is damaged")]
    NotSealed,
    /// None of the identities belongs to a recipient.
    #[error(
        "sealed for {recipients} recipients, and none of them is one of the {tried} age identities from {sources}\n\
         hint: set WINDLASS_AGE_KEY_FILE to a file with the key of a recipient"
    )]
    WrongIdentity {
        /// Of the file.
        recipients: usize,
        /// How many identities were tried.
        tried: usize,
        /// Where they came from.
        sources: String,
    },
    /// The right key, but the content is cut or changed.
    #[error("the age file is damaged: it was cut or changed after it was sealed")]
    Damaged,
}
