//! What members write into the parameter store: what they have installed, and how nodes join.

use serde_json::json;

use super::super::iam::Request;
use super::super::ssm;
use super::super::world::World;
use super::caller::may;
use super::facts::Facts;
use super::keys::Installed;

/// Version of the status document.
const FORMAT: u32 = 1;

fn put(world: &mut World, instance: &str, name: &str, kind: &str, value: String) -> Result<(), String> {
    let arn = world.arn("ssm", &format!("parameter{name}"));
    may(world, instance, Request::new("ssm:PutParameter", arn))?;
    ssm::write(world, name, kind, value).map_err(|refusal| refusal.to_string())
}

/// Writes `status/<member>`.
///
/// # Errors
/// The role does not allow it.
pub fn status(world: &mut World, instance: &str, facts: &Facts, installed: &Installed) -> Result<(), String> {
    let status = json!({
        "format": FORMAT,
        "member": facts.name,
        "at": world.now.strftime("%FT%TZ").to_string(),
        "trust": installed.trust,
        "leafs": installed.leafs,
    });
    put(world, instance, &facts.status, "String", status.to_string())
}

/// Makes a bootstrap token and writes it to `join`.
///
/// # Errors
/// The role does not allow it.
pub fn join(world: &mut World, instance: &str, facts: &Facts) -> Result<(), String> {
    // The form of a bootstrap token (Kubernetes documentation, "Authenticating with bootstrap tokens").
    let letters = world.new_letters(22).to_ascii_lowercase();
    let token = format!("{}.{}", &letters[..6], &letters[6..]);
    put(world, instance, &facts.join, "SecureString", token)
}
