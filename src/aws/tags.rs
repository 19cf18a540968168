//! Tags on EC2 objects: written in the create call, compared, and read back as ownership.

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use super::call::{Call, call};
use super::connect::Aws;
use super::discover::Scope;
use super::error::Error;
use super::identity::{Identity, TAG_PREFIX, tag};
use super::ids::Ids;
use crate::name::ClusterName;
use crate::resource::{Address, Attributes, Clash, Found, Kind, Observed, Readiness, Resource, Tags};

/// Whose something is, by its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    /// From `windlass.dev/address`.
    pub(super) address: Address,
    /// From `windlass.dev/uid`.
    pub(super) uid: Option<String>,
    /// From `windlass.dev/generation`.
    pub(super) generation: u32,
    /// The tags that are not windlass' own, nor AWS'.
    pub(super) tags: Tags,
}

impl Owned {
    /// Reads the tags of a `kind`; `None`: it bears no address of that kind, so it is none of the planned resources.
    pub(super) fn read(kind: Kind, tags: &Tags) -> Option<Self> {
        let address: Address = tags.get(tag::ADDRESS)?.parse().ok()?;
        if address.kind() != kind {
            return None;
        }
        let generation = tags.get(tag::GENERATION).and_then(|text| text.parse().ok()).unwrap_or(1);
        Some(Self { address, uid: tags.get(tag::UID).cloned(), generation, tags: own(tags) })
    }

    /// What was found, with its fields filled in by `describe` from the tags that take part in a diff.
    pub(super) fn found(self, id: String, describe: impl FnOnce(Tags) -> (Resource, Attributes, Readiness)) -> Found {
        let (resource, attributes, readiness) = describe(self.tags);
        let (address, uid, generation) = (self.address, self.uid, self.generation);
        Found { address, id, uid, generation, resource, attributes, readiness }
    }
}

/// The tag by which a member says that there is data on its volume. It is the member's: taken off, a lost disk would be
/// formatted and an empty etcd started on it.
const WRITTEN_BY_MEMBERS: &str = "etcd-initialized";

/// The tags without windlass' own, AWS', and those that members write.
pub(super) fn own(tags: &Tags) -> Tags {
    let reserved = |key: &str| key.starts_with(TAG_PREFIX) || key.starts_with("aws:") || key == WRITTEN_BY_MEMBERS;
    let own = tags.iter().filter(|(key, _)| !reserved(key));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Adds something seen with `tags` to `observed`: as found when it is this cluster's, as a clash when another cluster of
/// the same name made it, and not at all when it is no planned resource.
pub(super) fn sight(
    observed: &mut Observed,
    scope: &Scope,
    kind: Kind,
    id: String,
    tags: &Tags,
    describe: impl FnOnce(Tags) -> (Resource, Attributes, Readiness),
) {
    let Some(owned) = Owned::read(kind, tags) else { return };
    match foreign(scope, tags) {
        Some(why) => observed.clashes.push(Clash { address: owned.address, id, why }),
        None => observed.found.push(owned.found(id, describe)),
    }
}

/// Why tags are not this cluster's; `None`: they are.
pub(super) fn foreign(scope: &Scope, tags: &Tags) -> Option<String> {
    match tags.get(tag::CLUSTER) {
        None => return Some(format!("it has no tag {}", tag::CLUSTER)),
        Some(cluster) if cluster != scope.cluster.as_str() => return Some(format!("it belongs to cluster {cluster}")),
        Some(_) => {}
    }
    match (&scope.uid, tags.get(tag::UID)) {
        (Some(ours), Some(theirs)) if ours == theirs => None,
        (Some(_), Some(theirs)) => Some(format!("it belongs to another cluster of the same name, uid {theirs}")),
        (_, None) => Some(format!("it has no tag {}", tag::UID)),
        (None, Some(_)) => None,
    }
}

/// Whether tags say exactly this object of this cluster.
pub(super) fn is_exactly(identity: &Identity, tags: &Tags) -> bool {
    let wanted = identity.tags(&Tags::new());
    wanted.iter().all(|(key, value)| tags.get(key) == Some(value))
}

/// Why tags are not those of `identity`, as a sentence fragment.
pub(super) fn difference(identity: &Identity, tags: &Tags) -> String {
    let wanted = identity.tags(&Tags::new());
    let differs = wanted.iter().find(|(key, value)| tags.get(*key) != Some(*value));
    match differs {
        Some((key, value)) => match tags.get(key) {
            Some(other) => format!("its tag {key} is {other}, not {value}"),
            None => format!("it has no tag {key}"),
        },
        None => String::from("its tags are ours"),
    }
}

/// EC2's tags as a map.
pub(super) fn from_ec2(tags: Option<Vec<Tag>>) -> Tags {
    let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    tags.unwrap_or_default().into_iter().filter_map(pair).collect()
}

/// The tags of a create call.
pub(super) fn specification(kind: ResourceType, identity: &Identity, own: &Tags) -> TagSpecification {
    let tags = identity.tags(own).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

/// An EC2 filter with one value.
pub(super) fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// An EC2 filter with several values, any of which may match.
pub(super) fn any_of(name: impl Into<String>, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

/// Everything that carries the cluster's name.
pub(super) fn of_cluster(cluster: &ClusterName) -> Filter {
    filter(format!("tag:{}", tag::CLUSTER), cluster.as_str())
}

/// Exactly the object of `identity`.
pub(super) fn of_identity(identity: &Identity) -> Vec<Filter> {
    let tags = identity.tags(&Tags::new());
    tags.into_iter().map(|(key, value)| filter(format!("tag:{key}"), value)).collect()
}

/// Makes the tags of an EC2 object what they should be; calls nothing when they are.
///
/// # Errors
/// Those of CreateTags and DeleteTags.
pub(super) async fn update(aws: &Aws, id: &str, before: &Tags, after: &Tags, ids: &Ids) -> Result<(), Error> {
    let added: Vec<Tag> = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(*value))
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    if !added.is_empty() {
        let send = || aws.ec2().create_tags().resources(id).set_tags(Some(added.clone())).send();
        call(aws, Call::named("CreateTags").with(ids), send).await?;
    }
    // A tag without value: DeleteTags removes it whatever its value is.
    let removed: Vec<Tag> =
        before.keys().filter(|key| !after.contains_key(*key)).map(|key| Tag::builder().key(key).build()).collect();
    if !removed.is_empty() {
        let send = || aws.ec2().delete_tags().resources(id).set_tags(Some(removed.clone())).send();
        call(aws, Call::named("DeleteTags").with(ids), send).await?;
    }
    Ok(())
}
