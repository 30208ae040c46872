#!/usr/bin/python3
"""judged itself: its command line, its settings and their canonical form, reload, one process a state directory, and
that no secret of the configuration is ever shown."""
import http.server
import os
import pathlib
import re
import signal
import stat
import subprocess
import tempfile
import threading
import time

from judged import JUDGED, ROOT, Judged, Suite, check, clean_environment, quick_spec, wait_for

suite = Suite()
FILE = """\
listen: "[::1]:8700"
statsd: ""
state: /tmp/never-made
work-threads: 3
pending: 64MB
log-level: warn
private-targets: "off"
allow-networks: 10.1.0.0/16, fd00::/8
connections:
  edge: {kind: haproxy, socket: /run/haproxy.sock, services: [checkout]}
  chat: {kind: webhook, url: "https://chat.example/hook", secret_ref: chat}
  exporter: {kind: scrape, target: "http://127.0.0.1:8405/metrics"}
secrets:
  chat: {env: CHAT}
  router: {file: /etc/judge/router.secret}
"""


def judged(*args, env=None, status=None):
    r = subprocess.run([JUDGED, *map(str, args)], capture_output=True, text=True, timeout=30, env=clean_environment(**(env or {})))
    if status is not None:
        check(r.returncode == status, f"{args}: want exit {status}, got {r.returncode}:\n{r.stdout}{r.stderr}")
    return r


def refused(*args, words=(), env=None):
    r = judged(*args, env=env, status=2)
    check(r.stdout == "" and r.stderr.startswith("judged: ") and r.stderr.count("\n") == 1, r)
    for word in words:
        check(word in r.stderr, f"no `{word}` in", r.stderr)


@suite.test
def help_and_version(dir):
    r = judged("--help", status=0)
    check(r.stderr == "" and r.stdout.startswith("usage: judged [options]"), r)
    for flag in ("--listen ADDRESS", "-c, --config FILE", "--redis URL", "[JUDGE_LISTEN]", "(default: 127.0.0.1:8700)"):
        check(flag in r.stdout, f"no `{flag}` in", r.stdout)
    check(re.fullmatch(r"judged \d+\.\d+\.\d+\n", judged("--version", status=0).stdout))


@suite.test
def the_canonical_form_reads_back_the_same(dir):
    for i, text in enumerate(("", "# nothing\n", FILE)):
        path = dir / f"{i}.yaml"
        path.write_text(text)
        first = judged("-n", "-c", path, status=0).stdout
        (dir / "again.yaml").write_text(first)
        again = judged("-n", "-c", dir / "again.yaml", status=0).stdout
        check(first == again, f"{first}\nis not\n{again}")
        check(not {"check", "config", "help", "version"} & {line.split(":")[0] for line in first.splitlines()}, first)
    for line in ("work-threads: 3", "pending: 64MB", 'listen: "[::1]:8700"', "  edge: ", "  router: "):
        check(line in first, f"no `{line}` in", first)
    check(not pathlib.Path("/tmp/never-made").exists(), "-n made something")


@suite.test
def flags_come_before_environment_before_file(dir):
    path = dir / "three.yaml"
    path.write_text("work-threads: 3\nhttp-threads: 3\nwaiting: 30\n")
    out = judged("-n", "-c", path, "--work-threads", "5", env={"JUDGE_WORK_THREADS": "4", "JUDGE_HTTP_THREADS": "4"}, status=0).stdout
    check({"work-threads: 5", "http-threads: 4", "waiting: 30", "http-connections: 4096"} <= set(out.splitlines()), out)
    check("work-threads: 3" in judged("-n", env={"JUDGE_CONFIG": str(path)}, status=0).stdout)


