#include "stats/multiple/adjust.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHTS_SLACK 1e-9

int p_values_ok(const double *p, size_t n, struct err *err)
{
    if (n > ADJUST_MAX)
        return err_set(err, ERR_LIMIT, "%zu p-values: want at most %d", n, ADJUST_MAX);
    for (size_t i = 0; i < n; i++)
        if (!isnan(p[i]) && !(p[i] >= 0 && p[i] <= 1))
            return err_set(err, ERR_INPUT, "p-value %zu is %g: want a number from 0 to 1", i + 1,
                           p[i]);
    return 0;
}

int weights_ok(const double *weight, size_t n, struct err *err)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] >= 0 && weight[i] <= 1 + WEIGHTS_SLACK))
            return err_set(err, ERR_INPUT, "weight %zu is %g: want a number from 0 to 1", i + 1,
                           weight[i]);
        sum += weight[i];
    }
    if (sum > 1 + WEIGHTS_SLACK)
        return err_set(err, ERR_INPUT, "the weights add to %g: want at most 1", sum);
    return 0;
}

/* Step-down: a hypothesis is rejected only with all smaller p. `factor` by rank from 0. */
static void running_max(double *sorted, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double v = sorted[i] * (double)(n - i);
        most = v > most ? v : most;
        sorted[i] = most;
    }
}

/* Step-up: a hypothesis is rejected with any larger one that is. */
static void running_min(double *sorted, size_t n, bool by_rank, double factor)
{
    double least = INFINITY;
    for (size_t i = n; i-- > 0;) {
        double v = by_rank ? factor * (double)n / ((double)i + 1) * sorted[i]
                           : (double)(n - i) * sorted[i];
        least = v < least ? v : least;
        sorted[i] = least;
    }
}

/*
 * Hommel's closed Simes test in n^2 steps (Wright, Biometrics 1992): for each size m of an
 * intersection, the p that Simes' test gives it, q, raises the adjusted p of those it contains.
 */
static void hommel(double *sorted, size_t n)
{
    double *q = mem_alloc_array(n, sizeof(*q)), *best = mem_alloc_array(n, sizeof(*best));
    double simes = INFINITY;
    for (size_t i = 0; i < n; i++)
        simes = fmin(simes, (double)n * sorted[i] / ((double)i + 1));
    for (size_t i = 0; i < n; i++)
        q[i] = best[i] = simes;
    for (size_t m = n - 1; m >= 2; m--) {
        size_t low = n - m + 1; /* the smallest of them: m - 1 others are larger */
        double least = INFINITY;
        for (size_t i = 0; i < m - 1; i++)
            least = fmin(least, (double)m * sorted[low + i] / ((double)i + 2));
        for (size_t i = 0; i < low; i++)
            q[i] = fmin((double)m * sorted[i], least);
        for (size_t i = low; i < n; i++)
            q[i] = q[low - 1];
        for (size_t i = 0; i < n; i++)
            best[i] = fmax(best[i], q[i]);
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = fmax(best[i], sorted[i]);
    free(q);
    free(best);
}

static void adjust_sorted(enum adjust_method method, double *sorted, size_t n)
{
    double harmonic = 0;
    switch (method) {
    case ADJUST_HOLM:
        running_max(sorted, n);
        return;
    case ADJUST_HOCHBERG:
        running_min(sorted, n, false, 1);
        return;
    case ADJUST_HOMMEL:
        hommel(sorted, n);
        return;
    case ADJUST_BH:
        running_min(sorted, n, true, 1);
        return;
    case ADJUST_BY:
        for (size_t i = 1; i <= n; i++)
            harmonic += 1 / (double)i;
        running_min(sorted, n, true, harmonic);
        return;
    case ADJUST_BONFERRONI:
        for (size_t i = 0; i < n; i++)
            sorted[i] *= (double)n;
        return;
    default:
        BUG_ON(method != ADJUST_NONE);
    }
}

void adjust_p_values(enum adjust_method method, const double *p, size_t n, double *adjusted)
{
    size_t *from = mem_alloc_array(n + 1, sizeof(*from)), count = 0;
    size_t *order = mem_alloc_array(n + 1, sizeof(*order));
    double *known = mem_alloc_array(n + 1, sizeof(*known));
    double *sorted = mem_alloc_array(n + 1, sizeof(*sorted));
    BUG_ON(p_values_ok(p, n, NULL) != 0);
    for (size_t i = 0; i < n; i++)
        if (!isnan(p[i])) {
            from[count] = i;
            known[count++] = p[i];
        }
    gsl_sort_index(order, known, 1, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = known[order[i]];
    if (count > 1) /* alone, a p needs no correction */
        adjust_sorted(method, sorted, count);
    for (size_t i = 0; i < n; i++)
        adjusted[i] = NAN;
    for (size_t i = 0; i < count; i++)
        adjusted[from[order[i]]] = fmin(sorted[i], 1);
    free(from);
    free(order);
    free(known);
    free(sorted);
}

void adjust_weighted_bonferroni(const double *p, const double *weight, size_t n, double *adjusted)
{
    BUG_ON(p_values_ok(p, n, NULL) != 0 || weights_ok(weight, n, NULL) != 0);
    for (size_t i = 0; i < n; i++)
        adjusted[i] = weight[i] > 0 ? fmin(p[i] / weight[i], 1) : 1;
}

void adjust_weighted_holm(const double *p, const double *weight, size_t n, double *adjusted)
{
    double *ratio = mem_alloc_array(n + 1, sizeof(*ratio)), open = 0, most = 0;
    size_t *order = mem_alloc_array(n + 1, sizeof(*order));
    BUG_ON(p_values_ok(p, n, NULL) != 0 || weights_ok(weight, n, NULL) != 0);
    for (size_t i = 0; i < n; i++) {
        ratio[i] = weight[i] > 0 && !isnan(p[i]) ? p[i] / weight[i] : INFINITY;
        open += isnan(p[i]) ? 0 : weight[i];
    }
    gsl_sort_index(order, ratio, 1, n);
    for (size_t k = 0; k < n; k++) {
        size_t i = order[k];
        if (isinf(ratio[i])) {
            adjusted[i] = 1;
            continue;
        }
        most = fmax(most, fmin(ratio[i] * fmax(open, weight[i]), 1));
        adjusted[i] = most;
        open -= weight[i];
    }
    free(ratio);
    free(order);
}

void fallback_procedure(const double *p, const double *weight, size_t n, double alpha,
                        bool *rejected)
{
    double handed = 0;
    BUG_ON(p_values_ok(p, n, NULL) != 0 || weights_ok(weight, n, NULL) != 0);
    BUG_ON(!(alpha > 0 && alpha < 1));
    for (size_t i = 0; i < n; i++) {
        double level = handed + alpha * weight[i];
        rejected[i] = level > 0 && p[i] <= level;
        handed = rejected[i] ? level : 0;
    }
}
