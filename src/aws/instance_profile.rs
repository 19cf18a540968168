//! Not filled yet; see `vpc.rs` for the model.

use std::collections::BTreeMap;

use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use crate::resource::{Attributes, Found, InstanceProfile, Kind, Observed, Readiness};

pub(super) async fn discover(_aws: &Aws, _scope: &Scope) -> Result<Observed, Error> {
    Ok(Observed::default())
}

pub(super) async fn create(_aws: &Aws, identity: &Identity, _it: &InstanceProfile, _ids: &Ids) -> Result<Made, Error> {
    Err(Error::Unsupported { address: identity.address.clone(), act: "created" })
}

pub(super) async fn update(_aws: &Aws, update: Update<'_, InstanceProfile>) -> Result<Attributes, Error> {
    Err(Error::Unsupported { address: update.found.address.clone(), act: "updated" })
}

pub(super) async fn delete(_aws: &Aws, found: &Found, _it: &InstanceProfile) -> Result<(), Error> {
    Err(Error::Unsupported { address: found.address.clone(), act: "deleted" })
}

pub(super) async fn readiness(_aws: &Aws, _ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    Err(Error::NoReadiness(Kind::InstanceProfile))
}
