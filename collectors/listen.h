/*
 * Addresses of the collectors' own sockets, and opening them: UDP, TCP and unix datagram.
 *
 *   127.0.0.1:8125   [::1]:8125   unix:/run/judge/statsd.sock   unix:///run/judge/statsd.sock
 *
 * Senders are not asked who they are, so an address that is not loopback must be allowed expressly.
 * A name in place of an address is refused: what it means may change. A unix socket is guarded by
 * the mode of its file.
 */
#ifndef COLLECTORS_LISTEN_H
#define COLLECTORS_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct listen_address {
    struct sockaddr_storage at;
    socklen_t len;
    dev_t device; /* of the file that listen_bind_unix made */
    ino_t inode;
};

/* `text` need not end at len. ERR_USAGE with what would be right. */
int listen_parse(const char *text, size_t len, bool allow_remote, struct listen_address *out,
                 struct err *err) WARN_UNUSED;
static inline bool listen_is_unix(const struct listen_address *a)
{
    return a->at.ss_family == AF_UNIX;
}
const char *listen_path(const struct listen_address *a); /* of a unix socket */

/*
 * Makes a datagram socket's file with exactly this mode. What a process that is gone left there is
 * removed; a socket that somebody receives on, or a file of another kind, is refused
 * (ERR_CONFLICT).
 */
int listen_bind_unix(int fd, struct listen_address *a, mode_t mode, struct err *err) WARN_UNUSED;
/* Removes the file unless it is another one by now. */
void listen_unlink(const struct listen_address *a);

/* The port a socket is bound to; sets it in *a when that was 0. Not for unix sockets. */
int listen_port(int fd, struct listen_address *a);

#endif
