/*
 * Bayesian reading of an experiment's effect: a normal likelihood, estimate and standard error from
 * experiment_effect.h, and a normal or flat prior on the effect (docs/stats/bayesian.md).
 *
 *   precision  1/sd^2 = 1/se^2 + 1/prior variance
 *   mean       = sd^2 (estimate/se^2 + prior mean/prior variance)
 *
 * Conventions of GrowthBook's gbstats 0.8.0 (revision 8f1db44). These numbers say what the data and
 * the prior say now; they carry no false-positive rate, at one look or at many: a chance to win
 * read every hour passes 95 % sooner or later also when nothing differs.
 */
#ifndef STATS_NORMAL_EFFECT_H
#define STATS_NORMAL_EFFECT_H

#include <stdbool.h>

#include "stats/fixed/experiment_effect.h"

struct effect_prior_normal {
    bool proper;     /* false: flat; mean and variance are then not read */
    double mean;     /* finite */
    double variance; /* > 0, finite */
    bool relative;   /* in the scale of a relative effect, else of an absolute one */
};

/* Says what is wrong with the prior; -1 with err. */
int effect_prior_normal_ok(const struct effect_prior_normal *prior, struct err *err) WARN_UNUSED;

/*
 * The prior in the scale of the effect: a relative prior times |baseline| for an absolute effect,
 * an absolute one divided by it for a relative effect. baseline != 0 where that is needed.
 */
struct effect_prior_normal effect_prior_normal_scaled(struct effect_prior_normal prior,
                                                      bool effect_is_relative, double baseline);

struct effect_posterior {
    double mean, sd;
    double low, high;      /* central credible interval of level 1 - alpha */
    double chance_to_win;  /* P(effect > 0); P(effect < 0) where less is better */
    double risk_control;   /* expected loss of keeping the control: E[effect+] (less is better:
                              E[effect-]) */
    double risk_treatment; /* expected loss of taking the treatment: E[effect-] (E[effect+]) */
};

/* effect.state is EFFECT_OK, prior already scaled and ok, alpha in (0, 1). */
struct effect_posterior effect_posterior_of(const struct effect *effect, bool effect_is_relative,
                                            const struct effect_prior_normal *prior, double alpha,
                                            bool less_is_better);

/* E[max(X, 0)] for X normal: sd phi(m/sd) + m Phi(m/sd), without cancellation. sd > 0. */
double normal_positive_part(double mean, double sd);

#endif
