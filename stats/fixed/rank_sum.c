#include "stats/fixed/rank_sum.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"

struct rank_sum rank_sum(const double *x, size_t m, const double *y, size_t n, double shift)
{
    struct rank_sum r = {0, 0};
    size_t i = 0, j = 0;
    BUG_ON(m == 0 || n == 0);
    while (i < m || j < n) {
        double xi = i < m ? x[i] - shift : INFINITY, yj = j < n ? y[j] : INFINITY;
        double v = i < m && (j == n || xi <= yj) ? xi : yj, in_x = 0, in_y = 0, t;
        for (; i < m && x[i] - shift == v; i++)
            in_x++;
        for (; j < n && y[j] == v; j++)
            in_y++;
        t = in_x + in_y;
        r.w += in_x * ((double)j - in_y / 2); /* j counts the y up to v */
        r.ties += t * (t * t - 1);
    }
    return r;
}

double rank_sum_z(const struct rank_sum *r, double m, double n, double correction)
{
    double all = m + n;
    double var = m * n / 12 * ((all + 1) - r->ties / (all * (all - 1)));
    return (r->w - m * n / 2 - correction) / sqrt(fmax(var, 0));
}

/*
 * row[j] holds the law for i and j observations, i growing: for each j the entry of i - 1 is
 * overwritten from above, so that w - j is still the old one.
 */
void rank_sum_law_init(struct rank_sum_law *law, size_t m, size_t n)
{
    size_t cols = m < n ? m : n, rows = m < n ? n : m; /* the law is symmetric in m and n */
    double **row = mem_alloc_array(cols + 1, sizeof(*row));
    BUG_ON(m == 0 || n == 0 || m > RANK_SUM_PAIRS_MAX / n);
    for (size_t j = 0; j <= cols; j++) {
        row[j] = mem_alloc_array(rows * j + 1, sizeof(**row));
        row[j][0] = 1;
    }
    for (size_t i = 1; i <= rows; i++)
        for (size_t j = 1; j <= cols; j++) {
            double from_x = (double)i / (double)(i + j), from_y = (double)j / (double)(i + j);
            for (size_t w = i * j + 1; w-- > 0;) {
                double old = w >= j ? row[j][w - j] : 0;
                double left = w <= i * (j - 1) ? row[j - 1][w] : 0;
                row[j][w] = from_x * old + from_y * left;
            }
        }
    law->m = m;
    law->n = n;
    law->p = row[cols];
    for (size_t j = 0; j < cols; j++)
        free(row[j]);
    free(row);
}

void rank_sum_law_release(struct rank_sum_law *law)
{
    free(law->p);
    law->p = NULL;
}

double rank_sum_lower(const struct rank_sum_law *law, double w)
{
    double pairs = (double)(law->m * law->n), sum = 0;
    if (w < 0 || w >= pairs)
        return w < 0 ? 0 : 1;
    if (w > pairs / 2)
        return 1 - rank_sum_lower(law, pairs - floor(w) - 1);
    for (size_t i = 0; (double)i <= w; i++)
        sum += law->p[i];
    return fmin(sum, 1);
}

double rank_sum_upper(const struct rank_sum_law *law, double w)
{
    return rank_sum_lower(law, (double)(law->m * law->n) - ceil(w)); /* symmetric */
}

double rank_sum_quantile(const struct rank_sum_law *law, double p)
{
    size_t pairs = law->m * law->n;
    double sum = 0;
    BUG_ON(!(p > 0 && p < 1));
    if (p <= 0.5) {
        for (size_t w = 0; w < pairs; w++) {
            sum += law->p[w];
            if (sum >= p - 10 * DBL_EPSILON)
                return (double)w;
        }
        return (double)pairs;
    }
    for (size_t w = 0; w < pairs; w++) {
        sum += law->p[w];
        if (sum > 1 - p + 10 * DBL_EPSILON)
            return (double)(pairs - w);
    }
    return 0;
}
