/*
 * Dispersion. With T0 near Q0(p) and T1 = factor T0 fixed, a block's residual about the null
 *
 *   fail   V = k1 - n1 k0/n0                               k1 = #{X1 >= T1}, k0 = #{X0 >= T0}
 *   pass   V = s k1 + (1-s) n1 far/n0 - n1 k0/n0         far = #{X0 >= T1}
 *
 * has mean 0 on the null's boundary and a variance that follows from the baseline's fractions in
 * that block; slow minutes that hit both arms cancel. phi = sum V^2 / sum var, at least 1, and
 * every count is divided by it: the same form as for rates (residuals about the null; fail:
 * variance at the fitted fraction where that is larger). Blocks before T0 is chosen enter as one.
 * The fractions are the block's own: when all latencies double, half of the blocks have nearly
 * nothing above T0 and half of them nearly all, and the variance at the mean of those is many times
 * what any had.
 *
 * A candidate five times slower has nearly all its values above T0: V^2 then grows with the square
 * of n1 while the evidence saturates, and phi would eat a rollback. So `fail` watches a ladder of
 * edges and takes the least phi among those that the candidate's own p-quantile has reached
 * (without harm: T0 alone), and at most half a nat from a block: one frozen second never rolls
 * back. Reached: twice the null's share of its values lie above, and twice the baseline's, which
 * reaches higher edges itself when all latencies grow; of all values or of those of about the
 * latest eight blocks, for harm that begins after many good blocks. The best edge has a
 * tenth or less of the values above it: the steps are small, or it is missed (at steps of 1.6 harm
 * of five times at a 50 % share took 42 blocks in place of 9).
 */
#include "stats/anytime/quantile_priv.h"

#include <math.h>

#define EDGE_VALUES   5 /* values expected above the edge before it is chosen */
#define EDGE_BLOCKS   4 /* ... or this many blocks */
#define LATELY_BLOCKS 8.0
#define ENOUGH_PLAIN  50.0   /* values of the baseline for a block's fraction */
#define ENOUGH_MIXED  2000.0 /* ... where it is divided by a share */
#define LADDER_STEP   1.25   /* of fail's edges, from the baseline's p-quantile to 70 times that */
#define EDGES_MOST    QUANTILE_LADDER

void quantile_choose_edges(struct quantile_test *t)
{
    double p = quantile_p_of(t), x;
    if (isnan(p) || !t->h0.n ||
        ((double)t->h0.n * fmin(p, 1 - p) < EDGE_VALUES && t->blocks < EDGE_BLOCKS))
        return;
    x = hist_upper(quantile_bucket_at(hist_quantile(&t->h0, p)));
    if (!quantile_is_absent(t, TEST_PASS)) {
        t->pass.base = quantile_bucket_at(x);
        t->pass.far = quantile_bucket_at(t->null[TEST_PASS].factor * x);
    }
    for (int j = 0; j < QUANTILE_LADDER && !quantile_is_absent(t, TEST_FAIL);
         j++, x *= LADDER_STEP) {
        t->fail[j].base = quantile_bucket_at(x);
        t->fail[j].far =
            quantile_bucket_at(t->null[TEST_FAIL].factor * hist_lower(t->fail[j].base));
    }
    t->has_edges = true;
}

/* Values at or above an edge; a span across it counts half. */
double quantile_at_or_above(const struct hist *h, uint32_t edge)
{
    double below = (double)hist_count_below(h, edge),
           reaching = (double)hist_count_reaching(h, edge);
    return (double)h->n - (below + reaching) / 2;
}

/* quantile_at_or_above() of many edges, ascending, in one walk over the cells. */
static void above_edges(const struct hist *h, const uint32_t *edges, int n, double *out)
{
    double reaching[EDGES_MOST + 1] = {0}, below[EDGES_MOST + 1] = {0}, all = (double)h->n;
    int lo = 0;
    for (uint32_t i = 0; i < h->len; i++) {
        const struct hist_cell *c = &h->cells[i];
        while (lo < n && edges[lo] <= c->lo) /* the cells are sorted by lo */
            lo++;
        int hi = lo;
        while (hi < n && edges[hi] <= c->hi)
            hi++;
        reaching[lo] += (double)c->n;
        below[hi] += (double)c->n;
    }
    for (int j = 0; j < n; j++) {
        reaching[j + 1] += reaching[j];
        below[j + 1] += below[j];
        out[j] = all - (below[j] + reaching[j]) / 2;
    }
}

