#include "stats/kayenta/samples.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"

size_t samples_without_nan(const double *v, size_t n, double *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            out[kept++] = v[i];
    return kept;
}

void samples_replace_nan(const double *v, size_t n, double value, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = isnan(v[i]) ? value : v[i];
}

double samples_mean(const double *v, size_t n)
{
    const double count = (double)n;
    double sum = 0, residual = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    const double mean = sum / count;
    for (size_t i = 0; i < n; i++)
        residual += v[i] - mean;
    return mean + residual / count;
}

double samples_variance(const double *v, size_t n, bool of_population)
{
    const double count = (double)n, mean = samples_mean(v, n);
    double squares = 0, residual = 0;
    if (n == 0)
        return NAN;
    if (n == 1)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const double dev = v[i] - mean;
        squares += dev * dev;
        residual += dev;
    }
    return (squares - residual * residual / count) / (of_population ? count : count - 1);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sorted: n >= 1 values without NaN. */
static double percentile_of_sorted(const double *sorted, size_t n, double p)
{
    const double at = 1 + (double)(n - 1) * (p / 100), whole = floor(at);
    BUG_ON(!(p > 0 && p <= 100));
    if (at >= (double)n)
        return sorted[n - 1];
    const double *lower = &sorted[(size_t)whole - 1];
    return lower[0] + (at - whole) * (lower[1] - lower[0]);
}

/* A sorted copy without NaN, the caller's to free. */
static double *sorted_copy(const double *v, size_t n, size_t *kept)
{
    double *copy = mem_alloc_array(n ? n : 1, sizeof(*copy));
    *kept = samples_without_nan(v, n, copy);
    qsort(copy, *kept, sizeof(*copy), by_value);
    return copy;
}

double samples_percentile(const double *v, size_t n, double p)
{
    size_t kept;
    double *sorted = sorted_copy(v, n, &kept);
    const double result = kept ? percentile_of_sorted(sorted, kept, p) : NAN;
    free(sorted);
    return result;
}

struct sample_summary samples_summary(const double *v, size_t n)
{
    if (n == 0)
        return (struct sample_summary){0};
    struct sample_summary s = {.min = v[0],
                               .max = v[0],
                               .mean = samples_mean(v, n),
                               .sd = sqrt(samples_variance(v, n, false)),
                               .count = n};
    for (size_t i = 1; i < n; i++) {
        s.min = v[i] < s.min ? v[i] : s.min;
        s.max = v[i] > s.max ? v[i] : s.max;
    }
    return s;
}

void outliers_iqr(const double *v, size_t n, double factor, bool lenient, bool *out)
{
    double low = NAN, high = NAN;
    size_t kept;
    double *sorted = sorted_copy(v, n, &kept);
    BUG_ON(!(factor > 0));
    if (kept) {
        const double q1 = percentile_of_sorted(sorted, kept, 25);
        const double q3 = percentile_of_sorted(sorted, kept, 75);
        low = q1 - factor * (q3 - q1);
        high = q3 + factor * (q3 - q1);
    }
    if (kept && lenient) {
        /* Written so that NaN stays NaN, as in Java's min and max. */
        const double p1 = percentile_of_sorted(sorted, kept, 1);
        const double p99 = percentile_of_sorted(sorted, kept, 99);
        low = p1 < low || isnan(p1) ? p1 : low;
        high = p99 > high || isnan(p99) ? p99 : high;
    }
    free(sorted);
    for (size_t i = 0; i < n; i++)
        out[i] = v[i] > high || v[i] < low;
}

void outliers_sigma(const double *v, size_t n, double k, bool *out)
{
    const double mean = samples_mean(v, n), reach = sqrt(samples_variance(v, n, true)) * k;
    BUG_ON(!(k > 0));
    for (size_t i = 0; i < n; i++)
        out[i] = fabs(v[i] - mean) > reach;
}

size_t samples_unmarked(const double *v, size_t n, const bool *marked, double *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!marked[i])
            out[kept++] = v[i];
    return kept;
}
