/*
 * Let p0, p1 have odds ratio psi. With S the sum of independent Bin(n0, p0) and Bin(n1, p1),
 *
 *   P(Y1 = y | total) = b(y; n1, p1) b(total - y; n0, p0) / P(S = total)
 *
 * for EVERY such pair; we take the one with n0 p0 + n1 p1 = total (a quadratic). Then the numerator
 * is, up to what does not depend on psi, exp(-D), D the sum of four deviances, each nonnegative and
 * small near the fit; and P(S = total) is a probability at its own mean:
 *
 *   few values of Y1: all of them, as they stand above, without a fit
 *   V < 96    summed from the mean outwards until a term is below 1e-18 of the sum. V is the
 *             variance of S; Y1's own is v0 v1/V <= V/4, so this is at most about 100 terms.
 *   V >= 96   (2 pi V)^-1/2 (1 + a_1/V + ... + a_5/V^5), the Edgeworth series at the mean, whose
 * a_k are polynomials in the cumulants of S over V. P(S = s) is an integral of an entire function;
 * the part beyond |t| = pi, which the series adds, is below exp(-2 V).
 *
 * The series is asymptotic, so its error has to be bounded. All a_k lie between those of the
 * extreme laws: Poisson (both arms rare), where it is Stirling's series, a_6 = 0.0052; and Skellam
 * (successes rare in one arm, failures in the other), where it is that of exp(-V) I_0(V), a_6 =
 * 0.57. So at V = 96 the first term left out is at most 7.3e-13, and with 20 % or more of both in
 * an arm a hundredth of that. tests/stats/numerics holds it against the plain sum over both arms'
 * sizes, totals and psi.
 *
 * Rejected: the sum at every size, 17 standard deviations long; the saddle point formula alone,
 * wrong by 1/(8 V) a block, which adds up over a day of blocks.
 */
#include "stats/numerics/fisher_noncentral.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/deviance.h"

#define COUNT_MAX    1e12
#define SERIES_ABOVE 96.0
#define NEGLIGIBLE   1e-18
#define CHUNK        8
#define ORDER_MOST   10 /* powers of V^-1/2 in the series */

/*
 * Two psi at once, in the compiler's vectors: for each the same operations in the same order as
 * alone, so the same bits, in two thirds of the time.
 */
#define LANES 2
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
static const lanes zero = {0, 0}, one = {1, 1};

/* log(x!) less Stirling's x log x - x + log(2 pi x)/2; 0 at 0. */
static double stirling_error(double x)
{
    static const double small[] = {
        0,
        0.08106146679532725822,
        0.041340695955409294094,
        0.027677925684998339149,
        0.020790672103765093112,
        0.016644691189821192163,
        0.013876128823070747999,
        0.011896709945891770095,
        0.010411265261972096497,
        0.0092554621827127329177,
        0.0083305634333628712565,
        0.007573675487951840795,
        0.0069428401072095298657,
        0.0064089941880042070684,
        0.0059513701127588477356,
        0.005554733551962801371,
    };
    double r = 1 / (x * x);
    if (x < 16)
        return small[(int)x];
    return (1.0 / 12 -
            r * (1.0 / 360 -
                 r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691.0 / 360360))))) /
           x;
}

/* A law of few values; a step changes a weight by at most 1e14, so none is out of range. */
static void weights_init(struct fisher_noncentral *f)
{
    const double low = fmax(0, f->total - f->n0), high = fmin(f->n1, f->total);
    if (high - low >= FISHER_SHORT)
        return;
    f->n_values = (int)(high - low) + 1;
    f->weight[0] = 1;
    for (int i = 1; i < f->n_values; i++) {
        const double y = low + i;
        f->weight[i] = f->weight[i - 1] * ((f->n1 - y + 1) * (f->total - y + 1)) /
                       (y * (f->n0 - f->total + y));
    }
}

bool fisher_noncentral_init(struct fisher_noncentral *f, double y0, double n0, double y1, double n1)
{
    const double total = y0 + y1;
    BUG_ON(!(y0 >= 0 && y0 <= n0 && n0 <= COUNT_MAX) || !(y1 >= 0 && y1 <= n1 && n1 <= COUNT_MAX));
    BUG_ON(y0 != floor(y0) || y1 != floor(y1) || n0 != floor(n0) || n1 != floor(n1));
    *f = (struct fisher_noncentral){.n0 = n0,
                                    .n1 = n1,
                                    .total = total,
                                    .y1 = y1,
                                    .y0 = y0,
                                    .error0 = stirling_error(n0),
                                    .error1 = stirling_error(n1)};
    weights_init(f);
    return n0 > 0 && n1 > 0 && total > 0 && total < n0 + n1;
}

