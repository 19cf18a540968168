//! Launch templates and their versions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Parameters, Refusal, Xml};
use super::super::world::{World, iso};
use super::launch_data::LaunchData;
use super::object::{self, Object, Tags, Words, kept_in};

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateLaunchTemplate", create_launch_template),
    ("CreateLaunchTemplateVersion", create_launch_template_version),
    ("ModifyLaunchTemplate", modify_launch_template),
    ("DeleteLaunchTemplate", delete_launch_template),
    ("DeleteLaunchTemplateVersions", delete_launch_template_versions),
    ("DescribeLaunchTemplates", describe_launch_templates),
    ("DescribeLaunchTemplateVersions", describe_launch_template_versions),
];

/// A launch template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchTemplate {
    /// `lt-…`.
    pub id: String,
    /// Unique in the region.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The version behind `$Default`.
    pub default_version: u64,
    /// The highest number ever given: numbers are not used twice.
    pub latest_version: u64,
    /// Versions by number.
    pub versions: BTreeMap<u64, Version>,
    /// Tags.
    pub tags: Tags,
}

/// A version of a launch template; it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Version {
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it launches.
    pub data: LaunchData,
}

impl Object for LaunchTemplate {
    const WORDS: Words = Words {
        prefix: "lt",
        resource_type: "launch-template",
        malformed: "InvalidLaunchTemplateId.Malformed",
        not_found: "InvalidLaunchTemplateId.NotFound",
        message: "The specified launch template, with template ID {}, does not exist.",
    };
    const FILTERS: &'static [&'static str] = &["create-time", "launch-template-name"];

    kept_in!(launch_templates);

    fn values(&self, _: &World, filter: &str) -> Vec<String> {
        vec![match filter {
            "create-time" => iso(self.created_at),
            "launch-template-name" => self.name.clone(),
            _ => return Vec::new(),
        }]
    }

    fn view(&self, world: &World) -> Xml {
        Xml::new()
            .text("launchTemplateId", &self.id)
            .text("launchTemplateName", &self.name)
            .text("createTime", iso(self.created_at))
            .text("createdBy", caller(world))
            .text("defaultVersionNumber", self.default_version)
            .text("latestVersionNumber", self.latest_version)
            .and(object::tag_set(&self.tags))
    }
}

fn caller(world: &World) -> String {
    format!("arn:aws:iam::{}:root", world.account)
}

impl LaunchTemplate {
    fn version_view(&self, world: &World, number: u64, version: &Version) -> Xml {
        Xml::new()
            .text("launchTemplateId", &self.id)
            .text("launchTemplateName", &self.name)
            .text("versionNumber", number)
            .maybe("versionDescription", version.description.as_ref())
            .text("createTime", iso(version.created_at))
            .text("createdBy", caller(world))
            .text("defaultVersion", number == self.default_version)
            .element("launchTemplateData", version.data.view())
    }

    /// The number behind `$Default`, `$Latest` or digits.
    ///
    /// # Errors
    /// `InvalidLaunchTemplateId.VersionNotFound`, `InvalidLaunchTemplateVersion.Malformed`… as EC2 says it.
    pub fn version_number(&self, text: &str) -> Result<u64, Refusal> {
        let number = match text {
            "" | "$Default" => self.default_version,
            "$Latest" => self.versions.keys().next_back().copied().unwrap_or(self.latest_version),
            digits => digits.parse().map_err(|_| {
                let message = format!("Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed, not '{digits}'.");
                Refusal::invalid(message)
            })?,
        };
        if self.versions.contains_key(&number) {
            return Ok(number);
        }
        let message =
            format!("Could not find the specified version {number} for the launch template with ID {}.", self.id);
        Err(Refusal::new("InvalidLaunchTemplateId.VersionNotFound", message))
    }
}

/// Names a template, by id or by name, and a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateReference {
    /// `lt-…`.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// `$Default` (also when missing), `$Latest` or a number.
    pub version: Option<String>,
}

/// A template's version that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// `lt-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The version's number.
    pub version: u64,
    /// What it launches.
    pub data: LaunchData,
}

/// Finds a template and its version.
///
/// # Errors
/// EC2's codes for a template or a version that is not there.
pub fn resolve(world: &World, reference: &TemplateReference) -> Result<Resolved, Refusal> {
    let template = find(world, reference.id.as_deref(), reference.name.as_deref())?;
    let number = template.version_number(reference.version.as_deref().unwrap_or("$Default"))?;
    let data = template.versions.get(&number).map(|version| version.data.clone()).unwrap_or_default();
    Ok(Resolved { id: template.id.clone(), name: template.name.clone(), version: number, data })
}

