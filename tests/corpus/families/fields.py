"""Fields of the wrong type and fields that are not there: each one that the JSON Schemas know."""

import json

from .case import MARK, PROJECT, Case, good

SCHEMAS = PROJECT.parent.parent.parent / "docs/reference/schema"

# Where a document begins in the good project, by its schema: file, indentation and line behind which a field may stand,
# for the mappings that are written in block style.
DOCUMENTS = [
    ("Cluster", "cluster", "templates/1_cluster.yaml.j2", "lint"),
    ("NodeGroup", "node-group", "templates/2_nodes.yaml.j2", "lint"),
    ("seed", "sandbox-seed", "seed.yaml", "seed seed.yaml"),
]


class Schema:
    """A JSON Schema, its references followed."""

    def __init__(self, name):
        self.root = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))

    def resolved(self, node):
        while "$ref" in node:
            node = self.root["$defs"][node["$ref"].rsplit("/", 1)[1]]
        for choice in ("anyOf", "oneOf"):
            options = [it for it in node.get(choice, []) if it.get("type") != "null"]
            if len(options) == 1:
                return self.resolved(options[0])
        return node

    def type(self, node):
        kind = node.get("type")
        kinds = [it for it in (kind if isinstance(kind, list) else [kind]) if it != "null"]
        return kinds[0] if len(kinds) == 1 else None


def paths(schema, node, path, depth):
    """Each path in a type: keys, and "[]" for an item of a list."""
    node = schema.resolved(node)
    yield path, node
    if depth == 0:
        return
    for key, value in node.get("properties", {}).items():
        yield from paths(schema, value, [*path, key], depth - 1)
    if schema.type(node) == "array" and isinstance(node.get("items"), dict):
        yield from paths(schema, node["items"], [*path, "[]"], depth - 1)


def blocks(text):
    """The mappings in block style: path → (number of their key's line, indentation of their keys), and all their keys."""
    found, stack = {(): (0, 0, set())}, []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        key, colon, rest = line.strip().partition(":")
        if not colon or line.strip().startswith(("-", "#", "{")):
            continue
        indent = len(line) - len(line.lstrip())
        while stack and stack[-1][1] >= indent:
            stack.pop()
        path = tuple(it[0] for it in stack)
        if path in found and found[path][1] == indent:
            found[path][2].add(key)
        stack.append((key, indent))
        if not rest.strip() and number + 1 < len(lines) and not lines[number + 1].strip().startswith("-"):
            below = len(lines[number + 1]) - len(lines[number + 1].lstrip())
            found[(*path, key)] = (number + 1, below, set())
    return found


def flow(path, value):
    """`{ a: [{ b: VALUE }] }` of a path."""
    for step in reversed(path):
        value = f"[{value}]" if step == "[]" else f"{{ {step}: {value} }}"
    return value


def insert(text, found, path, value):
    """The text with a value at a path that it does not have; `None`: it has it."""
    for length in range(len(path), -1, -1):
        block = found.get(tuple(path[:length]))
        if block is None:
            continue
        line, indent, keys = block
        rest = path[length:]
        if not rest or rest[0] in keys or rest[0] == "[]":
            return None
        lines = text.split("\n")
        lines.insert(line, f"{' ' * indent}{rest[0]}: {flow(rest[1:], value)}")
        return "\n".join(lines)
    return None


# Of no type that a field has, each a word on its line, so that the place is its own.
WRONG = {"string": "1.5", "integer": "x", "number": "x", "boolean": "maybe", "array": "x", "object": "x"}


def dotted(kind, path):
    text = kind
    for step in path:
        text += "[0]" if step == "[]" else f".{step}"
    return text


def cases():
    for kind, name, file, reader in DOCUMENTS:
        schema, text = Schema(name), good(file)
        found = blocks(text)
        for path, node in paths(schema, schema.root, [], 7):
            label = "-".join(step if step != "[]" else "item" for step in path)
            wrong = WRONG.get(schema.type(node))
            bad = insert(text, found, path, MARK + wrong) if wrong and path else None
            if bad:
                case = Case(f"{dotted(kind, path)} is of another type.", reader)
                yield f"{kind}-{label}-type", case.whole(file, bad, f"{dotted(kind, path)}: ")
            if node.get("properties") and not node.get("oneOf"):
                bad = insert(text, found, [*path, MARK + "zzz"], "1")
                if bad:
                    case = Case(f"{dotted(kind, path)} has no such field.", reader)
                    words = f'unknown field "zzz" in {dotted(kind, path)}'
                    yield f"{kind}-{label or 'top'}-unknown", case.whole(file, bad, words)
                right = misspelt(node)
                bad = insert(text, found, [*path, MARK + right[0]], "1") if right else None
                if bad:
                    case = Case(f"{dotted(kind, path)} has a field of nearly that name.", reader)
                    yield f"{kind}-{label or 'top'}-misspelt", case.whole(file, bad, f'did you mean "{right[1]}"?')


def misspelt(node):
    """The longest field with two letters exchanged, and the field."""
    longest = max(node["properties"], key=lambda it: (len(it), it))
    if len(longest) < 5:
        return None
    wrong = longest[:2] + longest[3] + longest[2] + longest[4:]
    return None if wrong in node["properties"] else (wrong, longest)
