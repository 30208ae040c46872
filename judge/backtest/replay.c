#include <math.h>
#include <string.h>

#include "judge/backtest/methods.h"

void replay_init(struct replay *r, const struct spec *spec, const struct history *h, double share,
                 double next, struct arena *a)
{
    int64_t block_us = spec->policy.block_us, begin = block_start(h->first, block_us).us;
    size_t n = h->n_shifts ? h->n_shifts : 1;
    *r = (struct replay){.spec = spec, .history = h, .arena = a, .n_segments = n};
    r->segments = arena_array(a, n, sizeof(*r->segments));
    for (size_t i = 0; i < n; i++) {
        struct segment *s = &r->segments[i];
        *s = (struct segment){.id = (int)i + 1,
                              .opened = {begin},
                              .share = share,
                              .next_share = next,
                              .settle_us = spec->settle_us};
        if (!h->n_shifts)
            continue;
        if (i) {
            s->opened.us = h->shifts[i].us;
            r->segments[i - 1].closed = s->opened;
        }
        s->share = h->shifts[i].share;
        s->next_share = i + 1 < n && h->shifts[i + 1].share > s->share ? h->shifts[i + 1].share : 1;
    }
}

static double units_of(const struct summary *s)
{
    switch (s->kind) {
    case SUMMARY_HIST:
        return (double)s->hist.n;
    case SUMMARY_COUNTS:
        return s->counts.exposure;
    case SUMMARY_MOMENTS:
        return (double)s->moments.n;
    case SUMMARY_POINTS: /* in open blocks only */
    case SUMMARY_NONE:
        break;
    }
    return 0;
}

double replay_met(const struct replay *r, int64_t block)
{
    double most = 0;
    for (size_t i = 0; i < r->history->n_metrics; i++) {
        const struct history_series *m = &r->history->metrics[i];
        double n = 0;
        enum metric_kind kind = r->spec->metrics[i].kind;
        if (kind == METRIC_RATE || kind == METRIC_RATIO || kind == METRIC_SERIES)
            continue; /* what they count need not be requests */
        for (size_t k = 0; k < m->n && m->blocks[k].index <= block; k++)
            n += units_of(&m->blocks[k].cohort[COHORT_CANDIDATE]);
        most = fmax(most, n);
    }
    return most;
}

bool is_guardrail(const struct spec_metric *m)
{
    return m->role == ROLE_GUARDRAIL && !(isnan(m->margin.relative) && isnan(m->margin.absolute));
}

void decide_at(const struct replay *r, struct decided *out, enum verdict_word word, int64_t block)
{
    int64_t block_us = r->spec->policy.block_us;
    out->word = word;
    out->us = (block + 1 - r->history->first) * block_us;
    out->met = replay_met(r, block);
}
