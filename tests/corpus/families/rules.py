"""Rules that look at more than one field of the manifests: each change of the good ones breaks one."""

from .case import Case, good

CLUSTER = "templates/1_cluster.yaml.j2"
GROUP = "templates/2_nodes.yaml.j2"

# A part of the good cluster, what stands there instead, and what is said at the mark.
CLUSTERS = [
    ("zone-of-others", "zone: k8s.foo.bar", "zone: ⟨foo.com", "does not lie in the hosted zone foo.com"),
    ("label", "env: test", "env: ⟨not/good", '"not/good" is no label value'),
    ("other-name", "name: test.k8s.foo.bar", "name: ⟨other.k8s.foo.bar", "the cluster is called other.k8s.foo.bar here"),
    ("outside", "cidr: 10.20.0.0/24", "cidr: ⟨10.30.0.0/24", "does not lie within the VPC (10.20.0.0/16)"),
    ("overlap", "cidr: 10.20.1.0/24", "cidr: ⟨10.20.0.128/25", "and public-a (10.20.0.0/24) overlap"),
    ("same-range", "cidr: 10.20.64.0/19", "cidr: ⟨10.20.32.0/19", "and private-a (10.20.32.0/19) overlap"),
    ("narrow-subnet", "cidr: 10.20.1.0/24", "cidr: ⟨10.20.1.0/29", "is /29, and AWS takes /16 to /28"),
    ("wide-vpc", "{ cidr: 10.20.0.0/16 }", "{ cidr: ⟨10.0.0.0/8 }", "is /8, and AWS takes /16 to /28"),
    ("host-bits", "{ cidr: 10.20.0.0/16 }", "{ cidr: ⟨10.20.3.0/16 }", "did you mean 10.20.0.0/16"),
    ("no-range", "{ cidr: 10.20.0.0/16 }", "{ cidr: ⟨10.20.0.0 }", "10.20.0.0"),
    ("ipv6", "{ cidr: 10.20.0.0/16 }", '{ cidr: ⟨"fd00::/16" }', "fd00::/16"),
    ("pods", "    subnets:", "    podCIDR: ⟨10.20.128.0/17\n    subnets:", "overlaps with the VPC (10.20.0.0/16)"),
    ("services", "    subnets:", "    serviceCIDR: ⟨100.64.0.0/16\n    subnets:", "overlaps with the pods' range"),
    ("few-services", "    subnets:", "    serviceCIDR: ⟨172.16.0.0/30\n    subnets:", "Kubernetes takes /12 to /28"),
    ("few-pods", "    subnets:", "    podCIDR: ⟨172.16.0.0/21\n    subnets:", "has room for 8 nodes of a /24 each"),
    ("no-cidr", "- { name: public-b, zone: eu-west-3b, cidr: 10.20.1.0/24,", "- ⟨{ name: public-b, zone: eu-west-3b,",
     "subnet public-b needs a cidr within the VPC's"),
    ("id-in-new-vpc", "cidr: 10.20.1.0/24,", "id: ⟨subnet-0a1b2c3d,", "has an id, but the VPC is a new one"),
    ("id-and-cidr", "- { name: public-b, zone: eu-west-3b, cidr: 10.20.1.0/24,",
     "- ⟨{ name: public-b, zone: eu-west-3b, cidr: 10.20.1.0/24, id: subnet-0a1b2c3d,", "has both cidr and id"),
    ("subnet-twice", "name: public-b,", "name: ⟨public-a,", 'two subnets are called "public-a"'),
    ("zone-abroad", "zone: eu-west-3b, cidr: 10.20.1", "zone: ⟨eu-west-1b, cidr: 10.20.1", "which is no zone of eu-west-3"),
    ("existing-nat", "    subnets:", "    nat: ⟨existing\n    subnets:", "nat: existing is for an existing VPC"),
    ("existing-vpc", "{ cidr: 10.20.0.0/16 }", "{ id: vpc-0a1b2c3d }", None),
    ("no-public", "      - { name: public-c, zone: eu-west-3c, cidr: 10.20.2.0/24, type: public }\n", "", None),
    ("range-twice", "  dns:", "  api: { allow: [10.0.0.0/8, ⟨10.0.0.0/8] }\n  dns:", "the range 10.0.0.0/8 is allowed twice"),
    ("port", "  dns:", "  api: { loadBalancer: none, port: ⟨443 }\n  dns:", "the port is the members' own, 6443"),
    ("nobody", "  dns:", "  api: { loadBalancer: ⟨public }\n  dns:", "a public load balancer that lets nobody in"),
    ("everybody", "  dns:", "  api: { loadBalancer: public, allow: [⟨0.0.0.0/0] }\n  dns:", "open to the whole internet"),
    ("name-twice", "  dns:", "  api: { additionalNames: [a.b, ⟨a.b] }\n  dns:", "the name a.b is listed twice"),
    ("port-0", "  dns:", "  api: { port: ⟨0 }\n  dns:", "0 is no port"),
    ("port-65536", "  dns:", "  api: { port: ⟨65536 }\n  dns:", "a whole number from 0 to 65535"),
    ("two-members", "      - { name: c, subnet: private-c }\n", "", None),
    ("member-twice", "{ name: c, subnet: private-c }", "{ name: ⟨a, subnet: private-c }", 'members are called "a"'),
    ("one-subnet", "{ name: c, subnet: private-c }", "{ name: c, subnet: ⟨private-a }", 'are in subnet "private-a"'),
    ("no-subnet", "{ name: c, subnet: private-c }", "{ name: c, subnet: ⟨privat-c }", 'there is no subnet "privat-c"'),
    ("one-zone", "{ name: c, subnet: private-c }", "{ name: c, subnet: ⟨public-a }", "its failure can take the majority"),
    ("address", "subnet: private-a }", "subnet: private-a, address: ⟨10.20.64.9 }", "does not lie in subnet private-a"),
    ("kept-address", "subnet: private-a }", "subnet: private-a, address: ⟨10.20.32.3 }", "AWS keeps 10.20.32.3 for itself"),
    ("election", "    machineType", "    etcd: { electionTimeout: ⟨400 }\n    machineType", "less than 5 heartbeats of 100 ms"),
    ("quota", "    machineType", "    etcd: { quotaBackendGB: ⟨9 }\n    machineType", "etcd takes 1 to 8"),
    ("etcd-volume", "    machineType", "    volumes: { etcd: { size: ⟨10 } }\n    machineType", "an etcd volume of 10 GiB is too small"),
    ("etcd-flag", "    machineType", '    etcd: { extraArgs: { --debug: ⟨"1" } }\n    machineType', '"--debug" is no name of a flag'),
    ("old", "1.34.2", "⟨1.30.9", "is too old for windlass: at least 1.31.0"),
    ("version-as-number", "1.34.2", "⟨1.34", "put it in quotes"),
    ("version-as-word", "1.34.2", "⟨latest", "is no Kubernetes version"),
    ("mask", "    version", "    controllerManager: { nodeCIDRMaskSize: ⟨8 }\n    version", "cannot be /8"),
    ("issuer", "    version", '    apiServer: { oidc: { issuerURL: ⟨"http://x", clientID: y } }\n    version', "kube-apiserver takes https:// only"),
    ("minutes", "    version", "    controllerManager: { nodeMonitorGracePeriod: ⟨5 minutes }\n    version", "expected such as 30m, 1h30m, 90d or 10y"),
    ("flag", "    version", '    apiServer: { extraArgs: { audit-log-maxagee: ⟨"1" } }\n    version', 'did you mean "audit-log-maxage"?'),
    ("account-number", '"123456789012"', "⟨123456789012", "put it in quotes"),
    ("short-account", '"123456789012"', '⟨"12345"', "12345"),
    ("region", "region: eu-west-3", "region: ⟨europe", "is no region: expected a name such as eu-west-3"),
    ("machine", "m6i.large", "⟨large", "large"),
    ("image", "{ ssm: /foo", "{ ⟨smm: /foo", 'did you mean "ssm"? valid fields: id, ssm, search'),
    ("two-images", "    image: { ssm: /foo/images/kubernetes }", "    ⟨image: { ssm: /foo/images/kubernetes, id: ami-0a1b2c3d }", "expected exactly one of id, ssm, search"),
    ("hook", "  dns:", "  hooks: { a: ⟨echo }\n  dns:", "does not begin with #!"),
    ("bootstrap-file", "  dns:", '  bootstrap: { files: { members.sh: ⟨"#!/bin/sh" } }\n  dns:', 'did you mean "member.sh"?'),
    ("repository", "  dns:", "  bootstrap: { imageRepository: ⟨https://registry.foo.bar }\n  dns:", "is no part of an image's name"),
    ("leaf-too-long", "  dns:", "  pki: { lifetimes: { leaf: ⟨11y } }\n  dns:", "would outlive its authority (10y)"),
    ("person-too-long", "  dns:", "  pki: { lifetimes: { admin: ⟨25h } }\n  dns:", "at most 1d"),
    ("leaf-too-short", "  dns:", "  pki: { lifetimes: { leaf: ⟨10m } }\n  dns:", "at least 1h"),
    ("renew", "  dns:", "  pki: { renewAtPercent: ⟨95 }\n  dns:", "at 10 to 90 % of their life"),
    ("thresholds", "  dns:", "  pki: { thresholds: { ⟨leaf: [30d, 60d] } }\n  dns:", "from the longest remaining life to the shortest"),
    ("bucket", "  dns:", "  backup: { bucket: ⟨Foo_Backups }\n  dns:", "is no name of a bucket"),
    ("often", "  dns:", "  backup: { bucket: foo, interval: ⟨1m }\n  dns:", "at least every 5m"),
    ("retention", "  dns:", "  backup: { bucket: foo, retention: ⟨30m }\n  dns:", "less than the time between two (1h)"),
    ("add-on-twice", "- { name: web }", "- { name: web }\n    - { name: ⟨web }", 'two add-ons are called "web"'),
    ("add-on-name", "- { name: web }", "- { name: ⟨WEB }", "only a-z, 0-9 and - are allowed"),
    ("add-on-path", "- { name: web }", "- { name: ⟨../web }", "only a-z, 0-9 and - are allowed"),
    ("add-on-needs", "- { name: web }", "- { name: web, needs: [⟨wob] }", 'there is no add-on "wob"'),
    ("add-on-circle", "- { name: web }", "- { name: web, ⟨needs: [web] }", "need each other in a circle"),
    ("add-on-absent", "- { name: web }", "- { name: ⟨wab }", "wab"),
    ("chart-version", "- { name: web }", "- { name: web, chart: { repository: https://a.b, name: c, version: ⟨latest } }", "is no exact version of a chart"),
    ("chart-http", "- { name: web }", "- { name: web, chart: { repository: ⟨http://a.b, name: c, version: 1.0.0 } }", "is no repository of charts"),
    ("chart-path", "- { name: web }", "- { name: web, chart: { repository: https://a.b, name: ⟨../c, version: 1.0.0 } }", "is no name of a chart"),
    ("chart-values", "- { name: web }", "- { name: web, chart: { repository: https://a.b, name: c, version: 1.0.0, values: ⟨5 } }", "values"),
    ("kind", "kind: Cluster", "kind: ⟨Clutser", 'unknown kind "Clutser"'),
    ("api-version", "windlass/v1", "⟨windlass/v2", 'did you mean "windlass/v1"?'),
    ("homoglyph", "  kubernetes:\n", "  ⟨kubernetеs:\n", "unknown field"),
    ("wide-blank", "    zone: k8s", "    ⟨zone\u3000: k8s", "unknown field"),
    ("zero-width", "    zone: k8s", "    ⟨zo\u200bne: k8s", "unknown field"),
]

