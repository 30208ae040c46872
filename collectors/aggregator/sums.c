#include "collectors/aggregator/sums.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/map.h"

#define FIRST_CAP        16
#define SLAB_FIRST_BYTES ((size_t)1 << 10)
#define SLAB_MAX_BYTES   ((size_t)64 << 10)
#define MAPPED_BYTES     ((size_t)32 << 10) /* and more: straight from the system */

static_assert(sizeof(struct sums) == CACHE_LINE_BYTES, "sums are one cache line");
static_assert(HIST_BUCKETS <= UINT16_MAX, "a log holds buckets in 16 bits");

struct sums_slab {
    struct sums_slab *next;
    size_t size, used; /* of the whole slab, this head included */
};

static _Atomic uint32_t last_id;

static uint32_t next_id(void)
{
    return atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
}

/* A metric's block may hold points beside its sums. */
static bool is_points(const struct sums_key *key)
{
    return key->kind == SUMMARY_POINTS;
}

static bool keys_equal(const struct sums_key *a, const struct sums_key *b)
{
    return a->block == b->block && a->release == b->release && a->metric == b->metric &&
           a->cohort == b->cohort && is_points(a) == is_points(b);
}

/* Where the key is or would go; the table always has a free slot. */
static uint32_t slot_of(const struct sums_set *set, const struct sums_key *key)
{
    uint64_t words[2] = {(uint64_t)key->block, (uint64_t)key->release << 32 |
                                                   (uint32_t)is_points(key) << 31 |
                                                   (uint32_t)key->metric << 8 | key->cohort};
    uint32_t i = (uint32_t)map_hash(words, sizeof(words)) & (set->cap - 1);
    while (set->slots[i] && !keys_equal(&set->slots[i]->key, key))
        i = (i + 1) & (set->cap - 1);
    return i;
}

void sums_set_init(struct sums_set *set, struct sums_budget *budget)
{
    *set = (struct sums_set){.id = next_id(), .budget = budget};
}

/*
 * Large pieces live for one flush, are filled by one thread and freed by another. The allocator
 * would keep as many for each thread as were ever in use at once; the system takes them back.
 * Zeroed when they are large.
 */
static void *piece_alloc(size_t size)
{
    if (size < MAPPED_BYTES) {
        void *p = aligned_alloc(CACHE_LINE_BYTES, size);
        BUG_ON(!p);
        return p;
    }
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BUG_ON(p == MAP_FAILED);
    return p;
}

static void piece_free(void *p, size_t size)
{
    if (size < MAPPED_BYTES)
        free(p);
    else
        BUG_ON(munmap(p, size) != 0);
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
}

/* Zeroed whole cache lines, accounted. */
static void *slab_alloc(struct sums_set *set, size_t bytes)
{
    struct sums_slab *slab = set->slabs;
    bytes = whole_lines(bytes);
    if (!slab || slab->size - slab->used < bytes) {
        size_t size = slab ? 2 * slab->size : SLAB_FIRST_BYTES;
        size = size > SLAB_MAX_BYTES ? SLAB_MAX_BYTES : size;
        BUG_ON(bytes > size - CACHE_LINE_BYTES);
        slab = piece_alloc(size);
        *slab = (struct sums_slab){set->slabs, size, CACHE_LINE_BYTES};
        set->slabs = slab;
    }
    sums_budget_add(set->budget, (int64_t)bytes);
    void *p = (char *)slab + slab->used;
    slab->used += bytes;
    return memset(p, 0, bytes);
}

static void slots_free(struct sums **slots, uint32_t cap)
{
    if (slots)
        piece_free(slots, cap * sizeof(struct sums *));
}

void sums_set_release(struct sums_set *set)
{
    for (uint32_t i = 0; i < set->cap; i++) {
        struct sums *s = set->slots[i];
        if (s && s->key.kind == SUMMARY_HIST && s->pad)
            hist_release(&s->pad->spill);
        if (!s || s->key.kind != SUMMARY_POINTS)
            continue;
        sums_budget_add(set->budget, -(int64_t)points_bytes(s->points));
        points_release(s->points);
    }
    int64_t bytes = set->spilled_bytes;
    while (set->slabs) {
        struct sums_slab *slab = set->slabs;
        set->slabs = slab->next;
        bytes += (int64_t)(slab->used - CACHE_LINE_BYTES);
        piece_free(slab, slab->size);
    }
    if (bytes)
        sums_budget_add(set->budget, -bytes);
    slots_free(set->slots, set->cap);
    *set = (struct sums_set){.budget = set->budget};
}

