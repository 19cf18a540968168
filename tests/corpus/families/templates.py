"""Templates, snippets and layers of vars: syntax, names, recursion, too much work, other people's files."""

from .case import Case

FILE = "templates/3_more.yaml.j2"

# A template, and what is said at the mark.
TEMPLATES = [
    ("open-expression", "a: {{ ⟨region", "unexpected end of input"),
    ("open-block", "{% if region %}⟨a: 1\n", "unexpected end of input"),
    ("close-nothing", "{% ⟨endif %}", "endif"),
    ("unknown-tag", "{% ⟨goto a %}", "goto"),
    ("operators", "a: {{ 1 + ⟨* 2 }}", "unexpected"),
    ("undefined", "a: {{ ⟨regoin }}", "region"),
    ("undefined-key", "a: {{ ⟨sizes.smal }}", "did you mean `sizes.small`?"),
    ("undefined-deep", "a: {{ ⟨nothing.at.all }}", "nothing"),
    ("unknown-filter", "a: {{ region|⟨uper }}", "uper"),
    ("unknown-function", "a: {{ ⟨now() }}", "now"),
    ("unknown-test", "a: {{ 1 if region is ⟨fine }}", "fine"),
    ("no-snippet", "{{ ⟨snippet('lables.yaml') }}", "labels.yaml"),
    ("snippet-outside", "{{ ⟨snippet('../vars/common.yaml') }}", "../vars/common.yaml"),
    ("snippet-absolute", "{{ ⟨snippet('/etc/passwd') }}", "/etc/passwd"),
    ("include-outside", "{% ⟨include '../../etc/passwd' %}", "../../etc/passwd"),
    ("extends", "{% ⟨extends '/etc/passwd' %}", "/etc/passwd"),
    ("import", "{% ⟨from '/proc/self/environ' import x %}", "/proc/self/environ"),
    ("divide", "a: {{ ⟨1 // 0 }}", "unable to calculate 1 // 0"),
    ("add-text", "a: {{ ⟨region + 1 }}", "unsupported types string and number"),
    ("loop-of-number", "{% for a in ⟨5 %}{{ a }}{% endfor %}", "number is not iterable"),
    ("macro-circle", "{% macro m(x) %}{{ ⟨m(x) }}{% endmacro %}{{ m(1) }}", "too deeply"),
    ("huge-loop", "{% for a in range(99999) %}{% for b in range(99999) %}{{ ⟨b }}{% endfor %}{% endfor %}", "more than 1000000 steps"),
    ("huge-text", "a: {{ ⟨'a' * 90000000 }}", "longer than 10485760 bytes"),
    ("huge-list", "a: {{ ⟨[1] * 90000000 }}", "too large"),
    ("huge-power", "a: {{ ⟨2 ** 100000000 }}", "2 ** 100000000"),
    ("huge-indent", "a: {{ 'x'|⟨indent(1000000000) }}", "is more than 200"),
    ("range", "a: {{ ⟨range(100000000) }}", "range"),
    ("bytes", "a: {{ 'x⟨\\xff' }}", None),
    ("sub-network", "a: {{ '10.0.0.0/16'|⟨cidrsubnet(40, 1) }}", "10.0.0.0/16"),
    ("base64", "a: {{ '!'|⟨b64decode }}", "b64decode"),
    ("fail", "{{ ⟨region.nothing }}", "`region.nothing` is not set"),
]

# Templates that are nested, by what is repeated; too deep for a stack, so that a program reads them.
DEEP = [
    ("parentheses", "a: {{ PARTS1ENDS }}", "(", ")"),
    ("lists", "a: {{ PARTS1ENDS }}", "[", "]"),
    ("mappings", "a: {{ PARTS1ENDS }}", "{'a':", "}"),
    ("not", "a: {{ PARTSregionENDS }}", "not ", ""),
    ("minus", "a: {{ PARTS1ENDS }}", "-", ""),
    ("plus", "a: {{ PARTS1ENDS }}", "1+", ""),
    ("tilde", "a: {{ PARTS1ENDS }}", "'a'~", ""),
    ("attributes", "a: {{ regionPARTSENDS }}", ".a", ""),
    ("filters", "a: {{ regionPARTSENDS }}", "|upper", ""),
    ("calls", "a: {{ regionPARTSENDS }}", "()", ""),
    ("items", "a: {{ regionPARTSENDS }}", "[0]", ""),
    ("conditions", "PARTSENDS", "{%if 1%}", "{%endif%}"),
    ("loops", "PARTSENDS", "{%for a in b%}", "{%endfor%}"),
    ("choices", "{% if 0 %}PARTSENDS{% endif %}", "{% elif 0 %}x", ""),
    ("captures", "PARTSENDS", "{%set a%}", "{%endset%}"),
]