/* The pair of proportions with that odds ratio whose expected total is the total. */
struct fit {
    double p0, q0, p1, q1;
    double v0, v1, v; /* variances of the arms and of their sum */
};

static struct fit fit_at(const struct fisher_noncentral *f, double psi)
{
    struct fit r;
    /* odds w of arm 0: a w^2 + b w - total = 0 */
    double a = psi * (f->n0 + f->n1 - f->total), b = psi * (f->n1 - f->total) + f->n0 - f->total;
    double root = sqrt(b * b + 4 * a * f->total), w;
    w = b >= 0 ? 2 * f->total / (b + root) : (root - b) / (2 * a);
    r.q0 = 1 / (1 + w);
    r.p0 = w * r.q0;
    r.q1 = 1 / (1 + psi * w);
    r.p1 = psi * w * r.q1;
    r.v0 = f->n0 * r.p0 * r.q0;
    r.v1 = f->n1 * r.p1 * r.q1;
    r.v = r.v0 + r.v1;
    return r;
}

/* y of n about n p; the difference is formed on the rarer side, where it has most digits. */
static double arm_deviance(double y, double n, double p, double q)
{
    double off = p <= q ? y - n * p : n * q - (n - y);
    return deviance(y, n * p, off) + deviance(n - y, n * q, -off);
}

static double deviances(const struct fisher_noncentral *f, const struct fit *fit, double y1)
{
    return arm_deviance(y1, f->n1, fit->p1, fit->q1) +
           arm_deviance(f->total - y1, f->n0, fit->p0, fit->q0);
}

/* log of the binomial density at x of n, without its deviances; error_n: stirling_error(n). */
static double density_constant(double x, double n, double error_n)
{
    if (!(x > 0) || !(x < n))
        return 0;
    return error_n - stirling_error(x) - stirling_error(n - x) +
           0.5 * log(n / (2 * M_PI * x * (n - x)));
}

struct moments {
    lanes s0, s1, s2; /* sums of t, t d, t d^2 over d = y - start */
};

/*
 * Adds the terms above `start` (step 1) or below it (step -1), t(start) = 1. Going down is going up
 * in the failures of both arms with their roles changed: y -> n1 - y, total - y -> n0 - total + y.
 * Beyond the last value a factor is 0 and so are all terms after it; a lane that is done goes on
 * with terms 0.
 */
static void walk(const struct fisher_noncentral *f, const lanes *psi, const lanes *start,
                 double step, struct moments *m)
{
    lanes top = step > 0 ? f->n1 - *start : *start;
    lanes other_top = step > 0 ? f->total - *start : f->n0 - f->total + *start;
    lanes bottom = 1 + (step > 0 ? *start : f->n1 - *start);
    lanes other_bottom = 1 + (step > 0 ? f->n0 - f->total + *start : f->total - *start);
    lanes scale = step > 0 ? *psi : 1 / *psi, term = one;
    lanes s0 = m->s0, s1 = m->s1, s2 = m->s2, ratio = scale, first;
    bool done[LANES] = {false}, all_done = false;
    for (double d = 0; !all_done; d += CHUNK) {
        for (double e = d, e1 = d + 1; e < d + CHUNK; e = e1, e1 += 1) {
            ratio = scale * ((top - e) * (other_top - e)) / ((bottom + e) * (other_bottom + e));
            term *= ratio;
            first = term * e1;
            s0 += term;
            s1 += first * step;
            s2 += first * e1;
        }
        all_done = true;
        for (int l = 0; l < LANES; l++) {
            done[l] = done[l] || fmin(top[l], other_top[l]) - d < CHUNK ||
                      (term[l] < NEGLIGIBLE * s0[l] && ratio[l] < 1);
            if (done[l])
                term[l] = 0;
            all_done = all_done && done[l];
        }
    }
    *m = (struct moments){s0, s1, s2};
}

