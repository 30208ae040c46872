/*
 * Brent's root finder, in the exact form that R's uniroot() and Kayenta share.
 *
 * On a continuous function every bracketing method ends within its tolerance of the same root. The
 * Mann-Whitney statistic is a step function of the shift: it has no root, only a place where the
 * sign changes, and within the tolerance around that place the result depends on every point that
 * was visited before. Whoever wants the same digits must take the same path: the same start, the
 * same choice between the secant, the inverse quadratic step and bisection, the same smallest step.
 * stats/numerics has root finders for everything else.
 *
 * Source: R. P. Brent, Algorithms for Minimization without Derivatives (1973), ch. 4, procedure
 * `zero`, started with c = a.
 */
#ifndef STATS_ZEROIN_H
#define STATS_ZEROIN_H

struct zeroin_point {
    double x, f;
};

/*
 * a and b should have values of opposite sign; when they do not, the search still ends, somewhere.
 * An end whose value is 0 is the answer (a before b). tolerance > 0 is absolute: half of it, and
 * two ulps of b, is the last half-width. After max_steps evaluations the best point so far is
 * returned.
 */
double zeroin(double (*f)(double x, void *ctx), void *ctx, struct zeroin_point a,
              struct zeroin_point b, double tolerance, int max_steps);

#endif
