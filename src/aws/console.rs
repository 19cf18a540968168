//! What an instance printed on its console: the first place to look when it does not come up.

use super::call::{Call, call};
use super::connect::Aws;
use super::error::Error;

/// The lines that an instance printed last, at most `lines` of them. Empty when there is nothing yet: AWS collects the
/// output of types older than Nitro some minutes after the start only.
///
/// # Errors
/// That of the call.
pub async fn console(aws: &Aws, instance: &str, lines: usize) -> Result<Vec<String>, Error> {
    // What is printed now, not at the last boot; the types that windlass' examples use have it (API reference, "Latest").
    let latest = aws.ec2().get_console_output().instance_id(instance).latest(true);
    let answer = match call(aws, Call::read("GetConsoleOutput"), || latest.clone().send()).await {
        Err(error) if error.code() == Some("UnsupportedOperation") => {
            let request = aws.ec2().get_console_output().instance_id(instance);
            call(aws, Call::read("GetConsoleOutput"), || request.clone().send()).await?
        }
        answer => answer?,
    };
    let decoded = data_encoding::BASE64_MIME_PERMISSIVE.decode(answer.output.unwrap_or_default().as_bytes());
    let text = String::from_utf8_lossy(&decoded.unwrap_or_default()).into_owned();
    let all: Vec<String> =
        text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect();
    Ok(all[all.len().saturating_sub(lines)..].to_vec())
}
