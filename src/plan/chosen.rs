//! What AWS chooses when the manifests do not say it: the one place that knows which observed values are no difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::difference::Fields;
use crate::resource::{Address, Kind, Resource};

/// When an observed value is no difference.
#[derive(Clone, Copy)]
enum Rule {
    /// The desired field is absent: AWS fills it in.
    Unset,
    /// As `Unset`; and AWS shows a name that was given as the thing it stands for, and can never change it: only a
    /// change of the name counts.
    Resolved,
}

/// Each from the response elements of the API reference: fields that a create call may leave out and every describe
/// call shows.
const TABLE: &[(Kind, &str, Rule)] = &[
    // CreateNetworkInterface: an address from the subnet's range.
    (Kind::NetworkInterface, "privateAddress", Rule::Unset),
    // CreateVolume: gp3 has a baseline of 3000 operations and 125 MiB a second, gp2 one by size.
    (Kind::Volume, "iops", Rule::Unset),
    (Kind::Volume, "throughput", Rule::Unset),
    // CreateVolume: an alias or a key id becomes the key's ARN.
    (Kind::Volume, "kmsKey", Rule::Resolved),
];

/// Makes `observed` equal to `wanted` where the difference is AWS' own choice. `applied` is what was last applied, if
/// it is known.
pub(super) fn overlook(kind: Kind, wanted: &Fields, observed: &mut Fields, applied: Option<&Fields>) {
    for (_, field, rule) in TABLE.iter().filter(|(of, ..)| *of == kind) {
        let want = wanted.get(*field).unwrap_or(&Value::Null);
        let same_name = match rule {
            Rule::Unset => false,
            Rule::Resolved => applied.is_none_or(|applied| applied.get(*field) == Some(want)),
        };
        if (want.is_null() || same_name)
            && let Some(seen) = observed.get_mut(*field)
        {
            *seen = want.clone();
        }
    }
}

/// Record sets whose values are the addresses of network interfaces: where the observed values are those, the two sides
/// say the same in two ways.
pub(super) fn overlook_addresses(
    wanted: &Resource,
    observed: &mut Fields,
    address_of: impl Fn(&Address) -> Option<String>,
) {
    let Resource::RecordSet(record) = wanted else { return };
    if record.addresses.is_empty() {
        return;
    }
    let resolved = record.addresses.iter().map(|reference| reference.address().and_then(&address_of));
    let Some(resolved) = resolved.collect::<Option<Vec<String>>>() else { return };
    let wanted_values: BTreeSet<&str> = record.values.iter().chain(&resolved).map(String::as_str).collect();
    let seen: BTreeSet<&str> =
        observed.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if seen == wanted_values {
        let fields = wanted.fields();
        for field in ["values", "addresses"] {
            observed.insert(field.to_owned(), fields.get(field).cloned().unwrap_or_default());
        }
    }
}

/// The sizes that scheduled actions give to groups: between two of them a group's size is theirs, not ours.
#[derive(Default)]
pub(super) struct Schedules {
    sizes: BTreeMap<Address, [BTreeSet<u32>; 2]>,
}

/// The two fields that scheduled actions set, in the order of [`Schedules::sizes`].
const SIZES: [&str; 2] = ["minSize", "maxSize"];

impl Schedules {
    /// Collects them from scheduled actions among `resources`.
    pub(super) fn of<'a>(resources: impl Iterator<Item = &'a Resource>) -> Self {
        let mut sizes: BTreeMap<Address, [BTreeSet<u32>; 2]> = BTreeMap::new();
        for resource in resources {
            if let Resource::ScheduledAction(action) = resource
                && let Some(group) = action.group.address()
            {
                let [min, max] = sizes.entry(group.clone()).or_default();
                min.extend(action.min_size);
                max.extend(action.max_size);
            }
        }
        Self { sizes }
    }

    /// Makes `observed` equal to `wanted` where a scheduled action set the size, unless git moved on since.
    pub(super) fn overlook(&self, group: &Address, wanted: &Fields, observed: &mut Fields, applied: Option<&Fields>) {
        let Some(sizes) = self.sizes.get(group) else { return };
        for (field, scheduled) in SIZES.iter().zip(sizes) {
            let moved_on = applied.is_some_and(|applied| applied.get(*field) != wanted.get(*field));
            let by_schedule = observed
                .get(*field)
                .and_then(Value::as_u64)
                .and_then(|size| u32::try_from(size).ok())
                .is_some_and(|size| scheduled.contains(&size));
            if by_schedule
                && !moved_on
                && let Some(want) = wanted.get(*field)
            {
                observed.insert((*field).to_owned(), want.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{Reference, ScheduledAction};

    fn fields(value: Value) -> Fields {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn an_unset_field_takes_any_observed_value() {
        let mut observed = fields(json!({"iops": 3000, "size": 20}));
        overlook(Kind::Volume, &fields(json!({"iops": null, "size": 30})), &mut observed, None);
        assert_eq!(observed, fields(json!({"iops": null, "size": 20})));
    }

    #[test]
    fn a_key_differs_only_when_git_names_another() {
        let wanted = fields(json!({"kmsKey": "alias/etcd"}));
        let arn = fields(json!({"kmsKey": "arn:aws:kms:eu-west-3:1:key/2"}));
        let mut observed = arn.clone();
        overlook(Kind::Volume, &wanted, &mut observed, Some(&wanted));
        assert_eq!(observed, wanted);
        let mut observed = arn.clone();
        overlook(Kind::Volume, &wanted, &mut observed, Some(&fields(json!({"kmsKey": "alias/old"}))));
        assert_eq!(observed, arn);
    }

    #[test]
    fn a_size_that_a_schedule_set_is_no_difference_until_git_moves_on() {
        let group = Address::new(Kind::AutoScalingGroup, "spot");
        let night = Resource::from(ScheduledAction {
            group: Reference::Address(group.clone()),
            name: String::from("night"),
            recurrence: String::from("0 20 * * *"),
            time_zone: String::from("Europe/Paris"),
            min_size: Some(0),
            max_size: None,
            desired_capacity: None,
        });
        let schedules = Schedules::of([&night].into_iter());
        let wanted = fields(json!({"minSize": 3, "maxSize": 9}));
        let mut observed = fields(json!({"minSize": 0, "maxSize": 8}));
        schedules.overlook(&group, &wanted, &mut observed, Some(&wanted));
        assert_eq!(observed, fields(json!({"minSize": 3, "maxSize": 8})));
        let mut observed = fields(json!({"minSize": 0, "maxSize": 9}));
        schedules.overlook(&group, &wanted, &mut observed, Some(&fields(json!({"minSize": 2, "maxSize": 9}))));
        assert_eq!(observed["minSize"], 0);
    }
}
