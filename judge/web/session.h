/*
 * Sessions of people at a browser: a cookie in place of a token.
 *
 * Who logs in shows a token once; the browser then holds a random id that means nothing elsewhere.
 * A session can only read (SCOPE_READ of what its token has), so a forged request can change
 * nothing and no page needs a CSRF token. It ends after SESSION_HOURS, at logout, when the process
 * ends, and with its token: that is checked again at each use, so revoking a token is enough.
 * Kept in memory only, at most SESSIONS_MAX; then the oldest goes. Any thread may call.
 */
#ifndef JUDGE_WEB_SESSION_H
#define JUDGE_WEB_SESSION_H

#include <stddef.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/crypto/random.h"
#include "lib/net/auth.h"

struct sessions;
struct tokens;

#define SESSION_COOKIE   "judge_session"
#define SESSION_HOURS    12
#define SESSIONS_MAX     1024
#define SESSION_ID_BYTES RANDOM_ID_BYTES

/* `tokens` is borrowed for the life of the sessions. */
struct sessions *sessions_new(struct tokens *tokens);
void sessions_free(struct sessions *s); /* NULL is fine */

/* 0 with the id of a new session, ERR_AUTH for a wrong token, ERR_FORBIDDEN for one that may not
 * read. */
int sessions_open(struct sessions *s, const char *token, size_t len, char id[SESSION_ID_BYTES],
                  struct err *err) WARN_UNUSED;
/* The principal of the session named in a Cookie header (NULL: none), or ERR_AUTH. */
int sessions_check(struct sessions *s, const char *cookies, struct principal *out,
                   struct err *err) WARN_UNUSED;
/* Ends the session named in the Cookie header, if there is one. */
void sessions_close(struct sessions *s, const char *cookies);

#endif
