#!/usr/bin/python3
"""docs/judgectl.md is what judgectl.py prints from the command table."""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import judgectl
from judged import ROOT, Suite, check, ctl

suite = Suite()


@suite.test
def page_is_up_to_date():
    check(len(judgectl.commands()) == len(re.findall(r"^  [a-z]", ctl(None, "--help").stdout, re.M)) >= 17, judgectl.commands())
    check((ROOT / "docs" / "judgectl.md").read_text() == judgectl.page(), "docs/judgectl.md is old: tests/docs/judgectl.py > docs/judgectl.md")


@suite.test
def exit_statuses_are_those_of_the_code():
    code = set(re.findall(r"EXIT_[A-Z_]+ = (\d+)", (ROOT / "judge/ctl/ctl.h").read_text()))
    check(code == set(re.findall(r"^\| (\d+) \|", judgectl.HEAD, re.M)), code)


@suite.test
def commands_in_the_page_exist():
    names = {name for name, _, _ in judgectl.commands()}
    shown = set(re.findall(r"^judgectl ([a-z]+)", judgectl.HEAD, re.M))
    check(len(shown) >= 3 and shown <= names, shown - names)


suite.run()
