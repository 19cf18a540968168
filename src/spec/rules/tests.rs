//! Each rule: a change of good manifests → the message with its place.

use super::super::read::tests::{CLUSTER, GROUP, messages, of_cluster, of_group, of_group_with, read_texts, with};

/// The problems of the good cluster with more lines behind its `spec`.
fn of_cluster_with(lines: &str) -> Vec<String> {
    messages(read_texts(&[&format!("{CLUSTER}{lines}"), GROUP]))
}

/// The message without hint of the only problem.
fn only(messages: &[String]) -> &str {
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages[0].split(" | ").next().unwrap_or_default()
}

/// Changes of the good cluster, each with the only message that it gives.
#[track_caller]
fn cluster_cases(cases: &[(&str, &str, &str)]) {
    for (from, to, expected) in cases {
        assert_eq!(only(&of_cluster(from, to)), *expected, "{from} → {to}");
    }
}

/// Fields more in the good group, each with the only message that it gives.
#[track_caller]
fn group_cases(cases: &[(&str, &str)]) {
    for (field, expected) in cases {
        assert_eq!(only(&of_group_with(field)), *expected, "{field}");
    }
}

#[test]
fn names_agree() {
    cluster_cases(&[
        (
            "zone: k8s.foo.bar",
            "zone: foo.com",
            "1:29:11 the cluster's name test.k8s.foo.bar does not lie in the hosted zone foo.com",
        ),
        (
            "env: test",
            "env: not/good",
            r#"1:5:18 "not/good" is no label value: at most 63 of A-Z a-z 0-9 - _ ., at the ends a letter or digit"#,
        ),
    ]);
    assert_eq!(
        only(&of_group("cluster: test", "cluster: prod")),
        "2:6:12 the group belongs to prod.k8s.foo.bar, and not to test.k8s.foo.bar"
    );
    assert_eq!(
        only(&of_group("name: nodes", "name: control-plane-a")),
        r#"2:4:9 the name "control-plane-a" is kept for the control plane's own groups"#
    );
    assert_eq!(only(&messages(read_texts(&[CLUSTER, GROUP, GROUP]))), r#"3:4:9 two node groups are called "nodes""#);
}

#[test]
fn a_cluster_under_another_name_than_its_file_is_refused_once_for_it_and_its_groups() {
    let messages = of_cluster("name: test.k8s.foo.bar", "name: other.k8s.foo.bar");
    assert!(messages[0].starts_with("1:4:9 the cluster is called other.k8s.foo.bar here"), "{messages:#?}");
    assert!(messages[1].starts_with("2:6:12 the group belongs to test.k8s.foo.bar"), "{messages:#?}");
}

#[test]
fn labels_of_nodes_are_those_that_a_kubelet_may_set() {
    group_cases(&[
        (
            "nodeLabels: { node-role.kubernetes.io/admin: \"\" }",
            r#"2:8:48 a node may not give itself the label "node-role.kubernetes.io/admin": its kubelet would not start"#,
        ),
        ("nodeLabels: { \"a b\": x }", r#"2:8:24 "a b" is no label key: its name has 1 to 63 of A-Z a-z 0-9 - _ ."#),
    ]);
    assert_eq!(of_group_with("nodeLabels: { node.kubernetes.io/pool: a, foo.bar/x: b }"), Vec::<String>::new());
}

#[test]
fn ranges_lie_within_and_beside_each_other() {
    cluster_cases(&[
        (
            "cidr: 10.20.0.0/24",
            "cidr: 10.30.0.0/24",
            "1:15:51 subnet public-a (10.30.0.0/24) does not lie within the VPC (10.20.0.0/16)",
        ),
        (
            "cidr: 10.20.1.0/24",
            "cidr: 10.20.0.128/25",
            "1:16:51 subnets public-b (10.20.0.128/25) and public-a (10.20.0.0/24) overlap",
        ),
        (
            "cidr: 10.20.1.0/24",
            "cidr: 10.20.1.0/29",
            "1:16:51 the range of subnet public-b (10.20.1.0/29) is /29, and AWS takes /16 to /28",
        ),
        (
            "{ cidr: 10.20.0.0/16 }",
            "{ cidr: 10.0.0.0/8 }",
            "1:13:18 the VPC's range (10.0.0.0/8) is /8, and AWS takes /16 to /28",
        ),
        (
            "    subnets:",
            "    podCIDR: 10.20.128.0/17\n    subnets:",
            "1:14:14 the pods' range (10.20.128.0/17) overlaps with the VPC (10.20.0.0/16)",
        ),
        (
            "    subnets:",
            "    serviceCIDR: 100.64.0.0/16\n    subnets:",
            "1:14:18 the services' range (100.64.0.0/16) overlaps with the pods' range (100.64.0.0/13)",
        ),
        (
            "    subnets:",
            "    serviceCIDR: 172.16.0.0/30\n    subnets:",
            "1:14:18 the services' range is /30, and Kubernetes takes /12 to /28",
        ),
        (
            "    subnets:",
            "    podCIDR: 172.16.0.0/21\n    subnets:",
            "1:14:14 the pods' range 172.16.0.0/21 has room for 8 nodes of a /24 each, and all groups together have up to 13",
        ),
    ]);
    group_cases(&[("kubelet: { maxPods: 300 }", "2:8:23 300 pods do not fit into a node's /24 of 256 addresses")]);
}

#[test]
fn subnets_are_unique_in_the_region_and_of_the_right_sort() {
    cluster_cases(&[
        ("cidr: 10.20.1.0/24, ", "", "1:16:9 subnet public-b needs a cidr within the VPC's"),
        ("cidr: 10.20.1.0/24,", "id: subnet-0a1b2c3d,", "1:16:49 subnet public-b has an id, but the VPC is a new one"),
        (
            "cidr: 10.20.1.0/24,",
            "cidr: 10.20.1.0/24, id: subnet-0a1b2c3d,",
            "1:16:9 subnet public-b has both cidr and id: one is needed",
        ),
    ]);
    let single = with(CLUSTER, "    subnets:", "    nat: single\n    subnets:");
    let abroad = with(&single, "zone: eu-west-3b, cidr: 10.20.1", "zone: eu-west-1b, cidr: 10.20.1");
    assert_eq!(
        only(&messages(read_texts(&[&abroad, GROUP]))),
        "1:17:33 subnet public-b is in eu-west-1b, which is no zone of eu-west-3"
    );
    let twice = "      - { name: public-a, zone: eu-west-3a, cidr: 10.20.9.0/24, type: public }\n  controlPlane";
    assert_eq!(only(&of_cluster("  controlPlane", twice)), r#"1:21:17 two subnets are called "public-a""#);
}

#[test]
fn new_and_existing_networks_are_not_mixed() {
    let existing = with(CLUSTER, "{ cidr: 10.20.0.0/16 }", "{ id: vpc-0a1b2c3d }");
    let all = messages(read_texts(&[&existing, GROUP]));
    assert_eq!(all.len(), 6, "{all:#?}");
    assert!(all[0].starts_with("1:15:51 subnet public-a has a cidr, but the VPC exists already"), "{all:#?}");
    cluster_cases(&[(
        "    subnets:",
        "    nat: existing\n    subnets:",
        "1:14:10 nat: existing is for an existing VPC, but this one is new",
    )]);
    let ids = |text: &str| {
        let mut text = text.to_owned();
        for (index, range) in ["0.0/24", "1.0/24", "2.0/24", "32.0/19", "64.0/19", "96.0/19"].iter().enumerate() {
            text = with(&text, &format!("cidr: 10.20.{range}"), &format!("id: subnet-0000000{index}"));
        }
        text
    };
    assert_eq!(messages(read_texts(&[&ids(&existing), GROUP])), Vec::<String>::new());
    let nat = with(&ids(&existing), "    subnets:", "    nat: single\n    subnets:");
    assert_eq!(only(&messages(read_texts(&[&nat, GROUP]))), "1:14:10 windlass makes no NAT gateway in a VPC of others");
    let same = with(&ids(&existing), "subnet-00000001", "subnet-00000000");
    assert_eq!(only(&messages(read_texts(&[&same, GROUP]))), r#"1:16:49 two subnets have the id "subnet-00000000""#);
}

#[test]
fn gateways_and_load_balancers_need_subnets_of_their_sort() {
    let no_public_c = "      - { name: public-c, zone: eu-west-3c, cidr: 10.20.2.0/24, type: public }\n";
    assert_eq!(only(&of_cluster(no_public_c, "")), "1:12:3 a NAT gateway in eu-west-3c needs a public subnet there");
    let public = with(CLUSTER, no_public_c, "");
    let public = with(&public, "    subnets:", "    nat: none\n    subnets:");
    let public = format!("{public}  api: {{ loadBalancer: public, allow: [10.0.0.0/8] }}\n");
    assert_eq!(
        only(&messages(read_texts(&[&public, GROUP]))),
        "1:30:24 the API's load balancer needs a public subnet in eu-west-3c, and there is none"
    );
}

#[test]
fn the_way_to_the_api_is_narrow_and_possible() {
    for (lines, expected) in [
        ("  api: { allow: [10.0.0.0/8, 10.0.0.0/8] }\n", "1:30:30 the range 10.0.0.0/8 is allowed twice"),
        (
            "  api: { loadBalancer: none, port: 443 }\n",
            "1:30:36 without a load balancer the port is the members' own, 6443",
        ),
        ("  api: { loadBalancer: public }\n", "1:30:24 the API has a public load balancer that lets nobody in"),
        (
            "  api: { loadBalancer: public, allow: [0.0.0.0/0] }\n",
            "1:30:40 the API is open to the whole internet (0.0.0.0/0)",
        ),
        ("  api: { additionalNames: [a.b, a.b] }\n", "1:30:33 the name a.b is listed twice"),
        ("  api: { port: 0 }\n", "1:30:16 0 is no port"),
    ] {
        assert_eq!(only(&of_cluster_with(lines)), expected, "{lines}");
    }
}

#[test]
fn members_are_an_odd_number_in_distinct_known_subnets() {
    cluster_cases(&[
        ("      - { name: c, subnet: private-c }\n", "", "1:22:5 2 control-plane members: 1, 3 or 5 are possible"),
        (
            "{ name: c, subnet: private-c }",
            "{ name: a, subnet: private-c }",
            r#"1:25:17 two control-plane members are called "a""#,
        ),
        (
            "{ name: c, subnet: private-c }",
            "{ name: c, subnet: private-a }",
            r#"1:25:28 two control-plane members are in subnet "private-a""#,
        ),
        ("{ name: c, subnet: private-c }", "{ name: c, subnet: privat-c }", r#"1:25:28 there is no subnet "privat-c""#),
        (
            "{ name: c, subnet: private-c }",
            "{ name: c, subnet: public-a }",
            "1:25:28 two control-plane members are in eu-west-3a: its failure can take the majority",
        ),
        (
            "subnet: private-a }",
            "subnet: private-a, address: 10.20.64.9 }",
            "1:23:48 10.20.64.9 does not lie in subnet private-a (10.20.32.0/19)",
        ),
        (
            "subnet: private-a }",
            "subnet: private-a, address: 10.20.32.3 }",
            "1:23:48 AWS keeps 10.20.32.3 for itself: the first four addresses of a subnet, and the last one",
        ),
    ]);
}

#[test]
fn etcd_has_room_and_time() {
    cluster_cases(&[
        (
            "    machineType",
            "    etcd: { electionTimeout: 400 }\n    machineType",
            "1:26:30 an election timeout of 400 ms is less than 5 heartbeats of 100 ms",
        ),
        (
            "    machineType",
            "    etcd: { quotaBackendGB: 9 }\n    machineType",
            "1:26:29 9 GiB is not possible: etcd takes 1 to 8",
        ),
        (
            "    machineType",
            "    volumes: { etcd: { size: 10 } }\n    machineType",
            "1:26:30 an etcd volume of 10 GiB is too small for a database of 8 GiB",
        ),
        (
            "    machineType",
            "    etcd: { extraArgs: { --debug: \"1\" } }\n    machineType",
            r#"1:26:35 "--debug" is no name of a flag"#,
        ),
    ]);
}

#[test]
fn volumes_are_what_ebs_takes() {
    group_cases(&[
        ("rootVolume: { size: 8 }", "2:8:23 8 GiB is not possible for this disk: 20 to 65536 for gp3"),
        ("rootVolume: { size: 50, iops: 100 }", "2:8:33 100 iops are not possible: 3000 to 80000 for gp3"),
        ("rootVolume: { size: 50, type: gp2, iops: 100 }", "2:8:44 a gp2 volume takes no iops"),
        ("rootVolume: { size: 50, type: io2 }", "2:8:33 a io2 volume needs iops"),
        ("rootVolume: { size: 50, throughput: 9 }", "2:8:39 9 MiB/s are not possible: 125 to 2000 for gp3"),
        ("rootVolume: { size: 50, type: gp2, throughput: 200 }", "2:8:50 a gp2 volume takes no throughput"),
    ]);
}

#[test]
fn settings_of_kubernetes_fit_each_other() {
    cluster_cases(&[
        ("1.34.2", "1.30.9", "1:11:14 Kubernetes 1.30.9 is too old for windlass: at least 1.31.0"),
        (
            "    version",
            "    controllerManager: { nodeCIDRMaskSize: 8 }\n    version",
            "1:11:44 a node's part of 100.64.0.0/13 cannot be /8",
        ),
        (
            "    version",
            "    apiServer: { oidc: { issuerURL: \"http://x\", clientID: y } }\n    version",
            r#"1:11:37 "http://x" is no issuer: kube-apiserver takes https:// only"#,
        ),
    ]);
    group_cases(&[
        (
            "kubelet: { imageGCLowThresholdPercent: 80 }",
            "2:8:42 images are deleted from 80 % down to 80 %: the second must be less",
        ),
        ("kubelet: { shutdownGracePeriod: 10s }", "2:8:3 critical pods get 15s of a shutdown that takes 10s in all"),
        (
            "kubelet: { kubeReserved: { disk: 1Gi } }",
            r#"2:8:36 "disk" cannot be kept for the system: cpu, memory, ephemeral-storage, pid can"#,
        ),
        (
            "kubelet: { evictionSoft: { memory.available: 1Gi } }",
            r#"2:8:48 the soft signal "memory.available" has no grace period: the kubelet would not start"#,
        ),
        ("kubelet: { maxPods: 0 }", "2:8:23 a node needs room for at least one pod"),
    ]);
}

#[test]
fn records_lie_in_the_zone_and_share_names_by_weight() {
    let record = |record: &str| of_cluster_with(&format!("    records: [{record}]\n"));
    for (text, expected) in [
        (
            "{ name: a.foo.com, values: [b.c] }",
            "1:30:23 the record a.foo.com does not lie in the hosted zone k8s.foo.bar",
        ),
        (
            "{ name: api.test.k8s.foo.bar, values: [b.c] }",
            "1:30:23 windlass makes the record api.test.k8s.foo.bar itself",
        ),
        (
            "{ name: A.k8s.foo.bar, values: [b.c] }",
            r#"1:30:23 "A.k8s.foo.bar" is no DNS name: expected lowercase labels joined by dots, without the last dot"#,
        ),
        ("{ name: a.k8s.foo.bar, values: [b.c, d.e] }", "1:30:38 a CNAME has one value, and a.k8s.foo.bar has 2"),
        ("{ name: k8s.foo.bar, values: [b.c] }", "1:30:23 the name of the zone itself cannot be a CNAME"),
        ("{ name: a.k8s.foo.bar, values: [] }", "1:30:38 the record a.k8s.foo.bar has no value"),
        ("{ name: a.k8s.foo.bar, type: A, values: [b.c] }", r#"1:30:56 "b.c" is no value of a record of type A"#),
        (
            "{ name: a.k8s.foo.bar, type: TXT, values: [hello] }",
            r#"1:30:58 "hello" is no value of a record of type TXT"#,
        ),
        (
            "{ name: a.k8s.foo.bar, ttl: 0, values: [b.c] }",
            "1:30:43 a TTL of 0 seconds is not possible: 1 to 2147483647",
        ),
        (
            "{ name: a.k8s.foo.bar, values: [b.c], weight: { weight: 300 } }",
            "1:30:71 Cluster.spec.dns.records[0].weight.weight: expected a whole number from 0 to 255, found the number 300",
        ),
        (
            "{ name: a.k8s.foo.bar, values: [b.c] }, { name: a.k8s.foo.bar, values: [d.e] }",
            "1:30:63 two records are called a.k8s.foo.bar",
        ),
        (
            "{ name: a.k8s.foo.bar, values: [b.c], weight: { weight: 1 } }, { name: a.k8s.foo.bar, values: [d.e], weight: { weight: 2 } }",
            "1:30:86 two records are called a.k8s.foo.bar",
        ),
    ] {
        assert_eq!(only(&record(text)), expected, "{text}");
    }
    let weighted = |identifier: &str| {
        format!("{{ name: \"*.k8s.foo.bar\", values: [b.c], weight: {{ weight: 1, setIdentifier: {identifier} }} }}")
    };
    assert_eq!(record(&format!("{}, {}", weighted("blue"), weighted("green"))), Vec::<String>::new());
}

#[test]
fn traffic_moves_names_that_are_free() {
    let traffic = |text: &str| {
        of_cluster_with(&format!("    records: [{{ name: a.k8s.foo.bar, values: [b.c] }}]\n    traffic: {text}\n"))
    };
    for (text, expected) in [
        ("{ names: [], target: x.y }", "1:31:16 traffic needs at least one name"),
        (
            "{ names: [a.k8s.foo.bar], target: x.y }",
            "1:31:24 a.k8s.foo.bar is moved by traffic, and is a record of its own",
        ),
        ("{ names: [b.k8s.foo.bar, b.k8s.foo.bar], target: x.y }", "1:31:39 b.k8s.foo.bar is listed twice"),
        ("{ names: [b.k8s.foo.bar], target: b.k8s.foo.bar }", "1:31:24 b.k8s.foo.bar would stand for itself"),
        (
            "{ names: [b.k8s.foo.bar], target: x.y, stepPercent: 0 }",
            "1:31:66 with a step of 0 % no traffic would ever move",
        ),
        (
            "{ names: [b.k8s.foo.bar], target: x.y, weight: 256 }",
            "1:31:61 Cluster.spec.dns.traffic.weight: expected a whole number from 0 to 255, found the number 256",
        ),
    ] {
        assert_eq!(only(&traffic(text)), expected, "{text}");
    }
}

#[test]
fn lifetimes_are_sane() {
    for (lines, expected) in [
        ("  pki: { lifetimes: { leaf: 11y } }\n", "1:30:29 a leaf (11y) would outlive its authority (10y)"),
        (
            "  pki: { lifetimes: { admin: 25h } }\n",
            "1:30:30 a person's kubeconfig cannot be valid for 1d1h: at most 1d",
        ),
        ("  pki: { lifetimes: { leaf: 10m } }\n", "1:30:29 a leaf of 10m is too short: at least 1h"),
        (
            "  pki: { renewAtPercent: 95 }\n",
            "1:30:26 95 % is not possible: certificates are renewed at 10 to 90 % of their life",
        ),
        (
            "  pki: { lifetimes: { skewPercent: 40 } }\n",
            "1:30:36 with a skew of 40 % a leaf can end before it is renewed at 67 %",
        ),
        (
            "  pki: { thresholds: { leaf: [30d, 60d] } }\n",
            "1:30:24 warnings go from the longest remaining life to the shortest",
        ),
        (
            "  pki: { thresholds: { leaf: [2y] } }\n",
            "1:30:24 a warning 2y before the end comes before a life of 1y begins",
        ),
        (
            "  backup: { bucket: Foo_Backups }\n",
            r#"1:30:21 "Foo_Backups" is no name of a bucket: 3 to 63 of a-z 0-9 - ., at the ends a letter or digit"#,
        ),
        ("  backup: { bucket: foo, interval: 1m }\n", "1:30:36 a snapshot every 1m is too often: at least every 5m"),
        (
            "  backup: { bucket: foo, retention: 30m }\n",
            "1:30:37 snapshots are kept for 30m, less than the time between two (1h)",
        ),
    ] {
        let messages = of_cluster_with(lines);
        assert!(messages.iter().any(|message| message.split(" | ").next() == Some(expected)), "{lines}{messages:#?}");
    }
    group_cases(&[
        ("maxInstanceLifetime: 1h", "2:8:24 Auto Scaling replaces instances at an age of 1d to 1y, not 1h"),
        (
            "maxInstanceLifetime: 340d",
            "2:8:24 an instance of 340d can be older than its certificates, which last 328d12h for certain",
        ),
    ]);
}

#[test]
fn groups_refer_to_what_exists() {
    assert_eq!(
        of_group("private-b", "privat-b"),
        [
            r#"2:7:24 there is no subnet "privat-b" | did you mean "private-b"? subnets of the cluster: public-a, public-b, public-c, private-a, private-b, private-c"#
        ]
    );
    assert_eq!(only(&of_group("private-b", "private-a")), "2:7:24 the subnet private-a is listed twice");
    assert_eq!(
        only(&of_group("[private-a, private-b, private-c]", "[]")),
        "2:7:3 a node group needs at least one subnet"
    );
    group_cases(&[
        ("fallback: node", r#"2:8:13 there is no node group "node" to fall back to"#),
        ("fallback: nodes", "2:8:13 nodes cannot be its own fallback"),
        ("userData: { before: [sysctl] }", r#"2:8:24 there is no hook "sysctl""#),
    ]);
    let bastion = of_group_with("role: bastion");
    assert_eq!(bastion.len(), 3, "{bastion:#?}");
    assert!(
        bastion[0].starts_with("2:7:13 a bastion's instances have public addresses, but subnet private-a is private")
    );
}

/// A second group, `spare`, with fields more.
fn spare(fields: &str) -> String {
    with(&with(GROUP, "name: nodes", "name: spare"), "  minSize", &format!("{fields}  minSize"))
}

#[test]
fn fallbacks_end_somewhere_and_take_the_same_pods() {
    let group = with(GROUP, "  minSize", "  fallback: spare\n  minSize");
    assert_eq!(messages(read_texts(&[CLUSTER, &group, &spare("")])), Vec::<String>::new());
    assert_eq!(
        messages(read_texts(&[CLUSTER, &group, &spare("  fallback: nodes\n")])),
        [
            "2:8:13 the fallbacks go round in a circle: nodes → spare → nodes | the last group of a chain has no fallback"
        ]
    );
    assert_eq!(
        only(&messages(read_texts(&[CLUSTER, &group, &spare("  taints: [\"a=b:NoSchedule\"]\n")]))),
        "2:8:13 pods of nodes cannot run in its fallback spare, which has other taints"
    );
}

#[test]
fn machine_types_fit_one_image_and_one_policy() {
    assert_eq!(only(&of_group("[m6i.xlarge]", "[]")), "2:10:3 a node group needs at least one machine type");
    assert_eq!(
        only(&of_group("[m6i.xlarge]", "[m6i.xlarge, m6i.xlarge]")),
        "2:10:30 the machine type m6i.xlarge is listed twice"
    );
    assert_eq!(
        only(&of_group("[m6i.xlarge]", "[m6i.xlarge, m6g.xlarge]")),
        "2:10:30 m6i.xlarge has an x86_64 processor and m6g.xlarge an arm64 one: one image cannot start on both"
    );
    assert_eq!(
        only(&of_group("[m6i.xlarge]", "[m6g.xlarge]")),
        "2:10:18 the group has arm64 processors, and no image of its own: the control plane's is for x86_64"
    );
    let many: Vec<String> = (0..41).map(|number| format!("m{number}i.xlarge")).collect();
    assert_eq!(
        only(&of_group("[m6i.xlarge]", &format!("[{}]", many.join(", ")))),
        "2:10:3 41 machine types: Auto Scaling takes at most 40"
    );
}

#[test]
fn sizes_and_schedules_are_possible() {
    assert_eq!(only(&of_group("minSize: 1", "minSize: 11")), "2:8:12 minSize 11 is more than maxSize 10");
    let schedule = |fields: &str| format!("schedules: [{{ name: night, recurrence: 0 20 * * *, {fields} }}]");
    for (field, expected) in [
        (
            schedule("timeZone: UTC"),
            r#"2:8:15 schedule "night" changes nothing: give minSize, maxSize or desiredCapacity"#,
        ),
        (schedule("minSize: 3, maxSize: 2"), r#"2:8:63 schedule "night": minSize 3 is more than maxSize 2"#),
        (
            schedule("maxSize: 2, desiredCapacity: 3"),
            r#"2:8:83 schedule "night": desiredCapacity 3 is not between minSize and maxSize"#,
        ),
        (schedule("maxSize: 20"), r#"2:8:63 schedule "night": maxSize 20 is more than the group's 10"#),
        (
            schedule("minSize: 0, timeZone: Paris"),
            r#"2:8:76 NodeGroup.spec.schedules[0].timeZone: "Paris" is no time zone of the IANA database, such as Europe/Paris"#,
        ),
        (
            String::from("schedules: [{ name: a, recurrence: 0 20 * *, minSize: 0 }]"),
            r#"2:8:38 NodeGroup.spec.schedules[0].recurrence: "0 20 * *" is no cron expression: it has 4 fields, and 5 are needed (minute hour day month weekday)"#,
        ),
    ] {
        assert_eq!(only(&of_group_with(&field)), expected, "{field}");
    }
    let twice = schedule("minSize: 0").replace("}]", "}, { name: night, recurrence: 0 7 * * *, minSize: 1 }]");
    assert_eq!(only(&of_group_with(&twice)), r#"2:8:76 two schedules are called "night""#);
}

/// Enough types of 4 CPUs for a spot group without a warning.
const TYPES: &str = "machineTypes: [m5.xlarge, m5a.xlarge, m5n.xlarge, m5d.xlarge, m6i.xlarge, m6a.xlarge, m6id.xlarge, \
                     m7i.xlarge, m7a.xlarge, r5.xlarge, r6i.xlarge, r6a.xlarge]";

/// The messages of a spot group with a fallback.
fn of_spot(types: &str, fields: &str) -> Vec<String> {
    let group = with(GROUP, "machineTypes: [m6i.xlarge]", types);
    let group = format!("{group}  fallback: spare\n{fields}");
    messages(read_texts(&[CLUSTER, &group, &spare("")]))
}

#[test]
fn spot_groups_are_bought_wisely() {
    assert_eq!(of_spot(TYPES, "  mixedInstances: {}\n"), Vec::<String>::new());
    for (types, fields, expected) in [
        (
            "machineTypes: [m5.xlarge]",
            "  mixedInstances: {}\n",
            "2:10:3 nodes buys spot instances of 1 types: at least 12 are wise",
        ),
        (
            TYPES,
            "  mixedInstances: { maxPrice: free }\n",
            r#"2:12:31 "free" is no price: expected dollars an hour, such as "0.25""#,
        ),
        (
            TYPES,
            "  mixedInstances: { onDemandPercentageAboveBase: 100, maxPrice: \"1\" }\n",
            "2:12:65 maxPrice is for spot instances, and all of this group are on demand",
        ),
        (
            TYPES,
            "  mixedInstances: { onDemandPercentageAboveBase: 101 }\n",
            "2:12:50 NodeGroup.spec.mixedInstances.onDemandPercentageAboveBase: 101 is no percentage: it is more than 100",
        ),
        (
            TYPES,
            "  mixedInstances: {}\n  warmPool: {}\n",
            "2:13:3 a group that buys spot instances can have no warm pool",
        ),
        (TYPES, "  mixedInstances: {}\n  role: admin\n", "2:12:3 nodes has role admin and buys spot instances"),
    ] {
        assert_eq!(only(&of_spot(types, fields)), expected, "{fields}");
    }
    let alone = with(GROUP, "machineTypes: [m6i.xlarge]", &format!("{TYPES}\n  mixedInstances: {{}}"));
    assert_eq!(only(&messages(read_texts(&[CLUSTER, &alone]))), "2:11:3 nodes buys spot instances and has no fallback");
}

#[test]
fn capacity_is_not_fragmented() {
    assert_eq!(
        only(&of_group("[m6i.xlarge]", "[m6i.xlarge, m6i.2xlarge]")),
        "2:10:30 nodes mixes types of unequal CPUs: m6i.xlarge has 4, m6i.2xlarge has 8"
    );
    assert_eq!(
        only(&of_group("[private-a, private-b, private-c]", "[private-a]")),
        "2:7:3 nodes is in one zone only, eu-west-3a"
    );
    let group = |number: usize| {
        let text = with(GROUP, "name: nodes", &format!("name: nodes-{number}"));
        with(&text, "  minSize", "  application: shop\n  minSize")
    };
    let five: Vec<String> = (0..5).map(group).collect();
    let five = five.join("---\n");
    assert_eq!(
        only(&messages(read_texts(&[CLUSTER, &five]))),
        "2:56:16 shop has 5 node groups: more than 4 split its capacity"
    );
}

#[test]
fn warm_pools_and_rolling_leave_room() {
    group_cases(&[
        ("warmPool: { minSize: 11 }", "2:8:24 a warm pool of at least 11 instances, where at most 10 are prepared"),
        (
            "rolling: { maxSurge: 0, maxUnavailable: 0% }",
            "2:8:43 with neither maxSurge nor maxUnavailable no node could ever be replaced",
        ),
        (
            "rolling: { gates: [{ http: example.com }] }",
            r#"2:8:30 "example.com" is no URL: expected http:// or https://"#,
        ),
        (
            "rolling: { maxSurge: many }",
            r#"2:8:24 NodeGroup.spec.rolling.maxSurge: "many" is neither a number nor a percentage such as "10%""#,
        ),
        (
            "rolling: { maintenanceWindows: [{ start: 0 2 * * *, duration: 8d }] }",
            "2:8:65 a maintenance window of 8d is not possible: up to 7d",
        ),
        ("managedPolicies: [ReadOnly]", r#"2:8:21 "ReadOnly" is no ARN of a managed policy"#),
    ]);
}

#[test]
fn tags_are_few_short_and_free() {
    group_cases(&[
        ("tags: { \"aws:x\": y }", r#"2:8:20 the tag "aws:x" is reserved: keys that begin with aws: are not yours"#),
        (
            "tags: { windlass.dev/x: y }",
            r#"2:8:27 the tag "windlass.dev/x" is reserved: keys that begin with windlass.dev/ are not yours"#,
        ),
        ("tags: { Name: y }", "2:8:17 windlass names its objects itself: the tag Name cannot be set"),
        (
            "tags: { a: \"b;c\" }",
            "2:8:14 the tag \"a\" has ';', but only letters, digits, spaces and _.:/=+-@ are allowed",
        ),
    ]);
    let many: Vec<String> = (0..43).map(|number| format!("t{number}: x")).collect();
    let messages = of_group_with(&format!("tags: {{ {} }}", many.join(", ")));
    assert_eq!(
        messages,
        ["2:8:3 node group nodes: 51 tags, and AWS takes 50 | 43 given, 0 for labels and taints, 8 of windlass' own"]
    );
}

#[test]
fn hooks_can_run() {
    assert_eq!(
        only(&of_cluster_with("  hooks: { a: echo }\n")),
        r##"1:30:15 hook "a" does not begin with #!: nothing would run it"##
    );
}

#[test]
fn a_bootstrap_replaces_files_that_exist_and_pins_what_it_installs() {
    let of = |lines: &str| of_cluster_with(&format!("  bootstrap:\n{lines}"));
    assert_eq!(
        only(&of("    files: { members.sh: \"#!/bin/sh\" }\n")),
        r#"1:31:26 windlass has no file "members.sh" that could be replaced"#
    );
    assert!(of("    files: { members.sh: \"#!/bin/sh\" }\n")[0].contains(r#"did you mean "member.sh"?"#));
    assert_eq!(
        only(&of("    files: { member.sh: echo }\n")),
        r#"1:31:25 "member.sh" does not begin with #!: nothing would run it"#
    );
    assert_eq!(
        only(&of("    imageRepository: https://registry.foo.bar\n")),
        r#"1:31:22 "https://registry.foo.bar" is no part of an image's name: expected such as registry.example.com/kubernetes"#
    );
    let apt = "    packages:\n      apt:\n        versions: { kubelet: 1.34.2-1.1 }\n        sources: [{ name: k, url: http://foo.bar, key: x }]\n";
    let messages = of(apt);
    assert!(messages[0].contains(r#""http://foo.bar" is no address of packages: https:// only"#), "{messages:#?}");
    assert!(messages[1].contains("this is no ASCII-armoured PGP public key"), "{messages:#?}");
    assert_eq!(of("    packages: none\n    sandboxImage: registry.foo.bar/pause:3.10\n"), Vec::<String>::new());
}

#[test]
fn a_flag_that_nobody_documents_is_a_warning_with_the_nearest_one() {
    let flag = |component: &str, flag: &str| {
        let lines = format!("version: 1.34.2\n    {component}: {{ extraArgs: {{ {flag}: \"1\" }} }}");
        of_cluster("version: 1.34.2", &lines)
    };
    assert_eq!(
        flag("apiServer", "audit-log-maxagee"),
        [r#"1:12:50 unknown flag "audit-log-maxagee" of kube-apiserver | did you mean "audit-log-maxage"?"#]
    );
    assert_eq!(flag("kubelet", "max-open-files"), Vec::<String>::new());
    assert_eq!(
        only(&flag("kubeProxy", "cleanup")),
        r#"1:12:40 kube-proxy's configuration file has no field for the flag "cleanup""#
    );
}

/// The messages of the good cluster with these add-ons, whose list begins in line 32.
fn of_addons(lines: &str) -> Vec<String> {
    of_cluster_with(&format!("  addons:\n{lines}"))
}

#[test]
fn addons_have_names_of_their_own() {
    let addons = of_addons("    - { name: dns }\n    - { name: dns }\n");
    assert_eq!(only(&addons), r#"1:32:15 two add-ons are called "dns""#);
    assert_eq!(
        only(&of_addons("    - { name: DNS }\n")),
        r#"1:31:15 add-on "DNS": "DNS" has 'D', but only a-z, 0-9 and - are allowed"#
    );
    assert_eq!(
        only(&of_addons("    - { name: dns, namespace: kube_system }\n")),
        r#"1:31:31 add-on "dns": "kube_system" has '_', but only a-z, 0-9 and - are allowed"#
    );
}

#[test]
fn addons_need_others_that_are_there_and_on() {
    assert_eq!(
        of_addons("    - { name: flannel }\n    - { name: autoscaler, needs: [flanel] }\n"),
        [
            r#"1:32:35 there is no add-on "flanel" | did you mean "flannel"? add-ons of the cluster: flannel, autoscaler"#
        ]
    );
    assert_eq!(
        of_addons("    - { name: flannel, enabled: false }\n    - { name: autoscaler, needs: [flannel] }\n"),
        [
            r#"1:32:35 "autoscaler" needs "flannel", which is switched off | switch "flannel" on, or "autoscaler" off, too"#
        ]
    );
    let off = "    - { name: flannel, enabled: false }\n    - { name: autoscaler, enabled: false, needs: [flannel] }\n";
    assert_eq!(of_addons(off), Vec::<String>::new());
    assert_eq!(
        only(&of_addons("    - { name: flannel }\n    - { name: autoscaler, needs: [flannel, flannel] }\n")),
        r#"1:32:44 the add-on "flannel" is needed twice"#
    );
}

#[test]
fn addons_do_not_wait_for_each_other() {
    let circle = |lines: &str| of_addons(lines).join("\n");
    assert_eq!(
        circle(
            "    - { name: a, needs: [b] }\n    - { name: b, needs: [c] }\n    - { name: c, needs: [d, a] }\n    - { name: d }\n"
        ),
        "1:31:18 the add-ons need each other in a circle: a → b → c → a | what is needed has to be healthy first: \
         take one of them out of `needs`"
    );
    assert_eq!(
        circle("    - { name: a, needs: [a] }\n"),
        "1:31:18 the add-ons need each other in a circle: a → a | what is needed has to be healthy first: take one of \
         them out of `needs`"
    );
    let diamond = "    - { name: a, needs: [b, c] }\n    - { name: b, needs: [d] }\n    - { name: c, needs: [d] }\n    - { name: d }\n";
    assert_eq!(of_addons(diamond), Vec::<String>::new());
}

#[test]
fn charts_are_exact_and_come_from_where_they_say() {
    let chart = |repository: &str, name: &str, version: &str| {
        of_addons(&format!(
            "    - name: ingress\n      chart:\n        repository: {repository}\n        name: {name}\n        version: \"{version}\"\n        values: {{ a: [1, null], b: {{ c: true }} }}\n"
        ))
        .join("\n")
    };
    for version in ["4.13.0", "v1.16.2", "1.0.0-rc.1+build-5"] {
        assert_eq!(chart("https://charts.foo.bar", "ingress-nginx", version), "", "{version}");
    }
    for version in ["latest", "^4.13.0", "4.x", "4.13", "1.0.0-", ">= 1.0.0", "1.0.0 - 2.0.0"] {
        assert_eq!(
            chart("oci://foo.bar/charts", "ingress-nginx", version),
            format!(
                "1:35:18 {version:?} is no exact version of a chart | write the three numbers, such as 4.13.0: the same \
                 manifests give the same cluster"
            )
        );
    }
    assert_eq!(
        chart("http://charts.foo.bar", "ingress-nginx", "1.0.0"),
        r#"1:33:21 "http://charts.foo.bar" is no repository of charts: expected https://… or oci://…"#
    );
    assert_eq!(
        chart("https://me:word@charts.foo.bar", "ingress-nginx", "1.0.0"),
        "1:33:21 the URL of the chart's repository has credentials in it | run `helm registry login` or `helm repo add` \
         where windlass runs"
    );
    assert_eq!(
        chart("https://charts.foo.bar", "../x", "1.0.0"),
        r#"1:34:15 "../x" is no name of a chart: expected a word, such as ingress-nginx"#
    );
}

#[test]
fn what_a_repair_put_there_is_not_reported() {
    // The wrong account is replaced for reading on; the broken rule elsewhere is still found.
    let cluster = with(CLUSTER, "\"123456789012\"", "\"1\"");
    let cluster = with(&cluster, "{ name: c, subnet: private-c }", "{ name: c, subnet: privat-c }");
    let found = messages(read_texts(&[&cluster, GROUP]));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[1].contains("there is no subnet"), "{found:#?}");
    // A size that could not be read breaks no rule about sizes.
    assert_eq!(of_group("maxSize: 10", "maxSize: ten").len(), 1);
}
