"""Add-ons: objects that Kubernetes would refuse, and policies that no good one breaks."""

from .case import Case

FILE = "addons/web.yaml.j2"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"

# A part of the good workload, what stands there instead, and what is said at the mark.
CHANGES = [
    ("field", "replicas: 2", "⟨replcas: 2", 'unknown field "replcas"'),
    ("number", "replicas: 2", "replicas: ⟨two", "expected a whole number"),
    ("quoted", "replicas: 2", 'replicas: ⟨"2"', "write it without quotes"),
    ("overflow", "replicas: 2", "replicas: ⟨2147483648", "replicas"),
    ("quantity", "cpu: 10m", "cpu: ⟨10 m", "is no quantity"),
    ("list", "memory: 16Mi", "⟨memory: [16]", "expected"),
    ("name", "name: web\n          image", "⟨nam: web\n          image", 'unknown field "nam"'),
    ("boolean-label", "matchLabels: { app: web }", "matchLabels: { app: ⟨true }", "put it in quotes"),
    ("aliases", "      containers:", "      ⟨hostAliases: { a: b }\n      containers:", "expected a list"),
    ("port", "          resources", "          ports: [{ containerPort: ⟨1.5 }]\n          resources", "expected a whole number"),
    ("metadata", "  template:\n", "  template:\n    ⟨metdata: {}\n", 'unknown field "metdata"'),
    ("no-tag", "registry.k8s.io/web:1.2", "⟨registry.k8s.io/web", "registry.k8s.io/web"),
    ("latest", "registry.k8s.io/web:1.2", "⟨registry.k8s.io/web:latest", "latest"),
    ("capitals", "registry.k8s.io/web:1.2", "⟨registry.k8s.io/Web:1", "Web"),
    ("host", "      containers:", "      hostPID: ⟨true\n      containers:", "hostPID"),
    ("api", "apiVersion: apps/v1", "apiVersion: ⟨apps/v2", "apps/v2"),
    ("core", "apiVersion: apps/v1", "apiVersion: ⟨v1", "Deployment"),
    ("kind", "kind: Deployment", "kind: ⟨Deploymnet", "Deploymnet"),
    ("object-name", "name: web\nspec", "name: ⟨Web\nspec", "Web"),
    ("dots", "name: web\nspec", "name: ⟨a..b\nspec", "a..b"),
    ("path", "name: web\nspec", "name: ⟨../web\nspec", "../web"),
    ("generated", "  name: web\nspec", "  generateName: ⟨web-\nspec", "has a generated name"),
    ("snippet", 'snippet("labels.yaml")', '⟨snippet("lables.yaml")', "labels.yaml"),
]

# Whole add-ons.
WHOLE = [
    ("no-version", "⟨kind: ConfigMap\nmetadata: { name: a }\n", 'missing field "apiVersion"'),
    ("no-kind", "⟨apiVersion: v1\nmetadata: { name: a }\n", 'missing field "kind"'),
    ("list", "⟨- a\n", "expected an object, found a list"),
    ("word", "⟨hello\n", "expected an object, found a string"),
    ("data", f"{MAP}  name: a\ndata: {{ a: ⟨1 }}\n", "put it in quotes"),
    ("base64", f"{MAP}  name: a\nbinaryData: {{ a: ⟨'!' }}\n", "this is no base64"),
    ("labels", f"{MAP}  name: a\n  labels: {{ ⟨-a: b }}\n", "-a"),
    ("label", f"{MAP}  name: a\n  labels: {{ a: ⟨not/good }}\n", "not/good"),
    ("annotation", f"{MAP}  name: a\n  annotations: {{ ⟨a/b/c: d }}\n", "a/b/c"),
    ("namespace", f"{MAP}  name: a\n  namespace: ⟨Own\n", "Own"),
    ("cluster-wide", "apiVersion: v1\nkind: Namespace\nmetadata: { name: a, namespace: ⟨b }\n", "Namespace a cannot live in namespace"),
    ("twice", f"{MAP}  name: a\n---\n{MAP}  name: ⟨a\n", "two objects are"),
    ("time", "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: a }\nspec: { renewTime: ⟨yesterday }\n", "is no time"),
    ("removed", "apiVersion: ⟨policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: { name: a }\n", "policy/v1beta1"),
    ("ingress", "apiVersion: ⟨extensions/v1beta1\nkind: Ingress\nmetadata: { name: a }\n", "extensions/v1beta1"),
    ("unknown-kind", "apiVersion: example.com/v1\nkind: ⟨Thing\nmetadata: { name: a }\n", "Thing is not checked"),
    ("service", "apiVersion: v1\nkind: Service\nmetadata: { name: ⟨1a }\n", "1a"),
    ("class", "⟨apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: a }\n", 'missing field "provisioner"'),
    ("secret", "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n⟨data: { word: c2VjcmV0 }\n", "Secret"),
    ("undefined", f"{MAP}  name: {{{{ ⟨nothing }}}}\n", "nothing"),
]