static void by_sum(const struct fisher_noncentral *f, const struct fit *fit, const double *psi,
                   int n, struct fisher_point *out)
{
    double low = fmax(0, f->total - f->n0), high = fmin(f->n1, f->total);
    struct moments m = {one, zero, zero};
    lanes start = zero, at = zero;
    for (int l = 0; l < LANES; l++) {
        int from = l < n ? l : n - 1;
        start[l] = fmin(fmax(floor(f->n1 * fit[from].p1 + 0.5), low), high);
        at[l] = psi[from];
    }
    walk(f, &at, &start, 1, &m);
    walk(f, &at, &start, -1, &m);
    for (int l = 0; l < n; l++) {
        double shift = m.s1[l] / m.s0[l];
        double log_sum = density_constant(start[l], f->n1, f->error1) +
                         density_constant(f->total - start[l], f->n0, f->error0) -
                         deviances(f, &fit[l], start[l]) + log(m.s0[l]);
        out[l] = (struct fisher_point){-deviances(f, &fit[l], f->y1) - log_sum, start[l] + shift,
                                       fmax(m.s2[l] / m.s0[l] - shift * shift, 1e-300)};
    }
}

/* Cumulants 3..12 of Bernoulli(p) over its variance x = p q; d = q - p. */
static void add_cumulants(const lanes *weight, const lanes *variance, const lanes *skew,
                          lanes k[13])
{
    const lanes w = *weight, x = *variance, d = *skew;
    k[3] += w * d;
    k[4] += w * (1 - 6 * x);
    k[5] += w * d * (1 - 12 * x);
    k[6] += w * (1 - x * (30 - 120 * x));
    k[7] += w * d * (1 - x * (60 - 360 * x));
    k[8] += w * (1 - x * (126 - x * (1680 - 5040 * x)));
    k[9] += w * d * (1 - x * (252 - x * (5040 - 20160 * x)));
    k[10] += w * (1 - x * (510 - x * (17640 - x * (151200 - 362880 * x))));
    k[11] += w * d * (1 - x * (1020 - x * (52920 - x * (604800 - 1814400 * x))));
    k[12] += w * (1 - x * (2046 - x * (168960 - x * (3160080 - x * (19958400 - 39916800 * x)))));
}

/*
 * a_1/V + ... : P(S = mean) sqrt(2 pi V) is the mean of exp(sum_k k_k (iZ)^k V^(1-k/2)/k!) over
 * normal Z. Expanded in u = V^-1/2, the coefficient P_n of u^n is a polynomial in w = iZ with
 * powers n + 2j, j = 1..n, and n P_n = sum_k k g_k P_(n-k), g_k = k_(k+2) w^(k+2)/(k+2)!. The mean
 * of w^(2m) is (-1)^m (2m-1)!!.
 */
static lanes series(const lanes k[13], const lanes *v, int order)
{
    static const double over_factorial[ORDER_MOST + 1] = {
        0,           1.0 / 6,      2.0 / 24,      3.0 / 120,      4.0 / 720,       5.0 / 5040,
        6.0 / 40320, 7.0 / 362880, 8.0 / 3628800, 9.0 / 39916800, 10.0 / 479001600};
    static const double over[ORDER_MOST + 1] = {
        0, 1, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8, 1.0 / 9, 1.0 / 10};
    lanes p[ORDER_MOST + 1][ORDER_MOST + 1], g[ORDER_MOST + 1], sum = zero, power = one;
    for (int n = 1; n <= order; n++) {
        g[n] = k[n + 2] * over_factorial[n];
        p[n][1] = g[n] * over[n];
        for (int j = 2; j <= n; j++) {
            lanes all = zero;
            for (int i = 1; i <= n - j + 1; i++)
                all += g[i] * p[n - i][j - 1];
            p[n][j] = all * over[n];
        }
        if (n % 2 == 0) {
            double moment = 1;
            lanes a = zero;
            for (int m = 1; m <= n / 2; m++)
                moment *= -(2.0 * m - 1);
            for (int j = 1; j <= n; j++) { /* power n + 2j = 2m */
                moment *= -(n + 2.0 * j - 1);
                a += p[n][j] * moment;
            }
            power /= *v;
            sum += a * power;
        }
    }
    return sum;
}

/* Enough terms for 1e-13, but for the smallest V: the first one left out is at most 0.57 V^-6,
 * 0.23 V^-5, 0.11 V^-4, 0.073 V^-3 and 0.070 V^-2 (those of exp(-V) I_0(V)). */
