#!/usr/bin/python3
"""Prints docs/limits.md: every ceiling that stands in a limits.h, with its value and what happens beyond it.

A limit is one `#define NAME value`. What is said of it stands behind it on the line, or above it: then it is said of
the lines below too, up to the next one that has words of its own. A limit without words is an error.

    tests/docs/limits.py > docs/limits.md
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEAD = """# Limits

Every buffer, queue, table and wait has a named ceiling; what is past it is refused and counted, never cut silently
or kept without bound. They stand in the `limits.h` of their room; `tests/docs/limits.py` makes this page from them,
and a test holds it to them.
"""
DEFINE = re.compile(r"^#define\s+([A-Z][A-Z0-9_]*)(?:\s+(\S.*?))?\s*$")
COMMENT = re.compile(r"/\*\s*(.*?)\s*\*/", re.S)


class Fault(Exception):
    pass


def words(text):
    """A comment's text as one line."""
    return " ".join(re.sub(r"^\s*\*\s?", "", line).strip() for line in text.replace("\\\n", "\n").splitlines()).strip()


def value_of(expression, where):
    """The number an expression of integers, + - * <<, casts and units of time stands for."""
    bare = re.sub(r"\((?:size_t|int64_t|uint64_t|double)\)", "", expression)
    bare = re.sub(r"U?INT(?:32|64)_C\((\d+)\)", r"\1", bare)
    bare = bare.replace("US_PER_SECOND", "1000000").replace("US_PER_MS", "1000")
    if not re.fullmatch(r"[0-9eE.+\-*<() ]+", bare):
        raise Fault(f"{where}: cannot read the value {expression}")
    return eval(bare, {"__builtins__": {}})  # only digits, operators and parentheses


def readable(name, expression, value):
    if name.endswith("_US") and value >= 1000:
        return duration(value / 1e6)
    if name.endswith("_MS"):
        return duration(value / 1e3)
    if name.endswith(("_S", "_SECONDS")):
        return duration(value)
    if "<<" in expression or ("1024" in expression and "*" in expression):
        for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value % size == 0:
                return f"{value // size} {unit}"
    return f"{value:,.0f}"


def duration(seconds):
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def pieces(text):
    """The header's comments and defines in order: ("comment", words), ("define", name, expression, words or "")."""
    text = text.replace("\\\n", " ")
    at, lines = 0, []
    for m in re.finditer(r"/\*.*?\*/|#define[^\n]*?(?=/\*|\n|$)|\n[ \t]*\n", text, re.S):
        lines.append((m.group(0), text[at:m.start()]))
        at = m.end()
    out = []
    for token, between in lines:
        if token.startswith("/*"):
            said = words(COMMENT.match(token).group(1))
            if out and out[-1][0] == "define" and not out[-1][3] and "\n" not in between:
                out[-1] = (*out[-1][:3], said)
            else:
                out.append(("comment", said))
        elif token.startswith("#define"):
            m = DEFINE.match(token)
            if not m:
                raise Fault(f"cannot read {token}")
            if m.group(2):
                out.append(("define", m.group(1), m.group(2), ""))
        else:
            out.append(("gap",))
    return out


def limits(path):
    """[(name, readable value, words)] of a limits.h."""
    out, above = [], ""
    for p in pieces(path.read_text()):
        if p[0] == "gap":
            above = ""
        elif p[0] == "comment":
            above = p[1]
        else:
            _, name, expression, said = p
            above = "" if said else above
            if not (said or above):
                raise Fault(f"{path}: {name} has no words that say what it bounds")
            out.append((name, readable(name, expression, value_of(expression, f"{path}: {name}")), said or above))
    return out


def page():
    out = [HEAD]
    for path in sorted(p for p in ROOT.glob("**/limits.h") if "build" not in p.relative_to(ROOT).parts[:1]):
        room = path.parent.relative_to(ROOT)
        out.append(f"\n## {room}\n\n| limit | value | what it bounds |\n|---|---|---|\n")
        out += [f"| `{name}` | {value} | {said.replace('|', chr(92) + '|')} |\n" for name, value, said in limits(path)]
    return "".join(out)


if __name__ == "__main__":
    try:
        sys.stdout.write(page())
    except Fault as why:
        sys.exit(f"limits.py: {why}")
