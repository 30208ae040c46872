/* What the files of the mean test share. */
#ifndef STATS_MEAN_PRIV_H
#define STATS_MEAN_PRIV_H

#include "stats/anytime/mean_test.h"

/* The state of one null's contrast: z positive speaks for the alternative of that side. */
struct mean_reading {
    double z, n_eff; /* tempered */
    double shift_z;  /* pass: z expected of "no difference"; 0 where there is none */
    double phi;      /* V over the variance of independent values, >= 1 */
    double v;        /* variance of the contrast's sum as used */
    double scatter;  /* squares of the blocks about the line over that of independent values */
    bool is_usable;  /* there is spread, and a relative line has a baseline above 0 */
};
struct mean_reading mean_read(const struct mean_test *t, enum test_side side,
                              const struct contrast_line *line, bool tempered);

/* Parts of the variance of S for independent values. An arm is credited with no less variance than
 * its own, or than that of both arms' values together, or than the other arm's (at the null). */
enum mean_credit { MEAN_OF_OWN, MEAN_OF_BOTH, MEAN_OF_LARGER };
struct mean_variances {
    double candidate, baseline;
};
struct mean_variances mean_variances(const struct mean_test *t, const struct contrast_line *line,
                                     enum mean_credit by);

/* log e with `more` times as many blocks like these, whatever mean_test_doubt() says. */
struct mean_extent {
    double more;
    bool is_tempered;
};
double mean_log_e(const struct mean_test *t, enum test_side side, const struct mean_extent *extent);

#endif
