#include "lib/sketch/points.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4   /* items; there are twice as many slots */
#define STEEP_CAP 256 /* up to here a set grows fourfold: most have one series or a hundred */

void points_init(struct points *p)
{
    *p = (struct points){.len = 0};
}

void points_release(struct points *p)
{
    for (uint32_t i = 0; i < p->len && p->buckets_bytes; i++)
        free(p->items[i].buckets);
    free(p->items);
    free(p->slots);
    points_init(p);
}

static bool has_id(const struct cumulative_point *point, const uint64_t id[2])
{
    return point->id[0] == id[0] && point->id[1] == id[1];
}

/* The slot of the id, or the free one where it would go; there is always one. */
static uint32_t slot_of(const struct points *p, const uint64_t id[2])
{
    const uint32_t mask = 2 * p->cap - 1;
    uint32_t at = (uint32_t)id[0] & mask;
    while (p->slots[at] && !has_id(&p->items[p->slots[at] - 1], id))
        at = (at + 1) & mask;
    return at;
}

static size_t buckets_bytes(const struct point_buckets *b)
{
    return b ? sizeof(*b) + b->n * sizeof(b->items[0]) : 0;
}

/* `old` are the buckets that stood there, or NULL. */
static void item_set(struct points *p, struct cumulative_point *to,
                     const struct cumulative_point *from, struct point_buckets *old)
{
    const size_t bytes = buckets_bytes(from->buckets);
    *to = *from;
    p->buckets_bytes += bytes - buckets_bytes(old);
    if (bytes != buckets_bytes(old)) {
        free(old);
        old = bytes ? mem_alloc(bytes) : NULL;
    }
    if (bytes)
        memcpy(old, from->buckets, bytes);
    to->buckets = old;
}

static void item_clear(struct points *p, struct cumulative_point *item)
{
    p->buckets_bytes -= buckets_bytes(item->buckets);
    free(item->buckets);
    item->buckets = NULL;
}

/* The newer point's start, which is unknown when the older one says so of the same. */
static int64_t start_of(const struct cumulative_point *newer, const struct cumulative_point *older)
{
    return newer->start_us == -older->start_us && older->start_us < 0 ? older->start_us
                                                                      : newer->start_us;
}

static void renew(struct points *p, struct cumulative_point *known,
                  const struct cumulative_point *point)
{
    const bool is_newer = point->t_us > known->t_us;
    const int64_t start_us = is_newer ? start_of(point, known) : start_of(known, point);
    if (is_newer)
        item_set(p, known, point, known->buckets);
    known->start_us = start_us;
}

static void grow(struct points *p)
{
    p->cap = p->cap ? (p->cap < STEEP_CAP ? 4 : 2) * p->cap : FIRST_CAP;
    p->items = mem_grow(p->items, p->cap, sizeof(*p->items));
}

/* Makes the slots, for the capacity of now. What was appended without a look may be there twice. */
static void make_slots(struct points *p)
{
    const uint32_t n = p->len;
    free(p->slots);
    p->slots = mem_alloc_array(2 * (size_t)p->cap, sizeof(*p->slots));
    p->len = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t slot = slot_of(p, p->items[i].id);
        if (p->slots[slot]) {
            renew(p, &p->items[p->slots[slot] - 1], &p->items[i]);
            item_clear(p, &p->items[i]);
            continue;
        }
        p->items[p->len] = p->items[i];
        p->slots[slot] = ++p->len;
    }
}

const struct cumulative_point *points_find(const struct points *p, const uint64_t id[2])
{
    BUG_ON(p->len && !p->slots);
    const uint32_t at = p->len ? p->slots[slot_of(p, id)] : 0;
    return at ? &p->items[at - 1] : NULL;
}

#define NO_ITEM UINT32_MAX

/* The item it went to, or NO_ITEM. It is looked for at `guess` first. */
static uint32_t put(struct points *p, const struct cumulative_point *point, uint32_t guess)
{
    if (guess < p->len && has_id(&p->items[guess], point->id)) {
        renew(p, &p->items[guess], point);
        return guess;
    }
    if (!p->cap)
        grow(p);
    if (!p->slots)
        make_slots(p);
    uint32_t slot = slot_of(p, point->id);
    if (p->slots[slot]) {
        renew(p, &p->items[p->slots[slot] - 1], point);
        return p->slots[slot] - 1;
    }
    if (p->len >= POINTS_MAX) {
        p->is_cut = true;
        return NO_ITEM;
    }
    if (p->len == p->cap) {
        grow(p);
        make_slots(p);
        slot = slot_of(p, point->id);
    }
    item_set(p, &p->items[p->len], point, NULL);
    p->slots[slot] = ++p->len;
    return p->len - 1;
}

bool points_put(struct points *p, const struct cumulative_point *point)
{
    return put(p, point, p->len) != NO_ITEM;
}

bool points_append(struct points *p, const struct cumulative_point *point)
{
    if (p->slots || p->len >= POINTS_MAX)
        return points_put(p, point);
    if (p->len == p->cap)
        grow(p);
    item_set(p, &p->items[p->len++], point, NULL);
    return true;
}

/* p is empty: the table as it stands. */
static void copy(struct points *p, const struct points *other)
{
    p->len = other->len;
    p->cap = other->cap;
    p->items = mem_grow(NULL, p->cap, sizeof(*p->items));
    if (other->slots) {
        p->slots = mem_grow(NULL, 2 * (size_t)p->cap, sizeof(*p->slots));
        memcpy(p->slots, other->slots, 2 * (size_t)p->cap * sizeof(*p->slots));
    }
    memcpy(p->items, other->items, p->len * sizeof(*p->items));
    for (uint32_t i = 0; i < p->len && other->buckets_bytes; i++)
        if (p->items[i].buckets)
            item_set(p, &p->items[i], &other->items[i], NULL);
    if (!p->slots)
        make_slots(p);
}

