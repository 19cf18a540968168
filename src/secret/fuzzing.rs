//! Any bytes as a file of age identities.

use std::path::Path;

use super::{Identities, SealError, Secret};

/// Reads them as if they stood in that file.
pub(crate) fn identities(path: &Path, content: &Secret) -> Result<Identities, SealError> {
    Identities::from_content(path, content)
}
