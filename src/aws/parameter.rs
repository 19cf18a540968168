//! Systems Manager parameters.

use std::collections::BTreeMap;

use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use crate::resource::{Attributes, Found, Observed, Parameter, Readiness};

pub(super) async fn discover(_aws: &Aws, _scope: &Scope) -> Result<Observed, Error> {
    Ok(Observed::default())
}

pub(super) async fn create(_aws: &Aws, _identity: &Identity, it: &Parameter, _ids: &Ids) -> Result<Made, Error> {
    Ok(Made::new(it.name.clone()))
}

pub(super) async fn update(_aws: &Aws, update: Update<'_, Parameter>) -> Result<Attributes, Error> {
    Ok(update.found.attributes.clone())
}

pub(super) async fn delete(_aws: &Aws, _found: &Found, _it: &Parameter) -> Result<(), Error> {
    Ok(())
}

pub(super) async fn readiness(_aws: &Aws, _ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    Ok(BTreeMap::new())
}
