#include "judge/simulate/cost.h"

#include <math.h>

#include "stats/anytime/step_pace.h"

/* As measured on a 3 GHz core (docs/stats/planning.md). */
#define BLOCK_RATE_US     6.0
#define BLOCK_QUANTILE_US 40.0
#define VALUE_US          0.008
#define BUDGET_US         12e6 /* of threads together */
#define SHAPE_VALUES      200000.0
#define DAY_US            (INT64_C(86400) * US_PER_SECOND)
#define UNLUCKY           0.9
#define UNKNOWN_BLOCKS    1.0

int64_t cost_horizon(const struct assumption *a, int64_t asked_us)
{
    const struct spec_policy *policy = &a->spec.policy;
    if (asked_us > 0)
        return asked_us;
    return policy->deadline_us > 0 ? policy->deadline_us + 10 * policy->block_us : DAY_US;
}

static double block_requests(const struct assumption *a)
{
    return a->truth.requests * (double)a->spec.policy.block_us / 1e6;
}

static struct step_pace rate_pace(const struct assumption *a, size_t metric, size_t step,
                                  enum test_side side)
{
    const struct spec_metric *m = &a->spec.metrics[metric];
    const struct metric_truth *t = &a->truth.metrics[metric];
    bool is_fall = m->harm == HARM_DECREASE;
    double share = a->spec.steps[step].share, n = block_requests(a);
    struct rate_null null = {1, NAN};
    struct exposure_margin margin = {m->margin.relative, m->margin.absolute, is_fall,
                                     m->kind == METRIC_PROPORTION ? 1 : NAN};
    struct rate_plan plan = {.x0 = n * (1 - share),
                             .x1 = n * share,
                             .rate0 = t->base,
                             .rate1 = t->harmed,
                             .dispersion = a->truth.noise.dispersion};
    double alpha = a->spec.policy.beta;
    if (is_fall)
        plan = (struct rate_plan){plan.x1, plan.x0, plan.rate1, plan.rate0, plan.dispersion};
    if (side == TEST_PASS) {
        if (exposure_rate_null(&margin, a->spec.steps[step + 1].share, &null) != LIMIT_TESTED)
            return (struct step_pace){
                exposure_limit_of(&margin, a->spec.steps[step + 1].share) == LIMIT_NONE ? 1e-9
                                                                                        : INFINITY,
                0};
    } else {
        double tolerance = isnan(m->tolerance.relative) ? 0 : m->tolerance.relative;
        alpha = decision_alpha(&a->spec, metric).judging / 2;
        null.ratio = is_fall ? 1 / (1 - fmin(tolerance, 0.9)) : 1 + tolerance;
    }
    struct rate_block block = {plan.x0 * plan.rate0, plan.x0, plan.x1 * plan.rate1, plan.x1};
    if (!rate_block_ok(&block) || !rate_null_ok(&null))
        return (struct step_pace){INFINITY, 0};
    return step_pace_rate(&null, side, alpha, &plan);
}

static struct step_pace quantile_pace(const struct assumption *a, size_t metric, size_t step,
                                      enum test_side side)
{
    const struct spec_metric *m = &a->spec.metrics[metric];
    const struct metric_truth *t = &a->truth.metrics[metric];
    double share = a->spec.steps[step].share, n = block_requests(a), alpha = a->spec.policy.beta;
    double tolerance = isnan(m->tolerance.relative) ? 0 : m->tolerance.relative;
    struct quantile_null null = {.p = m->quantile, .factor = 1 + tolerance, .share = 1};
    struct step_pace pace = {INFINITY, 0};
    struct hist h0, h1;
    if (side == TEST_FAIL)
        alpha = decision_alpha(&a->spec, metric).judging / 2;
    else if (exposure_quantile_null(m->quantile, m->margin.relative, a->spec.steps[step + 1].share,
                                    &null) != LIMIT_TESTED)
        return pace;
    if (!quantile_null_ok(&null))
        return pace;
    hist_init(&h0);
    hist_init(&h1);
    latency_expected(t->before, SHAPE_VALUES, &h0);
    latency_expected(t->after, SHAPE_VALUES, &h1);
    struct quantile_plan plan = {&h0, &h1, n * (1 - share), n * share, 1};
    pace = step_pace_quantiles(&null, side, alpha, &plan);
    hist_release(&h0);
    hist_release(&h1);
    return pace;
}

struct step_pace cost_pace(const struct assumption *a, size_t metric, size_t step,
                           enum test_side side)
{
    BUG_ON(step + 1 >= a->spec.n_steps);
    enum metric_kind kind = a->spec.metrics[metric].kind;
    if (kind == METRIC_QUANTILE)
        return quantile_pace(a, metric, step, side);
    if (truth_has_values(kind)) /* no planning form: the simulation says it */
        return (struct step_pace){side == TEST_PASS ? UNKNOWN_BLOCKS : INFINITY, 0};
    return rate_pace(a, metric, step, side);
}

double cost_blocks(const struct assumption *a, int64_t horizon_us)
{
    double all = 0, block_us = (double)a->spec.policy.block_us;
    double most = (double)horizon_us / block_us;
    double settle = (double)(a->spec.settle_us + a->spec.policy.lateness_us) / block_us;
    for (size_t k = 0; k + 1 < a->spec.n_steps && all < most; k++) {
        double step = (double)a->spec.policy.min_blocks, back = INFINITY;
        for (size_t i = 0; i < a->spec.n_metrics; i++) {
            struct step_pace fail, pass;
            if (a->spec.metrics[i].role != ROLE_GUARDRAIL)
                continue;
            pass = cost_pace(a, i, k, TEST_PASS);
            step = fmax(step, step_pace_quantile(&pass, UNLUCKY));
            if (assume_ratio(a, i) == 1)
                continue;
            fail = cost_pace(a, i, k, TEST_FAIL);
            back = fmin(back, step_pace_quantile(&fail, UNLUCKY));
        }
        step = fmax(step, (double)a->spec.steps[k].min_time_us / block_us);
        if (back < step) /* it ends here */
            return fmin(most, all + settle + back);
        all += settle + step;
    }
    return fmin(most, all);
}

double cost_run_us(const struct assumption *a, const struct walk_options *options)
{
    double blocks = cost_blocks(a, options->horizon_us), block = 0;
    double values = block_requests(a);
    for (size_t i = 0; i < a->spec.n_metrics; i++)
        block += truth_has_values(a->spec.metrics[i].kind)
                     ? BLOCK_QUANTILE_US + VALUE_US * fmin(values, 100000)
                     : BLOCK_RATE_US;
    if (options->with_bake)
        blocks += (double)a->spec.bake_us / (double)a->spec.policy.block_us;
    return blocks * block;
}

size_t cost_runs(const struct assumption *a, const struct walk_options *options, size_t least,
                 size_t most)
{
    double runs = floor(BUDGET_US / fmax(1, cost_run_us(a, options)));
    return runs < (double)least ? least : runs > (double)most ? most : (size_t)runs;
}
