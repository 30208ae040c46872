#include "stats/kayenta/classify.h"

#include "stats/kayenta/random48.h"
#include "tests/t.h"

static struct buf said;

static const char *reason(const struct aca_verdict *v)
{
    buf_clear(&said);
    aca_reason_text(v, "m", &said);
    return said.data;
}

static const double ones[] = {1, 1, 1, 1, 1}, low[] = {1, 2, 3, 4, 5},
                    high[] = {11, 12, 13, 14, 15};
static const double gaps[] = {NAN, NAN, NAN}, zeros[] = {0, 0, 0, 0, 0};

/* Which settings a row changes. */
enum {
    UP = 1,
    DOWN = 2,
    REPLACE = 4,
    CRITICAL = 8,
    MUST_HAVE = 16,
    CLES = 32,
    BOUND_15 = 64,     /* allowed_increase 15 */
    CRITICAL_15 = 128, /* critical_increase 15 */
    BOUND_01 = 256,    /* allowed_decrease 0.01 */
};

static struct aca_options options(int set)
{
    struct aca_options o = aca_options_default(set & CLES ? ACA_CLES : ACA_MEAN_RATIO);
    o.direction = set & UP ? ACA_INCREASE : set & DOWN ? ACA_DECREASE : ACA_EITHER;
    o.replace_nan = set & REPLACE;
    o.critical = set & CRITICAL;
    o.must_have_data = set & MUST_HAVE;
    if (set & BOUND_15)
        o.allowed_increase = 15;
    if (set & CRITICAL_15)
        o.critical_increase = 15;
    if (set & BOUND_01)
        o.allowed_decrease = 0.01;
    return o;
}

static void labels(void)
{
    static const struct {
        int line, set;
        const double *e;
        size_t m;
        const double *c;
        size_t n;
        enum aca_label label;
        bool critical;
        const char *reason;
    } rows[] = {
        {__LINE__, 0, high, 5, low, 5, ACA_HIGH, false, "m was classified as High"},
        {__LINE__, UP, high, 5, low, 5, ACA_HIGH, false, "m was classified as High"},
        {__LINE__, DOWN, high, 5, low, 5, ACA_PASS, false, ""},
        {__LINE__, 0, low, 5, high, 5, ACA_LOW, false, "m was classified as Low"},
        {__LINE__, DOWN, low, 5, high, 5, ACA_LOW, false, "m was classified as Low"},
        {__LINE__, UP, low, 5, high, 5, ACA_PASS, false, ""},
        {__LINE__, BOUND_15, high, 5, low, 5, ACA_PASS, false, ""},
        {__LINE__, BOUND_01, low, 5, high, 5, ACA_PASS, false, ""},
        {__LINE__, CLES, high, 5, low, 5, ACA_HIGH, false, "m was classified as High"},
        {__LINE__, CRITICAL, high, 5, low, 5, ACA_HIGH, true,
         "The metric m was classified as High (Critical)"},
        {__LINE__, CRITICAL, low, 5, high, 5, ACA_LOW, true,
         "The metric m was classified as Low (Critical)"},
        {__LINE__, CRITICAL | CRITICAL_15, high, 5, low, 5, ACA_HIGH, false,
         "m was classified as High"},
        {__LINE__, CRITICAL | UP, low, 5, high, 5, ACA_PASS, false, ""},
        {__LINE__, 0, gaps, 3, low, 5, ACA_NODATA, false, "Missing data for m"},
        {__LINE__, CRITICAL, gaps, 3, low, 5, ACA_NODATA, true, "Missing data for m"},
        {__LINE__, MUST_HAVE, low, 5, gaps, 3, ACA_NODATA_FAIL, false, "Missing data for m"},
        {__LINE__, MUST_HAVE | CRITICAL, low, 0, low, 5, ACA_NODATA, true, "Missing data for m"},
        {__LINE__, REPLACE, low, 0, low, 5, ACA_PASS, false, ""},
        {__LINE__, REPLACE | CRITICAL | MUST_HAVE, low, 0, low, 0, ACA_PASS, false, ""},
        {__LINE__, REPLACE, gaps, 3, gaps, 3, ACA_PASS, false,
         "The Canary and Baseline data are identical"},
        {__LINE__, REPLACE, gaps, 3, zeros, 5, ACA_PASS, false, ""},
        {__LINE__, 0, low, 5, low, 5, ACA_PASS, false,
         "The Canary and Baseline data are identical"},
        {__LINE__, 0, ones, 5, ones, 3, ACA_PASS, false, ""},
        {__LINE__, 0, ones, 5, zeros, 5, ACA_HIGH, false, "m was classified as High"},
        {__LINE__, CRITICAL, ones, 5, zeros, 5, ACA_HIGH, true,
         "The metric m was classified as High (Critical)"},
        {__LINE__, CRITICAL, ones, 1, zeros, 5, ACA_ERROR, false, "Metric Classification Failed"},
        {__LINE__, CRITICAL, ones, 1, zeros, 1, ACA_ERROR, false, "Metric Classification Failed"},
        /* A mean of 0: no ratio, and the bounds of the effect do not hold it back. */
        {__LINE__, BOUND_15, high, 5, zeros, 5, ACA_HIGH, false, "m was classified as High"},
        {__LINE__, CRITICAL | CRITICAL_15, high, 5, zeros, 5, ACA_HIGH, true,
         "The metric m was classified as High (Critical)"},
    };
    buf_init(&said, 1000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct aca_options o = options(rows[i].set);
        const struct aca_verdict v = aca_classify(&o, rows[i].e, rows[i].m, rows[i].c, rows[i].n);
        if (v.label != rows[i].label || v.critical != rows[i].critical ||
            strcmp(reason(&v), rows[i].reason) != 0)
            t_fail(__FILE__, rows[i].line, "%s, critical %d, \"%s\"", aca_label_words[v.label],
                   v.critical, reason(&v));
    }
    buf_release(&said);
}

