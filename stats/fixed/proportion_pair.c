/*
 * The score test's constrained estimates (Miettinen & Nurminen 1985), p2 under the null:
 *
 *   difference d: the root of N p^3 + L2 p^2 + L1 p + L0 = 0 by Viete's trigonometric form
 *   ratio r:      the smaller root of N r p^2 - (n1 r + x1 + n2 + x2 r) p + x = 0
 *   odds w:       the positive root of n2 (w-1) p^2 + (n1 w + n2 - x (w-1)) p - x = 0
 *
 * with x = x1 + x2, N = n1 + n2. The quadratics are solved in the form that does not cancel.
 */
#include "stats/fixed/proportion_pair.h"

#include <math.h>

#include "stats/fixed/proportion_interval.h"
#include "stats/numerics/root.h"
#include "stats/numerics/student_t.h"

#define NEAR_CERTAIN  1e-10 /* odds: how near 0 or 1 a constrained estimate may come */
#define LOG_RATIO_MAX 60.0

static const struct {
    enum pair_comparison comparison;
    const char *name;
} methods[] = {
    [PAIR_WALD] = {PAIR_DIFFERENCE, "wald"},
    [PAIR_AGRESTI_CAFFO] = {PAIR_DIFFERENCE, "agresti-caffo"},
    [PAIR_NEWCOMBE] = {PAIR_DIFFERENCE, "newcomb"},
    [PAIR_LOG] = {PAIR_RATIO, "log"},
    [PAIR_LOG_ADJUSTED] = {PAIR_RATIO, "log-adjusted"},
    [PAIR_LOGIT] = {PAIR_ODDS_RATIO, "logit"},
    [PAIR_LOGIT_ADJUSTED] = {PAIR_ODDS_RATIO, "logit-adjusted"},
    [PAIR_LOGIT_SMOOTHED] = {PAIR_ODDS_RATIO, "logit-smoothed"},
};

int proportion_pair_ok(const struct proportion_pair *t, enum pair_comparison comparison,
                       enum pair_method method, struct err *err)
{
    BUG_ON((unsigned)method >= PAIR_METHODS);
    if (proportion_ok(t->x1, t->n1, err) != 0 || proportion_ok(t->x2, t->n2, err) != 0)
        return -1;
    if (method != PAIR_SCORE && methods[method].comparison != comparison)
        return err_set(err, ERR_INPUT, "method %s is not for this comparison",
                       methods[method].name);
    return 0;
}

/* An estimate on the scale where it is about normal, and its standard error there. */
struct normal_form {
    double estimate, se;
};

static struct proportion_pair with_added(const struct proportion_pair *t, double successes,
                                         double trials)
{
    return (struct proportion_pair){t->x1 + successes, t->n1 + trials, t->x2 + successes,
                                    t->n2 + trials};
}

/* Two more observations, spread over the table as if the groups were alike. */
static struct proportion_pair smoothed(const struct proportion_pair *t)
{
    double n = t->n1 + t->n2, share = (t->x1 + t->x2) / n;
    double to1 = 2 * t->n1 / n, to2 = 2 * t->n2 / n;
    return (struct proportion_pair){t->x1 + share * to1, t->n1 + to1, t->x2 + share * to2,
                                    t->n2 + to2};
}

static struct normal_form difference_form(const struct proportion_pair *t)
{
    double p1 = t->x1 / t->n1, p2 = t->x2 / t->n2;
    return (struct normal_form){p1 - p2, sqrt(p1 * (1 - p1) / t->n1 + p2 * (1 - p2) / t->n2)};
}

static struct normal_form log_ratio_form(const struct proportion_pair *t)
{
    double variance = (1 / t->x1 - 1 / t->n1) + (1 / t->x2 - 1 / t->n2);
    return (struct normal_form){log(t->x1 / t->n1) - log(t->x2 / t->n2), sqrt(variance)};
}

static struct normal_form log_odds_form(const struct proportion_pair *t)
{
    double y1 = t->n1 - t->x1, y2 = t->n2 - t->x2;
    return (struct normal_form){log(t->x1 / y1) - log(t->x2 / y2),
                                sqrt(1 / t->x1 + 1 / y1 + 1 / t->x2 + 1 / y2)};
}

