//! Which machines must be replaced, and because of what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::resource::LaunchTemplate;

/// What differs between the template that a machine was launched from and the one that new machines get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// The machine image.
    Image,
    /// The instance type.
    MachineType,
    /// What it does at its start.
    UserData,
    /// Its disks.
    Disks,
    /// Its security groups, or its interface.
    Network,
    /// Its instance profile.
    Profile,
    /// Its metadata service.
    Metadata,
    /// How often CloudWatch measures.
    Monitoring,
    /// Its tags.
    Tags,
    /// The version that it was launched from is gone: nobody can tell.
    Unknown,
}

/// When machines become stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Urgency {
    /// They are.
    Stale,
    /// Once the plan is applied.
    Pending,
}

/// Machines of one group that must be replaced for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NeedsRoll {
    /// The group.
    pub group: String,
    /// How many.
    pub machines: usize,
    /// How many it has.
    pub of: usize,
    /// Why.
    pub reasons: BTreeSet<Reason>,
    /// Since when.
    pub urgency: Urgency,
}

impl Reason {
    /// In words: `image`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image changed",
            Self::MachineType => "machine type changed",
            Self::UserData => "user data changed",
            Self::Disks => "disks changed",
            Self::Network => "network changed",
            Self::Profile => "instance profile changed",
            Self::Metadata => "metadata options changed",
            Self::Monitoring => "monitoring changed",
            Self::Tags => "tags changed",
            Self::Unknown => "their template version is gone",
        }
    }

    /// Of a field of a launch template, by its path in a plan; `None`: no machine notices it.
    fn of_path(path: &str) -> Option<Self> {
        let field = path.split(['.', '[']).next().unwrap_or_default();
        Some(match field {
            "image" => Self::Image,
            "machineType" => Self::MachineType,
            "userData" => Self::UserData,
            "blockDevices" => Self::Disks,
            "network" => Self::Network,
            "instanceProfile" => Self::Profile,
            "metadataOptions" => Self::Metadata,
            "detailedMonitoring" => Self::Monitoring,
            "instanceTags" | "volumeTags" => Self::Tags,
            _ => return None,
        })
    }
}

impl std::fmt::Display for NeedsRoll {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reasons: Vec<&str> = self.reasons.iter().map(|reason| reason.as_str()).collect();
        let must = match self.urgency {
            Urgency::Stale => "must be replaced",
            Urgency::Pending => "must be replaced after this is applied",
        };
        let Self { group, machines, of, .. } = self;
        write!(formatter, "{machines} of {of} machines of {group} {must} because {}", reasons.join(", "))
    }
}

/// How two versions of a template differ for a machine. Both as AWS shows them: references carry ids.
#[must_use]
pub fn difference(before: &LaunchTemplate, after: &LaunchTemplate) -> BTreeSet<Reason> {
    let pairs = [
        (before.image != after.image, Reason::Image),
        (before.machine_type != after.machine_type, Reason::MachineType),
        (before.user_data != after.user_data, Reason::UserData),
        (before.block_devices != after.block_devices, Reason::Disks),
        (before.network != after.network, Reason::Network),
        (before.instance_profile != after.instance_profile, Reason::Profile),
        (before.metadata_options != after.metadata_options, Reason::Metadata),
        (before.detailed_monitoring != after.detailed_monitoring, Reason::Monitoring),
        (before.instance_tags != after.instance_tags || before.volume_tags != after.volume_tags, Reason::Tags),
    ];
    pairs.into_iter().filter_map(|(differs, reason)| differs.then_some(reason)).collect()
}

/// Reasons from the paths of the fields that a plan changes of a launch template.
pub fn of_fields<'a>(paths: impl IntoIterator<Item = &'a str>) -> BTreeSet<Reason> {
    paths.into_iter().filter_map(Reason::of_path).collect()
}

