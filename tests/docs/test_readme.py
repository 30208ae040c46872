#!/usr/bin/python3
"""What README.md and docs/ show is true: links lead somewhere, paths exist, specs validate, commands and their flags
are those of the programs, targets those of make, routes those a running judged serves, names of metrics and settings
those of the code."""
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from judged import JUDGECTL, JUDGED, ROOT, Judged, Suite, check, clean_environment, ctl, wait_for

suite = Suite()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
METHODS_PAGES = sorted((ROOT / "docs" / "stats").glob("*.md"))
FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.S | re.M)
CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
# what lies in the repository; build/ does too, once it is made, and has no names to check
FOLDERS = ("lib/", "stats/", "collectors/", "strategies/", "judge/", "tests/", "deploy/", "docs/", "demo/")
METHODS = "GET|POST|PUT|DELETE|HEAD|PATCH"
SOURCES = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.suffix in (".c", ".h")]


def fences(page, *languages):
    """Blocks of these languages, each as (line, text)."""
    text = page.read_text()
    return [(text.count("\n", 0, m.start()) + 1, m.group(2)) for m in FENCE.finditer(text) if m.group(1) in languages]


def spans(pages=PAGES):
    """Every `code span` of every page outside of fences: (page and line, text)."""
    out = []
    for page in pages:
        text = FENCE.sub(lambda m: "\n" * m.group(0).count("\n"), page.read_text())
        for m in CODE.finditer(text):
            out.append((f"{page.name}:{text.count(chr(10), 0, m.start()) + 1}", re.sub(r"\s*\n\s*", " ", m.group(1)).replace("\\|", "|")))
    return out


def shell_lines():
    """Every command line in a fenced sh block: (page and line, words)."""
    out = []
    for page in PAGES:
        for line, text in fences(page, "sh", "bash", "shell", "console"):
            for i, command in enumerate(text.replace("\\\n", "  ").splitlines()):
                words = shlex.split(command, comments=True)
                if words:
                    out.append((f"{page.name}:{line + 1 + i}", words))
    return out


def fail_with(list_of_faults):
    check(not list_of_faults, "\n  " + "\n  ".join(list_of_faults))


# ---- links and paths ----

