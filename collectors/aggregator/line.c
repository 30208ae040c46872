/*
 * From a line that could be read to the sums it adds to. The scanners call ingest_line once a line,
 * under the shard's mutex; nothing here allocates for a series and block that are known already.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collectors/aggregator/shard.h"

void ingest_refuse(struct ingest *in, const char *fmt, ...)
{
    struct ingest_answer *a = in->answer;
    a->refused++;
    if (a->n_refusals == REFUSALS_LISTED_MAX)
        return;
    struct refusal *r = &a->refusals[a->n_refusals++];
    r->line = in->line_number;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->reason, sizeof(r->reason), fmt, args);
    va_end(args);
}

/* Why a target did not take a line. A late one is added all the same: the store counts it for the
 * cohort and writes nothing. */
enum miss {
    MISS_NONE,
    MISS_EARLY,
    MISS_LATE,
    MISS_TRUST,
    MISS_SERVICE,
    MISS_FORM,
    MISS_POINTS,
    MISS_PERIOD,
    MISS_SHED
};

static int64_t block_at(struct ingest *in, int64_t ts_us, int64_t block_us)
{
    if (ts_us != in->cached_ts || block_us != in->cached_block_us) {
        in->cached_ts = ts_us;
        in->cached_block_us = block_us;
        in->cached_block = block_of((struct wall){ts_us}, block_us);
    }
    return in->cached_block;
}

static bool may_service(const struct ingest *in, const struct release_route *route)
{
    const struct ingest_options *o = in->options;
    return !o->may_service || o->may_service(o->user, route->service, strlen(route->service));
}

/* The open block's sums: remembered in the target while the set and the block stay the same. */
static struct sums *target_sums(struct ingest *in, struct series_target *t, bool names_no_service,
                                int64_t ts_us, enum miss *miss)
{
    const struct release_route *route = t->route;
    if (t->needs_auth && !in->options->is_authenticated) {
        *miss = MISS_TRUST;
        return NULL;
    }
    if (names_no_service && !may_service(in, route)) {
        *miss = MISS_SERVICE;
        return NULL;
    }
    int64_t block = block_at(in, ts_us, t->block_us);
    if (t->set_id == in->into->id && t->block == block)
        return t->sums;
    if (block < route->first_block) {
        *miss = MISS_EARLY;
        return NULL;
    }
    bool is_late =
        block <= atomic_load_explicit(&route->marks->sealed[t->metric], memory_order_relaxed);
    struct sums_key key = {
        .block = block,
        .release = route->marks->handle,
        .metric = t->metric,
        .cohort = t->cohort,
        .kind =
            t->is_cumulative ? SUMMARY_POINTS : (uint8_t)summary_kind_of(route->kinds[t->metric]),
    };
    struct sums *sums = sums_set_get(in->into, &key);
    if (!sums) {
        *miss = MISS_SHED;
        return NULL;
    }
    if (is_late) {
        *miss = MISS_LATE;
        return sums; /* not remembered: the next one is late too */
    }
    t->set_id = in->into->id;
    t->block = block;
    t->sums = sums;
    return sums;
}

/* What it is that takes the values of the series: "quantile", "mean", or "count". */
static const char *value_word(struct series *s)
{
    for (uint32_t i = 0; i < s->n_targets; i++) {
        const struct series_target *t = series_target(s, i);
        if (t->part == ROUTE_VALUE)
            return metric_kind_name(t->route->kinds[t->metric]);
    }
    return "count";
}

static bool value_is_plain(double v, double sum)
{
    return v >= 0 && sum <= COUNT_VALUE_MAX;
}

/* -1 with the line refused when one of these cannot be what the metric takes. `sum` is what they
 * add to a counter. */
static int value_check(struct ingest *in, struct series *s, double v, double sum)
{
    if (value_is_plain(v, sum))
        return 0;
    if (v < 0)
        ingest_refuse(in, "value %g is negative: a %s takes 0 or more", v, value_word(s));
    else if (s->takes_counts || s->as == TYPE_EDGE || !hist_takes(v))
        ingest_refuse(in, "value %g is too large", v);
    else
        return 0;
    return -1;
}

static double weight_at(const struct sample_line *line, size_t i)
{
    return line->counts ? (double)line->counts[i] : line->weight;
}

/* The mean as well: the sum is the sender's word, and need not fit the ends. */
static int set_check(struct ingest *in, struct series *s, const struct statistic_set *set)
{
    return value_check(in, s, set->min, set->sum) != 0 ||
                   value_check(in, s, set->max, set->sum) != 0 ||
                   value_check(in, s, set->sum / (double)set->count, set->sum) != 0
               ? -1
               : 0;
}

