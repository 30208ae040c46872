/*
 * Windows of 1, 4 and 16 blocks. In each, with m windows of residual V_g and weight W_g,
 *
 *   level = sum (V_g - delta W_g)^2 / sum W_g * m / (m - 1),   delta = sum V W / sum W^2
 *
 * estimates the variance per unit of weight; level (m - 1) over the true level is nearly
 * chi-squared with m - 1 degrees of freedom when blocks are independent. A larger window counts
 * only when its level over the single blocks' would be seen less often than NOTABLE by chance:
 * taking the plain maximum of three noisy estimates would slow every honest release by a third. To
 * hold a release back until more is known (`uncertain`) asks for more, ALARMING: at 5 sums of 4
 * blocks two standard errors happen in every twentieth honest step. Single blocks are not believed
 * to be less noisy than independent events (level 1): with a handful of events they only look so.
 * What was rejected: residuals about the null here, too; an effect then looks like correlated
 * noise, and harm of four times takes two minutes to be seen instead of a quarter.
 *
 * A level that shifts within a segment is seen by every size, by 16 blocks sixteen times as much as
 * by one. Levels from differences of neighbouring windows (von Neumann) still see it once, and
 * twenty times the errors then took 100 blocks; without their largest pair they do not see the
 * shift, but of noise that lasts too little is left in steps of three windows. An older reading
 * keeps what was known of the noise and leaves out what has just begun (docs/stats/dispersion.md).
 */
#include "stats/anytime/dispersion.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "stats/numerics/setup.h"

#define NOTABLE         0.02  /* chance under independence below which a level counts */
#define ALARMING        0.001 /* ... and below which the step waits until it is settled */
#define USUAL           1.5   /* standard deviations that chi-squared exceeds with chance > 0.06 */
#define SETTLED         4     /* windows of 16 that settle the question */
#define FEWEST          4     /* windows of a size before it is asked at all */
#define PAST_BLOCKS     8     /* between two of the readings kept */
#define CORRELATION_MAX 1e12  /* beyond any data: larger ones are read as this */
#define SCATTER_FORM    2
#define OPEN_MAX        1e45  /* the same for a window that is not full */
#define SUM_MAX         1e100 /* above what blocks within their limits can add up to */

static const uint32_t window_blocks[SCATTER_SIZES] = {1, 4, 16};

void scatter_init(struct scatter *s)
{
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < SCATTER_PAST; i++)
        s->past[i] = 1;
    s->unit = 1;
}

void scatter_set_unit(struct scatter *s, double unit)
{
    BUG_ON(!(unit >= 0));
    s->unit = unit;
}

/* Squares about the open segment's own mean; never negative. */
static double open_squares(const struct scatter_window *k)
{
    double sq = k->ww > 0 ? k->vv - k->vw * k->vw / k->ww : 0;
    return sq > 0 ? sq : 0;
}

void scatter_new_segment(struct scatter *s)
{
    for (int i = 0; i < SCATTER_SIZES; i++) {
        struct scatter_window *k = &s->size[i];
        double closed_sq = k->closed_sq, closed_w = k->closed_w, closed_free = k->closed_free;
        if (k->n > 1) {
            closed_sq += open_squares(k);
            closed_w += k->w;
            closed_free += k->n - 1.0;
            /* the mean took one window's worth of squares */
            closed_w -= k->w / k->n;
        }
        *k = (struct scatter_window){
            .closed_sq = closed_sq, .closed_w = closed_w, .closed_free = closed_free};
    }
}

void scatter_take(struct scatter *s, double v, double w)
{
    for (int i = 0; i < SCATTER_SIZES; i++) {
        struct scatter_window *k = &s->size[i];
        if (w > 0) {
            k->open_v += v;
            k->open_w += w;
        }
        if (++k->in_open < window_blocks[i])
            continue;
        if (k->open_w > 0) {
            k->vv += k->open_v * k->open_v;
            k->vw += k->open_v * k->open_w;
            k->ww += k->open_w * k->open_w;
            k->w += k->open_w;
            k->n++;
        }
        k->open_v = k->open_w = 0;
        k->in_open = 0;
    }
    if (++s->since_past < PAST_BLOCKS)
        return;
    s->since_past = 0;
    memmove(s->past + 1, s->past, sizeof(s->past) - sizeof(s->past[0]));
    s->past[0] = scatter_read(s).correlation.now;
}

static double freedom(const struct scatter_window *k)
{
    return k->closed_free + (k->n > 1 ? k->n - 1.0 : 0);
}

