/* The noncentral hypergeometric law against sums over its whole support, and the series against the
 * sum where both can be had. */
#include "stats/numerics/fisher_noncentral.h"

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"
#include "tests/t.h"

#define MOST 600

static double log_choose(double n, double k)
{
    return -log(n + 1) - log_beta(k + 1, n - k + 1);
}

struct full {
    double log_p[MOST], mean, var;
    int low, high;
};

static void full_law(int n0, int n1, int total, double psi, struct full *f)
{
    double all, squares = 0;
    f->low = total > n0 ? total - n0 : 0;
    f->high = total < n1 ? total : n1;
    for (int y = f->low; y <= f->high; y++)
        f->log_p[y] = log_choose(n1, y) + log_choose(n0, total - y) + y * log(psi);
    all = log_sum_exp(f->log_p + f->low, (size_t)f->high - (size_t)f->low + 1);
    f->mean = 0;
    for (int y = f->low; y <= f->high; y++) {
        f->log_p[y] -= all;
        f->mean += y * exp(f->log_p[y]);
    }
    for (int y = f->low; y <= f->high; y++)
        squares += (y - f->mean) * (y - f->mean) * exp(f->log_p[y]);
    f->var = squares;
}

static const double odds[] = {1e-3, 0.06, 0.5, 1, 1.3, 7, 96, 1e4};

/* Differences of the log likelihood, and moments, for every y of every total. */
static void equals_the_full_sum(void)
{
    static const int sizes[][2] = {{1, 1}, {5, 2}, {2, 30}, {20, 20}, {95, 5}, {300, 250}};
    static struct full f, one;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        int n0 = sizes[s][0], n1 = sizes[s][1], step = (n0 + n1) / 40 + 1;
        for (int total = 1; total < n0 + n1; total += step)
            for (size_t i = 0; i < ARRAY_LEN(odds); i++) {
                full_law(n0, n1, total, odds[i], &f);
                full_law(n0, n1, total, 1, &one);
                for (int y = f.low; y <= f.high; y++) {
                    struct fisher_noncentral law;
                    struct fisher_point at, at_one;
                    double want = f.log_p[y] - one.log_p[y];
                    T_CHECK(fisher_noncentral_init(&law, total - y, n0, y, n1));
                    at = fisher_noncentral_at(&law, odds[i]);
                    at_one = fisher_noncentral_at(&law, 1);
                    T_NEAR(at.log_likelihood - at_one.log_likelihood, want, 1e-12, 3e-12);
                    at = fisher_noncentral_by_sum(&law, odds[i]);
                    T_NEAR(at.mean, f.mean, 1e-10, 1e-10);
                    T_NEAR(at.var, f.var, 1e-8, 1e-12);
                }
            }
    }
}

/* A fixed sequence that jumps about in [0, 1). */
static double draw(unsigned long long *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(*state >> 11) * 0x1p-53;
}

/* Arms of 1 to a million, any total, odds ratios from 1/150 to 150 (wider than any grid). */
static void series_equals_sum(void)
{
    unsigned long long state = 20;
    int compared = 0, written = 0;
    for (int k = 0; k < 60000; k++) {
        double n0 = floor(pow(10, 6 * draw(&state))) + 1, n1 = floor(pow(10, 6 * draw(&state))) + 1;
        double total = floor(draw(&state) * (n0 + n1)), psi = exp(10 * draw(&state) - 5);
        double low = fmax(0, total - n0), high = fmin(n1, total);
        double y = floor((low + high) / 2);
        struct fisher_noncentral law;
        struct fisher_point sum, series, used;
        if (!fisher_noncentral_init(&law, total - y, n0, y, n1))
            continue;
        sum = fisher_noncentral_by_sum(&law, psi);
        used = fisher_noncentral_at(&law, psi);
        series = fisher_noncentral_by_series(&law, psi);
        if (sum.var > 4000)
            continue;       /* the sum is long */
        if (law.n_values) { /* written out, with a constant of its own */
            sum.log_likelihood -= fisher_noncentral_by_sum(&law, 1).log_likelihood;
            used.log_likelihood -= fisher_noncentral_at(&law, 1).log_likelihood;
            T_NEAR(used.mean, sum.mean, 1e-12, 1e-12);
            written++;
        }
        T_NEAR(used.log_likelihood, sum.log_likelihood, 1e-13, 1e-12);
        if (law.n_values || used.log_likelihood != series.log_likelihood)
            continue;
        T_CHECK(fabs(used.mean - sum.mean) < 1e-3 * sqrt(sum.var));
        T_NEAR(used.var, sum.var, 1e-2, 0);
        compared++;
    }
    T_CHECK(compared > 10000 && written > 1000);
}

