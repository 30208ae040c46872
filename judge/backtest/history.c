#include "judge/backtest/history.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/backtest/history_priv.h"

void history_refuse(struct reading *r, uint64_t line, const char *fmt, ...)
{
    struct history_complaints *c = r->complaints;
    c->all++;
    if (c->n == HISTORY_LISTED_MAX)
        return;
    struct history_complaint *item = &c->items[c->n++];
    va_list args;
    item->line = line;
    va_start(args, fmt);
    vsnprintf(item->message, sizeof(item->message), fmt, args);
    va_end(args);
}

static int by_key(const void *a, const void *b)
{
    const struct sums_key *x = &(*(const struct sums *const *)a)->key;
    const struct sums_key *y = &(*(const struct sums *const *)b)->key;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    if (x->block != y->block)
        return x->block < y->block ? -1 : 1;
    return (x->cohort > y->cohort) - (x->cohort < y->cohort);
}

/* From sums in a hash table to each metric's blocks in order. */
static void make_blocks(struct reading *r)
{
    struct history *h = r->h;
    const struct sums **all = mem_alloc_array(r->sums.len + 1, sizeof(*all)), *s;
    size_t n = 0;
    for (uint32_t i = 0; (s = sums_set_next(&r->sums, &i));)
        all[n++] = s;
    qsort(all, n, sizeof(all[0]), by_key);
    h->first = INT64_MAX;
    h->last = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        struct history_series *m = &h->metrics[all[i]->key.metric];
        enum summary_kind kind = summary_kind_of(r->spec->metrics[all[i]->key.metric].kind);
        int64_t index = all[i]->key.block;
        if (!m->n || m->blocks[m->n - 1].index != index) {
            if ((m->n & (m->n - 1)) == 0)
                m->blocks = mem_grow(m->blocks, m->n ? 2 * m->n : 1, sizeof(*m->blocks));
            block_init(&m->blocks[m->n++], index, 2, kind);
        }
        sums_merge_into(all[i], &m->blocks[m->n - 1].cohort[all[i]->key.cohort]);
        h->first = index < h->first ? index : h->first;
        h->last = index > h->last ? index : h->last;
    }
    free(all);
}

int history_read(struct history *h, const struct spec *spec, const char *bytes, size_t len,
                 struct history_complaints *complaints, struct err *err)
{
    struct reading r = {.spec = spec, .h = h, .complaints = complaints};
    const size_t mark = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    int rc;
    bytes += mark; /* that of spreadsheets, which says UTF-8 */
    len -= mark;
    const size_t at = strspn(bytes, " \t\r\n");
    memset(h, 0, sizeof(*h));
    memset(complaints, 0, sizeof(*complaints));
    h->n_metrics = spec->n_metrics;
    h->metrics = mem_alloc_array(spec->n_metrics + 1, sizeof(*h->metrics));
    r.budget.max = HISTORY_MEMORY_MAX;
    sums_set_init(&r.sums, &r.budget);
    rc = at < len && bytes[at] == '{' ? history_read_ndjson(&r, bytes, len, err)
                                      : history_read_csv(&r, bytes, len, err);
    if (rc == 0 && complaints->all)
        rc = err_set(err, ERR_INPUT, "%llu of its lines cannot be read",
                     (unsigned long long)complaints->all);
    if (rc == 0 && !r.sums.len)
        rc = err_set(err, ERR_INPUT, "none of its lines is of a metric of the spec");
    if (rc == 0)
        make_blocks(&r);
    if (rc == 0 && h->last - h->first >= HISTORY_BLOCKS_MAX)
        rc = err_set(err, ERR_INPUT,
                     "it spans %lld blocks, more than %d: give longer blocks (policy.block)",
                     (long long)h->last - (long long)h->first + 1, HISTORY_BLOCKS_MAX);
    sums_set_release(&r.sums);
    if (rc != 0)
        history_release(h);
    return rc;
}

void history_release(struct history *h)
{
    for (size_t i = 0; i < h->n_metrics && h->metrics; i++) {
        for (size_t k = 0; k < h->metrics[i].n; k++)
            block_release(&h->metrics[i].blocks[k]);
        free(h->metrics[i].blocks);
    }
    free(h->metrics);
    free(h->shifts);
    memset(h, 0, sizeof(*h));
}
