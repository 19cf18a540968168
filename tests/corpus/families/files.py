"""Things in place of files, and what is read by name: command lines, plans, kubeconfigs, faults, keys."""

from .case import Case, good

CLUSTER = "test.k8s.foo.bar"

CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBkDCCATegAwIBAgIUH1M7zPdNXDOxi7hJRBsfT3uTKVQwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjkxMTA2MDhaGA8yMTI2MTEw
NTExMDYwOFowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABJmT+++PpPeTJzz6jZxYzVm8B7CFryvrOmyejF/pU9V5q7ylYXsN
cJwWuiG8tzF5u8qM6kzc4nzSixA0unSs0YqjYzBhMB0GA1UdDgQWBBQqKyzFsi9a
VDgNznAtvi70fMVfhDAfBgNVHSMEGDAWgBQqKyzFsi9aVDgNznAtvi70fMVfhDAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAKBggqhkjOPQQDAgNHADBE
AiByUCU+D8Yg/BcOLJlcMD6I7so93ax8X3XVYIsQ1tfAXAIgXvrANpYhC+xjf1Tm
4NjKBoKwa/uVvTK0iyc64VF9qnY=
-----END CERTIFICATE-----
"""

SPECIAL = [
    ("pipe", "pipe", "it is not a file"),
    ("directory", "directory", "it is not a file"),
    ("device", "link /dev/zero", "leads out of the project"),
    ("outside", "link /etc/passwd", "leads out of the project"),
    ("above", "link ../../../../../../../../etc/passwd", "leads out of the project"),
    ("circle", "link SELF", "cannot read"),
    ("dangling", "link nothing", "cannot read"),
]

PLACES = [
    ("vars", "vars/common.yaml", "lint"),
    ("layer", "vars/env/test.yaml", "lint"),
    ("template", "templates/2_nodes.yaml.j2", "lint"),
    ("snippet", "snippets/labels.yaml", "lint"),
    ("add-on", "addons/web.yaml.j2", "lint"),
    ("seed", "seed.yaml", f"run --sandbox plan {CLUSTER}"),
]

# What a plan says, and what is said at the mark.
PLANS = [
    ("empty", "⟨", "EOF"),
    ("word", "n⟨o", "expected"),
    ("no-version", "{⟨}", "missing field `version`"),
    ("list", "⟨[1, 2]", None),
    ("newer", '⟨{"version": 2, "surprise": true}', "a newer windlass wrote it"),
    ("older", '⟨{"version": 0}', "an older windlass wrote it"),
    ("negative", '{"version": -⟨1}', "expected u64"),
    ("text", '{"version": "1⟨"}', "invalid type"),
    ("no-cluster", '{"version": 1⟨}', "missing field"),
    ("cluster", '{"version": 1,\n "cluster": 7⟨}', None),
    ("cluster-name", '{"version": 1,\n "cluster": "../.."⟨}', "cluster name"),
    ("twice", '{"version": 1, "version⟨": 1}', "duplicate field"),
    ("cut", '{"version": 1,\n "clu⟨', "control character"),
    ("surrogate", '{"version": 1, "cluster": "\\ud80⟨0"}', None),
    ("behind", '{"version": 1} ⟨x', "trailing characters"),
    ("control", '{"version": 1, "cluster": "⟨a\x01"}', "control character"),
    ("comment", '{⟨// a\n"version": 1}', "key must be a string"),
    ("yaml", "⟨version: 1\n", "expected value"),
]

FAULTS = [
    ("empty", "", "line 1 column 0"),
    ("word", "soon", "line 1 column 1"),
    ("negative", '{"rules": [\n {"at": {"call": -1}, "kind": "reset"}]}', "line 2 column 19"),
    ("kind", '{"rules": [\n {"at": {"call": 1}, "kind": "explode"}]}', "line 2 column 38"),
    ("at", '{"rules": [\n {"at": {"cal": 1}, "kind": "reset"}]}', "unknown variant `cal`"),
    ("unknown", '{"rules": [], "more": 1}', "unknown field `more`"),
    ("no-rules", '{"seed": 1}', "missing field `rules`"),
    ("probability", '{"rules": [{"at": {"probability": {"probability": 1.5}}, "kind": "reset"}]}', "rule 1: 1.5 is no probability"),
    ("probability-negative", '{"rules": [{"at": {"probability": {"probability": -0.1}}, "kind": "reset"}]}', "is no probability"),
    ("probability-huge", '{"rules": [{"at": {"probability": {"probability": 1e999}}, "kind": "reset"}]}', "number out of range"),
    ("throttle", '{"rules": [{"at": {"call": 1}, "kind": {"throttle": 4294967296}}]}', "expected u32"),
    ("twice", '{"rules": [], "rules": []}', "duplicate field `rules`"),
    ("list", "[]", "line 1 column"),
]

KUBECONFIGS = [
    ("current", "current-context: test", "current-context: ⟨prod", 'no context "prod"'),
    ("cluster", "{ cluster: one,", "{ cluster: ⟨two,", 'no cluster "two"'),
    ("user", "user: somebody }", "user: ⟨nobody }", 'no user "nobody"'),
    ("http", "https://api.test", "⟨http://api.test", "is no https:// address"),
    ("file-server", "https://api.test.k8s.foo.bar:6443", "⟨file:///etc/passwd", "is no https:// address"),
    ("port", ":6443", ":99999", None),
    ("authority", "certificate-authority-data: UEVN", 'certificate-authority-data: ⟨"!"', "is no base64"),
    ("authority-file", "certificate-authority-data: UEVN", "certificate-authority: ⟨/does/not/exist", "cannot read /does/not/exist"),
    ("authority-folder", "certificate-authority-data: UEVN", "certificate-authority: ⟨/", "it is not a file"),
    ("authority-device", "certificate-authority-data: UEVN", "certificate-authority: ⟨/dev/zero", "it is not a file"),
    ("authority-bytes", "certificate-authority-data: UEVN", "certificate-authority-data: ⟨//79", "is no PEM"),
    ("no-authority", "      server: https://api.test.k8s.foo.bar:6443\n      certificate-authority-data: UEVN", "      ⟨server: https://api.test.k8s.foo.bar:6443", "names no authority"),
    ("insecure", "certificate-authority-data: UEVN", "insecure-skip-tls-verify: ⟨true", "trusts any server"),
    ("insecure-yes", "certificate-authority-data: UEVN", "insecure-skip-tls-verify: ⟨yes", "trusts any server"),
    ("plugin", "token: hunter2hunter2", "⟨exec: { apiVersion: v1, command: aws }", "plugins are not run"),
    ("token-file", "token: hunter2hunter2", "tokenFile: ⟨/does/not/exist", "cannot read /does/not/exist"),
    ("twice", "      token: hunter2hunter2", "      token: hunter2hunter2\n      ⟨token: hunter2hunter3", "this is no kubeconfig"),
    ("tab", "      token: hunter2hunter2", "⟨\ttoken: hunter2hunter2", "this is no kubeconfig"),
    ("quote", "token: hunter2hunter2", 'token: "hunter2hunter2" ⟨x', "this is no kubeconfig"),
]

ARGUMENTS = [
    ("long-name", f"plan {'a' * 300}", "and at most 63 are possible"),
    ("long-dotted-name", f"plan {'a.' * 150}b", "and at most 63 are possible"),
    ("no-dot", "plan test", "it has no dot"),
    ("path", "plan ../test.k8s.foo.bar", "a label is empty"),
    ("capitals", "plan Test.k8s.foo.bar", "only a-z, 0-9 and - are allowed"),
    ("blank", "plan test.k8s.foo.bar\\s", "only a-z, 0-9 and - are allowed"),
    ("line-end", "plan test.k8s.foo.bar\\n", "only a-z, 0-9 and - are allowed"),
    ("nearest", "plan tset.k8s.foo.bar", "did you mean"),
    ("option-as-name", f"plan --destory {CLUSTER}", "--destroy"),
    ("no-time", f"--sandbox apply {CLUSTER} --timeout soon", "is no time span: write 90s, 10m or 1h30m"),
    ("negative-time", f"--sandbox apply {CLUSTER} --timeout=-5s", "is negative"),
    ("endless-time", f"--sandbox apply {CLUSTER} --timeout 99999999999999999999h", "is no time span"),
    ("lock-time", f"--sandbox apply {CLUSTER} --lock-timeout 1x", "is no time span"),
    ("parallel-0", f"--sandbox plan {CLUSTER} --parallelism 0", "--parallelism"),
    ("parallel-huge", f"--sandbox plan {CLUSTER} --parallelism 99999999999999999999999", "--parallelism"),
    ("allow", f"--sandbox plan {CLUSTER} --allow=-1", "--allow"),
    ("format", f"--sandbox plan {CLUSTER} -o xml", "[possible values: text, json, markdown]"),
    ("advance", "--sandbox sandbox advance soon", "is no length of time"),
    ("advance-huge", "--sandbox sandbox advance 99999999999999y", "is no length of time"),
    ("advance-beyond", "--sandbox sandbox advance 999999y", "beyond the calendar"),
    ("speed", "--sandbox sandbox serve --speed 0", "1..=100000"),
    ("port", "--sandbox sandbox serve --port 65536", "65536"),
    ("add-on", f"render {CLUSTER} --addon ../../etc/passwd", "has no add-on"),
    ("explain", f"explain {CLUSTER} a.b[99999999999999999999]", "no key"),
    ("explain-brackets", f"explain {CLUSTER} [[[[", "["),
    ("no-project", "-C / lint", "no windlass.yaml in /"),
    ("no-directory", "-C /does/not/exist lint", "no windlass.yaml"),
    ("plan-absent", f"--sandbox apply {CLUSTER} --plan nothing.json --yes", "cannot read nothing.json"),
    ("plan-folder", f"--sandbox apply {CLUSTER} --plan vars --yes", "cannot read vars: it is not a file"),
    ("plan-device", f"--sandbox apply {CLUSTER} --plan /dev/zero --yes", "cannot read /dev/zero: it is not a file"),
    ("import-absent", f"--sandbox certs import {CLUSTER} --from nothing --yes", "cannot read nothing"),
    ("faults-variable", f"WINDLASS_SANDBOX_FAULT={{ --sandbox plan {CLUSTER}", "line 1 column 1"),
    ("completions", "completions tcsh", "tcsh"),
    ("colour", "--color sometimes lint", "[possible values: auto, always, never]"),
    ("empty-argument", "plan ", "CLUSTER"),
]

EXITS = {"import-absent": 1, "faults-variable": 1}

IMPORTS = [
    ("empty", {"readme.txt": "nothing"}, "this is no folder of kops or kubeadm"),
    ("no-key", {"ca.crt": CERTIFICATE}, "ca.key is missing"),
    ("no-certificate", {"ca.crt": CERTIFICATE, "ca.key": "x", "etcd/ca.key": "x"}, "ca.crt:"),
    ("key-no-pem", {"ca.crt": CERTIFICATE, "ca.key": "hunter2"}, "ca.crt:"),
    ("certificate-no-pem", {"ca.crt": "hunter2", "ca.key": "hunter2"}, "ca.crt:"),
    ("certificate-cut", {"ca.crt": CERTIFICATE[:200], "ca.key": "hunter2"}, "ca.crt:"),
    ("certificate-noise", {"ca.crt": CERTIFICATE.replace("MIIBk", "AAAAA"), "ca.key": "hunter2"}, "ca.crt:"),
    ("encrypted", {"ca.crt": CERTIFICATE, "ca.key": "-----BEGIN ENCRYPTED PRIVATE " + "KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE " + "KEY-----\n"}, "encrypted with a passphrase"),
    ("keyset-yaml", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\nkind: Keyset\n"}, "private/kubernetes-ca/keyset.yaml:2:1: it is not valid YAML"),
    ("keyset-colons", {"private/kubernetes-ca/keyset.yaml": "a: b: hunter2"}, "private/kubernetes-ca/keyset.yaml:1:5: it is not valid YAML"),
    ("keyset-tab", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\nspec:\n\tkeys: []\n"}, "private/kubernetes-ca/keyset.yaml:3:1: it is not valid YAML"),
    ("keyset-kind", {"private/kubernetes-ca/keyset.yaml": "kind: Secret\nhunter2: 1\n"}, "its kind is not Keyset"),
    ("keyset-keys", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\nspec: hunter2\n"}, "it has no list of keys"),
    ("keyset-none", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\nspec: { keys: [] }\n"}, "the key that signs is not in it"),
    ("keyset-base64", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\nspec: { keys: [{ id: '1', privateMaterial: 'hunter2!' }] }\n"}, "is not base64"),
    ("keyset-id", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\nspec: { keys: [{ privateMaterial: AAAA }] }\n"}, "a key has no id"),
    ("keyset-documents", {"private/kubernetes-ca/keyset.yaml": "kind: Keyset\n---\nkind: Keyset\n"}, "it has several documents"),
    ("service-account", {"private/service-account/1.key": "hunter2"}, "private/service-account"),
]

IDENTITIES = [
    ("word", "hunter2\n", "line 1: not an age identity"),
    ("second-line", "# a comment\nAGE-SECRET-KEY-hunter2\n", "line 2: not an age identity"),
    ("empty", "# a comment\n", "has no age identity in it"),
    ("recipient", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n", "line 1: not an age identity"),
]

RECIPIENTS = [
    ("one", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "at least 2 different ones"),
    ("same", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "at least 2 different ones"),
    ("word", "hunter2 hunter3", "age recipient 1 is none"),
    ("second", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p age1hunter2", "age recipient 2 is none"),
    ("secret", "AGE-SECRET-KEY-1HUNTER2 x", "age recipient 1 is a secret key"),
]


def cases():
    for kind, path, reader in PLACES:
        for name, what, words in SPECIAL:
            what = what.replace("SELF", path.rsplit("/", 1)[-1])
            if name in ("directory",) and kind in ("template", "snippet", "add-on", "vars", "layer"):
                continue
            yield f"{kind}-{name}", Case(f"In place of {path}: {name}.", reader).special(path, what).says(words)
    yield "settings-directory", Case("In place of windlass.yaml: a directory.", "run lint").special("windlass.yaml", "directory").says("no windlass.yaml")
    yield "settings-outside", Case("windlass.yaml is a link that leads out.", "run lint").special("windlass.yaml", "link /etc/passwd").says("leads out of the project")
    world = Case("The seed lies outside of the project.", f"run --sandbox plan {CLUSTER}")
    yield "seed-elsewhere", world.also("windlass.yaml", "world: seed.yaml", "world: ../../../../../../../../etc/passwd").says("is outside of the project")
    for name in ("bad_name", "Capitals.foo.bar", "test", "a..b"):
        yield f"cluster-{name}", Case("A file of vars that no cluster can have.").file(f"vars/{name}.yaml", "a: 1\n").says(f"vars/{name}.yaml is no cluster's file")
    yield "cluster-yml", Case("A file of vars with another ending.").file("vars/a.b.yml", "a: 1\n").says("rename it to vars/a.b.yaml")
    yield "add-on-yml", Case("An add-on with another ending.").file("addons/web2.yml", "a: 1\n").says("rename it to addons/web2.yaml.j2")
    yield "add-on-twice", Case("An add-on that is a file and a folder.").file("addons/web/1.yaml.j2", "a: 1\n").says("move addons/web.yaml.j2 into addons/web/")
    for name, text, words in PLANS:
        if words:
            yield f"plan-{name}", Case(f"A saved plan: {name}.", "plan plan.json").whole("plan.json", text, words)
    for name, text, words in FAULTS:
        yield f"faults-{name}", Case(f"A plan of faults: {name}.", "faults faults.json").file("faults.json", text).says(words)
    for name, old, new, words in KUBECONFIGS:
        if words:
            case = Case(f"A kubeconfig: {name}.", "kubeconfig kubeconfig.yaml").never("hunter2")
            yield f"kubeconfig-{name}", case.edit("kubeconfig.yaml", old, new, words)
    for name, text, words in [
        ("colons", "a: b: hunter2", "line 1, column 5"), ("twice", "a: 1\na: 2\nhunter2: 3", "line 2, column 1"),
        ("list", "- hunter2", "its top is not a mapping"), ("word", "hunter2", "its top is not a mapping"),
        ("kind", "kind: Secret\ndata: {a: hunter2}", "its kind is not Config"),
        ("users", "users: {a: hunter2}", "must be lists of mappings"), ("user", "users: [hunter2]", "must be lists of mappings"),
        ("two", "a: 1\n---\nb: hunter2\n", "several documents"),
    ]:
        case = Case(f"A kubeconfig that is added to: {name}.", "merge kubeconfig.yaml").never("hunter2").never("tester")
        yield f"merge-{name}", case.file("kubeconfig.yaml", text).says(words)
    for count in (1500, 100000):
        for name, part, end in [("lists", "[", "]"), ("mappings", "{a: ", "}"), ("items", "- ", "")]:
            for reader, file in [("kubeconfig kubeconfig.yaml", "kubeconfig.yaml"), ("merge kubeconfig.yaml", "kubeconfig.yaml"),
                                 ("import kops", "kops/private/kubernetes-ca/keyset.yaml"), ("plan plan.json", "plan.json"),
                                 ("faults faults.json", "faults.json"), ("scenario scenario.yaml", "scenario.yaml")]:
                case = Case(f"{file} is nested {count} deep: {name}.", reader)
                words = {"plan": "plan.json", "faults": "line 1", "merge": "line 1", "import": "keyset.yaml:1:", "kubeconfig": "no kubeconfig", "scenario": "scenario:1:"}
                case.says(words[reader.split()[0]]).nested(file, count, first="a: " if end else "", part=part, middle="1", end=end)
                yield f"deep-{reader.split()[0]}-{name}-{count}", case
    for name, words, said in ARGUMENTS:
        yield f"arguments-{name}", Case(f"A command line: {name}.", f"run {words}").says(said).exits(EXITS.get(name, 10))
    for name, files, said in IMPORTS:
        case = Case(f"A folder of keys: {name}.", "import kops").never("hunter2")
        for path, text in files.items():
            case.file(f"kops/{path}", text)
        yield f"import-{name}", case.says(said)
    for name, text, said in IDENTITIES:
        yield f"identities-{name}", Case(f"A file of age identities: {name}.", "identities keys.txt").never("hunter2").file("keys.txt", text).says(said)
    yield "identities-noise", Case("A file of age identities: noise.", "identities keys.txt").bytes("keys.txt", "# a\\n\\xff\\xfe\\n").says("line 2: not an age identity")
    for name, what in [("pipe", "pipe"), ("directory", "directory"), ("device", "link /dev/zero")]:
        yield f"identities-{name}", Case(f"In place of age identities: {name}.", "identities keys.txt").special("keys.txt", what).says("it is not a file")
    for name, words, said in RECIPIENTS:
        yield f"recipients-{name}", Case(f"Recipients: {name}.", f"recipients {words}").never("hunter2").never("HUNTER2").says(said)
