"""Files that are no UTF-8, and files whose line ends and marks must not move a place."""

from .case import Case

FILES = [
    ("settings", "windlass.yaml", "lint", "windlass.yaml"),
    ("vars", "vars/common.yaml", "lint", "vars/common.yaml"),
    ("own-vars", "vars/test.k8s.foo.bar.yaml", "lint", "vars/test.k8s.foo.bar.yaml"),
    ("seed", "seed.yaml", "seed seed.yaml", "seed.yaml"),
    ("scenario", "scenario.yaml", "scenario scenario.yaml", "scenario.yaml"),
    ("template", "templates/2_nodes.yaml.j2", "lint", "templates/2_nodes.yaml.j2"),
    ("snippet", "snippets/labels.yaml", "lint", "snippets/labels.yaml"),
    ("add-on", "addons/web.yaml.j2", "lint", "addons/web.yaml.j2"),
    ("kubeconfig", "kubeconfig.yaml", "kubeconfig kubeconfig.yaml", "kubeconfig.yaml"),
    ("plan", "plan.json", "plan plan.json", "plan.json"),
]

NO_TEXT = [
    ("latin-1", "# a line\\nname: caf\\xe9\\n", "2:10"),
    ("utf-16", "\\xff\\xfea\\x00:\\x00", "1:1"),
    ("surrogate", "k: \\xed\\xa0\\x80\\n", "1:4"),
    ("overlong", "k: \\xc0\\xaf\\n", "1:4"),
    ("cut", "k: \\xe2\\x82", "1:4"),
    ("noise", "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x90\\xd4\\xfe\\n", "1:10"),
]


def cases():
    for file, path, reader, shown in FILES:
        for name, text, at in NO_TEXT:
            case = Case(f"{path} is no UTF-8: {name}", reader).bytes(path, text)
            yield f"{file}-{name}", case.at(f"{shown}:{at}", "it is not UTF-8")
    for file, path, reader, shown in FILES[:5]:
        shown = "scenario" if file == "scenario" else shown
        for name, text, at, words in [
            ("windows", "\\xef\\xbb\\xbf# from Windows\\r\\nk: 1\\r\\nk: 2\\r\\n", "3:1", 'key "k" is set twice'),
            ("mark", "\\xef\\xbb\\xbfk: 1\\nk: 2\\n", "2:1", 'key "k" is set twice'),
            ("lone-return", "k: 1\\rj: 2\\n", "1:5", "a carriage return without a line feed"),
            ("wide", "é: 1\\nü: [ä, ö, *x]\\n", "2:11", "an alias without an anchor"),
            ("nul", "k: 1\\nj: a\\x00b\\n", "2:5", "not valid YAML"),
            ("separator", "# \\xe2\\x80\\xa8\\nk: 1\\nk: 2\\n", "3:1", 'key "k" is set twice'),
        ]:
            yield f"{file}-{name}", Case(f"{path}: {name}", reader).bytes(path, text).at(f"{shown}:{at}", words)
