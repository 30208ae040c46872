/*
 * A private redis-server for a test, on a unix socket in t_tmpdir(). It dies with the test (parent
 * death signal), listens on no port, and is ready when redis_fixture_start returns. Plain POSIX:
 * usable from every test binary.
 */
#ifndef TESTS_SUPPORT_REDIS_FIXTURE_H
#define TESTS_SUPPORT_REDIS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct redis_fixture {
    char dir[256];
    char socket[300];
    char url[320]; /* unix://... */
    pid_t pid;     /* 0: not running */
    bool has_aof;
    const char *const *extra; /* more command line words, NULL-ended; or NULL */
    const char *sentinel;     /* the configuration of a Sentinel; NULL: a server */
};

/* Starts a server in its own directory t_tmpdir()/name. false: the running test is failed. */
bool redis_fixture_start(struct redis_fixture *f, const char *name, bool has_aof);
bool redis_fixture_start_with(struct redis_fixture *f, const char *name, bool has_aof,
                              const char *const *extra);
/* A Sentinel with this configuration (lines; port, socket and directory are added). */
bool redis_fixture_start_sentinel(struct redis_fixture *f, const char *name, const char *lines);
/* SIGKILL and reap; the directory stays. */
void redis_fixture_kill(struct redis_fixture *f);
/* Starts again in the same directory. */
bool redis_fixture_restart(struct redis_fixture *f);
/* SIGSTOP / SIGCONT: a server that does not answer. */
void redis_fixture_freeze(struct redis_fixture *f, bool is_frozen);
/* Ends the server. */
void redis_fixture_stop(struct redis_fixture *f);
/* A TCP port of 127.0.0.1 that nobody listens on now. */
int redis_fixture_free_port(void);
/* Sends one inline command over a connection of its own and reads what comes within a second: for
 * looking at the server from outside. Returns bytes in out (NUL added), or -1. */
long redis_fixture_ask(const struct redis_fixture *f, const char *command, char *out, size_t size);

#endif
