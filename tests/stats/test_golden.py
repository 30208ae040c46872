#!/usr/bin/python3
"""Every case of every file of known answers through `judgectl eval`, within the tolerance the file states.

    tests/stats/test_golden.py [FILE...]      by default tests/golden/stats and, when JUDGE_GOLDEN is set, its stats/

One test a file: a file with a single case off fails. There is no list of exceptions; where a tool's own value is missing,
proofs.py computes it.
"""
import json
import os
import pathlib
import sys

from compare import ROOT, closing, differences, number, problems_of
from proofs import expectation


def check(path):
    def find(case, got):
        return differences(got, expectation(path.stem, case, number), case.get("tol") or {})

    return problems_of(path, json.loads(path.read_text())["cases"], find, lambda case: json.dumps(case.get("params"))[:150])


def main():
    skipped = 0
    files = [pathlib.Path(a) for a in sys.argv[1:]]
    if not files:
        files = sorted((ROOT / "tests" / "golden" / "stats").glob("*.json"))
        folder = os.environ.get("JUDGE_GOLDEN")
        if folder:
            known = {f.name for f in files}
            files += [f for f in sorted((pathlib.Path(folder) / "stats").glob("*.json")) if f.name not in known]
        else:
            skipped += 1
            print("skipped the values that may not be copied: set JUDGE_GOLDEN to the folder that has stats/")
    passed, failed = closing((path, check(path)) for path in files)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
