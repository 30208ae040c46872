/*
 * "As likely as" is decided on log densities. They rise up to the mode and fall after it, so the
 * outcomes that count on the far side of the mean are found by halving, and their sum is a tail: no
 * loop over outcomes, and counts of 1e12 cost what counts of 10 do.
 */
#include "stats/fixed/exact_counts.h"

#include <math.h>

#include "stats/numerics/tails.h"

#define EQUALLY_LIKELY 1e-7 /* relative */
#define COUNT_MAX      1e12

static bool is_count(double v)
{
    return v >= 0 && v <= COUNT_MAX && v == floor(v);
}

static int question_ok(const struct exact_question *q, double most, struct err *err)
{
    if (!(q->null >= 0 && q->null <= most) || !isfinite(q->null))
        return err_set(err, ERR_INPUT, "the null value is outside its range");
    if (!(q->confidence > 0 && q->confidence < 1))
        return err_set(err, ERR_INPUT, "confidence must be in (0, 1)");
    return 0;
}

/* A law of counts: binomial with n trials, or Poisson (n INFINITY). */
struct law {
    double n, p, mean;
};

static double log_density(const struct law *l, double k)
{
    return isinf(l->n) ? poisson_log_density(k, l->mean) : binomial_log_density(k, l->n, l->p);
}

static double log_lower(const struct law *l, double k)
{
    return isinf(l->n) ? poisson_log_lower(k, l->mean) : binomial_log_lower(k, l->n, l->p);
}

static double log_upper(const struct law *l, double k)
{
    return isinf(l->n) ? poisson_log_upper(k, l->mean) : binomial_log_upper(k, l->n, l->p);
}

/* The smallest count of [from, to], where the density falls, that is as unlikely as `limit`;
 * to + 1 when none is. */
static double first_unlikely(const struct law *l, double from, double to, double limit)
{
    double high = to + 1;
    while (from < high) {
        double mid = floor(from + (high - from) / 2);
        if (log_density(l, mid) <= limit)
            high = mid;
        else
            from = mid + 1;
    }
    return high;
}

/* How many counts of [0, to], where the density rises, are as unlikely as `limit`. */
static double unlikely_below(const struct law *l, double to, double limit)
{
    double low = 0, high = to + 1;
    while (low < high) {
        double mid = floor(low + (high - low) / 2);
        if (log_density(l, mid) <= limit)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static double two_sided(const struct law *l, double x)
{
    double limit = log_density(l, x) + log1p(EQUALLY_LIKELY), p;
    if (x == l->mean)
        return 1;
    if (x < l->mean) {
        double last = l->n, far;
        if (isinf(last)) /* beyond this the density is below any limit */
            for (last = ceil(2 * l->mean - x) + 1; log_density(l, last) > limit;)
                last *= 2;
        far = first_unlikely(l, ceil(l->mean), last, limit);
        p = exp(log_lower(l, x)) + exp(log_upper(l, far));
    } else {
        p = exp(log_upper(l, x)) + exp(log_lower(l, unlikely_below(l, floor(l->mean), limit) - 1));
    }
    return fmin(1, p);
}

static double p_value(const struct law *l, double x, enum alternative alternative)
{
    if (alternative == TWO_SIDED)
        return two_sided(l, x);
    return fmin(1, exp(alternative == LESS ? log_lower(l, x) : log_upper(l, x)));
}

static struct beta_point beta_limit(double x, double n, double alpha, bool upper)
{
    if (upper)
        return x == n ? (struct beta_point){1, 0} : beta_upper_point(alpha, x + 1, n - x);
    return x == 0 ? (struct beta_point){0, 1} : beta_lower_point(alpha, x, n - x + 1);
}

static void beta_limits(struct beta_point *low, struct beta_point *high, double x, double n,
                        enum alternative alternative, double confidence)
{
    double alpha = alternative == TWO_SIDED ? (1 - confidence) / 2 : 1 - confidence;
    *low = (struct beta_point){0, 1};
    *high = (struct beta_point){1, 0};
    if (alternative != LESS)
        *low = beta_limit(x, n, alpha, false);
    if (alternative != GREATER)
        *high = beta_limit(x, n, alpha, true);
}

struct limits clopper_pearson(double x, double n, enum alternative alternative, double confidence)
{
    struct beta_point low, high;
    BUG_ON(!is_count(x) || !is_count(n) || x > n || !(confidence > 0 && confidence < 1));
    beta_limits(&low, &high, x, n, alternative, confidence);
    return (struct limits){low.x, high.x};
}

int binomial_test(struct exact_test *out, double x, double n, const struct exact_question *question,
                  struct err *err)
{
    struct law l = {n, question->null, n * question->null};
    if (!is_count(x) || !is_count(n) || n < 1 || x > n)
        return err_set(err, ERR_INPUT, "want whole numbers 0 <= x <= n, 1 <= n <= 1e12");
    if (question_ok(question, 1, err) != 0)
        return -1;
    out->estimate = x / n;
    out->p = p_value(&l, x, question->alternative);
    out->limits = clopper_pearson(x, n, question->alternative, question->confidence);
    return 0;
}

static int events_ok(const struct events *e, struct err *err)
{
    if (!is_count(e->count) || !(e->exposure > 0 && e->exposure < INFINITY))
        return err_set(err, ERR_INPUT, "want a whole count up to 1e12 and an exposure > 0");
    return 0;
}

int poisson_test(struct exact_test *out, const struct events *one,
                 const struct exact_question *question, struct err *err)
{
    double x = one->count, t = one->exposure, alpha = 1 - question->confidence;
    struct law l = {INFINITY, NAN, question->null * t};
    if (events_ok(one, err) != 0 || question_ok(question, INFINITY, err) != 0)
        return -1;
    if (!(l.mean <= COUNT_MAX))
        return err_set(err, ERR_INPUT, "more than 1e12 events are expected");
    if (question->alternative == TWO_SIDED)
        alpha /= 2;
    out->estimate = x / t;
    out->p = p_value(&l, x, question->alternative);
    out->limits.low = question->alternative == LESS || x == 0 ? 0 : gamma_lower_point(alpha, x) / t;
    out->limits.high =
        question->alternative == GREATER ? INFINITY : gamma_upper_point(alpha, x + 1) / t;
    return 0;
}

int poisson_ratio_test(struct exact_test *out, const struct events *a, const struct events *b,
                       const struct exact_question *question, struct err *err)
{
    double total = a->count + b->count, scale = b->exposure / a->exposure;
    double share = question->null * a->exposure / (question->null * a->exposure + b->exposure);
    struct law l = {total, share, total * share};
    struct beta_point low, high;
    if (events_ok(a, err) != 0 || events_ok(b, err) != 0 ||
        question_ok(question, INFINITY, err) != 0)
        return -1;
    if (!(total <= COUNT_MAX) || !(share >= 0 && share <= 1))
        return err_set(err, ERR_INPUT, "too many events, or exposures too far apart");
    out->estimate = (a->count / a->exposure) / (b->count / b->exposure);
    out->p = total == 0 ? 1 : p_value(&l, a->count, question->alternative);
    beta_limits(&low, &high, a->count, total, question->alternative, question->confidence);
    out->limits.low = low.x / low.y * scale;
    out->limits.high = high.x / high.y * scale;
    return 0;
}
