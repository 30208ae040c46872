/*
 * Theorem. With units independent at shares theta, the mixture over Dirichlet(a) of likelihood
 * ratios against theta is a martingale of mean 1: B(a + c)/B(a) prod theta_i^-c_i.
 *
 * Confidence set. As a function of theta, log E = log E(s) + n KL(s, theta) with s the observed
 * shares: what is below log(1/alpha) is a ball of the divergence. Given theta_i the divergence is
 * least when the other arms share the rest as observed, where it is KL of (s_i, 1 - s_i): so arm
 * i's shadow is n KL(s_i, theta_i) < log(1/alpha) - log E(s), in closed form but for one root. At
 * s, log E is minus the regret of the mixture, some log n, and free of cancellation; at theta it
 * may be in the thousands.
 */
#include "stats/anytime/multinomial.h"

#include <math.h>
#include <string.h>

#include "stats/numerics/bisect.h"
#include "stats/numerics/log_beta.h"

#define MULTINOMIAL_FORM 1
#define UNITS_MAX        1e15
#define SUM_MAX          1e100
#define SHARE_MIN        1e-9
#define SHIFT_MOST       1e300 /* counts may be tiny fractions */

static const double concentrations[] = {2, 100, 10000};

/* lnB(a + c, b + d) - lnB(a, b) - c log x - d log y, x + y = 1; x = 0 (or y = 0) needs c (d) = 0.
 *
 * With the front F of log_beta_front() this is F(a, b) - log A - F(A, B) + log a: what is large has
 * cancelled before it is computed. */
static double two_way(double a, double b, double c, double d, double x, double y)
{
    if (!(c > 0) && !(d > 0))
        return 0;
    if (!(x > 0) || !(y > 0))
        return log_beta(a + c, b + d) - log_beta(a, b);
    return log_beta_front(a, b, x, y) - log_beta_front(a + c, b + d, x, y) + log(a) - log(a + c);
}

double dirichlet_multinomial_log_e(const double *counts, const double *theta, size_t arms, double k)
{
    double r = 0, rest_theta = 0, rest_count = 0;
    BUG_ON(!(k > 0) || arms < 2);
    for (size_t i = 0; i < arms; i++) {
        BUG_ON(!(counts[i] >= 0) || !(theta[i] > 0));
        rest_theta += theta[i];
        rest_count += counts[i];
    }
    /* Stick-breaking: arm i against those after it, a product of two-way terms. */
    for (size_t i = 0; i + 1 < arms; i++) {
        double whole = rest_theta, a = k * theta[i], x, y;
        rest_theta = 0;
        for (size_t j = i + 1; j < arms; j++)
            rest_theta += theta[j];
        rest_count -= counts[i];
        x = theta[i] / whole;
        y = rest_theta / whole;
        r += two_way(a, k * rest_theta, counts[i], rest_count, x, y);
        /* The front takes x + y = 1 from the smaller; the larger, as given, differs by its
         * rounding. */
        r += y < x ? counts[i] * (log1p(-y) - log(x)) : rest_count * (log1p(-x) - log(y));
    }
    return r;
}

/* log of the mixture over the largest likelihood there is: <= 0. */
static double log_regret(const double *counts, const double *theta, size_t arms, double k)
{
    double r = 0, rest_theta = 0, rest_count = 0;
    for (size_t i = 0; i < arms; i++) {
        BUG_ON(!(counts[i] >= 0) || !(theta[i] > 0));
        rest_theta += theta[i];
        rest_count += counts[i];
    }
    for (size_t i = 0; i + 1 < arms && rest_count > 0; i++) {
        double a = k * theta[i], whole = rest_count;
        rest_theta = rest_count = 0;
        for (size_t j = i + 1; j < arms; j++) {
            rest_theta += theta[j];
            rest_count += counts[j];
        }
        r += two_way(a, k * rest_theta, counts[i], rest_count, counts[i] / whole,
                     rest_count / whole);
    }
    return r < 0 ? r : 0;
}

struct divergence {
    double in, out; /* observed on this arm and on the others */
    double most;    /* n KL allowed, >= 0 */
};

/* n KL(s, theta) - most, at the theta whose odds are e^shift times the observed odds. */
static double divergence_excess(double shift, const void *with)
{
    const struct divergence *d = with;
    double n = d->in + d->out, log_scale;
    if (shift > 500) /* e^shift overflows in the square below */
        log_scale = shift + log(d->in / n);
    else
        log_scale = log1p(d->in / n * expm1(shift));
    return n * log_scale - d->in * shift - d->most;
}

/* Limits of log odds of arm `in` against the rest. */
static struct logit_interval logit_limits(const struct divergence *d)
{
    struct logit_interval r = {-INFINITY, INFINITY};
    double n = d->in + d->out;
    if (!(n > 0))
        return r;
    if (!(d->in > 0)) {
        /* n log(1/(1 - theta)) = most */
        r.high = log(expm1(d->most / n));
    } else if (!(d->out > 0)) {
        r.low = -log(expm1(d->most / n));
    } else {
        /* far out n KL is nearly a line in the shift; from there inwards */
        double middle = log(d->in / d->out), farthest;
        farthest = fmax((n * log(d->out / n) - d->most) / d->in, -SHIFT_MOST);
        r.low = middle + bisect(divergence_excess, d, farthest, 0, 0);
        farthest = fmin((d->most - n * log(d->in / n)) / d->out, SHIFT_MOST);
        r.high = middle + bisect(divergence_excess, d, 0, farthest, 1);
    }
    return r;
}