# The same of records: fields of one, in a list of their own.
RECORDS = [
    ("elsewhere", "{ name: ⟨a.foo.com, values: [b.c] }", "does not lie in the hosted zone k8s.foo.bar"),
    ("own", "{ name: ⟨api.test.k8s.foo.bar, values: [b.c] }", "windlass makes the record api.test.k8s.foo.bar itself"),
    ("capitals", "{ name: ⟨A.k8s.foo.bar, values: [b.c] }", "is no DNS name"),
    ("last-dot", "{ name: ⟨a.k8s.foo.bar., values: [b.c] }", "is no DNS name"),
    ("two-values", "{ name: a.k8s.foo.bar, ⟨values: [b.c, d.e] }", "a CNAME has one value"),
    ("apex", "{ name: ⟨k8s.foo.bar, values: [b.c] }", "the name of the zone itself cannot be a CNAME"),
    ("no-value", "{ name: a.k8s.foo.bar, ⟨values: [] }", "has no value"),
    ("address", "{ name: a.k8s.foo.bar, type: A, values: [⟨b.c] }", "is no value of a record of type A"),
    ("text", "{ name: a.k8s.foo.bar, type: TXT, values: [⟨hello] }", "is no value of a record of type TXT"),
    ("type", "{ name: a.k8s.foo.bar, type: ⟨ALIAS, values: [b.c] }", "ALIAS"),
    ("ttl", "{ name: a.k8s.foo.bar, ttl: ⟨0, values: [b.c] }", "a TTL of 0 seconds is not possible"),
    ("weight", "{ name: a.k8s.foo.bar, values: [b.c], weight: { weight: ⟨300 } }", "a whole number from 0 to 255"),
    ("twice", "{ name: a.k8s.foo.bar, values: [b.c] }, { name: ⟨a.k8s.foo.bar, values: [d.e] }", "two records are called"),
]

