#include "collectors/scrape/increase.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/buckets.h"
#include "collectors/scrape/process_start.h"
#include "collectors/wire/exposition.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/map.h"

#define NO_SCRAPE INT64_MIN
#define FORGET_SCRAPES                                                                             \
    3600 /* a series not seen for so many may be forgotten when room is needed                     \
          */
#define COMPLAINT_BYTES 160

enum side { SIDE_EVENTS, SIDE_EXPOSURE, SIDE_BUCKET };

/* A want a series adds to. */
struct match {
    uint32_t want;
    uint8_t cohort;
    uint8_t side;
    double edge;    /* SIDE_BUCKET: le */
    uint64_t group; /* SIDE_BUCKET: its histogram, by all labels but le */
};

struct counter_series {
    double value; /* at scrape last_k */
    int64_t last_k;
    double fresh; /* at the scrape being taken, when fresh_k is its number */
    int64_t fresh_k;
    uint64_t generation; /* of the wants its matches were found for */
    struct match *matches;
    size_t n_matches;
};

/* What one pass found for a want and cohort. */
struct found {
    double events, exposure;
    bool is_broken;
    bool is_seen; /* a series of its exposure or buckets is there */
};

struct want {
    const struct route_scrape *scrape;
    char release[MODEL_NAME_MAX + 1];
    int64_t token;
    int64_t base_k;       /* its first scrape; NO_SCRAPE: none yet */
    bool is_cut, was_cut; /* this scrape, the one before: there was no room for a series of it */
    struct found found[2];
    char misfit[COMPLAINT_BYTES];    /* a series of the wrong type, since the wants were set */
    char complaint[COMPLAINT_BYTES]; /* of the last scrape */
};

struct increase {
    int64_t block_us;
    uint64_t generation;
    struct want *wants;
    size_t n_wants;
    struct map series; /* name and labels as written -> struct counter_series */
    int64_t last_k;    /* the last scrape taken */
    struct process_start start;
    int64_t k;    /* of the pass */
    bool is_full; /* in this pass, and nothing to be forgotten */
    struct bucket_row *rows;
    size_t n_rows, cap_rows;
};

struct increase *increase_new(int64_t block_us)
{
    struct increase *inc = mem_alloc(sizeof(*inc));
    inc->block_us = block_us;
    inc->last_k = NO_SCRAPE;
    process_start_init(&inc->start);
    map_init(&inc->series);
    return inc;
}

static void series_free(void *value)
{
    struct counter_series *s = value;
    free(s->matches);
    free(s);
}

void increase_free(struct increase *inc)
{
    map_release(&inc->series, series_free);
    free(inc->wants);
    free(inc->rows);
    free(inc);
}

void increase_set_wants(struct increase *inc, const struct route_scrape *const *wants, size_t n)
{
    struct want *next = mem_alloc_array(n ? n : 1, sizeof(*next));
    for (size_t i = 0; i < n; i++) {
        struct want *w = &next[i];
        w->scrape = wants[i];
        w->token = wants[i]->route->lease_token;
        w->base_k = NO_SCRAPE;
        memcpy(w->release, wants[i]->route->id, strnlen(wants[i]->route->id, MODEL_NAME_MAX));
        for (size_t j = 0; j < inc->n_wants; j++) {
            const struct want *old = &inc->wants[j];
            /* metric is the index in the spec, and a spec never changes */
            if (strcmp(old->release, w->release) == 0 && old->token == w->token &&
                old->scrape->metric == w->scrape->metric) {
                w->base_k = old->base_k;
                w->is_cut = old->is_cut;
            }
        }
    }
    free(inc->wants);
    inc->wants = next;
    inc->n_wants = n;
    inc->generation++;
}

/* ---- which wants a series adds to ---- */

static bool labels_hold(const struct labels *want, const struct exposition_sample *s)
{
    for (size_t i = 0; i < want->n; i++) {
        const struct exposition_label *l = exposition_label(s, want->items[i].name);
        /* as in Prometheus: a label that is not there is the empty one */
        if (l ? !exposition_value_is(l, want->items[i].value) : want->items[i].value[0] != '\0')
            return false;
    }
    return true;
}

static bool name_is(const struct exposition_sample *s, const char *name, const char *suffix)
{
    size_t len = strlen(name), more = strlen(suffix);
    return s->name_len == len + more && memcmp(s->name, name, len) == 0 &&
           memcmp(s->name + len, suffix, more) == 0;
}

