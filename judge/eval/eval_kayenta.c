/* Kayenta, one metric at a time: the parts of its judge and what it says of a pair of series
 * (stats/kayenta/classify.h and below). Files as Kayenta's own suites have them: `experiment` and
 * `control` beside `params`. */
#include <math.h>
#include <string.h>

#include "judge/eval/kayenta_json.h"
#include "judge/eval/schools.h"
#include "stats/kayenta/effect.h"
#include "stats/kayenta/giles_quantile.h"
#include "stats/kayenta/random48.h"

struct series {
    const double *e, *c;
    size_t m, n;
};

static int read_series(const struct eval_case *c, struct series *s, struct err *err)
{
    return eval_numbers(c, c->whole, "experiment", &s->e, &s->m, err) != 0 ||
                   eval_numbers(c, c->whole, "control", &s->c, &s->n, err) != 0
               ? -1
               : 0;
}

static int unknown(struct err *err, const char *what, const char *word)
{
    return err_set(err, ERR_INPUT, "no such %s: \"%.60s\"", what, word);
}

static int empty(struct err *err)
{
    return err_set(err, ERR_INPUT, "want at least one value on each side");
}

/* ---- a metric's verdict ---- */

static int read_flag(const struct node *params, const char *key, bool *out, struct err *err)
{
    *out = false;
    return node_get(params, key) ? eval_bool(params, key, out, err) : 0;
}

static bool says(const struct node *params, const char *key, const char *word)
{
    const char *text = node_get_string(params, key);
    return text && strcmp(text, word) == 0;
}

