#include "judge/simulate/assume.h"

#include <math.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/num.h"

#define EVENTS_BASE   0.01 /* of trials, or a unit of exposure */
#define QUANTILE_BASE 100.0
#define LOG_SD        0.5
#define LOG_SD_MAX    3.0
#define VALUE_MIN     1e-6
#define VALUE_MAX     1e12
#define FACTOR_MAX    1e4

static bool can_simulate(enum metric_kind kind)
{
    return kind == METRIC_PROPORTION || kind == METRIC_RATE || truth_has_values(kind);
}

static double value_of(const struct spec_metric *m, const struct latency *l)
{
    return m->kind == METRIC_QUANTILE ? latency_at_tail(l, 1 - m->quantile) : latency_mean(l);
}

/* The scale at which the metric has this value. */
static void latency_at(struct latency *l, const struct spec_metric *m, double value)
{
    l->scale = 1;
    l->scale = value / value_of(m, l);
}

static void set_default(struct metric_truth *t, const struct spec_metric *m)
{
    *t = (struct metric_truth){.slower = 1};
    if (truth_has_values(m->kind)) {
        double value = m->cap > 0 ? fmin(QUANTILE_BASE, m->cap / 4) : QUANTILE_BASE;
        t->latency = (struct latency){.shape = LATENCY_LOGNORMAL, .log_sd = LOG_SD};
        latency_at(&t->latency, m, value);
        return;
    }
    t->base = EVENTS_BASE;
    if (m->harm == HARM_DECREASE)
        t->base = 1 - t->base;
    t->harmed = t->base;
}

int assume_init(struct assumption *a, const struct spec *spec, double requests, struct arena *arena,
                struct err *err)
{
    struct spec_metric *metrics = arena_array(arena, spec->n_metrics + 1, sizeof(*metrics));
    size_t n = 0, guardrails = 0;
    memset(a, 0, sizeof(*a));
    if (spec->policy.method && strcmp(spec->policy.method->name, "anytime") != 0)
        return err_set(err, ERR_SPEC,
                       "policy.method is %s; only the steps of `anytime` can be simulated",
                       spec->policy.method->name);
    if (spec->n_steps < 2)
        return err_set(err, ERR_SPEC,
                       "no step has a baseline beside the candidate: there is "
                       "nothing to plan");
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct spec_metric *m = &spec->metrics[i];
        if (m->role == ROLE_INFO)
            continue;
        if (!can_simulate(m->kind))
            return err_set(err, ERR_SPEC, "metric %s is of kind %s, which cannot be simulated",
                           m->name, metric_kind_name(m->kind));
        guardrails += m->role == ROLE_GUARDRAIL;
        set_default(&a->truth.metrics[n], m);
        a->is_assumed[n] = true;
        metrics[n++] = *m;
    }
    if (!guardrails)
        return err_set(err, ERR_SPEC,
                       "no guardrail is declared: nothing could promote the release");
    a->spec = *spec;
    a->spec.metrics = metrics;
    a->spec.n_metrics = n;
    a->arena = arena;
    a->truth.requests = requests;
    a->truth.noise = (struct noise){.dispersion = 1};
    a->truth.harm_from_step = 1;
    return 0;
}

/* One "NAME=VALUE" of a list. */
struct item {
    size_t metric;
    const char *value;
    size_t len;
};

