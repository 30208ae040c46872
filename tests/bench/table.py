#!/usr/bin/python3
"""Figures, one JSON object a line on standard input, become one table and one JSON file.

    table.py OUT.json LOAD

LOAD is the machine's load before the first benchmark. The file holds when and where it was measured beside the
figures: {"at", "cpu", "cpus", "kernel", "load", "figures"}.
"""
import json
import os
import pathlib
import platform
import re
import sys
import time


def number(x):
    if x is None:
        return ""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.1f}" if abs(x) >= 1 else f"{x:.2g}"


def cpu_name():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def table(figures):
    head = ("figure", "value", "unit", "floor", "ratio", "wanted", "")
    rows = [(f["what"], number(f["value"]), f["unit"], number(f["floor"]), "" if f["ratio"] is None else f"{f['ratio']:.2f}", f["wanted"] or "",
             {True: "ok", False: "MISSED", None: ""}[f["met"]]) for f in figures]
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for r in [head, *rows]:
        print("  ".join(c.rjust(w) if i in (1, 3, 4) else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip())
    print("\nfloors, measured in the same run:")
    for name in dict.fromkeys(f["bench"] for f in figures if f["floor_is"]):
        print(f"  {name}: {next(f['floor_is'] for f in figures if f['bench'] == name and f['floor_is'])}")


def main():
    figures = [json.loads(line) for line in sys.stdin]
    for f in figures:
        if not isinstance(f["wanted"], (str, type(None))):
            raise SystemExit(f'"wanted" of "{f["what"]}" is {f["wanted"]!r}; wanted: words, as "<= 20 us", or null')
    out = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": cpu_name(), "cpus": os.cpu_count(), "kernel": platform.release(),
           "load": float(sys.argv[2]), "figures": figures}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(out, indent=1) + "\n")
    table(figures)
    print(f"\n{out['cpu']}, {out['cpus']} CPUs, load before {out['load']}; {sys.argv[1]}")
    if out["load"] > out["cpus"] / 2:
        print("the machine was busy: figures in ms are worse than they would be alone")


main()
