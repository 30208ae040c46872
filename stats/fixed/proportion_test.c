#include "stats/fixed/proportion_test.h"

#include <math.h>

#include "stats/numerics/student_t.h"
#include "stats/numerics/tails.h"

static int trials_ok(const struct trials *g, struct err *err)
{
    if (!(g->n > 0 && g->n < INFINITY) || !(g->x >= 0 && g->x <= g->n))
        return err_set(err, ERR_INPUT, "want 0 <= successes <= trials, trials > 0 and finite");
    return 0;
}

/* (|observed - expected| - correction)^2 / expected; NAN for nothing expected, as R says 0/0 */
static double cell(double observed, double expected, double correction)
{
    double off = fabs(observed - expected) - correction;
    return off * off / expected;
}

/* Quantile of the normal law for the asked confidence. */
static double width(const struct proportion_question *question)
{
    double alpha = 1 - question->confidence;
    return normal_upper_quantile(question->alternative == TWO_SIDED ? alpha / 2 : alpha);
}

static struct limits one_sided(struct limits both, enum alternative alternative, double least)
{
    if (alternative == LESS)
        both.low = least;
    if (alternative == GREATER)
        both.high = 1;
    return both;
}

/* One end of Wilson's interval, side -1 or 1. */
static double wilson(double p, double n, double z, int side)
{
    double half = z * z / (2 * n), off;
    if (side < 0 ? p <= 0 : p >= 1)
        return side < 0 ? 0 : 1;
    off = z * sqrt(p * (1 - p) / n + half / (2 * n));
    return fmin(1, fmax(0, (p + half + side * off) / (1 + 2 * half)));
}

static struct limits score_limits(const struct trials *g,
                                  const struct proportion_question *question, double correction)
{
    double p = g->x / g->n, off = correction / g->n, z = width(question);
    struct limits both = {wilson(p - off, g->n, z, -1), wilson(p + off, g->n, z, 1)};
    return one_sided(both, question->alternative, 0);
}

static struct limits wald_limits(const struct trials *g, const struct proportion_question *question,
                                 double correction)
{
    double p = g[0].x / g[0].n, q = g[1].x / g[1].n, delta = p - q;
    double half = width(question) * sqrt(p * (1 - p) / g[0].n + q * (1 - q) / g[1].n) +
                  correction * (1 / g[0].n + 1 / g[1].n);
    struct limits both = {fmax(delta - half, -1), fmin(delta + half, 1)};
    return one_sided(both, question->alternative, -1);
}

static int all_ok(const struct trials *groups, size_t k, const double *null,
                  const struct proportion_question *question, struct err *err)
{
    if (k == 0)
        return err_set(err, ERR_INPUT, "there are no groups");
    if (!(question->confidence > 0 && question->confidence < 1))
        return err_set(err, ERR_INPUT, "confidence must be in (0, 1)");
    for (size_t i = 0; i < k; i++) {
        if (trials_ok(&groups[i], err) != 0)
            return -1;
        if (null && !(null[i] > 0 && null[i] < 1))
            return err_set(err, ERR_INPUT, "a null proportion must be in (0, 1)");
    }
    return 0;
}

int proportion_test(struct proportion_test *out, const struct trials *groups, size_t k,
                    const double *null, const struct proportion_question *question, struct err *err)
{
    struct proportion_test r = {.limits = {NAN, NAN}};
    double x = 0, n = 0, correction = question->correct && k <= 2 ? 0.5 : 0, sign;
    double first = null ? null[0] : 0.5;
    bool equal;
    if (all_ok(groups, k, null, question, err) != 0)
        return -1;
    equal = !null && k > 1;
    if (k == 1) {
        correction = fmin(correction, fabs(groups[0].x - groups[0].n * first));
        r.limits = score_limits(groups, question, correction);
        sign = groups[0].x / groups[0].n - first;
    } else {
        sign = groups[0].x / groups[0].n - groups[1].x / groups[1].n;
    }
    if (k == 2 && equal) {
        correction = fmin(correction, fabs(sign) / (1 / groups[0].n + 1 / groups[1].n));
        r.limits = wald_limits(groups, question, correction);
    }
    for (size_t i = 0; i < k; i++) {
        x += groups[i].x;
        n += groups[i].n;
    }
    for (size_t i = 0; i < k; i++) {
        double p = equal ? x / n : i == 0 ? first : null[i], trials = groups[i].n;
        r.chi_squared += cell(groups[i].x, trials * p, correction);
        r.chi_squared += cell(trials - groups[i].x, trials * (1 - p), correction);
    }
    r.df = equal ? (double)k - 1 : (double)k;
    if (question->alternative == TWO_SIDED || k > 2 || (k == 2 && !equal)) {
        r.p = chi_squared_tail(r.chi_squared, r.df);
    } else {
        double z = sqrt(r.chi_squared) * (double)((sign > 0) - (sign < 0));
        r.p = isnan(z) ? NAN : normal_upper(question->alternative == LESS ? -z : z);
    }
    *out = r;
    return 0;
}
