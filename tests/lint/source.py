#!/usr/bin/python3
"""Rules of the house that a compiler does not know: who may include what, banned calls, file length,
white space, words that must not stay. Prints `path:line: message`, exit status 1 on a finding.

LINT_ROOMS holds lines `room|its folders|folders it may include`, written by the Makefile from the
same tables that build and link the rooms.
"""
import os
import re
import subprocess
import sys

WARN_LINES = 500
FAIL_LINES = 800

# Library headers and the only folders that may include them; tests may use any to check results.
LIBRARY_HEADERS = (
    ("hiredis", ("lib/redis/",)),
    ("curl/", ("lib/net/",)),
    ("microhttpd", ("lib/net/",)),
    ("openssl/", ("lib/crypto/", "lib/net/")),
    ("expat", ("lib/aws/",)),
    ("gsl/", ("stats/",)),
    ("jansson", ("lib/base/",)),
    ("yaml.h", ("lib/base/",)),
    ("xxhash", ("lib/base/",)),
)
LIBRARY_FREE = ("tests/", "demo/")

BANNED = {
    "sprintf": "snprintf or buf_addf", "vsprintf": "vsnprintf or buf_vaddf",
    "strcpy": "memcpy of a known length or mem_strdup", "strcat": "a struct buf",
    "strtok": "strcspn", "atoi": "num_parse_i64", "atol": "num_parse_i64", "atoll": "num_parse_i64",
    "atof": "num_parse_double", "gets": "a bounded read", "system": "posix_spawn",
    "popen": "posix_spawn and a pipe", "alloca": "an arena",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))

# Put together here, so that this file does not hold them.
DEBTS = re.compile(r"\b(%s)\b" % "|".join(("TO" + "DO", "FIX" + "ME")))
OUTSIDE = re.compile(r"%s|%s" % (re.escape("../" + "shared"), re.escape("/wo" + "rk/")))
OUTSIDE_FREE = (".ci/run",)

CODE = (".c", ".h", ".py", ".sh", ".js", ".css")
# Bytes that are data, not text of ours: seeds of fuzzers, other tools' golden values, the license.
DATA = ("/corpus/", "tests/golden/", "LICENSE")

# What a C file says besides its comments and strings; newlines stay, so that lines keep numbers.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def read_rooms(table):
    """Folder -> folders it may include."""
    rooms = {}
    for line in table.strip().splitlines():
        name, own, allowed = (part.strip() for part in line.split("|"))
        for folder in own.split():
            rooms[folder] = set((own + " " + allowed).split())
    return rooms


def check_includes(path, text, rooms):
    folder = os.path.dirname(path)
    for found in INCLUDE.finditer(text):
        kind, name = found.groups()
        line = line_of(text, found.start(1))
        if kind == '"':
            room = os.path.dirname(name)
            if room not in rooms and not os.path.exists(name):
                yield line, '"%s" is not there: includes are written from the root' % name
            elif folder in rooms and room not in rooms[folder]:
                yield line, '%s may not include "%s": that room is not below it' % (folder, name)
            continue
        for prefix, homes in LIBRARY_HEADERS:
            if name.startswith(prefix) and not path.startswith(homes + LIBRARY_FREE):
                yield line, "<%s> is for %s only" % (name, " and ".join(homes))


def check_c(path, text, rooms):
    yield from check_includes(path, text, rooms)
    bare = TOKEN.sub(blank, text)
    for found in BANNED_CALL.finditer(bare):
        yield line_of(bare, found.start()), "%s is banned, use %s" % (found.group(1), BANNED[found.group(1)])


def check_text(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "white space at the end of the line"
        if DEBTS.search(line):
            yield number, "a debt without an issue: %s" % DEBTS.search(line).group()
        if OUTSIDE.search(line) and path not in OUTSIDE_FREE:
            yield number, "a path outside the repository: %s" % OUTSIDE.search(line).group()
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "the last line has no end"


def check_length(path, text):
    lines = text.count("\n")
    if path.endswith(CODE) and lines > FAIL_LINES:
        yield lines, "%d lines, more than %d: look for the seam" % (lines, FAIL_LINES)


def check_file(path, text, rooms):
    if path.endswith((".c", ".h")):
        yield from check_c(path, text, rooms)
    yield from check_length(path, text)
    yield from check_text(path, text)


def all_files():
    try:
        listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True,
                                 capture_output=True, text=True).stdout
        return sorted(set(listing.splitlines()))
    except (OSError, subprocess.CalledProcessError):
        pass
    found = []
    for base, folders, names in os.walk("."):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(base, name), ".") for name in names]
    return sorted(found)


def main():
    rooms = read_rooms(os.environ.get("LINT_ROOMS", ""))
    if not rooms:
        sys.exit("source.py: LINT_ROOMS is empty; run `make lint`")
    findings = 0
    for path in all_files():
        if any(part in path for part in DATA) or os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            data = f.read()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", "replace")
        for line, message in check_file(path, text, rooms):
            print("%s:%d: %s" % (path, line, message))
            findings += 1
        if path.endswith(CODE) and WARN_LINES < text.count("\n") <= FAIL_LINES:
            print("%s: warning: %d lines, aim at %d" % (path, text.count("\n"), WARN_LINES))
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
