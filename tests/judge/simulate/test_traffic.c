/* The samplers have the moments they should; seeds are fixed, limits are five standard errors. */
#include "judge/simulate/traffic.h"

#include "judge/simulate/crew.h"
#include "tests/judge/decide/canary.h"
#include "tests/t.h"

#define DRAWS 20000

struct moments_of {
    double mean, variance;
};

static struct moments_of moments_of(const double *v, int n)
{
    struct moments_of m = {0, 0};
    for (int i = 0; i < n; i++)
        m.mean += v[i] / n;
    for (int i = 0; i < n; i++)
        m.variance += (v[i] - m.mean) * (v[i] - m.mean) / (n - 1);
    return m;
}

enum law { LAW_POISSON, LAW_BINOMIAL, LAW_GAMMA, LAW_BETA, LAW_CLUSTER, LAW_BETA_BINOMIAL };

struct law_case {
    int line;
    enum law law;
    double a, b; /* its parameters */
    double mean, variance;
};

static const struct law_case law_cases[] = {
    {__LINE__, LAW_POISSON, 0.3, 0, 0.3, 0.3},       {__LINE__, LAW_POISSON, 11, 0, 11, 11},
    {__LINE__, LAW_POISSON, 400, 0, 400, 400},       {__LINE__, LAW_BINOMIAL, 1, 0.3, 0.3, 0.21},
    {__LINE__, LAW_BINOMIAL, 20, 0.9, 18, 1.8},      {__LINE__, LAW_BINOMIAL, 1000, 0.01, 10, 9.9},
    {__LINE__, LAW_BINOMIAL, 1000, 0.4, 400, 240},   {__LINE__, LAW_BINOMIAL, 1e6, 0.5, 5e5, 2.5e5},
    {__LINE__, LAW_BINOMIAL, 50, 0, 0, 0},           {__LINE__, LAW_BINOMIAL, 50, 1, 50, 0},
    {__LINE__, LAW_GAMMA, 0.5, 0, 0.5, 0.5},         {__LINE__, LAW_GAMMA, 7, 0, 7, 7},
    {__LINE__, LAW_BETA, 2, 3, 0.4, 0.04},           {__LINE__, LAW_CLUSTER, 20, 4, 20, 80},
    {__LINE__, LAW_BETA_BINOMIAL, 200, 0.1, 20, 54}, /* dispersion 3 */
};

static double draw(struct rng *r, const struct law_case *c)
{
    struct noise noise = {.dispersion = c->law == LAW_CLUSTER ? c->b : 3};
    switch (c->law) {
    case LAW_POISSON:
        return rng_poisson(r, c->a);
    case LAW_BINOMIAL:
        return rng_binomial(r, c->a, c->b);
    case LAW_GAMMA:
        return rng_gamma(r, c->a);
    case LAW_BETA:
        return rng_beta(r, c->a, c->b);
    case LAW_CLUSTER:
        return noise_count(&noise, r, c->a);
    case LAW_BETA_BINOMIAL:
        return noise_successes(&noise, r, c->a, c->b);
    }
    return NAN;
}

static void samplers_have_their_moments(void)
{
    static double v[DRAWS];
    for (size_t i = 0; i < ARRAY_LEN(law_cases); i++) {
        const struct law_case *c = &law_cases[i];
        struct rng r;
        rng_seed(&r, 100 + i);
        for (int k = 0; k < DRAWS; k++)
            v[k] = draw(&r, c);
        struct moments_of m = moments_of(v, DRAWS);
        if (fabs(m.mean - c->mean) > 5 * sqrt(c->variance / DRAWS) + 1e-9 ||
            fabs(m.variance - c->variance) > 0.1 * c->variance + 1e-9)
            t_fail(__FILE__, c->line, "mean %g, variance %g", m.mean, m.variance);
    }
}

