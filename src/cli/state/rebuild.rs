//! The records of a cluster as AWS knows them: identity, objects with their ids and generations, certificates and keys.
//!
//! AWS is looked at three times: for the uid and for what the parameters should be called; for what they say of
//! themselves; and for everything else, as a plan sees it that knows the keys.

use std::collections::{BTreeMap, BTreeSet};

use super::kept_keys::{self, Kept, KeptKeys};
use crate::apply;
use crate::aws::{self, Identity, Instances, Scope};
use crate::cli::failure::Stopped;
use crate::cli::picture::{Picture, look};
use crate::cli::session::Session;
use crate::desired::parameter_path;
use crate::exit::Exit;
use crate::pki::{AuthorityName, Certificate};
use crate::plan::{Act, Purpose};
use crate::resource::{Address, Attributes, Content, Found, Observed, Parameter, Resource, attribute};
use crate::secret::Secret;
use crate::state::{ClusterRecord, Records, ResourceRecord};

/// How often a certificate may have been issued, or a key replaced: more than anybody does by hand in a cluster's life,
/// and renewals happen once or twice a year.
const MOST_ISSUES: u32 = 500;

/// What is to be written down again.
#[derive(Debug)]
pub struct Rebuilt {
    /// Identity.
    pub cluster: ClusterRecord,
    /// Keys; none if the branch has them.
    pub keys: KeptKeys,
    /// Objects that are in no record.
    pub resources: Vec<ResourceRecord>,
}

/// Looks for everything that the records do not have.
///
/// # Errors
/// When nothing of the cluster is there, two clusters of this name are, or nothing says whom the nodes trust.
pub async fn rebuild(session: &Session, records: &Records, run: &str) -> anyhow::Result<Rebuilt> {
    let picture = look(session, Purpose::Apply, records.clone()).await?;
    let cluster = identity(session, records, &picture)?;
    let values = aws::secret_values(&session.aws, &parameter_path(session.cluster())).await?;
    let mut records = Records { cluster: Some(cluster.clone()), ..records.clone() };
    let mut resources = Vec::new();
    let mut keys = KeptKeys::default();
    if records.certificates.is_empty() && !values.is_empty() {
        let observed = look_inside(session, &picture, &cluster, &values).await?;
        let revisions = service_account_revisions(&observed);
        keys = kept_keys::read(&kept(&picture.desired, &values), &revisions, run)?;
        records.change_keys(&keys.change);
        let bench = Bench { session, uid: &cluster.uid, run };
        resources = bench.certificates(&observed, &values);
        keys.change.certificates.extend(resources.iter().filter_map(apply::certificate_record));
        records.resources.extend(resources.iter().map(|record| (record.address.clone(), record.clone())));
    }
    let picture = look(session, Purpose::Apply, records).await?;
    resources.extend(Bench { session, uid: &cluster.uid, run }.of_plan(&picture)?);
    resources.sort_by(|one, other| one.address.cmp(&other.address));
    Ok(Rebuilt { cluster, keys, resources })
}

/// The identity that the objects in AWS carry.
fn identity(session: &Session, records: &Records, picture: &Picture) -> anyhow::Result<ClusterRecord> {
    if let Some(cluster) = &records.cluster {
        return Ok(cluster.clone());
    }
    let (cluster, region) = (session.cluster(), session.aws.region());
    let account = &picture.caller.account;
    let uids: BTreeSet<&String> = picture.observed.found.iter().filter_map(|found| found.uid.as_ref()).collect();
    let mut uids = uids.into_iter();
    match (uids.next(), uids.next()) {
        (Some(uid), None) => Ok(ClusterRecord {
            name: cluster.clone(),
            uid: uid.clone(),
            account: account.clone(),
            region: region.to_owned(),
            config: None,
            plan: None,
        }),
        (None, _) => {
            let message = format!(
                "nothing in account {account}, region {region}, says that it is of {cluster}: there is nothing to write down\n  \
                 hint: if it never existed, windlass apply {cluster} makes it"
            );
            Err(Stopped::new(Exit::Refused, message).into())
        }
        (Some(one), Some(other)) => {
            let message = format!(
                "objects of at least two clusters called {cluster} are there: uid {one} and uid {other}\n  hint: delete those of \
                 the one that is of no use, by their tag windlass.dev/uid"
            );
            Err(Stopped::new(Exit::Refused, message).into())
        }
    }
}

/// The parameters that should be there and are, with their values.
fn kept<'a>(desired: &'a BTreeMap<Address, Resource>, values: &'a BTreeMap<String, Secret>) -> Vec<Kept<'a>> {
    let parameters = desired.values().filter_map(parameter);
    parameters.filter_map(|parameter| Some(Kept { parameter, value: values.get(&parameter.name)? })).collect()
}

fn parameter(resource: &Resource) -> Option<&Parameter> {
    match resource {
        Resource::Parameter(parameter) => Some(parameter),
        _ => None,
    }
}

