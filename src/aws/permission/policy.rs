//! Policies for the users of windlass, made from the table: one that looks, and three that are attached beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::acts::{self, Act};
use super::{Name, Permission, SWEPT, Target, Territory, permissions};
use crate::resource::Kind;

/// What somebody does with windlass. Everybody has [`Policy::Plan`]; the others are attached beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Looks: `plan`, `status`, `drift`, `certs list`, `capacity check`, `etcd list`.
    Plan,
    /// Makes, and changes in place: `apply`, `certs renew` and `rotate-ca`.
    Apply,
    /// Works on machines: `roll`, `etcd snapshot` and `restore`, `certs refresh`.
    Roll,
    /// Deletes: `destroy`, and an `apply` whose plan deletes or replaces.
    Destroy,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Apply, Self::Roll, Self::Destroy];

    /// Its name, as in `docs/reference/iam/NAME.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Roll => "roll",
            Self::Destroy => "destroy",
        }
    }

    /// The operations that it is for, without those of [`Policy::Plan`] in the others.
    #[must_use]
    pub fn operations(self) -> BTreeSet<Name> {
        let own: BTreeSet<Name> = match self {
            Self::Plan => acts::LOOK.iter().chain(acts::CHECK).copied().collect(),
            Self::Apply => all(&[Act::Create, Act::Update]),
            Self::Roll => acts::ROLL.iter().chain(acts::COMMANDS).copied().collect(),
            Self::Destroy => all(&[Act::Delete]).into_iter().chain(acts::SWEEP.iter().copied()).collect(),
        };
        match self {
            Self::Plan => own,
            _ => own.difference(&Self::Plan.operations()).copied().collect(),
        }
    }

    /// What it allows.
    #[must_use]
    pub fn permissions(self) -> BTreeSet<Permission> {
        let mut all = permissions(self.operations());
        if self == Self::Destroy {
            all.extend(SWEPT);
        }
        all
    }

    /// The policy document.
    #[must_use]
    pub fn document(self, of: &Territory) -> Value {
        let mut statements: BTreeMap<Key, Statement> = BTreeMap::new();
        for Permission { action, on } in self.permissions() {
            let resources = on.resources(of);
            for condition in on.conditions(of) {
                let statement = statements.entry(Key::of(on, &condition)).or_default();
                statement.actions.insert(action);
                statement.resources.extend(resources.iter().cloned());
                statement.condition = condition;
            }
        }
        let statements = statements.into_iter().filter(|(_, it)| !it.resources.is_empty());
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let statements: Vec<Value> = statements
            .map(|(key, statement)| {
                let number = numbers.entry(key.sid).and_modify(|it| *it += 1).or_insert(1);
                statement.json(&format!("{}{number}", key.sid))
            })
            .collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

fn all(what: &[Act]) -> BTreeSet<Name> {
    let pairs = Kind::ALL.into_iter().flat_map(|kind| what.iter().map(move |act| (kind, *act)));
    pairs.flat_map(|(kind, act)| acts::of(kind, act)).collect()
}

/// What goes into one statement: what is asked for under the same condition. What is allowed without any condition is kept
/// apart by what it is about, so that an action never gets a type of resource that it has a condition for.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    sid: &'static str,
    condition: String,
    resource: Option<Target>,
}

impl Key {
    fn of(on: Target, condition: &Value) -> Self {
        let apart = match on {
            // An action is about the one or the other.
            Target::Everything | Target::Role | Target::Profile => None,
            on if condition.as_object().is_some_and(Map::is_empty) => Some(on),
            _ => None,
        };
        Self { sid: sid(on), condition: condition.to_string(), resource: apart }
    }
}

const fn sid(on: Target) -> &'static str {
    match on {
        Target::Everything => "Look",
        Target::New(_) => "Make",
        Target::NewTags(_) => "TagWhatIsMade",
        Target::Own(_) => "ChangeItsOwn",
        Target::Swept(_) => "Sweep",
        Target::Neighbour(_) => "FreeFromNeighbours",
        Target::Any(_) => "UseWhatIsThere",
        Target::Launched(_) => "Launch",
        Target::Role | Target::Profile => "Roles",
        Target::PassedRole => "PassRoles",
        Target::ServiceRole(_) => "ServiceRoles",
        Target::Caller => "AskAboutItself",
        Target::Parameter | Target::ImageParameter => "Parameters",
        Target::Record | Target::Zone | Target::Change => "Records",
        Target::Script => "RunScripts",
        Target::Bucket | Target::Snapshot => "Snapshots",
    }
}

