//! Systems Manager parameters. Never reads a value: what is in a parameter, its description says. Values come in through
//! [`create_parameter`] and [`update_parameter`] alone, and appear in no log, error or result.

mod discover;
mod label;
mod write;

use std::collections::BTreeMap;

use aws_sdk_ssm::types as wire;

pub(super) use self::discover::{discover, strays};
pub(super) use self::write::update;
pub use self::write::{ParameterValue, PublicCertificate, create_parameter, update_parameter};
use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::error::Error;
use super::pages;
use crate::resource::{Found, Parameter, Readiness};

/// Parameters in one page; the most that Systems Manager gives (API reference, DescribeParameters).
const PAGE: i32 = 50;
/// Names in one filter (the same, ParameterStringFilter) and in one delete (API reference, DeleteParameters).
const NAMES_OF_FILTER: usize = 50;
const NAMES_OF_DELETE: usize = 10;

async fn describe(
    aws: &Aws,
    key: &str,
    option: &str,
    values: &[String],
) -> Result<Vec<wire::ParameterMetadata>, Error> {
    const OPERATION: &str = "DescribeParameters";
    let filter = wire::ParameterStringFilter::builder().key(key).option(option).set_values(Some(values.to_vec()));
    let filter =
        filter.build().map_err(|_| Error::Malformed { operation: OPERATION, what: "the filter has no key" })?;
    pages::all(OPERATION, async |token| {
        let request = aws.ssm().describe_parameters().parameter_filters(filter.clone());
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
        Ok((answer.parameters.unwrap_or_default(), answer.next_token))
    })
    .await
}

pub(super) async fn delete(aws: &Aws, found: &Found, _it: &Parameter) -> Result<(), Error> {
    let request = aws.ssm().delete_parameter().name(&found.id);
    delete_call(aws, "DeleteParameter", || request.clone().send()).await
}

/// Deletes parameters by name; names of none are ignored.
pub(super) async fn delete_all(aws: &Aws, names: &[String]) -> Result<(), Error> {
    for names in names.chunks(NAMES_OF_DELETE) {
        let request = aws.ssm().delete_parameters().set_names(Some(names.to_vec()));
        delete_call(aws, "DeleteParameters", || request.clone().send()).await?;
    }
    Ok(())
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let mut ready = BTreeMap::new();
    for names in ids.chunks(NAMES_OF_FILTER) {
        let seen = describe(aws, "Name", "Equals", names).await?;
        ready.extend(seen.into_iter().filter_map(|it| Some((it.name?, Readiness::Ready))));
    }
    Ok(ready)
}