static void grow(struct sums_set *set)
{
    struct sums **old = set->slots;
    uint32_t old_cap = set->cap;
    set->cap = old_cap ? 2 * old_cap : set->first_cap ? set->first_cap : FIRST_CAP;
    size_t bytes = set->cap * sizeof(struct sums *);
    set->slots = piece_alloc(bytes);
    if (bytes < MAPPED_BYTES)
        memset(set->slots, 0, bytes);
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i])
            set->slots[slot_of(set, &old[i]->key)] = old[i];
    }
    slots_free(old, old_cap);
}

/* What a series asks for its neighbours asked for before: its metric's sums, of one cohort or the
 * other. */
static struct sums **recent_of(struct sums_set *set, const struct sums_key *key)
{
    return &set->recent[(key->metric << 1 | key->cohort) % SUMS_RECENT];
}

struct sums *sums_set_get(struct sums_set *set, const struct sums_key *key)
{
    struct sums **recent = recent_of(set, key);
    if (*recent && keys_equal(&(*recent)->key, key))
        return *recent;
    if (4 * (set->len + 1) > 3 * set->cap)
        grow(set);
    uint32_t i = slot_of(set, key);
    if (set->slots[i])
        return *recent = set->slots[i];
    if (!sums_budget_left(set->budget))
        return NULL;
    size_t more = key->kind == SUMMARY_HIST ? LOG_VALUES * sizeof(uint16_t) : 0;
    more = is_points(key) ? sizeof(struct points) : more;
    struct sums *s = slab_alloc(set, sizeof(*s) + more);
    s->key = *key;
    if (key->kind == SUMMARY_HIST) {
        s->log = (uint16_t *)(void *)(s + 1);
    } else if (key->kind == SUMMARY_MOMENTS) {
        moments_init(&s->moments);
    } else if (is_points(key)) {
        s->points = (struct points *)(void *)(s + 1);
        points_init(s->points);
    }
    set->slots[i] = s;
    set->len++;
    return *recent = s;
}

void sums_set_take(struct sums_set *set, struct sums_set *to)
{
    *to = *set;
    sums_set_init(set, to->budget);
    if (to->len > FIRST_CAP) /* the next will be much like this one */
        set->first_cap = 4 * to->len > to->cap ? to->cap : to->cap / 2;
}

const struct sums *sums_set_next(const struct sums_set *set, uint32_t *i)
{
    while (*i < set->cap) {
        const struct sums *s = set->slots[(*i)++];
        if (s)
            return s;
    }
    return NULL;
}

/* What a line began is added whole, so pads may grow past the budget: by one octave's page at a
 * time, of which there are few. */
static uint16_t *pad_cell(struct sums_set *set, struct sums *s, uint32_t bucket)
{
    if (!s->pad)
        s->pad = slab_alloc(set, sizeof(*s->pad));
    uint16_t **page = &s->pad->pages[bucket / PAD_PAGE];
    if (!*page)
        *page = slab_alloc(set, PAD_PAGE * sizeof(uint16_t));
    return *page + bucket % PAD_PAGE;
}

static int64_t spill_bytes(const struct hist *spill)
{
    return (int64_t)(spill->cap * sizeof(spill->cells[0]));
}

/* What a spill has grown by is accounted, as all else. */
static struct hist *spill_open(struct sums_set *set, struct sums *s)
{
    if (!s->pad)
        s->pad = slab_alloc(set, sizeof(*s->pad));
    set->spilled_bytes -= spill_bytes(&s->pad->spill);
    sums_budget_add(set->budget, -spill_bytes(&s->pad->spill));
    return &s->pad->spill;
}

static void spill_close(struct sums_set *set, const struct hist *spill)
{
    set->spilled_bytes += spill_bytes(spill);
    sums_budget_add(set->budget, spill_bytes(spill));
}

/* The page is there but for the first value of its octave, so the cells' misses overlap. */
static void log_count(struct sums_set *set, struct sums *s)
{
    const uint16_t *log = s->log;
    for (uint32_t i = 0; i < s->n_log; i++) {
        const uint32_t bucket = log[i];
        uint16_t *page = s->pad ? s->pad->pages[bucket / PAD_PAGE] : NULL;
        uint16_t *cell = page ? page + bucket % PAD_PAGE : pad_cell(set, s, bucket);
        if (++*cell == 0) {
            struct hist *spill = spill_open(set, s);
            hist_add_cell(spill, bucket, bucket, UINT16_MAX + 1);
            spill_close(set, spill);
        }
    }
    s->n_log = 0;
}

void sums_add_values(struct sums_set *set, struct sums *s, const double *values, size_t n)
{
    uint16_t *log = s->log;
    uint32_t n_log = s->n_log; /* here, for a store to the log might change what it says there */
    s->samples += n;
    for (size_t i = 0; i < n; i++) {
        log[n_log++] = (uint16_t)hist_bucket(values[i]);
        if (n_log == LOG_VALUES) {
            s->n_log = n_log;
            log_count(set, s);
            n_log = 0;
        }
    }
    s->n_log = n_log;
}

