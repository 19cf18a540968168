//! Launch templates: a change makes a new version and then its default, so groups that launch the default follow.

pub(super) mod data;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as wire;
use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::{Identity, tag};
use super::ids::{Ids, Made};
use super::settle::settle;
use super::{named, pages, tags};
use crate::resource::{
    Address, Attributes, Describe, Found, Kind, LaunchTemplate, Observed, Readiness, Resource, Tags, attribute,
};

/// Templates or versions in one page; the most that EC2 gives (API reference, DescribeLaunchTemplateVersions). Always
/// said: without it some servers answer a part and no token.
pub(super) const PAGE: i32 = 200;

/// Finds the cluster's templates: by tag, and at the same time the default versions of all templates of the region, which
/// is one call where asking for each template's would be many. The latter also shows names that are taken.
pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let (templates, versions) =
        tokio::try_join!(describe(aws, vec![tags::of_cluster(&scope.cluster)]), default_versions(aws),)?;
    let ours: BTreeMap<&str, &wire::LaunchTemplate> =
        templates.iter().filter_map(|it| Some((it.launch_template_id()?, it))).collect();
    let mut observed = Observed::default();
    for version in &versions {
        let id = version.launch_template_id().unwrap_or_default();
        let name = version.launch_template_name().unwrap_or_default();
        let all = ours.get(id).map(|it| tags::from_ec2(it.tags.clone())).unwrap_or_default();
        let seen = named::Seen { kind: Kind::LaunchTemplate, id: id.to_owned(), name, tags: &all };
        named::sight(&mut observed, scope, seen, |tags| {
            let empty = wire::ResponseLaunchTemplateData::builder().build();
            let data = version.launch_template_data().unwrap_or(&empty);
            (data::decode(name.to_owned(), tags, data).into(), facts(version.version_number()), Readiness::Ready)
        });
    }
    Ok(observed)
}

/// The templates that the filters let through.
pub(super) async fn describe(aws: &Aws, filters: Vec<wire::Filter>) -> Result<Vec<wire::LaunchTemplate>, Error> {
    pages::all("DescribeLaunchTemplates", async |token| {
        let request = aws.ec2().describe_launch_templates().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeLaunchTemplates"), || request.clone().send()).await?;
        Ok((answer.launch_templates.unwrap_or_default(), answer.next_token))
    })
    .await
}

