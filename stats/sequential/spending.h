/*
 * Spending functions: how much of an error level may be used up by information fraction t
 * (docs/stats/group-sequential.md).
 *
 * Spent by t, of a level a (one side's; a two-sided design spends half of its level on each side):
 *
 *   SPEND_OBRIEN_FLEMING  2 (1 - Phi(z_{a/2} / sqrt t))           Lan & DeMets 1983, a one-sided;
 *                                                                 rpact, gsDesign, ldbounds
 *   SPEND_OBRIEN_FLEMING_HALF  1 - Phi(z_a / sqrt t)              the same with the two-sided level
 *                                                                 2a in it, half of it a side
 *   SPEND_POCOCK          a log(1 + (e - 1) t)                    Lan & DeMets 1983
 *   SPEND_POWER           a t^rho, rho > 0                        Kim & DeMets 1987
 *   SPEND_HWANG           a (1 - e^(-g t)) / (1 - e^-g), any g    Hwang, Shih & DeCani 1990; g = 0
 *                                                                 is a t
 *   SPEND_TABLE           the caller's points, straight lines between them
 *
 * Each is 0 at t <= 0, a from t = 1 on, and never falls.
 */
#ifndef STATS_SPENDING_H
#define STATS_SPENDING_H

#include <stddef.h>

#include "lib/base/err.h"

enum spending_shape {
    SPEND_OBRIEN_FLEMING,
    SPEND_OBRIEN_FLEMING_HALF,
    SPEND_POCOCK,
    SPEND_POWER,
    SPEND_HWANG,
    SPEND_TABLE
};

struct spending {
    enum spending_shape shape;
    double parameter; /* rho or g */
    /* SPEND_TABLE: fraction[i] of the level is spent by t[i]; borrowed */
    const double *t, *fraction;
    size_t points;
};

/*
 * 0, or -1 with err: rho not > 0, g not finite (or beyond 500), a table that is empty, whose t does
 * not rise within (0, 1], or whose fractions fall or leave [0, 1].
 */
int spending_check(const struct spending *s, struct err *err) WARN_UNUSED;

/* Spent by t of `level` in (0, 1). Finite t (a bug otherwise). */
double spending_at(const struct spending *s, double level, double t);

#endif
