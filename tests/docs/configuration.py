#!/usr/bin/python3
"""Prints docs/configuration.md: how judged is told what to do, and every option as `judged --help` tells it.

    tests/docs/configuration.py > docs/configuration.md
"""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from judged import JUDGED, clean_environment

HEAD = """# Configuration of judged

Flags come before the environment, the environment before the file (`judged -c FILE`), the file before defaults. A
variable that is empty counts as not set. In the file an option is `name: value`, without the dashes. `judged -n` checks everything,
prints the canonical form (which can be used as a file; a Redis address is shown without user and password) and
exits; wrong settings end with status 2 and one line that names the option, where it came from and what would be right.

`SIGHUP` reads everything again. What the table marks *live* changes at once; what else differs is named in the log and
needs a restart; a file with a fault changes nothing. `SIGTERM` and `SIGINT` stop: waiting requests are answered, samples
are stored. Exit status: 0 stopped as asked, 2 wrong settings, 5 could not start.

## Connections and secrets

Two sections of the file are not options:

```yaml
connections:
  edge: {kind: haproxy, socket: /run/haproxy/admin.sock, services: [checkout]}
  router: {kind: webhook, url: "https://router.internal/judge"}
  exporter: {kind: scrape, target: "http://127.0.0.1:8405/metrics"}
  prod: {kind: aws, region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/release-judge"}
  team-chat: {kind: webhook, url: "https://chat.example/hook", secret_ref: chat}
secrets:
  router-key: {file: /etc/judge/router.secret}
  chat: {env: CHAT_SECRET}
  notify: {file: /etc/judge/notify.secret}
```

A connection says where and as whom; a spec names it (`connection: edge`, `notify: [{to: team-chat}]`) and cannot say
more than the operator allowed. `services` limits who may use it. `kind` is a platform or a source, or `aws`, which
all of AWS share; its other members are the fields of that word in [spec.md](spec.md) that say where to act.

A secret is named and said by where it is, a file nobody else may read (mode 0600) or a variable of the environment; its
text in this file is refused. Files are read when the secret is used, so a rotation needs no restart. Webhook secrets are
`whsec_` and base64. The secret named `notify` signs notifications whose connection names none.

## What a spec may reach

A spec with an address in itself makes `judged` call it. `--inline-targets` says whether that is taken at all, and
`--private-targets` whether loopback and private addresses may be called; `auto` means only with the embedded Redis and a loopback
listener, that is, on one's own machine. `--allow-networks` lets in what would be refused otherwise.

## Options

| option | environment | default | live | meaning |
|---|---|---|---|---|
"""


LIVE = {"log-level"}  # test_configuration.py finds out by a reload


def help_text():
    return subprocess.run([JUDGED, "--help"], capture_output=True, text=True, check=True, env=clean_environment()).stdout


def rows(text):
    """(flag, value, help, default, environment) of each option."""
    for m in re.finditer(r"^ {2,6}(?:-\w, )?--([\w-]+)(?: ([A-Z]+|[a-z]+(?:\|[a-z]+)+))?\s+(.+)$", text, re.M):
        said = re.fullmatch(r"(.*?)(?: \(default: ([^()]*)\))?(?: \[(\w+)\])?", m[3])
        yield m[1], m[2], said[1], said[2], said[3]


def page():
    out = HEAD
    for flag, value, says, default, environment in rows(help_text()):
        shown = f"`--{flag}{' ' + value if value else ''}`"
        out += f"| {shown.replace('|', chr(92) + '|')} | {f'`{environment}`' if environment else ''} | {f'`{default}`' if default else ''} | {'yes' if flag in LIVE else ''} | {says.replace('|', chr(92) + '|')} |\n"
    return out


if __name__ == "__main__":
    sys.stdout.write(page())
