#!/usr/bin/env python3
"""The demo's checker: reads what happened back from HAProxy and Redis, and shares no code with judged.

    check.py FACTS

FACTS is what demo.py wrote down: which service behaved how, when each release was applied, when judged was
killed. Everything else comes from HAProxy (`show servers state`, its access log, the commands its runtime
socket received) and from Redis (the release's record, its verdicts, its sealed blocks), over their own
protocols. Prints the summary; exit status 0 when every line of it holds, 1 otherwise.
"""
import json
import pathlib
import re
import socket
import sys
from datetime import datetime, timezone

STEPS = [0.01, 0.05, 0.25, 0.5, 1.0]
SHARE_SLACK = 0.012       # weights are whole numbers and requests a sample
BLOCKS_A_STEP = 20        # the least a judged step may last
PHASES = ["queued", "checking", "judging", "finishing", "baking", "done"]  # as the record numbers them
OUTCOMES = ["", "promoted", "rolled_back", "stopped"]
CAUSES = ["", "harm", "deadline", "no_data", "unhealthy", "drift", "person", "platform"]
DRAIN_S = 3.0             # keep-alive requests in flight after the last shift


class Redis:
    """RESP over a unix socket: enough to read."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def call(self, *args):
        parts = [a.encode() if isinstance(a, str) else a for a in args]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self.reply()

    def reply(self):
        line = self.file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            if n < 0:
                return None
            data = self.file.read(n + 2)
            return data[:-2]
        return [self.reply() for _ in range(int(rest))] if int(rest) >= 0 else None

    def hash(self, key):
        flat = self.call("HGETALL", key)
        return {flat[i].decode(): flat[i + 1].decode("utf-8", "replace") for i in range(0, len(flat), 2)}


def haproxy_weights(path):
    """{backend: {server: weight in force}} from `show servers state`."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(10)
    s.connect(str(path))
    s.sendall(b"show servers state\n")
    text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    rows = text.splitlines()
    columns = next(r for r in rows if r.startswith("# ")).split()[1:]
    result = {}
    for row in rows:
        cells = row.split()
        if len(cells) == len(columns):
            r = dict(zip(columns, cells))
            result.setdefault(r["be_name"], {})[r["srv_name"]] = int(r["srv_uweight"])
    return result


def read_access_log(path):
    """{backend: [(time, server, status)]}"""
    result = {}
    line = re.compile(rb"(\d+\.\d+) (\S+) (\S+) (-?\d+)$")
    with open(path, "rb") as log:
        for raw in log:
            m = line.search(raw.strip())
            if m:
                result.setdefault(m[2].decode(), []).append((float(m[1]), m[3].decode(), int(m[4])))
    return result


def read_commands(path):
    """{backend: [(time, stable weight, candidate weight)]}: each state the runtime socket was told."""
    result, told = {}, {}
    for row in open(path, encoding="utf-8"):
        at, command = row.rstrip("\n").split("\t", 1)
        m = re.match(r"set (?:server|weight) ([\w-]+)/([\w-]+)(?: weight)? (\d+)$", command)
        if not m:
            continue
        weights = told.setdefault(m[1], {})
        weights[m[2]] = (float(at), int(m[3]))
        if len(weights) == 2:
            times = [t for t, _ in weights.values()]
            result.setdefault(m[1], []).append((max(times), weights["stable"][1], weights["candidate"][1]))
            told[m[1]] = {}
    return result, {backend: w for backend, w in told.items() if w}


def seconds(text):
    text = text.replace("Z", "+00:00")
    return datetime.fromisoformat(text).astimezone(timezone.utc).timestamp()


