"""What a generated case is, and how it is written.

The place of a mistake is where MARK stands in the bad text: nobody counts columns, and the generator asks no reader.
"""

from pathlib import Path

MARK = "⟨"
PROJECT = Path(__file__).parent.parent / "project"


def good(name):
    """A file of the good project."""
    return (PROJECT / name).read_text(encoding="utf-8")


def place(name, text):
    """The place of the mark in a text, and the text without it."""
    before, found, after = text.partition(MARK)
    if not found:
        raise ValueError(f"no {MARK} in a change of {name}: {text!r}")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f"{name}:{line}:{column}", before + after


class Case:
    """One case: what it is about, what reads it, and what is expected."""

    def __init__(self, about, reader="lint"):
        self.lines = [about, f"= {reader}"]
        self.files = []

    def at(self, where, words):
        self.lines.append(f"= place {where} {words}")
        return self

    def says(self, words):
        self.lines.append(f"= says {words}")
        return self

    def never(self, words):
        self.lines.append(f"= never {words}")
        return self

    def exits(self, code):
        self.lines.append(f"= exit {code}")
        return self

    def whole(self, name, text, words, shown=None):
        """The file is another one; the mark is where the mistake is."""
        where, text = place(shown or name, text)
        self.files.append(f"@ {name}\n{text}")
        return self.at(where, words)

    def file(self, name, text):
        """The file is another one, in which nothing is wrong."""
        self.files.append(f"@ {name}\n{text}")
        return self

    def bytes(self, name, text):
        """The file is another one, written with escapes."""
        self.files.append(f"@ {name} bytes\n{text}")
        return self

    def nested(self, name, count, **parts):
        """The file is one that the test builds, so that none is large: `first`, so many `part`s, `middle`, as many `end`s,
        `last`."""
        lines = [f"{part} {text}" for part, text in parts.items() if text]
        self.files.append("\n".join([f"@ {name} nested {count}", *lines]))
        return self

    def special(self, name, what):
        """The file is no file: `pipe`, `directory`, `link TARGET`."""
        self.files.append(f"@ {name} {what}")
        return self

    def edit(self, name, old, new, words, shown=None):
        """A part of the good file is another one; the mark is where the mistake is. Whole lines are written."""
        text = good(name)
        if text.count(old) < 1:
            raise ValueError(f"{name} does not contain {old!r}")
        where, plain = place(shown or name, text.replace(old, new, 1))
        self.files.append(difference(name, text, plain))
        return self.at(where, words)

    def also(self, name, old, new):
        """A part of the good file is another one, in which nothing is wrong."""
        text = good(name)
        if text.count(old) < 1:
            raise ValueError(f"{name} does not contain {old!r}")
        self.files.append(difference(name, text, text.replace(old, new, 1)))
        return self

    def text(self):
        return "\n".join(self.lines) + "\n" + "\n".join(part.rstrip("\n") + "\n" for part in ["", *self.files])[1:]


def difference(name, old, new):
    """The lines that differ, as an edit; with lines around it until the old ones stand there once."""
    before, after = old.split("\n"), new.split("\n")
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    while True:
        was = before[start : len(before) - end]
        if was and old.count("\n".join(was)) == 1:
            break
        if start > 0:
            start -= 1
        else:
            end -= 1
    now = after[start : len(after) - end]
    return "\n".join([f"@ {name} edit", *(f"-{line}" for line in was), *(f"+{line}" for line in now)])