# Fields more of the good group.
GROUPS = [
    ("node-role", 'nodeLabels: { node-role.kubernetes.io/admin: ⟨"" }', "a node may not give itself the label"),
    ("label-key", 'nodeLabels: { "a b": ⟨x }', "is no label key"),
    ("pods", "kubelet: { maxPods: ⟨300 }", "300 pods do not fit into a node's /24"),
    ("no-pods", "kubelet: { maxPods: ⟨0 }", "at least one pod"),
    ("images", "kubelet: { imageGCLowThresholdPercent: ⟨80 }", "the second must be less"),
    ("shutdown", "⟨kubelet: { shutdownGracePeriod: 10s }", "critical pods get 15s of a shutdown that takes 10s"),
    ("reserved", "kubelet: { kubeReserved: { disk: ⟨1Gi } }", "cannot be kept for the system"),
    ("soft", "kubelet: { evictionSoft: { memory.available: ⟨1Gi } }", "has no grace period"),
    ("small-disk", "rootVolume: { size: ⟨8 }", "20 to 65536 for gp3"),
    ("iops", "rootVolume: { size: 50, iops: ⟨100 }", "3000 to 80000 for gp3"),
    ("gp2-iops", "rootVolume: { size: 50, type: gp2, iops: ⟨100 }", "a gp2 volume takes no iops"),
    ("io2", "rootVolume: { size: 50, type: ⟨io2 }", "a io2 volume needs iops"),
    ("throughput", "rootVolume: { size: 50, throughput: ⟨9 }", "125 to 2000 for gp3"),
    ("life", "maxInstanceLifetime: ⟨1h", "at an age of 1d to 1y"),
    ("fallback", "fallback: ⟨node", 'there is no node group "node" to fall back to'),
    ("own-fallback", "fallback: ⟨nodes", "cannot be its own fallback"),
    ("hook", "userData: { before: [⟨sysctl] }", 'there is no hook "sysctl"'),
    ("taint", 'taints: [⟨"a:Sometimes"]', "the effect is NoSchedule, PreferNoSchedule or NoExecute"),
    ("warm", "warmPool: { minSize: ⟨11 }", "at most 10 are prepared"),
    ("roll", "rolling: { maxSurge: 0, maxUnavailable: ⟨0% }", "no node could ever be replaced"),
    ("share", "rolling: { maxSurge: ⟨many }", "neither a number nor a percentage"),
    ("gate", "rolling: { gates: [{ http: ⟨example.com }] }", "expected http:// or https://"),
    ("window", "rolling: { maintenanceWindows: [{ start: 0 2 * * *, duration: ⟨8d }] }", "up to 7d"),
    ("policy", "managedPolicies: [⟨ReadOnly]", "is no ARN of a managed policy"),
    ("aws-tag", 'tags: { "aws:x": ⟨y }', "keys that begin with aws: are not yours"),
    ("own-tag", "tags: { windlass.dev/x: ⟨y }", "keys that begin with windlass.dev/ are not yours"),
    ("name-tag", "tags: { Name: ⟨y }", "the tag Name cannot be set"),
    ("tag", 'tags: { a: ⟨"b;c" }', "the tag \"a\" has ';'"),
    ("role", "role: ⟨nodes", 'did you mean "node"?'),
    ("schedule", "schedules: [⟨{ name: night, recurrence: 0 20 * * *, timeZone: UTC }]", "changes nothing"),
    ("schedule-sizes", "schedules: [{ name: night, recurrence: 0 20 * * *, minSize: ⟨3, maxSize: 2 }]", "is more than maxSize 2"),
    ("time-zone", "schedules: [{ name: a, recurrence: 0 20 * * *, minSize: 0, timeZone: ⟨Paris }]", "is no time zone"),
    ("cron", "schedules: [{ name: a, recurrence: ⟨0 20 * *, minSize: 0 }]", "it has 4 fields, and 5 are needed"),
    ("cron-minute", "schedules: [{ name: a, recurrence: ⟨61 20 * * *, minSize: 0 }]", "61"),
    ("spot", "⟨mixedInstances: {}", "buys spot instances"),
    ("percentage", "mixedInstances: { onDemandPercentageAboveBase: ⟨101 }", "it is more than 100"),
    ("yes", "mixedInstances: { onDemandBase: ⟨yes }", "expected a whole number"),
    ("negative", "mixedInstances: { onDemandBase: ⟨-1 }", "expected a whole number"),
    ("overflow", "mixedInstances: { onDemandBase: ⟨4294967296 }", "expected a whole number"),
    ("exponent", "mixedInstances: { onDemandBase: ⟨12e3 }", "expected a whole number"),
]

