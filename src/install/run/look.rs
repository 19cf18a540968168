//! Looks at what is there of every add-on, and what an apply would change. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::kinds::Kinds;
use super::{CALLS, Error};
use crate::addon::{Addon, Object, ObjectKey, sort_for_deleting};
use crate::install::{ADD_ON, GroupKind, Health, Inventory, NAMESPACE, PART_OF, Sides, differences, health, marked};
use crate::kubernetes::{self, Applied, Applying, Kubernetes, ObjectKind};
use crate::plan::{Action, AddOnChange, FieldChange};
use crate::state::AddOnRecord;

/// What was seen of all add-ons.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Add-ons that are wanted, in the order in which they were asked about.
    pub wanted: Vec<SeenAddOn>,
    /// Add-ons that are in the cluster and are not wanted any more.
    pub unwanted: Vec<SeenAddOn>,
}

/// What was seen of an add-on.
#[derive(Clone, Debug)]
pub struct SeenAddOn {
    /// Its name.
    pub name: String,
    /// Its inventory; `None`: it has none yet.
    pub inventory: Option<Inventory>,
    /// What would change.
    pub changes: Vec<AddOnChange>,
    /// Objects that are as they should be.
    pub unchanged: BTreeSet<ObjectKey>,
    /// Objects that it does not have any more.
    pub stale: Vec<Stale>,
    /// Objects that are not healthy, and why.
    pub unhealthy: Vec<(ObjectKey, String)>,
}

/// An object that is to be deleted.
#[derive(Clone, Debug)]
pub struct Stale {
    /// What it is.
    pub object: ObjectKey,
    /// As the server has it.
    pub kind: ObjectKind,
    /// This one, not a namesake.
    pub uid: String,
}

impl Seen {
    /// Everything that would change, in order.
    pub fn changes(&self) -> impl Iterator<Item = &AddOnChange> {
        self.wanted.iter().chain(&self.unwanted).flat_map(|seen| &seen.changes)
    }
}

/// Looks at the add-ons that are wanted, and at those that bear our mark and are not.
///
/// # Errors
/// That of a call.
pub async fn look(
    kubernetes: &Kubernetes,
    add_ons: &[Addon],
    records: &BTreeMap<String, AddOnRecord>,
) -> Result<Seen, Error> {
    let kinds = Kinds::default();
    let inventories = inventories(kubernetes).await?;
    let eye = Eye { kubernetes, kinds: &kinds };
    let mut seen = Seen::default();
    for add_on in add_ons {
        let record = records.get(&add_on.name);
        seen.wanted.push(eye.add_on((&add_on.name, &add_on.objects), record, inventories.get(&add_on.name)).await?);
    }
    let wanted: BTreeSet<&str> = add_ons.iter().map(|add_on| add_on.name.as_str()).collect();
    for (name, inventory) in inventories.iter().filter(|(name, _)| !wanted.contains(name.as_str())) {
        seen.unwanted.push(eye.add_on((name, &[]), None, Some(inventory)).await?);
    }
    // An object that moved from one add-on to another is not stale: its new add-on has it.
    let kept: BTreeSet<ObjectKey> = add_ons.iter().flat_map(|it| &it.objects).map(Object::key).collect();
    for it in seen.wanted.iter_mut().chain(&mut seen.unwanted) {
        it.stale.retain(|stale| !kept.contains(&stale.object));
        it.changes.retain(|change| {
            change.action != Action::Delete || it.stale.iter().any(|stale| stale.object.to_string() == change.object)
        });
    }
    Ok(seen)
}

/// Inventories of all add-ons in the cluster, by name.
async fn inventories(kubernetes: &Kubernetes) -> Result<BTreeMap<String, Inventory>, Error> {
    let parents = kubernetes.objects(&config_maps(), Some(NAMESPACE), ADD_ON).await?;
    let inventories = parents.iter().filter_map(Inventory::read);
    Ok(inventories.map(|inventory| (inventory.name.clone(), inventory)).collect())
}

/// The kind of inventories.
pub fn config_maps() -> ObjectKind {
    core("ConfigMap", "configmaps")
}

/// A kind of the core group that lives in namespaces, which every server has.
pub fn core(kind: &str, plural: &str) -> ObjectKind {
    ObjectKind { api_version: String::from("v1"), kind: kind.to_owned(), plural: plural.to_owned(), namespaced: true }
}

struct Eye<'a> {
    kubernetes: &'a Kubernetes,
    kinds: &'a Kinds,
}

/// What was seen of an object.
struct SeenObject {
    name: ObjectKey,
    change: Option<AddOnChange>,
    trouble: Option<String>,
}

