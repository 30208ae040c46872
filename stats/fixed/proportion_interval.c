#include "stats/fixed/proportion_interval.h"

#include <float.h>
#include <math.h>

#include "stats/numerics/student_t.h"
#include "stats/numerics/tails.h"

#define TRIALS_MAX 1e12
#define SMALLEST   1e-6 /* of a count that is not 0: below, its limit is */

int proportion_ok(double x, double n, struct err *err)
{
    if (!(n >= 1 && n <= TRIALS_MAX) || !(x >= 0 && x <= n))
        return err_set(err, ERR_INPUT, "%g of %g: want 0 <= x <= n and n from 1 to %g", x, n,
                       TRIALS_MAX);
    return 0;
}

static double within_01(double v)
{
    return fmin(fmax(v, 0), 1);
}

void proportion_interval(enum proportion_method method, double x, double n, double alpha,
                         double *low, double *high)
{
    double p = x / n, z, centre = p, half, tail = fmax(alpha / 2, DBL_TRUE_MIN);
    BUG_ON(proportion_ok(x, n, NULL) != 0 || !(alpha > 0 && alpha < 1));
    z = normal_upper_quantile(alpha / 2);
    switch (method) {
    case PROPORTION_BETA:
        *low = x > SMALLEST ? beta_lower_point(tail, x, n - x + 1).x : 0;
        *high = n - x > SMALLEST ? beta_upper_point(tail, x + 1, n - x).x : 1;
        return;
    case PROPORTION_JEFFREYS:
        *low = beta_lower_point(tail, x + 0.5, n - x + 0.5).x;
        *high = beta_upper_point(tail, x + 0.5, n - x + 0.5).x;
        return;
    case PROPORTION_WILSON: {
        double scale = 1 + z * z / n;
        centre = (p + z * z / (2 * n)) / scale;
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale;
        /* At the ends the exact limit is the end. */
        *low = x > 0 ? centre - half : 0;
        *high = x < n ? centre + half : 1;
        return;
    }
    case PROPORTION_AGRESTI_COULL: {
        double more = n + z * z;
        centre = (x + z * z / 2) / more;
        half = z * sqrt(centre * (1 - centre) / more);
        break;
    }
    default:
        BUG_ON(method != PROPORTION_NORMAL);
        half = z * sqrt(p * (1 - p) / n);
        break;
    }
    *low = within_01(centre - half);
    *high = within_01(centre + half);
}
