/*
 * Prometheus text expositions, read once a block: counters and histograms become the increase a
 * block.
 *
 * The puller's thread (puller.h) asks all targets. It scrapes only for releases
 * we own (routes: is_owned); one request serves every metric of every release that reads the same
 * target with the same block length. Scrapes stand on block boundaries: the difference of the
 * scrapes at k and k + 1 is the block k's. docs/collectors.md says what happens at resets, gaps and
 * takeovers.
 */
#ifndef COLLECTORS_SCRAPE_SCRAPE_H
#define COLLECTORS_SCRAPE_SCRAPE_H

#include "collectors/aggregator/aggregator.h"
#include "lib/base/buf.h"

struct guard;
struct http_multi;
struct scrapes;

/* All of it is for puller.c. */
struct scrapes *scrapes_new(struct aggregator *g, struct http_multi *multi,
                            const struct guard *guard, int64_t timeout_ms);
/* The multi is gone: what was out has come back. */
void scrapes_free(struct scrapes *p);
/* Targets are told anew; `routes` is referenced. */
void scrapes_take_routes(struct scrapes *p, struct routes *routes);
/* Asks the targets that are due; returns how long until the next one is, in microseconds. */
int64_t scrapes_tick(struct scrapes *p);
/* What is wrong with the targets of a release right now, one line each. */
void scrapes_complaints(struct scrapes *p, const char *release, struct buf *out);

#endif