@suite.test
def wrong_settings_are_refused_by_name(dir):
    def file(text):
        path = dir / "wrong.yaml"
        path.write_text(text)
        return "-c", path

    refused("--lisen", "x", words=("--lisen", "did you mean --listen"))
    refused("stray", words=("stray",))
    refused("--work-threads", "0", words=("--work-threads", "from 1 to 64"))
    refused("--work-threads", "many", words=("whole number",))
    refused("--pending", "1XB", words=("--pending", "64MB"))
    refused("--log-level", "loud", words=("debug|info|warn|error",))
    refused("--listen", words=("--listen wants a value",))
    refused("--state", "", words=("--state",))
    for way in ((), ("-n",)):
        refused(*way, "--listen", "nonsense", words=("HOST:PORT", "nonsense"))
        refused(*way, "--listen", "127.0.0.1:99999", words=("99999",))
        refused(*way, "--statsd", "nonsense", words=("--statsd", "nonsense"))
        refused(*way, "--statsd", "127.0.0.1:0,0.0.0.0:8125", words=("0.0.0.0:8125 is not a loopback", "--statsd-remote"))
        refused(*way, "--emf", "0.0.0.0:25888", words=("--emf-remote",))
        refused(*way, "--statsd", ",".join(f"127.0.0.1:{n}" for n in range(5)), words=("--statsd", "more than 4"))
        refused(*way, "--wait-replicas", "1", words=("--wait-replicas", "--redis"))
    refused("--allow-networks", "10.0.0.0/99", words=("--allow-networks",))
    refused("--redis", "http://127.0.0.1", words=("--redis", "redis://"))
    refused("-n", env={"JUDGE_WAITING": "x"}, words=("environment JUDGE_WAITING",))
    refused("-c", "/nonexistent.yaml", words=("/nonexistent.yaml",))
    refused(*file("lisen: x\n"), words=("wrong.yaml", "line 1", "listen"))
    refused(*file("a: [1\n"), words=("wrong.yaml",))
    refused(*file("- a\n"), words=("wrong.yaml",))
    refused(*file("\nwork-threads: lots\n"), words=("wrong.yaml", "line 2", "work-threads"))
    refused(*file("connections: [a]\n"), words=("connections",))
    refused(*file("connections:\n  edge: {kind: flying}\n"), words=("wrong.yaml", "line 2", "edge", "flying"))
    refused(*file("connections:\n  edge: {socket: /x}\n"), words=("edge", "kind"))
    refused(*file("connections:\n  edge: {kind: haproxy, sockt: /x}\n"), words=("edge", "sockt"))
    refused(*file("connections:\n  chat: {kind: webhook, url: ftp://x}\n"), words=("chat", "url"))
    refused(*file("connections:\n  edge: {kind: haproxy, socket: /x, services: all}\n"), words=("services", "list"))
    refused(*file("secrets:\n  a: plain\n"), words=("wrong.yaml", "line 2", "{file: PATH} or {env: NAME}"))
    refused(*file("secrets:\n  a: {value: plain}\n"), words=("{file: PATH} or {env: NAME}",))


@suite.test
def what_is_secret_is_never_shown(dir):
    secret = "planted-4711"
    path = dir / "secret.yaml"
    for text, words in (
        (f"secrets:\n  a: {secret}\n", ()), (f"secrets:\n  a: {{value: {secret}}}\n", ()), (f"secrets:\n  a: {{file: x, text: {secret}}}\n", ()),
        (f"connections:\n  c: {{kind: webhook, url: 'https://me:{secret}@h/'}}\n", ()), (f"redis: 'redis://:{secret}@h:x'\n", ()),
    ):
        path.write_text(text)
        r = judged("-n", "-c", path, status=2)
        check(secret not in r.stdout + r.stderr, r)
    for url in (f"redis://:{secret}@127.0.0.1:1", f"redis://me:{secret}@127.0.0.1:1/2", f"redis://:{secret}%40x@127.0.0.1:1"):
        r = judged("-n", "--redis", url, status=0)
        check(secret not in r.stdout + r.stderr and "@127.0.0.1:1" in r.stdout, r.stdout)
    j = Judged(redis=f"redis://:{secret}@127.0.0.1:1")
    try:
        j.start(ready=False)
        j.child.wait(30)
        check(j.child.returncode == 5 and "127.0.0.1:1" in j.log() and secret not in j.log(), j.log())
    finally:
        j.close()


@suite.test
def one_judged_a_state_directory(dir):
    with Judged() as first:
        second = Judged()
        second.state = first.state
        second.start(ready=False)
        check(second.child.wait(20) == 5, second.child.returncode)
        check(str(first.pid) in second.log() and str(first.state) in second.log(), second.log())
        check(first.get("/v1/releases").status == 200, "the first goes on")
        second.state = second.dir / "state"
        second.close()
        mode = stat.S_IMODE((first.state / "admin.token").stat().st_mode)
        check(mode == 0o600 and stat.S_IMODE(first.state.stat().st_mode) == 0o700, oct(mode))