LAYERS = [
    ("common", "vars/common.yaml", "cluster: { ⟨name: other }\n", "`cluster.name` is set by windlass"),
    ("list", "vars/common.yaml", "⟨- a\n", "expected a mapping at the top of the file, found a list"),
    ("word", "vars/common.yaml", "⟨hello\n", "expected a mapping at the top of the file, found a string"),
    ("two", "vars/common.yaml", "a: 1\n---\n⟨b: 2\n", "a second document in a file that holds one"),
    ("expression", "vars/common.yaml", "a: {⟨{ region }}\n", "an expression has no meaning here"),
    ("other-kind", "vars/test.k8s.foo.bar.yaml", "⟨zones: 5\nsizes: 7\n", None),
]

SETTINGS = [
    ("unknown", "⟨layer: []\n", 'unknown field "layer"'),
    ("remote", "state:\n  ⟨remot: none\n", 'unknown field "remot"'),
    ("remote-list", "state:\n  remote: ⟨[a]\n", "expected"),
    ("no-match", "layers:\n  - ⟨vars: [a.yaml]\n", "`match` is missing"),
    ("destroys", "guards:\n  - maxDestroys: ⟨many\n", "expected a whole number"),
    ("destroys-negative", "guards:\n  - maxDestroys: ⟨-1\n", "expected a whole number"),
    ("outside", "layers:\n  - match: '*'\n    vars: [⟨../a.yaml]\n", "is not beneath vars/"),
    ("absolute", "layers:\n  - match: '*'\n    vars: [⟨/etc/passwd]\n", "is not beneath vars/"),
    ("backslashes", "layers:\n  - match: '*'\n    vars: [⟨'..\\a.yaml']\n", "is not beneath vars/"),
    ("common", "layers:\n  - match: '*'\n    vars: [⟨common.yaml]\n", "is always the first one"),
    ("no-layer", "layers:\n  - match: '*'\n    vars: [⟨env/tset.yaml]\n", "there is no layer vars/env/tset.yaml"),
    ("account", "guards:\n  - account: ⟨'12'\n", "is not an AWS account number"),
    ("waves", "waves:\n  - {name: a, match: []}\n  - {name: ⟨a, match: []}\n", 'two waves are named "a"'),
    ("soak", "waves:\n  - {name: a, match: [], soak: ⟨soon}\n", '"soon" is not a duration'),
    ("recipient", "ageRecipients: [⟨hunter2]\n", "this is not an age recipient"),
    ("list", "⟨- a\n", "expected a mapping at the top of the file, found a list"),
    ("yes", "guards:\n  - deletionProtection: ⟨yes\n", "expected"),
]


def cases():
    for name, text, words in TEMPLATES:
        if words:
            yield name, Case(f"A template: {name}.").whole(FILE, text, words)
    for name, text, part, end in DEEP:
        for count in (2000, 30000):
            first, rest = text.split("PARTS")
            middle, last = rest.split("ENDS")
            case = Case(f"A template of {count} nested parts: {name}.", "run lint").says(f"{FILE}:1:")
            case.nested(FILE, count, first=first, part=part, middle=middle, end=end, last=last)
            yield f"deep-{name}-{count}", case
    for name, file, text, words in LAYERS:
        if words:
            yield f"vars-{name}", Case(f"A layer of vars: {name}.").whole(file, text, words)
    for name, text, words in SETTINGS:
        case = Case(f"windlass.yaml: {name}.").whole("windlass.yaml", text, words)
        yield f"settings-{name}", case.never("hunter2") if name == "recipient" else case
    circle = Case("A snippet that calls itself.").file(FILE, 'a: {{ snippet("circle.yaml") }}\n')
    yield "snippet-circle", circle.whole("snippets/circle.yaml", '{{ ⟨snippet("circle.yaml") }}\n', "circle.yaml")
    bomb = Case("Snippets that call each other a thousand times.").file(FILE, 'a: {{ snippet("a.yaml") }}\n')
    for one, other in [("a", "b"), ("b", "c"), ("c", "d")]:
        bomb.file(f"snippets/{one}.yaml", f'{{% for i in range(1000) %}}{{{{ snippet("{other}.yaml") }}}}{{% endfor %}}\n')
    yield "snippet-bomb", bomb.file("snippets/d.yaml", "x\n").says("steps")