/* The flat form of the files; the form of a canary configuration is kayenta_read_options(). */
static int read_options(const struct node *p, struct aca_options *o, struct err *err)
{
    *o = aca_options_default(says(p, "effectSizeMeasure", "cles") ? ACA_CLES : ACA_MEAN_RATIO);
    const struct {
        const char *key;
        double *to;
    } numbers[] = {
        {"tolerance", &o->tolerance},
        {"confLevel", &o->confidence},
        {"allowedIncrease", &o->allowed_increase},
        {"allowedDecrease", &o->allowed_decrease},
        {"criticalIncrease", &o->critical_increase},
        {"criticalDecrease", &o->critical_decrease},
        {"outlierFactor", &o->outlier_factor},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (eval_number_or(p, numbers[i].key, *numbers[i].to, numbers[i].to, err) != 0)
            return -1;
    o->direction = says(p, "direction", "increase")   ? ACA_INCREASE
                   : says(p, "direction", "decrease") ? ACA_DECREASE
                                                      : ACA_EITHER;
    o->replace_nan = says(p, "nanStrategy", "replace");
    o->remove_outliers = says(p, "outlierStrategy", "remove");
    if (read_flag(p, "critical", &o->critical, err) != 0 ||
        read_flag(p, "mustHaveData", &o->must_have_data, err) != 0)
        return -1;
    return aca_options_ok(o, err);
}

static void put_or_null(struct writer *w, const char *key, bool known, double v)
{
    if (known)
        kayenta_put(w, key, v);
    else
        writer_kv_null(w, key);
}

static void put_summary(struct writer *w, const char *key, const struct sample_summary *s)
{
    writer_kv_object(w, key);
    kayenta_put_summary(w, s);
    writer_end(w);
}

static void put_verdict(struct writer *w, const struct aca_verdict *v, const char *name)
{
    const bool shown = v->tested && !v->noised; /* numbers that noise decided are nobody's */
    struct buf reason;
    buf_init(&reason, 4096);
    aca_reason_text(v, name, &reason);
    writer_object(w);
    writer_kv_string(w, "classification", aca_label_words[v->label]);
    writer_kv_string(w, "reason", reason.len ? reason.data : NULL);
    writer_kv_bool(w, "reasonNonEmpty", reason.len > 0);
    put_or_null(w, "deviation", v->label != ACA_ERROR, v->deviation);
    writer_kv_bool(w, "critical", v->critical);
    put_or_null(w, "ciLower", shown, v->interval.lower);
    put_or_null(w, "ciUpper", shown, v->interval.upper);
    put_or_null(w, "estimate", shown, v->interval.estimate);
    put_or_null(w, "effectSize", shown, v->effect);
    put_summary(w, "experimentStats", &v->experiment);
    put_summary(w, "controlStats", &v->control);
    writer_end(w);
    buf_release(&reason);
}

static int run_metric(const struct eval_case *c, struct writer *got, struct err *err)
{
    const char *name = node_get_string(c->params, "metricName");
    const bool means = says(c->params, "classifier", "MeanInequalityClassifier");
    struct aca_options o;
    struct aca_verdict v;
    struct series s;
    if (read_series(c, &s, err) != 0 || read_options(c->params, &o, err) != 0)
        return -1;
    if (!means && node_get(c->params, "classifier") &&
        !says(c->params, "classifier", "MannWhitneyClassifier"))
        return unknown(err, "classifier", node_get_string(c->params, "classifier"));
    v = means ? aca_classify_means(&o, s.e, s.m, s.c, s.n) : aca_classify(&o, s.e, s.m, s.c, s.n);
    put_verdict(got, &v, name ? name : "m");
    return 0;
}

/* ---- the test ---- */

static int put_intermediate(struct writer *got, const struct shift_test *t,
                            const struct shift_limits *i, struct err *err)
{
    double low, high;
    if (!shift_test_statistic(t, i->d_min, &low) || !shift_test_statistic(t, i->d_max, &high))
        return err_set(err, ERR_INPUT, "all values are tied");
    kayenta_put(got, "muMin", i->d_min);
    kayenta_put(got, "muMax", i->d_max);
    kayenta_put(got, "zqLower", i->z);
    kayenta_put(got, "zqUpper", -i->z);
    kayenta_put(got, "fLower_zqLower", low - i->z);
    kayenta_put(got, "fUpper_zqLower", high - i->z);
    kayenta_put(got, "fLower_zqUpper", low + i->z);
    kayenta_put(got, "fUpper_zqUpper", high + i->z);
    kayenta_put(got, "ciLower", i->lower);
    kayenta_put(got, "ciUpper", i->upper);
    kayenta_put(got, "estimate", i->estimate);
    return 0;
}

static int put_interval(const struct eval_case *c, const struct shift_test *t, bool intermediate,
                        struct writer *got, struct err *err)
{
    struct shift_limits i;
    double confidence;
    if (eval_number(c->params, "confidenceLevel", &confidence, err) != 0)
        return -1;
    if (!(confidence >= 0 && confidence <= 1))
        return err_set(err, ERR_INPUT, "confidenceLevel must be from 0 to 1");
    if (!shift_limits(t, confidence, &i))
        return err_set(err, ERR_INPUT, "no confidence interval: all values are tied");
    if (intermediate)
        return put_intermediate(got, t, &i, err);
    kayenta_put(got, "lower", i.lower);
    kayenta_put(got, "upper", i.upper);
    kayenta_put(got, "estimate", i.estimate);
    return 0;
}

static int put_difference(const struct eval_case *c, const struct shift_test *t, struct writer *got,
                          struct err *err)
{
    double mu, quantile, w;
    if (eval_number(c->params, "mu", &mu, err) != 0 ||
        eval_number(c->params, "quantile", &quantile, err) != 0)
        return -1;
    if (!shift_test_statistic(t, mu, &w))
        return err_set(err, ERR_INPUT, "all values are tied at this shift");
    kayenta_put(got, "value", w - quantile);
    return 0;
}

static int run_mannwhitney(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const functions[] = {"normalQuantile", "wilcoxonDiff", "mannWhitneyUTest",
                                            "mannWhitneyIntermediate"};
    struct series s;
    struct shift_test t;
    double p = NAN;
    int function, result;
    if (eval_choice(c->params, "function", functions, 4, &function, err) != 0 ||
        read_series(c, &s, err) != 0)
        return -1;
    if (function == 0 && eval_number(c->params, "p", &p, err) != 0)
        return -1;
    if (function == 0 && !(p >= 0 && p <= 1))
        return err_set(err, ERR_INPUT, "p must be from 0 to 1");
    if (function != 0 && (s.m == 0 || s.n == 0))
        return empty(err);
    writer_object(got);
    if (function == 0) {
        kayenta_put(got, "value", giles_normal_quantile(p));
        writer_end(got);
        return 0;
    }
    shift_test_init(&t, s.e, s.m, s.c, s.n);
    result = function == 1 ? put_difference(c, &t, got, err)
                           : put_interval(c, &t, function == 3, got, err);
    shift_test_release(&t);
    writer_end(got);
    return result;
}

/* ---- statistics ---- */

static int run_statistics(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const functions[] = {"summary", "percentile", "meanRatio", "cohenD", "cles"};
    struct series s;
    double p, value = NAN;
    int function;
    if (eval_choice(c->params, "function", functions, 5, &function, err) != 0 ||
        read_series(c, &s, err) != 0)
        return -1;
    const struct sample_summary e = samples_summary(s.e, s.m), b = samples_summary(s.c, s.n);
    if (function == 1) {
        if (eval_number(c->params, "p", &p, err) != 0)
            return -1;
        if (!(p > 0 && p <= 100))
            return err_set(err, ERR_INPUT, "p must be over 0 and at most 100");
        value = samples_percentile(s.e, s.m, p);
    } else if (function == 2) {
        value = effect_mean_ratio(e.mean, b.mean);
    } else if (function == 3) {
        value = effect_cohen_d(&e, &b);
    } else if (function == 4) {
        struct shift_test t;
        if (s.m == 0 || s.n == 0)
            return empty(err);
        shift_test_init(&t, s.e, s.m, s.c, s.n);
        value = effect_cles(&t);
        shift_test_release(&t);
    }
    writer_object(got);
    if (function == 0)
        kayenta_put_summary(got, &e);
    else
        kayenta_put(got, "value", value);
    writer_end(got);
    return 0;
}

/* Which values the detector of `params` marks; NULL with err. */
static const bool *detect(const struct eval_case *c, const struct series *s, struct err *err)
{
    static const char *const detectors[] = {"KSigmaDetector", "IQRDetector"};
    bool *marked = arena_array(c->arena, s->m + 1, sizeof(*marked)), lenient;
    int detector;
    double reach;
    if (eval_choice(c->params, "detector", detectors, 2, &detector, err) != 0 ||
        read_flag(c->params, "reduceSensitivity", &lenient, err) != 0 ||
        eval_number_or(c->params, detector ? "factor" : "k", detector ? 1.5 : 3, &reach, err) != 0)
        return NULL;
    if (!(reach > 0)) {
        err_set(err, ERR_INPUT, "k and factor must be greater than zero");
        return NULL;
    }
    if (detector)
        outliers_iqr(s->e, s->m, reach, lenient, marked);
    else
        outliers_sigma(s->e, s->m, reach, marked);
    return marked;
}

static int run_detectors(const struct eval_case *c, struct writer *got, struct err *err)
{
    const bool *marked;
    struct series s;
    if (read_series(c, &s, err) != 0 || !(marked = detect(c, &s, err)))
        return -1;
    writer_object(got);
    writer_kv_array(got, "isOutlier");
    for (size_t i = 0; i < s.m; i++)
        writer_bool(got, marked[i]);
    writer_end(got);
    writer_end(got);
    return 0;
}

static void put_values(struct writer *w, const double *v, size_t n)
{
    writer_kv_array(w, "values");
    for (size_t i = 0; i < n; i++)
        kayenta_put(w, NULL, v[i]);
    writer_end(w);
}

/* Noise of a mean and standard deviation, from the seed of the case. */
static int add_noise(const struct eval_case *c, double *v, size_t n, struct err *err)
{
    struct random48 r;
    double mean, sd, seed;
    if (eval_number(c->params, "mean", &mean, err) != 0 ||
        eval_number(c->params, "stdev", &sd, err) != 0 ||
        eval_number_or(c->params, "seed", 0, &seed, err) != 0)
        return -1;
    if (!(fabs(seed) <= 9e15))
        return err_set(err, ERR_INPUT, "the seed must be a whole number of at most 9e15");
    random48_init(&r, (int64_t)seed);
    for (size_t i = 0; i < n; i++)
        v[i] += mean + sd * random48_normal(&r);
    return 0;
}

static void put_noise(struct writer *got, const double *v, size_t n)
{
    const double variance = samples_variance(v, n, false);
    kayenta_put(got, "mean", samples_mean(v, n));
    kayenta_put(got, "variance", variance);
    kayenta_put(got, "stdev", sqrt(variance));
    writer_kv_int(got, "length", (int64_t)n);
    put_values(got, v, n);
}

static int run_transforms(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const transforms[] = {"removeNaNs", "replaceNaNs", "removeOutliers",
                                             "addGaussianNoise"};
    struct series s;
    double *v, value = 0;
    const bool *marked = NULL;
    int transform;
    if (eval_choice(c->params, "transform", transforms, 4, &transform, err) != 0 ||
        read_series(c, &s, err) != 0 || eval_number_or(c->params, "value", 0, &value, err) != 0 ||
        (transform == 2 && !(marked = detect(c, &s, err))))
        return -1;
    v = arena_array(c->arena, s.m + 1, sizeof(*v));
    size_t n = s.m;
    if (transform == 0)
        n = samples_without_nan(s.e, s.m, v);
    else if (transform == 1)
        samples_replace_nan(s.e, s.m, value, v);
    else if (transform == 2)
        n = samples_unmarked(s.e, s.m, marked, v);
    else
        samples_replace_nan(s.e, s.m, NAN, v);
    if (transform == 3 && add_noise(c, v, n, err) != 0)
        return -1;
    writer_object(got);
    if (transform == 3)
        put_noise(got, v, n);
    else
        put_values(got, v, n);
    writer_end(got);
    return 0;
}

/* ---- utilities ---- */

#define NORMAL_MAX 1000000 /* numbers drawn for one case */

static int run_normal(const struct eval_case *c, struct writer *got, struct err *err)
{
    double count, *v;
    if (eval_number(c->params, "n", &count, err) != 0)
        return -1;
    if (!(count >= 0 && count <= NORMAL_MAX))
        return err_set(err, ERR_INPUT, "n must be from 0 to %d", NORMAL_MAX);
    const size_t n = (size_t)count;
    v = arena_array(c->arena, n + 1, sizeof(*v));
    if (add_noise(c, v, n, err) != 0)
        return -1;
    writer_object(got);
    put_noise(got, v, n);
    writer_end(got);
    return 0;
}

#define VALUE_BYTES ((size_t)1 << 20)

static void put_node(struct writer *got, const struct node *n)
{
    struct buf json;
    writer_key(got, "value");
    if (!n) {
        writer_null(got);
        return;
    }
    buf_init(&json, VALUE_BYTES);
    node_to_json(n, &json);
    if (buf_ok(&json))
        writer_raw(got, json.data, json.len);
    else
        writer_null(got);
    buf_release(&json);
}

static int run_utils(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const functions[] = {"normal", "getPath", "getDouble"};
    const char *const *path;
    size_t n;
    int function;
    double value;
    if (eval_choice(c->params, "function", functions, 3, &function, err) != 0)
        return -1;
    if (function == 0)
        return run_normal(c, got, err);
    if (kayenta_read_words(c->arena, node_get(c->params, "path"), "path", &path, &n, err) != 0)
        return -1;
    if (n > NODE_DEPTH_MAX)
        return err_set(err, ERR_INPUT, "a path of over %d keys", NODE_DEPTH_MAX);
    const struct node *found = kayenta_get(c->arena, node_get(c->params, "object"), path, n);
    if (function == 2) {
        if (eval_number_or(c->params, "default", NAN, &value, err) != 0 ||
            (found && kayenta_number(found, "the value", &value, err) != 0))
            return -1;
        writer_object(got);
        kayenta_put(got, "value", value);
    } else {
        writer_object(got);
        put_node(got, found);
    }
    writer_end(got);
    return 0;
}

const struct eval_method eval_kayenta[] = {
    {"classifier", run_metric},
    {"judge_metric_generated", run_metric},
    {"issue_cases", run_metric},
    {"unit_dependence", run_metric},
    {"mannwhitney", run_mannwhitney},
    {"statistics_effectsizes", run_statistics},
    {"detectors", run_detectors},
    {"transforms", run_transforms},
    {"utils", run_utils},
    {NULL, NULL},
};
