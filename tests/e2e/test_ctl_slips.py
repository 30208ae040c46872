#!/usr/bin/python3
"""What goes wrong at the command line: slips of the hand, outputs that take nothing, services that are not the judge's.
judgectl says what would be right, and its exit status does not lie."""
import subprocess

from judged import Judged, Suite, check, ctl, quick_spec, start_ctl

suite = Suite()


def ends(r, status, *words):
    text = r.stdout + r.stderr
    check(r.returncode == status, f"want exit {status}, got {r.returncode}:\n{text}")
    for word in words:
        check(word in text, f"no `{word}` in:\n{text}")
    return r


@suite.test
def a_result_that_cannot_be_written_was_not_given(j):
    for args in (("list",), ("report", "slip"), ("report", "slip", "--format", "html")):
        with open("/dev/full", "w") as full, start_ctl(j, *args, stdout=full) as child:
            errors = child.communicate(timeout=20)[1]
        check(child.returncode == 5 and "standard output" in errors, args, child.returncode, errors)


@suite.test
def slips_of_the_hand_are_told(j):
    ends(ctl(j, "run", "-h"), 0, "usage: judgectl run SPEC")
    ends(ctl(j, "--url", j.url, "list"), 2, "no command `--url`", "options follow the command")
    for args in (("get", ""), ("gate", ""), ("pause", "", "--why", "x"), ("traffic", "slip", "")):
        ends(ctl(j, *args), 2, "is empty; want `judgectl " + args[0])
    ends(ctl(j, "gate", "slip", "--timeout", "5s"), 2, "--timeout goes with --wait")


if __name__ == "__main__":
    with Judged() as judged:
        judged.apply(quick_spec("slip", policy={"no_data_after": "60s"}))
        suite.run(judged)