# Parts of the good group.
PARTS = [
    ("cluster", "cluster: test.k8s.foo.bar", "cluster: ⟨prod.k8s.foo.bar", "the group belongs to prod.k8s.foo.bar"),
    ("kept-name", "name: nodes", "name: ⟨control-plane-a", "is kept for the control plane's own groups"),
    ("name", "name: nodes", "name: ⟨../nodes", "../nodes"),
    ("name-as-number", "name: nodes", "name: ⟨7", "put it in quotes"),
    ("subnet", "private-b", "⟨privat-b", 'did you mean "private-b"?'),
    ("subnet-twice", "private-b", "⟨private-a", "the subnet private-a is listed twice"),
    ("no-subnet", "subnets: [private-a, private-b, private-c]", "⟨subnets: []", "at least one subnet"),
    ("no-type", "machineTypes: [m6i.xlarge]", "⟨machineTypes: []", "at least one machine type"),
    ("type-twice", "[m6i.xlarge]", "[m6i.xlarge, ⟨m6i.xlarge]", "is listed twice"),
    ("processors", "[m6i.xlarge]", "[m6i.xlarge, ⟨m6g.xlarge]", "one image cannot start on both"),
    ("arm", "[m6i.xlarge]", "[⟨m6g.xlarge]", "the control plane's is for x86_64"),
    ("cpus", "[m6i.xlarge]", "[m6i.xlarge, ⟨m6i.2xlarge]", "mixes types of unequal CPUs"),
    ("one-zone", "subnets: [private-a, private-b, private-c]", "⟨subnets: [private-a]", "is in one zone only"),
    ("kind-missing", "apiVersion: windlass/v1\nkind: NodeGroup\n", "⟨apiVersion: windlass/v1\n", 'missing field "kind"'),
    ("list", good("templates/2_nodes.yaml.j2"), "⟨- a\n", "expected a manifest, found a list"),
    ("word", good("templates/2_nodes.yaml.j2"), "⟨hello\n", "expected a manifest, found a string"),
    ("other-kind", "kind: NodeGroup", "kind: ⟨Deployment", "valid kinds: Cluster, NodeGroup"),
    ("min-missing", "spec:\n  cluster: test.k8s.foo.bar\n  subnets: [private-a, private-b, private-c]\n  minSize: {{ sizes.small.min }}\n",
     "⟨spec:\n  cluster: test.k8s.foo.bar\n  subnets: [private-a, private-b, private-c]\n", 'missing field "minSize"'),
]