static void small_binomial_has_its_probabilities(void)
{
    double count[6] = {0}, p = 0.3;
    struct rng r;
    rng_seed(&r, 9);
    for (int i = 0; i < DRAWS; i++)
        count[(int)rng_binomial(&r, 5, p)]++;
    for (int k = 0; k <= 5; k++) {
        double exact = tgamma(6) / tgamma(k + 1) / tgamma(6 - k) * pow(p, k) * pow(1 - p, 5 - k);
        T_NEAR(count[k] / DRAWS, exact, 0, 5 * sqrt(exact / DRAWS));
    }
}

/* A factor of mean 1 that stays for about as many blocks as it is told. */
static void wandering_rate_lasts(void)
{
    struct noise noise = {.dispersion = 1, .ar_sd = 0.5, .ar_blocks = 10};
    struct noise_state state;
    struct rng r;
    double sum = 0, both = 0, last = 0;
    rng_seed(&r, 4);
    noise_start(&noise, &state, &r);
    for (int i = 0; i < 10 * DRAWS; i++) {
        double x;
        sum += noise_factor(&noise, &state, &r, 1);
        x = state.log_rate[1];
        both += x * last;
        last = x;
    }
    T_NEAR(sum / (10 * DRAWS), 1, 0.05, 0);
    T_NEAR(both / (10 * DRAWS), exp(-0.1), 0.05, 0);
}

static void latencies_have_their_tails(void)
{
    static const struct latency shapes[] = {{LATENCY_LOGNORMAL, 80, 0.5},
                                            {LATENCY_LOGNORMAL, 3, 1.5},
                                            {LATENCY_LOGNORMAL, 3, 3},
                                            {LATENCY_EXPONENTIAL, 40, 0}};
    static struct latency_table table;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct latency *l = &shapes[i];
        struct rng r;
        struct hist one, many, exact;
        latency_table_init(&table, l);
        rng_seed(&r, 70 + i);
        hist_init(&one);
        hist_init(&many);
        hist_init(&exact);
        latency_draw(&table, &r, 100000, 1, &one);
        latency_draw(&table, &r, 400000, 1, &many); /* drawn by bucket */
        latency_expected(&table, 1e6, &exact);
        T_EQ_INT(one.n, 100000);
        T_EQ_INT(many.n, 400000);
        for (double p = 0.05; p < 0.99; p += 0.05) {
            double x = latency_at_tail(l, 1 - p), se = sqrt(p * (1 - p) / 100000);
            T_NEAR(1 - latency_tail(l, x), p, 1e-6, 0);
            T_NEAR((double)hist_count_below(&one, hist_bucket(x)) / 1e5, p, 0, 5 * se + 0.011);
            T_NEAR((double)hist_count_below(&many, hist_bucket(x)) / 4e5, p, 0, 5 * se + 0.011);
            T_NEAR(hist_quantile(&exact, p), x, 0.01, 0);
        }
        hist_release(&one);
        hist_release(&many);
        hist_release(&exact);
    }
}

/* Clopper and Pearson as R's binom.test gives them. */
static void odds_are_exact(void)
{
    struct odds o = odds_of(3, 20, 0.95);
    T_NEAR(o.lower, 0.03207094, 1e-6, 0);
    T_NEAR(o.upper, 0.37892683, 1e-6, 0);
    o = odds_of(0, 50, 0.95);
    T_NEAR(o.lower, 0, 0, 0);
    T_NEAR(o.upper, 1 - pow(0.025, 1.0 / 50), 1e-9, 0);
    o = odds_of(50, 50, 0.9);
    T_NEAR(o.lower, pow(0.05, 1.0 / 50), 1e-9, 0);
    T_NEAR(o.upper, 1, 0, 0);
}

static void spread_is_of_ranks(void)
{
    double v[] = {9, 1, 8, 2, 7, 3, 6, 4, 5, 10};
    struct spread s = spread_of(v, 10);
    T_NEAR(s.p10, 1, 0, 0);
    T_NEAR(s.p50, 5, 0, 0);
    T_NEAR(s.p90, 9, 0, 0);
    T_NEAR(s.mean, 5.5, 1e-15, 0);
    T_CHECK(isnan(spread_of(v, 0).p50));
}