static void numbers(void)
{
    struct aca_options o = options(0);
    struct aca_verdict v = aca_classify(&o, high, 5, low, 5);
    T_CHECK(v.tested && !v.noised && v.deviation == 13.0 / 3 && v.effect == v.deviation);
    T_CHECK(v.experiment.mean == 13 && v.control.mean == 3 && v.control.count == 5);
    o = options(CLES);
    v = aca_classify(&o, high, 5, low, 5);
    T_CHECK(v.effect == 1 && v.deviation == 13.0 / 3);
    v = aca_classify(&o, low, 5, low, 5);
    T_CHECK(v.tested && v.effect == 0.5 && v.deviation == 1);
    v = aca_classify(&o, zeros, 5, high, 5);
    T_CHECK(v.label == ACA_LOW && isnan(v.deviation) && v.effect == 0);
    v = aca_classify(&o, gaps, 3, high, 5);
    T_CHECK(!v.tested && v.deviation == 1 && v.experiment.count == 0);
}

/* Noise, too: the same call gives the same bits. */
static void repeats_itself(void)
{
    const struct aca_options o = options(0);
    const double twos[] = {2, 2, 2, 2, 2};
    const struct aca_verdict a = aca_classify(&o, ones, 5, twos, 5);
    const struct aca_verdict b = aca_classify(&o, ones, 5, twos, 5);
    T_CHECK(a.noised && a.tested && a.label == ACA_LOW);
    T_CHECK(memcmp(&a.interval, &b.interval, sizeof(a.interval)) == 0);
    T_NEAR(a.deviation, 0.5, 1e-4, 0);
    T_CHECK(a.deviation != 0.5 && a.experiment.mean == 1 && a.experiment.sd == 0);
}

static void outliers_go(void)
{
    struct aca_options o = options(REPLACE);
    double e[60], c[60];
    for (int i = 0; i < 60; i++)
        e[i] = c[i] = 100 + i % 10;
    e[7] = 1e6;
    e[8] = NAN; /* 0, hence an outlier itself */
    T_EQ_INT((int)aca_classify(&o, e, 60, c, 60).experiment.count, 60);
    o.remove_outliers = true;
    const struct aca_verdict v = aca_classify(&o, e, 60, c, 60);
    T_EQ_INT((int)v.experiment.count, 58);
    T_CHECK(v.experiment.max == 109 && v.experiment.min == 100 && v.control.count == 60);
    T_CHECK(e[7] == 1e6 && isnan(e[8])); /* the caller's data stay */
}

