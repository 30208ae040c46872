// rooms: base sketch stats
/*
 * Random samples, counts and designs through the fixed-horizon tests: every p lies in [0, 1] (or is
 * NaN where the header says so), limits are ordered, nothing crashes and nothing hangs.
 */
#include "stats/fixed/chi_squared.h"
#include "stats/fixed/exact_counts.h"
#include "stats/fixed/fisher_exact.h"
#include "stats/fixed/kolmogorov_smirnov.h"
#include "stats/fixed/mann_whitney.h"
#include "stats/fixed/power.h"
#include "stats/fixed/proportion_test.h"
#include "stats/fixed/sample_quantile.h"
#include "stats/fixed/t_test.h"

#include <math.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "stats/numerics/setup.h"

#define SAMPLE_MAX 40

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

#define require(holds) BUG_ON(!(holds)) /* says where */

static void require_p(double p)
{
    require(isnan(p) || (p >= 0 && p <= 1));
}

static void require_limits(struct limits l)
{
    require(isnan(l.low) || isnan(l.high) || l.low <= l.high);
}

/* Small whole numbers, fractions, values of any size, NaN and infinities. */
static double value(struct bytes *in)
{
    unsigned kind = bytes_u8(in);
    double v = bytes_u8(in) * 256 + bytes_u8(in);
    switch (kind % 8) {
    case 0:
        return v / 4096 - 8;
    case 1:
        return (v - 32768) * pow(10, (int)(kind / 8) - 16);
    case 2:
        return kind > 200 ? NAN : kind > 100 ? INFINITY : -INFINITY;
    default:
        return floor(v / 8192);
    }
}

/* A count: small, or of any size up to past the limit. */
static double count(struct bytes *in)
{
    unsigned kind = bytes_u8(in);
    double v = bytes_u8(in);
    return kind % 16 == 0 ? value(in) : floor(v * pow(10, (int)(kind % 16) - 6));
}

static double share(struct bytes *in)
{
    return bytes_u8(in) / 255.0;
}

static size_t sample(struct bytes *in, double *v)
{
    size_t n = bytes_u8(in) % SAMPLE_MAX;
    for (size_t i = 0; i < n; i++) {
        v[i] = value(in);
        if (isnan(v[i]))
            v[i] = INFINITY; /* sorting takes no NaN; infinities are for the tests to refuse */
    }
    sort_values(v, n);
    return n;
}

static void samples(struct bytes *in)
{
    double x[SAMPLE_MAX], y[SAMPLE_MAX];
    size_t m = sample(in, x), n = sample(in, y);
    enum alternative a = (enum alternative)(bytes_u8(in) % 3);
    struct two_samples s = {x, y, m, n};
    struct mann_whitney_question q = {a, (enum mann_whitney_mode)(bytes_u8(in) % 4), value(in),
                                      share(in), share(in)};
    struct student_question t = {a, q.mu, q.confidence, m & 1};
    struct ks_question k = {a, (enum ks_mode)(bytes_u8(in) % 3), m & 2};
    struct hodges_lehmann shift;
    struct ks_test ks;
    struct student_test student;
    double p = share(in);
    if (mann_whitney_ok(&s, &q, NULL) == 0) {
        struct mann_whitney r = mann_whitney_test(&s, &q);
        require_p(r.p);
        require(r.w >= 0 && r.w <= (double)(m * n) && !isnan(shift_median(&s)));
    }
    if (hodges_lehmann(&shift, &s, &q, NULL) == 0)
        require(shift.limits.low <= shift.limits.high + 2 * q.tol + 1e-12 * fabs(shift.limits.low));
    if (ks_test(&ks, x, m, y, n, &k, NULL) == 0) {
        require_p(ks.p);
        require(ks.d >= 0 && ks.d <= 1);
    }
    if (m && n) {
        struct sample_summary sx = sample_summary_of(x, m), sy = sample_summary_of(y, n);
        if (student_test(&student, &sx, &sy, &t, NULL) == 0) {
            require_p(student.p);
            require_limits(student.limits);
        }
    }
    for (int type = 1; type <= 9; type++)
        require(!m || (sample_quantile(x, m, p, type) >= x[0] || !isfinite(x[m - 1] - x[0])));
}

static void counts(struct bytes *in)
{
    enum alternative a = (enum alternative)(bytes_u8(in) % 3);
    struct trials one = {count(in), count(in)}, two = {count(in), count(in)};
    struct events e = {count(in), value(in)}, f = {count(in), value(in)};
    struct trials groups[2] = {one, two};
    const double table[4] = {one.x, one.n, two.x, two.n};
    struct exact_question q = {a, bytes_u8(in) & 1 ? share(in) : value(in), share(in)};
    struct exact_test r;
    struct fisher_exact odds;
    struct proportion_test p;
    struct chi_squared c;
    bool big = one.n > 1e5 || two.n > 1e5; /* Fisher's cost grows with the root of the counts */
    if (binomial_test(&r, one.x, one.n, &q, NULL) == 0) {
        require_p(r.p);
        require_limits(r.limits);
    }
    if (poisson_test(&r, &e, &q, NULL) == 0 || poisson_ratio_test(&r, &e, &f, &q, NULL) == 0) {
        require_p(r.p);
        require_limits(r.limits);
    }
    if (!big &&
        fisher_exact(&odds, &one, &two,
                     &(struct fisher_question){a, q.null, q.confidence, share(in)}, NULL) == 0) {
        require_p(odds.p);
        require(odds.odds_ratio >= 0);
    }
    if (proportion_test(&p, groups, 1 + (a == LESS), NULL,
                        &(struct proportion_question){a, q.confidence, big}, NULL) == 0) {
        require_p(p.p);
        require_limits(p.limits);
    }
    if (chi_squared_table(&c, table, 2, 2, big, NULL) == 0)
        require_p(c.p);
}

static void designs(struct bytes *in)
{
    struct power_rule rule = {share(in), 1 + bytes_u8(in) % 2, bytes_u8(in) & 1, POWER_R_TOL};
    struct means_design m = {count(in), value(in), fabs(value(in)), 1 + bytes_u8(in) % 2};
    struct proportions_design p = {m.n, share(in), share(in)};
    double power = share(in), v;
    if (means_design_ok(&m, &rule, NULL) == 0 && fabs(m.delta / m.sd) < 5) {
        require_p(means_power(&m, &rule));
        if (means_size(&m, &rule, power, &v, NULL) == 0)
            require(v > 0);
        if (means_effect(&m, &rule, power, &v, NULL) == 0)
            require(v >= 0);
    }
    if (proportions_design_ok(&p, &rule, NULL) == 0) {
        require_p(proportions_power(&p, &rule));
        if (proportions_size(&p, &rule, power, &v, NULL) == 0)
            require(v > 0);
        if (proportions_effect(&p, &rule, power, m.arms == 2, &v, NULL) == 0)
            require(v >= 0 && v <= 1);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    unsigned what = bytes_u8(&in);
    stats_setup();
    if (what % 3 == 0)
        samples(&in);
    else if (what % 3 == 1)
        counts(&in);
    else
        designs(&in);
    return 0;
}
