//! The values of parameters, by path: what members say of themselves, and, when the records are lost, what they were
//! given. Only the latter are decrypted.

use std::collections::BTreeMap;

use aws_sdk_ssm::operation::get_parameters_by_path::builders::GetParametersByPathFluentBuilder;
use aws_sdk_ssm::types::Parameter;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;
use super::pages;
use crate::secret::Secret;

/// Parameters in one page; the most that Systems Manager gives (API reference, GetParametersByPath).
const PAGE: i32 = 10;

/// The values of all parameters beneath a path (which ends with `/`), decrypted, by name.
///
/// # Errors
/// That of the call.
pub async fn secret_values(aws: &Aws, path: &str) -> Result<BTreeMap<String, Secret>, Error> {
    let found = beneath(aws, path, |request| request.recursive(true).with_decryption(true)).await?;
    Ok(found.into_iter().filter_map(|it| Some((it.name?, Secret::from(it.value?)))).collect())
}

/// The values of plain parameters directly beneath a path (which ends with `/`), by the rest of their names.
///
/// # Errors
/// That of the call.
pub async fn parameter_values(aws: &Aws, path: &str) -> Result<BTreeMap<String, String>, Error> {
    let found = beneath(aws, path, |request| request.with_decryption(false)).await?;
    let values = found.into_iter().filter_map(|parameter| {
        let name = parameter.name?.strip_prefix(path)?.to_owned();
        Some((name, parameter.value?))
    });
    Ok(values.collect())
}

type Request = GetParametersByPathFluentBuilder;

async fn beneath(aws: &Aws, path: &str, how: impl Fn(Request) -> Request) -> Result<Vec<Parameter>, Error> {
    pages::all("GetParametersByPath", async |token| {
        let request = how(aws.ssm().get_parameters_by_path().path(path.trim_end_matches('/')));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("GetParametersByPath"), || request.clone().send()).await?;
        Ok((answer.parameters.unwrap_or_default(), answer.next_token))
    })
    .await
}