/// What is in the parameters: each says by a digest what was written into it, so that everything is tried that can be.
async fn look_inside(
    session: &Session,
    picture: &Picture,
    cluster: &ClusterRecord,
    values: &BTreeMap<String, Secret>,
) -> anyhow::Result<Observed> {
    let count = kept_keys::find(&kept(&picture.desired, values), |it| matches!(it, Content::ServiceAccountKeys { .. }))
        .map_or(Ok(0), |bundle| kept_keys::public_keys(bundle.value).map(|keys| keys.len()))?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let authorities = authority_revisions(&picture.desired, values);
    let mut begun = BTreeMap::new();
    for (address, parameter) in picture.desired.iter().filter_map(|(at, it)| Some((at, parameter(it)?))) {
        let contents: Vec<Content> = match &parameter.content {
            Content::ServiceAccountKeys { .. } => {
                let windows = (1..=MOST_ISSUES).map(|first| (first..first.saturating_add(count)).collect());
                windows.map(|revisions| Content::ServiceAccountKeys { revisions }).collect()
            }
            Content::Certificate(request) => {
                let signers = authorities.get(&request.authority).into_iter().flatten();
                let tries = signers.flat_map(|&revision| (1..=MOST_ISSUES).map(move |issue| (revision, issue)));
                tries
                    .map(|(revision, issue)| {
                        let mut request = request.clone();
                        (request.revision, request.issue) = (revision, issue);
                        Content::Certificate(request)
                    })
                    .collect()
            }
            _ => continue,
        };
        let of = |content| Resource::from(Parameter { content, ..parameter.clone() });
        begun.insert(address.clone(), contents.into_iter().map(of).collect());
    }
    let uid = Some(cluster.uid.clone());
    let scope = Scope { uid, begun, instances: Instances::Ignored, ..picture.scope.clone() };
    Ok(aws::discover(&session.aws, &scope).await?)
}

/// The revisions of each authority that may have signed.
fn authority_revisions(
    desired: &BTreeMap<Address, Resource>,
    values: &BTreeMap<String, Secret>,
) -> BTreeMap<AuthorityName, Vec<u32>> {
    let mut revisions = BTreeMap::new();
    for it in kept(desired, values) {
        if let Content::Trust { authority, .. } = &it.parameter.content
            && let Ok(text) = it.value.expose_text()
            && let Ok(trusted) = Certificate::parse_bundle(text)
        {
            revisions.insert(*authority, kept_keys::revisions(&trusted));
        }
    }
    revisions
}

fn service_account_revisions(observed: &Observed) -> Vec<u32> {
    let mut contents = observed.found.iter().filter_map(|found| parameter(&found.resource)).map(|it| &it.content);
    let revisions = contents.find_map(|content| match content {
        Content::ServiceAccountKeys { revisions } => Some(revisions.clone()),
        _ => None,
    });
    revisions.unwrap_or_else(|| vec![1])
}

/// Writes records.
struct Bench<'a> {
    session: &'a Session,
    uid: &'a str,
    run: &'a str,
}

impl Bench<'_> {
    fn record(&self, found: &Found, applied: Resource, attributes: Attributes) -> ResourceRecord {
        let identity = Identity {
            cluster: self.session.cluster().clone(),
            uid: self.uid.to_owned(),
            address: found.address.clone(),
            generation: found.generation,
            earlier_intent: None,
        };
        ResourceRecord {
            address: found.address.clone(),
            id: found.id.clone(),
            generation: found.generation,
            token: Some(identity.client_token()),
            applied,
            attributes,
            run: self.run.to_owned(),
            made: None,
            settling: false,
        }
    }

    /// The parameters with a certificate, with its public side and the address that it is for.
    fn certificates(&self, observed: &Observed, values: &BTreeMap<String, Secret>) -> Vec<ResourceRecord> {
        let mut records = Vec::new();
        for found in &observed.found {
            let Some(Content::Certificate(request)) = parameter(&found.resource).map(|it| &it.content) else {
                continue;
            };
            let text = values.get(&found.id).and_then(|value| value.expose_text().ok());
            let Some(certificate) = text.and_then(|text| Certificate::parse(text).ok()) else { continue };
            let mut attributes = found.attributes.clone();
            attributes.insert(attribute::CERTIFICATE.to_owned(), certificate.pem());
            let interface = request.interface.as_ref().and_then(|interface| interface.address());
            let interface = interface.and_then(|address| observed.found.iter().find(|it| it.address == *address));
            let address = interface.and_then(|it| it.attributes.get(attribute::PRIVATE_ADDRESS));
            attributes.extend(address.map(|address| (attribute::PRIVATE_ADDRESS.to_owned(), address.clone())));
            records.push(self.record(found, found.resource.clone(), attributes));
        }
        records
    }

    /// Everything that a plan finds and no record has: as the manifests say where it is so already, else as it is.
    fn of_plan(&self, picture: &Picture) -> anyhow::Result<Vec<ResourceRecord>> {
        let plan = picture.plan(self.session, Purpose::Apply)?;
        let known = &picture.records.resources;
        let operations = plan.waves.into_iter().flatten().filter(|operation| !known.contains_key(&operation.address));
        let records = operations.filter_map(|operation| match operation.act {
            Act::Adopt { found, resource } => Some((found, *resource)),
            Act::Update { found, .. } | Act::Delete { found } => {
                let resource = found.resource.clone();
                Some((found, resource))
            }
            Act::Create { .. } | Act::Discard { .. } | Act::Forget => None,
        });
        Ok(records.map(|(found, applied)| self.record(&found, applied, found.attributes.clone())).collect())
    }
}
