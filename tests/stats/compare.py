"""Comparing what `judgectl eval` prints with what other people's tools computed. Shares no code with the product.

Tolerances of a case: `rel` and `abs` hold for every number, the looser of the two passes; `z_abs`, `ci_rel` and the
like hold for the fields whose name begins with (or contains) that word instead. Two infinities of one sign are equal, and so
are two undefined values (null, "nan").
"""
import json
import math
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
JUDGECTL = os.environ.get("JUDGECTL", str(ROOT / "build" / "judgectl"))
WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def number(value):
    """A float, or None when the value is not a number (or stands for one)."""
    if value is None:
        return math.nan
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and value.lower() in WORDS:
        return WORDS[value.lower()]
    return None


def limits(tol, path):
    """(rel, abs) for the field at `path`."""
    names = [p for p in path if isinstance(p, str)]
    special = {}
    for key, value in tol.items():
        word, _, kind = key.rpartition("_")
        if word and kind in ("rel", "abs") and any(n.startswith(word) or word in n.split("_") or n == word for n in names):
            special[kind] = value
    if special:
        return special.get("rel", 0.0), special.get("abs", 0.0)
    if "rel" in tol or "abs" in tol:
        return tol.get("rel", 0.0), tol.get("abs", 0.0)
    rels = [v for k, v in tol.items() if k.endswith("_rel")]
    abss = [v for k, v in tol.items() if k.endswith("_abs")]
    return max(rels, default=0.0), max(abss, default=0.0)


def differences(got, want, tol, path=()):
    """Sentences, one for each place where `got` is not `want`."""
    where = "/".join(str(p) for p in path) or "the value"
    if isinstance(want, dict):
        if not isinstance(got, dict):
            return [f"{where} is {json.dumps(got)[:80]}, want an object"]
        out = []
        for key, value in want.items():
            if key not in got:
                out.append(f"{where} has no `{key}`")
            else:
                out += differences(got[key], value, tol, path + (key,))
        return out
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return [f"{where} is {json.dumps(got)[:80]}, want {len(want)} values"]
        out = []
        for i, value in enumerate(want):
            out += differences(got[i], value, tol, path + (i,))
        return out
    a, b = number(got), number(want)
    if b is None or a is None:
        return [] if got == want else [f"{where} is {json.dumps(got)[:80]}, want {json.dumps(want)[:80]}"]
    rel, absolute = limits(tol, path)
    if a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= max(absolute, rel * abs(b)):
        return []
    return [f"{where} is {a!r}, want {b!r} (rel {rel}, abs {absolute})"]


def evaluate(path):
    """The answers of `judgectl eval PATH`, by case; raises when it fails as a whole."""
    run = subprocess.run([JUDGECTL, "eval", str(path)], capture_output=True, text=True, timeout=200)
    if run.returncode != 0:
        raise RuntimeError((run.stderr.strip() or f"exit {run.returncode}").splitlines()[0])
    return [json.loads(line) for line in run.stdout.splitlines()]


def problems_of(path, cases, find, name):
    """What is wrong with the answers to a file's cases, a line each: find(case, got) lists a case's, name(case) is what it is called."""
    try:
        answers = evaluate(path)
    except (RuntimeError, ValueError) as why:
        return [f"judgectl eval: {why}"]
    if [a.get("case") for a in answers] != list(range(len(cases))):
        return [f"{len(answers)} answers for {len(cases)} cases, or out of order"]
    problems = []
    for i, (case, answer) in enumerate(zip(cases, answers)):
        found = find(case, answer["got"]) if "got" in answer else [f"error: {answer.get('error')}"]
        problems += [f"case {i} {name(case)}: {p}" for p in found[:3]]
    return problems


def closing(results):
    """Prints what failed, of (path, problems) pairs; how many passed and failed."""
    passed = failed = 0
    for path, problems in results:
        passed += not problems
        failed += bool(problems)
        if problems:
            print(f"FAIL {path.name}: {len(problems)} differences")
        for p in problems[:8]:
            print(f"    {p}")
    return passed, failed