static int values_check(struct ingest *in, struct series *s, const struct sample_line *line)
{
    if (line->set)
        return set_check(in, s, line->set);
    for (size_t i = 0; i < line->n; i++) {
        const double v = line->values[i], sum = v * weight_at(line, i);
        if (!value_is_plain(v, sum) && value_check(in, s, v, sum) != 0)
            return -1;
    }
    return 0;
}

/* Are the single values of a set known, from what it says of them? */
static bool set_is_plain(const struct statistic_set *set)
{
    return set->count <= 2 || set->min == set->max;
}

/* Can the target take what the line brings? */
static bool form_fits(const struct series_target *t, const struct sample_line *line)
{
    if (t->counts_samples || (!line->set && !line->hist))
        return true; /* without a look at the route: it may be far away */
    const enum metric_kind kind = t->route->kinds[t->metric];
    if (line->hist)
        return kind == METRIC_QUANTILE;
    return kind != METRIC_MEAN || set_is_plain(line->set);
}

static double sum_of(const struct sample_line *line)
{
    if (line->set)
        return line->set->sum;
    double total = 0;
    if (line->counts) {
        for (size_t i = 0; i < line->n; i++)
            total += line->values[i] * (double)line->counts[i];
        return total;
    }
    for (size_t i = 0; i < line->n; i++)
        total += line->values[i];
    return total * line->weight;
}

/* How many it brings, as the answer counts them. */
static uint64_t values_of(const struct sample_line *line)
{
    if (line->set)
        return line->set->count;
    return line->hist ? line->hist->n : line->n;
}

/* How many samples it stands for. */
static double number_of(const struct sample_line *line)
{
    if (line->set || line->hist)
        return (double)(line->set ? line->set->count : line->hist->n);
    if (!line->counts)
        return (double)line->n * line->weight;
    double total = 0;
    for (size_t i = 0; i < line->n; i++)
        total += (double)line->counts[i];
    return total;
}

/* A set's smallest and largest value were there; the others lie between them. */
static void add_set_to_hist(struct ingest *in, struct sums *sums, const struct statistic_set *set)
{
    if (set->min == set->max) {
        sums_add_value(in->into, sums, set->min, set->count);
        return;
    }
    sums_add_value(in->into, sums, set->min, 1);
    sums_add_value(in->into, sums, set->max, 1);
    if (set->count > 2)
        sums_add_span(in->into, sums, set->min, set->max, set->count - 2);
}

static void add_moments(const struct series_target *t, struct sums *sums,
                        const struct sample_line *line)
{
    const double cap = t->route->caps[t->metric];
    const struct statistic_set *set = line->set;
    if (set && set->count == 2 && t->route->kinds[t->metric] == METRIC_MEAN) {
        sums_add_moment(sums, set->min < cap ? set->min : cap, 1);
        sums_add_moment(sums, set->max < cap ? set->max : cap, 1);
    } else if (set) { /* one value, equal ones, or a series: it is about their mean */
        double mean = set->min == set->max ? set->min : set->sum / (double)set->count;
        sums_add_moment(sums, mean < cap ? mean : cap, set->count);
    }
    for (size_t i = 0; i < line->n; i++)
        sums_add_moment(sums, line->values[i] < cap ? line->values[i] : cap,
                        (uint64_t)llround(weight_at(line, i)));
}

static void target_add_total(const struct series_target *t, struct sums *sums, double total,
                             uint64_t samples)
{
    if (t->part == ROUTE_EVENTS)
        sums->events += total;
    else
        sums->exposure += total;
    sums->samples += samples;
}

static void target_add_values(struct ingest *in, struct series_target *t, struct sums *sums,
                              const struct sample_line *line)
{
    if (t->part != ROUTE_VALUE) {
        const double total = t->counts_samples ? number_of(line) : sum_of(line);
        target_add_total(t, sums, total, values_of(line));
    } else if (sums->key.kind == SUMMARY_MOMENTS) {
        add_moments(t, sums, line);
    } else if (line->set) {
        add_set_to_hist(in, sums, line->set);
    } else if (line->hist) {
        sums_add_hist(in->into, sums, line->hist);
    } else if (line->weight == 1 && !line->counts) {
        sums_add_values(in->into, sums, line->values, line->n);
    } else {
        for (size_t i = 0; i < line->n; i++)
            sums_add_value(in->into, sums, line->values[i], (uint64_t)llround(weight_at(line, i)));
    }
}

