//! Events of a watch: one line of JSON each.

use http::StatusCode;
use serde_json::Value;

use super::call::DEADLINE;
use super::error::Error;
use super::read::name;
use super::seen::{Kind, Object};

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An object is new or has changed.
    Put {
        /// As it is now.
        object: Object,
        /// Since when; `None`: not said.
        revision: Option<String>,
    },
    /// An object is gone.
    Removed {
        /// As it was.
        object: Object,
        /// Since when; `None`: not said.
        revision: Option<String>,
    },
    /// Nothing happened up to there.
    Bookmark {
        /// Up to where.
        revision: String,
    },
}

impl Event {
    /// The revision that it says.
    pub(super) fn revision(&self) -> Option<&str> {
        match self {
            Self::Put { revision, .. } | Self::Removed { revision, .. } => revision.as_deref(),
            Self::Bookmark { revision } => Some(revision),
        }
    }

    /// One line of a watch. `None`: an object that cannot be understood and says no revision.
    ///
    /// # Errors
    /// [`Error::Gone`] and others that the server tells within the stream; [`Error::Malformed`]: no event at all.
    pub fn parse(kind: Kind, line: &[u8]) -> Result<Option<Self>, Error> {
        let event: Value = serde_json::from_slice(line).map_err(|error| Error::Malformed(error.to_string()))?;
        let object = &event["object"];
        let revision = name(&object["metadata"]["resourceVersion"]);
        let bookmark = || revision.clone().map(|revision| Self::Bookmark { revision });
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED") => {
                let read = kind.read(object);
                Ok(read.map(|object| Self::Put { object, revision: revision.clone() }).or_else(bookmark))
            }
            Some("DELETED") => {
                let read = kind.read(object);
                Ok(read.map(|object| Self::Removed { object, revision: revision.clone() }).or_else(bookmark))
            }
            Some("BOOKMARK") => Ok(bookmark()),
            Some("ERROR") => {
                let code = object["code"].as_u64().and_then(|it| u16::try_from(it).ok());
                let status = code.and_then(|it| StatusCode::from_u16(it).ok());
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Err(Error::of_answer(status, None, object.to_string().as_bytes(), DEADLINE))
            }
            other => Err(Error::Malformed(format!("an event of type {other:?}"))),
        }
    }
}
