/*
 * The puller: the one thread that fetches metrics, and the one HTTP client it does it with. What is
 * read once a block (scrape.h) and what brings finished points (pull.h) share both.
 *
 * It works only for releases we own (routes: is_owned) and follows the routes by itself.
 */
#ifndef COLLECTORS_PULLER_H
#define COLLECTORS_PULLER_H

#include "collectors/aggregator/aggregator.h"
#include "lib/base/buf.h"

struct guard;
struct pull_ask;
struct puller;
struct secret;
struct store;

struct puller_config {
    struct aggregator *aggregator;
    int64_t timeout_ms;        /* of a scrape; 0: SCRAPE_TIMEOUT_MS */
    int64_t hold_ms;           /* 0: PULL_HOLD_MS */
    const struct guard *guard; /* which addresses may be asked; NULL: any. Outlives the puller */
    /* The operator's secrets, for connections that name one; NULL: there are none. */
    int (*secret)(void *user, const char *ref, struct secret *out, struct err *err);
    void *user;
    struct store *alarm_store; /* where alarms that notify us are kept; NULL: none may */
};

struct puller *puller_start(const struct puller_config *config, struct err *err) WARN_UNUSED;
void puller_stop(struct puller *p); /* NULL is fine */
/* What is wrong with the sources of a release right now, one line each ("http://..: connection
 * refused (since 12 s)"); nothing is written when all answer. */
void puller_complaints(struct puller *p, const char *release, struct buf *out);
/* Asks a source for points that go to ask->look (pull.h); `ask` is consumed. */
void puller_look(struct puller *p, struct pull_ask *ask);

#endif