/* false: no room for one more series. */
static bool target_add_point(struct ingest *in, const struct series *s,
                             const struct series_target *t, struct sums *sums,
                             const struct sample_line *line, bool is_again)
{
    const struct series_points *own = &s->extra->points;
    struct cumulative_point p = {.id = {own->id[0], own->id[1]},
                                 .source = own->source,
                                 .t_us = line->ts_us,
                                 .start_us = line->start_us,
                                 .value = line->values[0],
                                 .group = own->group,
                                 .edge = own->edge};
    if (t->part == ROUTE_VALUE) {
        p.side = line->buckets ? POINT_BUCKETS : POINT_EDGE;
        p.buckets = (struct point_buckets *)(uintptr_t)line->buckets; /* copied */
    } else {
        p.side = t->part == ROUTE_EVENTS ? POINT_EVENTS : POINT_EXPOSURE;
        p.id[1] ^= (uint64_t)t->part; /* a metric may count a series on both sides */
    }
    if (sums_add_point(in->into, sums, &p, is_again))
        return true;
    collectors_count(COUNT_POINTS_LIMIT, 1);
    return false;
}

static void count_missed(struct ingest *in, struct series *s, const struct sample_line *line,
                         enum miss miss)
{
    switch (miss) {
    case MISS_NONE:
    case MISS_EARLY:
        in->answer->unrouted++;
        break;
    case MISS_LATE:
        in->answer->late++;
        break;
    case MISS_TRUST:
        ingest_refuse(in, "release %s takes samples only from authenticated senders",
                      s->first.route->id);
        break;
    case MISS_SERVICE:
        ingest_refuse(in, "the token may not write samples of service %s", s->first.route->service);
        break;
    case MISS_FORM:
        ingest_refuse(in, "a %s needs the single values, and %s does not hold them", value_word(s),
                      line->set ? "a statistic set" : "a histogram");
        break;
    case MISS_POINTS:
        ingest_refuse(in, "release %s has %d cumulative series of this metric and cohort already",
                      s->first.route->id, POINTS_MAX);
        break;
    case MISS_PERIOD:
        ingest_refuse(in,
                      "release %s has blocks of %g s, and a point covers %g s: write policy.block "
                      "%gs",
                      s->first.route->id, (double)s->first.block_us / 1e6,
                      (double)line->period_us / 1e6, (double)line->period_us / 1e6);
        break;
    case MISS_SHED:
        in->n_shed++;
        collectors_count(COUNT_SHED, 1);
        ingest_refuse(in, "too much waits for Redis: the sample was dropped");
        break;
    }
}

/* s: the line's series, when it is there and resolved; else NULL. */
static void line_add(struct ingest *in, const struct sample_line *line, struct series *s)
{
    in->line_number = line->number;
    if (s)
        s->used_s = (uint32_t)in->now_s;
    else
        s = series_get(&in->shard->series, &line->key, line->hash, in->shard->routes, in->now_s);
    if (!s) {
        collectors_count(COUNT_SERIES_FULL, 1);
        ingest_refuse(in, "the limit of %d series, or %zu MB of them, is reached", SERIES_MAX,
                      SERIES_BYTES_MAX >> 20);
        return;
    }
    if (series_refusal(s)) {
        ingest_refuse(in, "%s", series_refusal(s));
        return;
    }
    const struct ingest_options *o = in->options;
    const char *service = s->bytes + s->service_at;
    const bool is_ours = s->n_targets > 0 || s->form < TAGS_FOREIGN;
    if (o->may_service && s->service_len && is_ours &&
        !o->may_service(o->user, service, s->service_len)) {
        ingest_refuse(in, "the token may not write samples of service %.*s", (int)s->service_len,
                      service);
        return;
    }
    if (s->n_targets == 0) {
        in->answer->unrouted++;
        return;
    }
    if (values_check(in, s, line) != 0)
        return;
    bool is_taken = false;
    enum miss miss = MISS_NONE;
    for (uint32_t i = 0; i < s->n_targets; i++) {
        enum miss this_one = MISS_NONE;
        struct series_target *t = series_target(s, i);
        struct sums *sums = NULL;
        const struct sums *before = t->set_id == in->into->id ? t->sums : NULL;
        if (line->period_us && t->block_us % line->period_us != 0)
            this_one = MISS_PERIOD;
        else if (form_fits(t, line))
            sums = target_sums(in, t, s->service_len == 0, line->ts_us, &this_one);
        else
            this_one = MISS_FORM;
        if (sums && t->is_cumulative)
            this_one =
                target_add_point(in, s, t, sums, line, sums == before) ? this_one : MISS_POINTS;
        else if (sums)
            target_add_values(in, t, sums, line);
        if (this_one == MISS_NONE)
            is_taken = true;
        else
            miss = this_one;
    }
    if (is_taken) {
        in->answer->taken++;
        in->answer->samples += values_of(line);
    } else {
        count_missed(in, s, line, miss);
    }
}

/*
 * A plain line like those before it: one target, which knows the open sums of its block. Most are,
 * and it takes a fraction of what all the others need to be asked. false: nothing was done.
 */
