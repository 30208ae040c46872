#!/usr/bin/python3
"""deploy/iam against the code: a policy allows exactly the calls that are made, and nothing by a pattern."""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from judged import ROOT, Suite, check

suite = Suite()
# A policy, and where the calls it is for are made.
POLICIES = {"collect-cloudwatch.json": {"cloudwatch": "collectors/cloudwatch", "sts": "lib/aws"}}
NEED_NO_PERMISSION = {"AssumeRoleWithWebIdentity"}  # the token is the permission
OPERATION = re.compile(r'\.operation = "(\w+)"|ask_sts\(\w+, \w+, "(\w+)"')


def calls(folder):
    found = set()
    for path in (ROOT / folder).glob("*.c"):
        found |= {a or b for a, b in OPERATION.findall(path.read_text())}
    return found - NEED_NO_PERMISSION


def actions(policy):
    for statement in policy["Statement"]:
        check(statement["Effect"] == "Allow", statement)
        listed = statement["Action"]
        yield from [listed] if isinstance(listed, str) else listed


@suite.test
def a_policy_allows_what_is_called_and_no_more():
    on_disk = {p.name for p in (ROOT / "deploy" / "iam").glob("*.json")}
    check(on_disk == set(POLICIES), on_disk)
    for name, services in POLICIES.items():
        policy = json.loads((ROOT / "deploy" / "iam" / name).read_text())
        check(policy["Version"] == "2012-10-17", name)
        wanted = {f"{service}:{call}" for service, folder in services.items() for call in calls(folder)}
        check(set(actions(policy)) == wanted, name, set(actions(policy)) ^ wanted)


if __name__ == "__main__":
    suite.run()
