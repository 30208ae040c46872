/*
 * Theorem (Turner, Ly & Grunwald). For a convex null and an alternative (p0, p1) outside it let
 * (x0, x1) be the point of the null with the least n0 KL(p0, x0) + n1 KL(p1, x1). Then
 *
 *   e = prod_i (p_i/x_i)^y_i ((1-p_i)/(1-x_i))^(n_i-y_i)
 *
 * has mean <= 1 under every member of the null, and the product over blocks is a supermartingale
 * when (p0, p1) depends on earlier blocks only. On the line x1 = x0 the point is the pooled
 * proportion; on x1 = x0 + d it is the root of
 *
 *   n0 [(1-p0)/(1-x) - p0/x] + n1 [(1-p1)/(1-x-d) - p1/(x+d)] = 0,
 *
 * which rises in x from -INFINITY to INFINITY. A half plane's nearest point lies on its edge when
 * the estimate is outside, and when the estimate is inside, the estimate itself is: e = 1.
 */
#include "stats/anytime/two_proportions.h"

#include <math.h>

#include "stats/numerics/bisect.h"

#define TWO_PROPORTIONS_FORM 1
#define SUM_MAX              1e100
#define PLACE_MOST           300.0 /* e^-300: nearer to an end than any estimate */

static bool difference_ok(double d)
{
    return isnan(d) || (d > -1 && d < 1);
}

bool two_proportions_prior_ok(double prior)
{
    return prior >= TWO_PROPORTIONS_PRIOR_MIN && prior <= TWO_PROPORTIONS_PRIOR_MAX;
}

void two_proportions_init(struct two_proportions *t, double prior, double fail, double pass)
{
    BUG_ON(!two_proportions_prior_ok(prior));
    BUG_ON(!difference_ok(fail) || !difference_ok(pass));
    *t = (struct two_proportions){.prior = prior, .fail = fail, .pass = pass};
}

/* The arm with the smaller coordinate first, d >= 0. */
struct line {
    struct proportion low, high;
    double n_low, n_high, d;
};

/* Place z of the line, minus to plus infinity: whatever can be next to 0 or 1 is formed without a
 * difference. */
static struct projection at_place(const struct line *l, double z)
{
    double room = 1 - l->d, below = room / (1 + exp(-z)), above = room / (1 + exp(z));
    return (struct projection){{below, above + l->d}, {below + l->d, above}};
}

/* (x - p)/(x (1 - x)) */
static double pull(struct proportion x, struct proportion p)
{
    return (p.p < p.q ? x.p - p.p : p.q - x.q) / (x.p * x.q);
}

static double slope_at(double z, const void *with)
{
    const struct line *l = with;
    struct projection x = at_place(l, z);
    return l->n_low * pull(x.p0, l->low) + l->n_high * pull(x.p1, l->high);
}

static bool proportion_ok(struct proportion p)
{
    return p.p > 0 && p.q > 0 && p.p <= 1 && p.q <= 1;
}

struct projection project_on_difference(struct proportion p0, double n0, struct proportion p1,
                                        double n1, double d)
{
    struct line l = {p0, p1, n0, n1, d};
    struct projection x;
    BUG_ON(!proportion_ok(p0) || !proportion_ok(p1) || !(n0 > 0) || !(n1 > 0));
    BUG_ON(!(d > -1 && d < 1));
    if (d == 0) {
        double n = n0 + n1;
        struct proportion pooled = {(n0 * p0.p + n1 * p1.p) / n, (n0 * p0.q + n1 * p1.q) / n};
        return (struct projection){pooled, pooled};
    }
    if (d < 0)
        l = (struct line){p1, p0, n1, n0, -d};
    x = at_place(&l, bisect(slope_at, &l, -PLACE_MOST, PLACE_MOST, 1));
    return d > 0 ? x : (struct projection){x.p1, x.p0};
}

