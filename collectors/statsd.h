/*
 * DogStatsD over UDP: one thread a socket, 64 datagrams a system call, lines as in samples.h.
 *
 * Nobody answers a datagram: what is refused is only counted, and named in the log at most once a
 * minute. The socket is unauthenticated, so it binds to loopback unless told otherwise. What the
 * kernel dropped because we were slow is read from the socket (SO_RXQ_OVFL) and counted.
 */
#ifndef COLLECTORS_STATSD_H
#define COLLECTORS_STATSD_H

#include "collectors/aggregator.h"

struct statsd;

struct statsd_config {
    const char *listen; /* "127.0.0.1:8125", "[::1]:8125"; port 0: any */
    bool allow_remote;  /* else an address that is not loopback is refused (ERR_USAGE) */
    int receive_bytes;  /* SO_RCVBUF; 0: 4 MB */
    int threads;        /* sockets sharing the port; 0: 1 */
};

struct statsd *statsd_start(struct aggregator *g, const struct statsd_config *config,
                            struct err *err) WARN_UNUSED;
int statsd_port(const struct statsd *s);
void statsd_stop(struct statsd *s); /* ends the threads; NULL is fine */

#endif
