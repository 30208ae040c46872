/*
 * The service: everything one judged process has, and who runs it.
 *
 *   keeper    takes and renews leases, adds and removes cases           keeper.c
 *   judge     seals blocks, decides, writes verdicts                    judging.c
 *   watcher   follows the store's changes, puts up views and routes     watcher.c
 *   notifier  calls the addresses a spec wants to be told               notifier.c
 * The rooms below bring their own threads: HTTP pool, work and waiter (lib/net), redis (lib/redis),
 * flush, datagram receiver and puller (collectors), workers (strategies).
 *
 * Made once by service_start, in an order in which each part finds what it stands on; taken down in
 * the reverse order by service_stop. Fields are constant between the two unless their comment says
 * otherwise.
 */
#ifndef JUDGE_DAEMON_SERVICE_H
#define JUDGE_DAEMON_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "judge/daemon/board.h"
#include "judge/daemon/config.h"
#include "judge/daemon/docket.h"
#include "judge/daemon/signal_flag.h"
#include "lib/base/err.h"
#include "lib/store/store.h"

struct aggregator;
struct datagrams;
struct http_server;
struct notifier;
struct puller;
struct redis;
struct redis_server;
struct runner;
struct sessions;
struct sns_trust;
struct state_dir;
struct streams;
struct tokens;
struct vocabulary;

struct service {
    struct config config;
    const struct vocabulary *vocabulary;
    struct state_dir *state;
    struct redis_server *redis_server; /* NULL with a redis.url */
    struct redis *redis;
    struct store *store;
    struct boards *boards;
    struct docket *docket;
    struct tokens *tokens;
    struct sessions *sessions; /* of people at the pages */
    struct aggregator *aggregator;
    struct datagrams *statsd, *emf; /* NULL when off */
    struct streams *emf_streams;    /* the same */
    struct puller *puller;
    struct sns_trust *sns; /* NULL: no topic may post */
    struct runner *runner;
    struct notifier *notifier;
    struct http_server *http; /* under http_lock; NULL before its start and from its stop on */
    pthread_mutex_t http_lock;
    struct secret notify_secret; /* borrowed by the notifier */

    pthread_t keeper, judge, watcher;
    size_t n_threads;                                         /* of the three that run */
    struct signal_flag keeper_flag, judge_flag, watcher_flag; /* wake them before their time */
    _Atomic bool is_stopping;
    _Atomic bool
        has_caught_up; /* the watcher has seen the store and the keeper its own releases once */
    _Atomic bool has_redis; /* the last try to reach it succeeded */
    _Atomic bool
        has_routes; /* it is known which releases want samples: before that none is taken */
};

/* Everything is up when it returns; prints nothing. */
struct service *service_start(const struct config *config, struct err *err) WARN_UNUSED;
void service_stop(struct service *s);
/* Is it ready to be asked (docs/judge.md)? -1 says what is missing. */
int service_ready(struct service *s, struct err *err) WARN_UNUSED;

/* The threads' bodies. */
void *keeper_run(void *service);
void *judging_run(void *service);
void *watcher_run(void *service);

/* Something about a release changed here (runner, API): look at it soon. Any thread. */
void service_changed(struct service *s, const char *release);

#endif
