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

from compare import ROOT, differences, evaluate, number
from proofs import expectation


def check(path):
    cases = json.loads(path.read_text())["cases"]
    try:
        answers = evaluate(path)
    except (RuntimeError, ValueError) as why:
        return [f"judgectl eval: {why}"]
    if [a.get("case") for a in answers] != list(range(len(cases))):
        return [f"{len(answers)} answers for {len(cases)} cases, or out of order"]
    problems = []
    for i, (case, answer) in enumerate(zip(cases, answers)):
        if "got" not in answer:
            found = [f"error: {answer.get('error')}"]
        else:
            want = expectation(path.stem, case, number)
            found = differences(answer["got"], want, case.get("tol") or {})
        problems += [f"case {i} {json.dumps(case.get('params'))[:150]}: {p}" for p in found[:3]]
    return problems


def main():
    passed = failed = skipped = 0
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
    for path in files:
        problems = check(path)
        if problems:
            failed += 1
            print(f"FAIL {path.name}: {len(problems)} differences")
            for p in problems[:8]:
                print(f"    {p}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
