/*
 * What the metrics of a spec find right now: the series each cohort resolves to, and the points of
 * the last hour, before a release is started (`judgectl validate SPEC --check`).
 *
 * Sources are asked the way a release asks them, with the operator's connections and secrets. One
 * that brings finished points needs no code for it: it gets an ask over the last hour in stretches
 * of a minute (or a block, if that is longer; over the last blocks alone where a cohort is younger
 * than that), and names what it read with pull_series() when
 * pull_wants_series() says so. A scrape is done twice, a second apart. Pushed samples keep no
 * history without a release: the series this process has seen are searched.
 */
#ifndef COLLECTORS_CHECK_H
#define COLLECTORS_CHECK_H

#include <stdatomic.h>

#include "collectors/limits.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/model/spec.h"
#include "lib/model/summary.h"

struct aggregator;
struct guard;
struct puller;

struct check_env {
    struct aggregator *aggregator;
    struct puller *puller;
    const struct guard *guard; /* NULL: any address */
    const char *baseline_revision;
    struct wall now;
    struct mono deadline;            /* for everything together */
    const _Atomic bool *is_stopping; /* then waiting ends; NULL: never */
};

/* A stretch of one cohort, by the metric's kind: events of exposure; a value; or a quantile of so
 * many values. */
struct check_point {
    struct wall at; /* its beginning */
    double value;   /* events, value, or the quantile */
    double of;      /* exposure, or the number of values; NAN for a mean and a series */
};

struct check_cohort {
    const char *series[CHECK_SERIES_MAX];
    size_t n_series; /* also those that are not named */
    struct check_point *points;
    size_t n_points;
    int64_t stretch_us; /* of a point */
    struct wall seen;   /* the newest sample, where points are not kept; us == 0: unknown */
};

struct check_result {
    struct check_cohort cohorts[2];
    const char *problem; /* why the metric could not be judged; NULL: it could */
    const char *note;    /* what to know about it; NULL: nothing */
};

/* Checks all metrics; out has spec->n_metrics entries. Blocks, at most to the deadline. The spec's
 * connections are filled in. */
void check_metrics(const struct check_env *env, const struct spec *spec, struct check_result *out,
                   struct arena *a);

/* ---- for sources' check ---- */

/* Adds a series; only the first are named. */
void check_series_add(struct check_cohort *c, const char *name, struct arena *a);
/* Adds the point of a stretch; an empty summary is none. */
void check_point_add(struct check_cohort *c, const struct spec_metric *metric, struct wall at,
                     const struct summary *sums, struct arena *a);

#endif
