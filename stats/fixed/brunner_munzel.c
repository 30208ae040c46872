/*
 * With R the mid-ranks in both samples together and r those within the own sample, the placements
 * R - r count the values of the other sample below (ties half). Their variances S estimate the
 * variance of the effect without a common distribution:
 *
 *   W = nx ny (mean R_y - mean R_x) / ((nx + ny) sqrt(nx S_x + ny S_y))
 *   df = (nx S_x + ny S_y)^2 / ((nx S_x)^2/(nx - 1) + (ny S_y)^2/(ny - 1))
 */
#include "stats/fixed/brunner_munzel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "stats/numerics/ranks.h"
#include "stats/numerics/student_t.h"

struct placements {
    double mean;     /* of R - r */
    double variance; /* n - 1 */
};

/* `together` is the ranks of this sample among both. */
static struct placements placements_of(const double *own, const double *together, size_t n)
{
    double *rank = mem_alloc_array(n, sizeof(*rank)), sum = 0, squares = 0, mean;
    mid_ranks(own, n, rank);
    for (size_t i = 0; i < n; i++)
        sum += together[i] - rank[i];
    mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double off = together[i] - rank[i] - mean;
        squares += off * off;
    }
    free(rank);
    return (struct placements){mean, squares / ((double)n - 1)};
}

static double p_of(double w, double df, enum rank_alternative alternative)
{
    if (isnan(w) || !(df > 0))
        return NAN;
    return alternative == RANK_TWO_SIDED ? student_t_two_sided(w, df)
           : alternative == RANK_GREATER ? student_t_upper(-w, df)
                                         : student_t_upper(w, df);
}

struct brunner_munzel brunner_munzel(const double *x, size_t nx, const double *y, size_t ny,
                                     enum rank_alternative alternative)
{
    double *both = mem_alloc_array(nx + ny, sizeof(*both)), *ranks;
    double mx = (double)nx, my = (double)ny, gap, wx, wy;
    struct placements px, py;
    struct brunner_munzel b;
    BUG_ON(nx < 2 || ny < 2);
    ranks = mem_alloc_array(nx + ny, sizeof(*ranks));
    memcpy(both, x, nx * sizeof(*both));
    memcpy(both + nx, y, ny * sizeof(*both));
    mid_ranks(both, nx + ny, ranks);
    px = placements_of(x, ranks, nx);
    py = placements_of(y, ranks + nx, ny);
    free(both);
    free(ranks);
    /* mean R = mean placement + (n + 1)/2 */
    gap = py.mean + my / 2 - px.mean - mx / 2;
    wx = mx * px.variance;
    wy = my * py.variance;
    b.effect = gap / (mx + my) + 0.5;
    b.statistic = mx * my * gap / ((mx + my) * sqrt(wx + wy));
    b.df = (wx + wy) * (wx + wy) / (wx * wx / (mx - 1) + wy * wy / (my - 1));
    b.p_value = p_of(b.statistic, b.df, alternative);
    return b;
}