static uint64_t group_of(const struct exposition_sample *s)
{
    uint64_t h = 0;
    for (size_t i = 0; i < s->n_labels; i++) {
        const struct exposition_label *l = &s->labels[i];
        if (l->name_len == 2 && memcmp(l->name, "le", 2) == 0)
            continue;
        uint64_t part[3] = {h, map_hash(l->name, l->name_len), map_hash(l->raw, l->raw_len)};
        h = map_hash(part, sizeof(part));
    }
    return h;
}

static void match_add(struct counter_series *c, struct match m)
{
    if ((c->n_matches & (c->n_matches - 1)) == 0)
        c->matches = mem_grow(c->matches, c->n_matches ? 2 * c->n_matches : 1, sizeof(m));
    c->matches[c->n_matches++] = m;
}

/* Adds the series on one side of a want, for each cohort it belongs to. */
static void match_side(struct increase *inc, struct counter_series *c, uint32_t want,
                       enum side side, const struct exposition_sample *s)
{
    const struct route_scrape *r = inc->wants[want].scrape;
    struct match m = {.want = want, .side = (uint8_t)side};
    if (!labels_hold(side == SIDE_EXPOSURE ? &r->of_labels : &r->labels, s))
        return;
    if (s->type == EXPOSITION_GAUGE) {
        snprintf(inc->wants[want].misfit, COMPLAINT_BYTES, "%.*s is a gauge; a %s is needed",
                 (int)(s->name_len < 80 ? s->name_len : 80), s->name,
                 side == SIDE_BUCKET ? "histogram" : "counter");
        return;
    }
    if (side == SIDE_BUCKET) {
        const struct exposition_label *le = exposition_label(s, "le");
        if (!le || exposition_number(le->raw, le->raw_len, &m.edge) != 0 || isnan(m.edge))
            return;
        m.group = group_of(s);
    }
    const struct labels *cohorts[2] = {&r->cohorts.baseline, &r->cohorts.candidate};
    for (m.cohort = 0; m.cohort < 2; m.cohort++) {
        if (labels_hold(cohorts[m.cohort], s))
            match_add(c, m);
    }
}

static void series_resolve(struct increase *inc, struct counter_series *c,
                           const struct exposition_sample *s)
{
    free(c->matches);
    c->matches = NULL;
    c->n_matches = 0;
    c->generation = inc->generation;
    for (uint32_t i = 0; i < inc->n_wants; i++) {
        const struct route_scrape *r = inc->wants[i].scrape;
        if (!r->of) {
            if (name_is(s, r->name, "_bucket"))
                match_side(inc, c, i, SIDE_BUCKET, s);
            continue;
        }
        if (name_is(s, r->name, ""))
            match_side(inc, c, i, SIDE_EVENTS, s);
        if (name_is(s, r->of, ""))
            match_side(inc, c, i, SIDE_EXPOSURE, s);
    }
}

static bool is_of(const struct want *w, const struct exposition_sample *s)
{
    const struct route_scrape *r = w->scrape;
    return !r->of ? name_is(s, r->name, "_bucket")
                  : name_is(s, r->name, "") || name_is(s, r->of, "");
}

static bool is_wanted(const struct increase *inc, const struct exposition_sample *s)
{
    for (size_t i = 0; i < inc->n_wants; i++)
        if (is_of(&inc->wants[i], s))
            return true;
    return false;
}

/* ---- one scrape ---- */

/* Forgets one series that has not been seen for long; false when there is none. */
static bool make_room(struct increase *inc)
{
    if (inc->is_full)
        return false; /* one search a scrape */
    size_t i = 0, len;
    const void *key;
    void *value;
    while (map_next(&inc->series, &i, &key, &len, &value)) {
        const struct counter_series *c = value;
        if (c->last_k < inc->k - FORGET_SCRAPES && c->fresh_k != inc->k) {
            series_free(map_take(&inc->series, key, len));
            return true;
        }
    }
    inc->is_full = true;
    return false;
}

/* A part of its series would be counted against another part: it is not counted at all. */
static void refuse_series(struct increase *inc, const struct exposition_sample *s)
{
    collectors_count(COUNT_SCRAPE_SERIES_FULL, 1);
    for (size_t i = 0; i < inc->n_wants; i++)
        inc->wants[i].is_cut |= is_of(&inc->wants[i], s);
}

