//! What all EC2 objects have in common: ids that exist or not, tags, filters, pages.
//!
//! An area's file says what is particular about its objects ([`Object`]); every describe is [`describe`].

use std::collections::BTreeMap;

use data_encoding::BASE64;

use super::super::kept::{Kept, Table};
use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;

/// Tags of an object.
pub type Tags = BTreeMap<String, String>;

/// Tags on one object (Amazon EC2 user guide, tag restrictions).
const TAG_LIMIT: usize = 50;

/// The words that EC2 uses for a type of object.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// What its ids begin with, `vpc`.
    pub prefix: &'static str,
    /// Its name in tag specifications, `vpc`.
    pub resource_type: &'static str,
    /// The code for an id of the wrong form.
    pub malformed: &'static str,
    /// The code for an id that is not there.
    pub not_found: &'static str,
    /// The message for an id that is not there; `{}` is the id.
    pub message: &'static str,
}

/// The part of [`Object`] that only says in which field of the state the objects are.
macro_rules! kept_in {
    ($field:ident) => {
        fn all(world: &World) -> &$crate::sandbox::kept::Table<Self> {
            &world.ec2.$field
        }

        fn all_mut(world: &mut World) -> &mut $crate::sandbox::kept::Table<Self> {
            &mut world.ec2.$field
        }

        fn tags(&self) -> &Tags {
            &self.tags
        }

        fn tags_mut(&mut self) -> &mut Tags {
            &mut self.tags
        }
    };
}
pub(super) use kept_in;

/// A type of EC2 object.
pub trait Object: Clone + 'static {
    /// The words for it.
    const WORDS: Words;
    /// The filters of its describe operation, without those for tags.
    const FILTERS: &'static [&'static str];

    /// All of them by id.
    fn all(world: &World) -> &Table<Self>;
    /// All of them by id.
    fn all_mut(world: &mut World) -> &mut Table<Self>;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// Its tags.
    fn tags_mut(&mut self) -> &mut Tags;
    /// What a filter compares with; several values if any of them may match.
    fn values(&self, world: &World, filter: &str) -> Vec<String>;
    /// As an answer shows it.
    fn view(&self, world: &World) -> Xml;
    /// Whether it still exists for operations that name it.
    fn exists(&self, _world: &World) -> bool {
        true
    }
    /// Whether describes show it; deleted remnants may be shown for a while.
    fn shown(&self, world: &World) -> bool {
        self.exists(world)
    }
}

/// The object with that id.
///
/// # Errors
/// The type's own codes for an id of the wrong form and for one that is not there.
pub fn get<'w, T: Object>(world: &'w World, id: &str) -> Result<&'w T, Refusal> {
    check_form::<T>(id)?;
    match T::all(world).get(id) {
        Some(object) if object.exists(world) && !world.is_hidden(id) => Ok(object),
        _ => Err(not_found::<T>(id)),
    }
}

/// As [`get`], to change it.
///
/// # Errors
/// As [`get`].
pub fn get_mut<'w, T: Object>(world: &'w mut World, id: &str) -> Result<&'w mut T, Refusal> {
    get::<T>(world, id)?;
    T::all_mut(world).get_mut(id).ok_or_else(|| not_found::<T>(id))
}

/// The refusal for an id that is not there.
#[must_use]
pub fn not_found<T: Object>(id: &str) -> Refusal {
    Refusal::new(T::WORDS.not_found, T::WORDS.message.replace("{}", id))
}

/// Ids are the prefix, a dash and 8 or 17 hexadecimal digits.
fn check_form<T: Object>(id: &str) -> Result<(), Refusal> {
    let Words { prefix, malformed, .. } = T::WORDS;
    let digits = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    match digits {
        Some(digits) if matches!(digits.len(), 8 | 17) && digits.chars().all(|it| it.is_ascii_hexdigit()) => Ok(()),
        _ => Err(Refusal::new(malformed, format!("Invalid id: \"{id}\" (expecting \"{prefix}-...\")"))),
    }
}

/// A describe operation: by ids in `ids_parameter`, by filters, in pages; the answer's list is called `set`.
///
/// # Errors
/// For ids that are not there, unknown filters, and page sizes and tokens that are not valid.
pub fn describe<T: Object>(world: &World, call: &Call<'_>, ids_parameter: &str, set: &str) -> Result<Answer, Refusal> {
    let (objects, next) = select::<T>(world, call, ids_parameter)?;
    let items = objects.into_iter().map(|(_, object)| object.view(world));
    Ok(Xml::new().list(set, "item", items).maybe("nextToken", next).into())
}

