/*
 * A line of the log that holds the head of an audit trail, signed:
 *
 *   audit head trail=checkout-42 n=17 hash=<64 hex> at=2026-11-28T21:00:00Z key=<base64>
 *   signature=<base64>
 *
 * (one line; the common trail is called *). The signature is Ed25519 over what stands between
 * "audit head " and " key=".
 */
#ifndef LIB_STORE_AUDIT_LINE_H
#define LIB_STORE_AUDIT_LINE_H

#include "lib/base/clock.h"
#include "lib/crypto/sign.h"
#include "lib/model/nouns.h"
#include "lib/store/store.h"

#define AUDIT_LINE_BYTES 512

/* Writes the line of a head; release "" is the common trail. */
int audit_line_sign(const struct secret *seed, const char *release, const struct audit_head *head,
                    struct wall at, char out[AUDIT_LINE_BYTES], struct err *err) WARN_UNUSED;

struct audit_line {
    char release[MODEL_NAME_MAX + 1]; /* "" the common trail */
    struct audit_head head;
    char at[WALL_TEXT_BYTES];
    char key[SIGN_PUBLIC_TEXT];
};
/* Looks for a head anywhere in the line of a log. 1: there, and its signature is its key's. 0: no
 * head in it. -1: it looks like one but is cut, or was changed (ERR_CORRUPT). */
int audit_line_read(const char *line, struct audit_line *out, struct err *err) WARN_UNUSED;

#endif