static struct normal_form form_of(const struct proportion_pair *t, enum pair_method method)
{
    struct proportion_pair more = *t;
    switch (method) {
    case PAIR_AGRESTI_CAFFO:
        more = with_added(t, 1, 2);
        return difference_form(&more);
    case PAIR_LOG_ADJUSTED:
        more = with_added(t, 0.5, 0.5);
        return log_ratio_form(&more);
    case PAIR_LOGIT_ADJUSTED:
        more = with_added(t, 0.5, 1);
        return log_odds_form(&more);
    case PAIR_LOGIT_SMOOTHED:
        more = smoothed(t);
        return log_odds_form(&more);
    case PAIR_LOG:
        return log_ratio_form(t);
    case PAIR_LOGIT:
        return log_odds_form(t);
    default:
        BUG_ON(method != PAIR_WALD);
        return difference_form(t);
    }
}

/* p2 when p1 - p2 = d. */
static double constrained_difference(const struct proportion_pair *t, double d)
{
    double n = t->n1 + t->n2, x = t->x1 + t->x2;
    double l2 = ((t->n1 + 2 * t->n2) * d - n - x) / (3 * n);
    double l1 = ((t->n2 * d - n - 2 * t->x2) * d + x) / (3 * n);
    double l0 = t->x2 * d * (1 - d) / (2 * n);
    double q = l2 * l2 * l2 - 1.5 * l1 * l2 + l0, square = l2 * l2 - l1, p, angle, at;
    p = copysign(sqrt(fmax(square, 0)), q);
    if (d == 0)
        return x / n;
    /* Rounding may carry the cosine past 1. */
    angle = p == 0 ? M_PI / 2 : acos(fmin(fmax(q / (p * p * p), -1), 1));
    at = 2 * p * cos((M_PI + angle) / 3) - l2;
    return fmin(fmax(at, fmax(0, -d)), fmin(1, 1 - d));
}

static double score_difference(const struct proportion_pair *t, double d)
{
    double n = t->n1 + t->n2, q2 = constrained_difference(t, d), q1 = q2 + d;
    double variance = fmax(q1 * (1 - q1), 0) / t->n1 + fmax(q2 * (1 - q2), 0) / t->n2;
    return (t->x1 / t->n1 - t->x2 / t->n2 - d) / sqrt(variance * (n / (n - 1)));
}

static double score_ratio(const struct proportion_pair *t, double r)
{
    double n = t->n1 + t->n2, x = t->x1 + t->x2, b = t->n1 * r + t->x1 + t->n2 + t->x2 * r;
    double q2 = 2 * x / (b + sqrt(fmax(b * b - 4 * n * r * x, 0))), q1 = q2 * r, variance;
    variance = fmax(q1 * (1 - q1), 0) / t->n1 + r * r * fmax(q2 * (1 - q2), 0) / t->n2;
    return (t->x1 / t->n1 - r * (t->x2 / t->n2)) / sqrt(variance * (n / (n - 1)));
}

/* p2 when the odds ratio is w. */
static double constrained_odds(double n1, double n2, double x, double w)
{
    double b = n1 * w + n2 - x * (w - 1), a = n2 * (w - 1);
    double root = sqrt(fmax(b * b + 4 * a * x, 0));
    return b >= 0 ? 2 * x / (b + root) : (root - b) / (2 * a);
}

/* n1 q1 + n2 q2 = x, so both residuals are one count. */
static double score_odds(const struct proportion_pair *t, double w)
{
    double n = t->n1 + t->n2, x = t->x1 + t->x2;
    double q2 = constrained_odds(t->n1, t->n2, x, w);
    double y2 = constrained_odds(t->n1, t->n2, n - x, 1 / w); /* 1 - q2, with its digits */
    double q1 = q2 * w / (y2 + q2 * w), y1 = y2 / (y2 + q2 * w), off;
    off = q1 < 0.5 ? t->x1 - t->n1 * q1 : t->n1 * y1 - (t->n1 - t->x1);
    return off * sqrt((1 / (q1 * y1 * t->n1) + 1 / (q2 * y2 * t->n2)) * ((n - 1) / n));
}

