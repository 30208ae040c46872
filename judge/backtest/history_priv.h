/* What the readers of a history share. */
#ifndef JUDGE_BACKTEST_HISTORY_PRIV_H
#define JUDGE_BACKTEST_HISTORY_PRIV_H

#include "collectors/aggregator/sums.h"
#include "judge/backtest/history.h"

#define HISTORY_RELEASE 1 /* the one release in the keys of the sums */

struct reading {
    const struct spec *spec;
    struct history *h;
    struct history_complaints *complaints;
    struct sums_set sums;
    struct sums_budget budget;
    size_t shifts_cap;
};

void history_refuse(struct reading *r, uint64_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);

int history_read_csv(struct reading *r, const char *bytes, size_t len, struct err *err) WARN_UNUSED;
int history_read_ndjson(struct reading *r, const char *bytes, size_t len,
                        struct err *err) WARN_UNUSED;

#endif