fn find<'w>(world: &'w World, id: Option<&str>, name: Option<&str>) -> Result<&'w LaunchTemplate, Refusal> {
    match (id, name) {
        (Some(id), None) => object::get::<LaunchTemplate>(world, id),
        (None, Some(name)) => {
            let named = world.ec2.launch_templates.values().find(|it| it.name == name && !world.is_hidden(&it.id));
            named.ok_or_else(|| name_not_found(name))
        }
        (Some(_), Some(_)) => {
            let message = "Only one of LaunchTemplateId and LaunchTemplateName can be specified.";
            Err(Refusal::new("InvalidParameterCombination", message))
        }
        (None, None) => {
            let message = "You must specify either LaunchTemplateId or LaunchTemplateName.";
            Err(Refusal::new("MissingParameter", message))
        }
    }
}

fn name_not_found(name: &str) -> Refusal {
    let message = format!("The specified launch template, with template name {name}, does not exist.");
    Refusal::new("InvalidLaunchTemplateName.NotFoundException", message)
}

fn named(world: &World, call: &Parameters<'_>) -> Result<LaunchTemplate, Refusal> {
    find(world, call.text("LaunchTemplateId").as_deref(), call.text("LaunchTemplateName").as_deref()).cloned()
}

fn create_launch_template(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.required("LaunchTemplateName")?;
    let description = call.text("VersionDescription");
    let data = LaunchData::read(&call.view("LaunchTemplateData"))?;
    let tags = object::new_tags::<LaunchTemplate>(call)?;
    // 3 to 128 of these (EC2 API reference, CreateLaunchTemplate).
    let allowed = |it: char| it.is_ascii_alphanumeric() || "()./_-".contains(it);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        let message = "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.";
        return Err(Refusal::new("InvalidLaunchTemplateName.MalformedException", message));
    }
    let id = match world.replay(call)? {
        Some(id) => id,
        None => {
            if world.ec2.launch_templates.values().any(|template| template.name == name) {
                let message = "Launch template name already in use.";
                return Err(Refusal::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
            }
            let id = world.new_id("lt");
            let version = Version { description, created_at: world.now, data };
            let template = LaunchTemplate {
                id: id.clone(),
                name,
                created_at: world.now,
                default_version: 1,
                latest_version: 1,
                versions: BTreeMap::from([(1, version)]),
                tags,
            };
            world.ec2.launch_templates.insert(id.clone(), template);
            world.remember(call, &id);
            id
        }
    };
    let view = world.ec2.launch_templates.get(&id).map(|template| template.view(world)).unwrap_or_default();
    Ok(Xml::new().element("launchTemplate", view).into())
}

fn create_launch_template_version(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let data = LaunchData::read(&call.view("LaunchTemplateData"))?;
    let (source, description) = (call.text("SourceVersion"), call.text("VersionDescription"));
    let mut template = named(world, call)?;
    let number = match world.replay(call)? {
        Some(number) => number.parse().unwrap_or(template.latest_version),
        None => {
            let data = match source {
                Some(source) => {
                    let source = template.version_number(&source)?;
                    let source = template.versions.get(&source).map(|it| it.data.clone()).unwrap_or_default();
                    data.or(&source)
                }
                None => data,
            };
            template.latest_version += 1;
            let number = template.latest_version;
            template.versions.insert(number, Version { description, created_at: world.now, data });
            world.remember(call, &number.to_string());
            world.ec2.launch_templates.insert(template.id.clone(), template.clone());
            number
        }
    };
    let view = template.versions.get(&number).map(|version| template.version_view(world, number, version));
    Ok(Xml::new().maybe_element("launchTemplateVersion", view).into())
}

fn modify_launch_template(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["ClientToken"]);
    let mut template = named(world, call)?;
    if let Some(version) = call.text("SetDefaultVersion") {
        template.default_version = template.version_number(&version)?;
    }
    let view = template.view(world);
    world.ec2.launch_templates.insert(template.id.clone(), template);
    Ok(Xml::new().element("launchTemplate", view).into())
}

fn delete_launch_template(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let template = named(world, call)?;
    world.ec2.launch_templates.remove(&template.id);
    Ok(Xml::new().element("launchTemplate", template.view(world)).into())
}

