//! Writing parameters: the one place through which their values pass.

use aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder;
use aws_sdk_ssm::types as wire;

use super::describe;
use super::label::Label;
use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::dispatch::Update;
use crate::aws::error::Error;
use crate::aws::identity::Identity;
use crate::aws::ids::Made;
use crate::aws::settle::adopt;
use crate::resource::{Attributes, Parameter, Tags, attribute};
use crate::secret::Secret;

/// Shorter lines of a value prove nothing when an error repeats them.
const TELLING: usize = 16;

/// What goes into a parameter.
#[derive(Clone, Debug)]
pub struct ParameterValue {
    /// The value.
    pub text: Secret,
    /// The certificate in it, which is public.
    pub certificate: Option<PublicCertificate>,
}

/// The public side of a certificate that is written into a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicCertificate {
    /// Lowercase hexadecimal.
    pub serial: String,
    /// PEM.
    pub pem: String,
}

/// Makes a parameter.
///
/// # Errors
/// [`Error::Clash`] when the name is taken by something that is not ours; otherwise that of the call that failed.
pub async fn create_parameter(
    aws: &Aws,
    identity: &Identity,
    it: &Parameter,
    value: &ParameterValue,
) -> Result<Made, Error> {
    let label = label(identity, it, value);
    let tag = |(key, value)| wire::Tag::builder().key(key).value(value).build().map_err(|_| no_tag());
    let tags = identity.tags(&it.tags).into_iter().map(tag).collect::<Result<Vec<_>, _>>()?;
    let request = request(aws, it, &label, value)?.set_tags(Some(tags));
    let version = match put(aws, request, value).await {
        Ok(version) => version,
        Err(error) if error.already_exists() => {
            let find = || async {
                Ok(find(aws, it).await?.and_then(|seen| Some((it.name.clone(), tags_of(identity, &seen)?))))
            };
            adopt(aws, identity, find).await?;
            match find_version(aws, it, &label).await? {
                Some(version) => version,
                // An earlier run made it, and the certificate that it put in is in no record.
                None => put(aws, self::request(aws, it, &label, value)?.overwrite(true), value).await?,
            }
        }
        Err(error) => return Err(error),
    };
    Ok(Made { id: it.name.clone(), attributes: attributes(version, value) })
}

/// Writes a parameter anew. Gives the new facts.
///
/// # Errors
/// That of the call that failed.
pub async fn update_parameter(
    aws: &Aws,
    update: Update<'_, Parameter>,
    value: &ParameterValue,
) -> Result<Attributes, Error> {
    let Update { found, before, after, identity, .. } = update;
    let label = label(identity, after, value);
    let version = put(aws, request(aws, after, &label, value)?.overwrite(true), value).await?;
    retag(aws, &found.id, &before.tags, &after.tags).await?;
    Ok(attributes(version, value))
}

/// Changes tags; everything else needs a value, see [`update_parameter`].
pub(in crate::aws) async fn update(aws: &Aws, update: Update<'_, Parameter>) -> Result<Attributes, Error> {
    let Update { found, before, after, .. } = update;
    if before.digest() != after.digest() {
        return Err(Error::Unsupported { address: found.address.clone(), act: "changed without its value" });
    }
    retag(aws, &found.id, &before.tags, &after.tags).await?;
    Ok(found.attributes.clone())
}

fn label(identity: &Identity, it: &Parameter, value: &ParameterValue) -> Label {
    let serial = value.certificate.as_ref().map(|certificate| certificate.serial.clone());
    Label::new(identity, it.digest(), serial)
}

fn attributes(version: i64, value: &ParameterValue) -> Attributes {
    let version = (String::from(attribute::PARAMETER_VERSION), version.to_string());
    let pem = value.certificate.as_ref().map(|it| (String::from(attribute::CERTIFICATE), it.pem.clone()));
    Attributes::from_iter(pem.into_iter().chain([version]))
}

fn request(
    aws: &Aws,
    it: &Parameter,
    label: &Label,
    value: &ParameterValue,
) -> Result<PutParameterFluentBuilder, Error> {
    let text = value.text.expose_text();
    let text = text.map_err(|_| Error::Malformed { operation: "PutParameter", what: "the value is no text" })?;
    let kind = if it.content.is_secret() { wire::ParameterType::SecureString } else { wire::ParameterType::String };
    let request = aws.ssm().put_parameter().name(&it.name).value(text).r#type(kind).description(label.to_string());
    // A standard one as long as the value fits, 4 KB; an advanced one is never made a standard one again (Systems
    // Manager user guide, "Managing parameter tiers").
    Ok(request.tier(wire::ParameterTier::IntelligentTiering).set_key_id(it.kms_key.clone()))
}

/// Writes, and gives the version.
async fn put(aws: &Aws, request: PutParameterFluentBuilder, value: &ParameterValue) -> Result<i64, Error> {
    let answer = call(aws, Call::named("PutParameter"), || request.clone().send()).await;
    answer.map(|answer| answer.version()).map_err(|error| discreet(error, value))
}

/// The error, without what it repeats of the value: messages about a refused member of a request quote it.
fn discreet(error: Error, value: &ParameterValue) -> Error {
    let Error::Call(mut call) = error else { return error };
    let text = value.text.expose_text().unwrap_or_default();
    let repeats = text.lines().any(|line| line.len() >= TELLING && call.message.contains(line));
    if repeats || (!text.is_empty() && text.len() < TELLING && call.message.contains(text)) {
        call.message = String::from("AWS refuses the value, in words that repeat it");
    }
    Error::Call(call)
}

async fn find(aws: &Aws, it: &Parameter) -> Result<Option<wire::ParameterMetadata>, Error> {
    Ok(describe(aws, "Name", "Equals", std::slice::from_ref(&it.name)).await?.into_iter().next())
}

/// The tags that a description stands for; empty ones for a description that is not ours.
fn tags_of(identity: &Identity, seen: &wire::ParameterMetadata) -> Option<Tags> {
    Some(Label::read(seen.description().unwrap_or_default()).map(|it| it.tags(&identity.cluster)).unwrap_or_default())
}

/// The version of the parameter, if it says exactly `label`.
async fn find_version(aws: &Aws, it: &Parameter, label: &Label) -> Result<Option<i64>, Error> {
    let seen = find(aws, it).await?.filter(|seen| seen.description() == Some(&label.to_string()));
    Ok(seen.map(|seen| seen.version()))
}

fn no_tag() -> Error {
    Error::Malformed { operation: "PutParameter", what: "a tag has no key" }
}

async fn retag(aws: &Aws, id: &str, before: &Tags, after: &Tags) -> Result<(), Error> {
    let added = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let added = added.map(|(key, value)| wire::Tag::builder().key(key).value(value).build().map_err(|_| no_tag()));
    let added = added.collect::<Result<Vec<_>, _>>()?;
    let of = wire::ResourceTypeForTagging::Parameter;
    if !added.is_empty() {
        let request = aws.ssm().add_tags_to_resource().resource_type(of.clone()).resource_id(id).set_tags(Some(added));
        call(aws, Call::named("AddTagsToResource"), || request.clone().send()).await?;
    }
    let removed: Vec<String> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    if !removed.is_empty() {
        let request = aws.ssm().remove_tags_from_resource().resource_type(of).resource_id(id);
        let request = request.set_tag_keys(Some(removed));
        call(aws, Call::named("RemoveTagsFromResource"), || request.clone().send()).await?;
    }
    Ok(())
}
