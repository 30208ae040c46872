/*
 * Our mode is as bad as the original: false alarms of one metric when nothing differs. Both sides
 * are AR(1) about 50 with standard deviation 1, 60 values, judged with Kayenta's fixed 98 % and
 * 0.25; an alarm is a look that is not Pass. The rates wanted were simulated with an independent
 * implementation of the judge (3,000 runs a cell).
 *
 * Seed 20180410. Runs: 400 a cell, 3,000 when JUDGE_LONG is set. A cell may be off by 4 standard
 * errors of the difference of the two simulations: about one in 1,000 seeds fails by chance.
 */
#include "stats/kayenta/classify.h"

#include "tests/stats/sim.h"
#include "tests/t.h"

#include <stdio.h>

#define VALUES     60
#define WINDOW     10
#define THEIR_RUNS 3000

enum { LOOKS_1, LOOKS_6, LOOKS_12, SLIDING, WAYS };

static void ar1(gsl_rng *rng, double phi, double *v)
{
    double x = gsl_ran_gaussian(rng, 1);
    for (int i = 0; i < VALUES; i++) {
        v[i] = 50 + x;
        x = phi * x + gsl_ran_gaussian(rng, sqrt(1 - phi * phi));
    }
}

static bool alarms(const struct aca_options *o, const double *e, const double *c, int way)
{
    static const int looks[] = {1, 6, 12};
    const int step = way == SLIDING ? WINDOW / 2 : VALUES / looks[way];
    for (int end = way == SLIDING ? WINDOW : step; end <= VALUES; end += step) {
        const int start = way == SLIDING ? end - WINDOW : 0;
        const size_t n = (size_t)(end - start);
        if (aca_classify(o, e + start, n, c + start, n).label != ACA_PASS)
            return true;
    }
    return false;
}

static void false_alarms(void)
{
    static const struct {
        double phi, rate[WAYS];
    } rows[] = {
        {0, {0.003, 0.009, 0.013, 0.025}},
        {0.3, {0.019, 0.067, 0.091, 0.16}},
        {0.5, {0.064, 0.19, 0.25, 0.45}},
        {0.8, {0.30, 0.63, 0.69, 0.93}},
    };
    const struct aca_options o = aca_options_default(ACA_MEAN_RATIO);
    const int runs = sim_runs(400, 3000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 20180410);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int seen[WAYS] = {0};
        for (int run = 0; run < runs; run++) {
            double e[VALUES], c[VALUES];
            ar1(rng, rows[i].phi, e);
            ar1(rng, rows[i].phi, c);
            for (int way = 0; way < WAYS; way++)
                seen[way] += alarms(&o, e, c, way);
        }
        for (int way = 0; way < WAYS; way++) {
            const double want = rows[i].rate[way], got = (double)seen[way] / runs;
            const double error = sqrt(want * (1 - want) * (1.0 / runs + 1.0 / THEIR_RUNS));
            if (getenv("JUDGE_LONG"))
                printf("phi %.1f way %d: %.3f, want %.3f\n", rows[i].phi, way, got, want);
            if (!(fabs(got - want) <= 4 * error + 0.001))
                t_fail(__FILE__, __LINE__, "phi %g, way %d: %g, want %g", rows[i].phi, way, got,
                       want);
        }
    }
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"false_alarms", false_alarms}};
    return t_main(argc, argv, tests, 1);
}
