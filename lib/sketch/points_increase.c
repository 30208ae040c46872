/*
 * What cumulative series grew by from one block to the next; points.h has the rules.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/sketch/points.h"

/* One run over the points of a block. */
struct increase {
    const struct points *base, *now;
    int64_t k, block_us;
    struct map known;   /* sources with a point in the block before */
    struct map started; /* sources not known: their earliest start; 1 when one does not say */
    struct counts counts;
    struct hist hist;
    struct edge_row *rows;
    size_t n_rows;
    bool has_any; /* something could be measured */
};

/* How much one cumulative bucket of a histogram grew. */
struct edge_row {
    uint64_t group;
    double edge, n;
};

static int64_t block_at(int64_t t_us, int64_t block_us)
{
    return t_us / block_us - (t_us % block_us < 0);
}

static bool is_before(const struct increase *in, const struct cumulative_point *p)
{
    return p && block_at(p->t_us, in->block_us) == in->k - 1;
}

/* ---- sources ---- */

static void sources_gather(struct increase *in)
{
    static char yes;
    for (uint32_t i = 0; i < in->base->len; i++) {
        const struct cumulative_point *p = &in->base->items[i];
        if (is_before(in, p))
            map_put(&in->known, &p->source, sizeof(p->source), &yes);
    }
    for (uint32_t i = 0; i < in->now->len; i++) {
        const struct cumulative_point *p = &in->now->items[i];
        if (map_get(&in->known, &p->source, sizeof(p->source)))
            continue;
        const int64_t *least = map_get(&in->started, &p->source, sizeof(p->source));
        if (!least || p->start_us < *least)
            map_put(&in->started, &p->source, sizeof(p->source), (void *)(uintptr_t)&p->start_us);
    }
}

/* The source is new, and all its series say that they began in this block. */
static bool began_here(const struct increase *in, const struct cumulative_point *p)
{
    const int64_t *least = map_get(&in->started, &p->source, sizeof(p->source));
    return least && *least >= in->k * in->block_us;
}

/* ---- one series ---- */

enum measure { MEASURE_DIFFERENCE, MEASURE_WHOLE, MEASURE_NOTHING, MEASURE_LOST };

static enum measure measure_of(const struct increase *in, const struct cumulative_point *p,
                               const struct cumulative_point *before)
{
    if (!before)
        return map_get(&in->known, &p->source, sizeof(p->source)) || began_here(in, p)
                   ? MEASURE_WHOLE
                   : MEASURE_NOTHING;
    if (before->side != p->side)
        return MEASURE_LOST;
    const bool is_anew = p->start_us > before->t_us;
    if (!is_before(in, before)) /* it was away */
        return is_anew && p->start_us >= in->k * in->block_us ? MEASURE_WHOLE : MEASURE_LOST;
    if (is_anew)
        return MEASURE_WHOLE;
    return llabs(p->start_us) == llabs(before->start_us) ? MEASURE_DIFFERENCE : MEASURE_LOST;
}

/* ---- histograms ---- */

static struct point_buckets *buckets_new(const struct point_buckets *like)
{
    struct point_buckets *b = mem_alloc(sizeof(*b) + like->n * sizeof(b->items[0]));
    *b = *like;
    b->n = 0;
    return b;
}

/* The same values in the buckets of a smaller scale: each step joins two neighbours. */
static struct point_buckets *at_scale(const struct point_buckets *from, int32_t scale)
{
    struct point_buckets *b = buckets_new(from);
    const int32_t steps = from->scale - scale;
    b->scale = scale;
    for (uint32_t i = 0; i < from->n; i++) {
        const int64_t key = steps < 63 ? from->items[i].key >> steps : 0;
        if (b->n && b->items[b->n - 1].key == key)
            b->items[b->n - 1].count += from->items[i].count;
        else
            b->items[b->n++] = (struct point_bucket){key, from->items[i].count};
    }
    return b;
}

static bool span_add(struct hist *h, double lower, double upper, uint64_t count)
{
    if (count == 0)
        return true;
    if (!hist_takes(lower))
        return false;
    hist_add_span(h, lower, upper > lower ? upper : lower, count);
    return true;
}

/* The edge between buckets key - 1 and key. */
static double exponential_edge(int64_t key, int32_t scale)
{
    const double exponent = ldexp((double)key, -scale);
    return exponent < -1000 ? 0 : exponent > 1000 ? INFINITY : exp2(exponent);
}

bool point_buckets_to_hist(const struct point_buckets *b, struct hist *to)
{
    double lower = 0;
    if (!span_add(to, 0, b->zero_edge, b->zero_count))
        return false;
    for (uint32_t i = 0; i < b->n; i++) {
        double upper;
        if (b->is_exponential) {
            lower = exponential_edge(b->items[i].key, b->scale);
            upper = exponential_edge(b->items[i].key + 1, b->scale);
        } else {
            memcpy(&upper, &b->items[i].key, sizeof(upper));
        }
        if (!span_add(to, lower, upper, b->items[i].count))
            return false;
        lower = upper;
    }
    return true;
}

