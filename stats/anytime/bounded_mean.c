/*
 * Theorem 2's exponent per value is lambda (x - m) - v psi(lambda), v = (x - prediction)^2 and psi
 * = -log(1 - lambda) - lambda (the paper's 4 v and psi/4), the prediction being the plain mean of
 * the values before, 0 at first. Theorem 1's is lambda (x - m) - lambda^2/8.
 *
 * On the grid each side's capital is a sum of logs; only the bets' truncation depends on m.
 */
#include "stats/anytime/bounded_mean.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

void bet_history_take(struct bet_history *h, double x)
{
    double mean;
    BUG_ON(!bounded_value_ok(x));
    h->n += 1;
    h->sum += x;
    mean = fmin((0.5 + h->sum) / (h->n + 1), 1);
    h->squares += (x - mean) * (x - mean);
}

double bet_history_lambda(const struct bet_history *h, double log_inverse_level)
{
    double t = h->n + 1, variance = (0.25 + h->squares) / t;
    return sqrt(2 * log_inverse_level / (t * log1p(t) * variance));
}

void mean_bound_init(struct mean_bound *b, enum mean_kind kind, double level, double truncation)
{
    BUG_ON(!(level > 0 && level < 1) || !(truncation > 0) ||
           (kind == MEAN_BERNSTEIN && !(truncation < 1)));
    *b = (struct mean_bound){
        .kind = kind, .log_inverse_level = -log(level), .truncation = truncation};
}

void mean_bound_take(struct mean_bound *b, double x)
{
    double t = b->seen.n + 1, lambda, off;
    if (b->kind == MEAN_BERNSTEIN) {
        lambda = fmin(bet_history_lambda(&b->seen, b->log_inverse_level), b->truncation);
        off = x - (b->seen.n > 0 ? b->seen.sum / b->seen.n : 0);
        b->cost += off * off * (-log1p(-lambda) - lambda);
    } else {
        lambda = fmin(sqrt(8 * b->log_inverse_level / (t * log1p(t))), b->truncation);
        b->cost += lambda * lambda / 8;
    }
    b->sum_lambda += lambda;
    b->sum_lambda_x += lambda * x;
    bet_history_take(&b->seen, x);
}

double mean_bound_log_e(const struct mean_bound *b, double m)
{
    BUG_ON(!bounded_value_ok(m));
    return b->sum_lambda_x - m * b->sum_lambda - b->cost;
}

double mean_bound_lower(const struct mean_bound *b)
{
    if (!(b->sum_lambda > 0))
        return 0;
    return fmax(b->sum_lambda_x / b->sum_lambda - (b->log_inverse_level + b->cost) / b->sum_lambda,
                0);
}

void mean_bounds_init(struct mean_bounds *b, enum mean_kind kind, double alpha, double truncation)
{
    mean_bound_init(&b->lower, kind, alpha / 2, truncation);
    mean_bound_init(&b->upper, kind, alpha / 2, truncation);
}

void mean_bounds_take(struct mean_bounds *b, double x)
{
    mean_bound_take(&b->lower, x);
    mean_bound_take(&b->upper, 1 - x);
}

struct mean_limits mean_bounds_limits(const struct mean_bounds *b)
{
    return (struct mean_limits){mean_bound_lower(&b->lower), 1 - mean_bound_lower(&b->upper)};
}

bool betting_ok(const struct betting *b)
{
    return b->alpha > 0 && b->alpha < 1 && b->theta >= 0 && b->theta <= 1 && b->c > 0 && b->c <= 1;
}

/* The two bets on the next value, before truncation. 0 for a side that theta leaves out. */
struct bets {
    double up, down;
};

static struct bets next_bets(const struct bet_history *seen, const struct betting *how)
{
    struct bets b = {0, 0};
    if (how->theta > 0)
        b.up = bet_history_lambda(seen, -log(how->alpha) - log(how->theta));
    if (how->theta < 1)
        b.down = bet_history_lambda(seen, -log(how->alpha) - log1p(-how->theta));
    return b;
}

/* lambda truncated at c/room; a room of 0 bounds nothing. */
static double truncated(double lambda, double c, double room)
{
    return lambda * room > c ? c / room : lambda;
}

static double log_gain_up(const struct bets *b, double c, double m, double x)
{
    return log1p(truncated(b->up, c, m) * (x - m));
}

static double log_gain_down(const struct bets *b, double c, double m, double x)
{
    return log1p(-truncated(b->down, c, 1 - m) * (x - m));
}

void capital_init(struct capital *k, const struct betting *how, double m)
{
    BUG_ON(!betting_ok(how) || !bounded_value_ok(m));
    *k = (struct capital){.how = *how, .m = m};
}

void capital_take(struct capital *k, double x)
{
    struct bets b = next_bets(&k->seen, &k->how);
    bet_history_take(&k->seen, x);
    k->log_up += log_gain_up(&b, k->how.c, k->m, x);
    k->log_down += log_gain_down(&b, k->how.c, k->m, x);
}

double capital_log_e(const struct capital *k)
{
    return log_add(log(k->how.theta) + k->log_up, log1p(-k->how.theta) + k->log_down);
}

double capital_log_hedged(const struct capital *k)
{
    return fmax(log(k->how.theta) + k->log_up, log1p(-k->how.theta) + k->log_down);
}

void hedged_init(struct hedged *h, const struct betting *how, int grid)
{
    BUG_ON(!betting_ok(how) || !(how->theta > 0 && how->theta < 1) || grid < 1 ||
           grid > HEDGED_GRID_MAX);
    *h = (struct hedged){.how = *how, .grid = grid, .limits = {0, 1}};
    h->log_up = mem_alloc_array((size_t)grid + 1, sizeof(double));
    h->log_down = mem_alloc_array((size_t)grid + 1, sizeof(double));
    for (int i = 0; i <= grid; i++)
        h->log_up[i] = h->log_down[i] = 0;
}

void hedged_release(struct hedged *h)
{
    free(h->log_up);
    free(h->log_down);
    h->log_up = h->log_down = NULL;
}

void hedged_take(struct hedged *h, double x)
{
    struct bets b = next_bets(&h->seen, &h->how);
    double up_limit = -log(h->how.alpha) - log(h->how.theta);
    double down_limit = -log(h->how.alpha) - log1p(-h->how.theta);
    int first = -1, last = -1;
    bet_history_take(&h->seen, x);
    for (int i = 0; i <= h->grid; i++) {
        double m = (double)i / h->grid;
        h->log_up[i] += log_gain_up(&b, h->how.c, m, x);
        h->log_down[i] += log_gain_down(&b, h->how.c, m, x);
        if (h->log_up[i] <= up_limit && h->log_down[i] <= down_limit) {
            first = first < 0 ? i : first;
            last = i;
        }
    }
    if (first < 0)
        return; /* between two steps of the grid: nothing is known from this look alone */
    h->limits.low = fmax(h->limits.low, (double)(first - 1) / h->grid);
    h->limits.high = fmin(h->limits.high, (double)(last + 1) / h->grid);
}