# Those whose place is another than where the change is.
ELSEWHERE = {
    "existing-vpc": ("templates/1_cluster.yaml.j2:15:51", "subnet public-a has a cidr, but the VPC exists already"),
    "no-public": ("templates/1_cluster.yaml.j2:12:3", "a NAT gateway in eu-west-3c needs a public subnet there"),
    "two-members": ("templates/1_cluster.yaml.j2:22:5", "2 control-plane members: 1, 3 or 5 are possible"),
}


def cases():
    for name, old, new, words in CLUSTERS:
        case = Case(f"The manifest of a cluster: {name}.")
        if name in ELSEWHERE:
            case.also(CLUSTER, old, new).at(*ELSEWHERE[name])
        else:
            case.edit(CLUSTER, old, new, words)
        yield f"cluster-{name}", case
    for name, record, words in RECORDS:
        case = Case(f"A record: {name}.")
        yield f"record-{name}", case.edit(CLUSTER, "    zone: k8s.foo.bar\n", f"    zone: k8s.foo.bar\n    records: [{record}]\n", words)
    for name, field, words in GROUPS:
        case = Case(f"The manifest of a node group: {name}.")
        yield f"group-{name}", case.edit(GROUP, "  minSize", f"  {field}\n  minSize", words)
    for name, old, new, words in PARTS:
        yield f"group-part-{name}", Case(f"The manifest of a node group: {name}.").edit(GROUP, old, new, words)
    for name, big in [("max", "1000000000000"), ("negative", "-5"), ("fraction", "1.5"), ("word", "many"), ("yes", "yes")]:
        case = Case("The size comes from the vars: their line is told.")
        case.edit("vars/common.yaml", "min: 1", f"min: ⟨{big}", "NodeGroup.spec.minSize")
        yield f"size-from-vars-{name}", case
