#include "stats/fixed/experiment_test.h"

#include "stats/anytime/asymptotic_cs.h"
#include "stats/fixed/cuped.h"
#include "stats/fixed/ratio_metric.h"
#include "tests/t.h"

static unsigned long long state = 1;

static double uniform(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/* Units with a covariate: y = 2 + .8 x + noise, x about 5. */
static struct unit_sums draw(size_t n, double shift)
{
    struct unit_sums s = {.n = (double)n};
    for (size_t i = 0; i < n; i++) {
        double pre = 5 + normal(), post = 2 + shift + 0.8 * pre + 0.5 * normal();
        s.x += post;
        s.xx += post * post;
        s.y += pre;
        s.yy += pre * pre;
        s.xy += post * pre;
    }
    return s;
}

static struct experiment_arm arm_of(enum unit_metric kind, const struct unit_sums *s)
{
    struct experiment_arm arm = {.kind = kind};
    struct unit_sums own = *s;
    own.x_is_proportion = kind == METRIC_PROPORTION;
    if (unit_moments_from_sums(&arm.units, &own, NULL) != 0)
        t_fail(__FILE__, __LINE__, "sums refused");
    return arm;
}

static struct experiment_arm proportion(double n, double successes)
{
    struct unit_sums s = {.n = n, .x = successes};
    return arm_of(METRIC_PROPORTION, &s);
}

static void refuses_sums_that_are_none(void)
{
    const struct {
        struct unit_sums sums;
        const char *says;
    } bad[] = {
        {{.n = -1}, "n is -1"},
        {{.n = 2.5}, "count of units"},
        {{.n = NAN}, "the n is nan"},
        {{.n = 3, .x = INFINITY}, "the sum is inf"},
        {{.n = 3, .xx = NAN}, "sum of squares is nan"},
        {{.n = 3, .xy = -INFINITY}, "sum of products is -inf"},
        {{.n = 0, .x = 2}, "no units"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct unit_moments m;
        T_EQ_INT(unit_moments_from_sums(&m, &bad[i].sums, &err), -1);
        T_HAS_STR(err.message, bad[i].says);
    }
}

static void merging_is_taking_all(void)
{
    struct unit_sums a = draw(40, 0), b = draw(70, 1), both = a;
    struct unit_moments ma, mb, all;
    both.n += b.n;
    both.x += b.x;
    both.xx += b.xx;
    both.y += b.y;
    both.yy += b.yy;
    both.xy += b.xy;
    T_CHECK(unit_moments_from_sums(&ma, &a, NULL) == 0);
    T_CHECK(unit_moments_from_sums(&mb, &b, NULL) == 0);
    T_CHECK(unit_moments_from_sums(&all, &both, NULL) == 0);
    unit_moments_merge(&ma, &mb);
    T_NEAR(ma.n, all.n, 0, 0);
    T_NEAR(ma.mean_x, all.mean_x, 1e-13, 0);
    T_NEAR(ma.variance_x, all.variance_x, 1e-11, 0);
    T_NEAR(ma.variance_y, all.variance_y, 1e-11, 0);
    T_NEAR(ma.covariance, all.covariance, 1e-11, 0);
}

/* The delta method is the variance of z = (x - R y)/mean y. */
static void ratio_is_the_linearised_mean(void)
{
    double x[50], y[50], squares = 0, ratio, mean_y;
    struct unit_sums s = {.n = 50};
    struct unit_moments m;
    for (int i = 0; i < 50; i++) {
        y[i] = 1 + floor(5 * uniform());
        x[i] = floor(y[i] * uniform());
        s.x += x[i];
        s.xx += x[i] * x[i];
        s.y += y[i];
        s.yy += y[i] * y[i];
        s.xy += x[i] * y[i];
    }
    ratio = s.x / s.y;
    mean_y = s.y / 50;
    for (int i = 0; i < 50; i++)
        squares += (x[i] - ratio * y[i]) * (x[i] - ratio * y[i]) / (mean_y * mean_y);
    T_CHECK(unit_moments_from_sums(&m, &s, NULL) == 0);
    T_NEAR(ratio_metric_of(&m).ratio, ratio, 1e-15, 0);
    T_NEAR(ratio_metric_of(&m).variance, squares / 49, 1e-11, 0);
}

/* No other theta gives a smaller variance, and the covariate takes what its correlation says. */
static void cuped_is_the_best_adjustment(void)
{
    struct unit_sums a = draw(2000, 0);
    struct unit_moments m, none = {.lost = 1};
    double theta, least, r2;
    T_CHECK(unit_moments_from_sums(&m, &a, NULL) == 0);
    theta = cuped_theta(&m, &none);
    least = cuped_adjust(&m, theta).variance;
    r2 = m.covariance * m.covariance / (m.variance_x * m.variance_y);
    T_NEAR(theta, 0.8, 0, 0.05);
    T_NEAR(least, m.variance_x * (1 - r2), 1e-10, 0);
    T_CHECK(cuped_adjust(&m, theta + 0.01).variance > least);
    T_CHECK(cuped_adjust(&m, theta - 0.01).variance > least);
    m.variance_y = 0;
    T_NEAR(cuped_theta(&m, &none), 0, 0, 0);
}

static void cuped_narrows_and_keeps_the_effect(void)
{
    struct unit_sums a = draw(5000, 0), b = draw(5000, 0.1);
    struct experiment_arm pa = arm_of(METRIC_MEAN, &a), pb = arm_of(METRIC_MEAN, &b);
    struct experiment_arm ca = arm_of(METRIC_CUPED, &a), cb = arm_of(METRIC_CUPED, &b);
    for (int relative = 0; relative < 2; relative++) {
        struct effect plain = effect_of(&pa, &pb, relative), adj = effect_of(&ca, &cb, relative);
        T_CHECK(plain.state == EFFECT_OK && adj.state == EFFECT_OK);
        T_CHECK(adj.se < 0.6 * plain.se);
        T_NEAR(adj.estimate, relative ? 0.1 / 6 : 0.1, 0, 4 * adj.se);
    }
}

static void says_why_there_is_no_effect(void)
{
    struct unit_sums constant = {.n = 10, .x = 20, .xx = 40}, centred = {.n = 10, .xx = 5};
    struct unit_sums varied = {.n = 10, .x = 5, .xx = 9}, huge = {.n = 10, .x = 1e200, .xx = 1e308};
    const struct {
        struct experiment_arm a, b;
        bool relative;
        enum effect_state state;
    } c[] = {
        {proportion(0, 0), proportion(10, 5), true, EFFECT_NO_VARIANCE},
        {proportion(10, 0), proportion(10, 5), true, EFFECT_NO_VARIANCE},
        {proportion(10, 5), proportion(10, 10), false, EFFECT_NO_VARIANCE},
        {proportion(1, 1), proportion(10, 5), false, EFFECT_NO_VARIANCE},
        {proportion(10, 12), proportion(10, 5), false, EFFECT_NO_VARIANCE},
        {arm_of(METRIC_MEAN, &constant), arm_of(METRIC_MEAN, &varied), false, EFFECT_NO_VARIANCE},
        {arm_of(METRIC_MEAN, &centred), arm_of(METRIC_MEAN, &varied), false, EFFECT_ZERO_BASELINE},
        {arm_of(METRIC_MEAN, &centred), arm_of(METRIC_MEAN, &varied), true, EFFECT_ZERO_BASELINE},
        {arm_of(METRIC_MEAN, &varied), arm_of(METRIC_MEAN, &centred), true, EFFECT_OK},
        {arm_of(METRIC_RATIO, &varied), arm_of(METRIC_RATIO, &varied), true, EFFECT_NO_VARIANCE},
        {arm_of(METRIC_MEAN, &huge), arm_of(METRIC_MEAN, &varied), false, EFFECT_NO_VARIANCE},
    };
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        struct effect e = effect_of(&c[i].a, &c[i].b, c[i].relative);
        if (e.state != c[i].state)
            t_fail(__FILE__, __LINE__, "case %zu: state %d, want %d", i, e.state, c[i].state);
        T_CHECK((effect_state_word(e.state) == NULL) == (e.state == EFFECT_OK));
    }
}

/* Swapping arms mirrors an absolute effect; the two one-sided p of Welch add to 1. */
static void symmetry_and_order(void)
{
    static const enum effect_alternative sides[] = {EFFECT_TWO_SIDED, EFFECT_GREATER, EFFECT_LESS};
    for (double x = 3; x < 60; x += 8) {
        struct experiment_arm a = proportion(100, 30), b = proportion(140, x);
        struct effect ab = effect_of(&a, &b, false), ba = effect_of(&b, &a, false);
        struct effect_test up = effect_welch(&ab, 0.05, EFFECT_GREATER);
        struct effect_test down = effect_welch(&ab, 0.05, EFFECT_LESS), mirror;
        T_NEAR(ab.estimate, -ba.estimate, 1e-12, 1e-15);
        T_NEAR(ab.se, ba.se, 1e-14, 0);
        T_NEAR(ab.df, ba.df, 1e-12, 0);
        T_NEAR(up.p_value + down.p_value, 1, 1e-13, 0);
        mirror = effect_welch(&ba, 0.05, EFFECT_LESS);
        T_NEAR(mirror.high, -up.low, 1e-10, 1e-14);
        for (size_t s = 0; s < 3; s++) {
            struct effect_test wide = effect_welch(&ab, 0.01, sides[s]);
            struct effect_test tight = effect_welch(&ab, 0.2, sides[s]);
            T_CHECK(wide.low <= tight.low && wide.high >= tight.high);
            T_CHECK(wide.p_value == tight.p_value && wide.p_value >= 0 && wide.p_value <= 1);
            /* a sequence is wider than a single look */
            wide = effect_sequential(&ab, 0.05, 5000, sides[s]);
            tight = effect_welch(&ab, 0.05, sides[s]);
            T_CHECK(wide.low <= tight.low && wide.high >= tight.high);
        }
    }
}

/* An interval excludes 0 exactly when p is below its level. */
static void interval_and_p_agree(void)
{
    for (double x = 20; x < 90; x += 1) {
        struct experiment_arm a = proportion(100, 30), b = proportion(100, x);
        struct effect e = effect_of(&a, &b, false);
        for (double alpha = 0.001; alpha < 0.4; alpha *= 1.9) {
            struct effect_test w = effect_welch(&e, alpha, EFFECT_TWO_SIDED);
            struct effect_test s = effect_sequential(&e, alpha, 200, EFFECT_TWO_SIDED);
            struct effect_test g = effect_sequential(&e, alpha, 200, EFFECT_GREATER);
            T_CHECK((w.p_value < alpha) == (w.low > 0 || w.high < 0));
            T_CHECK((s.p_value < alpha) == (s.low > 0 || s.high < 0));
            T_CHECK((effect_sequential_p(&e, alpha, 200, EFFECT_GREATER) < alpha) == (g.low > 0));
        }
    }
}

/* GrowthBook's bisected p is the exact one within its range, for effects far above 1e-6. */
static void bisected_p_is_near_the_exact_one(void)
{
    for (double x = 30; x < 80; x += 1) {
        struct experiment_arm a = proportion(100, 30), b = proportion(100, x);
        struct effect e = effect_of(&a, &b, true);
        double exact = effect_sequential_p(&e, 0.05, 200, EFFECT_GREATER);
        T_NEAR(effect_sequential(&e, 0.05, 200, EFFECT_GREATER).p_value,
               fmin(fmax(exact, 1e-5), 0.4999), 1e-3, 1e-5);
    }
}

static void asymptotic_cs_is_its_own_inverse(void)
{
    for (double n = 10; n < 1e9; n *= 30) {
        double rho2 = asymptotic_cs_rho2(0.05, 5000), half, z;
        half = asymptotic_cs_half_width(4, n, rho2, 0.05);
        z = half / sqrt(4 / n);
        T_NEAR(asymptotic_cs_log_e(z, n, rho2), log(20), 1e-10, 0);
    }
    /* narrowest, in standard errors, near the size it was tuned for */
    for (double n = 100; n < 1e6; n *= 1.5)
        T_CHECK(asymptotic_cs_half_width(n, n, asymptotic_cs_rho2(0.05, n), 0.05) <=
                asymptotic_cs_half_width(n, n, asymptotic_cs_rho2(0.05, 3 * n), 0.05));
}

/* Welch at 5 % under no effect, 2,000 runs of two skewed arms: 5 % of about 100, 4 sd = 39. */
static void welch_keeps_its_level(void)
{
    int found = 0;
    for (int run = 0; run < 2000; run++) {
        struct unit_sums s[2] = {{.n = 0}};
        struct experiment_arm arm[2];
        for (int a = 0; a < 2; a++) {
            s[a].n = a ? 60 : 120;
            for (int i = 0; i < (a ? 60 : 120); i++) {
                double v = -log(uniform());
                s[a].x += v;
                s[a].xx += v * v;
            }
            arm[a] = arm_of(METRIC_MEAN, &s[a]);
        }
        struct effect e = effect_of(&arm[0], &arm[1], false);
        found += effect_welch(&e, 0.05, EFFECT_TWO_SIDED).p_value < 0.05;
    }
    T_CHECK(found > 61 && found < 145);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"refuses_sums_that_are_none", refuses_sums_that_are_none},
        {"merging_is_taking_all", merging_is_taking_all},
        {"ratio_is_the_linearised_mean", ratio_is_the_linearised_mean},
        {"cuped_is_the_best_adjustment", cuped_is_the_best_adjustment},
        {"cuped_narrows_and_keeps_the_effect", cuped_narrows_and_keeps_the_effect},
        {"says_why_there_is_no_effect", says_why_there_is_no_effect},
        {"symmetry_and_order", symmetry_and_order},
        {"interval_and_p_agree", interval_and_p_agree},
        {"bisected_p_is_near_the_exact_one", bisected_p_is_near_the_exact_one},
        {"asymptotic_cs_is_its_own_inverse", asymptotic_cs_is_its_own_inverse},
        {"welch_keeps_its_level", welch_keeps_its_level},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
