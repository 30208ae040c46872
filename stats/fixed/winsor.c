#include "stats/fixed/winsor.h"

#include <math.h>

#include "lib/base/err.h"

/* Values cut at one end: floor(share n), as scipy's int(share * n). */
static size_t cut(size_t n, double share)
{
    size_t k = (size_t)(share * (double)n);
    BUG_ON(n < 1 || !(share >= 0 && share < 0.5));
    return 2 * k < n ? k : (n - 1) / 2;
}

static double mean_between(const double *sorted, size_t from, size_t to)
{
    double mean = 0, rest = 0, n = (double)(to - from);
    for (size_t i = from; i < to; i++)
        mean += sorted[i] / n;
    for (size_t i = from; i < to; i++)
        rest += sorted[i] - mean;
    return mean + rest / n;
}

struct winsor_moments winsor_moments(const double *sorted, size_t n, double share)
{
    size_t k = cut(n, share);
    double low = sorted[k], high = sorted[n - 1 - k], squares = 0, each = (double)k / (double)n;
    struct winsor_moments w;
    w.trimmed = mean_between(sorted, k, n - k);
    w.mean = w.trimmed + each * (low + high - 2 * w.trimmed);
    for (size_t i = 0; i < n; i++) {
        double off = fmin(fmax(sorted[i], low), high) - w.mean;
        squares += off * off;
    }
    w.variance = n > 1 ? squares / ((double)n - 1) : NAN;
    return w;
}

struct winsor_limits winsor_limits(const double *sorted, size_t n, double low_share,
                                   double high_share)
{
    return (struct winsor_limits){.low = low_share > 0 ? sorted[cut(n, low_share)] : -INFINITY,
                                  .high = high_share > 0 ? sorted[n - 1 - cut(n, high_share)]
                                                         : INFINITY};
}

double winsor_value(const struct winsor_limits *limits, double v)
{
    return v < limits->low ? limits->low : v > limits->high ? limits->high : v;
}
