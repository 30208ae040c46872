#include "collectors/sums.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"

#define FIRST_CAP 16

static _Atomic uint64_t last_id;

static uint64_t next_id(void)
{
    return atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
}

static bool keys_equal(const struct sums_key *a, const struct sums_key *b)
{
    return a->block == b->block && a->release == b->release && a->metric == b->metric &&
           a->cohort == b->cohort;
}

/* Where the key is or would go; the table always has a free slot. */
static uint32_t slot_of(const struct sums_set *set, const struct sums_key *key)
{
    uint64_t words[2] = {(uint64_t)key->block,
                         (uint64_t)key->release << 32 | (uint32_t)key->metric << 8 | key->cohort};
    uint32_t i = (uint32_t)map_hash(words, sizeof(words)) & (set->cap - 1);
    while (set->slots[i] && !keys_equal(&set->slots[i]->key, key))
        i = (i + 1) & (set->cap - 1);
    return i;
}

void sums_set_init(struct sums_set *set, struct sums_budget *budget)
{
    *set = (struct sums_set){.id = next_id(), .budget = budget};
}

static int64_t sums_free(struct sums *s)
{
    int64_t bytes = (int64_t)sizeof(*s);
    if (s->pad) {
        bytes += (int64_t)sizeof(*s->pad);
        for (size_t i = 0; i < PAD_PAGES; i++) {
            bytes += s->pad->pages[i] ? PAD_PAGE * (int64_t)sizeof(uint16_t) : 0;
            free(s->pad->pages[i]);
        }
        hist_release(&s->pad->spill);
        free(s->pad);
    }
    free(s);
    return bytes;
}

void sums_set_release(struct sums_set *set)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < set->cap; i++) {
        if (set->slots[i])
            bytes += sums_free(set->slots[i]);
    }
    if (bytes)
        sums_budget_add(set->budget, -bytes);
    free(set->slots);
    *set = (struct sums_set){.budget = set->budget};
}

static void grow(struct sums_set *set)
{
    struct sums **old = set->slots;
    uint32_t old_cap = set->cap;
    set->cap = old_cap ? 2 * old_cap : FIRST_CAP;
    set->slots = mem_alloc_array(set->cap, sizeof(struct sums *));
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i])
            set->slots[slot_of(set, &old[i]->key)] = old[i];
    }
    free(old);
}

struct sums *sums_set_get(struct sums_set *set, const struct sums_key *key)
{
    if (4 * (set->len + 1) > 3 * set->cap)
        grow(set);
    uint32_t i = slot_of(set, key);
    if (set->slots[i])
        return set->slots[i];
    if (!sums_budget_left(set->budget))
        return NULL;
    struct sums *s = mem_alloc(sizeof(*s));
    int64_t bytes = (int64_t)sizeof(*s);
    s->key = *key;
    if (key->kind == SUMMARY_HIST) {
        s->pad = mem_alloc(sizeof(*s->pad));
        hist_init(&s->pad->spill);
        bytes += (int64_t)sizeof(*s->pad);
    }
    sums_budget_add(set->budget, bytes);
    set->slots[i] = s;
    set->len++;
    return s;
}

void sums_set_take(struct sums_set *set, struct sums_set *to)
{
    *to = *set;
    sums_set_init(set, to->budget);
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

void sums_add_value(struct sums_set *set, struct sums *s, double value, uint64_t count)
{
    uint32_t bucket = hist_bucket(value);
    uint16_t **page = &s->pad->pages[bucket / PAD_PAGE];
    if (!*page) {
        *page = mem_alloc_array(PAD_PAGE, sizeof(uint16_t));
        sums_budget_add(set->budget, PAD_PAGE * (int64_t)sizeof(uint16_t));
    }
    uint16_t *cell = &(*page)[bucket % PAD_PAGE];
    if (count > (uint64_t)(UINT16_MAX - *cell)) {
        hist_add_cell(&s->pad->spill, bucket, bucket, *cell + count);
        *cell = 0;
    } else {
        *cell = (uint16_t)(*cell + count);
    }
    s->samples += count;
}

/* The pad's cells come out sorted, so they are a histogram as they stand. */
static void pad_merge_into(const struct pad *pad, struct hist *to)
{
    struct hist_cell cells[PAD_PAGE];
    for (uint32_t p = 0; p < PAD_PAGES; p++) {
        if (!pad->pages[p])
            continue;
        struct hist part = {.cells = cells, .cap = PAD_PAGE};
        for (uint32_t i = 0; i < PAD_PAGE; i++) {
            uint32_t n = pad->pages[p][i];
            if (!n)
                continue;
            uint32_t bucket = p * PAD_PAGE + i;
            cells[part.len++] = (struct hist_cell){bucket, bucket, n};
            part.n += n;
        }
        if (part.len)
            hist_merge(to, &part);
    }
    hist_merge(to, &pad->spill);
}

void sums_merge_into(const struct sums *s, struct summary *total)
{
    BUG_ON(total->kind != s->key.kind);
    total->samples += s->samples;
    if (s->pad) {
        pad_merge_into(s->pad, &total->hist);
    } else {
        total->counts.events += s->events;
        total->counts.exposure += s->exposure;
    }
}
