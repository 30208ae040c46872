// rooms: collectors store redis net crypto model sketch base
// A reply of a Prometheus server in every use: points are finite, never negative for counts, and in
// the range asked for.
#include <math.h>
#include <string.h>

#include "collectors/promql/promql_points.h"
#include "lib/base/clock.h"

#define FIRST 100
#define LAST  103

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_point(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    BUG_ON(cohort > 1 || block < FIRST || block > LAST);
    if (s->kind == SUMMARY_COUNTS)
        BUG_ON(!(s->counts.events >= 0 && isfinite(s->counts.events)) ||
               !(s->counts.exposure >= 0 && isfinite(s->counts.exposure)));
    else if (s->kind == SUMMARY_MOMENTS)
        BUG_ON(s->samples && !isfinite(s->moments.mean));
    else
        BUG_ON(s->samples != s->hist.n);
}

static void use(enum metric_kind kind, bool has_labels, const char *body, size_t len)
{
    static const struct label stable[] = {{"v", "1"}}, canary[] = {{"v", "2"}};
    static const struct cohort_labels cohorts = {{stable, 1}, {canary, 1}};
    const struct promql_steps steps = promql_steps_for(kind, US_PER_SECOND, FIRST, LAST);
    struct promql_reply reply;
    struct promql_tally tally;
    struct arena a;
    struct err err = {0};
    arena_init(&a);
    if (promql_reply_read(&reply, body, len, &steps, &a, &err) == 0) {
        const struct promql_answer answer = {
            .kind = kind,
            .cohorts = has_labels ? &cohorts : NULL,
            .query = {&reply, &reply},
            .of = {&reply, &reply},
            .from = FIRST,
            .to = LAST,
            .count_from = FIRST,
            .count_to = LAST,
        };
        if (promql_points(&answer, on_point, NULL, &tally, &a, &err) != 0)
            BUG_ON(err.code == ERR_NONE || !err.message[0]);
    } else {
        BUG_ON(err.code == ERR_NONE || !err.message[0]);
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data;
    use(METRIC_PROPORTION, true, body, size);
    use(METRIC_QUANTILE, false, body, size);
    use(METRIC_SERIES, size % 2 == 0, body, size);
    return 0;
}