double scatter_level(const struct scatter *s, int i)
{
    const struct scatter_window *k = &s->size[i];
    double sq = k->closed_sq, w = k->closed_w;
    if (k->n > 1) {
        sq += open_squares(k);
        w += k->w - k->w / k->n;
    }
    return w > 0 ? sq / w : NAN;
}

struct scatter_verdict scatter_read(const struct scatter *s)
{
    struct scatter_verdict r = {.correlation = {1, 1}};
    double single = scatter_level(s, 0);
    if (!(single > 0))
        return r;
    for (int i = 1; i < SCATTER_SIZES; i++) {
        double free = freedom(&s->size[i]), level = scatter_level(s, i);
        double ratio = level / fmax(single, s->unit);
        if (free < FEWEST || !(ratio > 1) || ratio - 1 < USUAL * sqrt(2 / free))
            continue;
        stats_setup();
        double chance = gsl_cdf_chisq_Q(free * ratio, free);
        if (chance < NOTABLE && ratio > r.correlation.now)
            r.correlation.now = fmin(ratio, CORRELATION_MAX);
        if (i == 1 && chance < ALARMING)
            r.uncertain = freedom(&s->size[2]) < SETTLED;
    }
    r.correlation.established = fmin(r.correlation.now, s->past[SCATTER_PAST - 1]);
    return r;
}

bool correlation_ok(const struct correlation *c)
{
    return c->established >= 1 && c->now >= c->established && c->now <= CORRELATION_MAX;
}

struct correlation scatter_correlation(const struct scatter *s, const struct correlation *floor)
{
    struct correlation own = scatter_read(s).correlation;
    return (struct correlation){fmax(own.now, floor->now),
                                fmax(own.established, floor->established)};
}

void scatter_encode(const struct scatter *s, struct buf *out)
{
    buf_add_u8(out, SCATTER_FORM);
    for (int i = 0; i < SCATTER_SIZES; i++) {
        const struct scatter_window *k = &s->size[i];
        const double v[] = {k->open_v, k->open_w,    k->vv,       k->vw,         k->ww,
                            k->w,      k->closed_sq, k->closed_w, k->closed_free};
        for (size_t j = 0; j < ARRAY_LEN(v); j++)
            buf_add_double(out, v[j]);
        buf_add_varint(out, k->in_open);
        buf_add_varint(out, k->n);
    }
    for (int i = 0; i < SCATTER_PAST; i++)
        buf_add_double(out, s->past[i]);
    buf_add_varint(out, s->since_past);
}

int scatter_decode(struct scatter *s, struct bytes *in, struct err *err)
{
    scatter_init(s);
    if (bytes_u8(in) != SCATTER_FORM)
        return err_set(err, ERR_CORRUPT, "dispersion: unknown form");
    for (int i = 0; i < SCATTER_SIZES; i++) {
        struct scatter_window *k = &s->size[i];
        double *const v[] = {&k->open_v, &k->open_w,    &k->vv,       &k->vw,         &k->ww,
                             &k->w,      &k->closed_sq, &k->closed_w, &k->closed_free};
        unsigned long long in_open, n;
        for (size_t j = 0; j < ARRAY_LEN(v); j++) {
            double x = bytes_double(in);
            bool may_be_negative = v[j] == &k->open_v || v[j] == &k->vw;
            bool is_open = v[j] == &k->open_v || v[j] == &k->open_w; /* will be squared */
            double most = is_open ? OPEN_MAX : SUM_MAX;
            if (!(fabs(x) <= most) || (x < 0 && !may_be_negative))
                return err_set(err, ERR_CORRUPT, "dispersion: a sum that no blocks give");
            *v[j] = x;
        }
        in_open = bytes_varint(in);
        n = bytes_varint(in);
        if (in->bad || in_open >= window_blocks[i] || n > UINT32_MAX)
            return err_set(err, ERR_CORRUPT, "dispersion: cut short or a count out of range");
        k->in_open = (uint32_t)in_open;
        k->n = (uint32_t)n;
    }
    for (int i = 0; i < SCATTER_PAST; i++) {
        s->past[i] = bytes_double(in);
        if (!(s->past[i] >= 1 && s->past[i] <= CORRELATION_MAX))
            return err_set(err, ERR_CORRUPT, "dispersion: a correlation that no blocks give");
    }
    s->since_past = (uint32_t)bytes_varint(in);
    if (in->bad || s->since_past >= PAST_BLOCKS)
        return err_set(err, ERR_CORRUPT, "dispersion: cut short or a count out of range");
    return 0;
}
