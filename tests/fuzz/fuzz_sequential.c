// rooms: base sketch stats
/* Random group sequential designs: exits are probabilities and add up, bounds spend what they
 * should, estimates are ordered, the monitor keeps its level. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "stats/numerics/setup.h"
#include "stats/sequential/coarse_grid.h"
#include "stats/sequential/decimal_search.h"
#include "stats/sequential/estimate.h"
#include "stats/sequential/futility.h"
#include "stats/sequential/monitor.h"

#define LOOKS 6

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void hold(bool true_always)
{
    if (!true_always)
        abort();
}

/* The next time over the last: the same, a hair more, or 0.1 % to tenfold more. Hairs in between
 * are right, too, but take a second under the sanitizers. */
static double growth_of(unsigned byte)
{
    if (byte < 2)
        return 1 + 1e-7 * byte;
    return 1 + pow(10, (double)(byte % 33) / 8 - 3);
}

static double bound_of(unsigned byte)
{
    return byte == 255 ? INFINITY : ((double)byte - 100) / 20;
}

static struct spending spending_of(unsigned byte)
{
    struct spending s = {.shape = byte % 5, .parameter = ((double)byte - 128) / 8};
    if (s.shape == SPEND_POWER)
        s.parameter = fabs(s.parameter) + 0.01;
    return s;
}

static void check_exits(const struct look *looks, size_t n, double drift)
{
    struct look_exit e[LOOKS];
    double sum = 0;
    exit_probabilities(looks, n, drift, e);
    for (size_t i = 0; i < n; i++) {
        hold(e[i].lower >= 0 && e[i].upper >= 0);
        sum += e[i].lower + e[i].upper;
    }
    hold(sum <= 1 + 1e-9);
    hold(expected_information(looks, n, drift) <= looks[n - 1].t * (1 + 1e-9));
}

static void check_spending(struct look *looks, size_t n, double alpha, enum test_sides sides,
                           const struct spending *s)
{
    double spent[LOOKS], planned;
    if (boundary_by_spending(looks, n, looks[n - 1].t, alpha, sides, s, NULL) != 0)
        return;
    planned = sides * exit_total(looks, n, 0).upper;
    hold(planned <= alpha * (1 + 1e-9) + 1e-14);
    /* Less than all is spent only when binding futility left too few paths. */
    hold(sides == ONE_SIDE || fabs(planned - alpha) <= 1e-9 * alpha + 1e-14);
    if (coarse_boundary(looks, n, alpha, sides, s, spent, NULL) == 0)
        hold(isfinite(spent[n - 1]));
    if (decimal_boundary(looks, n, alpha, sides, s, &ldbounds_search, spent, NULL) == 0)
        hold(isfinite(spent[n - 1]));
}

static void check_monitor(const struct look *looks, size_t n, double alpha,
                          const struct spending *s)
{
    const struct monitor_plan plan = {looks[n / 2].t, -1, 1, alpha, alpha / 2, *s, *s};
    struct monitor m;
    hold(monitor_init(&m, &plan, NULL) == 0);
    for (size_t i = 0; i < n; i++) {
        struct monitor_look look = monitor_look_of(&plan, 0.1, 1 / sqrt(looks[i].t), i + 1 == n);
        if (monitor_take(&m, &look, NULL) != 0)
            break;
    }
    hold(m.finished && m.fail.spent == alpha);
}

static void check_estimate(const struct look *looks, size_t n, double z)
{
    const struct stopped_trial s = {looks, n, z};
    struct stagewise_estimate e;
    hold(stagewise_estimate(&s, 0.1, &e, NULL) == 0);
    hold(e.p >= 0 && e.p <= 1 && e.lower <= e.median && e.median <= e.upper);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct look looks[LOOKS];
    struct spending s = spending_of(bytes_u8(&in)), t = spending_of(bytes_u8(&in));
    double alpha = ((double)bytes_u8(&in) + 1) / 512, beta = ((double)bytes_u8(&in) + 1) / 600;
    double drift = ((double)bytes_u8(&in) - 128) / 16, at = 1e-3, found;
    unsigned kind = bytes_u8(&in);
    size_t n = 0;
    struct futility f = {s, t, alpha, beta, kind & 1};
    stats_setup();
    while (n < LOOKS && in.left) {
        at *= growth_of(bytes_u8(&in));
        looks[n].t = at;
        looks[n].lower = -bound_of(bytes_u8(&in));
        looks[n++].upper = bound_of(bytes_u8(&in));
    }
    if (n == 0 || looks_check(looks, n, NULL) != 0)
        return 0;
    check_exits(looks, n, drift / sqrt(at));
    switch (kind / 2 % 4) {
    case 0:
        check_spending(looks, n, alpha, kind & 1 ? ONE_SIDE : BOTH_SIDES, &s);
        break;
    case 1:
        if (boundary_with_futility(looks, n, &f, &found, NULL) == 0)
            hold(fabs(exit_total(looks, n, found).lower - beta) < 1e-7);
        break;
    case 2:
        check_monitor(looks, n, alpha, &s);
        break;
    default:
        check_estimate(looks, n, drift);
        if (boundary_wang_tsiatis(looks, n, alpha, BOTH_SIDES, s.parameter / 16, NULL) == 0)
            hold(fabs(2 * exit_total(looks, n, 0).upper - alpha) < 1e-9);
    }
    return 0;
}
