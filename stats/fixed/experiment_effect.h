/*
 * The effect of a treatment (b) against a control (a) on a metric of units, and its standard error:
 * what every test of an experiment begins with (docs/stats/experiments-frequentist.md).
 *
 *   absolute   effect = m_b - m_a,             se^2 = v_b/n_b + v_a/n_a
 *   relative   effect = (m_b - m_a)/|m_a|,     se^2 = v_b/(n_b m_a^2) + v_a m_b^2/(n_a m_a^4)
 *
 * (the second by the delta method). m, v by kind of metric:
 *
 *   proportion  x is 0 or 1 for each unit; v = p (1 - p)
 *   mean        v with divisor n - 1
 *   ratio       sum x / sum y; v by the delta method (ratio_metric.h)
 *   cuped       x adjusted by the covariate y (cuped.h); the divisor of a relative effect is the
 *               unadjusted mean of the control, and its variance is cuped_relative_variance()
 *
 * Numbers, error states and conventions are those of GrowthBook's gbstats 0.8.0 (revision 8f1db44),
 * except where its 1 - cdf has no digits left.
 *
 * Assumes independent units, one assignment for life, finite variance, and n large enough for a
 * normal mean (relative: a control mean more than about 5 standard errors from 0).
 */
#ifndef STATS_EXPERIMENT_EFFECT_H
#define STATS_EXPERIMENT_EFFECT_H

#include "stats/fixed/unit_moments.h"

enum unit_metric { METRIC_PROPORTION, METRIC_MEAN, METRIC_RATIO, METRIC_CUPED };

struct experiment_arm {
    enum unit_metric kind;
    struct unit_moments units;
};

/* Why there is no effect to test. */
enum effect_state {
    EFFECT_OK,
    EFFECT_NO_VARIANCE, /* of an arm, or of the effect: 0 or below (n <= 1, constant, p = 0 or 1) */
    EFFECT_ZERO_BASELINE, /* the control's mean is 0 (adjusted or not) */
    EFFECT_OVERFLOW,      /* the sums are too large for doubles */
};
/* "ZERO_NEGATIVE_VARIANCE" and the like, GrowthBook's words; NULL for EFFECT_OK. */
const char *effect_state_word(enum effect_state state);

struct effect {
    enum effect_state state; /* if not EFFECT_OK all that follows is 0 */
    double estimate, se;
    double n;        /* units of both arms */
    double df;       /* Welch and Satterthwaite, of the absolute difference */
    double baseline; /* the control's unadjusted mean */
    double theta;    /* cuped; 0 when the adjustment was not possible */
};

/*
 * Both arms are of one kind (else a bug) and come from unit_moments_from_sums() or a merge.
 * Where the covariate or the outcome does not vary, cuped is the plain mean.
 */
struct effect effect_of(const struct experiment_arm *control,
                        const struct experiment_arm *treatment, bool relative);

#endif