static void on_sample(void *user, const struct exposition_sample *s)
{
    struct increase *inc = user;
    process_start_sample(&inc->start, s);
    if (!is_wanted(inc, s))
        return;
    /* a value kept by the exporter from before the last scrape tells nothing of this block */
    if (s->has_time && s->time_ms < (inc->k - 1) * inc->block_us / US_PER_MS)
        return;
    struct counter_series *c = map_get(&inc->series, s->series, s->series_len);
    if (!c) {
        if (inc->series.len >= SCRAPE_SERIES_MAX && !make_room(inc)) {
            refuse_series(inc, s);
            return;
        }
        c = mem_alloc(sizeof(*c));
        c->last_k = NO_SCRAPE;
        c->fresh_k = NO_SCRAPE;
        map_put(&inc->series, s->series, s->series_len, c);
    }
    if (c->generation != inc->generation)
        series_resolve(inc, c, s);
    if (!isfinite(s->value) || s->value < 0)
        return; /* as if it were not there */
    c->fresh = s->value;
    c->fresh_k = inc->k;
}

/* The increase of a series in block k - 1; NAN when it cannot be told. */
static double grown(const struct increase *inc, const struct counter_series *c, bool is_restarted)
{
    double n;
    bool was_there = c->last_k == inc->k - 1;
    if (c->fresh_k != inc->k) /* not there: nothing since the restart, or vanished */
        return is_restarted || !was_there ? 0 : NAN;
    if (is_restarted || c->last_k == NO_SCRAPE)
        n = c->fresh;
    else
        n = was_there && c->fresh >= c->value ? c->fresh - c->value : NAN;
    return n <= COUNT_VALUE_MAX ? n : NAN;
}

static void row_add(struct increase *inc, const struct match *m, double n)
{
    if (inc->n_rows == inc->cap_rows) {
        inc->cap_rows = inc->cap_rows ? 2 * inc->cap_rows : 64;
        inc->rows = mem_grow(inc->rows, inc->cap_rows, sizeof(*inc->rows));
    }
    inc->rows[inc->n_rows++] = (struct bucket_row){m->want, m->cohort, m->group, m->edge, n};
}

static void series_count(struct increase *inc, struct counter_series *c, bool is_restarted)
{
    double n = grown(inc, c, is_restarted);
    for (size_t i = 0; i < c->n_matches; i++) {
        const struct match *m = &c->matches[i];
        struct found *f = &inc->wants[m->want].found[m->cohort];
        if (c->fresh_k == inc->k && m->side != SIDE_EVENTS)
            f->is_seen = true;
        if (isnan(n))
            f->is_broken = true;
        else if (m->side == SIDE_EVENTS)
            f->events += n;
        else if (m->side == SIDE_EXPOSURE)
            f->exposure += n;
        else
            row_add(inc, m, n);
    }
    if (c->fresh_k == inc->k) {
        c->value = c->fresh;
        c->last_k = inc->k;
    } else if (is_restarted) {
        c->last_k = NO_SCRAPE; /* when it comes back it begins at zero */
    }
}

static void emit(struct increase *inc, uint32_t w, uint8_t cohort, size_t row, size_t n_rows,
                 increase_fn *fn, void *user)
{
    const struct want *want = &inc->wants[w];
    const struct found *f = &want->found[cohort];
    struct summary sums;
    summary_init(&sums, summary_kind_of(want->scrape->kind));
    bool is_whole = !f->is_broken && !want->is_cut && !want->was_cut;
    if (sums.kind == SUMMARY_HIST) {
        is_whole =
            is_whole && (n_rows == 0 || bucket_rows_to_hist(inc->rows + row, n_rows, &sums.hist));
        sums.samples = sums.hist.n;
    } else {
        sums.counts = (struct counts){f->events, f->exposure};
        sums.samples = (uint64_t)llround(f->exposure > f->events ? f->exposure : f->events);
    }
    if (!is_whole)
        collectors_count(COUNT_SCRAPE_RESETS, 1);
    else if (!summary_is_empty(&sums))
        fn(user, want->scrape, cohort, inc->k - 1, &sums);
    summary_release(&sums);
}

static void emit_all(struct increase *inc, increase_fn *fn, void *user)
{
    if (inc->n_rows)
        qsort(inc->rows, inc->n_rows, sizeof(*inc->rows), bucket_row_compare);
    size_t row = 0;
    for (uint32_t w = 0; w < inc->n_wants; w++) {
        for (uint8_t cohort = 0; cohort < 2; cohort++) {
            size_t first = row;
            while (row < inc->n_rows && inc->rows[row].want == w && inc->rows[row].cohort == cohort)
                row++;
            if (inc->wants[w].base_k == NO_SCRAPE || inc->wants[w].base_k >= inc->k)
                continue;
            if (inc->last_k != inc->k - 1)
                collectors_count(COUNT_SCRAPE_GAPS, 1);
            else
                emit(inc, w, cohort, first, row - first, fn, user);
        }
    }
}

