/*
 * Bearer tokens as this process knows them: a snapshot of the store's, so that a request is checked
 * without waiting. Only hashes are kept; comparing is in constant time. Any thread.
 *
 * A token's text is `jt_` and 256 random bits; the store holds its SHA-256, the first 16 digits of
 * it as public id, name, scopes, services and expiry.
 */
#ifndef JUDGE_DAEMON_TOKENS_H
#define JUDGE_DAEMON_TOKENS_H

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/crypto/random.h"
#include "lib/net/auth.h"
#include "lib/store/store.h"

#define TOKEN_TEXT_BYTES RANDOM_TOKEN_BYTES

struct tokens;

struct tokens *tokens_new(void);
void tokens_free(struct tokens *t);
/* [blocking] Reads them all again. */
int tokens_refresh(struct tokens *t, struct store *store, struct err *err) WARN_UNUSED;
/* 0 with the principal, or ERR_AUTH (unknown, revoked or expired: the same answer for all). */
int tokens_check(struct tokens *t, const char *text, size_t len, struct wall now,
                 struct principal *out, struct err *err) WARN_UNUSED;

/* Is the credential of that id (struct principal) still good? For what goes on after its check. */
bool tokens_hold(struct tokens *t, const char *id, struct wall now);

/* [blocking] Makes a token, stores its hash and gives its text once. services: "" all. */
struct token_wanted {
    const char *name;
    unsigned scopes;
    const char *services;
    struct wall created, expires; /* expires.us == 0: never */
};
/* ERR_INPUT when a token could not carry this list: "checkout,search", "" for all. */
int tokens_check_services(const char *services, struct err *err) WARN_UNUSED;
int tokens_make(struct tokens *t, struct store *store, const struct token_wanted *wanted,
                char text[TOKEN_TEXT_BYTES], struct err *err) WARN_UNUSED;
/* [blocking] When the store has no admin token yet, or DIR/admin.token is gone: makes one and
 * writes it there (0600). A file whose token is still good is kept. */
int tokens_ensure_admin(struct tokens *t, struct store *store, const char *state_dir,
                        struct err *err) WARN_UNUSED;

#endif