void sums_add_moment(struct sums *s, double value, uint64_t count)
{
    moments_add(&s->moments, value, count);
}

void sums_add_value(struct sums_set *set, struct sums *s, double value, uint64_t count)
{
    uint32_t bucket = hist_bucket(value);
    uint16_t *cell = pad_cell(set, s, bucket);
    if (count > (uint64_t)(UINT16_MAX - *cell)) {
        struct hist *spill = spill_open(set, s);
        hist_add_cell(spill, bucket, bucket, *cell + count);
        spill_close(set, spill);
        *cell = 0;
    } else {
        *cell = (uint16_t)(*cell + count);
    }
    s->samples += count;
}

void sums_add_span(struct sums_set *set, struct sums *s, double lower, double upper, uint64_t count)
{
    struct hist *spill = spill_open(set, s);
    hist_add_span(spill, lower, upper, count);
    spill_close(set, spill);
    s->samples += count;
}

void sums_add_hist(struct sums_set *set, struct sums *s, const struct hist *hist)
{
    struct hist *spill = spill_open(set, s);
    hist_merge(spill, hist);
    spill_close(set, spill);
    s->samples += hist->n;
}

bool sums_add_point(struct sums_set *set, struct sums *s, const struct cumulative_point *point,
                    bool is_again)
{
    const bool may_grow = s->points->len == s->points->cap || point->buckets || is_again;
    const size_t before = may_grow ? points_bytes(s->points) : 0;
    const bool is_taken = is_again ? points_put(s->points, point) : points_append(s->points, point);
    if (may_grow)
        sums_budget_add(set->budget, (int64_t)points_bytes(s->points) - (int64_t)before);
    s->samples += is_taken;
    return is_taken;
}

static int compare_buckets(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static void log_merge_into(const struct sums *s, struct hist *to)
{
    uint16_t sorted[LOG_VALUES];
    struct hist_cell cells[LOG_VALUES];
    struct hist part = {.cells = cells, .cap = LOG_VALUES, .n = s->n_log};
    memcpy(sorted, s->log, s->n_log * sizeof(sorted[0]));
    qsort(sorted, s->n_log, sizeof(sorted[0]), compare_buckets);
    for (uint32_t i = 0; i < s->n_log; i++) {
        if (part.len && cells[part.len - 1].lo == sorted[i])
            cells[part.len - 1].n++;
        else
            cells[part.len++] = (struct hist_cell){sorted[i], sorted[i], 1};
    }
    hist_merge(to, &part);
}

/* The pages' cells come out sorted, so they are a histogram as they stand. */
static void pad_merge_into(const struct pad *pad, struct hist *to)
{
    struct hist part = {.len = 0};
    for (uint32_t p = 0; p < PAD_PAGES; p++)
        part.cap += pad->pages[p] ? PAD_PAGE : 0;
    part.cells = mem_alloc_array(part.cap, sizeof(part.cells[0]));
    for (uint32_t p = 0; p < PAD_PAGES; p++) {
        for (uint32_t i = 0; pad->pages[p] && i < PAD_PAGE; i++) {
            uint32_t n = pad->pages[p][i];
            if (!n)
                continue;
            uint32_t bucket = p * PAD_PAGE + i;
            part.cells[part.len++] = (struct hist_cell){bucket, bucket, n};
            part.n += n;
        }
    }
    hist_merge(to, &part);
    hist_release(&part);
    hist_merge(to, &pad->spill);
}

uint64_t sums_samples(const struct sums *s)
{
    return s->key.kind == SUMMARY_MOMENTS ? s->moments.n : s->samples;
}

size_t sums_wire_bytes(const struct sums *s)
{
    size_t bytes = 320; /* two keys, the name of the field, and counts or moments */
    if (s->key.kind == SUMMARY_POINTS)
        return bytes + points_bytes(s->points);
    if (s->key.kind != SUMMARY_HIST || !s->pad)
        return bytes;
    for (uint32_t p = 0; p < PAD_PAGES; p++)
        bytes += s->pad->pages[p] ? PAD_PAGE * 4 : 0;
    return bytes + s->pad->spill.len * 8;
}

void sums_merge_into(const struct sums *s, struct summary *total)
{
    BUG_ON(total->kind != s->key.kind);
    total->samples += sums_samples(s);
    if (total->kind == SUMMARY_MOMENTS) {
        moments_merge(&total->moments, &s->moments);
        return;
    }
    if (total->kind == SUMMARY_POINTS) {
        points_merge(&total->points, s->points);
        return;
    }
    if (total->kind == SUMMARY_COUNTS) {
        total->counts.events += s->events;
        total->counts.exposure += s->exposure;
        return;
    }
    log_merge_into(s, &total->hist);
    if (s->pad)
        pad_merge_into(s->pad, &total->hist);
}