static double clip(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

double quantile_null_variance(double n0, double n1, double q0, double far0, double s)
{
    double mean = q0 - (1 - s) * far0, square = (q0 - far0) + s * s * far0, q1 = clip(mean / s);
    if (s >= 1)
        mean = square = q1 = q0;
    return n1 * n1 / n0 * fmax(square - mean * mean, 0) + n1 * s * s * q1 * (1 - q1);
}

/* A block's values, and how many of them lie at or above `base` and `far` (the baseline's: 0 where
 * nobody asks) and of the candidate's at or above `far`. */
struct counted {
    double n0, n1, base, above0, above1;
};

/* A part of some values, and how many they are. */
struct fraction {
    double q, n;
};

/* k of n values of a block; where those are fewer than `enough`, with the latest blocks' that are
 * missing. */
static struct fraction fraction_of(double k, double n, double lately_k, double lately_n,
                                   double enough)
{
    double more = fmin(enough - n, LATELY_BLOCKS * lately_n);
    if (more > 0) {
        k += more * lately_k / lately_n;
        n += more;
    }
    return (struct fraction){clip(k / n), n};
}

/* What independent values would give: at the block's own fractions, since all latencies may change
 * at once, and the variance at what they are on the mean would be the larger one. */
static double own_variance(const struct quantile_residuals *r, const struct quantile_test *t,
                           const struct counted *c, double s)
{
    bool is_plain = s >= 1;
    double enough = is_plain ? ENOUGH_PLAIN : ENOUGH_MIXED;
    struct fraction q0 = fraction_of(c->base, c->n0, r->lately0, t->lately0, enough);
    struct fraction far = fraction_of(c->above0, c->n0, r->lately_far, t->lately0, enough);
    double v = quantile_null_variance(c->n0, c->n1, q0.q, far.q, s);
    return is_plain && q0.n > 1 ? v * q0.n / (q0.n - 1) : v; /* q (1 - q) without bias */
}

/* One block's residual about the null. */
static double take_residual(struct quantile_residuals *r, const struct quantile_test *t,
                            const struct counted *c, double s)
{
    double v = s * c->above1 + (1 - s) * c->n1 * c->above0 / c->n0 - c->n1 * c->base / c->n0;
    r->variance += own_variance(r, t, c, s);
    r->above_base += c->base;
    r->above1 += c->above1;
    r->lately0 += (c->base - r->lately0) / LATELY_BLOCKS;
    r->lately_far += (c->above0 - r->lately_far) / LATELY_BLOCKS;
    r->lately1 += (c->above1 - r->lately1) / LATELY_BLOCKS;
    r->residual_sq += v * v;
    return v;
}

void quantile_take_residuals(struct quantile_test *t, const struct hist *h0, const struct hist *h1)
{
    double n0 = (double)h0->n, n1 = (double)h1->n, v = 0, p = quantile_p_of(t);
    if (!h0->n || !h1->n) {
        scatter_take(&t->scatter, 0, 0);
        return;
    }
    t->n0 += n0;
    t->n1 += n1;
    t->paired++;
    if (!quantile_is_absent(t, TEST_PASS)) {
        uint32_t edges[2] = {t->pass.base, t->pass.far};
        double s = t->null[TEST_PASS].share, above0[2], above1;
        above_edges(h0, edges, 2, above0);
        above_edges(h1, edges + 1, 1, &above1);
        struct counted c = {n0, n1, above0[0], s < 1 ? above0[1] : 0, above1};
        v = take_residual(&t->pass, t, &c, s);
    }
    if (!quantile_is_absent(t, TEST_FAIL)) {
        uint32_t base[EDGES_MOST], far[EDGES_MOST];
        double above0[EDGES_MOST], above1[EDGES_MOST];
        for (int j = 0; j < QUANTILE_LADDER; j++) {
            base[j] = t->fail[j].base;
            far[j] = t->fail[j].far;
        }
        above_edges(h0, base, QUANTILE_LADDER, above0);
        above_edges(h1, far, QUANTILE_LADDER, above1);
        for (int j = QUANTILE_LADDER - 1; j >= 0; j--)
            v = take_residual(&t->fail[j], t, &(struct counted){n0, n1, above0[j], 0, above1[j]},
                              1);
    }
    t->lately0 += (n0 - t->lately0) / LATELY_BLOCKS;
    t->lately1 += (n1 - t->lately1) / LATELY_BLOCKS;
    /* the correlation of blocks is watched on the residuals of fail, or of pass where that is alone
     */
    scatter_take(&t->scatter, v, p * (1 - p) * (n1 + n1 * n1 / n0));
}

static double at_least_one(double v)
{
    return v > 1 ? v : 1;
}

/* The candidate's count varies as it does at the null, or as at the largest variance on the way
 * from there to the fraction that was seen. */
static double fail_phi(const struct quantile_test *t, const struct quantile_residuals *r)
{
    double q0 = clip(r->above_base / t->n0), q1 = clip(r->above1 / t->n1);
    double at_null = q0 * (1 - q0), largest = at_null, var;
    if (q1 > q0 && q1 * (1 - q1) > largest)
        largest = q1 * (1 - q1);
    if (q0 < 0.5 && q1 > 0.5)
        largest = 0.25;
    var = r->variance + t->n1 * (largest - at_null);
    return at_least_one(var > 0 ? r->residual_sq / var : 1);
}

static double pass_phi(const struct quantile_test *t)
{
    return at_least_one(t->pass.variance > 0 ? t->pass.residual_sq / t->pass.variance : 1);
}

struct correlation quantile_correlation(const struct quantile_test *t)
{
    return scatter_correlation(&t->scatter, &t->correlation_floor);
}

/* Has the candidate's p-quantile come to this edge, and not because all latencies have? */
static bool is_reached(double q0, double q1, double tail)
{
    return q1 >= 2 * fmax(q0, tail);
}

double quantile_phi(const struct quantile_test *t, enum test_side side)
{
    double phi = 1, tail = 1 - quantile_p_of(t);
    if (!(t->n1 > 0))
        return 1;
    if (side == TEST_PASS)
        return pass_phi(t) * quantile_correlation(t).now;
    phi = fail_phi(t, &t->fail[0]);
    for (int j = 1; j < QUANTILE_LADDER; j++) {
        const struct quantile_residuals *r = &t->fail[j];
        if (is_reached(r->above_base / t->n0, r->above1 / t->n1, tail) ||
            is_reached(r->lately0 / t->lately0, r->lately1 / t->lately1, tail))
            phi = fmin(phi, fail_phi(t, r));
    }
    return phi * quantile_correlation(t).established;
}
