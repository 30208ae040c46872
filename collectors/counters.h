/*
 * What this room shows on /metrics; the rows stand in counters.c.
 */
#ifndef COLLECTORS_COUNTERS_H
#define COLLECTORS_COUNTERS_H

#include <stdint.h>

enum collector_counter {
    COUNT_LINES_HTTP,
    COUNT_LINES_UDP,
    COUNT_LINES_OTLP,
    COUNT_LINES_REMOTE_WRITE,
    COUNT_LINES_EMF,
    COUNT_SAMPLES,
    COUNT_UNROUTED,
    COUNT_LATE,
    COUNT_REFUSED,
    COUNT_BODIES_REFUSED,
    COUNT_SHED,
    COUNT_SERIES_FULL,
    COUNT_DATAGRAMS,
    COUNT_DATAGRAM_DROPS,
    COUNT_DATAGRAMS_CUT,
    COUNT_EMF_DATAGRAMS,
    COUNT_EMF_DATAGRAM_DROPS,
    COUNT_EMF_TOO_LONG,
    COUNT_EMF_CONNECTIONS_REFUSED,
    COUNT_COMMITS,
    COUNT_COMMIT_RETRIES,
    COUNT_COMMIT_BEHIND,
    COUNT_BATCHES,
    COUNT_BATCH_DUPS,
    COUNT_BATCH_UNKNOWN,
    COUNT_LATE_BLOCKS,
    COUNT_PENDING_BYTES,
    COUNT_BEHIND_MS,
    COUNT_POINTS_LIMIT,
    COUNT_POINTS_EMPTY,
    COUNT_CUMULATIVE_RESETS,
    COUNT_CUMULATIVE_GAPS,
    COUNT_SCRAPES,
    COUNT_SCRAPES_MISSED,
    COUNT_SCRAPE_GAPS,
    COUNT_SCRAPE_RESETS,
    COUNT_SCRAPE_SERIES_FULL,
    COUNT_SCRAPE_BAD_LINES,
    COUNT_POINTS,
    COUNT_POINTS_FENCED,
    COUNT_PULLS,
    COUNT_PULLS_FAILED,
    COUNT_PULL_GIVEN_UP,
    COUNT_PULL_WANTS_FULL,
    COUNT_ROWS
};
void collectors_count(enum collector_counter row, int64_t n);
void collectors_gauge(enum collector_counter row, int64_t value);
int64_t collectors_counted(enum collector_counter row);
void collectors_register(void); /* once; more calls have no effect */

#endif