/* k log(p/x), also where p is next to x. */
static double log_ratio(double k, double p, double x)
{
    double off = (p - x) / x;
    if (!(k > 0))
        return 0;
    return k * (fabs(off) < 0.5 ? log1p(off) : log(p / x));
}

static double arm_log_e(double y, double n, struct proportion p, struct proportion x)
{
    return log_ratio(y, p.p, x.p) + log_ratio(n - y, p.q, x.q);
}

static double block_log_e(const struct binomial_block *b, struct proportion p0,
                          struct proportion p1, double d)
{
    struct projection x = project_on_difference(p0, b->n0, p1, b->n1, d);
    return arm_log_e(b->y0, b->n0, p0, x.p0) + arm_log_e(b->y1, b->n1, p1, x.p1);
}

static void gather(double *log_e, double *best, double term)
{
    *log_e += term;
    if (*log_e > *best)
        *best = *log_e;
}

static struct proportion estimate(double y, double n, double prior)
{
    return (struct proportion){(y + prior) / (n + 2 * prior), (n - y + prior) / (n + 2 * prior)};
}

void two_proportions_take(struct two_proportions *t, const struct binomial_block *b)
{
    struct proportion p0 = estimate(t->y0, t->n0, t->prior);
    struct proportion p1 = estimate(t->y1, t->n1, t->prior);
    BUG_ON(!binomial_block_ok(b));
    if (b->n0 > 0 && b->n1 > 0) {
        gather(&t->log_e_equal, &t->best_equal, block_log_e(b, p0, p1, 0));
        if (p1.p - p0.p > t->fail)
            gather(&t->log_e_fail, &t->best_fail, block_log_e(b, p0, p1, t->fail));
        if (p1.p - p0.p < t->pass)
            gather(&t->log_e_pass, &t->best_pass, block_log_e(b, p0, p1, t->pass));
    }
    t->y0 += b->y0;
    t->n0 += b->n0;
    t->y1 += b->y1;
    t->n1 += b->n1;
    t->blocks++;
}

#define SUMS(t)                                                                                    \
    {                                                                                              \
        &(t)->y0, &(t)->n0, &(t)->y1, &(t)->n1, &(t)->best_equal, &(t)->best_fail,                 \
            &(t)->best_pass, &(t)->log_e_equal, &(t)->log_e_fail, &(t)->log_e_pass                 \
    }
#define NOT_NEGATIVE 7 /* of those, from the first */

void two_proportions_encode(const struct two_proportions *t, struct buf *out)
{
    const double *const v[] = SUMS(t);
    buf_add_u8(out, TWO_PROPORTIONS_FORM);
    buf_add_double(out, t->prior);
    buf_add_double(out, t->fail);
    buf_add_double(out, t->pass);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        buf_add_double(out, *v[i]);
    buf_add_varint(out, t->blocks);
}

int two_proportions_decode(struct two_proportions *t, struct bytes *in, struct err *err)
{
    struct two_proportions r = {.prior = TWO_PROPORTIONS_PRIOR};
    double *const v[] = SUMS(&r);
    bool ok = bytes_u8(in) == TWO_PROPORTIONS_FORM;
    two_proportions_init(t, TWO_PROPORTIONS_PRIOR, NAN, NAN);
    r.prior = bytes_double(in);
    r.fail = bytes_double(in);
    r.pass = bytes_double(in);
    ok = ok && two_proportions_prior_ok(r.prior) && difference_ok(r.fail) && difference_ok(r.pass);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        *v[i] = bytes_double(in);
        ok = ok && fabs(*v[i]) <= SUM_MAX && (i >= NOT_NEGATIVE || *v[i] >= 0);
    }
    r.blocks = bytes_varint(in);
    ok = ok && r.y0 <= r.n0 && r.y1 <= r.n1 && r.log_e_equal <= r.best_equal &&
         r.log_e_fail <= r.best_fail && r.log_e_pass <= r.best_pass;
    if (!ok || in->bad)
        return err_set(err, ERR_CORRUPT, "two proportions: cut short, or sums that no blocks give");
    *t = r;
    return 0;
}