/* Many psi at once give the bits of each alone: in order, out of it, in any number, on both sides
 * of the change from the sum to the series. */
static void grid_equals_single(void)
{
    unsigned long long state = 21;
    for (int k = 0; k < 4000; k++) {
        double n0 = floor(pow(10, 5 * draw(&state))) + 1, n1 = floor(pow(10, 5 * draw(&state))) + 1;
        double y0 = floor(n0 * draw(&state)), y1 = floor(n1 * draw(&state)), psi[9];
        size_t n = 1 + (size_t)(9 * draw(&state));
        struct fisher_noncentral law;
        struct fisher_point grid[9];
        if (!fisher_noncentral_init(&law, y0, n0, y1, n1))
            continue;
        for (size_t j = 0; j < n; j++)
            psi[j] = exp(k % 2 ? 20 * draw(&state) - 10 : (double)j - 4);
        fisher_noncentral_grid(&law, psi, n, grid);
        for (size_t j = 0; j < n; j++) {
            struct fisher_point alone = fisher_noncentral_at(&law, psi[j]);
            T_CHECK(alone.log_likelihood == grid[j].log_likelihood);
            T_CHECK(alone.mean == grid[j].mean && alone.var == grid[j].var);
        }
    }
}

/* Exchanging the arms, or successes with failures, turns psi over. */
static void symmetries(void)
{
    static const double blocks[][4] = {
        {3, 20, 7, 30}, {400, 1000, 900, 2000}, {0, 5, 1, 2}, {2e11, 1e12, 5e11, 9e11}};
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        for (size_t j = 0; j < ARRAY_LEN(odds); j++) {
            const double *b = blocks[i];
            struct fisher_noncentral f, arms, failures;
            struct fisher_point here, one, there;
            fisher_noncentral_init(&f, b[0], b[1], b[2], b[3]);
            fisher_noncentral_init(&arms, b[2], b[3], b[0], b[1]);
            fisher_noncentral_init(&failures, b[1] - b[0], b[1], b[3] - b[2], b[3]);
            here = fisher_noncentral_at(&f, odds[j]);
            one = fisher_noncentral_at(&f, 1);
            there = fisher_noncentral_at(&arms, 1 / odds[j]);
            T_NEAR(there.log_likelihood - fisher_noncentral_at(&arms, 1).log_likelihood,
                   here.log_likelihood - one.log_likelihood, 1e-9, 1e-11);
            T_NEAR(there.var, here.var, 1e-9, 0);
            there = fisher_noncentral_at(&failures, 1 / odds[j]);
            T_NEAR(there.log_likelihood - fisher_noncentral_at(&failures, 1).log_likelihood,
                   here.log_likelihood - one.log_likelihood, 1e-9, 1e-11);
        }
}

static void one_point_says_nothing(void)
{
    struct fisher_noncentral f;
    T_CHECK(!fisher_noncentral_init(&f, 0, 10, 0, 10));
    T_CHECK(!fisher_noncentral_init(&f, 10, 10, 10, 10));
    T_CHECK(!fisher_noncentral_init(&f, 0, 0, 3, 10));
    T_CHECK(!fisher_noncentral_init(&f, 3, 10, 0, 0));
    T_CHECK(fisher_noncentral_init(&f, 1, 1, 0, 1));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"equals_the_full_sum", equals_the_full_sum},
        {"series_equals_sum", series_equals_sum},
        {"grid_equals_single", grid_equals_single},
        {"symmetries", symmetries},
        {"one_point_says_nothing", one_point_says_nothing},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