static void wants_settle(struct increase *inc)
{
    static const char *const names[2] = {"baseline", "candidate"};
    for (size_t i = 0; i < inc->n_wants; i++) {
        struct want *w = &inc->wants[i];
        if (w->base_k == NO_SCRAPE)
            w->base_k = inc->k;
        memcpy(w->complaint, w->misfit, sizeof(w->complaint));
        if (w->is_cut)
            snprintf(
                w->complaint, COMPLAINT_BYTES,
                "its metrics that are asked for have more than %d series: %.40s is not counted",
                SCRAPE_SERIES_MAX, w->scrape->name);
        for (size_t c = 0; c < 2 && !w->complaint[0]; c++) {
            if (!w->found[c].is_seen)
                snprintf(w->complaint, COMPLAINT_BYTES, "no series of %.80s%s is the %s's",
                         w->scrape->of ? w->scrape->of : w->scrape->name,
                         w->scrape->of ? "" : "_bucket", names[c]);
        }
    }
}

/* The clock was set back: nothing that was seen says what happened since. */
static void begin_anew(struct increase *inc)
{
    map_release(&inc->series, series_free);
    map_init(&inc->series);
    inc->last_k = NO_SCRAPE;
    process_start_init(&inc->start);
    for (size_t i = 0; i < inc->n_wants; i++)
        inc->wants[i].base_k = NO_SCRAPE;
}

/* Did a counter fall or vanish since the last scrape, as they do when a process begins anew? */
static bool has_fallen(const struct increase *inc)
{
    size_t i = 0;
    void *value;
    while (map_next(&inc->series, &i, NULL, NULL, &value)) {
        const struct counter_series *c = value;
        if (c->last_k == inc->last_k && (c->fresh_k != inc->k || c->fresh < c->value))
            return true;
    }
    return false;
}

/* A start that moved alone may be a clock that was set: some reckon it from the time and how long
 * they have run. Then nothing is said of this block. */
static bool is_restarted(struct increase *inc)
{
    if (!process_start_has_moved(&inc->start))
        return false;
    if (inc->last_k != NO_SCRAPE && has_fallen(inc))
        return true;
    for (size_t i = 0; i < inc->n_wants; i++)
        inc->wants[i].found[0].is_broken = inc->wants[i].found[1].is_broken = true;
    return false;
}

void increase_take(struct increase *inc, int64_t k, const char *body, size_t len, increase_fn *fn,
                   void *user)
{
    if (k <= inc->last_k)
        begin_anew(inc);
    inc->k = k;
    inc->is_full = false;
    inc->n_rows = 0;
    process_start_scrape(&inc->start);
    for (size_t i = 0; i < inc->n_wants; i++) {
        memset(inc->wants[i].found, 0, sizeof(inc->wants[i].found));
        inc->wants[i].complaint[0] = '\0';
        inc->wants[i].was_cut = inc->wants[i].is_cut;
        inc->wants[i].is_cut = false;
    }
    size_t bad = exposition_read(body, len, on_sample, inc);
    collectors_count(COUNT_SCRAPE_BAD_LINES, (int64_t)bad);
    const bool is_anew = is_restarted(inc);
    size_t i = 0;
    void *value;
    while (map_next(&inc->series, &i, NULL, NULL, &value))
        series_count(inc, value, is_anew);
    emit_all(inc, fn, user);
    wants_settle(inc);
    inc->last_k = k;
}

void increase_complaints(const struct increase *inc, const char *release, struct buf *out)
{
    for (size_t i = 0; i < inc->n_wants; i++) {
        if (inc->wants[i].complaint[0] && strcmp(inc->wants[i].release, release) == 0)
            buf_addf(out, "%s: %s\n", inc->wants[i].scrape->target, inc->wants[i].complaint);
    }
}

bool increase_has(const struct increase *inc, const char *release)
{
    for (size_t i = 0; i < inc->n_wants; i++) {
        if (strcmp(inc->wants[i].release, release) == 0)
            return true;
    }
    return false;
}

unsigned increase_cohorts(const struct route_scrape *want, const struct exposition_sample *s,
                          bool is_of)
{
    const char *name = is_of ? want->of : want->name;
    unsigned bits = 0;
    if (!name || !name_is(s, name, want->of ? "" : "_bucket") ||
        !labels_hold(is_of ? &want->of_labels : &want->labels, s))
        return 0;
    bits |= labels_hold(&want->cohorts.baseline, s) ? 1U << COHORT_BASELINE : 0;
    bits |= labels_hold(&want->cohorts.candidate, s) ? 1U << COHORT_CANDIDATE : 0;
    return bits;
}
