//! Machine images: by id, by Systems Manager parameter, by owner and name.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;
use futures_util::future::try_join_all;

use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::aws::{pages, tags};
use crate::desired::Image;

/// Largest page of DescribeImages (EC2 API reference).
const PAGE: i32 = 1000;
/// Most names in one GetParameters (Systems Manager API reference).
const PARAMETERS: usize = 10;

/// The images that exist, by what the manifests say.
pub(super) async fn find(
    aws: &Aws,
    wanted: &BTreeSet<String>,
    known: &[Image],
) -> Result<BTreeMap<String, Image>, Error> {
    let ids = wanted.iter().filter(|text| text.starts_with("ami-")).map(|id| (id.clone(), id.clone())).collect();
    let parameters = wanted.iter().filter(|text| text.starts_with("ssm:"));
    let searches = wanted.iter().filter(|text| text.contains('/') && !text.starts_with("ssm:"));
    let (by_id, by_parameter, by_name) = tokio::try_join!(
        by_id(aws, ids, known),
        by_parameter(aws, parameters.map(String::as_str).collect(), known),
        try_join_all(searches.map(|text| by_name(aws, text))),
    )?;
    Ok(by_id.into_iter().chain(by_parameter).chain(by_name.into_iter().flatten()).collect())
}

/// Images by id. A filter, because an unknown id in the list of ids fails the whole call.
async fn by_id(aws: &Aws, wanted: BTreeMap<String, String>, known: &[Image]) -> Result<BTreeMap<String, Image>, Error> {
    let mut found = BTreeMap::new();
    let mut asked: BTreeMap<String, String> = BTreeMap::new();
    for (text, id) in wanted {
        match known.iter().find(|image| image.id == id) {
            Some(image) => {
                found.insert(text, image.clone());
            }
            None => {
                asked.insert(text, id);
            }
        }
    }
    if asked.is_empty() {
        return Ok(found);
    }
    let ids: Vec<String> = asked.values().collect::<BTreeSet<_>>().into_iter().cloned().collect();
    let images = describe(aws, None, vec![tags::any_of("image-id", &ids)]).await?;
    let images: BTreeMap<&str, &aws_sdk_ec2::types::Image> =
        images.iter().filter_map(|image| Some((image.image_id()?, image))).collect();
    found.extend(asked.into_iter().filter_map(|(text, id)| Some((text, read(images.get(id.as_str())?)?))));
    Ok(found)
}

/// Images whose ids stand in parameters.
async fn by_parameter(aws: &Aws, wanted: Vec<&str>, known: &[Image]) -> Result<BTreeMap<String, Image>, Error> {
    let ask = async |names: &[&str]| -> Result<Vec<(String, String)>, Error> {
        let names = names.iter().filter_map(|text| text.strip_prefix("ssm:")).map(str::to_owned).collect();
        let request = aws.ssm().get_parameters().set_names(Some(names));
        let answer = call(aws, Call::read("GetParameters"), || request.clone().send()).await?;
        // Unknown names are answered apart from the others.
        let pair = |parameter: aws_sdk_ssm::types::Parameter| {
            Some((format!("ssm:{}", parameter.name?), parameter.value?.trim().to_owned()))
        };
        Ok(answer.parameters.unwrap_or_default().into_iter().filter_map(pair).collect())
    };
    let found = try_join_all(wanted.chunks(PARAMETERS).map(ask)).await?;
    by_id(aws, found.into_iter().flatten().collect(), known).await
}

/// The newest available image of `OWNER/NAME`.
async fn by_name(aws: &Aws, text: &str) -> Result<Option<(String, Image)>, Error> {
    let Some((owner, name)) = text.split_once('/') else { return Ok(None) };
    let filters = vec![tags::filter("name", name), tags::filter("state", "available")];
    let images = describe(aws, Some(owner), filters).await?;
    // Dates are in ISO 8601, so they sort as text; ids break ties.
    let newest = images.iter().max_by_key(|image| (image.creation_date(), image.image_id()));
    Ok(newest.and_then(read).map(|image| (text.to_owned(), image)))
}

async fn describe(
    aws: &Aws,
    owner: Option<&str>,
    filters: Vec<Filter>,
) -> Result<Vec<aws_sdk_ec2::types::Image>, Error> {
    pages::all("DescribeImages", async |token| {
        let owners = owner.map(|owner| vec![owner.to_owned()]);
        let request = aws.ec2().describe_images().set_owners(owners).set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeImages"), || request.clone().send()).await?;
        Ok((answer.images.unwrap_or_default(), answer.next_token))
    })
    .await
}

fn read(image: &aws_sdk_ec2::types::Image) -> Option<Image> {
    Some(Image { id: image.image_id()?.to_owned(), root_device: image.root_device_name()?.to_owned() })
}
