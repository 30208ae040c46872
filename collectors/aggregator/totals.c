#include "collectors/aggregator/totals.h"

#include <stdlib.h>
#include <string.h>

#define MORE_LANES  4
#define MORE_TOTALS 2 /* a lane holds about ten: doubling would leave half of it empty */

static size_t total_bytes(enum summary_kind kind)
{
    size_t head = offsetof(struct total, counts);
    switch (kind) {
    case SUMMARY_COUNTS:
        return head + sizeof(struct counts);
    case SUMMARY_MOMENTS:
        return head + sizeof(struct moments);
    case SUMMARY_HIST:
        return head + sizeof(((struct total *)0)->hist);
    case SUMMARY_POINTS:
        return head + sizeof(((struct total *)0)->points);
    case SUMMARY_NONE:
        break;
    }
    BUG_ON("a lane without a kind");
    return 0;
}

static size_t bytes_of_lane(const struct lane *l)
{
    return total_bytes((enum summary_kind)l->kind);
}

struct total *lane_at(const struct lane *l, uint32_t i)
{
    return (struct total *)(void *)(l->totals + i * bytes_of_lane(l));
}

static void account(struct totals *t, int64_t bytes)
{
    sums_budget_add(t->budget, bytes);
}

void totals_init(struct totals *t, struct sums_budget *budget)
{
    *t = (struct totals){.budget = budget};
}

/* What the total holds outside its lane. */
static int64_t held_bytes(const struct lane *l, const struct total *total)
{
    if (l->kind == SUMMARY_POINTS && total->points)
        return (int64_t)(sizeof(*total->points) + points_bytes(total->points));
    return l->kind == SUMMARY_HIST ? (int64_t)total->hist.len : 0;
}

static void total_clear(struct totals *t, const struct lane *l, struct total *total)
{
    account(t, -held_bytes(l, total));
    if (l->kind == SUMMARY_HIST) {
        free(total->hist.bytes);
        total->hist.bytes = NULL;
        total->hist.len = 0;
    } else if (l->kind == SUMMARY_POINTS && total->points) {
        points_release(total->points);
        free(total->points);
        total->points = NULL;
    }
}

void totals_release(struct totals *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        struct lane *l = &t->lanes[i];
        for (uint32_t j = 0; j < l->n; j++)
            total_clear(t, l, lane_at(l, j));
        account(t, -(int64_t)(l->cap * bytes_of_lane(l)));
        free(l->totals);
    }
    account(t, -(int64_t)(t->cap * sizeof(*t->lanes)));
    free(t->lanes);
    *t = (struct totals){.budget = t->budget};
}

size_t totals_count(const struct totals *t)
{
    size_t n = 0;
    for (uint32_t i = 0; i < t->n; i++)
        n += t->lanes[i].n;
    return n;
}

static uint32_t lane_order(uint16_t metric, uint8_t cohort, enum summary_kind kind)
{
    return (uint32_t)metric << 9 | (uint32_t)cohort << 1 | (kind == SUMMARY_POINTS);
}

static uint32_t order_of(const struct lane *l)
{
    return lane_order(l->metric, l->cohort, (enum summary_kind)l->kind);
}

struct lane *totals_lane(struct totals *t, uint16_t metric, uint8_t cohort, enum summary_kind kind)
{
    uint32_t wanted = lane_order(metric, cohort, kind), low = 0, high = t->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (order_of(&t->lanes[middle]) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < t->n && order_of(&t->lanes[low]) == wanted) {
        BUG_ON(t->lanes[low].kind != kind);
        return &t->lanes[low];
    }
    if (t->n == t->cap) {
        account(t, (int64_t)(MORE_LANES * sizeof(*t->lanes)));
        t->cap += MORE_LANES;
        t->lanes = mem_grow(t->lanes, t->cap, sizeof(*t->lanes));
    }
    memmove(&t->lanes[low + 1], &t->lanes[low], (t->n - low) * sizeof(*t->lanes));
    t->lanes[low] = (struct lane){.metric = metric, .cohort = cohort, .kind = (uint8_t)kind};
    t->n++;
    return &t->lanes[low];
}

