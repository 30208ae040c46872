/*
 * Facts for the tests of reports: a release with two metrics, as it stands in the middle of its
 * judging. Tests change what they are about.
 */
#ifndef TESTS_JUDGE_REPORT_FACTS_H
#define TESTS_JUDGE_REPORT_FACTS_H

#include <math.h>
#include <stdio.h>

#include "judge/report/report.h"

#define TEST_NOW INT64_C(1795428900000000) /* 2026-11-23 10:15:00 UTC */

struct test_facts {
    struct report_facts f;
    struct verdict verdict;
    struct evidence metrics[2];
    struct segment segments[2];
    struct report_entry log[2];
    struct arena arena;
};

static inline struct wall test_time(int64_t seconds)
{
    return (struct wall){TEST_NOW + seconds * US_PER_SECOND};
}

static inline void test_facts_init(struct test_facts *t)
{
    struct err err = {0};
    *t = (struct test_facts){0};
    arena_init(&t->arena);
    t->metrics[0] = (struct evidence){
        .name = "errors",
        .kind = METRIC_PROPORTION,
        .role = ROLE_GUARDRAIL,
        .state = STATE_UNDECIDED,
        .test = "rate ratio, anytime",
        .scale = "ratio",
        .estimate = 1.08,
        .lower = 0.71,
        .upper = 1.62,
        .tolerance = {0, NAN},
        .margin = {0.5, 0.005},
        .quantile = NAN,
        .log_e_fail = -0.4,
        .log_e_pass = 0.9,
        .alpha = 0.005,
        .beta = 0.05,
        .dispersion = 1.2,
        .baseline = {22880, 229, NAN},
        .candidate = {1204, 13, NAN},
        .eta_s = 360,
        .reason = "errors: undecided, about 6 min left at this traffic",
    };
    t->metrics[1] = (struct evidence){
        .name = "latency",
        .kind = METRIC_QUANTILE,
        .role = ROLE_SIGNAL,
        .state = STATE_HARMLESS,
        .test = "quantile ratio, anytime",
        .scale = "ratio",
        .estimate = 0.99,
        .lower = 0.9,
        .upper = INFINITY,
        .tolerance = {0, NAN},
        .margin = {0.2, NAN},
        .quantile = 0.95,
        .log_e_fail = -1,
        .log_e_pass = 4.5,
        .alpha = 0.005,
        .beta = 0.05,
        .dispersion = 1,
        .baseline = {5000, NAN, 240},
        .candidate = {900, NAN, 238},
        .eta_s = NAN,
        .reason = "latency: ruled out",
    };
    t->verdict = (struct verdict){
        .release = "checkout-1",
        .revision = "4f2c9d1",
        .seq = 41,
        .phase = PHASE_JUDGING,
        .word = VERDICT_CONTINUE,
        .guarantee = GUARANTEE_PROVEN,
        .segment = 2,
        .share = 0.05,
        .advance_to = NAN,
        .at = test_time(0),
        .fresh_until = test_time(30),
        .last_block = 1795428898,
        .reason = "errors: undecided, about 6 min left at this traffic",
        .metrics = t->metrics,
        .n_metrics = 2,
    };
    t->segments[0] = (struct segment){.id = 1,
                                      .opened = test_time(-600),
                                      .closed = test_time(-300),
                                      .share = 0.01,
                                      .next_share = 0.05};
    t->segments[1] =
        (struct segment){.id = 2, .opened = test_time(-300), .share = 0.05, .next_share = 0.25};
    t->log[0] = (struct report_entry){test_time(-600), "apply", "ci", "", ""};
    t->log[1] = (struct report_entry){test_time(-300), "shift", "runner", "errors are harmless",
                                      "{\"to\":0.05}"};
    static const char status[] =
        "{\"steps\":[0.01,0.05,0.25,1],\"step\":1,\"share\":0.05,\"observed\":0.05,"
        "\"weights\":\"stable 95, candidate 5\",\"pending\":null,\"waiting\":null}";
    t->f = (struct report_facts){
        .release = {.id = "checkout-1",
                    .service = "checkout",
                    .environment = "prod",
                    .revision = "4f2c9d1",
                    .phase = PHASE_JUDGING,
                    .created = test_time(-601)},
        .verdict = &t->verdict,
        .progress = node_read_json(&t->arena, status, sizeof(status) - 1, &err),
        .segments = t->segments,
        .n_segments = 2,
        .has_segments = true,
        .log = t->log,
        .n_log = 2,
        .has_log = true,
        .now = test_time(1),
    };
}

static inline void test_facts_release(struct test_facts *t)
{
    arena_release(&t->arena);
}

#endif
