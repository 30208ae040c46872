/*
 * What a metric kind is to the judge: one descriptor a file (kind_rate.c, kind_mean.c), one
 * line in kinds.c a kind. To add one: write the file, add the line, add rows to tests/judge/decide.
 *
 * Seen from here every test has two sides (fail, pass), is fed pairs of summaries in block order,
 * and is a pure value: the same pairs give the same bits.
 */
#ifndef JUDGE_DECIDE_KINDS_H
#define JUDGE_DECIDE_KINDS_H

#include <math.h>

#include "judge/decide/decide.h"
#include "stats/anytime/mean_test.h"
#include "stats/anytime/quantile_test.h"
#include "stats/anytime/rate_ratio.h"
#include "stats/anytime/ratio_test.h"
#include "stats/anytime/series_test.h"

/* What an accumulator of a metric is for; each has its own nulls. */
enum purpose {
    PURPOSE_WHOLE,         /* `fail` over the whole release */
    PURPOSE_STEP,          /* `fail` and `pass` over the step that is open */
    PURPOSE_COARSE_RATIO,  /* `fail` over the settling times: tenfold */
    PURPOSE_COARSE_POINTS, /* the same: 20 points more (proportions) */
    PURPOSE_BAKE,          /* `fail` after 100 %, against `before` */
    PURPOSE_COUNT
};

/* A rate or a proportion; where a decrease is harm the arms are swapped inside. */
struct rate_test {
    struct rate_ratio ratio;
    struct counts before; /* bake: the baseline's totals in the last step */
    double limit;         /* bake: what the baseline's rate was at worst */
};

/* The bake of a quantile: values above what the baseline's quantile was at most, a proportion. */
struct exceed_test {
    struct rate_ratio above;
    uint32_t edge; /* first bucket that counts as above */
    double p;      /* at most 1 - p of the values may lie there */
    double before_n, before_quantile;
    struct hist during; /* owned; for display */
};

/* A mean or a ratio of sums; where a decrease is harm the arms are swapped inside. `known`: the
 * bake's limit on what the baseline's value was, NAN otherwise; `before`: its totals. */
struct mean_kind_test {
    struct mean_test mean;
    double known;
    struct cohort_totals before;
};
struct series_kind_test {
    struct series_test series;
    double known;
    struct cohort_totals before;
};
struct alarm_kind_test { /* blocks whose state was known, and those in ALARM */
    double known, in_alarm;
};
struct ratio_kind_test {
    struct ratio_test ratio;
    double known;
    struct cohort_totals before;
};

struct kind;

struct kind_test {
    const struct kind *kind; /* the metric's, or its `after` once a bake has begun */
    bool is_present;         /* false: this kind and spec have no such test; log e is 0 */
    union {
        struct rate_test rate;
        struct quantile_test quantile;
        struct exceed_test exceed;
        struct mean_kind_test mean;
        struct ratio_kind_test ratio;
        struct series_kind_test series;
        struct alarm_kind_test alarm;
    };
};

/* The two summaries of one block; either may be empty (SUMMARY_NONE). */
struct kind_pair {
    const struct summary *baseline, *candidate;
};

struct kind {
    const char *test;         /* "rate ratio, anytime" */
    const char *before;       /* the same in the bake */
    const struct kind *after; /* what start_bake() turns a test into; only the calls a bake needs */
    bool is_decree;           /* its harm is somebody else's word; its pass never speaks, and
                                 nothing waits for it. Only the candidate's side is told */
    bool has_units;           /* n counts requests: the split can be checked on it */

    /* next_share: what the step asks for (1 when nothing). Leaves t->is_present as it finds. */
    void (*init)(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                 double next_share);
    void (*release)(struct kind_test *t);
    void (*new_segment)(struct kind_test *t);
    /* Can these summaries be taken? Asked first, of outside data. */
    bool (*is_sound)(const struct spec_metric *m, const struct kind_pair *pair);
    void (*take)(struct kind_test *t, const struct spec_metric *m, const struct kind_pair *pair);
    /* Turns an initialised bake test into one against the baseline `step` has seen; level: that
     * part of alpha which the uncertainty about the baseline may cost. */
    void (*start_bake)(struct kind_test *t, const struct spec_metric *m,
                       const struct kind_test *step, double level);

    double (*log_e)(const struct kind_test *t, enum test_side side);
    /* Never below log_e, and quick: asked first by whoever only wants to know whether a bound is
     * crossed. INFINITY: no such short cut, NULL for none at all. */
    double (*log_e_most)(const struct kind_test *t, enum test_side side);
    /* Why `pass` may not speak yet whatever it says, for a sentence; NULL: it may. NULL as a
     * function: it always may. */
    const char *(*doubt)(const struct kind_test *t);
    struct rate_dispersion (*dispersion)(const struct kind_test *t, enum test_side side);
    void (*set_correlation)(struct kind_test *t, struct correlation whole);
    double (*eta)(const struct kind_test *t, enum test_side side, double alpha);
    /* candidate over baseline; false: empty */
    bool (*interval)(const struct kind_test *t, const struct spec_metric *m, double alpha,
                     struct ratio_interval *out);
    void (*totals)(const struct kind_test *t, const struct spec_metric *m,
                   struct cohort_totals *baseline, struct cohort_totals *candidate);
    /* How much the log e of `pass` would fall were every late sample the worst it can be; >= 0. */
    double (*late_loss)(const struct kind_test *t, const struct spec_metric *m,
                        const struct decision_late *late);
    double (*units)(const struct summary *s); /* n of a summary; 0: nothing was seen */
    enum exposure_limit (*limit)(const struct spec_metric *m, double next_share);
    void (*encode)(const struct kind_test *t, struct buf *out);
    int (*decode)(struct kind_test *t, struct bytes *in, struct err *err);
};

const struct kind *kind_of(enum metric_kind kind);

extern const struct kind kind_proportion, kind_rate, kind_quantile, kind_exceed, kind_mean,
    kind_ratio, kind_series, kind_alarm;

/*
 * What late_loss() gives, from `pass` as it is (log e, tempered) and what untempered evidence says
 * of the worst case: by how much it fell, and what is left of it. A fall is divided by the
 * dispersion; and no more is left of the tempered evidence than of the untempered.
 */
static inline double late_loss_of(double log_e, double fell, double left, double dispersion)
{
    return fmax(fmax(0, fell) / fmax(1, dispersion), log_e - fmax(0, left));
}

/* Makes *t (which holds nothing) the bake test of values above `edge`, against at most 1 - p. */
void exceed_init(struct kind_test *t, double p, uint32_t edge, const struct cohort_totals *before);

/* What means and ratios of sums share (kind_mean.c): limits and nulls of a linear contrast, and the
 * known baseline of a bake in a checkpoint. False: no such test. */
enum exposure_limit contrast_limit(const struct spec_metric *m, double share);
bool contrast_fail_null(const struct spec_metric *m, enum purpose purpose,
                        struct contrast_null *null);
bool contrast_pass_null(const struct spec_metric *m, double share, struct contrast_null *null);
void encode_known(double known, const struct cohort_totals *before, struct buf *out);
int decode_known(double *known, struct cohort_totals *before, struct bytes *in,
                 struct err *err) WARN_UNUSED;

#endif