static inline bool line_add_again(struct ingest *in, const struct sample_line *line,
                                  struct series *s)
{
    struct series_target *t = &s->first;
    if (s->n_targets != 1 || series_refusal(s) || in->options->may_service || line->set ||
        line->hist || line->counts || line->period_us)
        return false;
    if (t->set_id != in->into->id || t->is_cumulative ||
        (t->needs_auth && !in->options->is_authenticated) ||
        t->block != block_at(in, line->ts_us, t->block_us))
        return false;
    bool is_positive = true; /* or zero; NaN is not */
    double total = 0;
    for (size_t i = 0; i < line->n; i++) {
        is_positive &= line->values[i] >= 0;
        total += line->values[i];
    }
    total *= line->weight;
    if (!is_positive || !(total <= COUNT_VALUE_MAX))
        return false; /* one of them may be too large; no matter which, here */
    s->used_s = (uint32_t)in->now_s;
    if (t->part == ROUTE_VALUE || t->counts_samples)
        target_add_values(in, t, t->sums, line);
    else
        target_add_total(t, t->sums, total, line->n);
    in->answer->taken++;
    in->answer->samples += line->n;
    return true;
}

void ingest_line(struct ingest *in, struct sample_line *line)
{
    line->number = in->line_number;
    line->hash = series_hash(&in->shard->series, &line->key);
    line_add(in, line, NULL);
}

bool ingest_point(struct ingest *in, struct sample_line *line, struct sums_set *own)
{
    struct sums_set *before = in->into;
    sums_set_init(own, before->budget);
    in->into = own;
    ingest_line(in, line);
    in->into = before;
    if (own->len)
        return true;
    sums_set_release(own);
    return false;
}

/*
 * With thousands of series nothing a line touches is in a near cache: slot, series, sums, one after
 * the other, each found through the one before. So some lines are read first, and each step is
 * taken for all of them: the processor waits for sixteen at a time instead of one.
 */
static void add_ahead(struct ingest *in)
{
    struct series_table *t = &in->shard->series;
    uint64_t number = in->line_number;
    struct series *guess[AHEAD_LINES];
    for (size_t i = 0; i < in->n_ahead; i++) {
        guess[i] = series_guess(t, in->ahead[i].hash);
        if (!guess[i])
            continue;
        __builtin_prefetch(guess[i]);
        __builtin_prefetch((const char *)guess[i] + 64);
        __builtin_prefetch((const char *)guess[i] + 128);
        /* long keys are remote write's and OTLP's */
        const size_t bytes = sizeof(*guess[i]) + in->ahead[i].key.tags_len;
        for (size_t at = 192; at < bytes; at += CACHE_LINE_BYTES)
            __builtin_prefetch((const char *)guess[i] + at);
    }
    /* sums that are remembered under this set's id are there; others are not looked at */
    const struct sums *sums[AHEAD_LINES];
    size_t n = 0;
    for (size_t i = 0; i < in->n_ahead; i++) {
        if (!guess[i])
            continue;
        if (guess[i]->extra)
            __builtin_prefetch(&guess[i]->extra->points);
        if (guess[i]->first.set_id != in->into->id)
            continue;
        sums[n] = guess[i]->first.sums;
        __builtin_prefetch(sums[n++], 1);
    }
    for (size_t i = 0; i < n; i++)
        sums_prefetch_log(sums[i]);
    const uint32_t generation = (uint32_t)routes_generation(in->shard->routes);
    for (size_t i = 0; i < in->n_ahead; i++) {
        const struct sample_line *line = &in->ahead[i];
        struct series *s = series_find(t, &line->key, line->hash);
        if (s && s->generation != generation)
            s = NULL;
        if (!s || !line_add_again(in, line, s))
            line_add(in, line, s);
    }
    in->n_ahead = in->n_values = 0;
    in->line_number = number;
}

void ingest_line_ahead(struct ingest *in, struct sample_line *line)
{
    const struct series_table *t = &in->shard->series;
    line->number = in->line_number;
    line->hash = series_hash(t, &line->key);
    __builtin_prefetch(&t->slots[(uint32_t)line->hash & (t->cap - 1)]);
    if (line != ingest_line_place(in))
        *ingest_line_place(in) = *line;
    in->n_ahead++;
    in->n_values += line->n;
    if (in->n_ahead == AHEAD_LINES || in->n_values > PACKED_MAX)
        add_ahead(in);
}

void ingest_finish(struct ingest *in)
{
    add_ahead(in);
    struct ingest_answer *a = in->answer;
    for (size_t i = 1; i < a->n_refusals; i++) {
        struct refusal r = a->refusals[i];
        size_t at = i;
        for (; at > 0 && a->refusals[at - 1].line > r.line; at--)
            a->refusals[at] = a->refusals[at - 1];
        a->refusals[at] = r;
    }
}
