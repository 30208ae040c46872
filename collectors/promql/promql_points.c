#include "collectors/promql/promql_points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/buckets.h"
#include "collectors/limits.h"
#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/base/num.h"

#define WORDS_BYTES 240

enum side { SIDE_EVENTS, SIDE_EXPOSURE, SIDE_BUCKET };

/* A counter that adds to a cohort. */
struct counted {
    const double *values; /* a boundary */
    uint8_t cohort, side;
    size_t process; /* index into `known` */
    double edge;    /* SIDE_BUCKET: le */
    uint64_t group; /* SIDE_BUCKET */
};

struct counting {
    const struct promql_answer *answer;
    struct promql_tally *tally;
    struct arena *arena;
    size_t n_steps;
    struct counted *counted;
    size_t n, cap;
    struct map processes; /* job NUL instance -> index + 1 */
    bool *known;          /* [process * n_steps + step]: one of its series has a value */
    struct bucket_row *rows;
};

struct promql_steps promql_steps_for(enum metric_kind kind, int64_t block_us, int64_t from,
                                     int64_t to)
{
    const int64_t step_ms = block_us / US_PER_MS;
    const size_t n = (size_t)(to - from) + 1;
    if (kind == METRIC_SERIES) /* the value at each block's end */
        return (struct promql_steps){(from + 1) * step_ms, step_ms, n};
    return (struct promql_steps){(from - PROMQL_HISTORY) * step_ms, step_ms,
                                 n + 1 + PROMQL_HISTORY};
}

static const char *words_of(const struct promql_series *s, struct arena *a)
{
    struct buf out;
    buf_init(&out, WORDS_BYTES);
    promql_series_words(s, &out);
    const char *text = arena_printf(a, "%s%s", out.data, buf_ok(&out) ? "" : "...");
    buf_release(&out);
    return text;
}

/* Which cohort's is the series? -1 with err when it is both's; *cohort 2 when it is nobody's. */
static int cohort_of(const struct promql_answer *answer, uint8_t reply,
                     const struct promql_series *s, uint8_t *cohort, struct arena *a,
                     struct err *err)
{
    *cohort = reply;
    if (!answer->cohorts)
        return 0;
    bool is_baseline = promql_series_has(s, &answer->cohorts->baseline);
    bool is_candidate = promql_series_has(s, &answer->cohorts->candidate);
    if (is_baseline && is_candidate)
        return err_set(err, ERR_INPUT,
                       "%s has the labels of both cohorts: each needs a label the other has not",
                       words_of(s, a));
    *cohort = is_baseline ? COHORT_BASELINE : is_candidate ? COHORT_CANDIDATE : 2;
    return 0;
}

uint8_t promql_series_cohort(const struct promql_answer *answer, uint8_t reply,
                             const struct promql_series *s)
{
    if (!answer->cohorts)
        return reply;
    bool is_baseline = promql_series_has(s, &answer->cohorts->baseline);
    bool is_candidate = promql_series_has(s, &answer->cohorts->candidate);
    return is_baseline == is_candidate ? 2 : is_baseline ? COHORT_BASELINE : COHORT_CANDIDATE;
}

/* ---- counters ---- */

static size_t process_of(struct counting *c, const struct promql_series *s)
{
    const char *job = promql_series_label(s, "job");
    const char *key = arena_printf(c->arena, "%s\n%s", job, promql_series_label(s, "instance"));
    size_t index = (size_t)(uintptr_t)map_get_str(&c->processes, key);
    if (index == 0) {
        index = c->processes.len + 1;
        map_put_str(&c->processes, key, (void *)(uintptr_t)index);
    }
    return index - 1;
}

/* One query may give several histograms: their names tell them apart as well. */
static uint64_t group_of(const struct promql_series *s)
{
    uint64_t h = map_hash(s->name, strlen(s->name));
    for (size_t i = 0; i < s->labels.n; i++) {
        const struct label *l = &s->labels.items[i];
        if (strcmp(l->name, "le") == 0)
            continue;
        uint64_t part[3] = {h, map_hash(l->name, strlen(l->name)),
                            map_hash(l->value, strlen(l->value))};
        h = map_hash(part, sizeof(part));
    }
    return h;
}

static int edge_of(const struct promql_series *s, double *edge, struct arena *a, struct err *err)
{
    const char *le = promql_series_label(s, "le");
    if (strcmp(le, "+Inf") == 0)
        *edge = INFINITY;
    else if (num_parse_double(le, strlen(le), edge) != 0)
        return err_set(err, ERR_INPUT,
                       "%s is no bucket of a histogram: a quantile needs the _bucket series with "
                       "their label le",
                       words_of(s, a));
    return 0;
}

