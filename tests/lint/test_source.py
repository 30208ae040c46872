#!/usr/bin/python3
"""Each rule of source.py finds what it is for, and leaves alone what only looks like it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import source  # noqa: E402

ROOMS = source.read_rooms("""
base|lib/base|
stats|stats/anytime|lib/base lib/sketch
collectors|collectors|lib/base
daemon|judge/daemon judge/api|stats/anytime collectors lib/base
""")
DEBT = "TO" + "DO"

# path, text, part of the message or None when it is fine
CASES = [
    ("lib/base/a.c", "x = sprintf(b, f);\n", "sprintf is banned"),
    ("lib/base/a.c", "\n\nstrcpy (a, b);\n", "strcpy is banned"),
    ("lib/base/a.c", "n = atoi(s);\n", "atoi is banned"),
    ("tests/lib/base/a.c", "system(cmd);\n", "system is banned"),
    ("lib/base/a.c", "snprintf(b, n, f); my_system(x); p->system(x); s.gets(y);\n", None),
    ("lib/base/a.c", "/* sprintf(a)\n strcpy(b) */ // gets(c)\n", None),
    ("lib/base/a.c", 'f("sprintf(x)", \'"\', "\\"", "strcpy(");\n', None),
    ("lib/base/a.c", 'f("\\"); strcpy(a, b);");\n', None),
    ("lib/base/a.c", 'f("\\\\"); strcpy(a, b);\n', "strcpy is banned"),
    ("lib/base/a.c", 'f(\'"\'); strcpy(a, b);\n', "strcpy is banned"),
    ("lib/base/a.c", '#include "stats/anytime/rate_ratio.h"\n', "may not include"),
    ("lib/base/a.c", '#include "lib/base/err.h"\n#include <string.h>\n', None),
    ("collectors/a.c", '#include "stats/anytime/rate_ratio.h"\n', "may not include"),
    ("stats/anytime/a.c", '#include "collectors/any.h"\n', "may not include"),
    ("judge/api/a.c", '#include "stats/anytime/rate_ratio.h"\n', None),
    ("stats/anytime/a.c", '#  include "err.h"\n', "is not there"),
    ("lib/base/a.c", "#include <hiredis/hiredis.h>\n", "for lib/redis/ only"),
    ("collectors/a.c", "#include <curl/curl.h>\n", "for lib/net/ only"),
    ("judge/api/a.c", "#include <microhttpd.h>\n", "for lib/net/ only"),
    ("lib/base/a.c", "#include <openssl/evp.h>\n", "for lib/crypto/ and lib/net/ only"),
    ("lib/net/a.c", "#include <openssl/evp.h>\n", None),
    ("judge/api/a.c", "#include <gsl/gsl_cdf.h>\n", "for stats/ only"),
    ("stats/anytime/a.c", "#include <gsl/gsl_cdf.h>\n", None),
    ("judge/api/a.c", "#include <jansson.h>\n", "for lib/base/ only"),
    ("tests/lib/base/a.c", "#include <jansson.h>\n", None),
    ("lib/redis/a.c", "#include <yaml.h>\n", "for lib/base/ only"),
    ("docs/a.md", "a line \n", "white space"),
    ("docs/a.md", "a line\t\n", "white space"),
    ("docs/a.md", "a line\r\n", "white space"),
    ("docs/a.md", "no end", "no end"),
    ("docs/a.md", "", None),
    ("docs/a.md", DEBT + ": later\n", "a debt"),
    ("docs/a.md", DEBT + "S and mas" + DEBT + "n\n", None),
    ("docs/a.md", "see /wo" + "rk/x\n", "outside"),
    ("docs/a.md", "see ../" + "shared/x\n", "outside"),
    (".ci/run", "cd /wo" + "rk/x\n", None),
    ("lib/base/a.c", "x;\n" * 801, "look for the seam"),
    ("lib/base/a.c", "x;\n" * 800, None),
    ("docs/a.md", "x\n" * 5000, None),
]


def main():
    passed = failed = 0
    for number, (path, text, part) in enumerate(CASES):
        found = [message for _, message in source.check_file(path, text, ROOMS)]
        good = not found if part is None else len(found) == 1 and part in found[0]
        if not good:
            print("case %d (%s, %r): found %r, want %r" % (number, path, text[:60], found, part))
        passed += good
        failed += not good
    line, _ = next(source.check_file("lib/base/a.c", "/*\n*/\n\nstrcpy(a);\n", ROOMS))
    if line == 4:
        passed += 1
    else:
        print("the finding stands at line %d, want 4" % line)
        failed += 1
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
