/*
 * Lines over TCP: what the CloudWatch agent takes on port 25888, documents of Embedded Metric
 * Format with a newline behind each.
 *
 * One thread reads all connections. Nobody is answered: what is refused is only counted, and named
 * in the log at most once a minute. A connection may stay open for ever; at most STREAMS_MAX are,
 * and one more is closed at once. Senders are not authenticated, so an address that is not loopback
 * must be allowed expressly.
 */
#ifndef COLLECTORS_STREAMS_H
#define COLLECTORS_STREAMS_H

#include "collectors/aggregator/aggregator.h"

struct streams;

/* Addresses (listen.h) with commas between; those of unix sockets are passed over: datagrams.h has
 * them. */
struct streams *streams_start(struct aggregator *g, const char *listen, bool allow_remote,
                              struct err *err) WARN_UNUSED;
int streams_port(const struct streams *s); /* of the last address; 0: none */
void streams_stop(struct streams *s);      /* ends the thread; NULL is fine */

#endif
