/*
 * The recursion, with panels that follow the density.
 *
 * Why panels and not the grid of Jennison and Turnbull (section 19.3): their points are placed for
 * equally spaced looks, and Simpson's rule on them is good to about 1e-6. Two things must be
 * resolved in f_k: the Gaussian with which it will be convolved next, of width sqrt(d_{k+1}), and
 * the rounded steps that the bounds of an earlier look j left behind, of width sqrt(t_k - t_j). On
 * a panel of twice that width 12 Gauss points integrate a Gaussian to 1e-13. Away from an edge
 * panels grow with the distance, so a look soon after another costs a few panels more, not a finer
 * grid everywhere. What lies more than REACH standard deviations out is dropped (1e-19).
 */
#include "stats/sequential/recursion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#define POINTS       12
#define PANEL_WIDTH  2.0
#define EDGE_SLOPE   0.5
#define REACH        9.0
#define KERNEL_REACH 9.0
#define NEWTON_STEPS 200

/* Abscissae and weights of the 12-point Gauss-Legendre rule on (-1, 1) (Abramowitz & Stegun
 * 25.4.30), the positive half. */
static const double gauss_at[POINTS / 2] = {
    0.125233408511468915, 0.367831498998180194, 0.587317954286617447,
    0.769902674194304687, 0.904117256370474857, 0.981560634246719251,
};
static const double gauss_weight[POINTS / 2] = {
    0.249147045813402785, 0.233492536538354809, 0.203167426723065922,
    0.160078328543346226, 0.106939325995318431, 0.047175336386511827,
};

static double normal_above(double z)
{
    return 0.5 * erfc(z * M_SQRT1_2);
}

static double normal_density(double z)
{
    return exp(-0.5 * z * z) * (M_SQRT1_2 * M_2_SQRTPI / 2);
}

int looks_check(const struct look *looks, size_t n, struct err *err)
{
    if (n == 0 || n > LOOKS_MAX)
        return err_set(err, ERR_INPUT, "%zu looks: want 1 to %d", n, LOOKS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!(looks[i].t > 0) || !isfinite(looks[i].t))
            return err_set(err, ERR_INPUT, "information of look %zu must be finite and > 0", i + 1);
        if (i > 0 && looks[i].t < looks[i - 1].t)
            return err_set(err, ERR_INPUT, "information falls at look %zu", i + 1);
        if (isnan(looks[i].lower) || isnan(looks[i].upper))
            return err_set(err, ERR_INPUT, "a bound of look %zu is not a number", i + 1);
    }
    return 0;
}

void continuation_init(struct continuation *c, double drift)
{
    BUG_ON(!isfinite(drift));
    memset(c, 0, sizeof(*c));
    c->drift = drift;
}

void continuation_release(struct continuation *c)
{
    free(c->before.at);
    free(c->now.at);
    memset(c, 0, sizeof(*c));
}

/* One block holds both rows; `mass` is its second half. */
static void nodes_reserve(struct density_nodes *d, size_t n)
{
    double *block;
    size_t room = d->room ? d->room : 512;
    if (n <= d->room)
        return;
    while (room < n)
        room *= 2;
    block = malloc(2 * room * sizeof(double));
    BUG_ON(!block);
    if (d->n > 0) {
        memcpy(block, d->at, d->n * sizeof(double));
        memcpy(block + room, d->mass, d->n * sizeof(double));
    }
    free(d->at);
    d->at = block;
    d->mass = block + room;
    d->room = room;
}

/* Density at b of the paths of `from` (at from_t) after an increment, the mass of the first look's
 * normal law when there is nothing before. */
static double density_after(const struct continuation *c, const struct density_nodes *from,
                            double from_t, double t, double b, size_t *start)
{
    double d = t - from_t, sd = sqrt(d), mean = b - c->drift * d, sum = 0;
    size_t i = *start;
    if (from_t == 0)
        return normal_density((b - c->drift * t) / sd) / sd;
    while (i < from->n && from->at[i] < mean - KERNEL_REACH * sd)
        i++;
    *start = i;
    for (; i < from->n && from->at[i] <= mean + KERNEL_REACH * sd; i++) {
        double z = (mean - from->at[i]) / sd;
        sum += from->mass[i] * exp(-0.5 * z * z);
    }
    return sum * (M_SQRT1_2 * M_2_SQRTPI / 2) / sd;
}

