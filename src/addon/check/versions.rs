//! Whether the cluster's version serves the API that an object names.

use crate::addon::kinds::{self, Kind, api_version, plural};
use crate::problem::Problem;
use crate::render::nearest::nearest;
use crate::spec::value::KubernetesVersion;
use crate::upgrade::{Served, served};

/// A kind (`None`: it could not be checked), and what is unwise about it.
type Found = (Option<&'static Kind>, Option<Problem>);

/// The field that is wrong, and why.
type NotServed = (&'static str, Problem);

/// The kind of an API of Kubernetes' own, and what is unwise about it.
///
/// # Errors
/// The version does not serve it, or no version ever did; behind the field that is wrong.
pub(in crate::addon) fn own_kind(
    group: &str,
    version: &str,
    kind: &str,
    cluster: KubernetesVersion,
) -> Result<Found, NotServed> {
    let api = api_version(group, version);
    let found = kinds::find(group, version, kind);
    let (major, minor) = (cluster.major, cluster.minor);
    let used = |instead: &str| match instead.strip_prefix('v') {
        // A bare version is one of the same group.
        Some(digits) if digits.starts_with(|first: char| first.is_ascii_digit()) => api_version(group, instead),
        _ => instead.to_owned(),
    };
    match served(group, version, &plural(kind), cluster) {
        Served::Gone { minor: gone, instead } => {
            let problem = Problem::error(format!(
                "Kubernetes {major}.{minor} does not serve {kind} of {api}: 1.{gone} removed it"
            ));
            return Err(("apiVersion", problem.hint(format!("use {}", used(instead)))));
        }
        Served::Until { minor: gone, instead } => {
            let problem = Problem::warning(format!("{kind} of {api} is deprecated: Kubernetes 1.{gone} removes it"));
            return Ok((found, Some(problem.hint(format!("use {}", used(instead))))));
        }
        Served::Deprecated { minor: since, instead } => {
            let problem = Problem::warning(format!("{kind} of {api} is deprecated since Kubernetes 1.{since}"));
            return Ok((found, Some(problem.hint(format!("use {}", used(instead))))));
        }
        Served::Yes => {}
    }
    if let Some(found) = found {
        if found.since <= minor {
            return Ok((Some(found), None));
        }
        let problem = Problem::error(format!("Kubernetes {major}.{minor} does not serve {kind} of {api} yet"));
        return Err(("apiVersion", problem.hint(format!("1.{} is the first version that does", found.since))));
    }
    if version.contains("alpha") || version.contains("beta") {
        let problem = Problem::warning(format!("{kind} is not checked: {api} is not stable, and off by default"));
        return Ok((None, Some(problem)));
    }
    let problem = Problem::error(format!("Kubernetes has no {kind} in {api}"));
    let elsewhere: Vec<String> = kinds::of_name(kind).map(|known| api_version(known.group, known.version)).collect();
    let near = nearest(kind, kinds::names_in(group));
    Err(match (elsewhere.as_slice(), near) {
        ([], Some(near)) => ("kind", problem.hint(format!("did you mean {near}?"))),
        ([], None) => ("kind", problem),
        (elsewhere, _) => ("apiVersion", problem.hint(format!("{kind} is in {}", elsewhere.join(", ")))),
    })
}
