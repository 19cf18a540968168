//! The environment and configuration that a git command runs with: the user's way to the remote (credentials,
//! proxies, certificates, SSH), and nothing else of the user's.

use std::ffi::OsString;
use std::process::Command;

/// Variables of git that are kept; every other `GIT_…` is removed, because windlass may itself run inside a hook or an
/// alias, where `GIT_DIR`, `GIT_INDEX_FILE` and the like point into the user's repository, and because traces would
/// mix with the messages that are read.
const KEPT: [&str; 21] = [
    // How to reach a host by SSH: keys, jump hosts, other clients.
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    // Hands over a password without a terminal: CI systems and editors set it.
    "GIT_ASKPASS",
    // Which certificates to trust and to show: company proxies and private hosts.
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_CERT_TYPE",
    "GIT_SSL_KEY",
    "GIT_SSL_KEY_TYPE",
    "GIT_SSL_CERT_PASSWORD_PROTECTED",
    "GIT_SSL_NO_VERIFY",
    "GIT_SSL_VERSION",
    "GIT_SSL_CIPHER_LIST",
    // How to pass a proxy; the proxies themselves (https_proxy, …) are not git's variables and stay anyway.
    "GIT_PROXY_COMMAND",
    "GIT_PROXY_SSL_CAINFO",
    "GIT_HTTP_PROXY_AUTHMETHOD",
    // Which files hold the user's configuration, and so the credential helper.
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    // Where an installation that was moved finds its own programs.
    "GIT_EXEC_PATH",
];

/// Beginnings of variables that are none of git's business: credentials of AWS and of clusters, and windlass' own, such as
/// where age identities are. Whoever reaches git through AWS gives its credential helper a profile in a file.
const FOREIGN: [&str; 4] = ["AWS_", "WINDLASS_", "KUBECONFIG", "HELM_"];

/// Settings that keep git from doing anything beside what it was asked, given as `-c`, which wins over all files.
pub(super) const SETTINGS: [&str; 17] = [
    // No hook of the user's: global ones apply to our private copy too.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    // No housekeeping in the background of a run, and none that drops what another windlass still reads.
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.writeCommitGraph=false",
    "core.logAllRefUpdates=false",
    // One branch is fetched and pushed, as told, whatever the user's habits are.
    "fetch.prune=false",
    "fetch.pruneTags=false",
    "fetch.recurseSubmodules=false",
    "fetch.all=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "push.pushOption=",
    "push.useForceIfIncludes=false",
    // A remote is a place, never a command; what a reviewed file names as one is not run.
    "protocol.ext.allow=never",
    // Messages are read, not looked at.
    "advice.pushUpdateRejected=false",
];

/// Keys of the project repository's own configuration that say how to reach a remote. Our private copy is another
/// repository, so they are handed over: CI checkouts, for example, keep the token in `http.<url>.extraheader` there.
const TRANSPORT: [&str; 8] =
    ["http.", "credential.", "url.", "core.sshcommand", "core.gitproxy", "core.askpass", "ssh.", "protocol."];

/// Whether a key of the project's configuration says how to reach a remote.
pub(super) fn is_transport(key: &str) -> bool {
    TRANSPORT.iter().any(|prefix| if prefix.ends_with('.') { key.starts_with(prefix) } else { key == *prefix })
}

/// Removes and sets variables. `configuration` is added in the environment and not in the arguments, which every
/// user of the machine can read: it may hold a token.
pub(super) fn prepare(command: &mut Command, configuration: &[(String, String)]) {
    let inherited = inherited_configuration();
    for (name, _) in std::env::vars_os() {
        if is_removed(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    // Ask nobody: no terminal, no passphrase. A run must fail at once and not hang.
    command.env("GIT_TERMINAL_PROMPT", "0");
    // Addresses may have a `*` in them, and a damaged branch anything: a path means itself.
    command.env("GIT_LITERAL_PATHSPECS", "1");
    // Messages in English: a few of them are read.
    command.env("LC_ALL", "C");
    let all = inherited.into_iter().chain(configuration.iter().map(|(key, value)| (key.into(), value.into())));
    let mut count = 0_usize;
    for (key, value) in all {
        command.env(format!("GIT_CONFIG_KEY_{count}"), key).env(format!("GIT_CONFIG_VALUE_{count}"), value);
        count += 1;
    }
    if count > 0 {
        command.env("GIT_CONFIG_COUNT", count.to_string());
    }
}

fn is_removed(name: &str) -> bool {
    let foreign = FOREIGN.iter().any(|beginning| name.starts_with(beginning));
    foreign || name.starts_with("GIT_") && !KEPT.contains(&name)
}

/// What `GIT_CONFIG_COUNT` and its pairs say: CI systems hand over credentials in them.
fn inherited_configuration() -> Vec<(OsString, OsString)> {
    let count = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    (0..count.min(1000))
        .filter_map(|index| {
            let key = std::env::var_os(format!("GIT_CONFIG_KEY_{index}"))?;
            Some((key, std::env::var_os(format!("GIT_CONFIG_VALUE_{index}"))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_point_into_a_repository_are_removed_and_ways_to_a_remote_are_kept() {
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_TRACE", "GIT_CONFIG_PARAMETERS"] {
            assert!(is_removed(name), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "WINDLASS_AGE_KEY_FILE", "KUBECONFIG", "HELM_KUBETOKEN"] {
            assert!(is_removed(name), "{name}");
        }
        for name in ["GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO", "HTTPS_PROXY", "HOME"] {
            assert!(!is_removed(name), "{name}");
        }
    }

    #[test]
    fn only_keys_about_the_way_are_handed_over() {
        for key in ["http.https://github.com/.extraheader", "credential.helper", "url.x.insteadof", "core.sshcommand"] {
            assert!(is_transport(key), "{key}");
        }
        for key in ["core.hookspath", "core.fsmonitor", "remote.origin.url", "alias.push", "core.askpassword"] {
            assert!(!is_transport(key), "{key}");
        }
    }

    #[test]
    fn what_is_handed_over_stands_in_the_environment_and_not_in_the_arguments() {
        let mut command = Command::new("git");
        prepare(&mut command, &[(String::from("http.extraheader"), String::from("secret"))]);
        assert_eq!(command.get_args().count(), 0);
        assert!(command.get_envs().any(|(_, value)| value.is_some_and(|value| value == "secret")));
        assert!(command.get_envs().any(|(name, value)| name == "LC_ALL" && value.is_some_and(|value| value == "C")));
    }
}