/* The width of a panel that begins at x. */
static double panel_width(const struct continuation *c, double x, double widest)
{
    for (size_t i = 0; i < c->edges; i++) {
        double narrow = PANEL_WIDTH * sqrt(c->t - c->edge[i].t);
        double distance = fabs(x - c->edge[i].at) * EDGE_SLOPE;
        double limit = distance > narrow ? distance : narrow;
        if (c->edge[i].t < c->t && limit < widest)
            widest = limit;
    }
    return widest;
}

/* Nodes and masses of the last look, fine enough for an increment d. */
static void build_now(struct continuation *c, double d)
{
    double sd = sqrt(c->t), mean = c->drift * c->t;
    double low = fmax(c->lower, mean - REACH * sd), high = fmin(c->upper, mean + REACH * sd);
    double widest = PANEL_WIDTH * sqrt(fmin(d, c->t));
    size_t start = 0;
    c->now.n = 0;
    c->now_resolves = d;
    for (double x = low; x < high;) {
        double width = panel_width(c, x, widest), half, middle;
        if (x + 1.2 * width > high)
            width = high - x;
        half = width / 2;
        middle = x + half;
        nodes_reserve(&c->now, c->now.n + POINTS);
        for (int p = 0; p < POINTS; p++) {
            int g = p < POINTS / 2 ? POINTS / 2 - 1 - p : p - POINTS / 2;
            double at = middle + (p < POINTS / 2 ? -half : half) * gauss_at[g];
            c->now.at[c->now.n] = at;
            c->now.mass[c->now.n++] = half * gauss_weight[g] *
                                      density_after(c, &c->before, c->before_t, c->t, at, &start);
        }
        if (x + width <= x)
            break;
        x += width;
    }
}

static bool is_repeated(const struct continuation *c, double t)
{
    BUG_ON(!(t > 0) || !isfinite(t) || t < c->t);
    return c->looks > 0 && t - c->t <= LOOK_REPEATED * c->t;
}

static void prepare(struct continuation *c, double t)
{
    double d = t - c->t;
    if (c->now_resolves == 0 || d < c->now_resolves)
        build_now(c, d);
}

/* P(paths of `from` at from_t, sign * B(t) >= sign * b). */
static double tail_after(const struct continuation *c, const struct density_nodes *from,
                         double from_t, double t, double b, int sign)
{
    double d = t - from_t, sd = sqrt(d), mean = b - c->drift * d, sum = 0;
    if (from_t == 0)
        return normal_above(sign * (b - c->drift * t) / sqrt(t));
    for (size_t i = 0; i < from->n; i++)
        sum += from->mass[i] * normal_above(sign * (mean - from->at[i]) / sd);
    return sum;
}

static double tail(struct continuation *c, double t, double z, int sign)
{
    double b = z * sqrt(t), within;
    if (c->looks == 0)
        return tail_after(c, &c->before, 0, t, b, sign);
    if (!is_repeated(c, t)) {
        prepare(c, t);
        return tail_after(c, &c->now, c->t, t, b, sign);
    }
    if (!(c->lower < c->upper))
        return 0;
    b = fmin(fmax(b, c->lower), c->upper);
    within = tail_after(c, &c->before, c->before_t, c->t, b, sign) -
             tail_after(c, &c->before, c->before_t, c->t, sign > 0 ? c->upper : c->lower, sign);
    return within > 0 ? within : 0;
}

double continuation_above(struct continuation *c, double t, double z)
{
    return tail(c, t, z, 1);
}

double continuation_below(struct continuation *c, double t, double z)
{
    return tail(c, t, z, -1);
}