#[derive(Debug, Default)]
struct Statement {
    actions: BTreeSet<&'static str>,
    resources: BTreeSet<String>,
    condition: Value,
}

impl Statement {
    fn json(self, sid: &str) -> Value {
        let one_or_all = |mut all: Vec<String>| match all.len() {
            1 => Value::from(all.remove(0)),
            _ => Value::from(all),
        };
        let actions = self.actions.into_iter().map(str::to_owned).collect();
        let mut statement = json!({
            "Sid": sid, "Effect": "Allow",
            "Action": one_or_all(actions), "Resource": one_or_all(self.resources.into_iter().collect()),
        });
        if let (Some(fields), false) = (statement.as_object_mut(), self.condition.as_object().is_none_or(Map::is_empty))
        {
            fields.insert(String::from("Condition"), self.condition);
        }
        statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::permission::{Backup, OPERATIONS, find};

    /// Characters of a customer managed policy, without white space ("IAM and STS quotas").
    const MOST: usize = 6144;

    fn territory() -> Territory {
        Territory {
            partition: String::from("aws"),
            account: String::from("123456789012"),
            region: String::from("eu-west-3"),
            cluster: String::from("prod-customer.k8s.foo.bar"),
            records: BTreeSet::from([String::from("www.foo.bar")]),
            image_parameters: BTreeSet::new(),
            backup: Some(Backup { bucket: String::from("backups"), folder: String::from("prod") }),
        }
    }

    fn strings(value: &Value) -> Vec<&str> {
        match value {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        }
    }

    #[test]
    fn every_operation_of_the_table_is_in_a_policy_and_every_name_in_the_table() {
        let mut named = BTreeSet::new();
        for policy in Policy::ALL {
            named.extend(policy.operations());
        }
        for name in &named {
            assert!(find(*name).is_some(), "{name:?} is not in the table");
        }
        for row in OPERATIONS {
            assert!(named.contains(&(row.service, row.name)), "nothing calls {}", row.name);
            let same = OPERATIONS.iter().filter(|it| (it.service, it.name) == (row.service, row.name));
            assert_eq!(same.count(), 1, "{} is there twice", row.name);
        }
    }

    #[test]
    fn each_policy_fits_into_a_managed_policy() {
        let long = "production-of-the-biggest-customer.kubernetes.example.com";
        let of = Territory { cluster: String::from(long), ..territory() };
        let size = |policy: Policy| policy.document(&of).to_string().chars().filter(|c| !c.is_whitespace()).count();
        let sizes = Policy::ALL.map(|policy| (policy.name(), size(policy)));
        assert!(sizes.iter().all(|(_, size)| *size <= MOST), "{sizes:?}");
    }

    #[test]
    fn only_lists_are_allowed_on_everything() {
        for policy in Policy::ALL {
            for statement in policy.document(&territory())["Statement"].as_array().expect("statements") {
                if !strings(&statement["Resource"]).contains(&"*") {
                    continue;
                }
                for action in strings(&statement["Action"]) {
                    let (_, name) = action.split_once(':').expect("an action has a service");
                    assert!(["Describe", "List", "Get"].iter().any(|verb| name.starts_with(verb)), "{action} on *");
                }
            }
        }
    }

    #[test]
    fn no_action_gets_without_a_condition_what_the_table_has_with_one() {
        let of = territory();
        for policy in Policy::ALL {
            let document = policy.document(&of);
            let free =
                document["Statement"].as_array().expect("statements").iter().filter(|it| it["Condition"].is_null());
            let free: BTreeSet<(&str, &str)> = free
                .flat_map(|it| strings(&it["Action"]).into_iter().map(move |action| (action, it)))
                .flat_map(|(action, it)| strings(&it["Resource"]).into_iter().map(move |resource| (action, resource)))
                .collect();
            for Permission { action, on } in policy.permissions() {
                if on.conditions(&of).iter().any(|condition| condition.as_object().is_some_and(Map::is_empty)) {
                    continue;
                }
                for resource in on.resources(&of) {
                    assert!(!free.contains(&(action, resource.as_str())), "{action} on {resource} has no condition");
                }
            }
        }
    }
}
