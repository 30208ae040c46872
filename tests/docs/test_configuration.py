#!/usr/bin/python3
"""docs/configuration.md is what configuration.py prints from the table of options, its example is taken, and the
options it calls live are those that a reload does not name as needing a restart."""
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import configuration
from judged import JUDGED, ROOT, Judged, Suite, check, clean_environment, wait_for

suite = Suite()
OTHER = {"statsd-remote": "true", "statsd-mode": "600", "emf-remote": "true", "emf": "127.0.0.1:2", "open-metrics": "false", "log-level": "debug", "inline-targets": '"on"', "private-targets": '"on"', "allow-networks": "10.0.0.0/8", "pending": "512MB", "listen": "127.0.0.1:1", "statsd": '""', "state": "/elsewhere", "redis": "rediss+sentinel://127.0.0.1:1/shop", "sns-topic": "arn:aws:sns:eu-west-1:123456789012:alarms", "sns-sha1": "true"}


@suite.test
def page_is_up_to_date():
    flags = re.findall(r"--([\w-]+)", "\n".join(line[:32] for line in configuration.help_text().splitlines()))
    check([r[0] for r in configuration.rows(configuration.help_text())] == flags and len(flags) > 15, flags)
    check((ROOT / "docs" / "configuration.md").read_text() == configuration.page(), "docs/configuration.md is old: tests/docs/configuration.py > docs/configuration.md")


@suite.test
def the_example_is_taken():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(re.search(r"```yaml\n(.*?)```", configuration.HEAD, re.S)[1])
        f.flush()
        r = subprocess.run([JUDGED, "-n", "-c", f.name], capture_output=True, text=True, env=clean_environment())
        check(r.returncode == 0 and "team-chat" in r.stdout, r)


@suite.test
def live_is_what_a_reload_changes():
    names = [r[0] for r in configuration.rows(configuration.help_text()) if r[0] not in ("config", "check", "version", "help")]
    j = Judged(config="{}\n")
    j.argv = lambda: [JUDGED, "-c", str(j.config_path)]  # all from the file, so that the file can change all
    base = {"listen": j.listen, "statsd": f"127.0.0.1:{j.statsd_port}", "state": str(j.state)}
    write = lambda values: j.config_path.write_text("".join(f"{k}: {v}\n" for k, v in values.items()))
    write(base)
    try:
        j.start()
        write({n: OTHER.get(n, "5") if n not in ("waiting", "http-connections") else "100" for n in names})
        j.child.send_signal(signal.SIGHUP)
        said = wait_for("word of the reload", lambda: re.search(r"needs a restart to change: (.*)", j.log()) or ("nothing was changed" in j.log() and check(False, j.log())))
        need = set(said[1].split(", "))
        check(set(names) - need == configuration.LIVE, "live are", set(names) - need)
    finally:
        j.close()


suite.run()