double proportion_pair_z(const struct proportion_pair *t, enum pair_comparison comparison,
                         enum pair_method method, double value)
{
    struct normal_form form;
    BUG_ON(proportion_pair_ok(t, comparison, method, NULL) != 0 || method == PAIR_NEWCOMBE);
    BUG_ON(comparison == PAIR_DIFFERENCE ? !(fabs(value) <= 1) : !(value > 0));
    if (method == PAIR_SCORE)
        return comparison == PAIR_DIFFERENCE ? score_difference(t, value)
               : comparison == PAIR_RATIO    ? score_ratio(t, value)
                                             : score_odds(t, value);
    form = form_of(t, method);
    return (form.estimate - (comparison == PAIR_DIFFERENCE ? value : log(value))) / form.se;
}

struct pair_equivalence proportion_pair_equivalence(const struct proportion_pair *t,
                                                    enum pair_comparison comparison,
                                                    enum pair_method method, double low,
                                                    double high)
{
    struct pair_equivalence e;
    e.p_above_low = normal_upper(proportion_pair_z(t, comparison, method, low));
    e.p_below_high = normal_upper(-proportion_pair_z(t, comparison, method, high));
    e.p = isnan(e.p_above_low) || e.p_above_low > e.p_below_high ? e.p_above_low : e.p_below_high;
    return e;
}

static void newcombe(const struct proportion_pair *t, double alpha, double *low, double *high)
{
    double p1 = t->x1 / t->n1, p2 = t->x2 / t->n2, l1, h1, l2, h2;
    proportion_interval(PROPORTION_WILSON, t->x1, t->n1, alpha, &l1, &h1);
    proportion_interval(PROPORTION_WILSON, t->x2, t->n2, alpha, &l2, &h2);
    *low = p1 - p2 - hypot(p1 - l1, h2 - p2);
    *high = p1 - p2 + hypot(p2 - l2, h1 - p1);
}

/* ---- the score interval: where z crosses +-z(alpha/2) ---- */

struct crossing {
    const struct proportion_pair *t;
    enum pair_comparison comparison;
    double z;
};

static double beyond(double at, void *of)
{
    const struct crossing *c = of;
    double value = c->comparison == PAIR_DIFFERENCE ? at : exp(at);
    double z = proportion_pair_z(c->t, c->comparison, PAIR_SCORE, value);
    /* 0/0: the data are certain under this null. */
    return (isnan(z) ? 0 : z) - c->z;
}

static void score_interval(const struct proportion_pair *t, enum pair_comparison comparison,
                           double alpha, double *low, double *high)
{
    struct crossing c = {t, comparison, normal_upper_quantile(alpha / 2)};
    double end = comparison == PAIR_DIFFERENCE ? 1 : LOG_RATIO_MAX, p1 = t->x1 / t->n1;
    double p2 = t->x2 / t->n2, at;
    at = comparison == PAIR_DIFFERENCE ? p1 - p2
         : comparison == PAIR_RATIO    ? log(p1 / p2)
                                       : log(p1 / (1 - p1) / p2 * (1 - p2));
    if (isnan(at))
        at = 0;
    at = fmin(fmax(at, -end), end);
    *low = -end;
    *high = end;
    if (at > -end)
        root_between(beyond, &c, -end, at, 0, low);
    c.z = -c.z;
    if (at < end)
        root_between(beyond, &c, at, end, 0, high);
    if (comparison != PAIR_DIFFERENCE) {
        *low = *low > -end ? exp(*low) : 0;
        *high = *high < end ? exp(*high) : INFINITY;
    }
}

void proportion_pair_interval(const struct proportion_pair *t, enum pair_comparison comparison,
                              enum pair_method method, double alpha, double *low, double *high)
{
    struct normal_form form;
    double half;
    BUG_ON(proportion_pair_ok(t, comparison, method, NULL) != 0 || !(alpha > 0 && alpha < 1));
    if (method == PAIR_NEWCOMBE) {
        newcombe(t, alpha, low, high);
        return;
    }
    if (method == PAIR_SCORE) {
        score_interval(t, comparison, alpha, low, high);
        return;
    }
    form = form_of(t, method);
    half = normal_upper_quantile(alpha / 2) * form.se;
    *low = form.estimate - half;
    *high = form.estimate + half;
    if (comparison != PAIR_DIFFERENCE) {
        bool defined = isfinite(form.estimate) && isfinite(half);
        *low = defined ? exp(*low) : NAN;
        *high = defined ? exp(*high) : NAN;
    }
}
