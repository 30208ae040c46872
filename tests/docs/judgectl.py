#!/usr/bin/python3
"""Prints docs/judgectl.md: what the command line is for, and every command with its options as judgectl tells them.

    tests/docs/judgectl.py > docs/judgectl.md
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from judged import ctl

HEAD = """# judgectl

The command line of the judge. Results go to standard output in the form `--output` asks for (`text`, `json`, `yaml`),
progress and complaints to standard error: on a terminal one line that is rewritten, otherwise a line for each change.
Colours are for terminals, and not with `NO_COLOR`.
The list of commands and their options below is what `judgectl --help` says; `tests/docs/judgectl.py` prints this page and
a test holds it to that.

## Where, and as whom

`--url URL` or `JUDGE_URL` (`http://host:port`, `https://...`, `unix:/path`); without it `http://127.0.0.1:8700`. The token
is the first of `--token`, `JUDGE_TOKEN`; `--token-file`, `JUDGE_TOKEN_FILE`; `admin.token` in the state directory of the
local service (`--state`, `JUDGE_STATE`), for addresses on this machine only. A token file that others may read is refused.

## Exit status

| status | meaning |
|---|---|
| 0 | promote; `run`, `watch`: the release ended promoted; other commands: done |
| 1 | rolled back, or to be rolled back, for harm |
| 2 | wrong usage, or a spec that cannot be |
| 3 | undecided: the deadline passed, a person ended it, or `gate` was asked too early |
| 4 | no data, stale data, or a candidate the platform calls unhealthy |
| 5 | the service cannot be reached, or refuses |
| 6 | the verdict is there but the platform does not follow, or somebody else moved the traffic |
| 124 | `--timeout` has passed |
| 130 | interrupted (Ctrl-C, SIGTERM); the release goes on |

`run` follows a release to its end. It also ends, with 3 or 6, when the release goes no further without a person: after a
deadline with `on_deadline: hold`, or when the platform refuses a shift three times. The release then waits; `judgectl
resume` tries again, `judgectl rollback` and `abort` end it. `run`, `watch` and `gate --wait` wait up to a minute for a
service that restarts. `apply` and `run` send an `Idempotency-Key` with the spec, and for 20 seconds ask a service that
is up but cannot answer yet again under the same key: one release starts, however often it was asked.

## In a pipeline

```sh
judgectl run release.yaml --timeout 2h            # start it, follow it; the status is the outcome
judgectl gate checkout-42 --for advance --wait    # a tool of yours moves the traffic and asks before each step
judgectl traffic checkout-42 25% --why "step 3"   # and reports what it did
judgectl gate checkout-42 --for promote --wait --timeout 30m --output json
```

A gate opens on what is true now: while the health is not `ok`, and past the verdict's `fresh_until` (by the clock of the
service), it stays shut with status 4.

## Before and after a release

```sh
judgectl validate release.yaml --check            # do the metrics find their series? shows the last hour's points
judgectl plan release.yaml --traffic 400 --baseline errors=0.5%       # time and traffic until a verdict, and the odds
judgectl simulate release.yaml --truth errors=x1.5 --runs 2000        # what becomes of many such releases
judgectl backtest release.yaml --data history.csv                     # what each method would have said of a history
```

Only `--check` needs the service: [tools](tools.md), [planning](stats/planning.md).

## Commands

| command | does |
|---|---|
"""


def commands():
    """(name, arguments, one line) of each, in the order of the table."""
    text = ctl(None, "--help").stdout
    return re.findall(r"^  ([a-z]+) +((?:[A-Z\[].*?)?) {2,}(.+)$", text, re.M)


def options(name):
    return ctl(None, name, "--help").stdout.split("\n\n", 2)[2].rstrip("\n")


def page():
    out, table = HEAD, commands()
    for name, arguments, does in table:
        out += f"| `judgectl {name}{' ' + arguments if arguments else ''}` | {does} |\n"
    common = set(options("platforms").splitlines())
    out += "\n## Options\n\nEvery command takes\n\n```\n" + options("platforms") + "\n```\n"
    for name, arguments, does in table:
        own = [line for line in options(name).splitlines() if line not in common]
        if own:
            out += f"\n`{name}` also\n\n```\n" + "\n".join(own) + "\n```\n"
    return out


if __name__ == "__main__":
    sys.stdout.write(page())
