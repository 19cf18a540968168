//! Packages, images and overriding files.

use super::super::Packages;
use super::super::read::{nearest, steps};
use super::Rules;

/// The files that a manifest may override, as [`crate::desired`] places them; a test there compares the two.
pub(crate) const FILES: [&str; 22] = [
    "bastion.sh",
    "common.sh",
    "control-plane.sh",
    "etcd-members.sh",
    "etcd.sh",
    "join-token.sh",
    "keys.sh",
    "member.sh",
    "packages.sh",
    "refresh.sh",
    "restore.sh",
    "snapshot.sh",
    "volume.sh",
    "windlass-bootstrap.service",
    "windlass-join-token.service",
    "windlass-join-token.timer",
    "windlass-refresh.service",
    "windlass-refresh.timer",
    "windlass-snapshot.service",
    "windlass-snapshot.timer",
    "worker-refresh.sh",
    "worker.sh",
];

pub(super) fn check(rules: &mut Rules<'_>) {
    let document = rules.document();
    let bootstrap = &rules.spec().bootstrap;
    for (name, text) in &bootstrap.files {
        let path = steps!["spec", "bootstrap", "files", name.as_str()];
        if !FILES.contains(&name.as_str()) {
            let near = nearest(name.as_str(), &FILES).map(|near| format!("did you mean {near:?}? "));
            let finding = rules
                .error(format!("windlass has no file {:?} that could be replaced", name.as_str()))
                .at(document, &path, "")
                .hint(format!("{}there are {}", near.unwrap_or_default(), FILES.join(", ")));
            rules.push(finding);
        } else if name.as_str().ends_with(".sh") && !text.starts_with("#!") {
            rules.wrong(&path, format!("{:?} does not begin with #!: nothing would run it", name.as_str()));
        }
    }
    let images = [
        ("imageRepository", &bootstrap.image_repository),
        ("etcdImageTag", &bootstrap.etcd_image_tag),
        ("dnsImageTag", &bootstrap.dns_image_tag),
        ("sandboxImage", &bootstrap.sandbox_image),
    ];
    for (field, value) in images {
        let Some(value) = value else { continue };
        // What an image's reference may have (OCI distribution specification, "Pulling manifests").
        let good = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
        if value.is_empty() || !value.chars().all(good) || value.contains("://") {
            let message =
                format!("{value:?} is no part of an image's name: expected such as registry.example.com/kubernetes");
            rules.wrong(&steps!["spec", "bootstrap", field], message);
        }
    }
    if let Packages::Apt(apt) = &bootstrap.packages {
        let path = |rest: &str| steps!["spec", "bootstrap", "packages", "apt", rest];
        for (index, source) in apt.sources.iter().enumerate() {
            let at = |field: &str| steps!["spec", "bootstrap", "packages", "apt", "sources", index, field];
            if !source.url.starts_with("https://") || source.url.contains(char::is_whitespace) {
                rules.wrong(&at("url"), format!("{:?} is no address of packages: https:// only", source.url));
            }
            if !source.key.starts_with("-----BEGIN PGP") {
                rules.wrong(&at("key"), "this is no ASCII-armoured PGP public key");
            }
        }
        for (name, version) in &apt.versions {
            // Debian policy, "Source" and "Version".
            let good = |text: &str, more: &str| {
                !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
            };
            if !good(name, "+.-") || !good(version, "+.-~:") {
                rules.wrong(&path("versions"), format!("{name}={version} is no package of a fixed version"));
            }
        }
    }
}
