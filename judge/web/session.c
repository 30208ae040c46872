#include "judge/web/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "judge/daemon/tokens.h"
#include "judge/web/form.h"
#include "lib/crypto/ct.h"
#include "lib/crypto/secret.h"

struct session {
    char id[SESSION_ID_BYTES];
    struct secret token; /* shown again to `tokens` at each use */
    struct mono ends;
};

struct sessions {
    struct tokens *tokens;
    pthread_mutex_t lock;
    struct session *all; /* oldest first: all live equally long */
    size_t n;
};

struct sessions *sessions_new(struct tokens *tokens)
{
    struct sessions *s = mem_alloc(sizeof(*s));
    s->tokens = tokens;
    pthread_mutex_init(&s->lock, NULL);
    s->all = mem_alloc_array(SESSIONS_MAX, sizeof(*s->all));
    return s;
}

static void drop(struct sessions *s, size_t i)
{
    secret_release(&s->all[i].token);
    memmove(s->all + i, s->all + i + 1, (s->n - i - 1) * sizeof(s->all[0]));
    s->n--;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    while (s->n)
        drop(s, s->n - 1);
    pthread_mutex_destroy(&s->lock);
    free(s->all);
    free(s);
}

static int check_token(struct sessions *s, const char *token, size_t len, struct principal *out,
                       struct err *err)
{
    if (tokens_check(s->tokens, token, len, wall_now(), out, err) != 0)
        return -1;
    if (!principal_has(out, SCOPE_READ))
        return err_set(err, ERR_FORBIDDEN, "this token may not read; the pages need scope `read`");
    out->scopes = SCOPE_READ;
    return 0;
}

int sessions_open(struct sessions *s, const char *token, size_t len, char id[SESSION_ID_BYTES],
                  struct err *err)
{
    struct principal p;
    const struct mono now = mono_now();
    if (len > SECRET_MAX)
        return err_set(err, ERR_AUTH, "this is not a token");
    if (check_token(s, token, len, &p, err) != 0)
        return -1;
    random_id(id);
    pthread_mutex_lock(&s->lock);
    while (s->n && (s->n == SESSIONS_MAX || mono_passed(now, s->all[0].ends)))
        drop(s, 0);
    struct session *fresh = &s->all[s->n++];
    memcpy(fresh->id, id, SESSION_ID_BYTES);
    fresh->ends = mono_add_ms(now, (int64_t)SESSION_HOURS * 3600 * 1000);
    secret_init(&fresh->token);
    secret_set(&fresh->token, token, len);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* Index of the session, SESSIONS_MAX when there is none. The lock is held. */
static size_t find(const struct sessions *s, const char *cookies)
{
    size_t len = 0, found = SESSIONS_MAX;
    const char *id = form_cookie(cookies, SESSION_COOKIE, &len);
    for (size_t i = 0; id && i < s->n; i++)
        if (ct_equal(id, len, s->all[i].id, SESSION_ID_BYTES - 1))
            found = i;
    return found;
}

int sessions_check(struct sessions *s, const char *cookies, struct principal *out, struct err *err)
{
    int rc;
    pthread_mutex_lock(&s->lock);
    const size_t i = find(s, cookies);
    if (i == SESSIONS_MAX) {
        rc = err_set(err, ERR_AUTH, "log in: no session, or it has ended");
    } else if (mono_passed(mono_now(), s->all[i].ends)) {
        drop(s, i);
        rc = err_set(err, ERR_AUTH, "log in again: the session has ended");
    } else {
        const struct secret *token = &s->all[i].token;
        rc = check_token(s, secret_bytes(token), token->len, out, err);
        if (rc != 0)
            drop(s, i);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void sessions_close(struct sessions *s, const char *cookies)
{
    pthread_mutex_lock(&s->lock);
    const size_t i = find(s, cookies);
    if (i != SESSIONS_MAX)
        drop(s, i);
    pthread_mutex_unlock(&s->lock);
}