static int count_series(struct counting *c, const struct promql_series *s, uint8_t reply,
                        enum side side, struct err *err)
{
    struct counted n = {.values = s->values, .side = (uint8_t)side};
    if (!s->name)
        return err_set(err, ERR_INPUT,
                       "%s has no metric name, so the server computed it (sum, rate, increase): a "
                       "%s needs the counters as they are, which are added up here, so that one "
                       "that begins anew is seen",
                       words_of(s, c->arena), metric_kind_name(c->answer->kind));
    if (cohort_of(c->answer, reply, s, &n.cohort, c->arena, err) != 0)
        return -1;
    if (n.cohort == 2)
        return 0;
    if (side == SIDE_BUCKET) {
        if (edge_of(s, &n.edge, c->arena, err) != 0)
            return -1;
        n.group = group_of(s);
    }
    if (side != SIDE_EXPOSURE)
        c->tally->n_series[n.cohort]++;
    n.process = process_of(c, s);
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        struct counted *more = arena_array(c->arena, cap, sizeof(*more));
        if (c->n)
            memcpy(more, c->counted, c->n * sizeof(*more));
        c->counted = more;
        c->cap = cap;
    }
    c->counted[c->n++] = n;
    return 0;
}

/* The replies of one side: one for both cohorts, or one each. */
static int count_side(struct counting *c, const struct promql_reply *const replies[2],
                      enum side side, struct err *err)
{
    for (uint8_t r = 0; r < (c->answer->cohorts ? 1 : 2); r++) {
        for (size_t i = 0; i < replies[r]->n; i++)
            if (count_series(c, &replies[r]->series[i], r, side, err) != 0)
                return -1;
    }
    return 0;
}

static void note_known(struct counting *c)
{
    c->known = arena_array(c->arena, c->processes.len * c->n_steps + 1, sizeof(*c->known));
    for (size_t i = 0; i < c->n; i++) {
        bool *known = c->known + c->counted[i].process * c->n_steps;
        for (size_t k = 0; k < c->n_steps; k++)
            known[k] = known[k] || !isnan(c->counted[i].values[k]);
    }
}

/* The increase from boundary i to i + 1; NAN when it cannot be told. */
static double grown(const struct counting *c, const struct counted *n, size_t i)
{
    const bool *known = c->known + n->process * c->n_steps;
    double before = n->values[i], after = n->values[i + 1];
    if (!isnan(before) && !isnan(after))
        return after >= before && after - before <= COUNT_VALUE_MAX ? after - before : NAN;
    if (!isnan(before))
        return known[i + 1] ? NAN : 0;
    if (isnan(after) || !known[i])
        return 0;
    for (size_t k = 0; k < i; k++)
        if (!isnan(n->values[k]))
            return NAN; /* back */
    return after >= 0 && after <= COUNT_VALUE_MAX ? after : NAN;
}

static bool is_counted(const struct promql_answer *answer, int64_t block)
{
    return block >= answer->count_from && block <= answer->count_to;
}

static void note_dropped(struct counting *c, int64_t block)
{
    if (is_counted(c->answer, block))
        c->tally->dropped++;
}

static void give_counts(struct counting *c, int64_t block, size_t i, promql_point_fn *fn,
                        void *user)
{
    struct counts counts[2] = {{0, 0}, {0, 0}};
    bool is_broken[2] = {false, false};
    for (size_t j = 0; j < c->n; j++) {
        const struct counted *n = &c->counted[j];
        double more = grown(c, n, i);
        if (isnan(more))
            is_broken[n->cohort] = true;
        else if (n->side == SIDE_EVENTS)
            counts[n->cohort].events += more;
        else
            counts[n->cohort].exposure += more;
    }
    for (uint8_t cohort = 0; cohort < 2; cohort++) {
        struct summary s;
        summary_init(&s, SUMMARY_COUNTS);
        s.counts = counts[cohort];
        double most = s.counts.exposure > s.counts.events ? s.counts.exposure : s.counts.events;
        s.samples = (uint64_t)most; /* at most 2 * PROMQL_SERIES_MAX * COUNT_VALUE_MAX */
        if (is_broken[cohort]) {
            s.counts = (struct counts){0, 0};
            s.samples = 0;
            note_dropped(c, block);
        }
        fn(user, cohort, block, &s);
        summary_release(&s);
    }
}

