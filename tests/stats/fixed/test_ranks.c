/* Mann-Whitney and Kolmogorov-Smirnov against the definition: every split of the values into two
 * samples. */
#include "stats/fixed/kolmogorov_smirnov.h"
#include "stats/fixed/mann_whitney.h"
#include "stats/fixed/rank_sum.h"
#include "stats/fixed/sample_quantile.h"

#include <stdlib.h>
#include <time.h>

#include "tests/t.h"

#define ALL_MAX 12

static int bits(unsigned v)
{
    return __builtin_popcount(v);
}

static void split(const double *all, int total, unsigned in_x, double *x, double *y)
{
    int m = 0, n = 0;
    for (int i = 0; i < total; i++)
        if (in_x >> i & 1)
            x[m++] = all[i];
        else
            y[n++] = all[i];
}

/* p of an alternative: the share of splits whose statistic is as far out. */
static void check_split(const double *all, int total, unsigned observed, bool ties)
{
    double x[ALL_MAX], y[ALL_MAX], splits = 0, w_low = 0, w_high = 0, beyond[3] = {0};
    int m = bits(observed), n = total - m;
    struct ks_test d[3];
    struct mann_whitney w;
    struct mann_whitney_question q = {.mode = MANN_WHITNEY_EXACT, .confidence = 0.9};
    split(all, total, observed, x, y);
    w = mann_whitney_test(&(struct two_samples){x, y, (size_t)m, (size_t)n}, &q);
    for (int a = 0; a < 3; a++)
        T_CHECK(ks_test(&d[a], x, (size_t)m, y, (size_t)n,
                        &(struct ks_question){(enum alternative)a, KS_EXACT, false}, NULL) == 0);
    for (unsigned mask = 0; mask < 1u << total; mask++) {
        if (bits(mask) != m)
            continue;
        split(all, total, mask, x, y);
        splits++;
        w_low += rank_sum(x, (size_t)m, y, (size_t)n, 0).w <= w.w;
        w_high += rank_sum(x, (size_t)m, y, (size_t)n, 0).w >= w.w;
        for (int a = 0; a < 3; a++) {
            struct ks_test r;
            if (ks_test(&r, x, (size_t)m, y, (size_t)n,
                        &(struct ks_question){(enum alternative)a, KS_ASYMPTOTIC, false},
                        NULL) != 0)
                t_fail(__FILE__, __LINE__, "refused");
            beyond[a] += r.d >= d[a].d - 1e-9;
        }
    }
    for (int a = 0; a < 3; a++)
        T_NEAR(d[a].p, beyond[a] / splits, 1e-12, 0);
    if (ties) {
        T_CHECK(!w.exact);
        return;
    }
    T_NEAR(w.p, fmin(1, 2 * fmin(w_low, w_high) / splits), 1e-12, 0);
}

static void by_enumeration(void)
{
    static const double apart[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const double tied[] = {1, 1, 1, 2, 3, 3, 4, 4, 4};
    for (unsigned mask = 1; mask < 511; mask += 6) {
        check_split(apart, 9, mask, false);
        check_split(tied, 9, mask, true);
    }
}

static void law_is_a_law(void)
{
    for (size_t m = 1; m < 40; m += 5)
        for (size_t n = 1; n < 60; n += 7) {
            struct rank_sum_law law;
            double sum = 0, mean = 0, var = 0, pairs = (double)(m * n);
            rank_sum_law_init(&law, m, n);
            for (size_t w = 0; w <= m * n; w++) {
                double off = (double)w - pairs / 2;
                sum += law.p[w];
                mean += law.p[w] * (double)w;
                var += law.p[w] * off * off;
                T_NEAR(law.p[w], law.p[m * n - w], 1e-12, 0);
            }
            T_NEAR(sum, 1, 1e-12, 0);
            T_NEAR(mean, pairs / 2, 1e-12, 0);
            T_NEAR(var, pairs * (double)(m + n + 1) / 12, 1e-12, 0);
            T_NEAR(rank_sum_lower(&law, pairs / 3) + rank_sum_upper(&law, floor(pairs / 3) + 1), 1,
                   1e-12, 0);
            T_NEAR(rank_sum_quantile(&law, 0.3) + rank_sum_quantile(&law, 0.7), pairs, 0, 1);
            rank_sum_law_release(&law);
        }
}

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static void fill(double *v, size_t n, double grid, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        v[i] = grid > 0 ? floor(uniform(state) * grid) / grid : -log(uniform(state));
    sort_values(v, n);
}

/* Selection against sorting all differences. */
static void selects_differences(void)
{
    uint64_t state = 7;
    static double x[40], y[50], all[2000];
    for (size_t m = 1; m <= 40; m += 3)
        for (size_t n = 1; n <= 50; n += 7) {
            struct two_samples s = {x, y, m, n};
            size_t k = 0;
            fill(x, m, m % 2 ? 8 : 0, &state);
            fill(y, n, m % 2 ? 8 : 0, &state);
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++)
                    all[k++] = x[i] - y[j];
            sort_values(all, k);
            for (size_t i = 1; i <= k; i += 1 + k / 9)
                T_NEAR(shift_order(&s, (double)i), all[i - 1], 0, 0);
            T_NEAR(shift_median(&s), (all[(k - 1) / 2] + all[k / 2]) / 2, 1e-15, 0);
        }
}

