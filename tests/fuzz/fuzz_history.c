// rooms: backtest decide stats collectors store redis net crypto model sketch base
/*
 * Any bytes as a history, CSV or NDJSON. What is taken can be shown to every method; what is
 * refused says why, and a bad line has its number.
 */
#include <math.h>
#include <stdint.h>

#include "collectors/words.h"
#include "judge/backtest/backtest.h"

#define REPLAYED_MOST 3000 /* blocks: a longer history is read only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct spec_metric metric(const char *name, enum metric_kind kind,
                                 const struct push_config *push)
{
    return (struct spec_metric){.name = name,
                                .kind = kind,
                                .role = ROLE_GUARDRAIL,
                                .quantile = kind == METRIC_QUANTILE ? 0.95 : NAN,
                                .cap = kind == METRIC_MEAN ? 1000 : NAN,
                                .margin = {0.5, NAN},
                                .tolerance = {0, NAN},
                                .weight = 0.25,
                                .source = {.word = &push_word, .config = push}};
}

static void replay_all(const struct spec *spec, const struct history *h)
{
    struct arena a;
    struct replay r;
    arena_init(&a);
    replay_init(&r, spec, h, NAN, 1, &a);
    for (const struct backtest_method *m = backtest_methods; m->name; m++) {
        struct decided d = {.word = VERDICT_CONTINUE};
        m->run(&r, &d);
        BUG_ON(d.us < 0 || isnan(d.met) || !d.why[0]);
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct push_config errors = {.metric = "e", .of = "n"}, ms = {.metric = "ms"};
    const struct spec_metric metrics[] = {
        metric("errors", METRIC_PROPORTION, &errors),
        metric("cost", METRIC_RATIO, &errors),
        metric("p95", METRIC_QUANTILE, &ms),
        metric("size", METRIC_MEAN, &ms),
    };
    struct spec spec = {.name = "r",
                        .service = "s",
                        .environment = "prod",
                        .revision = "r2",
                        .metrics = metrics,
                        .n_metrics = ARRAY_LEN(metrics),
                        .policy = {.alpha = 0.01,
                                   .beta = 0.05,
                                   .block_us = US_PER_SECOND,
                                   .lateness_us = US_PER_SECOND,
                                   .no_data_us = 60 * US_PER_SECOND,
                                   .min_blocks = 20}};
    struct history h;
    struct history_complaints complaints;
    struct err err = {0};
    struct buf text;
    buf_init(&text, size + 1);
    buf_add(&text, data, size);
    if (history_read(&h, &spec, text.data, text.len, &complaints, &err) == 0) {
        BUG_ON(complaints.all || h.last < h.first);
        if (h.last - h.first < REPLAYED_MOST)
            replay_all(&spec, &h);
    } else {
        BUG_ON(err.code == ERR_NONE || !err.message[0]);
        for (size_t i = 0; i < complaints.n; i++)
            BUG_ON(!complaints.items[i].line || !complaints.items[i].message[0]);
    }
    history_release(&h);
    buf_release(&text);
    return 0;
}