class Checker:
    def __init__(self, facts):
        self.dir = pathlib.Path(facts["dir"])
        self.facts = facts
        self.faults = []
        self.redis = Redis(self.dir / "state" / "redis" / "redis.sock")
        self.weights = haproxy_weights(self.dir / "haproxy.sock")
        self.access = read_access_log(self.dir / "access.log")
        self.commands, self.halves = read_commands(self.dir / "commands.log")

    def want(self, holds, what):
        if not holds:
            self.faults.append(what)
        return holds

    def verdicts(self, release):
        entries = self.redis.call("XRANGE", f"judge:{{{release}}}:verdicts", "-", "+")
        found = []
        for _, fields in entries:
            found.append(json.loads(dict(zip(fields[::2], fields[1::2]))[b"j"]))
        return found

    def check_verdicts(self, s, verdicts):
        """Which verdict ended it, when, and whether the sequence is whole."""
        name = f"({s['letter']}) {s['service']}"
        numbers = [v["seq"] for v in verdicts]
        self.want(numbers == sorted(set(numbers)), f"{name}: verdict numbers repeat or go back: {numbers[:20]}")
        word = "promote" if s["expect"] == "promoted" else "rollback"
        final = next((v for v in verdicts if v["verdict"] == word), None)
        if not self.want(final is not None, f"{name}: no verdict `{word}` in Redis"):
            return None
        self.want(final["guarantee"] == "proven", f"{name}: guarantee is {final['guarantee']}")
        if word == "promote":
            bad = [m["name"] for m in final["metrics"] if m["state"] != "harmless"]
            self.want(not bad, f"{name}: promoted while {bad} not shown harmless")
        else:
            self.want(final["cause"] == "harm", f"{name}: rolled back, but the cause is {final['cause']}")
            guilty = "latency" if "slower" in s["what"] else "errors"
            harmful = [m["name"] for m in final["metrics"] if m["state"] == "harmful"]
            self.want(guilty in harmful, f"{name}: harmful metrics are {harmful}, expected {guilty}")
        return final

    def check_commands(self, s):
        """Every state the load balancer was told: in the plan, in order, none twice."""
        name = f"({s['letter']}) {s['service']}"
        told = self.commands.get(s["service"], [])
        self.want(told, f"{name}: HAProxy was told no weights at all")
        self.want(s["service"] not in self.halves, f"{name}: only one of two weights was set: {self.halves.get(s['service'])}")
        shares = [c / (a + c) for _, a, c in told if a + c > 0]
        for share in shares:
            self.want(min(abs(share - p) for p in [0.0] + STEPS) < 0.005, f"{name}: share {share:.3f} is not in the plan")
        rising = shares if s["expect"] == "promoted" else [x for x in shares if x > 0]
        self.want(all(b > a for a, b in zip(rising, rising[1:])), f"{name}: a weight was set twice or out of order: {shares}")
        if s["expect"] == "rolled_back":
            self.want(shares and shares[-1] == 0 and shares.count(0.0) == 1, f"{name}: the rollback was not one command: {shares}")
        times = [t for t, _, _ in told]
        for share, a, b in zip(shares, times, times[1:]):
            if 0 < share < 1 and (s["expect"] == "promoted" or b != times[-1]):
                self.want(b - a >= BLOCKS_A_STEP, f"{name}: the step at {share:.0%} lasted {b - a:.1f} s only")
        return told

    def check_traffic(self, s, told):
        """The access log: the shares were really those, and who met the candidate."""
        name = f"({s['letter']}) {s['service']}"
        log = self.access.get(s["service"], [])
        if not self.want(len(log) > 1000, f"{name}: the access log has {len(log)} requests"):
            return 0
        for (t, a, c), after in zip(told, [x[0] for x in told[1:]] + [log[-1][0]]):
            window = [server for at, server, _ in log if t + 1 <= at < after]
            if len(window) < 2000 or a + c == 0:
                continue
            seen = sum(server == "candidate" for server in window) / len(window)
            self.want(abs(seen - c / (a + c)) < SHARE_SLACK, f"{name}: weights say {c / (a + c):.3f}, the access log {seen:.3f}")
        if told:
            wrong = "stable" if s["expect"] == "promoted" else "candidate"
            late = sum(1 for at, server, _ in log if server == wrong and at > told[-1][0] + DRAIN_S)
            self.want(late == 0, f"{name}: {late} requests met the {wrong} version after the last shift")
        return sum(server == "candidate" for _, server, _ in log)

    def check_service(self, s):
        name = f"({s['letter']}) {s['service']}"
        record = self.redis.hash(f"judge:{{{s['release']}}}:release")
        for field, names in (("phase", PHASES), ("outcome", OUTCOMES), ("cause", CAUSES)):
            record[field] = names[int(record.get(field) or 0)]
        self.want(record.get("phase") == "done", f"{name}: phase in Redis is {record.get('phase')}")
        self.want(record.get("outcome") == s["expect"], f"{name}: outcome in Redis is {record.get('outcome')}, expected {s['expect']}")
        final = self.check_verdicts(s, self.verdicts(s["release"]))
        sealed = [self.redis.call("XLEN", f"judge:{{{s['release']}}}:sealed:{m}") for m in (0, 1)]
        self.want(min(sealed) >= BLOCKS_A_STEP / 2, f"{name}: sealed blocks in Redis: {sealed}")
        weights = self.weights.get(s["service"], {})
        ends = weights.get("candidate", 0) > 0 and weights.get("stable") == 0 if s["expect"] == "promoted" else \
            weights.get("candidate") == 0 and weights.get("stable", 0) > 0
        self.want(ends, f"{name}: HAProxy's weights at the end are {weights}")
        told = self.check_commands(s)
        met = self.check_traffic(s, told)
        if s["kill"]:
            killed = self.facts["killed_at"]
            self.want(killed is not None and told and told[0][0] < killed < told[-1][0], f"{name}: judged was not killed in the middle of it")
        took = seconds(final["at"]) - s["applied"] if final else float("nan")
        share = f"{100 * final['share']:g} %" if final and final.get("share") is not None else "-"
        shifts = " -> ".join(f"{100 * c / (a + c):.3g} %" for _, a, c in told if a + c)
        verdict = f"{record.get('outcome', '?')} ({record.get('cause') or 'evidence'})"
        print(f"  ({s['letter']}) {s['service']:<9} {s['what'] + (', judged killed' if s['kill'] else ''):<26} {verdict:<24} {took:5.0f} s  at {share:<5} {met:>7,}")
        print(f"      {shifts}")
        if final:
            print(f"      {final['reason']}")
            print(f"      reports: {self.dir / 'reports' / s['release']}.{{html,md,json}}")

    def run(self):
        print("\nSummary, read back from HAProxy and Redis")
        print(f"  {'service':<13} {'candidate is':<26} {'outcome':<24} {'time':>7}  {'share':<8} requests that met it")
        for s in self.facts["services"]:
            self.check_service(s)
        if self.faults:
            print(f"\nThe checker does not agree, {len(self.faults)} faults:")
            for fault in self.faults:
                print(f"  - {fault}")
            return 1
        print("\nChecked: outcomes, verdicts, weights, shares and step lengths agree between HAProxy, its access log and Redis.")
        return 0


if __name__ == "__main__":
    sys.exit(Checker(json.load(open(sys.argv[1], encoding="utf-8"))).run())