def anchors(page):
    heads = re.findall(r"^#+\s+(.*)$", FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^a-z0-9 _-]", "", h.lower().replace("`", "")).strip().replace(" ", "-") for h in heads}


@suite.test
def links_lead_somewhere():
    faults, seen = [], 0
    for page in PAGES + METHODS_PAGES:
        text = FENCE.sub("", page.read_text())
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text):
            seen += 1
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            to = (page.parent / path).resolve() if path else page
            if not to.exists():
                faults.append(f"{page.name}: {target}: no such file")
            elif anchor and anchor not in anchors(to):
                faults.append(f"{page.name}: {target}: no such heading")
    check(seen > 10, f"only {seen} links found")
    fail_with(faults)


@suite.test
def every_method_has_its_line():
    """docs/stats.md is the table of contents of docs/stats/."""
    index = (ROOT / "docs" / "stats.md").read_text()
    fail_with([f"docs/stats.md does not link {p.name}" for p in METHODS_PAGES if f"(stats/{p.name})" not in index])


def exists(path):
    """A path as the pages write them: lib/base, collectors/words.*, strategies/words.{h,c}, judge/api/."""
    braces = re.fullmatch(r"(.*)\{([^}]*)\}(.*)", path)
    if braces:
        return all(exists(braces.group(1) + part + braces.group(3)) for part in braces.group(2).split(","))
    return any(True for _ in ROOT.glob(path.rstrip("/")))


@suite.test
def paths_exist():
    paths = [(where, word) for where, text in spans(PAGES + METHODS_PAGES) for word in text.split() if word.startswith(FOLDERS)]
    # `judge/v1` is the format's name
    paths = [(where, p.rstrip(",;:")) for where, p in paths if p != "judge/v1"]
    check(len(paths) > 30, f"only {len(paths)} paths found")
    fail_with([f"{where}: {p}: no such file" for where, p in paths if not exists(p)])


# ---- specs ----

def validate(text):
    with tempfile.TemporaryDirectory() as d:
        path = pathlib.Path(d) / "spec.yaml"
        path.write_text(text)
        return ctl(None, "validate", str(path))


@suite.test
def whole_specs_validate():
    seen, faults = 0, []
    for page in PAGES:
        for line, text in fences(page, "yaml", "json"):
            if "apiVersion" not in text:
                continue
            seen += 1
            done = validate(text)
            if done.returncode:
                faults.append(f"{page.name}:{line}: {done.stderr}{done.stdout}")
    check(seen >= 2, f"only {seen} specs found")
    fail_with(faults)


@suite.test
def a_wrong_spec_would_be_noticed():
    page = ROOT / "README.md"
    spec = next(text for _, text in fences(page, "yaml") if "apiVersion" in text)
    check(validate(spec.replace("kind: proportion", "kind: proportoin")).returncode != 0)


@suite.test
def json_blocks_are_json():
    for page in PAGES:
        for line, text in fences(page, "json"):
            try:
                json.loads(text)
            except ValueError as why:
                raise AssertionError(f"{page.name}:{line}: {why}")


# ---- commands ----

def help_of(*argv):
    done = subprocess.run([*argv, "--help"], capture_output=True, text=True, timeout=20, env=clean_environment())
    check(done.returncode == 0, argv, done.stderr)
    return done.stdout


def flags_in(text):
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-zA-Z])(?![\w-])", text))


def judgectl_commands():
    return dict(re.findall(r"^  ([a-z]+)\s+(.*)$", help_of(JUDGECTL).split("Exit status")[0], re.M))


def wrong_flags(words, help_text):
    known = flags_in(help_text)
    return [w.partition("=")[0] for w in words if re.match(r"--?[a-zA-Z]", w) and w.partition("=")[0] not in known]


def faults_of(where, words):
    """What is wrong with a command line of ours; None when it is not one of ours."""
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    name = words[0].removeprefix("build/") if words else ""
    if name == "judged":
        return [f"{where}: judged has no {f}" for f in wrong_flags(words[1:], help_of(JUDGED))]
    if name == "make":
        targets = {w for w in words[1:] if "=" not in w and not w.startswith("-")}
        return [f"{where}: make has no target {t}" for t in targets if not is_target(t)]
    if name != "judgectl":
        return None
    if len(words) == 1 or words[1].startswith("-"):
        return []
    if words[1] not in judgectl_commands():
        return [f"{where}: judgectl has no command {words[1]}"]
    return [f"{where}: judgectl {words[1]} has no {f}" for f in wrong_flags(words[2:], help_of(JUDGECTL, words[1]))]


def is_target(name):
    makefiles = "".join((ROOT / p).read_text() for p in ("Makefile", "tests/tests.mk", "deploy/install.mk"))
    return re.search(rf"^(?:[^\s:=]+ )*{re.escape(name)}(?: [^\s:=]+)*:(?!=)", makefiles, re.M) is not None


@suite.test
def commands_exist_with_their_flags():
    seen, faults = 0, []
    lines = shell_lines()
    for where, text in spans():
        if re.match(r"(?:[A-Z_]+=\S* )*(?:build/)?(?:judged|judgectl|make)(?: |$)", text):
            lines.append((where, shlex.split(text)))
    for where, words in lines:
        found = faults_of(where, words)
        seen += found is not None
        faults += found or []
    check(seen > 20, f"only {seen} commands found")
    fail_with(faults)


@suite.test
def a_wrong_command_would_be_noticed():
    for line in ("make tset", "judgectl gaet x", "build/judgectl gate x --fro promote", "judged --lisen x", "DEMO_SWAP=1 make dmeo"):
        check(faults_of("here", shlex.split(line)), line)


@suite.test
def other_commands_are_known():
    """A shell block uses our programs, make and what every shell has: anything else is not tested by this file."""
    fail_with([f"{where}: {words[0]}" for where, words in shell_lines() if faults_of(where, words) is None and words[0] not in ("export", "cd", "curl", "git")])


@suite.test
def local_commands_run():
    """What needs no service and changes nothing is run as it stands."""
    ran = 0
    for where, words in shell_lines():
        if words[0].endswith("judgectl") and words[1] in ("validate", "platforms") and "--check" not in words:
            done = subprocess.run([JUDGECTL, *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=20, env=clean_environment())
            check(done.returncode == 0, where, done.stderr)
            ran += 1
    check(ran, "no command was run")


# ---- what a running judged serves ----

def path_of(text):
    """The path of a route as the pages write it, without query; None for anything else."""
    m = re.match(rf"(?:(?:{METHODS}) )?(/(?:v1/[^\s?]+|metrics|healthz|readyz))", text)
    return m.group(1).rstrip(".,") if m else None


@suite.test
def routes_are_served():
    faults, seen = [], 0
    with Judged() as j:
        paths = j.get("/v1/openapi.json").json["paths"]
        for where, text in spans():
            path = path_of(text)
            if not path:
                continue
            seen += 1
            method = text.split()[0].lower() if re.match(METHODS, text) else None
            known = {re.sub(r"\{[^}]*\}", "{}", p): ops for p, ops in paths.items()}
            ops = known.get(re.sub(r"\{[^}]*\}", "{}", path))
            if ops is None:
                faults.append(f"{where}: {text}: nothing is served there")
            elif method and method not in ops:
                faults.append(f"{where}: {text}: there is no such method")
            else:
                operation = ops[method] if method else next(iter(ops.values()))
                names = {p["name"] for p in operation.get("parameters", [])}
                asked = re.findall(r"[?&]([a-z_]+)", text)
                faults += [f"{where}: {text}: no parameter {a}" for a in asked if a not in names]
    check(seen > 5, f"only {seen} routes found")
    fail_with(faults)


@suite.test
def sample_lines_are_understood():
    """Text lines shown in code spans are taken by the service as written."""
    lines = [(where, text) for where, text in spans() if re.match(r"[a-z_.]+:[0-9.]+\|[a-z]+\|#", text)]
    check(lines, "no sample line is shown")
    with Judged() as j:
        spec = next(text for _, text in fences(ROOT / "README.md", "yaml") if "apiVersion" in text)
        spec = re.sub(r"platform: \{.*\}", "platform: {kind: none}", spec)
        j.apply(spec)
        for where, text in lines:
            def taken():
                a = j.post("/v1/samples?ack=stored", text + "\n", type="text/plain")
                return a.status == 200 and a.json["taken"] == 1
            wait_for(f"{where}: {text} to be taken", taken, 10, 0.2)


# ---- names ----

@suite.test
def settings_and_metrics_exist():
    code = "\n".join(p.read_text("utf-8", "replace") for p in SOURCES)
    seen, faults = 0, []
    for where, text in spans():
        for name in re.findall(r"(?<![\w/])(JUDGE_[A-Z_]+|judge_[a-z0-9_]+)(?![\w/])", text):
            seen += 1
            if name not in code:
                faults.append(f"{where}: {name} stands nowhere in the code")
    check(seen > 0, "no name found")
    fail_with(faults)


@suite.test
def exit_statuses_are_those_of_the_help():
    """The README's sentence names the same numbers with the same words as judgectl --help."""
    def numbers(text):
        return re.findall(r"(?<![\w.])(\d+) [a-z]", re.sub(r"\s+", " ", text))
    readme = re.search(r"^Exit status of.*?\n\n", (ROOT / "README.md").read_text(), re.S | re.M).group(0)
    help_text = help_of(JUDGECTL).split("Exit status:")[1]
    check(numbers(readme) == numbers(help_text), numbers(readme), numbers(help_text))


suite.run()
