/*
 * The notifier: calls the addresses a spec asks to be told (`notify: [{to: URL, on: [...]}]`).
 *
 * The body is the verdict's JSON; the headers are Standard Webhooks' (webhook-id,
 * webhook-timestamp, webhook-signature) when a secret of the name `notify` is configured. A call
 * that fails is tried again with growing pauses until NOTIFY_TRIES; what is given up is counted and
 * logged. Addresses pass the outgoing guard. One thread; a bounded queue.
 */
#ifndef JUDGE_DAEMON_NOTIFIER_H
#define JUDGE_DAEMON_NOTIFIER_H

#include <stddef.h>

#include "lib/model/spec.h"
#include "lib/model/verdict.h"

struct notifier;
struct guard;
struct secret;

#define NOTIFY_TRIES      6
#define NOTIFY_QUEUE_MAX  1000
#define NOTIFY_TIMEOUT_MS 15000

/* guard and secret are borrowed for the notifier's life; secret may be NULL: calls are not signed.
 */
struct notifier *notifier_start(const struct guard *guard, const struct secret *secret);
/* Ends the thread; what is queued is dropped and counted. NULL is fine. */
void notifier_stop(struct notifier *n);
/* A verdict was stored: calls whoever asked to be told of its word, unless the verdict before had
 * the same word in the same segment and phase. Copies; never waits. `before` may be NULL. */
void notifier_tell(struct notifier *n, const struct spec *spec, const struct verdict *before,
                   const struct verdict *v, const char *json, size_t len);

#endif