/* d tail / d z, without its sign. */
static double slope(struct continuation *c, double t, double z)
{
    double b = z * sqrt(t);
    size_t start = 0;
    if (c->looks == 0)
        return density_after(c, &c->before, 0, t, b, &start) * sqrt(t);
    if (!is_repeated(c, t))
        return density_after(c, &c->now, c->t, t, b, &start) * sqrt(t);
    return density_after(c, &c->before, c->before_t, c->t, b, &start) * sqrt(t);
}

/*
 * y = sign * z solves tail = p. log tail is concave and falling in y, and the tail of the paths
 * still going lies below the whole normal law's: from its quantile Newton's steps go down to the
 * root without passing it. Bisection stands by for where the tail underflows.
 */
static double solve(struct continuation *c, double t, double p, int sign)
{
    double high, low = -INFINITY, y;
    if (!(p > 0))
        return INFINITY;
    if (p >= tail(c, t, -sign * INFINITY, sign))
        return -INFINITY;
    high = gsl_cdf_ugaussian_Qinv(p) + sign * c->drift * sqrt(t) + 1e-9;
    y = high;
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double have = tail(c, t, sign * y, sign), steep = slope(c, t, sign * y), next;
        if (have > p)
            low = y;
        else
            high = y;
        next = have > 0 && steep > 0 ? y + have / steep * log(have / p) : NAN;
        if (!isfinite(next) || next > high || next < low)
            next = isfinite(low) ? (low + high) / 2 : y - (1 + fabs(y - high));
        if (fabs(next - y) <= 1e-13 * (1 + fabs(y)))
            return next;
        y = next;
    }
    return y;
}

double continuation_upper(struct continuation *c, double t, double p)
{
    return solve(c, t, p, 1);
}

double continuation_lower(struct continuation *c, double t, double p)
{
    return -solve(c, t, p, -1);
}

static void add_edge(struct continuation *c, double at)
{
    if (isfinite(at))
        c->edge[c->edges++] = (struct density_edge){at, c->t};
}

void continuation_stop(struct continuation *c, double t, double lower, double upper)
{
    double low = lower * sqrt(t), high = upper * sqrt(t);
    BUG_ON(isnan(lower) || isnan(upper) || c->looks >= LOOKS_MAX);
    if (is_repeated(c, t)) {
        c->lower = fmax(c->lower, low);
        c->upper = fmin(c->upper, high);
        c->now_resolves = 0;
        c->looks++;
        return;
    }
    if (c->looks > 0) {
        struct density_nodes spare = c->before;
        prepare(c, t);
        add_edge(c, c->lower);
        add_edge(c, c->upper);
        c->before = c->now;
        c->now = spare;
    }
    c->before_t = c->t;
    c->t = t;
    c->lower = low;
    c->upper = high;
    c->now.n = 0;
    c->now_resolves = 0;
    c->looks++;
}

void exit_probabilities(const struct look *looks, size_t n, double drift, struct look_exit *out)
{
    struct continuation c;
    continuation_init(&c, drift);
    for (size_t i = 0; i < n; i++) {
        const struct look *k = &looks[i];
        out[i].upper = continuation_above(&c, k->t, k->upper);
        out[i].lower = continuation_below(&c, k->t, fmin(k->lower, k->upper));
        continuation_stop(&c, k->t, k->lower, k->upper);
    }
    continuation_release(&c);
}

struct look_exit exit_total(const struct look *looks, size_t n, double drift)
{
    struct look_exit exits[LOOKS_MAX], sum = {0, 0};
    BUG_ON(n > LOOKS_MAX);
    exit_probabilities(looks, n, drift, exits);
    for (size_t i = 0; i < n; i++) {
        sum.lower += exits[i].lower;
        sum.upper += exits[i].upper;
    }
    return sum;
}

double expected_information(const struct look *looks, size_t n, double drift)
{
    struct look_exit exits[LOOKS_MAX];
    double mean = 0, going = 1;
    BUG_ON(n == 0 || n > LOOKS_MAX);
    exit_probabilities(looks, n, drift, exits);
    for (size_t i = 0; i + 1 < n; i++) {
        mean += looks[i].t * (exits[i].lower + exits[i].upper);
        going -= exits[i].lower + exits[i].upper;
    }
    return mean + looks[n - 1].t * going;
}