/* An interval holds the shifts that the test does not reject. */
static void interval_inverts_the_test(void)
{
    uint64_t state = 11;
    double x[9], y[12];
    struct two_samples s = {x, y, 9, 12};
    for (int mode = MANN_WHITNEY_EXACT; mode <= MANN_WHITNEY_NORMAL; mode++)
        for (int round = 0; round < 20; round++) {
            struct mann_whitney_question q = {
                .mode = (enum mann_whitney_mode)mode, .confidence = 0.9, .tol = 1e-9};
            struct hodges_lehmann r;
            fill(x, 9, 0, &state);
            fill(y, 12, 0, &state);
            T_CHECK(hodges_lehmann(&r, &s, &q, NULL) == 0);
            T_CHECK(r.limits.low < r.estimate && r.estimate < r.limits.high);
            q.mu = r.limits.low - 1e-6;
            T_CHECK(mann_whitney_test(&s, &q).p <= 0.1);
            q.mu = r.limits.low + 1e-6;
            T_CHECK(mann_whitney_test(&s, &q).p > 0.1);
            q.mu = r.limits.high + 1e-6;
            T_CHECK(mann_whitney_test(&s, &q).p <= 0.1);
        }
}

/* 10,080 a arm: a week of minutes. */
static void a_week_of_minutes(void)
{
    enum { N = 10080 };
    static double x[N], y[N];
    struct two_samples s = {x, y, N, N};
    struct mann_whitney_question q = {.confidence = 0.95, .tol = 1e-9};
    struct hodges_lehmann r;
    struct ks_test ks;
    uint64_t state = 3;
    clock_t start;
    fill(x, N, 0, &state);
    fill(y, N, 0, &state);
    for (size_t i = 0; i < N; i++)
        x[i] += 0.25;
    start = clock();
    T_CHECK(mann_whitney_test(&s, &q).p < 1e-30);
    T_NEAR(shift_median(&s), 0.25, 0, 0.03);
    T_CHECK(hodges_lehmann(&r, &s, &q, NULL) == 0);
    T_CHECK(r.limits.low < 0.26 && r.limits.high > 0.24 && r.limits.low > 0.2);
    T_CHECK(ks_test(&ks, x, N, y, N, &(struct ks_question){TWO_SIDED, KS_AUTO, false}, NULL) == 0);
    T_CHECK(ks.p < 1e-100 && ks.p > 0);
    /* some 20 ms; ten times that allows for a busy machine */
    T_CHECK((double)(clock() - start) / CLOCKS_PER_SEC < 0.2);
}

static void kolmogorov_meets_itself(void)
{
    /* the two series at one point, and Kolmogorov's table */
    T_NEAR(kolmogorov_tail(nextafter(1, 0)), kolmogorov_tail(1), 1e-13, 0);
    T_NEAR(kolmogorov_tail(1), 0.26999967167735456, 1e-13, 0);
    T_NEAR(kolmogorov_tail(1.3580986393225505), 0.05, 1e-12, 0);
    T_NEAR(kolmogorov_tail(18), 2 * exp(-648), 1e-12, 0);
    T_CHECK(kolmogorov_tail(0) == 1 && kolmogorov_tail(0.029) == 1);
}

static void refuses(void)
{
    static const double fine[] = {1, 2}, nan[] = {1, NAN}, unsorted[] = {2, 1};
    const struct ks_question ks = {TWO_SIDED, KS_AUTO, false};
    struct mann_whitney_question q = {.confidence = 0.9};
    struct hodges_lehmann r;
    struct ks_test out;
    T_CHECK(ks_test(&out, fine, 2, nan, 2, &ks, NULL) != 0);
    T_CHECK(ks_test(&out, unsorted, 2, fine, 2, &ks, NULL) != 0);
    T_CHECK(ks_test(&out, fine, 0, fine, 2, &ks, NULL) != 0);
    T_CHECK(mann_whitney_ok(&(struct two_samples){fine, nan, 2, 2}, &q, NULL) != 0);
    T_CHECK(mann_whitney_ok(&(struct two_samples){unsorted, fine, 2, 2}, &q, NULL) != 0);
    T_CHECK(mann_whitney_ok(&(struct two_samples){fine, fine, 2, 0}, &q, NULL) != 0);
    q.mode = MANN_WHITNEY_NORMAL;
    T_CHECK(hodges_lehmann(&r, &(struct two_samples){fine, fine, 1, 1}, &q, NULL) != 0);
    T_CHECK(isnan(mann_whitney_test(&(struct two_samples){fine, fine, 1, 1}, &q).p));
}

/* Hyndman & Fan's table of what a definition is at p = 1/4 of 1, 2, 3, 4, 5, 6. */
static void quantile_types(void)
{
    static const double v[] = {1, 2, 3, 4, 5, 6};
    static const double want[] = {
        2, 2, 2, 1.5, 2, 1.75, 2.25, 1 / 3.0 + 0.25 * (19 / 3.0), 3 / 8.0 + 0.25 * 6.25};
    for (int type = 1; type <= 9; type++) {
        T_NEAR(sample_quantile(v, 6, 0.25, type), want[type - 1], 1e-14, 0);
        T_NEAR(sample_quantile(v, 6, 0, type), 1, 0, 0);
        T_NEAR(sample_quantile(v, 6, 1, type), 6, 0, 0);
        T_NEAR(sample_quantile(v, 1, 0.3, type), 1, 0, 0);
        T_CHECK(isnan(sample_quantile(v, 0, 0.3, type)));
        for (double p = 0; p < 0.99; p += 0.01)
            T_CHECK(sample_quantile(v, 6, p + 0.01, type) >= sample_quantile(v, 6, p, type));
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"by_enumeration", by_enumeration},
        {"law_is_a_law", law_is_a_law},
        {"selects_differences", selects_differences},
        {"interval_inverts_the_test", interval_inverts_the_test},
        {"a_week_of_minutes", a_week_of_minutes},
        {"kolmogorov_meets_itself", kolmogorov_meets_itself},
        {"refuses", refuses},
        {"quantile_types", quantile_types},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
