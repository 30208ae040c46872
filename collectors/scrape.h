/*
 * Prometheus text expositions, read once a block: counters and histograms become the increase a
 * block.
 *
 * One thread (the puller) asks all targets through lib/net's client. It scrapes only for releases
 * we own (routes: is_owned); one request serves every metric of every release that reads the same
 * target with the same block length. Scrapes stand on block boundaries: the difference of the
 * scrapes at k and k + 1 is the block k's. docs/collectors.md says what happens at resets, gaps and
 * takeovers.
 */
#ifndef COLLECTORS_SCRAPE_H
#define COLLECTORS_SCRAPE_H

#include "collectors/aggregator.h"

struct puller;
struct guard;

struct puller_config {
    struct aggregator *aggregator;
    int64_t timeout_ms;        /* 0: SCRAPE_TIMEOUT_MS */
    const struct guard *guard; /* which addresses may be asked; NULL: any. Outlives the puller */
};

struct puller *puller_start(const struct puller_config *config, struct err *err) WARN_UNUSED;
void puller_stop(struct puller *p); /* NULL is fine */
/* What is wrong with the targets of a release right now, one line each ("http://..: connection
 * refused since 12 s"); nothing is written when all answer. */
void puller_complaints(struct puller *p, const char *release, struct buf *out);

#endif
