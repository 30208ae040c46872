#include "stats/bayes/gamma_poisson_compare.h"

#include <math.h>

#include "stats/numerics/log_beta.h"

#define COUNT_MAX 1e12
#define PRIOR_MIN 1e-9

int gamma_poisson_ok(const struct gamma_prior *prior, const struct poisson_arm *arm,
                     struct err *err)
{
    if (!(prior->shape >= PRIOR_MIN && prior->shape <= COUNT_MAX) ||
        !(prior->rate >= PRIOR_MIN && prior->rate <= COUNT_MAX))
        return err_set(err, ERR_INPUT, "the gamma prior is %g, %g: want both from %g to %g",
                       prior->shape, prior->rate, PRIOR_MIN, COUNT_MAX);
    if (!(arm->events >= 0 && arm->events <= COUNT_MAX) ||
        !(arm->exposure >= 0 && arm->exposure <= COUNT_MAX))
        return err_set(err, ERR_INPUT, "%g events in an exposure of %g: want both from 0 to %g",
                       arm->events, arm->exposure, COUNT_MAX);
    return 0;
}

/* P(G1/r1 > G0/r0): the share G1/(G0 + G1) is Beta(s1, s0) and must exceed r1/(r0 + r1). */
static double exceeds(double s1, double r1, double s0, double r0)
{
    return exp(log_beta_inc(s0, s1, r0 / (r0 + r1), r1 / (r0 + r1)));
}

static double expected_excess(double s1, double r1, double s0, double r0)
{
    return fmax(0, s1 / r1 * exceeds(s1 + 1, r1, s0, r0) - s0 / r0 * exceeds(s1, r1, s0 + 1, r0));
}

struct choice gamma_poisson_compare(const struct gamma_prior *prior,
                                    const struct poisson_arm *control,
                                    const struct poisson_arm *treatment)
{
    double s0 = prior->shape + control->events, r0 = prior->rate + control->exposure;
    double s1 = prior->shape + treatment->events, r1 = prior->rate + treatment->exposure;
    BUG_ON(gamma_poisson_ok(prior, control, NULL) != 0 ||
           gamma_poisson_ok(prior, treatment, NULL) != 0);
    return (struct choice){.prob_greater = exceeds(s1, r1, s0, r0),
                           .loss_treatment = expected_excess(s0, r0, s1, r1),
                           .loss_control = expected_excess(s1, r1, s0, r0)};
}