async fn default_versions(aws: &Aws) -> Result<Vec<wire::LaunchTemplateVersion>, Error> {
    pages::all("DescribeLaunchTemplateVersions", async |token| {
        let request = aws.ec2().describe_launch_template_versions().versions("$Default");
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeLaunchTemplateVersions"), || request.clone().send()).await?;
        Ok((answer.launch_template_versions.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// In what the default version of each template differs from the versions that instances still run: asked for only when
/// there are such instances, and then once per template.
///
/// # Errors
/// That of a call.
pub(super) async fn outdated(
    aws: &Aws,
    observed: &Observed,
) -> Result<BTreeMap<Address, BTreeMap<String, BTreeSet<String>>>, Error> {
    let mut asked = Vec::new();
    for (template, versions) in stale_versions(observed) {
        asked.push(async move {
            let all: Vec<String> = versions.iter().cloned().chain([String::from("$Default")]).collect();
            let request = aws.ec2().describe_launch_template_versions().launch_template_id(&template.id);
            let request = request.set_versions(Some(all)).max_results(PAGE);
            let answer = call(aws, Call::read("DescribeLaunchTemplateVersions"), || request.clone().send()).await;
            let listed = match answer {
                Ok(answer) => answer.launch_template_versions.unwrap_or_default(),
                // Somebody deleted old versions: that machines run them is known all the same.
                Err(error) if error.is_not_found() => Vec::new(),
                Err(error) => return Err(error),
            };
            Ok((template.address.clone(), compared(&versions, &listed)))
        });
    }
    Ok(futures_util::future::try_join_all(asked.into_iter().map(Box::pin)).await?.into_iter().collect())
}

/// Templates of groups some of whose instances run another version than the default, with those versions.
fn stale_versions(observed: &Observed) -> Vec<(&Found, BTreeSet<String>)> {
    let mut stale = Vec::new();
    for found in observed.found.iter().filter(|found| found.address.kind() == Kind::LaunchTemplate) {
        let Some(default) = found.attributes.get(attribute::VERSION) else { continue };
        let launches = |group: &&Found| match &group.resource {
            Resource::AutoScalingGroup(it) => it.launch_template.address() == Some(&found.address),
            _ => false,
        };
        let groups: BTreeSet<&str> = observed.found.iter().filter(launches).map(|group| group.id.as_str()).collect();
        let machines = observed.instances.iter().filter(|it| groups.contains(it.group.as_str()));
        let versions: BTreeSet<String> =
            machines.filter_map(|it| it.template_version.clone()).filter(|version| version != default).collect();
        if !versions.is_empty() {
            stale.push((found, versions));
        }
    }
    stale
}

/// Version → the fields in which the default differs from it; empty for one that is not listed any more.
fn compared(versions: &BTreeSet<String>, listed: &[wire::LaunchTemplateVersion]) -> BTreeMap<String, BTreeSet<String>> {
    let fields = |version: &wire::LaunchTemplateVersion| {
        let data = version.launch_template_data()?;
        Some(Resource::from(data::decode(String::new(), Tags::new(), data)).fields())
    };
    let default = listed.iter().find(|it| it.default_version() == Some(true)).and_then(fields);
    let differs = |version: &String| {
        let old = listed.iter().find(|it| it.version_number().is_some_and(|number| number.to_string() == *version));
        let (Some(old), Some(new)) = (old.and_then(fields), &default) else { return BTreeSet::new() };
        let names = old.keys().chain(new.keys());
        names.filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
    };
    versions.iter().map(|version| (version.clone(), differs(version))).collect()
}

fn facts(version: Option<i64>) -> Attributes {
    version.map(|version| (attribute::VERSION.to_owned(), version.to_string())).into_iter().collect()
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &LaunchTemplate, ids: &Ids) -> Result<Made, Error> {
    let request = aws
        .ec2()
        .create_launch_template()
        .launch_template_name(&it.name)
        .client_token(identity.client_token())
        .launch_template_data(data::encode(it, identity, ids)?)
        .tag_specifications(tags::specification(wire::ResourceType::LaunchTemplate, identity, &it.tags));
    let template = match call(aws, Call::token("CreateLaunchTemplate").with(ids), || request.clone().send()).await {
        Ok(answer) => answer.launch_template,
        Err(error) if error.already_exists() => return adopt(aws, identity, it, ids).await,
        Err(error) => return Err(error),
    };
    let id = template.as_ref().and_then(wire::LaunchTemplate::launch_template_id);
    let id = id.ok_or(Error::Malformed { operation: "CreateLaunchTemplate", what: "no template id" })?;
    let version = template.as_ref().and_then(wire::LaunchTemplate::default_version_number);
    Ok(Made { id: id.to_owned(), attributes: facts(version) })
}

/// Takes over the template that has the name, if an earlier call made it. What that call said may have changed since, so
/// it gets a version with what is wanted now.
async fn adopt(aws: &Aws, identity: &Identity, it: &LaunchTemplate, ids: &Ids) -> Result<Made, Error> {
    let look =
        async || Ok(describe(aws, vec![tags::filter("launch-template-name", &it.name)]).await?.into_iter().next());
    let missing =
        Error::Malformed { operation: "DescribeLaunchTemplates", what: "no template of a name that is taken" };
    let template = settle(aws, aws.clock().now(), look).await?.ok_or(missing)?;
    let id = template.launch_template_id().unwrap_or_default().to_owned();
    named::verify(identity, &id, &tags::from_ec2(template.tags))?;
    let attributes = new_version(aws, &id, identity, it, ids).await?;
    Ok(Made { id, attributes })
}

/// Makes a version and then the default of it. The token is of the content, not of the generation: a version is another
/// one whenever it says something else.
async fn new_version(
    aws: &Aws,
    id: &str,
    identity: &Identity,
    it: &LaunchTemplate,
    ids: &Ids,
) -> Result<Attributes, Error> {
    const OPERATION: &str = "CreateLaunchTemplateVersion";
    let request = aws
        .ec2()
        .create_launch_template_version()
        .launch_template_id(id)
        .client_token(content_token(id, it, ids)?)
        .launch_template_data(data::encode(it, identity, ids)?);
    let answer = call(aws, Call::token(OPERATION).with(ids), || request.clone().send()).await?;
    let number = answer.launch_template_version.and_then(|version| version.version_number);
    let number = number.ok_or(Error::Malformed { operation: OPERATION, what: "no version number" })?;
    let request = aws.ec2().modify_launch_template().launch_template_id(id).default_version(number.to_string());
    call(aws, Call::named("ModifyLaunchTemplate").with(ids), || request.clone().send()).await?;
    Ok(facts(Some(number)))
}

/// The client token of a version: base32 of SHA-256 over the template's id, what the version says, and what that refers to.
fn content_token(id: &str, it: &LaunchTemplate, ids: &Ids) -> Result<String, Error> {
    let content = serde_json::json!([id, it, ids.ids(it.references())?]);
    Ok(BASE32_NOPAD.encode(&Sha256::digest(content.to_string())))
}

/// Makes a new version when anything but the template's own tags differs, or when nothing does: then something that it
/// refers to was replaced under the same address.
pub(super) async fn update(aws: &Aws, update: Update<'_, LaunchTemplate>) -> Result<Attributes, Error> {
    let Update { found, before, after, identity, ids } = update;
    let without_tags = |it: &LaunchTemplate| LaunchTemplate { tags: Tags::new(), ..it.clone() };
    let attributes = match before == after || without_tags(before) != without_tags(after) {
        true => new_version(aws, &found.id, identity, after, ids).await?,
        false => found.attributes.clone(),
    };
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(attributes)
}

/// Deletes a template with all its versions.
pub(super) async fn delete(aws: &Aws, found: &Found, _it: &LaunchTemplate) -> Result<(), Error> {
    let request = aws.ec2().delete_launch_template().launch_template_id(&found.id);
    delete_call(aws, "DeleteLaunchTemplate", || request.clone().send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    // By tag and not by id: an unknown id would fail the whole call.
    let filters = vec![wire::Filter::builder().name("tag-key").values(tag::CLUSTER).build()];
    let existing: Vec<String> =
        describe(aws, filters).await?.into_iter().filter_map(|template| template.launch_template_id).collect();
    Ok(named::present(ids, &existing))
}
