/*
 * One metric as NetflixACAJudge-v1.0 of Kayenta labels it (docs/stats/kayenta.md).
 *
 * What it tests: H0 "the candidate's values E and the baseline's values C have one distribution",
 * two-sided, once, by the confidence interval of the shift E - C (shift_limits.h). With L and U
 * its limits, H the estimated shift and b = tolerance |H|:
 *
 *   High   L > b  and effect >= allowed_increase, where an increase counts
 *   Low    U < -b and effect <= allowed_decrease, where a decrease counts
 *   Pass   else: nothing was shown, which is not "harmless"
 *
 * Assumes independent values of one distribution a side and ONE look. Neither holds for metrics of
 * a running service read every few minutes: the page has the rates of false alarms. b is a part of
 * the estimated shift, not of the baseline, so it demands precision, not size. For new work choose
 * the methods of stats/anytime; this one is for moving from Kayenta without a change of verdicts.
 *
 * A series is a double per interval, NaN where there is none; infinities are values. No data is
 * refused: what Kayenta cannot classify gets the label Error, as there. Same input, same result:
 * where Kayenta adds noise from an unseeded generator to two constant series, ours has a fixed
 * seed.
 */
#ifndef STATS_CLASSIFY_H
#define STATS_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "stats/kayenta/samples.h"
#include "stats/kayenta/shift_limits.h"

enum aca_label { ACA_PASS, ACA_HIGH, ACA_LOW, ACA_NODATA, ACA_NODATA_FAIL, ACA_ERROR, ACA_LABELS };
/* "Pass", "High", "Low", "Nodata", "NodataFailMetric", "Error". */
extern const char *const aca_label_words[ACA_LABELS];

enum aca_direction { ACA_EITHER, ACA_INCREASE, ACA_DECREASE };
enum aca_effect { ACA_MEAN_RATIO, ACA_CLES };

/* A metric's settings. Kayenta fixes tolerance at 0.25 and confidence at 0.98. */
struct aca_options {
    double tolerance;  /* >= 0 */
    double confidence; /* in [0, 1] */
    enum aca_direction direction;
    enum aca_effect effect;
    double allowed_increase, allowed_decrease; /* bounds of the effect: a smaller one is Pass */
    double critical_increase,
        critical_decrease; /* and of a critical metric that fails the canary */
    bool replace_nan;      /* missing values become 0; else they are left out */
    bool remove_outliers;  /* samples.h, lenient fences */
    double outlier_factor; /* > 0 where outliers are removed */
    bool critical;         /* High, Low or no data fails the whole canary */
    bool must_have_data;   /* no data counts as a failed metric */
    bool muted;            /* judged and shown, not scored */
};

/* Kayenta's defaults; the four bounds are 1 for the ratio of means and 0.5 for ACA_CLES. */
struct aca_options aca_options_default(enum aca_effect effect);
/* Are the numbers in the domains above? NaN bounds are not. Outside data is asked this first. */
int aca_options_ok(const struct aca_options *o, struct err *err) WARN_UNUSED;

enum aca_reason {
    ACA_NO_REASON,
    ACA_MISSING,          /* "Missing data for NAME" */
    ACA_IDENTICAL,        /* "The Canary and Baseline data are identical" */
    ACA_MOVED,            /* "NAME was classified as High" */
    ACA_MOVED_CRITICALLY, /* "The metric NAME was classified as High (Critical)" */
    ACA_MEANS_DIFFER,     /* "The Canary mean was greater than the Baseline mean" */
    ACA_FAILED,           /* "Metric Classification Failed" */
};

struct aca_verdict {
    enum aca_label label;
    enum aca_reason reason;
    bool critical;    /* this result fails the canary */
    double deviation; /* ratio of means; 1 where nothing was tested, NAN where a mean is 0 */
    struct sample_summary experiment, control; /* after NaN and outliers */

    /* What the original keeps to itself. Without `tested` the rest says nothing. */
    bool tested; /* both series have values, and they are not two constants */
    bool noised; /* two constants: they were tested with noise of 1e-5 of their size added */
    struct shift_limits interval;
    double effect; /* in the measure of the options */
};

/* E: the candidate ("Canary"), C: the baseline. Options that are not ok are a bug. */
struct aca_verdict aca_classify(const struct aca_options *o, const double *e, size_t m,
                                const double *c, size_t n);

/*
 * The benchmark classifier of the same code: High when the mean is larger, Low when it is smaller.
 * No test; `critical` is never set.
 */
struct aca_verdict aca_classify_means(const struct aca_options *o, const double *e, size_t m,
                                      const double *c, size_t n);

/* The sentence of a reason, nothing for ACA_NO_REASON. */
void aca_reason_text(const struct aca_verdict *v, const char *name, struct buf *out);

#endif
