/*
 * Evidence and verdict: what the judge says about a segment, and its JSON form (the contract: the
 * body of GET .../verdict, of webhooks, and the last line of `judgectl gate --output json`).
 */
#ifndef LIB_MODEL_VERDICT_H
#define LIB_MODEL_VERDICT_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/node.h"
#include "lib/model/nouns.h"
#include "lib/model/spec.h"

struct cohort_totals { /* over the blocks that count */
    double n;          /* requests, values; a ratio's denominator */
    double events;     /* NAN for quantiles, means and series; a ratio's numerator */
    double quantile;   /* NAN but for quantiles: the observed p-quantile */
    double mean, sd;   /* NAN but for means and series */
};

struct evidence {
    const char *name;
    enum metric_kind kind;
    enum metric_role role;
    enum evidence_state state;
    const char *test;              /* "rate ratio, anytime" */
    const char *scale;             /* "ratio" */
    double estimate, lower, upper; /* NAN: none; upper may be infinite (null in JSON) */
    struct spec_margin tolerance, margin;
    double quantile;               /* NAN unless METRIC_QUANTILE */
    double log_e_fail, log_e_pass; /* NAN: not computed */
    double alpha, beta;            /* alpha: this metric's part, alpha * weight */
    double dispersion;
    bool dispersion_uncertain;
    bool no_limit; /* an impossible null: no limit at this share */
    struct cohort_totals baseline, candidate;
    double late_baseline, late_candidate;
    double eta_s; /* NAN: unknown */
    char reason[REASON_BYTES];
};

struct verdict {
    const char *release, *revision;
    int64_t seq; /* 1, 2, ... per release */
    enum phase phase;
    enum outcome outcome;
    enum mode mode;
    enum verdict_word word;
    enum cause cause;
    enum health health;
    enum guarantee guarantee;
    int segment;       /* 0: none yet */
    double share;      /* NAN: null */
    double advance_to; /* NAN: null; the share an `advance`/`promote` allows */
    struct wall at, fresh_until;
    int64_t last_block; /* index of the last block judged; -1 none */
    char reason[REASON_BYTES];
    struct evidence *metrics;
    size_t n_metrics;
};

void verdict_to_json(const struct verdict *v, struct buf *out);
int verdict_from_json(struct verdict *v, const struct node *n, struct arena *a,
                      struct err *err) WARN_UNUSED;
/* Would a reader see a difference that matters (word, health, phase, segment, states)? */
bool verdict_differs(const struct verdict *a, const struct verdict *b);

#endif
