#include "stats/kayenta/shift_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

/* -1, 0, 1 in the order of Double.compare; NaN does not reach here, see ranked(). */
static inline int order(double x, double y)
{
    if (x < y)
        return -1;
    if (x > y)
        return 1;
    return x == 0 ? !signbit(x) - !signbit(y) : 0;
}

static int by_order(const void *a, const void *b)
{
    return order(*(const double *)a, *(const double *)b);
}

static inline double ranked(double x)
{
    return isnan(x) ? (double)INFINITY : x;
}

static double *sorted(const double *v, size_t n)
{
    double *copy = mem_alloc_array(n, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = ranked(v[i]);
    qsort(copy, n, sizeof(*copy), by_order);
    return copy;
}

void shift_test_init(struct shift_test *t, const double *e, size_t m, const double *c, size_t n)
{
    BUG_ON(m == 0 || n == 0);
    *t = (struct shift_test){.e = sorted(e, m), .c = sorted(c, n), .m = m, .n = n};
}

void shift_test_release(struct shift_test *t)
{
    free(t->e);
    free(t->c);
    memset(t, 0, sizeof(*t));
}

/*
 * Merges E - d and C, both sorted (rounding is monotone, so a difference keeps the order), one
 * group of equal values at a time. A group of a values of E among t in all, after `before` smaller
 * ones, has rank before + (t + 1)/2. Twice the rank sum is a whole number, hence exact.
 */
static double rank_sum(const struct shift_test *t, double d, double *ties)
{
    const double *e = t->e, *c = t->c;
    size_t i = 0, j = 0;
    double twice = 0, cubes = 0;
    while (i < t->m || j < t->n) {
        const size_t before = i + j, i0 = i;
        const double x = i < t->m ? ranked(e[i] - d) : 0;
        const int side = i == t->m ? 1 : j == t->n ? -1 : order(x, c[j]);
        const double value = side <= 0 ? x : c[j];
        if (side <= 0)
            for (i++; i < t->m && order(ranked(e[i] - d), value) == 0;)
                i++;
        if (side >= 0)
            for (j++; j < t->n && order(c[j], value) == 0;)
                j++;
        const size_t size = i + j - before;
        twice += (double)(i - i0) * (double)(2 * before + size + 1);
        if (size > 1)
            cubes += (double)size * (double)size * (double)size - (double)size;
    }
    *ties = cubes;
    return twice / 2;
}

bool shift_test_statistic(const struct shift_test *t, double d, double *w)
{
    const double m = (double)t->m, n = (double)t->n;
    double ties;
    const double distance = rank_sum(t, d, &ties) - m * (m + 1) / 2 - m * n / 2;
    const double correction = 0.5 * ((distance > 0) - (distance < 0));
    const double sigma = sqrt(m * n / 12 * ((m + n + 1) - ties / ((m + n) * (m + n - 1))));
    if (!(sigma > 0))
        return false;
    *w = (distance - correction) / sigma;
    return true;
}

double shift_test_rank_sum(const struct shift_test *t)
{
    double ties;
    return rank_sum(t, 0, &ties);
}

bool shift_test_e_is_constant(const struct shift_test *t)
{
    return t->e[0] == t->e[t->m - 1];
}

bool shift_test_c_is_constant(const struct shift_test *t)
{
    return t->c[0] == t->c[t->n - 1];
}

bool shift_test_identical(const struct shift_test *t)
{
    if (t->m != t->n)
        return false;
    for (size_t i = 0; i < t->m; i++)
        if (t->e[i] != t->c[i])
            return false;
    return true;
}