static double expit(double x)
{
    return x > 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

void dirichlet_multinomial_interval(const double *counts, const double *theta, size_t arms,
                                    double k, double alpha, double *low, double *high)
{
    double most, n = 0;
    BUG_ON(!(k > 0) || arms < 2 || !(alpha > 0 && alpha < 1));
    most = -log(alpha) - log_regret(counts, theta, arms, k);
    for (size_t i = 0; i < arms; i++)
        n += counts[i];
    for (size_t i = 0; i < arms; i++) {
        struct divergence d = {counts[i], n - counts[i], most};
        struct logit_interval l = logit_limits(&d);
        low[i] = expit(l.low);
        high[i] = expit(l.high);
    }
}

struct logit_interval poisson_split_interval(double control, double treatment, double share,
                                             double k, double alpha)
{
    const double counts[2] = {control, treatment}, theta[2] = {1 - share, share};
    struct divergence d = {.in = treatment, .out = control};
    BUG_ON(!(share > 0 && share < 1) || !(k > 0) || !(alpha > 0 && alpha < 1));
    d.most = -log(alpha) - log_regret(counts, theta, 2, k);
    return logit_limits(&d);
}

bool multinomial_ok(const double *share, size_t arms)
{
    double sum = 0;
    if (arms < 2 || arms > MULTINOMIAL_ARMS)
        return false;
    for (size_t i = 0; i < arms; i++) {
        if (!(share[i] >= SHARE_MIN && share[i] <= 1))
            return false;
        sum += share[i];
    }
    return fabs(sum - 1) <= 1e-9;
}

void multinomial_init(struct multinomial *t, const double *share, size_t arms)
{
    double sum = 0;
    memset(t, 0, sizeof(*t));
    if (arms == 0)
        return;
    BUG_ON(!multinomial_ok(share, arms));
    for (size_t i = 0; i < arms; i++)
        sum += share[i];
    for (size_t i = 0; i < arms; i++)
        t->share[i] = share[i] / sum;
    t->arms = (uint32_t)arms;
}

bool multinomial_counts_ok(const double *counts, size_t arms)
{
    for (size_t i = 0; i < arms; i++)
        if (!(counts[i] >= 0 && counts[i] <= UNITS_MAX))
            return false;
    return true;
}

void multinomial_take(struct multinomial *t, const double *counts)
{
    double n = 0;
    BUG_ON(!multinomial_counts_ok(counts, t->arms));
    for (size_t i = 0; i < t->arms; i++)
        n += counts[i];
    if (!(n > 0))
        return;
    for (size_t i = 0; i < t->arms; i++) {
        double off = counts[i] - n * t->share[i];
        t->count[i] += counts[i];
        t->residual_sq += off * off / t->share[i];
    }
    t->blocks++;
}

double multinomial_dispersion(const struct multinomial *t)
{
    double n = 0, phi;
    for (size_t i = 0; i < t->arms; i++)
        n += t->count[i];
    if (!(n > 0))
        return 1;
    phi = t->residual_sq / (n * (t->arms - 1.0));
    return phi > 1 ? phi : 1;
}

static double mean_log_e(const struct multinomial *t, double phi)
{
    double counts[MULTINOMIAL_ARMS], v[ARRAY_LEN(concentrations)];
    if (t->arms == 0 || t->blocks == 0)
        return 0;
    for (size_t i = 0; i < t->arms; i++)
        counts[i] = t->count[i] / phi;
    const size_t n = ARRAY_LEN(concentrations);
    for (size_t i = 0; i < n; i++)
        v[i] = dirichlet_multinomial_log_e(counts, t->share, t->arms, concentrations[i]);
    return log_sum_exp(v, n) - log((double)n);
}

double multinomial_log_e(const struct multinomial *t)
{
    return mean_log_e(t, multinomial_dispersion(t));
}

double multinomial_log_e_untempered(const struct multinomial *t)
{
    return mean_log_e(t, 1);
}

void multinomial_encode(const struct multinomial *t, struct buf *out)
{
    buf_add_u8(out, MULTINOMIAL_FORM);
    buf_add_varint(out, t->arms);
    for (size_t i = 0; i < t->arms; i++) {
        buf_add_double(out, t->share[i]);
        buf_add_double(out, t->count[i]);
    }
    buf_add_double(out, t->residual_sq);
    buf_add_varint(out, t->blocks);
}

int multinomial_decode(struct multinomial *t, struct bytes *in, struct err *err)
{
    struct multinomial r;
    bool ok = bytes_u8(in) == MULTINOMIAL_FORM, any = false;
    unsigned long long arms = bytes_varint(in);
    memset(&r, 0, sizeof(r));
    multinomial_init(t, NULL, 0);
    if (!ok || in->bad || arms > MULTINOMIAL_ARMS)
        return err_set(err, ERR_CORRUPT, "multinomial: unknown form, or too many arms");
    r.arms = (uint32_t)arms;
    for (size_t i = 0; i < r.arms; i++) {
        r.share[i] = bytes_double(in);
        r.count[i] = bytes_double(in);
        ok = ok && r.count[i] >= 0 && r.count[i] <= SUM_MAX;
        any = any || r.count[i] > 0;
    }
    r.residual_sq = bytes_double(in);
    r.blocks = bytes_varint(in);
    ok = ok && (r.arms == 0 || multinomial_ok(r.share, r.arms)) && r.residual_sq >= 0 &&
         r.residual_sq <= SUM_MAX && any == (r.blocks > 0);
    if (!ok || in->bad)
        return err_set(err, ERR_CORRUPT, "multinomial: cut short, or sums that no blocks give");
    *t = r;
    return 0;
}
