#!/usr/bin/python3
"""libjudgestats as somebody else uses it: installed into an empty folder, found by pkg-config, linked to a program.

The program's numbers: R's t.test() of its own data `sleep`; the bounds of ldbounds and rpact for two equal looks at
one-sided 2.5 % (O'Brien-Fleming spending); ratios that are exact by hand.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CC = os.environ.get("CC", "gcc")
# What it may call, as the linker's libraries are named.
OUTSIDE = ("libc.so.6", "libm.so.6", "libpthread.so.0", "libgsl.so", "libgslcblas.so")

PROGRAM = r"""
#include <math.h>
#include <stdio.h>

#include "stats/anytime/quantile_test.h"
#include "stats/anytime/rate_ratio.h"
#include "stats/fixed/t_test.h"
#include "stats/sequential/monitor.h"

static void rates(void)
{
    const struct rate_null fail = {1, NAN}, pass = {1.5, NAN};
    const struct rate_block block = {.c0 = 40, .x0 = 1000, .c1 = 16, .x1 = 200};
    struct ratio_interval limits;
    struct rate_ratio t;
    rate_ratio_init(&t, &fail, &pass);
    printf("rate_empty %.17g\n", rate_ratio_log_e(&t, TEST_FAIL));
    for (int i = 0; i < 20; i++)
        rate_ratio_take(&t, &block);
    rate_ratio_interval(&t, 0.05, &limits);
    printf("rate_fail %.17g\nrate_pass %.17g\nrate_lower %.17g\nrate %.17g\nrate_upper %.17g\n",
           rate_ratio_log_e(&t, TEST_FAIL), rate_ratio_log_e(&t, TEST_PASS), limits.lower,
           limits.estimate, limits.upper);
}

static void quantiles(void)
{
    const struct quantile_null fail = {.p = 0.9, .factor = 1, .share = 1};
    struct hist h[2];
    struct quantile_test t;
    struct quantile_interval limits;
    quantile_test_init(&t, &fail, NULL);
    for (int k = 0; k < 2; k++) {
        hist_init(&h[k]);
        for (int i = 1; i <= 1000; i++)
            hist_add(&h[k], i * (k ? 2.0 : 1.0), 1);
    }
    for (int i = 0; i < 200; i++)
        quantile_test_take(&t, &(struct quantile_block){&h[0], &h[1]});
    quantile_test_interval(&t, 0.05, &limits);
    printf("quantile_fail %.17g\nquantile %.17g\nquantile_lower %.17g\n",
           quantile_test_log_e(&t, TEST_FAIL), limits.ratio.estimate, limits.ratio.lower);
    quantile_test_release(&t);
    hist_release(&h[0]);
    hist_release(&h[1]);
}