/// Objects with their ids, and the token of the next page.
pub type Page<'w, T> = (Vec<(&'w String, &'w T)>, Option<String>);

/// What a describe operation selects.
///
/// # Errors
/// As [`describe`].
pub fn select<'w, T: Object>(world: &'w World, call: &Call<'_>, ids_parameter: &str) -> Result<Page<'w, T>, Refusal> {
    let ids = call.texts(ids_parameter);
    let mut found = Vec::new();
    if ids.is_empty() {
        found.extend(T::all(world).iter());
    } else {
        for id in &ids {
            check_form::<T>(id)?;
            let entry = T::all(world).get_key_value(id);
            found.push(
                entry.filter(|(id, it)| it.shown(world) && !world.is_hidden(id)).ok_or_else(|| not_found::<T>(id))?,
            );
        }
    }
    let filters = filters(call, T::FILTERS)?;
    found.retain(|(id, object)| {
        object.shown(world)
            && !world.is_hidden(id)
            && filters.iter().all(|filter| filter.accepts(object.tags(), |name| object.values(world, name)))
    });
    page(call, found, !ids.is_empty(), |(id, _)| (*id).clone())
}

/// One filter of a describe operation: any of the values may match.
#[derive(Clone, Debug)]
pub struct Filter {
    name: String,
    patterns: Vec<String>,
}

impl Filter {
    /// Whether an object with those tags and values passes.
    pub fn accepts(&self, tags: &Tags, values: impl Fn(&str) -> Vec<String>) -> bool {
        let values = match self.name.as_str() {
            "tag-key" => tags.keys().cloned().collect(),
            "tag-value" => tags.values().cloned().collect(),
            name => match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).cloned().into_iter().collect(),
                None => values(name),
            },
        };
        values.iter().any(|value| self.patterns.iter().any(|pattern| matches(pattern, value)))
    }
}

/// The filters of a call.
///
/// # Errors
/// `InvalidParameterValue` for a filter that the operation does not know, as EC2 answers.
pub fn filters(call: &Call<'_>, known: &[&str]) -> Result<Vec<Filter>, Refusal> {
    let mut filters = Vec::new();
    for filter in call.list("Filter") {
        let name = filter.required("Name")?;
        if !(name.starts_with("tag:") || name == "tag-key" || known.contains(&name.as_str())) {
            return Err(Refusal::invalid(format!("The filter '{name}' is invalid")));
        }
        filters.push(Filter { name, patterns: filter.texts("Value") });
    }
    Ok(filters)
}

/// Whether a value matches a pattern with `*` and `?`; a backslash takes their meaning away.
#[must_use]
pub fn matches(pattern: &str, value: &str) -> bool {
    fn walk(pattern: &[char], value: &[char]) -> bool {
        match pattern {
            [] => value.is_empty(),
            ['*', rest @ ..] => (0..=value.len()).any(|skip| walk(rest, &value[skip..])),
            ['?', rest @ ..] => !value.is_empty() && walk(rest, &value[1..]),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                value.first() == Some(literal) && walk(rest, &value[1..])
            }
        }
    }
    if !pattern.contains(['*', '?', '\\']) {
        return pattern == value;
    }
    walk(&pattern.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>())
}

/// Page sizes that an operation accepts (EC2 API reference, MaxResults of each).
fn sizes(operation: &str) -> (usize, usize) {
    match operation {
        "DescribeLaunchTemplates" | "DescribeLaunchTemplateVersions" => (1, 200),
        "DescribeImages" => (1, 1000),
        "DescribeRouteTables" | "DescribeInstanceTypes" => (5, 100),
        _ => (5, 1000),
    }
}