static int refuse_name(const struct assumption *a, const char *what, const char *name, size_t len,
                       struct err *err)
{
    struct buf names;
    buf_init(&names, ERR_MESSAGE_BYTES);
    for (size_t i = 0; i < a->spec.n_metrics; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", a->spec.metrics[i].name);
    err_set(err, ERR_USAGE, "%s: the spec judges no metric `%.*s`; it judges %s", what,
            len < 80 ? (int)len : 80, name, names.data);
    buf_release(&names);
    return -1;
}

/* 1 with the next item, 0 at the end, -1 err. */
static int next_item(const struct assumption *a, const char **words, const char *what,
                     struct item *out, struct err *err)
{
    const char *p = *words + strspn(*words, ", ");
    size_t len = strcspn(p, ",");
    const char *equals = memchr(p, '=', len);
    if (!len)
        return 0;
    *words = p + len;
    if (!equals)
        return err_set(err, ERR_USAGE, "%s: `%.*s` is not METRIC=VALUE", what, (int)len, p);
    for (size_t i = 0; i < a->spec.n_metrics; i++) {
        const char *name = a->spec.metrics[i].name;
        if (strlen(name) != (size_t)(equals - p) || memcmp(name, p, strlen(name)) != 0)
            continue;
        *out = (struct item){i, equals + 1, len - (size_t)(equals + 1 - p)};
        return 1;
    }
    return refuse_name(a, what, p, (size_t)(equals - p), err);
}

/* A positive number, perhaps with the metric's unit behind it. */
static int read_value(const char *text, size_t len, const char *unit, double *out)
{
    size_t n = unit ? strlen(unit) : 0;
    if (n && len > n && memcmp(text + len - n, unit, n) == 0)
        len -= n;
    return num_parse_double(text, len, out) == 0 && *out >= VALUE_MIN && *out <= VALUE_MAX ? 0 : -1;
}

static int read_latency(const struct spec_metric *m, const struct item *item, struct latency *l,
                        struct err *err)
{
    const char *colon = memchr(item->value, ':', item->len), *end = item->value + item->len;
    const char *second = colon ? memchr(colon + 1, ':', (size_t)(end - colon - 1)) : NULL;
    size_t head = colon ? (size_t)(colon - item->value) : 0;
    double value, sd = LOG_SD;
    *l = (struct latency){.shape = LATENCY_LOGNORMAL, .log_sd = LOG_SD};
    if (!colon && read_value(item->value, item->len, m->unit, &value) == 0) {
        latency_at(l, m, value);
        return 0;
    }
    if (head == 9 && memcmp(item->value, "lognormal", 9) == 0 && second &&
        read_value(colon + 1, (size_t)(second - colon - 1), m->unit, &value) == 0 &&
        num_parse_double(second + 1, (size_t)(end - second - 1), &sd) == 0 && sd > 0 &&
        sd <= LOG_SD_MAX) {
        l->scale = value;
        l->log_sd = sd;
        return 0;
    }
    if (head == 11 && memcmp(item->value, "exponential", 11) == 0 && !second &&
        read_value(colon + 1, (size_t)(end - colon - 1), m->unit, &value) == 0) {
        *l = (struct latency){.shape = LATENCY_EXPONENTIAL, .scale = value};
        return 0;
    }
    return err_set(
        err, ERR_USAGE,
        "baseline of %s: want its value (120), lognormal:MEDIAN:LOGSD (log-sd up to 3) or "
        "exponential:MEAN",
        m->name);
}

int assume_baseline(struct assumption *a, const char *words, struct err *err)
{
    struct item item;
    int rc;
    while ((rc = next_item(a, &words, "baseline", &item, err)) > 0) {
        const struct spec_metric *m = &a->spec.metrics[item.metric];
        struct metric_truth *t = &a->truth.metrics[item.metric];
        double v;
        a->is_assumed[item.metric] = false;
        if (truth_has_values(m->kind)) {
            if (read_latency(m, &item, &t->latency, err) != 0)
                return -1;
            continue;
        }
        bool is_proportion = m->kind == METRIC_PROPORTION;
        if (num_parse_fraction(item.value, item.len, &v, NULL) != 0 || !(v >= 0) ||
            (is_proportion && v > 1) || v > VALUE_MAX)
            return err_set(err, ERR_USAGE, "baseline of %s: want %s", m->name,
                           is_proportion ? "a proportion such as 1% or 0.01"
                                         : "events a request such as 0.2");
        t->base = t->harmed = v;
    }
    return rc;
}

double assume_base(const struct assumption *a, size_t metric)
{
    const struct spec_metric *m = &a->spec.metrics[metric];
    const struct metric_truth *t = &a->truth.metrics[metric];
    return truth_has_values(m->kind) ? value_of(m, &t->latency) : t->base;
}

double assume_margin(const struct assumption *a, size_t metric)
{
    const struct spec_metric *m = &a->spec.metrics[metric];
    /* fmax passes over NaN */
    return fmax(m->margin.relative * assume_base(a, metric), m->margin.absolute);
}

double assume_tolerance(const struct assumption *a, size_t metric)
{
    const struct spec_metric *m = &a->spec.metrics[metric];
    double tolerance = fmax(m->tolerance.relative * assume_base(a, metric), m->tolerance.absolute);
    return isnan(tolerance) ? 0 : tolerance;
}

void assume_excess(struct assumption *a, size_t metric, double excess)
{
    const struct spec_metric *m = &a->spec.metrics[metric];
    struct metric_truth *t = &a->truth.metrics[metric];
    double change = m->harm == HARM_DECREASE ? -excess : excess;
    if (truth_has_values(m->kind))
        t->slower = fmin(FACTOR_MAX, fmax(1 / FACTOR_MAX, 1 + change / assume_base(a, metric)));
    t->harmed = fmax(0, t->base + change);
    if (m->kind == METRIC_PROPORTION)
        t->harmed = fmin(1, t->harmed);
}

double assume_ratio(const struct assumption *a, size_t metric)
{
    const struct metric_truth *t = &a->truth.metrics[metric];
    if (truth_has_values(a->spec.metrics[metric].kind))
        return t->slower;
    return t->base > 0 ? t->harmed / t->base : t->harmed > 0 ? INFINITY : 1;
}

/* "x1.5", "1.5x", "1.5"; "margin", "3margin", "3xmargin". */
static int read_truth(struct assumption *a, const struct item *item, struct err *err)
{
    static const char word[] = "margin";
    const struct spec_metric *m = &a->spec.metrics[item->metric];
    struct metric_truth *t = &a->truth.metrics[item->metric];
    const char *p = item->value;
    size_t len = item->len, n = sizeof(word) - 1;
    double v = 1;
    bool is_margin = len >= n && memcmp(p + len - n, word, n) == 0;
    len -= is_margin ? n : 0;
    if (len && p[0] == 'x') {
        p++;
        len--;
    } else if (len && p[len - 1] == 'x') {
        len--;
    }
    bool is_good = (is_margin && !len) || num_parse_double(p, len, &v) == 0;
    if (!is_good || !(v >= 0) || !(v <= FACTOR_MAX))
        return err_set(err, ERR_USAGE,
                       "truth of %s: `%.*s` is none; want a ratio such as x1.5, or `3margin`",
                       m->name, (int)item->len, item->value);
    if (is_margin) {
        if (isnan(assume_margin(a, item->metric)))
            return err_set(err, ERR_USAGE, "truth of %s: it has no margin", m->name);
        assume_excess(a, item->metric, v * assume_margin(a, item->metric));
        return 0;
    }
    if (truth_has_values(m->kind)) {
        t->slower = fmax(1 / FACTOR_MAX, v);
        return 0;
    }
    t->harmed = v * t->base;
    if (m->kind == METRIC_PROPORTION && t->harmed > 1)
        return err_set(err, ERR_USAGE, "truth of %s: %g times %g is more than a proportion can be",
                       m->name, v, t->base);
    return 0;
}

int assume_truth(struct assumption *a, const char *words, struct err *err)
{
    struct item item = {.metric = 0};
    int rc;
    for (size_t i = 0; i < a->spec.n_metrics; i++)
        assume_excess(a, i, 0);
    while ((rc = next_item(a, &words, "truth", &item, err)) > 0)
        if (read_truth(a, &item, err) != 0)
            return -1;
    return rc;
}

int assume_onset(struct assumption *a, const char *word, struct err *err)
{
    int64_t step;
    if (!word[0])
        return 0;
    if (num_parse_i64(word, strlen(word), &step) == 0) {
        if (step < 1 || (size_t)step >= a->spec.n_steps)
            return err_set(err, ERR_USAGE, "harm from step %s: there are steps 1 to %zu", word,
                           a->spec.n_steps - 1);
        a->truth.harm_from_step = (int)step;
        return 0;
    }
    if (duration_parse(word, &a->truth.harm_from_us) != 0)
        return err_set(err, ERR_USAGE, "harm from `%s`: want the number of a step or a duration",
                       word);
    return 0;
}

void assume_finish(struct assumption *a)
{
    for (size_t i = 0; i < a->spec.n_metrics; i++) {
        struct metric_truth *t = &a->truth.metrics[i];
        if (!truth_has_values(a->spec.metrics[i].kind))
            continue;
        struct latency_table *tables = arena_array(a->arena, 2, sizeof(*tables));
        struct latency slower = t->latency;
        slower.scale *= t->slower;
        latency_table_init(&tables[0], &t->latency);
        latency_table_init(&tables[1], &slower);
        t->before = &tables[0];
        t->after = &tables[1];
    }
}