# A chart in place of nothing: what it prints is in chart.yaml.
CHART = ("- { name: web }", "- { name: web, chart: { repository: https://charts.foo.bar, name: web, version: 1.2.3 } }")
PRINTED = "rendered chart web 1.2.3 of add-on web"

SEEDS = [
    ("version", "version: 1", "version: ⟨2", "version 2 is unknown"),
    ("account", '"123456789012"\nuser', "⟨123456789012\nuser", "put it in quotes"),
    ("region", "region: eu-west-3", "region: ⟨us-east-1", None),
    ("zone", "name: eu-west-3b", "name: ⟨eu-west-1b", "zone eu-west-1b is not in eu-west-3"),
    ("no-zone", "{ name: eu-west-3b, id", "⟨{ nam: eu-west-3b, id", None),
    ("clock", "2026-11-20T12:00:00Z", "⟨yesterday", "seed.clock"),
    ("clock-number", "2026-11-20T12:00:00Z", "⟨5", "seed.clock"),
    ("vpc", "id: vpc-0a1b2c3d4e5f60718\n", "id: ⟨vpc0a1b\n", "vpc0a1b"),
    ("range", "cidrs: [10.0.0.0/16]", "cidrs: [⟨10.0.0.0/33]", "10.0.0.0/33"),
    ("subnet-outside", "cidr: 10.0.0.0/24", "cidr: ⟨10.1.0.0/24", "is not within the ranges of"),
    ("subnet-zone", "zone: eu-west-3a, cidr", "zone: ⟨eu-west-3d, cidr", "which is no zone of this world"),
    ("nat", "subnet: subnet-0aa0000000000000a", "subnet: ⟨subnet-0ff0000000000000f", "does not have"),
    ("address", "203.0.113.7", "⟨203.0.113.777", "seed.vpcs[0].natGateways[0].publicAddress"),
    ("main", "    routeTables:\n      - id: rtb-0a1b2c3d4e5f60718\n        main: true\n", "    ⟨routeTables:\n      - id: rtb-0a1b2c3d4e5f60718\n", "exactly one main route table"),
    ("table", "subnets: [subnet-0aa0000000000000a]", "subnets: [⟨subnet-0ff0000000000000f]", "does not have"),
    ("route", "0.0.0.0/0: igw-0a1b2c3d4e5f60718", "0.0.0.0/0: ⟨igw-0ff", "has a route to igw-0ff"),
    ("route-key", "{ 0.0.0.0/0: igw", "{ ⟨everywhere: igw", "everywhere"),
    ("zone-vpc", "vpcs: [vpc-0a1b2c3d4e5f60718]", "vpcs: [⟨vpc-0ff]", "seed.hostedZones[0].vpcs[0]"),
    ("zone-vpc-absent", "vpcs: [vpc-0a1b2c3d4e5f60718]", "vpcs: [⟨vpc-0ff0000000000000f]", "which does not exist"),
    ("ttl", "ttl: 60", "ttl: ⟨-1", "seed.hostedZones[0].records[0].ttl"),
    ("ttl-overflow", "ttl: 60", "ttl: ⟨4294967296", "seed.hostedZones[0].records[0].ttl"),
    ("plugin", "networkPlugin: builtIn", "networkPlugin: ⟨builtin", 'did you mean "builtIn"?'),
    ("workload", "replicas: 2", "⟨replica: 2", 'did you mean "replicas"?'),
    ("merge", "user: tester", "user: tester\n<<: { ⟨a: b }", 'unknown field "a" in seed'),
]

