/*
 * Stitched boundaries: closed-form anytime bounds that grow like sqrt(V log log V), the rate of the
 * law of the iterated logarithm (docs/stats/stitching.md). Wider than a tuned mixture near the time
 * it is tuned for, narrower far from it.
 */
#ifndef STATS_STITCHING_H
#define STATS_STITCHING_H

#include <stdbool.h>

/*
 * Polynomial stitching (Howard, Ramdas, McAuliffe & Sekhon, Ann. Stat. 2021, theorem 1): S is
 * sub-gamma with scale c and variance process V (c = 0: sub-Gaussian; c = range/3: values with a
 * bounded range, Bernstein's condition; c < 0 where the tail is lighter).
 *
 *   v_min  in [1e-100, 1e100]; the bound holds for V below it with V = v_min
 *   c      at most 1e100 in size
 *   s      in (1, 100]: how fast the error is spent over epochs; 1.4 is good
 *   eta    in (1, 1e6]: the ratio of epochs; 2 is good
 */
struct stitching {
    double v_min, c, s, eta;
};
bool stitching_ok(const struct stitching *b);
/*
 * u(v): P(some S_t >= u(V_t)) <= alpha, one-sided; with alpha/2 for both sides. v up to 1e100
 * (below v_min it counts as v_min), alpha in (0, 1). Positive and finite.
 */
double stitching_bound(const struct stitching *b, double v, double alpha);
/*
 * The bound read backwards: log of the smallest alpha whose bound s >= u(v) holds; 0 where that is
 * 1, -INFINITY where s is beyond every bound (c < 0). An anytime p-value of one-sided H0 "the mean
 * is at most what S was centred at"; log_e_of_log_p() makes an e-value of it. s finite, v as above.
 */
double stitching_log_p(const struct stitching *b, double s, double v);

/*
 * Double stitching over time and over p (Howard & Ramdas, "Sequential estimation of quantiles",
 * Bernoulli 2022, theorem 3): a confidence sequence for ALL quantiles at once, narrower in the
 * tails than the band of quantile_band.h. On the scale of t times the quantile level: divide by t.
 *
 *   t_opt  >= 1: sample size from which the bound shrinks; delta > 0: the mesh in logit p (1/2)
 *   P(some t, some p: #{X <= Q(p)} - t p >= bound(p, t)) <= alpha and the same for the lower side
 *   with 1 - p in place of p: together alpha (the factor 2 is in it).
 */
struct double_stitching {
    double t_opt, delta, s, eta;
};
bool double_stitching_ok(const struct double_stitching *b);
/* p in (0, 1), t in [0, 1e100] (below t_opt it counts as t_opt), alpha in (0, 1). */
double double_stitching_bound(const struct double_stitching *b, double p, double t, double alpha);

#endif
