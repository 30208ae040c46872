/*
 * Every key we keep in Redis: the table in keys.c says type, who writes it, how long it lives and
 * what bounds it. All keys begin with "judge:". Keys of a release carry the hash tag {release}, so
 * one script may touch them all on Redis Cluster too; a service's carry {service}.
 *
 * If you add a key of a release, also add it to what store_release_delete removes (release.c).
 */
#ifndef LIB_STORE_KEYS_H
#define LIB_STORE_KEYS_H

#include <stddef.h>

#include "lib/redis/redis.h"
#include "lib/store/limits.h" /* lifetimes and bounds named in the table */

enum key {
    KEY_RELEASE,
    KEY_LEASE,
    KEY_SEGMENTS,
    KEY_VERDICTS,
    KEY_CHECKPOINT,
    KEY_ORDERS,
    KEY_AUDIT,
    KEY_AUDIT_HEAD,
    KEY_PRODUCERS,
    KEY_MARKS,
    KEY_LATE,
    KEY_BATCHES,
    KEY_BATCH_TIMES,
    KEY_OPEN,
    KEY_PAST,
    KEY_SEALED,
    KEY_BASE,
    KEY_IDEMPOTENCY,
    KEY_RELEASES,
    KEY_ACTIVE,
    KEY_CHANGES,
    KEY_SERVICE_LOCK,
    KEY_SERVICE_REVISION,
    KEY_THROUGH,
    KEY_TOKENS,
    KEY_DOCUMENTS,
    KEY_DURABLE,
    KEY_ALARM,
    KEY_ALARMS,
    KEYS_COUNT
};

struct key_row {
    const char *pattern; /* of printf */
    const char *type, *owner, *lifetime, *bound;
};
extern const struct key_row key_table[KEYS_COUNT];

/* Adds the key as the next argument of the batch's current command. What follows k fits its
 * pattern. */
void key_arg(struct redis_batch *b, enum key k, ...);

/* A name that may stand in a key: 1..MODEL_NAME_MAX of [A-Za-z0-9._-]. ERR_INPUT says which and
 * why. */
int key_name_check(const char *what, const char *name, struct err *err) WARN_UNUSED;

#endif
