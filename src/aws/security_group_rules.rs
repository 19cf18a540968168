//! Not filled yet; see `vpc.rs` for the model.

use super::connect::Aws;
use super::dispatch::Update;
use super::error::Error;
use super::identity::Identity;
use super::ids::{Ids, Made};
use crate::resource::{Attributes, Found, SecurityGroupRules};

pub(super) async fn create(
    _aws: &Aws,
    identity: &Identity,
    _it: &SecurityGroupRules,
    _ids: &Ids,
) -> Result<Made, Error> {
    Err(Error::Unsupported { address: identity.address.clone(), act: "created" })
}

pub(super) async fn update(_aws: &Aws, update: Update<'_, SecurityGroupRules>) -> Result<Attributes, Error> {
    Err(Error::Unsupported { address: update.found.address.clone(), act: "updated" })
}

pub(super) async fn delete(_aws: &Aws, found: &Found, _it: &SecurityGroupRules) -> Result<(), Error> {
    Err(Error::Unsupported { address: found.address.clone(), act: "deleted" })
}
