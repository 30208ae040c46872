/* Ceilings of a backtest. */
#ifndef JUDGE_BACKTEST_LIMITS_H
#define JUDGE_BACKTEST_LIMITS_H

#define HISTORY_BYTES_MAX  ((size_t)1 << 30)  /* a history's file: refused */
#define HISTORY_MEMORY_MAX ((int64_t)2 << 30) /* sums of a history in memory: refused */
#define HISTORY_BLOCKS_MAX 2000000 /* blocks from a history's first to its last: refused */
#define HISTORY_LISTED_MAX 20      /* bad lines of a history named one by one */
#define HISTORY_SHIFTS_MAX 1000    /* changes of share in a history: refused */
#define KAYENTA_POINTS_MAX 100000  /* minutes of a history for Kayenta's judge: it is not run */

#endif
