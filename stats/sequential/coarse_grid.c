#include "stats/sequential/coarse_grid.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#define PANELS    15
#define NODES     (6 * PANELS + 1)
#define GRID_LOW  (-6.0)
#define GRID_HIGH 8.0
#define HALVINGS  60
#define TOP_LEVEL 1e-300

/* The closed 7-point Newton-Cotes weights over six steps, times 140 (Abramowitz & Stegun
 * 25.4.18). */
static const double newton_cotes[7] = {41, 216, 27, 272, 27, 216, 41};

struct coarse_grid {
    size_t looks;
    double t, going; /* the last look's time; the sum that stood for "went on" there */
    double at[NODES], mass[NODES];
};

static double normal_below(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* Went on so far and Z(t) < z. */
static double below(const struct coarse_grid *g, double t, double z)
{
    double sum = 0, sd = sqrt(t - g->t);
    if (g->looks == 0)
        return normal_below(fmin(z, GRID_HIGH));
    z = fmin(fmax(z, GRID_LOW), GRID_HIGH);
    for (int i = 0; i < NODES; i++)
        sum += g->mass[i] * normal_below((z * sqrt(t) - g->at[i] * sqrt(g->t)) / sd);
    return sum;
}

static double density(const struct coarse_grid *g, double t, double z)
{
    double sum = 0, sd = sqrt(t - g->t);
    if (g->looks == 0)
        return exp(-0.5 * z * z) * (M_SQRT1_2 * M_2_SQRTPI / 2);
    for (int i = 0; i < NODES; i++) {
        double x = (z * sqrt(t) - g->at[i] * sqrt(g->t)) / sd;
        sum += g->mass[i] * exp(-0.5 * x * x);
    }
    return sum * sqrt(t) / sd * (M_SQRT1_2 * M_2_SQRTPI / 2);
}

static void stop(struct coarse_grid *g, double t, double lower, double upper)
{
    struct coarse_grid next = {.looks = g->looks + 1, .t = t};
    double low = fmax(lower, GRID_LOW), high = fmin(upper, GRID_HIGH);
    double step = (high - low) / (NODES - 1);
    next.going = below(g, t, upper) - below(g, t, lower);
    for (int i = 0; i < NODES; i++) {
        double weight = newton_cotes[i % 6] * (i % 6 == 0 && i > 0 && i < NODES - 1 ? 2 : 1);
        next.at[i] = low + i * step;
        next.mass[i] = density(g, t, next.at[i]) * weight * step / 140;
    }
    *g = next;
}

/* What this look lets out, as rpact takes it: what went on before, less what is within. */
static double out(const struct coarse_grid *g, double t, double z, enum test_sides sides)
{
    double whole = g->looks ? g->going : 1;
    return whole - below(g, t, z) + (sides == BOTH_SIDES ? below(g, t, -z) : 0);
}

static double bound(const struct coarse_grid *g, double t, double spend, enum test_sides sides)
{
    double low = 0, high = GRID_HIGH;
    if (g->looks == 0)
        return fmin(gsl_cdf_ugaussian_Qinv(fmax(spend / sides, TOP_LEVEL)), GRID_HIGH);
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (out(g, t, middle, sides) > spend)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

int coarse_boundary(struct look *looks, size_t n, double alpha, enum test_sides sides,
                    const struct spending *spending, double *cumulated, struct err *err)
{
    struct coarse_grid g = {0};
    double spent = 0;
    if (!(alpha > 0 && alpha < 1) || (sides != ONE_SIDE && sides != BOTH_SIDES))
        return err_set(err, ERR_INPUT, "alpha must be between 0 and 1, sides 1 or 2");
    if (looks_check(looks, n, err) != 0 || spending_check(spending, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        double by_now = sides * spending_at(spending, alpha / sides, looks[i].t);
        if (i > 0 && !(looks[i].t > looks[i - 1].t))
            return err_set(err, ERR_INPUT, "information must rise at look %zu", i + 1);
        looks[i].upper = bound(&g, looks[i].t, by_now - spent, sides);
        looks[i].lower = sides == BOTH_SIDES ? -looks[i].upper : GRID_LOW;
        spent += out(&g, looks[i].t, looks[i].upper, sides);
        cumulated[i] = spent;
        stop(&g, looks[i].t, looks[i].lower, looks[i].upper);
    }
    return 0;
}
