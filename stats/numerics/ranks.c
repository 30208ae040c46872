#include "stats/numerics/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int sample_ok(const double *x, size_t n, size_t least, struct err *err)
{
    if (n < least)
        return err_set(err, ERR_INPUT, "%zu values: want at least %zu", n, least);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return err_set(err, ERR_INPUT, "value %zu is %g: want a finite number", i + 1, x[i]);
    return 0;
}

double *sorted_copy(const double *x, size_t n)
{
    double *copy = mem_alloc_array(n ? n : 1, sizeof(*copy));
    if (n)
        memcpy(copy, x, n * sizeof(*copy));
    qsort(copy, n, sizeof(*copy), by_value);
    return copy;
}

/* The first place of `sorted` whose value is not below v (or, past: is above it). */
static size_t place(const double *sorted, size_t n, double v, int past)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < v || (past && sorted[middle] == v))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void mid_ranks(const double *x, size_t n, double *ranks)
{
    double *sorted = sorted_copy(x, n);
    for (size_t i = 0; i < n; i++)
        ranks[i] = ((double)place(sorted, n, x[i], 0) + (double)place(sorted, n, x[i], 1) + 1) / 2;
    free(sorted);
}
