/*
 * Anytime-valid tests of the mean of values in [0, 1], without any other assumption on their law
 * (docs/stats/bounded-means.md): predictable mixtures (empirical Bernstein, Hoeffding), betting,
 * and the hedged confidence sequence. Source: Waudby-Smith & Ramdas, "Estimating means of bounded
 * random variables by betting", JRSSB 2023.
 *
 * Values come one by one; each has conditional mean mu given the past (independence is not needed).
 * Values in [low, high] are scaled first; the range must be known beforehand, not read off the
 * data. Bets are chosen from what was seen before the value they are placed on, so order matters.
 *
 * A value outside [0, 1] (bounded_value_ok()) is a bug. alpha in (0, 1).
 */
#ifndef STATS_BOUNDED_MEAN_H
#define STATS_BOUNDED_MEAN_H

#include <stdbool.h>
#include <stddef.h>

static inline bool bounded_value_ok(double x)
{
    return x >= 0 && x <= 1; /* false for NAN */
}

/*
 * What bets are sized by: running mean and variance with one imagined observation of mean 1/2 and
 * variance 1/4. lambda_t = sqrt(2 log(1/level)/(t log(1 + t) variance_{t-1})).
 */
struct bet_history {
    double n, sum, squares;
};
void bet_history_take(struct bet_history *h, double x); /* of an all-zero struct */
double bet_history_lambda(const struct bet_history *h, double log_inverse_level);

/*
 * Predictable mixture: a lower limit, and e-values of H0 "mean <= m" for every m at once.
 *   MEAN_BERNSTEIN  empirical Bernstein (theorem 2): narrow where the variance is small; truncation
 *                   of lambda in (0, 1), 1/2 as in the paper
 *   MEAN_HOEFFDING  (theorem 1): truncation > 0, 1 as in the paper
 * log E(m) = sum lambda (x - m) - sum v psi(lambda), linear in m.
 */
enum mean_kind { MEAN_BERNSTEIN, MEAN_HOEFFDING };
struct mean_bound {
    enum mean_kind kind;
    double log_inverse_level, truncation;
    struct bet_history seen;
    double sum_lambda, sum_lambda_x, cost;
};
/* level: 1 minus the confidence of this one side; also what the bets are sized for. */
void mean_bound_init(struct mean_bound *b, enum mean_kind kind, double level, double truncation);
void mean_bound_take(struct mean_bound *b, double x);
double mean_bound_log_e(const struct mean_bound *b, double m); /* m in [0, 1]; finite */
/* The mean is >= this, at every time at once, except with probability `level`; in [0, 1], 0 before
 * any value. An upper limit is 1 - the lower limit of 1 - x; two sides take alpha/2 each. */
double mean_bound_lower(const struct mean_bound *b);

/* Both sides at alpha/2 each. */
struct mean_limits {
    double low, high;
};
struct mean_bounds {
    struct mean_bound lower, upper; /* upper is fed 1 - x */
};
void mean_bounds_init(struct mean_bounds *b, enum mean_kind kind, double alpha, double truncation);
void mean_bounds_take(struct mean_bounds *b, double x);
struct mean_limits mean_bounds_limits(const struct mean_bounds *b);

/*
 * Betting against one m: K+ = prod(1 + l+ (x - m)), K- = prod(1 - l- (x - m)), l+ = min(lambda,
 * c/m) with lambda at level alpha theta, l- = min(lambda, c/(1 - m)) at level alpha (1 - theta).
 * K+ is a martingale when the mean is m and falls when it is less: the e-process of H0 "mean <= m";
 * K- is that of "mean >= m".
 */
struct betting {
    double alpha;
    double theta; /* in [0, 1]: the share of the wealth bet on "more" */
    double c;     /* in (0, 1]: no bet may lose more than that part; 1/2 */
};
bool betting_ok(const struct betting *b);
struct capital {
    struct betting how;
    double m; /* in [0, 1] */
    struct bet_history seen;
    double log_up, log_down; /* log K+, log K-; 0 for a side that theta leaves out */
};
void capital_init(struct capital *k, const struct betting *how, double m);
void capital_take(struct capital *k, double x);
/* Two-sided, H0 "mean = m": log(theta K+ + (1 - theta) K-); K+ or K- alone at theta 1 or 0. Finite,
 * or -INFINITY after a bet of everything (c = 1) is lost. */
double capital_log_e(const struct capital *k);
/* log max(theta K+, (1 - theta) K-): the paper's hedged capital; at most the former. */
double capital_log_hedged(const struct capital *k);

/*
 * The hedged confidence sequence: every m whose hedged capital has never exceeded 1/alpha, on a
 * grid of `grid` steps and one step more on either side (K+ falls and K- rises with m, so what is
 * kept is an interval). Owns memory: 2 (grid + 1) doubles.
 */
#define HEDGED_GRID_MAX 100000
struct hedged {
    struct betting how;
    int grid;
    struct bet_history seen;
    double *log_up, *log_down;
    struct mean_limits limits; /* low > high: no mean fits, the assumption is violated */
};
/* theta in (0, 1), grid in [1, HEDGED_GRID_MAX]. */
void hedged_init(struct hedged *h, const struct betting *how, int grid);
void hedged_release(struct hedged *h);
void hedged_take(struct hedged *h, double x);

#endif
