/*
 * The notifier: calls the addresses a spec asks to be told (`notify: [{to: URL, on: [...]}]`).
 *
 * `to` is a URL or the name of a connection of kind webhook. The body is the verdict's JSON; the
 * headers are Standard Webhooks' (webhook-id, webhook-timestamp), signed (webhook-signature) with
 * the connection's `secret_ref`, else with the secret of the name `notify` when one is configured.
 * A call that fails is tried again with growing pauses until NOTIFY_TRIES; what is given up is
 * counted and logged. Addresses pass the outgoing guard. A bounded queue; a receiver is called by
 * one thread at a time, oldest first, and holds up no other.
 */
#ifndef JUDGE_DAEMON_NOTIFIER_H
#define JUDGE_DAEMON_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>

#include "judge/daemon/limits.h"
#include "lib/base/node.h"
#include "lib/model/spec.h"
#include "lib/model/verdict.h"

struct notifier;
struct guard;
struct secret;

/* What it borrows for its life. */
struct notifier_config {
    const struct guard *guard;
    const struct node *connections; /* the operator's, or NULL */
    const struct secret *secret;    /* for calls whose connection names none; NULL: not signed */
    /* The secret of that name; called on the notifier's threads. */
    int (*find_secret)(void *user, const char *ref, struct secret *out, struct err *err);
    void *user;
};
struct notifier *notifier_start(const struct notifier_config *config);
/* Ends the threads; what is queued is dropped and counted. NULL is fine. */
void notifier_stop(struct notifier *n);
/* Would that be told? `before` may be NULL. */
bool verdict_is_news(const struct verdict *before, const struct verdict *v);
/* A verdict was stored: calls whoever asked to be told of its word, unless the verdict before had
 * the same word in the same segment; a bake and the end of the release are news. Copies; never
 * waits. `before` may be NULL. */
void notifier_tell(struct notifier *n, const struct spec *spec, const struct verdict *before,
                   const struct verdict *v, const char *json, size_t len);

#endif
