#include "stats/anytime/rate_grid.h"

#include <gsl/gsl_errno.h>

#include "stats/numerics/log_beta.h"
#include "tests/stats/golden.h"

#define MOST_BLOCKS 4096

static bool half_normal(const struct golden_case *c)
{
    static struct rate_block blocks[MOST_BLOCKS];
    json_t *rho = json_object_get(c->input, "rho"), *c0 = json_object_get(c->input, "control");
    json_t *c1 = json_object_get(c->input, "treatment");
    size_t n = json_array_size(rho);
    if (n > MOST_BLOCKS)
        return false;
    for (size_t i = 0; i < n; i++) {
        double share = json_number_value(json_array_get(rho, i));
        blocks[i] = (struct rate_block){json_number_value(json_array_get(c0, i)), 1 - share,
                                        json_number_value(json_array_get(c1, i)), share};
    }
    golden_check(c, "log_e",
                 rate_grid_half_normal_log_e(blocks, n, (int)golden_number(c->params, "side"),
                                             golden_number(c->params, "r0"),
                                             golden_number(c->params, "sigma"),
                                             (size_t)golden_number(c->params, "J")));
    return true;
}

static void golden_half_normal(void)
{
    golden_each("rate_ratio_grid_log_e", 30, half_normal);
}

static void nodes_rise_through_one(void)
{
    double at[RATE_GRID];
    bool one = false;
    rate_grid_nodes(at);
    for (int j = 0; j < RATE_GRID; j++) {
        T_CHECK(j == 0 || at[j] > at[j - 1]);
        one = one || at[j] == 0;
    }
    T_CHECK(one);
    T_CHECK(exp(at[0]) < 1.0 / 15 && exp(at[RATE_GRID - 1]) > 90);
    T_NEAR(rate_grid_logit_v(0), -7.5, 0, 0);
    T_NEAR(rate_grid_logit_v(RATE_ABS - 1), 2, 1e-15, 0);
}

/* Weights add to 1, stand only on the alternative, and pass has half on "no difference". */
static void priors_are_priors(void)
{
    double at[RATE_GRID], w[RATE_GRID], one;
    rate_grid_nodes(at);
    for (double r0 = 0.1; r0 <= 50; r0 *= 1.07) {
        rate_grid_prior(TEST_FAIL, log(r0), at, w, NULL);
        T_NEAR(log_sum_exp(w, RATE_GRID), 0, 0, 1e-12);
        for (int j = 0; j < RATE_GRID; j++)
            T_CHECK(at[j] > log(r0) || w[j] == -INFINITY);
        rate_grid_prior(TEST_PASS, log(r0), at, w, &one);
        T_NEAR(log_add(log_sum_exp(w, RATE_GRID), one), 0, 0, 1e-12);
        T_NEAR(one, r0 > 1 ? -M_LN2 : -INFINITY, 0, 0);
        for (int j = 0; j < RATE_GRID; j++)
            T_CHECK(at[j] < log(r0) || w[j] == -INFINITY);
    }
}

/* The fail prior's median is where half the mass of its two lognormals lies. */
static void prior_mass_is_where_it_should_be(void)
{
    double at[RATE_GRID], w[RATE_GRID], below = 0;
    rate_grid_nodes(at);
    rate_grid_prior(TEST_FAIL, 0, at, w, NULL);
    for (int j = 0; j < RATE_GRID; j++)
        if (at[j] <= 0.6)
            below += exp(w[j]);
    /* sqrt(0.3 * 1.2) = 0.6: one lognormal is as far below it as the other is above */
    T_NEAR(below, 0.5, 0, 0.04);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"golden_half_normal", golden_half_normal},
        {"nodes_rise_through_one", nodes_rise_through_one},
        {"priors_are_priors", priors_are_priors},
        {"prior_mass_is_where_it_should_be", prior_mass_is_where_it_should_be},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
