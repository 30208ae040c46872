#include "stats/fixed/quantile_estimate.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/fixed/ratio_metric.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/student_t.h"

#define ORDER_LEVEL 0.05

double harrell_davis(const double *sorted, size_t n, double p)
{
    double a = ((double)n + 1) * p, b = ((double)n + 1) * (1 - p), sum = 0, weights = 0, before = 0;
    BUG_ON(n < 1 || !(p >= 0 && p <= 1));
    if (p == 0 || n == 1)
        return sorted[0];
    if (p == 1)
        return sorted[n - 1];
    for (size_t i = 1; i <= n; i++) {
        double share = (double)i / (double)n, rest = (double)(n - i) / (double)n;
        double below = exp(log_beta_inc(a, b, share, rest)), weight = below - before;
        if (below > 0.5) /* the difference of two numbers near 1: from the other end */
            weight = exp(log_beta_inc(b, a, (double)(n - i + 1) / (double)n,
                                      (double)(i - 1) / (double)n)) -
                     exp(log_beta_inc(b, a, rest, share));
        sum += weight * sorted[i - 1];
        weights += weight;
        before = below;
    }
    return sum / weights;
}

/* At rank `at` (1 is the smallest), linear between order statistics, clipped. */
static double at_rank(const double *sorted, size_t n, double at)
{
    double whole = floor(at), part = at - whole;
    size_t i;
    if (!(at > 1))
        return sorted[0];
    if (at >= (double)n)
        return sorted[n - 1];
    i = (size_t)whole - 1;
    return sorted[i] + part * (sorted[i + 1] - sorted[i]);
}

struct quantile_estimate quantile_estimate(const double *sorted, size_t n, double p)
{
    double z = normal_upper_quantile(ORDER_LEVEL / 2), size = (double)n;
    double spread = z * sqrt(p * (1 - p) / size);
    struct quantile_estimate q;
    BUG_ON(n < 1 || !(p > 0 && p < 1));
    q.quantile = at_rank(sorted, n, 1 + (size - 1) * p);
    q.low = at_rank(sorted, n, 1 + (size - 1) * (p - spread));
    q.high = at_rank(sorted, n, 1 + (size - 1) * (p + spread));
    q.se = (q.high - q.low) / (2 * z);
    q.reliable = size > z * z * fmax(p / (1 - p), (1 - p) / p);
    return q;
}

double quantile_cluster_factor(const double *below, const double *size, size_t k, double p)
{
    struct unit_moments m = {.n = (double)k, .lost = 1};
    double values;
    BUG_ON(k < 2 || !(p > 0 && p < 1));
    for (size_t i = 0; i < k; i++) {
        m.mean_x += below[i] / m.n;
        m.mean_y += size[i] / m.n;
    }
    for (size_t i = 0; i < k; i++) {
        double dx = below[i] - m.mean_x, dy = size[i] - m.mean_y;
        m.variance_x += dx * dx / (m.n - 1);
        m.variance_y += dy * dy / (m.n - 1);
        m.covariance += dx * dy / (m.n - 1);
    }
    values = m.mean_y * m.n;
    return ratio_metric_of(&m).variance / m.n / (p * (1 - p) / values);
}
