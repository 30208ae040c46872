/*
 * The calibration table: what every anytime method claims, measured through the production
 * functions with a look at every block, and what it costs against the limit of information.
 *
 * A cell is one claim in one situation. A file here holds the cells of one method; cells.c gathers
 * them. Run i of a cell always has the same seed, so a table does not depend on the number of
 * threads.
 */
#ifndef TESTS_CALIBRATION_CALIBRATE_H
#define TESTS_CALIBRATION_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "judge/simulate/rng.h"

enum claim {
    FALSE_HARM,  /* no harm: the largest log e of `fail` reaches log(1/level) in <= level of runs */
    FALSE_PASS,  /* harm exactly at the margin: the same of `pass` */
    FINDS,       /* three times the margin: found in >= 90 % within 10 x the clean cell's mean */
    EFFICIENCY,  /* mean n at the decision over the limit <= wanted */
    REPORT_HARM, /* printed beside: false alarms of a method that promises nothing */
};

struct run {
    double most;   /* FALSE_*: the largest log e over all looks */
    double at;     /* FINDS, EFFICIENCY: n at the first crossing, INFINITY */
    double beside; /* EFFICIENCY: n of the SPRT that is told the effect; 0: none */
    bool refused;  /* the method said it could not speak, at the end */
};

struct cell {
    const char *method, *scene;
    enum claim claim;
    bool is_core;         /* 100,000 runs in the full table */
    bool is_small;        /* part of the table of `make test` */
    bool is_clean;        /* the assumptions hold: refusals <= 1 % */
    const char *clean;    /* FINDS: scene whose mean delay is the measure; NULL: itself */
    const char *limit_of; /* why the claim does not hold here: then it is printed, not held */
    /* EFFICIENCY: the least n any test could need on average, and what multiple of it may be taken
     */
    double (*limit)(const void *setup);
    double wanted;
    int divide; /* runs are divided by this where one is dear; 0: 1 */
    void (*run)(const struct cell *cell, struct rng *r, struct run *out);
    const void *setup;
};

struct cells {
    const struct cell *cell;
    size_t n;
};

extern const struct cells rate_cells, odds_cells, quantile_cells, mean_cells, series_cells,
    efficiency_cells, quantile_drift_cells;
/* Every method's; ends with NULL. */
extern const struct cells *const all_cells[];

#endif
