/*
 * History for a backtest: rows of a file become blocks, by the same sums that live samples go
 * through.
 *
 * CSV, with a header line; columns in any order:
 *   time      seconds since 1970, or RFC 3339                         needed
 *   cohort    baseline | candidate                                    needed
 *   metric    the name of a metric of the spec                        needed
 *   value     of a quantile or mean: an observation; of the others: events a unit of exposure,
 *             of which there are `count`
 *   events, exposure   of a proportion, rate or ratio: sums, in place of `value`
 *   count     how many samples the row stands for (1)
 *   share     the candidate's intended share from then on: where it changes a step begins
 *
 * NDJSON: the samples of POST /v1/samples, scanned by the same code. Only those of the spec's
 * service count. A metric with another source than `push` takes samples named like the metric, and
 * its exposure from NAME.of.
 *
 * One bad line refuses the file; the first of them are listed with their numbers.
 */
#ifndef JUDGE_BACKTEST_HISTORY_H
#define JUDGE_BACKTEST_HISTORY_H

#include "judge/backtest/limits.h"
#include "lib/base/arena.h"
#include "lib/model/spec.h"
#include "lib/model/summary.h"

struct history_series {
    struct block *blocks; /* rising, owned */
    size_t n;
};

/* A change of the intended share. */
struct history_shift {
    int64_t us;
    double share;
};

struct history {
    struct history_series *metrics; /* one a metric of the spec */
    size_t n_metrics;
    int64_t first, last;          /* blocks, of all metrics together */
    uint64_t rows, unused;        /* lines read, and those no metric of the spec takes */
    struct history_shift *shifts; /* rising; from the share column */
    size_t n_shifts;
};

struct history_complaint {
    uint64_t line;
    char message[160];
};
struct history_complaints {
    struct history_complaint items[HISTORY_LISTED_MAX];
    size_t n;
    uint64_t all; /* bad lines, listed or not */
};

/* 0, or -1 with err (and the bad lines in *complaints). What it fills is released in both cases. */
int history_read(struct history *h, const struct spec *spec, const char *bytes, size_t len,
                 struct history_complaints *complaints, struct err *err) WARN_UNUSED;
void history_release(struct history *h);

#endif