static int order_for(double v)
{
    return v < 320 ? 10 : v < 1100 ? 8 : v < 1e4 ? 6 : v < 1e6 ? 4 : 2;
}

static void by_series(const struct fisher_noncentral *f, const struct fit *fit, int n,
                      struct fisher_point *out)
{
    lanes k[13] = {{0}}, v = zero, weight[2], variance[2], skew[2], sum;
    for (int l = 0; l < LANES; l++) {
        const struct fit *at = &fit[l < n ? l : n - 1];
        v[l] = at->v;
        weight[0][l] = at->v0 / at->v;
        weight[1][l] = at->v1 / at->v;
        variance[0][l] = at->p0 * at->q0;
        variance[1][l] = at->p1 * at->q1;
        skew[0][l] = at->q0 - at->p0;
        skew[1][l] = at->q1 - at->p1;
    }
    for (int arm = 0; arm < 2; arm++)
        add_cumulants(&weight[arm], &variance[arm], &skew[arm], k);
    sum = series(k, &v, order_for(fit[0].v));
    for (int l = 0; l < n; l++) {
        const struct fit *at = &fit[l];
        double own = at->v0 * at->v1 / at->v;
        out[l].log_likelihood = -deviances(f, at, f->y1) + 0.5 * log(at->v) - log1p(sum[l]);
        /* log Z(psi) = its main part - 1/2 log V + ...: derivatives by log psi */
        out[l].mean = f->n1 * at->p1 - 0.5 * own / at->v * (skew[1][l] - skew[0][l]);
        out[l].var = own;
        /* the constant that the sum has and the series leaves out */
        out[l].log_likelihood += 0.5 * log(2 * M_PI);
    }
}

/* Twice over the values: about the mean, so that the variance keeps its digits far out. */
static struct fisher_point by_weights(const struct fisher_noncentral *f, double psi)
{
    const double low = fmax(0, f->total - f->n0);
    const int own = (int)(f->y1 - low);
    double term[FISHER_SHORT] = {0}, power = 1, all = 0, first = 0, second = 0;
    for (int i = 0; i < f->n_values; i++, power *= psi) {
        term[i] = f->weight[i] * power;
        all += term[i];
        first += i * term[i];
    }
    const double mean = first / all;
    for (int i = 0; i < f->n_values; i++)
        second += (i - mean) * (i - mean) * term[i];
    return (struct fisher_point){log(term[own] / all), low + mean, fmax(second / all, 1e-300)};
}

/* What must be the same for all lanes: 0 for the sum, else the order of the series. */
static int way_of(const struct fit *fit)
{
    return fit->v < SERIES_ABOVE ? 0 : order_for(fit->v);
}

void fisher_noncentral_grid(const struct fisher_noncentral *f, const double *psi, size_t n,
                            struct fisher_point *out)
{
    struct fit fit[LANES];
    if (f->n_values) {
        for (size_t i = 0; i < n; i++)
            out[i] = by_weights(f, psi[i]);
        return;
    }
    for (size_t i = 0, taken; i < n; i += taken) {
        int way = 0;
        for (taken = 0; taken < LANES && i + taken < n; taken++) {
            fit[taken] = fit_at(f, psi[i + taken]);
            if (taken == 0)
                way = way_of(fit);
            else if (way_of(&fit[taken]) != way)
                break;
        }
        if (way == 0)
            by_sum(f, fit, &psi[i], (int)taken, &out[i]);
        else
            by_series(f, fit, (int)taken, &out[i]);
    }
}

struct fisher_point fisher_noncentral_at(const struct fisher_noncentral *f, double psi)
{
    struct fisher_point r;
    fisher_noncentral_grid(f, &psi, 1, &r);
    return r;
}

struct fisher_point fisher_noncentral_by_sum(const struct fisher_noncentral *f, double psi)
{
    struct fit fit = fit_at(f, psi);
    struct fisher_point r;
    by_sum(f, &fit, &psi, 1, &r);
    return r;
}

struct fisher_point fisher_noncentral_by_series(const struct fisher_noncentral *f, double psi)
{
    struct fit fit = fit_at(f, psi);
    struct fisher_point r;
    by_series(f, &fit, 1, &r);
    return r;
}