/* b -= before; false when that is no histogram. Both have one scale. */
static bool buckets_subtract(struct point_buckets *b, const struct point_buckets *before)
{
    uint32_t j = 0;
    if (!b->is_exponential && b->n != before->n)
        return false;
    if (b->zero_count < before->zero_count)
        return false;
    b->zero_count -= before->zero_count;
    for (uint32_t i = 0; i < b->n; i++) {
        struct point_bucket *item = &b->items[i];
        if (j == before->n || before->items[j].key > item->key)
            continue; /* a bucket that came into use */
        if (before->items[j].key < item->key || before->items[j].count > item->count)
            return false;
        item->count -= before->items[j++].count;
    }
    return j == before->n;
}

static bool buckets_grew(struct increase *in, const struct point_buckets *now,
                         const struct point_buckets *before)
{
    const int32_t scale = now->scale < before->scale ? now->scale : before->scale;
    if (now->is_exponential != before->is_exponential)
        return false;
    struct point_buckets *b = at_scale(now, scale), *less = at_scale(before, scale);
    const bool is_good = buckets_subtract(b, less) && point_buckets_to_hist(b, &in->hist);
    free(b);
    free(less);
    return is_good;
}

static int by_group_and_edge(const void *a, const void *b)
{
    const struct edge_row *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->edge < y->edge ? -1 : x->edge > y->edge;
}

/* Cumulative buckets as spans between their edges; false when one grew by less than the one below.
 */
static bool rows_to_hist(struct edge_row *rows, size_t n, struct hist *to)
{
    double below = 0, lower = 0;
    if (n)
        qsort(rows, n, sizeof(*rows), by_group_and_edge);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || rows[i].group != rows[i - 1].group)
            below = lower = 0;
        const double count = rows[i].n - below;
        if (count < -0.5 || !span_add(to, lower, rows[i].edge, (uint64_t)llround(fmax(count, 0))))
            return false;
        below = rows[i].n;
        lower = rows[i].edge > lower ? rows[i].edge : lower;
    }
    return true;
}

/* ---- the block ---- */

/* false: lost. */
static bool series_grew(struct increase *in, const struct cumulative_point *p)
{
    const struct cumulative_point *before = points_find(in->base, p->id);
    const enum measure m = measure_of(in, p, before);
    if (m == MEASURE_LOST || m == MEASURE_NOTHING)
        return m == MEASURE_NOTHING;
    in->has_any = true;
    if (p->side == POINT_BUCKETS)
        return m == MEASURE_WHOLE ? point_buckets_to_hist(p->buckets, &in->hist)
                                  : buckets_grew(in, p->buckets, before->buckets);
    const double n = m == MEASURE_WHOLE ? p->value : p->value - before->value;
    if (!(n >= 0))
        return false;
    if (p->side == POINT_EVENTS)
        in->counts.events += n;
    else if (p->side == POINT_EXPOSURE)
        in->counts.exposure += n;
    else
        in->rows[in->n_rows++] = (struct edge_row){p->group, p->edge, n};
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct cumulative_point *x = *(const struct cumulative_point *const *)a,
                                  *y = *(const struct cumulative_point *const *)b;
    return memcmp(x->id, y->id, sizeof(x->id));
}

/* In the order of their ids: any owner adds up in one order and gets the same bits. */
static bool all_grew(struct increase *in)
{
    const struct cumulative_point **order = mem_alloc_array(in->now->len, sizeof(*order));
    bool is_good = true;
    for (uint32_t i = 0; i < in->now->len; i++)
        order[i] = &in->now->items[i];
    qsort(order, in->now->len, sizeof(*order), by_id);
    for (uint32_t i = 0; i < in->now->len && is_good; i++)
        is_good = series_grew(in, order[i]);
    free(order);
    return is_good && rows_to_hist(in->rows, in->n_rows, &in->hist);
}

static bool has_vanished(const struct increase *in)
{
    for (uint32_t i = 0; i < in->base->len; i++)
        if (is_before(in, &in->base->items[i]) && !points_find(in->now, in->base->items[i].id))
            return true;
    return false;
}

enum increase_state points_increase(const struct points *base, const struct points *now, int64_t k,
                                    int64_t block_us, struct counts *counts, struct hist *hist)
{
    struct increase in = {.base = base, .now = now, .k = k, .block_us = block_us};
    enum increase_state state;
    map_init(&in.known);
    map_init(&in.started);
    hist_init(&in.hist);
    sources_gather(&in);
    if (now->len == 0) {
        state = in.known.len ? INCREASE_GAP : INCREASE_NONE;
    } else {
        in.rows = mem_alloc_array(now->len, sizeof(*in.rows));
        if (now->is_cut || base->is_cut || has_vanished(&in) || !all_grew(&in))
            state = INCREASE_RESET;
        else
            state = in.has_any ? INCREASE_WHOLE : INCREASE_NONE;
    }
    if (state == INCREASE_WHOLE) {
        counts_merge(counts, &in.counts);
        hist_merge(hist, &in.hist);
    }
    hist_release(&in.hist);
    map_release(&in.known, NULL);
    map_release(&in.started, NULL);
    free(in.rows);
    return state;
}

/* Leaves out what was not seen since oldest_us. */
static void forget(struct points *base, int64_t oldest_us)
{
    struct points kept;
    points_init(&kept);
    for (uint32_t i = 0; i < base->len; i++)
        if (base->items[i].t_us >= oldest_us)
            points_put(&kept, &base->items[i]);
    points_release(base);
    *base = kept;
}

void points_advance(struct points *base, const struct points *now, int64_t oldest_us)
{
    if (base->len + now->len > POINTS_MAX)
        forget(base, oldest_us);
    base->is_cut = false;
    points_merge(base, now);
}
