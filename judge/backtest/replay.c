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
    return s->kind == SUMMARY_HIST     ? (double)s->hist.n
           : s->kind == SUMMARY_COUNTS ? s->counts.exposure
                                       : 0;
}

double replay_met(const struct replay *r, int64_t block)
{
    double most = 0;
    for (size_t i = 0; i < r->history->n_metrics; i++) {
        const struct history_series *m = &r->history->metrics[i];
        double n = 0;
        if (r->spec->metrics[i].kind == METRIC_RATE)
            continue; /* its exposure may be anything */
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

void tail_walk_init(struct tail_walk *w, const struct replay *r, size_t metric)
{
    memset(w, 0, sizeof(*w));
    w->r = r;
    w->metric = metric;
    hist_init(&w->h0);
    hist_init(&w->h1);
}

void tail_walk_release(struct tail_walk *w)
{
    hist_release(&w->h0);
    hist_release(&w->h1);
}

static double at_or_above(const struct hist *h, double value)
{
    uint32_t edge = hist_bucket(fmin(value, HIST_HUGE));
    double below = (double)hist_count_below(h, edge),
           reaching = (double)hist_count_reaching(h, edge);
    return (double)h->n - (below + reaching) / 2;
}

static void take(struct tail_walk *w, const struct block *b)
{
    const struct summary *s0 = &b->cohort[COHORT_BASELINE], *s1 = &b->cohort[COHORT_CANDIDATE];
    if (s0->kind == SUMMARY_HIST)
        hist_merge(&w->h0, &s0->hist);
    if (s1->kind == SUMMARY_HIST)
        hist_merge(&w->h1, &s1->hist);
    if (s0->kind == SUMMARY_COUNTS) {
        w->sums.c0 += s0->counts.events;
        w->sums.x0 += s0->counts.exposure;
    }
    if (s1->kind == SUMMARY_COUNTS) {
        w->sums.c1 += s1->counts.events;
        w->sums.x1 += s1->counts.exposure;
    }
}

bool tail_walk_to(struct tail_walk *w, int64_t block, struct tail_sums *out)
{
    const struct history_series *series = &w->r->history->metrics[w->metric];
    const struct spec_metric *m = &w->r->spec->metrics[w->metric];
    while (w->next < series->n && series->blocks[w->next].index <= block)
        take(w, &series->blocks[w->next++]);
    *out = (struct tail_sums){.fail = w->sums, .pass = w->sums, .is_counted = true};
    if (m->kind == METRIC_QUANTILE) {
        double n0 = (double)w->h0.n, n1 = (double)w->h1.n, p = m->quantile;
        if (!w->h0.n || !w->h1.n)
            return false;
        double at = hist_quantile(&w->h0, p), base = at_or_above(&w->h0, at);
        out->fail = (struct arm_sums){base, n0, at_or_above(&w->h1, at), n1};
        out->pass =
            (struct arm_sums){base, n0, at_or_above(&w->h1, (1 + m->margin.relative) * at), n1};
        return true;
    }
    if (!(w->sums.x0 > 0) || !(w->sums.x1 > 0))
        return false;
    out->is_counted = m->kind == METRIC_PROPORTION;
    out->margin = fmax(m->margin.relative * w->sums.c0 / w->sums.x0, m->margin.absolute);
    return true;
}

/* Difference of rates over its standard error, the variance pooled under "rate1 = rate0 + d". */
static double z_of(const struct arm_sums *s, bool is_counted, double d)
{
    double rate0 = s->c0 / s->x0, rate1 = s->c1 / s->x1;
    double common = fmax(0, (s->c0 + s->c1 - s->x1 * d) / (s->x0 + s->x1));
    double under0 = common, under1 = fmax(0, common + d);
    double v0 = under0 * (is_counted ? fmax(0, 1 - under0) : 1) / s->x0;
    double v1 = under1 * (is_counted ? fmax(0, 1 - under1) : 1) / s->x1;
    return v0 + v1 > 0 ? (rate1 - rate0 - d) / sqrt(v0 + v1) : 0;
}

double tail_z_fail(const struct spec_metric *m, const struct tail_sums *s)
{
    return (m->harm == HARM_DECREASE ? -1 : 1) * z_of(&s->fail, s->is_counted, 0);
}

double tail_z_pass(const struct spec_metric *m, const struct tail_sums *s)
{
    if (m->harm == HARM_DECREASE)
        return z_of(&s->pass, s->is_counted, -s->margin);
    return -z_of(&s->pass, s->is_counted, s->margin);
}
