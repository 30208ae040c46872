/*
 * The embedded redis-server: ours alone, on a unix socket in DIR/redis, AOF `always`, no eviction.
 *
 * It outlives us. The server runs in its own session and inherits the descriptor that holds
 * flock(DIR/redis/lock); while it lives nobody can start a second server on the same AOF, whatever
 * happens to judged. A judged that starts and finds the lock taken connects instead: the peer of
 * the socket must be of our user and its configuration must name this directory and AOF `always`;
 * then it is adopted. Otherwise (it is loading, or shutting down) we wait for the one or the other.
 *
 * A server that dies while we live is started again (counted, logged) by a watching thread.
 */
#ifndef LIB_REDIS_SERVER_H
#define LIB_REDIS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct redis_server;

struct redis_server_config {
    const char *state_dir; /* exists, ours; DIR/redis is made (0700) */
    const char *program;   /* NULL: redis-server, looked up in PATH */
    int64_t start_ms; /* until it answers PING; while it says it is loading, it is waited for */
};

struct redis_server *redis_server_start(const struct redis_server_config *config,
                                        struct err *err) WARN_UNUSED;
/* SHUTDOWN, then waits up to ms for its end (then SIGKILL). Frees s. NULL is fine. */
void redis_server_stop(struct redis_server *s, int64_t ms);
/* Frees s and leaves the server running, to be adopted. */
void redis_server_leave(struct redis_server *s);

const char *redis_server_url(const struct redis_server *s); /* "unix:///.../redis.sock" */
pid_t redis_server_pid(struct redis_server *s);
bool redis_server_was_adopted(const struct redis_server *s);
uint64_t redis_server_restarts(struct redis_server *s);

#endif