@suite.test
def a_restart_keeps_the_admin_token(dir):
    with Judged() as j:
        token = j.token
        check(j.stop() == 0)
        j.start()
        check((j.state / "admin.token").read_text().strip() == token and j.get("/v1/releases").status == 200)
        j.stop()
        (j.state / "admin.token").unlink()
        j.start()
        j._token = None
        check(j.token != token and j.get("/v1/releases").status == 200, "a lost token is made anew")


@suite.test
def a_reload_takes_what_it_can(dir):
    with Judged(config="log-level: info\n") as j:
        def reload(text, words):
            before = len(j.log())
            j.config_path.write_text(text)
            j.child.send_signal(signal.SIGHUP)
            return wait_for(f"`{words}` in the log", lambda: words in j.log()[before:] and j.log()[before:], 5)

        reload("log-level: info\n", "info judged reloaded\n")
        said = reload("log-level: loud\n", "reload: nothing was changed")
        check("log-level" in said and " warn " in said, said)
        reload("a: [1\n", "reload: nothing was changed")
        said = reload("log-level: warn\nwork-threads: 9\nconnections: {chat: {kind: webhook, url: 'http://127.0.0.1:9/'}}\n", "needs a restart to change")
        check("work-threads" in said and "connections" in said and "log-level" not in said, said)
        said = reload("log-level: nothing\n", "reload: nothing was changed")
        size = len(j.log())
        j.config_path.write_text("log-level: warn\n")
        j.child.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        check("info" not in j.log()[size:], "the level was taken over:", j.log()[size:])
        check(j.get("/v1/releases").status == 200)
        check(j.stop() == 0)


@suite.test
def it_tells_its_supervisor(dir):
    import socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        path = str(dir / "notify")
        s.bind(path)
        s.settimeout(20)
        with Judged(env={"NOTIFY_SOCKET": path}) as j:
            check(s.recv(100) == b"READY=1")
            check(j.stop() == 0)
            check(s.recv(100) == b"STOPPING=1")


@suite.test
def an_address_in_use_is_said(dir):
    with Judged() as first:
        second = Judged()
        second.listen = f"127.0.0.1:{first.port}"
        second.start(ready=False)
        check(second.child.wait(20) == 5 and "in use" in second.log(), second.log())
        second.listen, second.statsd_port = f"127.0.0.1:{second.port}", first.statsd_port
        second.start(ready=False)
        check(second.child.wait(20) == 5 and "in use" in second.log(), second.log())
        second.close()


@suite.test
def it_serves_a_unix_socket(dir):
    j = Judged(listen=f"unix:{dir}/http.sock")
    try:
        j.start(ready=False)
        wait_for("socket", lambda: (dir / "http.sock").exists() or j.child.poll() is not None)
        from judged import ctl
        r = wait_for("answer", lambda: (r := ctl(None, "list", "--url", f"unix:{dir}/http.sock", "--state", j.state)).returncode == 0 and r)
        check(r.stdout.startswith("RELEASE"), r)
    finally:
        j.close()


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_error(500)

    def log_message(self, *_):
        pass


@suite.test
def the_address_of_a_chat_stays_out_of_the_log(dir):
    """Its path is the credential."""
    chat = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=chat.serve_forever, daemon=True).start()
    port = chat.server_port
    with Judged(config=f'connections: {{chat: {{kind: webhook, url: "http://127.0.0.1:{port}/services/T0/hush?a=hush"}}}}\n') as j:
        j.apply(quick_spec("told", notify=[{"to": "chat", "on": ["rollback"]}]))
        j.post("/v1/releases/told/rollback", {"why": "test"})
        wait_for("refusal", lambda: f"http://127.0.0.1:{port} answered 500" in j.log())
        chat.shutdown()
        chat.server_close()
        wait_for("failed call", lambda: f"http://127.0.0.1:{port}: " in j.log(), 15)
        check("hush" not in j.log(), j.log())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="judged-test-") as directory:
        suite.run(pathlib.Path(directory))
