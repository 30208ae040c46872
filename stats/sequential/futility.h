/*
 * Stopping for futility, power and expected size of a group sequential design
 * (docs/stats/group-sequential-design.md). One-sided designs, H1: drift > 0.
 *
 * Beta spending (Pampallona, Tsiatis & Kim 2001): the lower bound of look k lets out
 * beta(t_k) - beta(t_{k-1}) of the paths under the drift at which the design has power 1 - beta.
 * That drift is what makes the lower and the upper bound meet at the last look, where everything
 * is decided; it is found by root finding.
 *
 * Non-binding: the upper bounds spend alpha as if nobody stopped for futility, so going on in spite
 * of it keeps alpha. Binding: they count on it, are lower, and going on breaks alpha.
 */
#ifndef STATS_FUTILITY_H
#define STATS_FUTILITY_H

#include "stats/sequential/boundary.h"

struct futility {
    struct spending alpha_spending, beta_spending;
    double alpha, beta; /* > 0, alpha + beta < 1 */
    bool binding;
};

/*
 * Fills the bounds of `looks` (t set; t_n is the whole information) and *drift, the drift per unit
 * of t with power 1 - beta. At the last look lower = upper. -1 with err when there is no such
 * design.
 */
int boundary_with_futility(struct look *looks, size_t n, const struct futility *f, double *drift,
                           struct err *err) WARN_UNUSED;

/*
 * The same for upper bounds that are there already (any family, one-sided; their alpha is theirs):
 * only lower bounds are added. Never binding.
 */
int boundary_add_futility(struct look *looks, size_t n, const struct spending *beta_spending,
                          double beta, double *drift, struct err *err) WARN_UNUSED;

/* P(ever out above) at a drift per unit of t. */
double design_power(const struct look *looks, size_t n, double drift);

/* The drift, >= 0, at which design_power is `power`; -1 with err when power is not in
 * (power at drift 0, 1). */
int design_drift(const struct look *looks, size_t n, double power, double *drift,
                 struct err *err) WARN_UNUSED;

/* (z_{alpha} + z_{beta})^2, alpha one side's: drift^2 t of the test with a single look. The design
 * with several needs drift^2 t_n; their ratio is the inflation factor. */
double fixed_shift(double alpha_one_side, double beta);

#endif