/* Differences lost in rounding: all values tied at an end of the search. */
static void lost_in_rounding(void)
{
    static const double e[] = {1, 1.5, 2}, c[] = {1e300, 1e300};
    const struct aca_options o = options(CRITICAL);
    const struct aca_verdict v = aca_classify(&o, e, 3, c, 2);
    T_CHECK(v.label == ACA_ERROR && !v.critical && !v.tested && isnan(v.deviation));
}

static void infinities(void)
{
    static const double e[] = {1, INFINITY, 3, -INFINITY, NAN}, c[] = {INFINITY, 2, 5};
    for (int set = 0; set < 64; set++) {
        struct aca_options o = options(set);
        o.remove_outliers = set % 3 == 0;
        const struct aca_verdict v = aca_classify(&o, e, 5, c, 3);
        const struct aca_verdict w = aca_classify(&o, e + 1, 1, c, 1);
        T_CHECK(v.label == ACA_PASS);
        T_CHECK(w.label == ACA_PASS && w.reason == ACA_IDENTICAL);
    }
}

/* Swapping the sides turns High into Low where the bounds of the effect are open. */
static void antisymmetric(void)
{
    struct random48 r;
    struct aca_options o = options(0);
    int seen[ACA_LABELS] = {0};
    o.allowed_increase = -INFINITY;
    o.allowed_decrease = INFINITY;
    random48_init(&r, 6);
    for (int i = 0; i < 600; i++) {
        double e[30], c[30];
        for (int k = 0; k < 30; k++) {
            e[k] = 100 + random48_normal(&r) + (double)(i % 7 - 3) * 0.5;
            c[k] = 100 + random48_normal(&r);
        }
        const enum aca_label a = aca_classify(&o, e, 30, c, 30).label;
        const enum aca_label b = aca_classify(&o, c, 30, e, 30).label;
        T_CHECK(b == (a == ACA_HIGH ? ACA_LOW : a == ACA_LOW ? ACA_HIGH : ACA_PASS));
        seen[a]++;
    }
    T_CHECK(seen[ACA_HIGH] > 50 && seen[ACA_LOW] > 50 && seen[ACA_PASS] > 50);
}

static void means(void)
{
    const struct aca_options o = options(0), up = options(UP), down = options(DOWN);
    struct aca_verdict v = aca_classify_means(&o, low, 5, high, 5);
    buf_init(&said, 1000);
    T_CHECK(v.label == ACA_LOW && v.deviation == 3.0 / 13);
    T_EQ_STR(reason(&v), "The Canary mean was less than the Baseline mean");
    T_CHECK(aca_classify_means(&up, low, 5, high, 5).label == ACA_PASS);
    T_CHECK(aca_classify_means(&down, high, 5, low, 5).label == ACA_PASS);
    v = aca_classify_means(&o, high, 5, low, 5);
    T_EQ_STR(reason(&v), "The Canary mean was greater than the Baseline mean");
    v = aca_classify_means(&o, low, 5, low, 5);
    T_CHECK(v.label == ACA_PASS && v.deviation == 1);
    T_CHECK(aca_classify_means(&o, gaps, 3, low, 5).label == ACA_NODATA);
    buf_release(&said);
}

static void options_are_checked(void)
{
    struct aca_options o = options(0);
    struct err err = {0};
    T_OK(aca_options_ok(&o, &err), err);
    o.outlier_factor = 0; /* matters only where it is used */
    T_OK(aca_options_ok(&o, &err), err);
    o.remove_outliers = true;
    T_CHECK(aca_options_ok(&o, &err) != 0);
    T_HAS_STR(err.message, "outlierFactor");
    o = options(0);
    o.confidence = NAN;
    T_CHECK(aca_options_ok(&o, &err) != 0);
    o = options(0);
    o.tolerance = -1;
    T_CHECK(aca_options_ok(&o, &err) != 0);
    o = options(0);
    o.allowed_decrease = NAN;
    T_CHECK(aca_options_ok(&o, &err) != 0);
    o = aca_options_default(ACA_CLES);
    T_CHECK(o.allowed_increase == 0.5 && o.critical_decrease == 0.5 && o.tolerance == 0.25 &&
            o.confidence == 0.98);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"labels", labels},
        {"numbers", numbers},
        {"repeats_itself", repeats_itself},
        {"outliers_go", outliers_go},
        {"lost_in_rounding", lost_in_rounding},
        {"infinities", infinities},
        {"antisymmetric", antisymmetric},
        {"means", means},
        {"options_are_checked", options_are_checked},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
