/*
 * The outgoing-address guard: which addresses we connect to on behalf of a spec or a webhook.
 *
 * Checked on the address itself at the moment of connecting, after name resolution, so a name that
 * resolves differently the second time cannot pass. Loopback, private, link-local, shared,
 * multicast, reserved and cloud metadata addresses are refused unless allowed, also in their
 * IPv4-in-IPv6 spellings. Metadata addresses need an explicit network in the list. A const guard
 * may be used by all threads.
 */
#ifndef LIB_NET_GUARD_H
#define LIB_NET_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lib/base/err.h"

#define GUARD_NETWORKS_MAX 64

struct guard_network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned prefix;           /* of 128 */
};

struct guard {
    bool allow_loopback;
    bool allow_private; /* RFC 1918, unique local, shared (100.64/10) */
    bool allow_unix;    /* unix sockets */
    size_t network_count;
    struct guard_network networks[GUARD_NETWORKS_MAX]; /* allowed whatever they are */
};

/* Nothing but public addresses. */
void guard_init(struct guard *g);
/* "10.1.0.0/16, 127.0.0.1, fd00::/8": added to the allowed networks. */
int guard_allow(struct guard *g, const char *list, struct err *err) WARN_UNUSED;
/* 0, or ERR_FORBIDDEN naming the address and its kind. */
int guard_check(const struct guard *g, const struct sockaddr *to, struct err *err) WARN_UNUSED;

#endif