static void give_hist(struct counting *c, int64_t block, size_t i, promql_point_fn *fn, void *user)
{
    bool is_broken[2] = {false, false};
    size_t n_rows = 0, at = 0;
    for (size_t j = 0; j < c->n; j++) {
        const struct counted *n = &c->counted[j];
        double more = grown(c, n, i);
        if (isnan(more))
            is_broken[n->cohort] = true;
        else
            c->rows[n_rows++] = (struct bucket_row){0, n->cohort, n->group, n->edge, more};
    }
    if (n_rows)
        qsort(c->rows, n_rows, sizeof(*c->rows), bucket_row_compare);
    for (uint8_t cohort = 0; cohort < 2; cohort++) {
        struct summary s;
        size_t first = at;
        while (at < n_rows && c->rows[at].cohort == cohort)
            at++;
        summary_init(&s, SUMMARY_HIST);
        if (is_broken[cohort] || !bucket_rows_to_hist(c->rows + first, at - first, &s.hist)) {
            hist_clear(&s.hist);
            note_dropped(c, block);
        }
        s.samples = s.hist.n;
        fn(user, cohort, block, &s);
        summary_release(&s);
    }
}

static int count(const struct promql_answer *answer, promql_point_fn *fn, void *user,
                 struct promql_tally *tally, struct arena *a, struct err *err)
{
    const bool is_hist = answer->kind == METRIC_QUANTILE;
    struct counting c = {.answer = answer, .tally = tally, .arena = a};
    int rc = -1;
    c.n_steps = (size_t)(answer->to - answer->from) + 2 + PROMQL_HISTORY;
    map_init(&c.processes);
    if (count_side(&c, answer->query, is_hist ? SIDE_BUCKET : SIDE_EVENTS, err) != 0 ||
        (!is_hist && count_side(&c, answer->of, SIDE_EXPOSURE, err) != 0))
        goto out;
    note_known(&c);
    if (is_hist)
        c.rows = arena_array(a, c.n + 1, sizeof(*c.rows));
    for (int64_t block = answer->from; block <= answer->to; block++) {
        size_t i = (size_t)(block - answer->from) + PROMQL_HISTORY;
        if (is_hist)
            give_hist(&c, block, i, fn, user);
        else
            give_counts(&c, block, i, fn, user);
    }
    rc = 0;
out:
    map_release(&c.processes, NULL);
    return rc;
}

/* ---- values ---- */

/* The one series of a cohort; *found NULL when there is none. */
static int the_series(const struct promql_answer *answer, uint8_t cohort,
                      const struct promql_series **found, struct promql_tally *tally,
                      struct arena *a, struct err *err)
{
    static const char *const names[2] = {"baseline", "candidate"};
    const struct promql_reply *reply = answer->query[cohort];
    *found = NULL;
    if (answer->cohorts && reply->is_scalar)
        return err_set(err, ERR_INPUT,
                       "the query gives one number without labels: write ${label} where it chooses "
                       "the cohort, or an expression that keeps the labels of `cohorts`");
    for (size_t i = 0; i < reply->n; i++) {
        const struct promql_series *s = &reply->series[i];
        uint8_t whose;
        if (cohort_of(answer, cohort, s, &whose, a, err) != 0)
            return -1;
        if (whose != cohort)
            continue;
        tally->n_series[cohort]++;
        if (*found)
            return err_set(err, ERR_INPUT,
                           "two series are the %s's, %s and %s: a `series` has one value a block; "
                           "add them up, as in `sum by (...)`",
                           names[cohort], words_of(*found, a), words_of(s, a));
        *found = s;
    }
    return 0;
}

static int values(const struct promql_answer *answer, promql_point_fn *fn, void *user,
                  struct promql_tally *tally, struct arena *a, struct err *err)
{
    const struct promql_series *series[2];
    for (uint8_t cohort = 0; cohort < 2; cohort++)
        if (the_series(answer, cohort, &series[cohort], tally, a, err) != 0)
            return -1;
    for (int64_t block = answer->from; block <= answer->to; block++) {
        for (uint8_t cohort = 0; cohort < 2; cohort++) {
            double v = series[cohort] ? series[cohort]->values[block - answer->from] : NAN;
            struct summary s;
            summary_init(&s, SUMMARY_MOMENTS);
            if (!isnan(v)) {
                moments_add(&s.moments, v, 1);
                s.samples = 1;
            } else if (series[cohort] && is_counted(answer, block)) {
                tally->not_finite++;
            }
            fn(user, cohort, block, &s);
            summary_release(&s);
        }
    }
    return 0;
}

int promql_points(const struct promql_answer *answer, promql_point_fn *fn, void *user,
                  struct promql_tally *tally, struct arena *a, struct err *err)
{
    *tally = (struct promql_tally){0};
    return answer->kind == METRIC_SERIES ? values(answer, fn, user, tally, a, err)
                                         : count(answer, fn, user, tally, a, err);
}