/// Cuts the page that the call asks for out of a sorted list, and says where the next one starts.
///
/// # Errors
/// `InvalidParameterValue` for a page size outside 5 to 1000, `InvalidParameterCombination` for one together with ids,
/// `InvalidNextToken` for a token that no page gave.
pub fn page<T>(
    call: &Call<'_>,
    mut found: Vec<T>,
    by_id: bool,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size: Option<usize> = call.parsed("MaxResults")?;
    let token = call.text("NextToken").filter(|token| !token.is_empty());
    if let Some(size) = size {
        if by_id {
            let message = "The parameter MaxResults cannot be used with the parameter for ids";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let (least, most) = sizes(call.operation);
        if !(least..=most).contains(&size) {
            let message = format!(
                "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}."
            );
            return Err(Refusal::invalid(message));
        }
    }
    if let Some(token) = token {
        let invalid = || Refusal::new("InvalidNextToken", "The specified nextToken is invalid.");
        let decoded = BASE64.decode(token.as_bytes()).map_err(|_| invalid())?;
        let decoded = String::from_utf8(decoded).map_err(|_| invalid())?;
        let after = decoded.strip_prefix(call.operation).and_then(|it| it.strip_prefix('/')).ok_or_else(invalid)?;
        found.retain(|it| key(it).as_str() > after);
    }
    let size = size.unwrap_or(1000);
    let more = found.len() > size;
    found.truncate(size);
    let next =
        found.last().filter(|_| more).map(|last| BASE64.encode(format!("{}/{}", call.operation, key(last)).as_bytes()));
    Ok((found, next))
}

/// The tags for a new object out of `TagSpecification`.
///
/// # Errors
/// `InvalidParameterValue` for another type of object and for reserved keys, `TagLimitExceeded` above 50.
pub fn new_tags<T: Object>(call: &Call<'_>) -> Result<Tags, Refusal> {
    let mut tags = specified_tags(call, &[T::WORDS.resource_type])?;
    Ok(tags.remove(T::WORDS.resource_type).unwrap_or_default())
}

/// The tags out of `TagSpecification` by type of object.
///
/// # Errors
/// As [`new_tags`].
pub fn specified_tags(
    parameters: &super::super::wire::Parameters<'_>,
    types: &[&str],
) -> Result<BTreeMap<String, Tags>, Refusal> {
    let mut by_type = BTreeMap::new();
    for specification in parameters.list("TagSpecification") {
        let resource_type = specification.required("ResourceType")?;
        if !types.contains(&resource_type.as_str()) {
            let message = format!("'{resource_type}' is not a valid taggable resource type for this operation.");
            return Err(Refusal::invalid(message));
        }
        let tags: &mut Tags = by_type.entry(resource_type).or_default();
        tags.extend(tag_list(&specification)?);
    }
    Ok(by_type)
}

/// The tags in `Tag.1.Key`, `Tag.1.Value`, ….
///
/// # Errors
/// As [`new_tags`].
pub fn tag_list(parameters: &super::super::wire::Parameters<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in parameters.list("Tag") {
        let key = tag.required("Key")?;
        check_tag_key(&key)?;
        let value = tag.text("Value").unwrap_or_default();
        if value.chars().count() > 256 {
            return Err(Refusal::invalid("Tag value exceeds the maximum length of 256 characters"));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(Refusal::invalid(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    check_tag_count(&tags)?;
    Ok(tags)
}

/// Refuses keys that are reserved or too long.
///
/// # Errors
/// `InvalidParameterValue`.
pub fn check_tag_key(key: &str) -> Result<(), Refusal> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        let message = "Tag keys starting with 'aws:' are reserved for internal use";
        return Err(Refusal::invalid(message));
    }
    if key.chars().count() > 127 {
        return Err(Refusal::invalid("Tag key exceeds the maximum length of 127 characters"));
    }
    Ok(())
}

/// Refuses more tags than fit; those that AWS itself sets do not count.
///
/// # Errors
/// `TagLimitExceeded`.
pub fn check_tag_count(tags: &Tags) -> Result<(), Refusal> {
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > TAG_LIMIT {
        return Err(Refusal::new("TagLimitExceeded", "More than 50 tags specified"));
    }
    Ok(())
}

/// `<tagSet>…</tagSet>`.
#[must_use]
pub fn tag_set(tags: &Tags) -> Xml {
    Xml::new().list("tagSet", "item", tags.iter().map(|(key, value)| Xml::new().text("key", key).text("value", value)))
}

/// Removes an object.
///
/// # Errors
/// As [`get`].
pub fn remove<T: Object>(world: &mut World, id: &str) -> Result<Kept<T>, Refusal> {
    get::<T>(world, id)?;
    T::all_mut(world).remove(id).ok_or_else(|| not_found::<T>(id))
}
