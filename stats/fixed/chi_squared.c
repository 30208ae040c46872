#include "stats/fixed/chi_squared.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "stats/numerics/tails.h"

static int counts_ok(const double *counts, size_t n, double *total, struct err *err)
{
    *total = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(counts[i] >= 0 && counts[i] < INFINITY))
            return err_set(err, ERR_INPUT, "a count must be finite and >= 0");
        *total += counts[i];
    }
    if (!(*total > 0 && *total < INFINITY))
        return err_set(err, ERR_INPUT, "at least one count must be above 0");
    return 0;
}

int chi_squared_goodness(struct chi_squared *out, const double *counts, const double *shares,
                         size_t n, struct err *err)
{
    double total, sum = 0, statistic = 0;
    if (n < 2)
        return err_set(err, ERR_INPUT, "want two counts or more");
    if (counts_ok(counts, n, &total, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        double expected = total * shares[i];
        if (!(shares[i] >= 0))
            return err_set(err, ERR_INPUT, "a share must be >= 0");
        sum += shares[i];
        statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    if (!(fabs(sum - 1) <= sqrt(DBL_EPSILON)))
        return err_set(err, ERR_INPUT, "the shares must add to 1");
    out->statistic = statistic;
    out->df = (double)n - 1;
    out->p = chi_squared_tail(statistic, out->df);
    return 0;
}

static int equal_shares(struct chi_squared *out, const double *counts, size_t n, struct err *err)
{
    double *shares = mem_alloc_array(n + 1, sizeof(*shares));
    int rc;
    for (size_t i = 0; i < n; i++)
        shares[i] = 1 / (double)n;
    rc = chi_squared_goodness(out, counts, shares, n, err);
    free(shares);
    return rc;
}

int chi_squared_table(struct chi_squared *out, const double *counts, size_t rows, size_t cols,
                      bool correct, struct err *err)
{
    double total, statistic = 0, correction = 0, *margin;
    if (rows == 0 || cols == 0 || rows > SIZE_MAX / cols)
        return err_set(err, ERR_INPUT, "the table is empty");
    if (rows == 1 || cols == 1)
        return equal_shares(out, counts, rows * cols, err);
    if (counts_ok(counts, rows * cols, &total, err) != 0)
        return -1;
    margin = mem_alloc_array(rows + cols, sizeof(*margin)); /* rows, then columns */
    for (size_t i = 0; i < rows * cols; i++) {
        margin[i / cols] += counts[i];
        margin[rows + i % cols] += counts[i];
    }
    if (correct && rows == 2 && cols == 2) {
        correction = 0.5;
        for (size_t i = 0; i < 4; i++)
            correction =
                fmin(correction, fabs(counts[i] - margin[i / 2] * margin[2 + i % 2] / total));
    }
    for (size_t i = 0; i < rows * cols; i++) {
        double expected = margin[i / cols] * margin[rows + i % cols] / total;
        double off = fabs(counts[i] - expected) - correction;
        statistic += off * off / expected;
    }
    free(margin);
    out->statistic = statistic;
    out->df = (double)(rows - 1) * (double)(cols - 1);
    out->p = chi_squared_tail(statistic, out->df);
    return 0;
}