SCENARIOS = [
    ("group-twice", "- { name: apps, size: 2", "- { name: apps, size: 1 }\n  - { name: ⟨apps, size: 2", "group apps is there twice"),
    ("type", "[m6i.xlarge]", "[⟨m6i.huge]", "m6i.huge is no instance type"),
    ("fault", "- { at: 5m, reclaim: { group: apps", "- ⟨{ at: 5m, reclaim: { group: shop", "a fault is about group shop"),
    ("field", "size: 2,", "size: 2, ⟨sise: 3,", 'unknown field "sise"'),
    ("members", "members: 1", "members: ⟨-1", "scenario.controlPlane.members"),
    ("seed", "seed: 7", "seed: ⟨x", "scenario.seed"),
    ("spread", "spread: zone", "spread: ⟨planet", "expected one of zone, hostname"),
    ("size", "size: 2,", "size: ⟨4294967296,", "scenario.groups[0].size"),
    ("unknown", "seed: 7", "⟨sede: 7", 'did you mean "seed"?'),
    ("budget", "maxUnavailable: 1", "⟨maxUnavailble: 1", 'did you mean "maxUnavailable"?'),
]


def cases():
    for name, old, new, words in CHANGES:
        yield name, Case(f"An add-on: {name}.").edit(FILE, old, new, words)
    for name, text, words in WHOLE:
        yield f"whole-{name}", Case(f"An add-on: {name}.").whole(FILE, text, words)
        if name != "undefined":
            case = Case(f"What a chart prints: {name}.").also("templates/1_cluster.yaml.j2", *CHART)
            yield f"chart-{name}", case.whole("chart.yaml", text, words, PRINTED)
    for name, text, words in [("tab", "a:\n⟨\tb: c\n", "tabs disallowed"), ("twice-key", "a: 1\n⟨a: 2\n", 'key "a" is set twice'),
                              ("open", "a: ⟨[\n", "not valid YAML"), ("noise", "a: ⟨\x00\n", "not valid YAML")]:
        case = Case(f"What a chart prints is no YAML: {name}.").also("templates/1_cluster.yaml.j2", *CHART)
        yield f"chart-{name}", case.whole("chart.yaml", text, words, PRINTED)
    absent = Case("A chart that cannot be had.")
    yield "chart-absent", absent.edit("templates/1_cluster.yaml.j2", CHART[0], CHART[1].replace("chart:", "⟨chart:"), "there are no charts in this test")
    for name, old, new, words in SEEDS:
        if words:
            yield f"seed-{name}", Case(f"The sandbox's seed: {name}.", "seed seed.yaml").edit("seed.yaml", old, new, words)
    for name, old, new, words in SCENARIOS:
        case = Case(f"A scenario: {name}.", "scenario scenario.yaml")
        yield f"scenario-{name}", case.edit("scenario.yaml", old, new, words, "scenario")
    for kind, file, command in [("seed", "seed.yaml", "run --sandbox plan test.k8s.foo.bar"), ("vars", "vars/common.yaml", "run lint"),
                                ("settings", "windlass.yaml", "run lint"), ("template", "templates/2_nodes.yaml.j2", "run lint"),
                                ("add-on", FILE, "run lint")]:
        for name, part, end in [("lists", "[", "]"), ("mappings", "{a: ", "}"), ("items", "- ", ""), ("keys", "? ", "")]:
            if kind in ("template", "add-on") and name == "mappings":
                continue
            for count in (1500, 100000):
                case = Case(f"{file} is nested {count} deep: {name}.", command).says(f"{file}:")
                case.nested(file, count, first="a: " if end else "", part=part, middle="1", end=end)
                yield f"deep-{kind}-{name}-{count}", case
        for name, first in [("sequence", "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"), ("mapping", "a0: &a0 { a: x, b: x, c: x }\n")]:
            text = first
            for level in range(1, 12):
                inner = ",".join([f"*a{level - 1}"] * 10)
                inner = f"[{inner}]" if name == "sequence" else "{ " + ", ".join(f"k{n}: *a{level - 1}" for n in range(10)) + " }"
                text += f"a{level}: &a{level} {inner}\n"
            yield f"laughs-{kind}-{name}", Case(f"{file} is a billion laughs.", command).file(file, text).says(f"{file}:")
        for name, part in [("scalar", "x"), ("lines", "a: b\\n")]:
            case = Case(f"{file} has ten megabytes.", command).says("bytes, and at most 1048576 are read")
            case.nested(file, 10 * 1024 * 1024 // len(part.replace("\\n", "\n")), first="a: " if name == "scalar" else "", part=part)
            yield f"huge-{kind}-{name}", case
