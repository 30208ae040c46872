#!/usr/bin/python3
"""Known cases with a few values spoilt through `judgectl eval`: each is answered or refused by name, in its place.

    tests/stats/test_eval_hostile.py [SEED [CASES]]      CASES a file, 30 by default; files as in test_golden.py;
                                                        JUDGECTL names a program built otherwise (sanitizers)

A spoilt value is 0, huge, tiny, not finite, of another type, or another word; a list loses its values or has one only.
No answer is compared: the process may not die, stay silent about a case, or take longer than a case should.
"""
import copy
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from compare import JUDGECTL, ROOT

SEED, CASES = 20261128, 30
LIMIT_SECONDS = 60  # a file; sanitizers and a busy machine included
NOT_READ = {"expected", "observed", "transformed"}
NUMBERS = [0, 1, -1, 2, 0.5, 1e-300, 1e300, -1e300, 1e-12, 1e-7, 1e6, 1e9, 1e15, 4503599627370497, 0.999999999, -0.0]
OTHERS = ["inf", "-inf", None, "x", [], {}, True]
WORDS = ["two-sided", "two.sided", "greater", "less", "holm", "obrien", ""]
FACTORS = [0, -1, 10, 0.1, 1000, 1e-3, 1e6]


def places(value, at=None):
    """(container, key) of every value and list of numbers of a case."""
    if isinstance(value, dict):
        for key in value:
            if key not in NOT_READ:
                yield from places(value[key], (value, key))
        return
    if isinstance(value, list):
        for i in range(len(value)):
            yield from places(value[i], (value, i))
    if at:
        yield at


def spoilt(value, rng):
    if isinstance(value, list) and value and rng.random() < 0.8:
        return rng.choice([[], value[:1], [value[0]] * len(value)])
    if isinstance(value, (int, float)) and not isinstance(value, bool) and rng.random() < 0.4:
        return value * rng.choice(FACTORS)
    if isinstance(value, str) and rng.random() < 0.3:
        return rng.choice(WORDS)
    return copy.deepcopy(rng.choice(NUMBERS + OTHERS))


def spoil(case, rng):
    case = copy.deepcopy(case)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        all_places = list(places(case))
        if all_places:
            container, key = rng.choice(all_places)
            container[key] = spoilt(container[key], rng)
    return case


def complaint(path, n, folder, rng):
    cases = json.loads(path.read_text())["cases"]
    file = folder / path.name
    file.write_text(json.dumps({"cases": [spoil(rng.choice(cases), rng) for _ in range(n)]}))
    try:
        done = subprocess.run([JUDGECTL, "eval", file], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"more than {LIMIT_SECONDS} s"
    if done.returncode < 0 or "Sanitizer" in done.stderr:
        return f"ended with {done.returncode}: {done.stderr[-300:]}"
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if [a.get("case") for a in answers] != list(range(n)):
        return f"{len(answers)} answers for {n} cases, or out of order: {done.stderr[-300:]}"
    silent = [a for a in answers if "got" not in a and not a.get("error")]
    return f"neither answered nor refused: {silent[0]}" if silent else None


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else SEED
    n = int(sys.argv[2]) if len(sys.argv) > 2 else CASES
    passed = failed = skipped = 0
    folders = [ROOT / "tests" / "golden" / "stats"]
    if os.environ.get("JUDGE_GOLDEN"):
        folders.append(pathlib.Path(os.environ["JUDGE_GOLDEN"]) / "stats")
    else:
        skipped += 1
        print("skipped the values that may not be copied: set JUDGE_GOLDEN to the folder that has stats/")
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted({f.name: f for where in folders for f in where.glob("*.json")}.values()):
            rng = random.Random(f"{seed} {path.name}")
            why = complaint(path, n, pathlib.Path(folder), rng)
            if why:
                failed += 1
                kept = ROOT / "build" / f"hostile-{path.name}"
                kept.write_text((pathlib.Path(folder) / path.name).read_text())
                print(f"FAIL {path.name} (seed {seed}; kept as {kept}): {why}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
