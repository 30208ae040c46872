#include "stats/fixed/power.h"

#include "tests/t.h"

/* Cohen's and R's textbook designs. */
static void known_designs(void)
{
    struct power_rule rule = {0.05, 2, false, 0};
    double v;
    T_CHECK(means_size(&(struct means_design){0, 0.5, 1, 2}, &rule, 0.8, &v, NULL) == 0);
    T_NEAR(v, 63.7657637248506, 1e-11, 0); /* R with tol 1e-13 */
    rule.strict = true;
    T_CHECK(means_size(&(struct means_design){0, 0.5, 1, 2}, &rule, 0.8, &v, NULL) == 0);
    T_NEAR(v, 63.7656101909419, 1e-11, 0);
    rule.strict = false;
    T_CHECK(means_effect(&(struct means_design){100, 0, 1, 2}, &rule, 0.8, &v, NULL) == 0);
    T_NEAR(v, 0.398138624874, 1e-11, 0);
    T_CHECK(proportions_effect(&(struct proportions_design){1000, 0.1, 0}, &rule, 0.8, true, &v,
                               NULL) == 0);
    T_NEAR(v, 0.140745154312, 1e-11, 0);
    rule.sides = 1;
    T_NEAR(means_power(&(struct means_design){50, 0, 1, 2}, &rule), 0.05, 1e-12, 0);
    rule = (struct power_rule){0.05, 2, true, 0};
    T_NEAR(means_power(&(struct means_design){50, 0, 1, 2}, &rule), 0.05, 1e-12, 0);
    T_NEAR(proportions_power(&(struct proportions_design){50, 0.3, 0.3}, &rule), 0.05, 1e-12, 0);
}

/* Size, effect and power undo each other. */
static void round_trips(void)
{
    for (int sides = 1; sides <= 2; sides++)
        for (double power = 0.3; power < 0.999; power = 1 - (1 - power) / 4)
            for (double delta = 0.003; delta < 3; delta *= 4) {
                struct power_rule rule = {0.01, sides, false, 0};
                struct means_design d = {0, delta, 1.5, sides};
                struct proportions_design p = {0, 0.2, 0.2 + delta / 5};
                double v;
                T_CHECK(means_size(&d, &rule, power, &d.n, NULL) == 0);
                T_NEAR(means_power(&d, &rule), power, 1e-10, 0);
                T_CHECK(means_effect(&d, &rule, power, &v, NULL) == 0);
                T_NEAR(v, delta, 1e-8, 0);
                T_CHECK(proportions_size(&p, &rule, power, &p.n, NULL) == 0);
                T_NEAR(proportions_power(&p, &rule), power, 1e-10, 0);
                T_CHECK(proportions_effect(&p, &rule, power, true, &v, NULL) == 0);
                T_NEAR(v, p.p2, 1e-8, 0);
            }
}

static void grows(void)
{
    struct power_rule rule = {0.05, 2, false, 0};
    double before = 0;
    for (double n = 1.5; n < 1e7; n *= 1.3) {
        double v = means_power(&(struct means_design){n, 0.01, 1, 2}, &rule);
        T_CHECK(v >= before * (1 - 1e-12) && v <= 1);
        before = v;
    }
    T_NEAR(before, 1, 1e-12, 0);
}

static void refuses(void)
{
    struct power_rule rule = {0.05, 2, false, 0}, bad = {0, 2, false, 0};
    struct means_design d = {10, NAN, 1, 2};
    struct proportions_design p = {10, 0, 0};
    double v;
    T_CHECK(means_design_ok(&d, &rule, NULL) != 0);
    T_CHECK(means_size(&d, &rule, 0.8, &v, NULL) != 0);
    d.delta = 0;
    T_CHECK(means_design_ok(&d, &bad, NULL) != 0);
    T_CHECK(means_size(&d, &rule, 0.8, &v, NULL) != 0);
    d.delta = 1;
    T_CHECK(means_size(&d, &rule, 0.025, &v, NULL) != 0);
    T_CHECK(means_effect(&d, &rule, 1, &v, NULL) != 0);
    T_CHECK(means_effect(&d, &rule, 0.01, &v, NULL) != 0);
    T_CHECK(proportions_design_ok(&p, &rule, NULL) != 0);
    T_CHECK(proportions_effect(&p, &rule, 0.8, false, &v, NULL) != 0);
    p = (struct proportions_design){10, 0.5, 0.5};
    T_CHECK(proportions_size(&p, &rule, 0.8, &v, NULL) != 0);
    p.n = 2; /* too few for any effect */
    T_CHECK(proportions_effect(&p, &rule, 0.99, true, &v, NULL) != 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"known_designs", known_designs},
        {"round_trips", round_trips},
        {"grows", grows},
        {"refuses", refuses},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