/* A canary of the tests' own, in the form the walk takes. */
static void spec_for_walk(struct canary *c, struct spec_step steps[3])
{
    canary_prepare(c);
    steps[0] = (struct spec_step){.share = 0.05};
    steps[1] = (struct spec_step){.share = 0.5};
    steps[2] = (struct spec_step){.share = 1};
    c->spec.steps = steps;
    c->spec.n_steps = 3;
    c->spec.settle_us = 5 * US_PER_SECOND;
}

static void same_runs_on_any_number_of_threads(void)
{
    enum { RUNS = 24 };
    static struct walk_outcome first[RUNS], again[RUNS];
    struct canary c;
    struct spec_step steps[3];
    struct truth truth = {.requests = 2000, .noise = {.dispersion = 2}, .harm_from_step = 1};
    spec_for_walk(&c, steps);
    truth.metrics[0] = (struct metric_truth){.base = 0.01, .harmed = 0.013};
    struct crew crew = {.spec = &c.spec, .truth = &truth, .seed = 3, .runs = RUNS, .threads = 1};
    crew.options.horizon_us = 2000 * US_PER_SECOND;
    T_CHECK(crew_run(&crew, first));
    crew.threads = 5;
    T_CHECK(crew_run(&crew, again));
    T_CHECK(memcmp(first, again, sizeof(first)) == 0);
    crew.seed = 4;
    T_CHECK(crew_run(&crew, again));
    T_CHECK(memcmp(first, again, sizeof(first)) != 0);
    arena_release(&c.arena);
}

/* What the candidate met is what its share says; harm from a later step is found there. */
static void walk_keeps_to_the_steps(void)
{
    enum { RUNS = 40 };
    static struct walk_outcome o[RUNS];
    struct canary c;
    struct spec_step steps[3];
    struct truth truth = {.requests = 2000, .noise = {.dispersion = 1}, .harm_from_step = 2};
    struct tally tally;
    spec_for_walk(&c, steps);
    steps[0].min_time_us = 40 * US_PER_SECOND;
    truth.metrics[0] = (struct metric_truth){.base = 0.01, .harmed = 0.05};
    struct crew crew = {.spec = &c.spec, .truth = &truth, .seed = 3, .runs = RUNS, .threads = 2};
    crew.options.horizon_us = 2000 * US_PER_SECOND;
    T_CHECK(crew_run(&crew, o));
    tally_of(&c.spec, o, RUNS, 0.95, &tally);
    T_EQ_INT(tally.ends[WALK_ROLLED_BACK].n, RUNS);
    T_EQ_INT(tally.steps[0].left.n, RUNS);
    T_EQ_INT(tally.steps[1].rolled_back, RUNS);
    T_EQ_INT(tally.by_metric[0], RUNS);
    T_CHECK(tally.steps[0].time_s.p10 >= 40 && tally.steps[0].time_s.p90 <= 80);
    for (int i = 0; i < RUNS; i++) {
        double in_first = (double)o[i].left_us[0] / 1e6;
        double expected = 2000 * (0.05 * in_first + 0.5 * ((double)o[i].us / 1e6 - in_first));
        T_NEAR(o[i].met, expected, 0.05, 0);
        T_NEAR(o[i].requests, 2000 * (double)o[i].us / 1e6, 0.02, 0);
    }
    arena_release(&c.arena);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"samplers_have_their_moments", samplers_have_their_moments},
        {"small_binomial_has_its_probabilities", small_binomial_has_its_probabilities},
        {"wandering_rate_lasts", wandering_rate_lasts},
        {"latencies_have_their_tails", latencies_have_their_tails},
        {"odds_are_exact", odds_are_exact},
        {"spread_is_of_ranks", spread_is_of_ranks},
        {"same_runs_on_any_number_of_threads", same_runs_on_any_number_of_threads},
        {"walk_keeps_to_the_steps", walk_keeps_to_the_steps},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
