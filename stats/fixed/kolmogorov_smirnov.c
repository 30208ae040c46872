/*
 * Exact p. An order of the m + n values is a path from (0, 0) to (m, n) by unit steps; all are
 * equally likely under H0. After a group of equal values F - G is i/m - j/n at the point (i, j)
 * reached; between the values of a group it is not looked at (Schroer & Trenkler). With h(i, j) the
 * share of paths to (i, j) that have met a point looked at with m n (F - G) >= c, c = m n D,
 *
 *   h(i, j) = 1 at such a point, else i/(i+j) h(i-1, j) + j/(i+j) h(i, j-1),     p = h(m, n).
 *
 * All terms are positive: the p of a large D keeps its digits, and nothing overflows. c is a whole
 * number, and so are the comparisons.
 */
#include "stats/fixed/kolmogorov_smirnov.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define KS_AUTO_PAIRS 10000

/* Merging the samples: the index of the next group of equal values ends. */
struct merge {
    const double *x, *y;
    size_t m, n, i, j; /* i of x and j of y are behind */
};

static bool next_group(struct merge *g)
{
    double v;
    if (g->i == g->m && g->j == g->n)
        return false;
    v = g->j == g->n || (g->i < g->m && g->x[g->i] <= g->y[g->j]) ? g->x[g->i] : g->y[g->j];
    while (g->i < g->m && g->x[g->i] == v)
        g->i++;
    while (g->j < g->n && g->y[g->j] == v)
        g->j++;
    return true;
}

/* m n (F - G) as the alternative reads it. */
static double distance(double i, double j, double m, double n, enum alternative alternative)
{
    double v = i * n - j * m;
    return alternative == TWO_SIDED ? fabs(v) : alternative == LESS ? -v : v;
}

/* c, the largest distance; seen[k] is set when k values end a group. */
static double largest_distance(struct merge g, enum alternative alternative, unsigned char *seen)
{
    double most = 0;
    while (next_group(&g)) {
        double v = distance((double)g.i, (double)g.j, (double)g.m, (double)g.n, alternative);
        most = v > most ? v : most;
        if (seen)
            seen[g.i + g.j] = 1;
    }
    return most;
}

static double share_of_paths(size_t m, size_t n, double c, enum alternative alternative,
                             const unsigned char *seen)
{
    double *h = mem_alloc_array(n + 1, sizeof(*h)), p;
    for (size_t i = 0; i <= m; i++)
        for (size_t j = i == 0; j <= n; j++) {
            double di = (double)i, dj = (double)j;
            if (seen[i + j] && distance(di, dj, (double)m, (double)n, alternative) >= c)
                h[j] = 1;
            else
                h[j] = (di * (i ? h[j] : 0) + dj * (j ? h[j - 1] : 0)) / (di + dj);
        }
    p = h[n];
    free(h);
    return p;
}

static double kolmogorov_dual(double lambda, int terms)
{
    double z = -M_PI * M_PI / (8 * lambda * lambda), sum = 0;
    for (int k = 1; k < 2 * terms; k += 2)
        sum += exp(k * k * z);
    return 1 - sqrt(2 * M_PI) / lambda * sum;
}

double kolmogorov_tail(double lambda)
{
    double sum = 0;
    BUG_ON(!(lambda >= 0));
    if (lambda < 0.03)
        return 1; /* to 1e-580 */
    if (lambda < 1)
        return kolmogorov_dual(lambda, 20);
    for (int k = 1; k < 30; k++)
        sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * lambda * lambda);
    return sum;
}

static double limit_p(double d, double m, double n, const struct ks_question *question)
{
    double lambda = sqrt(m * n / (m + n)) * d;
    if (question->alternative != TWO_SIDED)
        return exp(-2 * lambda * lambda);
    if (d < DBL_EPSILON)
        return 1;
    if (question->as_r && lambda < 1)
        return kolmogorov_dual(lambda, 1);
    return kolmogorov_tail(lambda);
}

static int sample_ok(const double *v, size_t n, struct err *err)
{
    if (n == 0)
        return err_set(err, ERR_INPUT, "a sample is empty");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]) || (i > 0 && v[i] < v[i - 1]))
            return err_set(err, ERR_INPUT, "samples must be finite and in ascending order");
    return 0;
}

int ks_test(struct ks_test *out, const double *x, size_t m, const double *y, size_t n,
            const struct ks_question *question, struct err *err)
{
    double pairs = (double)m * (double)n, c;
    bool exact = question->mode == KS_EXACT || (question->mode == KS_AUTO && pairs < KS_AUTO_PAIRS);
    enum alternative law = question->alternative;
    unsigned char *seen;
    if (sample_ok(x, m, err) != 0 || sample_ok(y, n, err) != 0)
        return -1;
    if (exact && pairs > KS_EXACT_PAIRS_MAX)
        return err_set(err, ERR_INPUT, "the exact law is for at most %.0f pairs",
                       KS_EXACT_PAIRS_MAX);
    seen = exact ? mem_alloc(m + n + 1) : NULL;
    c = largest_distance((struct merge){x, y, m, n, 0, 0}, question->alternative, seen);
    if (question->as_r && law == LESS)
        law = GREATER;
    *out = (struct ks_test){.d = c / pairs, .exact = exact};
    out->p = exact ? share_of_paths(m, n, c, law, seen)
                   : limit_p(out->d, (double)m, (double)n, question);
    free(seen);
    return 0;
}
