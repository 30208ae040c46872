/*
 * Beginning a connection without blocking on the network. A host name is resolved here, on the
 * redis thread: its links are down anyway while it does.
 */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/redis/redis_priv.h"

static int begin(int family, const struct sockaddr *to, socklen_t len, struct err *err)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "socket");
    if (family != AF_UNIX) {
        int one = 1, idle = 15, interval = 5, count = 3;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    }
    if (connect(fd, to, len) != 0 && errno != EINPROGRESS) {
        err_set_errno(err, ERR_REDIS, "connect");
        close(fd);
        return -1;
    }
    return fd;
}

int redis_dial(const struct redis_url *u, unsigned attempt, struct err *err)
{
    if (u->is_unix) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        static_assert(sizeof(to.sun_path) >= sizeof(u->path), "a parsed path fits the address");
        memcpy(to.sun_path, u->path, sizeof(u->path));
        return begin(AF_UNIX, (const struct sockaddr *)&to, sizeof(to), err);
    }
    char port[8];
    snprintf(port, sizeof(port), "%u", u->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    int rc = getaddrinfo(u->host, port, &hints, &found);
    if (rc != 0)
        return err_set(err, ERR_REDIS, "resolving %s: %s", u->host, gai_strerror(rc));
    unsigned n = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        n++;
    const struct addrinfo *to = found;
    for (unsigned skip = attempt % n; skip > 0; skip--)
        to = to->ai_next;
    int fd = begin(to->ai_family, to->ai_addr, to->ai_addrlen, err);
    freeaddrinfo(found);
    return fd;
}