/// What must be replaced in one group.
///
/// `versions` counts its machines by the version that they were launched from (`None`: not known, and held for current);
/// `current` is what new machines get; `contents` are the versions that were read; `pending` is what the plan changes.
#[must_use]
pub fn needs_roll(
    group: &str,
    versions: &BTreeMap<Option<String>, usize>,
    (current, contents): (&str, &BTreeMap<String, LaunchTemplate>),
    pending: &BTreeSet<Reason>,
) -> Vec<NeedsRoll> {
    let of: usize = versions.values().sum();
    let mut found: BTreeMap<(Urgency, BTreeSet<Reason>), usize> = BTreeMap::new();
    for (version, machines) in versions {
        let stale = version.as_deref().filter(|version| *version != current);
        let reasons = stale.map(|version| match (contents.get(version), contents.get(current)) {
            (Some(before), Some(after)) => difference(before, after),
            _ => BTreeSet::from([Reason::Unknown]),
        });
        let key = match reasons {
            // Two versions that say the same: a machine of the older one is as good as new.
            Some(reasons) if !reasons.is_empty() => (Urgency::Stale, reasons),
            _ if !pending.is_empty() => (Urgency::Pending, pending.clone()),
            _ => continue,
        };
        *found.entry(key).or_default() += machines;
    }
    let row = |((urgency, reasons), machines)| NeedsRoll { group: group.to_owned(), machines, of, reasons, urgency };
    found.into_iter().map(row).filter(|row| row.machines > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{LaunchNetwork, MetadataOptions, Reference, Tags};

    fn template(image: &str) -> LaunchTemplate {
        LaunchTemplate {
            name: "t".into(),
            image: image.into(),
            machine_type: Some("m5.large".into()),
            instance_profile: Reference::Id("p".into()),
            network: LaunchNetwork::New { security_groups: Vec::new(), public_address: false },
            block_devices: Vec::new(),
            metadata_options: MetadataOptions { tokens_required: true, hop_limit: 1 },
            user_data: String::new(),
            detailed_monitoring: false,
            instance_tags: Tags::new(),
            volume_tags: Tags::new(),
            tags: Tags::new(),
        }
    }

    fn lines(versions: &[(Option<&str>, usize)], pending: &[Reason]) -> Vec<String> {
        let contents = BTreeMap::from([
            ("1".to_owned(), template("ami-1")),
            ("2".to_owned(), LaunchTemplate { user_data: "new".into(), ..template("ami-2") }),
            ("3".to_owned(), template("ami-2")),
            ("4".to_owned(), template("ami-2")),
        ]);
        let versions = versions.iter().map(|(version, count)| (version.map(str::to_owned), *count)).collect();
        let pending = pending.iter().copied().collect();
        needs_roll("spot", &versions, ("4", &contents), &pending).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn machines_are_counted_by_reason() {
        assert_eq!(
            lines(&[(Some("1"), 30), (Some("2"), 4), (Some("4"), 6)], &[]),
            [
                "30 of 40 machines of spot must be replaced because image changed",
                "4 of 40 machines of spot must be replaced because user data changed"
            ]
        );
    }

    #[test]
    fn versions_that_say_the_same_and_unknown_ones_need_nothing() {
        assert!(lines(&[(Some("3"), 5), (None, 2), (Some("4"), 1)], &[]).is_empty());
    }

    #[test]
    fn a_version_that_is_gone_is_stale_without_a_known_reason() {
        assert_eq!(
            lines(&[(Some("0"), 1)], &[]),
            ["1 of 1 machines of spot must be replaced because their template version is gone"]
        );
    }

    #[test]
    fn a_pending_change_makes_the_others_stale_too() {
        assert_eq!(
            lines(&[(Some("1"), 1), (Some("4"), 2)], &[Reason::Image, Reason::UserData]),
            [
                "1 of 3 machines of spot must be replaced because image changed",
                "2 of 3 machines of spot must be replaced after this is applied because image changed, user data changed"
            ]
        );
    }

    #[test]
    fn fields_of_a_plan_give_their_reasons() {
        let reasons = of_fields(["image", "blockDevices[/dev/xvda].size", "tags.team", "instanceTags.team"]);
        assert_eq!(reasons, BTreeSet::from([Reason::Image, Reason::Disks, Reason::Tags]));
        assert!(of_fields(["tags.team", "name"]).is_empty());
    }
}
