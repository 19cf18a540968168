//! What `plan`, `apply` and `status` say about certificates: warnings by the thresholds, and a refusal where going on
//! would only make things worse. Pure.

use jiff::Timestamp;

use super::rows::rows;
use crate::name::ClusterName;
use crate::pki::{Ends, KeyPhase, Standing};
use crate::plan::{Act, Plan};
use crate::resource::{CertificateRequest, Content, Resource};
use crate::spec::Pki;
use crate::state::Records;
use crate::ui::certificates::text::left;

/// Certificates whose thresholds are passed, one line each, the most urgent first.
#[must_use]
pub fn warnings(cluster: &ClusterName, records: &Records, pki: &Pki, now: Timestamp) -> Vec<String> {
    let mut rows = rows(cluster, records, pki, now);
    rows.retain(|row| row.standing != Standing::Good);
    rows.sort_by_key(|row| row.ends.not_after);
    let line = |row: &crate::ui::certificates::Row| {
        let what = format!("certificate {} of the {} authority, {}", row.name, row.authority, row.place);
        match row.standing {
            Standing::Expired => format!("{what}: EXPIRED on {}", row.ends.not_after.strftime("%F")),
            Standing::Good | Standing::Warn(_) => format!("{what}: expires in {}", left(row.ends.not_after, now)),
        }
    };
    rows.iter().map(line).collect()
}

/// Why a plan must not be applied, if so: it needs an authority that has expired, or that would not outlive what it
/// signs.
#[must_use]
pub fn refusal(plan: &Plan, records: &Records, now: Timestamp) -> Option<String> {
    plan.waves.iter().flatten().filter_map(|operation| request(&operation.act)).find_map(|request| {
        let (name, revision) = (request.authority, request.revision);
        let (authority, phase) = records.authorities(name).find(|(record, _)| record.revision == revision)?;
        let rotate = format!("hint: windlass certs rotate-ca {} --authority {name}", plan.cluster);
        if now > authority.not_after {
            let when = authority.not_after.strftime("%F");
            let rescue = format!("hint: windlass certs rescue {}", plan.cluster);
            return Some(format!(
                "the {name} authority {revision} expired on {when}: nothing can be issued\n  {rescue}"
            ));
        }
        if phase == KeyPhase::Dropped {
            return Some(format!("the {name} authority {revision} was dropped: nobody trusts it\n  {rotate}"));
        }
        let asked = Ends::issued_at(now, request.lifetime).not_after;
        (asked > authority.not_after).then(|| {
            format!(
                "the certificate {} would be valid until {}, and the {name} authority {revision} only until {}\n  \
                 {rotate}, or shorten spec.pki.lifetimes.leaf",
                request.leaf,
                asked.strftime("%F"),
                authority.not_after.strftime("%F")
            )
        })
    })
}

fn request(act: &Act) -> Option<&CertificateRequest> {
    let (Act::Create { resource, .. } | Act::Update { resource, .. }) = act else { return None };
    match resource.as_ref() {
        Resource::Parameter(parameter) => match &parameter.content {
            Content::Certificate(request) => Some(request),
            _ => None,
        },
        _ => None,
    }
}
