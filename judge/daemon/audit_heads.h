/*
 * The heads of the audit trails, signed and written to the log every hour, and a release's own once
 * more when it is done: whoever keeps the log elsewhere can show later that no entry before was
 * changed, even against somebody who can write to Redis. `judgectl audit verify --logged FILE`
 * checks such lines (lib/store/audit_line.h).
 *
 * The key is DIR/audit.key (Ed25519), made once. Used by the keeper alone.
 */
#ifndef JUDGE_DAEMON_AUDIT_HEADS_H
#define JUDGE_DAEMON_AUDIT_HEADS_H

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/crypto/secret.h"

struct store;

struct audit_heads {
    struct store *store;
    struct secret seed;
    struct mono due;
};

/* Loads or makes the key. */
int audit_heads_init(struct audit_heads *h, struct store *store, const char *state_dir,
                     struct err *err) WARN_UNUSED;
void audit_heads_release(struct audit_heads *h);

/* Logs the head of a trail ("": the common one); one that has no entry is passed over. */
void audit_heads_tell(struct audit_heads *h, const char *release);
/* Is it an hour since this was true the last time? */
bool audit_heads_is_due(struct audit_heads *h);

#endif
