//! Which parameters there are beneath the cluster's path, and what is in them, without a look at any value.

use aws_sdk_ssm::types as wire;

use super::describe;
use super::label::Label;
use crate::aws::connect::Aws;
use crate::aws::discover::Scope;
use crate::aws::error::Error;
use crate::aws::tags;
use crate::desired::parameter_path;
use crate::resource::{
    Address, Attributes, Clash, Content, Found, Kind, Observed, Parameter, Readiness, Resource, Tags, attribute,
};

/// Everything beneath the cluster's path.
async fn beneath(aws: &Aws, scope: &Scope) -> Result<Vec<wire::ParameterMetadata>, Error> {
    let path = parameter_path(&scope.cluster);
    describe(aws, "Path", "Recursive", &[path.trim_end_matches('/').to_owned()]).await
}

fn label_of(scope: &Scope, it: &wire::ParameterMetadata) -> Option<Label> {
    let label = Label::read(it.description()?)?;
    // Somebody who copies a parameter copies its description too.
    let name = format!("{}{}", parameter_path(&scope.cluster), label.address.name());
    (it.name() == Some(&name)).then_some(label)
}

pub(in crate::aws) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for it in beneath(aws, scope).await? {
        let name = it.name().unwrap_or_default().to_owned();
        let recorded = scope.ids.iter().find(|(address, id)| address.kind() == Kind::Parameter && **id == name);
        let label = label_of(scope, &it);
        let foreign = match (&label, &recorded) {
            (Some(label), _) => tags::foreign(scope, &label.tags(&scope.cluster)),
            // Ours, with its description lost: what is in it is for the plan to heal.
            (None, Some(_)) => None,
            (None, None) => Some(String::from("its description is not this cluster's")),
        };
        let of_label = label.as_ref().map(|label| label.address.clone());
        if let Some(why) = foreign {
            if let Some(address) = wanted(scope, &name) {
                observed.clashes.push(Clash { address: address.clone(), id: name, why });
            }
        } else if let Some(address) = of_label.or_else(|| recorded.map(|(address, _)| address.clone())) {
            let seen = Seen { scope, address: &address, name: &name, version: it.version(), label: label.as_ref() };
            let (resource, attributes) = seen.content();
            observed.found.push(Found {
                id: name.clone(),
                uid: label.as_ref().map(|label| label.uid.clone()).or_else(|| scope.uid.clone()),
                generation: label.map_or(1, |label| label.generation),
                resource: resource.into(),
                attributes,
                readiness: Readiness::Ready,
                address,
            });
        }
    }
    Ok(observed)
}

/// The address of the known parameter of that name.
fn wanted<'a>(scope: &'a Scope, name: &str) -> Option<&'a Address> {
    let named = |resource: &Resource| matches!(resource, Resource::Parameter(it) if it.name == name);
    scope.of(Kind::Parameter).find(|(_, resource)| named(resource)).map(|(address, _)| address)
}

/// A parameter of ours, without its value.
struct Seen<'a> {
    scope: &'a Scope,
    address: &'a Address,
    name: &'a str,
    version: i64,
    label: Option<&'a Label>,
}

impl Seen<'_> {
    /// What is in it: what was last written as long as the version is still the recorded one; after a crash what a run
    /// had begun to write, if the description says so.
    fn content(&self) -> (Parameter, Attributes) {
        let version = self.version.to_string();
        let recorded = self.scope.attributes.get(self.address);
        let applied = self.scope.applied.get(self.address).and_then(parameter);
        if let (Some(applied), Some(recorded)) = (applied, recorded)
            && recorded.get(attribute::PARAMETER_VERSION) == Some(&version)
        {
            return (applied.clone(), recorded.clone());
        }
        let attributes = Attributes::from([(String::from(attribute::PARAMETER_VERSION), version)]);
        let says = |it: &&Parameter| self.label.is_some_and(|label| label.digest == it.digest());
        let begun = self.scope.begun.get(self.address).into_iter().flatten().filter_map(parameter).find(says);
        // Without records only what has no certificate in it can be told from its description: nobody has its public
        // side.
        let desired = self.scope.resources.get(self.address).and_then(parameter);
        let plain = |it: &&Parameter| applied.is_none() && !matches!(it.content, Content::Certificate(_));
        if let Some(known) = begun.or_else(|| desired.filter(says).filter(plain)) {
            return (known.clone(), attributes);
        }
        let unknown = Parameter {
            name: self.name.to_owned(),
            content: Content::Unknown { version: self.version },
            kms_key: None,
            tags: Tags::new(),
        };
        // Tags and key are not shown: the last known ones stand in.
        let known = applied.or(desired).cloned().unwrap_or_else(|| unknown.clone());
        (Parameter { name: unknown.name, content: unknown.content, ..known }, attributes)
    }
}

fn parameter(resource: &Resource) -> Option<&Parameter> {
    match resource {
        Resource::Parameter(it) => Some(it),
        _ => None,
    }
}

/// Names of parameters beneath the cluster's path that are no resources: what its members write. None while another
/// cluster of the same name has parameters there, because nobody knows whose those are.
pub(in crate::aws) async fn strays(aws: &Aws, scope: &Scope) -> Result<Vec<String>, Error> {
    let mut strays = Vec::new();
    for it in beneath(aws, scope).await? {
        match label_of(scope, &it) {
            Some(label) if tags::foreign(scope, &label.tags(&scope.cluster)).is_some() => return Ok(Vec::new()),
            Some(_) => {}
            None => strays.extend(it.name.filter(|name| !scope.ids.values().any(|id| id == name))),
        }
    }
    Ok(strays)
}
