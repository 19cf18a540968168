//! The bootstrap of instances, with real tools: what cloud-init, shellcheck, systemd, openssl and etcd say of the files
//! that windlass makes, and what the scripts do in a scratch root.
//!
//! A tool that is missing is a failure that says what to install, never a test that is left out.

mod document;
mod etcd;
mod keys;
mod machine;
mod metadata;
mod scripts;
mod worker;

use std::collections::BTreeMap;

use windlass::desired::{Facts, HostedZone, Image, Keys, desired};
use windlass::name::ClusterName;
use windlass::render::Rendered;
use windlass::resource::{Address, Resource};
use windlass::spec;

/// The cluster of these tests.
pub const CLUSTER: &str = "test.k8s.foo.bar";

/// windlass' own smallest manifests with everything that the bootstrap takes from one.
pub fn manifests() -> String {
    let text = spec::minimal().replacen(
        "  dns:\n",
        "  backup: { bucket: foo-backups, interval: 2h, kmsKey: alias/backups }\n  \
           hooks:\n    \
             first: |\n      #!/bin/sh\n      echo first >> \"$WINDLASS_ROOT/hooks-ran\"\n    \
             last: |\n      #!/bin/sh\n      echo last >> \"$WINDLASS_ROOT/hooks-ran\"\n  \
           dns:\n",
        1,
    );
    let text = text.replacen(
        "    machineType: m6i.large\n",
        "    machineType: m6i.large\n    userData: { before: [first], after: [last] }\n",
        1,
    );
    format!("{text}  userData: {{ before: [first], after: [last] }}\n  taints: [\"dedicated=web:NoSchedule\"]\n")
}

/// The user data in the launch template of that name.
pub fn user_data(manifests: &str, template: &str) -> String {
    let cluster: ClusterName = CLUSTER.parse().expect("a cluster name");
    let specification = spec::read(&Rendered::from_texts(cluster, [("1.yaml", manifests)]));
    let specification = specification.unwrap_or_else(|problems| panic!("{problems}"));
    let image = Image { id: String::from("ami-0a1b2c3d4e5f60718"), root_device: String::from("/dev/xvda") };
    let name = specification.cluster.spec.control_plane.image.to_string();
    let facts = Facts {
        account: String::from("123456789012"),
        region: String::from("eu-west-3"),
        zones: ["a", "b", "c"].map(|letter| format!("eu-west-3{letter}")).to_vec(),
        hosted_zone: Some(HostedZone {
            id: String::from("Z0123456789ABCDEFGHIJ"),
            name: specification.cluster.spec.dns.zone.to_string(),
            private: false,
        }),
        images: BTreeMap::from([(name, image)]),
        network: None,
        keys: Keys::default(),
    };
    let (resources, _) = desired(&specification, &facts).unwrap_or_else(|problems| panic!("{problems}"));
    let address: Address = format!("launch-template/{template}").parse().expect("an address");
    match &resources[&address] {
        Resource::LaunchTemplate(template) => template.user_data.clone(),
        other => panic!("{address} is no launch template: {other:?}"),
    }
}

/// The files in user data: path → permissions, content.
pub fn files(user_data: &str) -> BTreeMap<String, (u32, String)> {
    let document: serde_json::Value = serde_saphyr::from_str(user_data).expect("cloud-init's document is YAML");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let files = document["write_files"].as_array().expect("a list of files");
    files
        .iter()
        .map(|file| {
            let mode = u32::from_str_radix(&text(&file["permissions"]), 8).expect("octal permissions");
            (text(&file["path"]), (mode, text(&file["content"])))
        })
        .collect()
}