void points_merge(struct points *p, const struct points *other)
{
    if (p->cap == 0 && other->len > 0) {
        copy(p, other);
        p->is_cut = p->is_cut || other->is_cut;
        return;
    }
    /* senders name their series in the same order each time: the next stands behind the last */
    uint32_t guess = 0;
    for (uint32_t i = 0; i < other->len; i++)
        guess = put(p, &other->items[i], guess) + 1;
    p->is_cut = p->is_cut || other->is_cut;
}

size_t points_bytes(const struct points *p)
{
    const size_t slots_bytes = p->slots ? 2 * sizeof(p->slots[0]) : 0;
    return p->cap * (sizeof(p->items[0]) + slots_bytes) + p->buckets_bytes;
}

/* ---- bytes ---- */

static void buckets_encode(const struct point_buckets *b, struct buf *out)
{
    buf_add_u8(out, b->is_exponential);
    buf_add_u8(out, (unsigned)(b->scale + 64));
    buf_add_varint(out, b->zero_count);
    buf_add_double(out, b->zero_edge);
    buf_add_varint(out, b->n);
    for (uint32_t i = 0; i < b->n; i++) {
        buf_add_le64(out, (unsigned long long)b->items[i].key);
        buf_add_varint(out, b->items[i].count);
    }
}

static unsigned char *put_le64(unsigned char *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(v >> 8 * i);
    return to + 8;
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

/* Thousands of them go with a commit, so one is written at once. */
static void point_encode(const struct cumulative_point *q, struct buf *out)
{
    unsigned char bytes[1 + 8 * 8], *to = bytes;
    *to++ = (unsigned char)q->side;
    to = put_le64(to, q->id[0]);
    to = put_le64(to, q->id[1]);
    to = put_le64(to, q->source);
    to = put_le64(to, (uint64_t)q->t_us);
    to = put_le64(to, (uint64_t)q->start_us);
    if (q->side != POINT_BUCKETS)
        to = put_le64(to, bits_of(q->value));
    if (q->side == POINT_EDGE) {
        to = put_le64(to, q->group);
        to = put_le64(to, bits_of(q->edge));
    }
    buf_add(out, bytes, (size_t)(to - bytes));
    if (q->side == POINT_BUCKETS)
        buckets_encode(q->buckets, out);
}

void points_encode(const struct points *p, struct buf *out)
{
    buf_add_u8(out, p->is_cut);
    buf_add_varint(out, p->len);
    for (uint32_t i = 0; i < p->len; i++)
        point_encode(&p->items[i], out);
}

static struct point_buckets *buckets_decode(struct bytes *in)
{
    const unsigned is_exponential = bytes_u8(in), scale = bytes_u8(in);
    const uint64_t zero_count = bytes_varint(in);
    const double zero_edge = bytes_double(in);
    const uint64_t n = bytes_varint(in);
    if (in->bad || n > POINT_BUCKETS_MAX || is_exponential > 1 || scale < 54 || scale > 84 ||
        !hist_takes(zero_edge)) {
        in->bad = true;
        return NULL;
    }
    struct point_buckets *b = mem_alloc(sizeof(*b) + n * sizeof(b->items[0]));
    b->is_exponential = is_exponential;
    b->scale = (int32_t)scale - 64;
    b->zero_count = zero_count;
    b->zero_edge = zero_edge;
    for (b->n = 0; b->n < n; b->n++) {
        b->items[b->n].key = (int64_t)bytes_le64(in);
        b->items[b->n].count = bytes_varint(in);
        const bool is_order = b->n == 0 || b->items[b->n].key > b->items[b->n - 1].key;
        const int64_t most = is_exponential ? INT32_MAX : INT64_C(0x7ff0000000000000);
        const int64_t least = is_exponential ? INT32_MIN : 0;
        if (!is_order || b->items[b->n].key > most || b->items[b->n].key < least)
            in->bad = true;
    }
    return b;
}

static void point_decode(struct cumulative_point *q, struct bytes *in)
{
    const unsigned side = bytes_u8(in);
    *q = (struct cumulative_point){.side = (enum point_side)side};
    if (side > POINT_EDGE)
        in->bad = true;
    q->id[0] = bytes_le64(in);
    q->id[1] = bytes_le64(in);
    q->source = bytes_le64(in);
    q->t_us = (int64_t)bytes_le64(in);
    q->start_us = (int64_t)bytes_le64(in);
    if (q->start_us == INT64_MIN) /* it may be negated */
        in->bad = true;
    if (q->side == POINT_BUCKETS) {
        q->buckets = buckets_decode(in);
        return;
    }
    q->value = bytes_double(in);
    if (!(q->value >= 0)) /* NaN too */
        in->bad = true;
    if (q->side != POINT_EDGE)
        return;
    q->group = bytes_le64(in);
    q->edge = bytes_double(in);
    if (!(q->edge >= 0))
        in->bad = true;
}

int points_decode(struct points *p, struct bytes *in, struct err *err)
{
    points_init(p);
    const bool is_cut = bytes_u8(in) != 0;
    const uint64_t n = bytes_varint(in);
    for (uint64_t i = 0; i < n && !in->bad && n <= POINTS_MAX; i++) {
        struct cumulative_point q;
        point_decode(&q, in);
        if (!in->bad)
            points_put(p, &q);
        free(q.buckets);
    }
    if (in->bad || n > POINTS_MAX) {
        points_release(p);
        return err_set(err, ERR_CORRUPT, "points of cumulative series cannot be read");
    }
    p->is_cut = is_cut;
    return 0;
}
