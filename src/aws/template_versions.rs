//! What versions of a launch template say: asked for only when machines run another one than new machines get.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::launch_template::data;
use super::pages;
use crate::resource::{LaunchTemplate, Tags};

/// Versions in one call by number; the most that EC2 takes (API reference, DescribeLaunchTemplateVersions: "up to 200").
const VERSIONS: usize = 200;

/// What versions of one template say, by number as text. References carry AWS ids.
pub type TemplateVersions = BTreeMap<String, LaunchTemplate>;

/// Reads versions of the template `id` (`lt-…`); `versions` are numbers, `$Default` or `$Latest`. One that was deleted is
/// missing in the answer.
///
/// # Errors
/// That of the call.
pub async fn template_versions(aws: &Aws, id: &str, versions: &BTreeSet<String>) -> Result<TemplateVersions, Error> {
    const OPERATION: &str = "DescribeLaunchTemplateVersions";
    let all: Vec<String> = versions.iter().cloned().collect();
    let mut read = TemplateVersions::new();
    for some in all.chunks(VERSIONS) {
        let found = pages::all(OPERATION, async |token| {
            let request = aws.ec2().describe_launch_template_versions().launch_template_id(id);
            let request = request.set_versions(Some(some.to_vec())).set_next_token(token);
            let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
            Ok((answer.launch_template_versions.unwrap_or_default(), answer.next_token))
        })
        .await;
        // EC2 refuses the whole list for one version that is gone; then nothing is known, which is no reason to fail.
        let found = match found {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        for version in found {
            let name = version.launch_template_name().unwrap_or_default().to_owned();
            if let (Some(number), Some(content)) = (version.version_number(), version.launch_template_data()) {
                read.insert(number.to_string(), data::decode(name, Tags::new(), content));
            }
        }
    }
    Ok(read)
}
