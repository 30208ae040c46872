/*
 * Names to addresses within a deadline. getaddrinfo() cannot be interrupted, so it runs on a thread
 * of its own that is left behind when it takes too long; numeric addresses are read at once.
 */
#ifndef LIB_NET_RESOLVE_H
#define LIB_NET_RESOLVE_H

#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/limits.h"

struct resolved {
    size_t count;
    struct {
        struct sockaddr_storage at;
        socklen_t len;
    } addresses[STREAM_ADDRESSES_MAX];
};

int resolve(const char *host, int port, struct mono deadline, struct resolved *out,
            struct err *err) WARN_UNUSED;

#endif
