#!/usr/bin/python3
"""docs/limits.md is what limits.py prints, and limits.py reads what a limits.h may hold."""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import limits
from judged import ROOT, Suite, check

suite = Suite()


def read(text):
    with tempfile.TemporaryDirectory() as d:
        path = pathlib.Path(d) / "limits.h"
        path.write_text(text)
        return limits.limits(path)


def fault(text):
    try:
        read(text)
    except limits.Fault as why:
        return str(why)
    raise AssertionError(f"accepted: {text}")


@suite.test
def page_is_up_to_date():
    check((ROOT / "docs" / "limits.md").read_text() == limits.page(), "docs/limits.md is old: tests/docs/limits.py > docs/limits.md")


@suite.test
def every_header_has_a_section():
    page = limits.page()
    headers = [p for p in ROOT.glob("**/limits.h") if p.relative_to(ROOT).parts[0] != "build"]
    check(len(headers) >= 4, headers)
    for p in headers:
        check(f"\n## {p.parent.relative_to(ROOT)}\n" in page, p)
        for line in p.read_text().splitlines():
            name = line.split()[1] if line.startswith("#define") and len(line.split()) > 2 else None
            check(not name or f"| `{name}` |" in page, p, name)


@suite.test
def forms_of_words():
    check(read("#define A_MAX 5 /* behind */\n") == [("A_MAX", "5", "behind")])
    check(read("/* Above\n * both. */\n#define A_MAX 5\n#define B_MAX 6\n") == [("A_MAX", "5", "Above both."), ("B_MAX", "6", "Above both.")])
    check(read("#define A_BYTES ((size_t)8 << 20) /* behind,\n * on two lines */\n") == [("A_BYTES", "8 MiB", "behind, on two lines")])
    check(read("#define A_US \\\n    (5 * INT64_C(1000000)) /* folded \\\n */\n") == [("A_US", "5 s", "folded")])
    check(read("#define A_MS 250 /* a | b */\n") == [("A_MS", "250 ms", "a | b")])


@suite.test
def what_is_refused():
    check("A_MAX" in fault("#define A_MAX 5\n"))
    check("B_MAX" in fault("#define A_MAX 5 /* of its own */\n#define B_MAX 6\n"))
    check("A_MAX" in fault("/* about something else */\n\n#define A_MAX 5\n"))
    check("OTHER" in fault("#define A_MAX OTHER /* not a number */\n"))


suite.run()
