#include "stats/kayenta/samples.h"

#include "stats/kayenta/random48.h"
#include "tests/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const double series[] = {21, 23, 24, 25, 50, 29, 23, 21, 7.5};

/* quantile(x, type = 7) of R 4.2.2 */
static void percentiles(void)
{
    static const struct {
        double p, value;
    } rows[] = {{1, 8.58}, {10, 18.3}, {25, 21}, {50, 23}, {90, 33.2}, {99, 48.32}, {100, 50}};
    for (size_t i = 0; i < N(rows); i++)
        T_NEAR(samples_percentile(series, N(series), rows[i].p), rows[i].value, 1e-14, 0);
    T_CHECK(isnan(samples_percentile(series, 0, 50)));
    T_CHECK(samples_percentile(series, 1, 0.001) == 21);
    const double gaps[] = {NAN, 3, NAN, 1};
    T_CHECK(samples_percentile(gaps, 4, 50) == 2);
}

/* var() and mean() of R 4.2.2; a large offset must not cost digits of the spread. */
static void moments(void)
{
    static const double v[] = {1.5, 2.25, 9, 4};
    double far[4];
    T_CHECK(samples_mean(v, 4) == 4.1875);
    T_CHECK(samples_variance(v, 4, false) == 11.390625);
    T_CHECK(samples_variance(v, 4, true) == 11.390625 * 3 / 4);
    for (int i = 0; i < 4; i++)
        far[i] = v[i] + 1e9;
    T_NEAR(samples_variance(far, 4, false), 11.390625, 1e-12, 0);
    T_CHECK(isnan(samples_mean(v, 0)) && isnan(samples_variance(v, 0, false)));
    T_CHECK(samples_variance(v, 1, false) == 0);
}

static void summaries(void)
{
    const struct sample_summary none = samples_summary(NULL, 0), one = samples_summary(series, 1);
    const struct sample_summary all = samples_summary(series, N(series));
    T_CHECK(none.count == 0 && none.min == 0 && none.max == 0 && none.mean == 0 && none.sd == 0);
    T_CHECK(one.count == 1 && one.min == 21 && one.max == 21 && one.mean == 21 && one.sd == 0);
    T_CHECK(all.count == 9 && all.min == 7.5 && all.max == 50);
}

static void missing(void)
{
    double v[] = {NAN, 1, -0.0, NAN, INFINITY};
    double out[5];
    T_EQ_INT(samples_without_nan(v, 5, out), 3);
    T_CHECK(out[0] == 1 && out[1] == 0 && out[2] == INFINITY);
    samples_replace_nan(v, 5, 7, v);
    T_CHECK(v[0] == 7 && v[1] == 1 && v[3] == 7);
    T_EQ_INT(samples_without_nan(v, 0, out), 0);
}

static size_t marked(const double *v, size_t n, double factor, bool lenient)
{
    bool drop[128] = {false};
    size_t count = 0;
    outliers_iqr(v, n, factor, lenient, drop);
    for (size_t i = 0; i < n; i++)
        count += drop[i];
    return count;
}

static void outliers(void)
{
    double many[101] = {0};
    bool drop[N(series)];
    double kept[N(series)];
    /* Quartiles 21 and 25: fences 15 and 31. */
    outliers_iqr(series, N(series), 1.5, false, drop);
    T_CHECK(drop[4] && drop[8] && !drop[0] && !drop[5]);
    T_EQ_INT(samples_unmarked(series, N(series), drop, kept), 7);
    T_CHECK(kept[4] == 29);
    /* Lenient: still dropped, because 7.5 and 50 lie beyond the 1st and 99th percentile, too. */
    T_EQ_INT(marked(series, N(series), 1.5, true), 2);
    /* Of 101 values two large ones: both are beyond the fence, one is beyond the 99th percentile.
     */
    for (int i = 0; i < 101; i++)
        many[i] = i % 7;
    many[10] = 1000;
    many[50] = 900;
    T_EQ_INT(marked(many, 101, 1.5, false), 2);
    T_EQ_INT(marked(many, 101, 1.5, true), 1);
    T_EQ_INT(marked(many, 0, 1.5, true), 0);
    /* On the fence is inside: quartiles 0.75 and 2.25 of 0 1 2 3, fences 0 and 3 with factor 1/2.
     */
    const double four[] = {0, 1, 2, 3};
    T_EQ_INT(marked(four, 4, 0.5, false), 0);
    /* Infinite data: a fence that is NaN marks nothing. */
    const double infinite[] = {1, INFINITY, INFINITY, -INFINITY, -INFINITY};
    T_EQ_INT(marked(infinite, 5, 1.5, true), 0);
}

static void sigma(void)
{
    static const double v[] = {1, 1, 1, 1, 1, 20, 1, 1, 1, 1, 1};
    bool drop[11];
    outliers_sigma(v, 11, 3, drop);
    for (int i = 0; i < 11; i++)
        T_EQ_INT(drop[i], i == 5);
    outliers_sigma(v, 1, 3, drop);
    T_CHECK(!drop[0]);
}

/* Percentiles never decrease in p, and lie within the data. */
static void percentiles_are_ordered(void)
{
    struct random48 r;
    double v[40];
    random48_init(&r, 11);
    for (size_t n = 1; n <= 40; n++) {
        for (size_t i = 0; i < n; i++)
            v[i] = floor(10 * random48_normal(&r));
        const struct sample_summary s = samples_summary(v, n);
        double last = s.min;
        for (double p = 0.5; p <= 100; p += 0.5) {
            const double q = samples_percentile(v, n, p);
            T_CHECK(q >= last - 1e-9 && q <= s.max);
            last = q;
        }
        T_CHECK(last == s.max);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"percentiles", percentiles},
        {"moments", moments},
        {"summaries", summaries},
        {"missing", missing},
        {"outliers", outliers},
        {"sigma", sigma},
        {"percentiles_are_ordered", percentiles_are_ordered},
    };
    return t_main(argc, argv, tests, N(tests));
}