static int t_test(void)
{
    static const double x[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2};
    static const double y[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    const struct student_question question = {.alternative = TWO_SIDED, .confidence = 0.95};
    const struct sample_summary sx = sample_summary_of(x, 10), sy = sample_summary_of(y, 10);
    struct sample_summary broken = sx;
    struct student_test test;
    struct err err;
    if (student_test(&test, &sx, &sy, &question, &err) != 0)
        return 1;
    printf("t %.17g\ndf %.17g\np %.17g\nlower %.17g\nupper %.17g\n", test.t, test.df, test.p,
           test.limits.low, test.limits.high);
    broken.mean = NAN;
    return student_test(&test, &broken, &sy, &question, &err) == 0;
}

static int looks(void)
{
    const struct monitor_plan plan = {.information_max = 100,
                                      .margin = 0.5,
                                      .fail_level = 0.025,
                                      .pass_level = 0.025,
                                      .fail_spending.shape = SPEND_OBRIEN_FLEMING,
                                      .pass_spending.shape = SPEND_OBRIEN_FLEMING};
    struct monitor m;
    struct err err;
    struct monitor_look first = {.information = 50}, second = {.information = 100, .z_fail = 2};
    if (monitor_init(&m, &plan, &err) != 0 || monitor_take(&m, &first, &err) != 0 ||
        monitor_take(&m, &second, &err) != 0)
        return 1;
    printf("bound_1 %.17g\nbound_2 %.17g\nharmful %d\nharmless %d\n", m.fail.upper[0],
           m.fail.upper[1], monitor_is_harmful(&m), monitor_is_harmless(&m));
    return 0;
}

int main(void)
{
    rates();
    quantiles();
    return t_test() || looks();
}
"""

# Name, value, largest distance; None for a distance: at least the value.
WANTED = (
    ("rate_empty", 0, 0), ("rate", 2, 1e-5), ("rate_fail", 20, None), ("quantile", 2, .016), ("quantile_fail", 20, None),
    ("quantile_lower", 1.5, None),
    ("t", -1.8608, 5e-5), ("df", 17.776, 5e-4), ("p", .07939, 5e-6), ("lower", -3.3654832, 5e-8), ("upper", .2054832, 5e-8),
    ("bound_1", 2.9626, 5e-5), ("bound_2", 1.9686, 5e-5), ("harmful", 1, 0), ("harmless", 0, 0),
)


def run(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))[:200]}: exit {done.returncode}\n{done.stdout}{done.stderr}"[:2000])
    return done.stdout


def symbols(archive, *options):
    """(object, symbol) pairs of an archive."""
    out = run(["nm", "-A", "-P", "-g", *options, str(archive)])
    return [(re.search(r"\[(.*)\]", line).group(1), line.split()[1]) for line in out.splitlines()]


class Library:
    def __init__(self, work):
        self.prefix = work / "stage" / "opt" / "stats"
        self.archive = self.prefix / "lib" / "libjudgestats.a"
        self.work = work
        clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "FLAVOUR")}
        run(["make", "--no-print-directory", "-s", "-C", str(ROOT), "install-stats", f"DESTDIR={work}/stage", "PREFIX=/opt/stats"], env=clean)
        # What was staged is used where it lies: the sysroot goes before the prefix.
        self.env = {**clean, "PKG_CONFIG_LIBDIR": f"{self.prefix}/lib/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": f"{work}/stage"}
        self.env.pop("PKG_CONFIG_PATH", None)

    def flags(self, *which):
        return shlex.split(run(["pkg-config", *which, "judgestats"], env=self.env))


def test_program(library):
    """a program with nothing but pkg-config's flags computes what others computed"""
    source, program = library.work / "program.c", library.work / "program"
    source.write_text(PROGRAM)
    run([CC, "-Wall", "-Wextra", "-Werror", "-o", program, source, *library.flags("--cflags", "--libs")])
    got = {name: float(value) for name, value in (line.split() for line in run([program]).splitlines())}
    for name, value, distance in WANTED:
        if distance is None:
            assert got[name] >= value, f"{name} is {got[name]}, at least {value} is wanted"
        else:
            assert abs(got[name] - value) <= distance, f"{name} is {got[name]}, not {value}"
    assert got["rate_lower"] < 2 < got["rate_upper"] and got["rate_lower"] > 1, got
    assert got["rate_pass"] < 0, got


def test_page(library):
    """the program of docs/stats/library.md prints what the page says"""
    page = (ROOT / "docs" / "stats" / "library.md").read_text()
    fence = {language: re.search(rf"^```{language}\n(.*?)^```$", page, re.S | re.M).group(1) for language in ("c", "text")}
    source, program = library.work / "page.c", library.work / "page"
    source.write_text(fence["c"])
    run([CC, "-Wall", "-Wextra", "-Werror", "-o", program, source, *library.flags("--cflags", "--libs")])
    assert run([program]) == fence["text"], run([program])


def test_undefined(library):
    """all it lacks is in libc, libm, gsl and pthread, and no object of it stands idle"""
    defined, lacking = symbols(library.archive, "--defined-only"), symbols(library.archive, "-u")
    own = {s for _, s in defined}
    shared = library.work / "shared.so"
    stub = library.work / "stub.c"
    stub.write_text("int main(void) { return 0; }\n")
    run([CC, "-o", shared, stub, "-Wl,--no-as-needed", "-lgsl", "-lgslcblas", "-lm", "-lpthread"])
    known = set()
    for line in run(["ldd", shared]).splitlines():
        path = re.search(r"=> (/\S+)", line)
        if path and os.path.basename(path.group(1)).startswith(OUTSIDE):
            out = run(["nm", "-D", "-P", "--defined-only", path.group(1)])
            known |= {entry.split()[0].split("@")[0] for entry in out.splitlines()}
    foreign = {s for _, s in lacking} - own - known
    foreign -= {"_GLOBAL_OFFSET_TABLE_"}  # the linker's own
    assert not foreign, f"from elsewhere: {', '.join(sorted(foreign))}"
    methods = {path.stem + ".o" for path in (ROOT / "stats").glob("*/*.c")}
    needed = {s for _, s in lacking}
    idle = {o for o, _ in defined} - methods - {o for o, s in defined if s in needed}
    assert not idle, f"nobody calls {', '.join(sorted(idle))}"


def test_twice(library):
    """no symbol is defined by two of its objects"""
    seen = {}
    twice = []
    for member, symbol in symbols(library.archive, "--defined-only"):
        if symbol in seen:
            twice.append(f"{symbol} ({seen[symbol]}, {member})")
        seen[symbol] = member
    assert not twice, ", ".join(twice)
    members = run(["ar", "t", library.archive]).split()
    assert len(members) == len(set(members)), "two objects of one name"


def test_headers(library):
    """every header stands alone where it was installed, and none is for implementers"""
    include = library.prefix / "include" / "judgestats"
    headers = sorted(str(h.relative_to(include)) for h in include.rglob("*.h"))
    assert len([h for h in headers if h.startswith("stats/")]) > 50, headers
    assert not [h for h in headers if h.endswith("_priv.h")], headers
    checks = library.work / "headers"
    checks.mkdir()
    for i, header in enumerate(headers):
        (checks / f"{i}.c").write_text(f'#include "{header}"\n#include "{header}"\nextern int nothing;\n')
    run([CC, "-std=c17", "-Wall", "-Werror", "-fsyntax-only", *library.flags("--cflags"), *sorted(checks.glob("*.c"))])


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="judge-library-") as work:
        library = Library(pathlib.Path(work))
        for test in (test_program, test_page, test_undefined, test_twice, test_headers):
            try:
                test(library)
                passed += 1
            except AssertionError as why:
                failed += 1
                print(f"FAIL {test.__doc__}: {why}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
