/*
 * Power and size of a fixed-horizon comparison of two group means, in units of their common
 * standard deviation (docs/stats/experiments-frequentist.md).
 *
 * effect  (mean 2 - mean 1)/sd (Cohen's d), finite
 * n1      size of group 1, > 0; group 2 has ratio n1
 *
 *   z   normal test, known sd:      power = P(Z > z_a - d sqrt(N)) [+ the other tail]
 *   t   pooled t test, df n1 + n2 - 2: the same with the noncentral t
 *
 * with N = n1 n2/(n1 + n2) and z_a the critical value. Numbers of statsmodels' NormalIndPower and
 * TTestIndPower. A sequential test
 * needs more units than this at the effect it was planned for.
 */
#ifndef STATS_GROUP_POWER_H
#define STATS_GROUP_POWER_H

#include "lib/base/err.h"

enum power_side { POWER_TWO_SIDED, POWER_LARGER, POWER_SMALLER };

struct power_design {
    double alpha; /* in (0, 1) */
    double ratio; /* n2/n1, > 0 */
    enum power_side side;
};

int power_design_ok(const struct power_design *design, struct err *err) WARN_UNUSED;

double z_test_power(const struct power_design *design, double effect, double n1);
/* NAN when n1 + n2 <= 2. */
double t_test_power(const struct power_design *design, double effect, double n1);

/*
 * n1 for the power in (0, 1), as a real number (round up); NAN when no size up to 1e15 has it (an
 * effect of 0 or on the other side, a power below alpha).
 */
double z_test_size(const struct power_design *design, double effect, double power);
double t_test_size(const struct power_design *design, double effect, double power);

/* The effect, away from 0 on the design's side (two-sided: above 0), that n1 finds with the power;
 * NAN when power <= alpha. */
double z_test_effect(const struct power_design *design, double n1, double power);
double t_test_effect(const struct power_design *design, double n1, double power);

#endif
