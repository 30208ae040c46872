/*
 * The joint law of a statistic looked at several times (docs/stats/group-sequential.md).
 *
 * A statistic with independent increments is, at information t, a Brownian motion with drift:
 * B(t) ~ N(drift t, t), Z(t) = B(t) / sqrt(t). At look k the trial stops when Z is at or beyond a
 * bound; the recursion of Armitage, McPherson and Rowe (1969) carries the density of B among the
 * paths that went on:
 *
 *   f_1(b) = phi(b; drift t_1, t_1)
 *   f_k(b) = integral over (lower_{k-1}, upper_{k-1}) of f_{k-1}(u) phi(b - u; drift d_k, d_k) du
 *
 * with d_k = t_k - t_{k-1} (Jennison & Turnbull 2000, section 19.2). The integral is a sum over
 * Gauss-Legendre panels that are no wider than twice what they must resolve: the next increment,
 * and the edges that earlier bounds cut into the density. That keeps 12 digits where a fixed grid
 * of the same size keeps 6, also for looks that come close after one another.
 *
 * t is in any one unit (fraction of the planned information, or information itself); drift is the
 * effect per that unit. Bounds are on the Z scale, -INFINITY and INFINITY mean none. Absolute
 * error of a probability: below 1e-11; relative error in a far tail: below 1e-8 down to 1e-16.
 *
 * A look whose t is less than one part in a million (LOOK_REPEATED) above the last one is the same
 * look once more: it sees the same Z. What a bound there lets through is what lies between it and
 * the bounds that were in force.
 */
#ifndef STATS_RECURSION_H
#define STATS_RECURSION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define LOOKS_MAX     100
#define LOOK_REPEATED 1e-6

struct look {
    double t;            /* information so far, > 0 */
    double lower, upper; /* on the Z scale; the trial goes on while lower < Z < upper */
};

/* Probability of stopping first at this look, by side. */
struct look_exit {
    double lower, upper;
};

/* 0, or -1 with err: none or more than LOOKS_MAX, t not positive, finite and never falling, a
 * bound that is NAN. */
int looks_check(const struct look *looks, size_t n, struct err *err) WARN_UNUSED;

/* Exit probabilities of checked looks. A look with lower >= upper ends every path: what is below
 * `upper` then counts as lower. */
void exit_probabilities(const struct look *looks, size_t n, double drift, struct look_exit *out);

/* Sums over looks: P(ever out above), P(ever out below). */
struct look_exit exit_total(const struct look *looks, size_t n, double drift);

/* Expected t at the end of the trial: stopped at a look, or at the last one. */
double expected_information(const struct look *looks, size_t n, double drift);

/*
 * The same, one look after another, for bounds that are found on the way. Holds memory: init,
 * then any number of questions and stops, then release.
 */
struct density_nodes {
    double *at, *mass; /* on the scale of B; mass is density times quadrature weight */
    size_t n, room;
};
struct density_edge {
    double at, t;
};
struct continuation {
    double drift;
    size_t looks;
    double t, lower, upper; /* the last look and its bounds, on the scale of B */
    struct density_nodes before, now;
    double before_t;
    double now_resolves; /* the smallest increment `now` is fine enough for; 0: not built */
    size_t edges;
    struct density_edge edge[2 * LOOKS_MAX];
};
void continuation_init(struct continuation *c, double drift);
void continuation_release(struct continuation *c);

/* P(went on after every look so far, and Z(t) >= z); t not below the last look's (a bug). */
double continuation_above(struct continuation *c, double t, double z);
double continuation_below(struct continuation *c, double t, double z);
/* The bound z for which continuation_above is p: INFINITY for p <= 0, -INFINITY for a p that the
 * paths still going do not hold. */
double continuation_upper(struct continuation *c, double t, double p);
/* The z for which continuation_below is p: -INFINITY for p <= 0, INFINITY likewise. */
double continuation_lower(struct continuation *c, double t, double p);
/* A look: paths outside (lower, upper) end here. At most LOOKS_MAX (a bug). */
void continuation_stop(struct continuation *c, double t, double lower, double upper);

#endif
