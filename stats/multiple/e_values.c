#include "stats/multiple/e_values.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

#include "stats/multiple/adjust.h"

int e_values_ok(const double *e, size_t n, struct err *err)
{
    if (n > E_VALUES_MAX)
        return err_set(err, ERR_LIMIT, "%zu e-values: want at most %d", n, E_VALUES_MAX);
    for (size_t i = 0; i < n; i++)
        if (!(e[i] >= 0))
            return err_set(err, ERR_INPUT, "e-value %zu is %g: want a number >= 0", i + 1, e[i]);
    return 0;
}

/* Places of e, the largest first; to be freed. */
static size_t *from_above(const double *e, size_t n)
{
    size_t *order = mem_alloc_array(n + 1, sizeof(*order));
    double *negative = mem_alloc_array(n + 1, sizeof(*negative));
    for (size_t i = 0; i < n; i++)
        negative[i] = -e[i];
    gsl_sort_index(order, negative, 1, n);
    free(negative);
    return order;
}

size_t e_bh(const double *e, size_t n, double alpha, bool *rejected)
{
    size_t *order = from_above(e, n), k = 0;
    BUG_ON(e_values_ok(e, n, NULL) != 0 || !(alpha > 0 && alpha < 1));
    for (size_t i = 0; i < n; i++) {
        rejected[i] = false;
        if (e[order[i]] >= (double)n / ((double)(i + 1) * alpha))
            k = i + 1;
    }
    for (size_t i = 0; i < k; i++)
        rejected[order[i]] = true;
    free(order);
    return k;
}

double e_mean(const double *e, const double *weight, size_t n)
{
    double mean = 0;
    BUG_ON(e_values_ok(e, n, NULL) != 0 || n < 1);
    BUG_ON(weight && weights_ok(weight, n, NULL) != 0);
    for (size_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1 / (double)n;
        mean += w > 0 ? w * e[i] : 0;
    }
    return mean;
}

/*
 * The least mean of a set with i is that of i with the j smallest others, for some j. Below i's own
 * place all smaller ones are such; adding a larger value than i's never helps.
 */
void e_closed_means(const double *e, size_t n, double *adjusted)
{
    size_t *order = from_above(e, n);
    double sum = 0, least = INFINITY;
    BUG_ON(e_values_ok(e, n, NULL) != 0);
    /*
     * In ascending order a value is at or above all before it, so the mean of it and the j smallest
     * falls while the next one is below that mean, then rises: the best j is found by going on from
     * the one for the value before, which is never larger.
     */
    size_t j = 0;
    for (size_t place = 0; place < n; place++) {
        size_t i = order[n - 1 - place];
        while (j < place && e[order[n - 1 - j]] * (double)(j + 1) < sum + e[i]) {
            sum += e[order[n - 1 - j]];
            j++;
        }
        least = (sum + e[i]) / ((double)j + 1);
        adjusted[i] = isinf(e[i]) ? INFINITY : least;
    }
    free(order);
}

double e_to_p(double e)
{
    BUG_ON(!(e >= 0));
    return e > 1 ? 1 / e : 1;
}
