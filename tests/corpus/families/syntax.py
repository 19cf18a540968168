"""YAML that is none, in every file that is YAML: the same mistakes, each at its place."""

from .case import Case, good

# What stands behind the good text, with the place of the mistake.
MISTAKES = [
    ("twice", "k: 1\n⟨k: 2\n", 'key "k" is set twice'),
    ("twice-inside", "k:\n  a: 1\n  ⟨a: 2\n", 'key "a" is set twice'),
    ("twice-in-flow", "k: { a: 1, ⟨a: 2 }\n", 'key "a" is set twice'),
    ("tab", "k:\n⟨\ta: 1\n", "tabs disallowed"),
    ("colons", "k: a⟨: b: c\n", "mapping values are not allowed"),
    ("at", "k: ⟨@x\n", "unexpected character"),
    ("backtick", "k: ⟨`x`\n", "unexpected character"),
    ("percent", "k: ⟨%x\n", "unexpected character"),
    ("alias-of-nothing", "k: ⟨*nope\n", "an alias without an anchor"),
    ("number-too-large", "k: ⟨99999999999999999999\n", "a whole number that does not fit 64 bits"),
    ("infinite", "k: ⟨.inf\n", ".inf is not a number that can be used"),
    ("not-a-number", "k: ⟨.nan\n", ".nan is not a number that can be used"),
    ("key-is-a-list", "? ⟨[a, b]\n: 1\n", "a key must be a word"),
    ("key-is-a-mapping", "? ⟨{a: b}\n: 1\n", "a key must be a word"),
    ("bracket-closes-nothing", "k: ⟨]\n", "not valid YAML"),
    ("item-in-a-mapping", "- ⟨a\n", "not valid YAML"),
    ("less-indented-item", "k:\n    - a\n  ⟨- b\n", "not valid YAML"),
    ("unknown-escape", 'k: ⟨"\\q"\n', "a backslash begins an escape"),
    ("behind-the-quote", 'k: "a" ⟨b\n', "not valid YAML"),
    ("control-character", "k: ⟨a\x01b\n", "not valid YAML"),
]

FILES = [
    ("settings", "windlass.yaml", "lint", None),
    ("vars", "vars/common.yaml", "lint", None),
    ("own-vars", "vars/test.k8s.foo.bar.yaml", "lint", None),
    ("layer", "vars/env/test.yaml", "lint", None),
    ("template", "templates/2_nodes.yaml.j2", "lint", None),
    ("add-on", "addons/web.yaml.j2", "lint", None),
    ("seed", "seed.yaml", "seed seed.yaml", None),
    ("scenario", "scenario.yaml", "scenario scenario.yaml", "scenario"),
]

RENDERED = {"template": "rendered 2_nodes.yaml", "add-on": "rendered addons/web.yaml"}


def cases():
    for file, path, reader, usual in FILES:
        for name, text, words in MISTAKES:
            shown = usual
            if file in ("template", "add-on") and name in ("percent", "key-is-a-mapping"):
                continue
            case = Case(f"{path} is no YAML: {name}", reader)
            # A template line begins with its first word: what is before it has the place of the rendered text only.
            if name == "tab" and file in RENDERED:
                shown = RENDERED[file]
            yield f"{file}-{name}", case.whole(path, good(path) + text, words, shown)
