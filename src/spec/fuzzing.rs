//! Any text as manifests, and any text as the small values in them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::value::{self, Cidr, Percent, Share};
use super::{read, with_defaults};
use crate::cron::Cron;
use crate::fuzzing::{has_places, parts};
use crate::name::ClusterName;
use crate::problem::Severity;
use crate::render::source::Source;
use crate::render::{Rendered, yaml};
use crate::resource::Address;

/// Two rendered files. A refusal has an error, and mistakes are within their file; what is accepted reads the same when it
/// is written with all of its defaults.
pub(crate) fn manifests(data: &[u8]) {
    let Some([cluster, groups]) = parts(data) else { return };
    let name: ClusterName = "test.k8s.foo.bar".parse().expect("a cluster's name");
    let rendered = Rendered::from_texts(name.clone(), [("1_cluster.yaml", cluster), ("2_nodes.yaml", groups)]);
    let files: Vec<&Source> = rendered.documents.iter().map(|file| &file.source).collect();
    match read(&rendered) {
        Ok(specification) => {
            let text = with_defaults(&specification);
            let again = read(&Rendered::from_texts(name, [("1_cluster.yaml", text.as_str())]));
            let again = again.unwrap_or_else(|problems| panic!("not read again: {problems:?}\n{text}"));
            assert_eq!(with_defaults(&again), text, "the defaults of the defaults are others");
        }
        Err(problems) => {
            assert!(problems.fatal(), "refused without an error: {problems:?}");
            for problem in &problems.0 {
                // Of a document that is not there no place can be told.
                if !problem.message.starts_with("no Cluster document") {
                    has_places(problem, &files);
                }
                assert!(matches!(problem.severity, Severity::Error | Severity::Warning));
            }
        }
    }
}

/// One text as every small value: what is read is printed so that it reads the same.
pub(crate) fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    same::<ClusterName>(text);
    same::<value::AccountId>(text);
    same::<value::Region>(text);
    same::<value::Zone>(text);
    same::<value::MachineType>(text);
    same::<value::VpcId>(text);
    same::<value::HostedZoneName>(text);
    same::<Cidr>(text);
    same::<value::KubernetesVersion>(text);
    same::<value::GroupName>(text);
    same::<value::Quantity>(text);
    same::<value::Taint>(text);
    same::<Percent>(text);
    same::<Share>(text);
    same::<value::Cron>(text);
    same::<value::Duration>(text);
    same::<value::TimeZoneName>(text);
    same::<Address>(text);
    let _ = crate::kubernetes::bytes(text);
    let _ = crate::kubernetes::millicores(text);
    if let Some(cron) = Cron::parse(text) {
        let now = jiff::Timestamp::UNIX_EPOCH;
        assert!(cron.next_after(now, &jiff::tz::TimeZone::UTC).is_none_or(|next| next > now), "not in the future");
    }
    if let Ok(documents) = yaml::documents(&Source::new("values.yaml", text)) {
        drop(documents);
    }
}

fn same<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(text: &str) {
    let Ok(value) = serde_json::from_value::<T>(serde_json::Value::from(text)) else { return };
    let printed = serde_json::to_value(&value).expect("a value is written");
    let again = serde_json::from_value::<T>(printed.clone());
    let again = again.unwrap_or_else(|error| panic!("{text:?} was read, {printed} was not: {error}"));
    assert_eq!(again, value);
}