/* The first total at or after the block; most ask for the newest. */
static uint32_t lower_bound(const struct lane *l, int64_t block)
{
    uint32_t low = 0, high = l->n;
    if (l->n && lane_at(l, l->n - 1)->block < block)
        return l->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (lane_at(l, middle)->block < block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct total *lane_find(const struct lane *l, int64_t block)
{
    uint32_t i = lower_bound(l, block);
    return i < l->n && lane_at(l, i)->block == block ? lane_at(l, i) : NULL;
}

static void lane_resize(struct totals *t, struct lane *l, uint32_t cap)
{
    size_t each = bytes_of_lane(l);
    account(t, ((int64_t)cap - (int64_t)l->cap) * (int64_t)each);
    l->totals = mem_grow(l->totals, cap, each);
    l->cap = cap;
}

struct total *lane_total(struct totals *t, struct lane *l, int64_t block)
{
    size_t each = bytes_of_lane(l);
    uint32_t i = lower_bound(l, block);
    if (i < l->n && lane_at(l, i)->block == block)
        return lane_at(l, i);
    if (l->n == l->cap)
        lane_resize(t, l, l->cap < 32 ? l->cap + MORE_TOTALS : l->cap + l->cap / 2);
    struct total *total = lane_at(l, i);
    memmove((char *)total + each, total, (l->n - i) * each);
    memset(total, 0, each);
    total->block = block;
    if (l->kind == SUMMARY_MOMENTS)
        moments_init(&total->moments);
    l->n++;
    return total;
}

void lane_forget(struct totals *t, struct lane *l,
                 bool (*is_past)(const void *user, const struct lane *l, const struct total *total),
                 const void *user)
{
    size_t each = bytes_of_lane(l);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (is_past(user, l, lane_at(l, i))) {
            total_clear(t, l, lane_at(l, i));
            continue;
        }
        if (kept != i)
            memcpy(lane_at(l, kept), lane_at(l, i), each);
        kept++;
    }
    l->n = kept;
    if (l->cap > 2 * kept + 8)
        lane_resize(t, l, kept + MORE_TOTALS);
}

void total_get(const struct lane *l, const struct total *total, struct summary *out)
{
    summary_init(out, (enum summary_kind)l->kind);
    if (l->kind == SUMMARY_HIST) {
        struct bytes in = bytes_of(total->hist.bytes, total->hist.len);
        struct err err;
        if (total->hist.bytes)
            BUG_ON(summary_decode(out, &in, &err) != 0);
        return;
    }
    out->samples = total->samples;
    if (l->kind == SUMMARY_MOMENTS)
        out->moments = total->moments;
    else if (l->kind == SUMMARY_COUNTS)
        out->counts = total->counts;
    else if (total->points)
        points_merge(&out->points, total->points);
}

static void total_add_points(struct totals *t, const struct lane *l, struct total *total,
                             const struct points *points)
{
    account(t, -held_bytes(l, total));
    if (!total->points) {
        total->points = mem_alloc(sizeof(*total->points));
        points_init(total->points);
    }
    points_merge(total->points, points);
    account(t, held_bytes(l, total));
}

/* Takes the summary's place; the summary stays the caller's. */
static void total_put(struct totals *t, const struct lane *l, struct total *total,
                      const struct summary *sum)
{
    total->samples = sum->samples;
    if (l->kind == SUMMARY_MOMENTS) {
        total->moments = sum->moments;
    } else if (l->kind == SUMMARY_COUNTS) {
        total->counts = sum->counts;
    } else if (l->kind == SUMMARY_POINTS) {
        total_clear(t, l, total);
        total_add_points(t, l, total, &sum->points);
    } else {
        struct buf b;
        total_clear(t, l, total);
        buf_init(&b, SIZE_MAX / 2);
        summary_encode(sum, &b);
        total->hist.bytes = mem_alloc(b.len); /* not the buffer itself, which has room to spare */
        total->hist.len = b.len;
        memcpy(total->hist.bytes, b.data, b.len);
        account(t, (int64_t)b.len);
        buf_release(&b);
    }
}

void total_take(struct totals *t, const struct lane *l, struct total *total, struct summary *sum)
{
    if (l->kind != SUMMARY_POINTS) {
        total_put(t, l, total, sum);
        return;
    }
    total_clear(t, l, total);
    total->points = mem_alloc(sizeof(*total->points));
    *total->points = sum->points;
    points_init(&sum->points);
    total->samples = sum->samples;
    account(t, held_bytes(l, total));
}

void total_add_sums(struct totals *t, const struct lane *l, struct total *total,
                    const struct sums *sums)
{
    struct summary both;
    if (l->kind == SUMMARY_POINTS) { /* many: never copied */
        total->samples += sums->samples;
        total_add_points(t, l, total, sums->points);
        return;
    }
    total_get(l, total, &both);
    sums_merge_into(sums, &both);
    total_put(t, l, total, &both);
    summary_release(&both);
}

void total_add_summary(struct totals *t, const struct lane *l, struct total *total,
                       const struct summary *sum)
{
    struct summary both;
    BUG_ON(sum->kind != l->kind);
    total_get(l, total, &both);
    summary_merge(&both, sum);
    total_put(t, l, total, &both);
    summary_release(&both);
}

bool total_set_summary(struct totals *t, const struct lane *l, struct total *total,
                       const struct summary *sum)
{
    struct buf before, after;
    BUG_ON(sum->kind != l->kind);
    buf_init(&before, SIZE_MAX / 2);
    buf_init(&after, SIZE_MAX / 2);
    total_encode(l, total, &before);
    summary_encode(sum, &after);
    bool is_new = before.len != after.len || memcmp(before.data, after.data, after.len) != 0;
    if (is_new)
        total_put(t, l, total, sum);
    buf_release(&before);
    buf_release(&after);
    return is_new;
}

void total_encode(const struct lane *l, const struct total *total, struct buf *out)
{
    if (l->kind == SUMMARY_HIST && total->hist.bytes) {
        buf_add(out, total->hist.bytes, total->hist.len);
        return;
    }
    struct summary sum;
    total_get(l, total, &sum);
    summary_encode(&sum, out);
    summary_release(&sum);
}
