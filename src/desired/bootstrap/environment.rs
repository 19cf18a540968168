//! `/etc/windlass/node.env`: the facts as shell variables, one a line.

use std::fmt::Write as _;

use super::facts::{Facts, Machine};
use crate::desired::builder::Builder;

/// The file of a machine.
pub(super) fn text(builder: &Builder<'_>, machine: &Machine<'_>, facts: &Facts) -> String {
    let spec = builder.spec();
    let mut variables = vec![
        ("CLUSTER", facts.cluster.clone()),
        ("REGION", facts.region.clone()),
        ("ROLE", facts.role.to_owned()),
        ("NAME", facts.name.clone()),
    ];
    if let Some(parameters) = &facts.parameters {
        variables.extend([
            ("PARAMETERS", parameters.path.clone()),
            ("JOIN", parameters.join.clone()),
            ("API_HOST", facts.api.host.clone()),
            ("API_PORT", facts.api.port.to_string()),
            ("SANDBOX_IMAGE", spec.bootstrap.sandbox_image.clone().unwrap_or_default()),
        ]);
    }
    if let (Machine::Member, Some(control_plane)) = (machine, &facts.control_plane) {
        let address = |tags: &super::facts::Tags| tags.get("windlass.dev/address").cloned().unwrap_or_default();
        let interfaces = control_plane.members.iter().map(|(name, tags)| format!("{name}={}", address(tags)));
        let status = facts.parameters.as_ref().and_then(|it| it.status.clone());
        variables.extend([
            ("STATUS", status.unwrap_or_default()),
            ("PARAMETER_KEY", spec.pki.kms_key.clone().unwrap_or_default()),
            ("VOLUME", address(&control_plane.volume)),
            ("INTERFACES", interfaces.collect::<Vec<_>>().join(" ")),
        ]);
        if let Some(backup) = &spec.backup {
            variables.extend([
                ("BACKUP", format!("s3://{}/{}", backup.bucket, backup.folder(&facts.cluster))),
                ("BACKUP_KEY", backup.kms_key.clone().unwrap_or_default()),
            ]);
        }
    }
    let mut text = String::new();
    for (name, value) in variables {
        let _written = writeln!(text, "{name}={}", quoted(&value));
    }
    text
}

/// As one word of the shell.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._/:@%+,-".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_one_word_whatever_is_in_them() {
        assert_eq!(quoted("s3://bucket/prefix"), "s3://bucket/prefix");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a=b c"), "'a=b c'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
