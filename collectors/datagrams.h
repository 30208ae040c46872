/*
 * The datagram receiver: UDP and unix datagram sockets, 64 datagrams a system call, DogStatsD lines
 * or Embedded Metric Format documents as in samples.h.
 *
 * Nobody answers a datagram: what is refused is only counted, and named in the log at most once a
 * minute. An internet socket is unauthenticated, so it binds to loopback unless told otherwise; a
 * unix socket is as open as the mode of its file, and its senders count as authenticated unless
 * that mode lets everybody write. What the kernel dropped because we were slow is read from the
 * internet socket (SO_RXQ_OVFL) and counted; on a unix socket a sender waits instead.
 */
#ifndef COLLECTORS_DATAGRAMS_H
#define COLLECTORS_DATAGRAMS_H

#include <sys/types.h>

#include "collectors/aggregator/aggregator.h"

struct datagrams;

enum datagram_source { DATAGRAMS_STATSD, DATAGRAMS_EMF };

struct datagrams_config {
    const char *listen; /* addresses (listen.h) with commas between; port 0: any */
    enum datagram_source source;
    bool allow_remote; /* else an address that is not loopback is refused (ERR_USAGE) */
    int receive_bytes; /* SO_RCVBUF; 0: 4 MB */
    int threads;       /* for each address; 0: 1 */
    mode_t mode;       /* of a unix socket's file; 0: 0660 */
};

struct datagrams *datagrams_start(struct aggregator *g, const struct datagrams_config *config,
                                  struct err *err) WARN_UNUSED;
int datagrams_port(const struct datagrams *d); /* of the last internet address; 0: none */
void datagrams_stop(struct datagrams *d);      /* ends the threads; NULL is fine */

#endif