impl Eye<'_> {
    async fn add_on(
        &self,
        (add_on, objects): (&str, &[Object]),
        record: Option<&AddOnRecord>,
        inventory: Option<&Inventory>,
    ) -> Result<SeenAddOn, Error> {
        let mark = Inventory::new(add_on);
        let applied: BTreeMap<ObjectKey, &Value> =
            record.iter().flat_map(|it| &it.objects).map(|it| (ObjectKey::of(it), it)).collect();
        let looks = objects.iter().map(|object| {
            let key = object.key();
            let applied = applied.get(&key).copied();
            self.object(add_on, (key, &object.value), applied, &mark)
        });
        let objects: Vec<SeenObject> = stream::iter(looks).buffered(CALLS).try_collect().await?;
        let present: BTreeSet<&ObjectKey> = objects.iter().map(|it| &it.name).collect();
        let stale = match inventory {
            Some(inventory) => self.stale(inventory, &present).await?,
            None => Vec::new(),
        };
        let mut seen = SeenAddOn {
            name: add_on.to_owned(),
            inventory: inventory.cloned(),
            changes: Vec::new(),
            unchanged: BTreeSet::new(),
            unhealthy: Vec::new(),
            stale,
        };
        for SeenObject { name, change, trouble } in objects {
            seen.unhealthy.extend(trouble.map(|why| (name.clone(), why)));
            match change {
                Some(change) => seen.changes.push(change),
                None => drop(seen.unchanged.insert(name)),
            }
        }
        seen.changes.extend(seen.stale.iter().map(|stale| AddOnChange {
            add_on: add_on.to_owned(),
            object: stale.object.to_string(),
            action: Action::Delete,
            fields: Vec::new(),
            conflicts: Vec::new(),
        }));
        Ok(seen)
    }

    async fn object(
        &self,
        add_on: &str,
        (name, rendered): (ObjectKey, &Value),
        applied: Option<&Value>,
        mark: &Inventory,
    ) -> Result<SeenObject, Error> {
        let change = |action, fields: Vec<FieldChange>, conflicts| AddOnChange {
            add_on: add_on.to_owned(),
            object: name.to_string(),
            action,
            fields,
            conflicts,
        };
        let create = || {
            let sides = Sides { applied: None, rendered, live: None, after: rendered };
            Some(change(Action::Create, differences(sides), Vec::new()))
        };
        let absent = |name: ObjectKey| SeenObject { change: create(), name, trouble: None };
        let Some(kind) = self.kinds.of(self.kubernetes, rendered).await? else { return Ok(absent(name.clone())) };
        let namespace = name.namespace.as_deref();
        let Some(live) = self.kubernetes.object(&kind, namespace, &name.name).await? else {
            return Ok(absent(name.clone()));
        };
        let marked = marked(rendered, mark);
        let trouble = match health(&live) {
            Health::Healthy => None,
            Health::Waiting(why) | Health::Failed(why) => Some(why),
        };
        let Applied::Object(after) = self.kubernetes.apply(&kind, namespace, &marked, Applying::Trying).await? else {
            return Err(Error::Kubernetes(kubernetes::Error::Malformed(String::from("a forced apply has a conflict"))));
        };
        let fields = differences(Sides { applied, rendered, live: Some(&live), after: &after });
        let is_member = live["metadata"]["labels"][PART_OF] == mark.id().as_str();
        if fields.is_empty() && is_member {
            return Ok(SeenObject { name, change: None, trouble });
        }
        let conflicts = match self.kubernetes.apply(&kind, namespace, &marked, Applying::Asking).await? {
            Applied::Conflict(conflicts) => conflicts.iter().map(ToString::to_string).collect(),
            Applied::Object(_) => Vec::new(),
        };
        Ok(SeenObject { change: Some(change(Action::Update, fields, conflicts)), name: name.clone(), trouble })
    }

    /// Members of an inventory that are not among the objects that its add-on has now.
    async fn stale(&self, inventory: &Inventory, present: &BTreeSet<&ObjectKey>) -> Result<Vec<Stale>, Error> {
        let mut stale = Vec::new();
        for kind in &inventory.kinds {
            stale.extend(self.stale_of(inventory, kind, present).await?);
        }
        sort_for_deleting(&mut stale, |it| &it.object);
        Ok(stale)
    }

    async fn stale_of(
        &self,
        inventory: &Inventory,
        group_kind: &GroupKind,
        present: &BTreeSet<&ObjectKey>,
    ) -> Result<Vec<Stale>, Error> {
        let Some(kind) = self.kinds.preferred(self.kubernetes, group_kind).await? else { return Ok(Vec::new()) };
        let places: Vec<Option<&str>> = match kind.namespaced {
            true => inventory.namespaces.iter().map(|it| Some(it.as_str())).collect(),
            false => vec![None],
        };
        let selector = format!("{PART_OF}={}", inventory.id());
        let mut stale = Vec::new();
        for namespace in places {
            for object in self.kubernetes.objects(&kind, namespace, &selector).await? {
                // Items of a list do not say what they are.
                let name = ObjectKey {
                    group: group_kind.group.clone(),
                    kind: group_kind.kind.clone(),
                    namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
                    name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                };
                let Some(uid) = object["metadata"]["uid"].as_str() else { continue };
                if !present.contains(&name) {
                    stale.push(Stale { object: name, kind: kind.clone(), uid: uid.to_owned() });
                }
            }
        }
        Ok(stale)
    }
}
