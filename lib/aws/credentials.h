/*
 * One set of AWS credentials: made once, never changed, shared by counting.
 */
#ifndef LIB_AWS_CREDENTIALS_H
#define LIB_AWS_CREDENTIALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/crypto/secret.h"

#define ACCESS_KEY_BYTES 129

struct credentials {
    _Atomic int refs;
    char access_key[ACCESS_KEY_BYTES];
    struct secret secret;
    struct secret token; /* empty: none */
    struct wall obtained;
    struct wall expires; /* .us 0: never */
};

/* What they are made of; token may be NULL or "", expires.us 0. `from` names the source in a
 * message. NULL with ERR_AUTH when a part is missing, too long or no printable text. */
struct credentials *credentials_new(const char *access_key, const char *secret, const char *token,
                                    struct wall expires, const char *from,
                                    struct err *err) WARN_UNUSED;
/* The JSON of credential processes, containers and instances: AccessKeyId, SecretAccessKey,
 * SessionToken or Token, Expiration; of a process also "Version": 1. Wipes what it read of the
 * secrets, but not `text`. */
struct credentials *credentials_from_json(const char *text, size_t len, bool is_of_process,
                                          const char *from, struct err *err) WARN_UNUSED;
struct credentials *credentials_ref(struct credentials *c); /* NULL is fine */
void credentials_unref(struct credentials *c);              /* NULL is fine */

bool credentials_are_expired(const struct credentials *c, struct wall now);
/* When to ask for new ones: AWS_RENEW_BEFORE_S before they expire, or a quarter of their life when
 * that is shorter. They must expire. */
struct wall credentials_renew_at(const struct credentials *c);

#endif
