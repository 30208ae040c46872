#!/usr/bin/python3
"""Every case of Kayenta's known answers (JUDGE_GOLDEN/kayenta: its own suites' values, and what its classes answered to
generated data) through `judgectl eval`.

    tests/stats/test_golden_kayenta.py [FILE...]     by default all files of JUDGE_GOLDEN/kayenta

One test a file. Labels, reasons, flags and words must be equal; numbers within 1e-12 relative, or within the tolerance
that stands in the case's `expected` (`tolerance` for all, `toleranceCI`, `toleranceEstimate`, `toleranceStd` for those
fields). What a case expects of random numbers is compared within its tolerance; where the original's answer hangs on an
unseeded generator (`stochasticNoise`), only the label is compared. `observed`, what the original classes
said beyond a suite's own assertions, is compared like `expected`, with the metric's name put in.
"""
import json
import os
import pathlib
import sys

from compare import closing, differences, problems_of

REL = 1e-12


def tolerance(expected, key):
    """(rel, abs) for a top-level field of `expected`."""
    if key in ("lower", "upper") and "toleranceCI" in expected:
        return {"rel": REL, "abs": expected["toleranceCI"]}
    for name in ("Estimate", "Std"):
        if key == name.lower() and "tolerance" + name in expected:
            return {"rel": REL, "abs": expected["tolerance" + name]}
    if "tolerance" in expected:
        return {"rel": 0.0, "abs": max(expected["tolerance"], 1e-15)}
    return {"rel": REL, "abs": 0.0}


def normal(expected):
    """Groups in a fixed order: the original's is not defined."""
    groups = expected.get("groupScores")
    if isinstance(groups, list) and groups and isinstance(groups[0], dict):
        return dict(expected, groupScores=sorted(groups, key=lambda g: g["name"]))
    return expected


def compare(got, expected):
    out = []
    for key, want in expected.items():
        if key.startswith("tolerance"):
            continue
        if key not in got:
            out.append(f"no `{key}`")
            continue
        if (got[key] is None) != (want is None):
            out.append(f"{key} is {got[key]!r}, want {want!r}")
        elif key == "error":
            if want not in got[key] and not got[key].startswith(want):
                out.append(f"error is {got[key]!r}, want {want!r}")
        else:
            out += differences(got[key], want, tolerance(expected, key), (key,))
    return out


def observed(case):
    """What the original's classes said, for the metric of this case; numbers that noise decided are absent there."""
    seen = dict(case.get("observed") or {})
    name = case["params"].get("metricName", "m")
    reason = seen.get("reason")
    if reason:
        words = reason.split(" ")
        seen["reason"] = " ".join(name if w == "m" else w for w in words)
    if seen and seen["ciLower"] is None and case["experiment"] and case["control"]:
        seen.pop("deviation")
    return seen


def find(case, answer):
    if case.get("stochasticNoise"):
        labels = case.get("observedLabels") or [case["expected"]["classification"]]
        label = answer["classification"]
        return [] if label in labels else [f"classification is {label!r}, want one of {labels}"]
    got = normal(answer)
    return compare(got, normal(case["expected"])) + compare(got, observed(case))


def main():
    files = [pathlib.Path(a) for a in sys.argv[1:]]
    folder = os.environ.get("JUDGE_GOLDEN")
    if not files and not folder:
        print("skipped Kayenta's known answers, which may not be copied: set JUDGE_GOLDEN to the folder that has kayenta/")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    files = files or sorted((pathlib.Path(folder) / "kayenta").glob("*.json"))
    passed, failed = closing((path, problems_of(path, json.loads(path.read_text()), find, lambda case: case["name"][:80])) for path in files)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
