/*
 * Asks of the puller for alarms: what those that are polled (source.c) and those that only tell
 * their changes (pushed_alarm.c) have in common.
 */
#ifndef COLLECTORS_CLOUDWATCH_ALARM_ASKS_H
#define COLLECTORS_CLOUDWATCH_ALARM_ASKS_H

#include "collectors/cloudwatch/alarms.h"
#include "collectors/pull.h"
#include "lib/store/store.h"

/* An alarm has no cohorts. Who only looks at it sees it on both sides. A data_block_fn. */
void alarm_give_block(void *ask, uint8_t cohort, int64_t block, const struct summary *sums);
void alarm_give_series(struct pull_ask *ask, const char *name);

/* The newest block whose state is final: later ones are not read, lest they be judged early. */
int64_t pull_newest_final(const struct pull_ask *ask);

/* Reads what notifications told, and knows what is still being read. */
struct alarm_reader;
struct alarm_reader *alarm_reader_new(struct store *store);
/* Returns when all reads have ended. NULL is fine. */
void alarm_reader_free(struct alarm_reader *r);
/* store_alarms, counted. */
void alarm_reader_read(struct alarm_reader *r, const char *const *arns, size_t n,
                       store_alarms_done *done, void *user);

/* As changes, oldest first; out holds STORE_ALARM_CHANGES_KEPT. Returns how many. */
size_t alarm_changes_of(const struct alarm_notes *notes, struct alarm_change *out);

#endif
