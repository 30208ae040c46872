/*
 * A real haproxy for a test: one backend `app` with the servers `stable` and `candidate`, both
 * checked by connecting, and a runtime socket of level admin. It dies with the test (parent death
 * signal). The servers are listening sockets of the test: closing one makes haproxy call it DOWN.
 * Plain POSIX.
 */
#ifndef TESTS_SUPPORT_HAPROXY_FIXTURE_H
#define TESTS_SUPPORT_HAPROXY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { HAPROXY_STABLE, HAPROXY_CANDIDATE };

struct haproxy_fixture {
    char dir[256];
    char socket[300]; /* runtime socket, a path */
    int port;         /* the same, on 127.0.0.1 */
    pid_t pid;
    int servers[2]; /* listening sockets, -1: closed */
    int server_ports[2];
};

/* Starts with weights 100 and `candidate_weight`; ready when it returns, both servers UP. `more` is
 * added to the backend's section, or NULL. */
bool haproxy_fixture_start(struct haproxy_fixture *f, const char *name, int candidate_weight,
                           const char *more);
void haproxy_fixture_stop(struct haproxy_fixture *f);
/* SIGSTOP / SIGCONT. */
void haproxy_fixture_freeze(struct haproxy_fixture *f, bool is_frozen);
/* One command line, its answer in out (NUL added); -1 on failure. */
long haproxy_fixture_ask(const struct haproxy_fixture *f, const char *command, char *out,
                         size_t size);
/* What `get weight` says, or -1. */
int haproxy_fixture_weight(const struct haproxy_fixture *f, const char *server);
/* Closes a server's socket; returns when haproxy has seen it. */
bool haproxy_fixture_down(struct haproxy_fixture *f, int server);

#endif
