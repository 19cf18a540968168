//! Machine images.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A machine image with containerd, kubelet and kubeadm: exactly one of `id`, `ssm` and `search`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Image {
    /// One image for ever: `ami-…`.
    Id(ImageId),
    /// The image whose id a Systems Manager parameter holds, such as `/foo/images/kubernetes-1.34/x86_64`: a new value
    /// is shown by the next plan. The parameter's path begins with `/`.
    Ssm(SsmParameter),
    /// The newest image with this name.
    Search(ImageSearch),
}

super::value::text!(
    /// The id of a machine image.
    ImageId, super::value::image_id, r"^ami-([0-9a-f]{8}|[0-9a-f]{17})$", "ami-0a1b2c3d4e5f60718"
);

super::value::text!(
    /// The path of a Systems Manager parameter that holds an image id.
    SsmParameter, ssm_parameter, r"^(/[A-Za-z0-9_.-]+)+$", "/foo/images/kubernetes-1.34/x86_64"
);

/// An image by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageSearch {
    /// Name with `*` for any text, such as `kubernetes-1.34-*`; of several the newest is taken.
    pub name: String,
    /// Account id of the owner, or `self`. Required: anyone may publish an image with any name.
    pub owner: String,
}

/// Path rules of Systems Manager (user guide, "Requirements and constraints for parameter names").
fn ssm_parameter(text: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
    };
    let good = text.len() <= 1011 && text.strip_prefix('/').is_some_and(|path| path.split('/').all(part));
    if good { Ok(()) } else { Err(format!("{text:?} is no parameter path: expected such as /images/kubernetes")) }
}

/// One line that names the image; the key of [`crate::desired::Facts::images`].
impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "{id}"),
            Self::Ssm(parameter) => write!(formatter, "ssm:{parameter}"),
            Self::Search(ImageSearch { name, owner }) => write!(formatter, "{owner}/{name}"),
        }
    }
}
