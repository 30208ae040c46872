#include "stats/fixed/t_test.h"

#include <float.h>
#include <math.h>

#include "stats/numerics/student_t.h"

struct sample_summary sample_summary_of(const double *v, size_t n)
{
    double sum = 0, rest = 0, square = 0, mean;
    BUG_ON(n == 0);
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        rest += v[i] - mean;
    mean += rest / (double)n; /* what rounding lost in the first pass */
    rest = 0;
    for (size_t i = 0; i < n; i++) {
        double d = v[i] - mean;
        rest += d;
        square += d * d;
    }
    square -= rest * rest / (double)n;
    return (struct sample_summary){(double)n, mean,
                                   n > 1 ? sqrt(fmax(square, 0) / ((double)n - 1)) : 0};
}

static int summary_ok(const struct sample_summary *s, double least, const char *arm,
                      struct err *err)
{
    if (!(s->n >= least) || !isfinite(s->n))
        return err_set(err, ERR_INPUT, "arm %s has too few observations: want %.0f or more", arm,
                       least);
    if (!isfinite(s->mean) || (s->n > 1 && !(s->sd >= 0 && s->sd < INFINITY)))
        return err_set(err, ERR_INPUT, "arm %s: mean and standard deviation must be finite", arm);
    return 0;
}

static void standard_error(struct student_test *out, const struct sample_summary *x,
                           const struct sample_summary *y, bool pooled)
{
    double vx = x->n > 1 ? x->sd * x->sd : 0, vy = y->n > 1 ? y->sd * y->sd : 0;
    if (pooled) {
        out->df = x->n + y->n - 2;
        out->se = sqrt(((x->n - 1) * vx + (y->n - 1) * vy) / out->df * (1 / x->n + 1 / y->n));
    } else {
        double a = vx / x->n, b = vy / y->n, whole = a + b;
        double p = a / whole, q = b / whole; /* shares: no fourth powers that underflow */
        out->se = sqrt(whole);
        out->df = 1 / (p * p / (x->n - 1) + q * q / (y->n - 1));
    }
}

int student_test(struct student_test *out, const struct sample_summary *x,
                 const struct sample_summary *y, const struct student_question *question,
                 struct err *err)
{
    struct student_test r = {0};
    double least = question->pooled ? 1 : 2, off, half;
    if (!(question->confidence >= 0 && question->confidence <= 1) || !isfinite(question->mu))
        return err_set(err, ERR_INPUT, "confidence must be in [0, 1] and mu finite");
    if (summary_ok(x, least, "x", err) != 0 || summary_ok(y, least, "y", err) != 0)
        return -1;
    if (x->n + y->n < 3)
        return err_set(err, ERR_INPUT, "a t test needs three observations or more");
    standard_error(&r, x, y, question->pooled);
    if (r.se < 10 * DBL_EPSILON * fmax(fabs(x->mean), fabs(y->mean)))
        return err_set(err, ERR_INPUT, "the data are essentially constant");
    off = x->mean - y->mean;
    r.t = (off - question->mu) / r.se;
    r.p = NAN;
    r.limits = (struct limits){NAN, NAN};
    if (r.se > 0 && question->alternative == TWO_SIDED) {
        half = r.se * student_t_upper_quantile((1 - question->confidence) / 2, r.df);
        r.limits = (struct limits){off - half, off + half};
        r.p = student_t_two_sided(r.t, r.df);
    } else if (r.se > 0) {
        half = r.se * student_t_upper_quantile(1 - question->confidence, r.df);
        r.limits = question->alternative == LESS ? (struct limits){-INFINITY, off + half}
                                                 : (struct limits){off - half, INFINITY};
        r.p = student_t_upper(question->alternative == LESS ? -r.t : r.t, r.df);
    }
    *out = r;
    return 0;
}