fn delete_launch_template_versions(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut template = named(world, call)?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for text in call.texts("LaunchTemplateVersion") {
        let number: u64 =
            text.parse().map_err(|_| Refusal::invalid(format!("Invalid launch template version: {text}")))?;
        let item = Xml::new()
            .text("launchTemplateId", &template.id)
            .text("launchTemplateName", &template.name)
            .text("versionNumber", number);
        let error = if number == template.default_version {
            Some(("unexpectedError", "Cannot delete the default version of a launch template."))
        } else if template.versions.remove(&number).is_none() {
            Some(("launchTemplateVersionDoesNotExist", "Could not find launch template version"))
        } else {
            None
        };
        match error {
            None => done.push(item),
            Some((code, message)) => {
                let error = Xml::new().text("code", code).text("message", message);
                failed.push(item.element("responseError", error));
            }
        }
    }
    world.ec2.launch_templates.insert(template.id.clone(), template);
    let answer = Xml::new().list("successfullyDeletedLaunchTemplateVersionSet", "item", done).list(
        "unsuccessfullyDeletedLaunchTemplateVersionSet",
        "item",
        failed,
    );
    Ok(answer.into())
}

fn describe_launch_templates(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("LaunchTemplateName");
    if let Some(name) = names.iter().find(|name| find(world, None, Some(name)).is_err()) {
        return Err(name_not_found(name));
    }
    let (mut found, next) = object::select::<LaunchTemplate>(world, call, "LaunchTemplateId")?;
    found.retain(|(_, template)| names.is_empty() || names.contains(&template.name));
    let items = found.into_iter().map(|(_, template)| template.view(world));
    Ok(Xml::new().list("launchTemplates", "item", items).maybe("nextToken", next).into())
}

fn describe_launch_template_versions(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let wanted = call.texts("LaunchTemplateVersion");
    let least: Option<u64> = call.parsed("MinVersion")?;
    let most: Option<u64> = call.parsed("MaxVersion")?;
    let filters = object::filters(call, &["image-id", "instance-type", "is-default-version"])?;
    let by_name = call.text("LaunchTemplateId").is_some() || call.text("LaunchTemplateName").is_some();
    let mut found: Vec<(&LaunchTemplate, u64, &Version)> = Vec::new();
    if by_name {
        let template =
            find(world, call.text("LaunchTemplateId").as_deref(), call.text("LaunchTemplateName").as_deref())?;
        let numbers = wanted.iter().map(|text| template.version_number(text)).collect::<Result<Vec<_>, _>>()?;
        let fits = |number: &u64| {
            (numbers.is_empty() || numbers.contains(number))
                && least.is_none_or(|least| *number >= least)
                && most.is_none_or(|most| *number <= most)
        };
        let versions = template.versions.iter().filter(|(number, _)| fits(number));
        found.extend(versions.map(|(number, version)| (template, *number, version)));
    } else {
        // Without a template, only $Latest and $Default (EC2 API reference, DescribeLaunchTemplateVersions).
        if wanted.is_empty() || wanted.iter().any(|text| text != "$Latest" && text != "$Default") {
            let message = "Without a launch template, the versions can only be $Latest and $Default.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        for template in world.ec2.launch_templates.values().filter(|it| !world.is_hidden(&it.id)) {
            let mut numbers = wanted.iter().map(|it| template.version_number(it)).collect::<Result<Vec<_>, _>>()?;
            numbers.dedup();
            for number in numbers {
                found.extend(template.versions.get(&number).map(|version| (template, number, version)));
            }
        }
    }
    found.retain(|(template, number, version)| {
        let values = |name: &str| match name {
            "image-id" => version.data.image.iter().cloned().collect(),
            "instance-type" => version.data.instance_type.iter().cloned().collect(),
            _ => vec![(*number == template.default_version).to_string()],
        };
        filters.iter().all(|filter| filter.accepts(&template.tags, values))
    });
    let key = |(template, number, _): &(&LaunchTemplate, u64, &Version)| format!("{}/{number:020}", template.id);
    found.sort_by_key(key);
    let (found, next) = object::page(call, found, false, key)?;
    let items = found.into_iter().map(|(template, number, version)| template.version_view(world, number, version));
    Ok(Xml::new().list("launchTemplateVersionSet", "item", items).maybe("nextToken", next).into())
}
