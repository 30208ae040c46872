/*
 * From the values of a PromQL query to the totals of blocks. Pure: the same replies give the same
 * points, whoever reads them.
 *
 * Counters are read as they stand and differenced by us, series by series: increase() and rate()
 * extrapolate, and a sum of counters hides the one that began anew. Boundaries of blocks are the
 * steps of the query; the increase of a series between the boundaries of a block is
 *
 *   there at both, not smaller           the difference
 *   first seen at the later one          the whole value, while its process (job, instance) was
 * seen at the earlier one: clients make a series at its first event. A process first seen gives
 * only the base its process is gone                  nothing: all its series end at the same scrape
 *   smaller; or gone alone, or back      the cohort's block is dropped and counted: events and
 *   after it was gone                    exposure may have lost different parts of it
 *
 * PROMQL_HISTORY boundaries before the first block are asked for, so that "first seen" is a
 * property of the reply and not of who asked before.
 */
#ifndef COLLECTORS_PROMQL_PROMQL_POINTS_H
#define COLLECTORS_PROMQL_PROMQL_POINTS_H

#include "collectors/promql/promql_reply.h"
#include "lib/model/summary.h"

#define PROMQL_HISTORY 10

/* The values that are needed for blocks from..to. */
struct promql_steps promql_steps_for(enum metric_kind kind, int64_t block_us, int64_t from,
                                     int64_t to);

/* The replies of one metric, all on these steps. With labels one query serves both cohorts and both
 * pointers are the same. */
struct promql_answer {
    enum metric_kind kind;
    const struct cohort_labels
        *cohorts; /* choose the series; NULL: each cohort has its own reply */
    const struct promql_reply *query[2], *of[2]; /* by cohort; `of` NULL but for counts */
    int64_t from, to;
    int64_t count_from, count_to; /* blocks whose losses are counted: those not seen before */
};

/* What came of it. */
struct promql_tally {
    uint64_t dropped;    /* blocks of a cohort whose increase cannot be told */
    uint64_t not_finite; /* values of a series that are NaN or infinite */
    size_t n_series[2];  /* of `query`, by cohort */
};

/* The cohort a series of the reply (of that cohort's, when each has one) belongs to; 2: none, or
 * both. */
uint8_t promql_series_cohort(const struct promql_answer *answer, uint8_t reply,
                             const struct promql_series *s);

typedef void promql_point_fn(void *user, uint8_t cohort, int64_t block, const struct summary *sums);
/*
 * Gives the points of all blocks and both cohorts, empty ones too; the summaries are borrowed. -1
 * (ERR_INPUT) when the series do not fit the metric, and the message says which and why: computed
 * ones for a count, several for a `series`, one that is both cohorts'.
 */
int promql_points(const struct promql_answer *answer, promql_point_fn *fn, void *user,
                  struct promql_tally *tally, struct arena *a, struct err *err) WARN_UNUSED;

#endif
