#!/usr/bin/python3
"""judgectl doctor: what it finds on a service that is well, and on one with each thing that can be made wrong here: a
Redis of our own choosing without durability and with little memory, a source and a socket that do not answer."""
import json
import shutil
import socket
import subprocess
import tempfile

from judged import Judged, Suite, check, ctl, die_with_parent, free_ports, quick_spec, wait_for

suite = Suite()


def findings(r):
    """{what: (state, detail)}, of the last one of each name."""
    out = {}
    for line in r.stdout.splitlines():
        out[line[9:26].strip()] = (line[:8].strip(), line[26:])
    return out


@suite.test
def a_service_that_is_well(j):
    r = ctl(j, "doctor")
    f = findings(r)
    check(r.returncode == 0, r.stdout, r.stderr)
    check(set(f) == {"service", "redis", "redis memory", "durability", "clock", "state directory", "samples", "sources"}, f)
    check(all(f[w][0] == "ok" for w in ("service", "durability", "clock", "samples", "sources")), f)
    check("our own" in f["redis"][1] and "synced before each answer" in f["durability"][1], f)
    check("free, a durable write takes" in f["state directory"][1], f)
    d = json.loads(ctl(j, "doctor", "-o", "json").stdout)
    check(d["now"].endswith("Z") and {x["state"] for x in d["findings"]} <= {"ok", "warning"}, d)
    check(j.get("/v1/doctor", token=None).status == 401)


@suite.test
def a_source_that_does_not_answer(j):
    (port,) = free_ports(1)
    source = {"scrape": {"target": f"http://127.0.0.1:{port}/metrics", "metric": "errors_total", "of": "requests_total", "cohorts": {"baseline": {"v": "1"}, "candidate": {"v": "2"}}}}
    spec = quick_spec("silent", metric={"source": source}, policy={"block": "1s", "lateness": "1s", "no_data_after": "60s"})
    a = j.post("/v1/releases", json.dumps(spec), type="application/json")
    check(a.status == 201, a)
    r = wait_for("complaint", lambda: (r := ctl(j, "doctor")).returncode == 5 and r)
    state, detail = findings(r)["source"]
    check(state == "failed" and detail.startswith(f"silent: http://127.0.0.1:{port}/metrics: "), detail)
    j.post("/v1/releases/silent/abort", {"why": "seen"})


@suite.test
def a_redis_that_forgets(j):
    folder = tempfile.mkdtemp(prefix="doctor-")
    path = f"{folder}/redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", path, "--dir", folder, "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
    other = None
    try:
        wait_for("redis", lambda: socket.socket(socket.AF_UNIX).connect_ex(path) == 0)
        other = Judged(redis=f"unix://{path}", config=f"connections:\n  edge: {{kind: haproxy, socket: {folder}/nobody.sock}}\n").start()
        cli = lambda *args: subprocess.run(["redis-cli", "-s", path, *args], capture_output=True, text=True, check=True).stdout
        used = int(cli("info", "memory").split("used_memory:")[1].split()[0])
        cli("config", "set", "maxmemory", str(used * 11 // 10))
        r = ctl(other, "doctor")
        f = findings(r)
        check(r.returncode == 5, r.stdout)
        check(f["durability"][0] == "warning" and "no AOF" in f["durability"][1], f)
        check(f["redis memory"][0] == "warning" and "refused when it is full" in f["redis memory"][1], f)
        check(f["connection"][0] == "failed" and f["connection"][1].startswith("edge: "), f)
        check("at redis.url" in f["redis"][1], f)
    finally:
        if other:
            other.close()
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    suite.run(Judged("--inline-targets", "on", "--private-targets", "on").start())
