#include "stats/fixed/unit_moments.h"

#include <math.h>

static double variance_of(double n, double sum, double squares, bool proportion)
{
    if (n <= 0)
        return 0;
    if (proportion)
        return sum / n * (1 - sum / n);
    return n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
}

int unit_moments_from_sums(struct unit_moments *m, const struct unit_sums *s, struct err *err)
{
    const struct {
        const char *name;
        double value;
    } all[] = {
        {"n", s->n},
        {"sum", s->x},
        {"sum of squares", s->x_is_proportion ? 0 : s->xx},
        {"sum of the second value", s->y},
        {"sum of squares of the second value", s->y_is_proportion ? 0 : s->yy},
        {"sum of products", s->xy},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (!isfinite(all[i].value))
            return err_set(err, ERR_INPUT, "the %s is %g: want a finite number", all[i].name,
                           all[i].value);
    if (s->n < 0 || s->n != floor(s->n))
        return err_set(err, ERR_INPUT, "n is %g: want a count of units", s->n);
    if (s->n == 0 && (s->x != 0 || s->y != 0))
        return err_set(err, ERR_INPUT, "there are no units, but the sum is %g",
                       s->x != 0 ? s->x : s->y);
    *m = (struct unit_moments){
        .n = s->n,
        .lost = s->x_is_proportion && (s->y_is_proportion || (s->y == 0 && s->yy == 0)) ? 0 : 1};
    if (s->n == 0)
        return 0;
    m->mean_x = s->x / s->n;
    m->mean_y = s->y / s->n;
    m->variance_x = variance_of(s->n, s->x, s->xx, s->x_is_proportion);
    m->variance_y = variance_of(s->n, s->y, s->yy, s->y_is_proportion);
    if (s->n <= 1)
        return 0;
    m->covariance = s->x_is_proportion && s->y_is_proportion
                        ? s->xy / s->n - m->mean_x * m->mean_y
                        : (s->xy - s->x * s->y / s->n) / (s->n - 1);
    return 0;
}

/* A centred second moment of the union, as a variance: parts, and the distance of their means. */
static double joined(double va, double na, double vb, double nb, double distance, double lost)
{
    double n = na + nb;
    return (va * fmax(na - lost, 0) + vb * fmax(nb - lost, 0) + distance * na / n * nb) /
           (n - lost);
}

void unit_moments_merge(struct unit_moments *m, const struct unit_moments *o)
{
    double n = m->n + o->n, dx = o->mean_x - m->mean_x, dy = o->mean_y - m->mean_y;
    if (!(o->n > 0))
        return;
    if (!(m->n > 0)) {
        *m = *o;
        return;
    }
    BUG_ON(m->lost != o->lost);
    m->variance_x = joined(m->variance_x, m->n, o->variance_x, o->n, dx * dx, m->lost);
    m->variance_y = joined(m->variance_y, m->n, o->variance_y, o->n, dy * dy, m->lost);
    m->covariance = joined(m->covariance, m->n, o->covariance, o->n, dx * dy, m->lost);
    m->mean_x += dx * o->n / n;
    m->mean_y += dy * o->n / n;
    m->n = n;
}
