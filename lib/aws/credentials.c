#include "lib/aws/credentials.h"

#include "lib/aws/limits.h"
#include "lib/base/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static int check_part(const char *text, size_t max, const char *what, const char *from,
                      struct err *err)
{
    if (!text || !*text)
        return err_set(err, ERR_AUTH, "%s: there is no %s", from, what);
    if (strlen(text) >= max)
        return err_set(err, ERR_AUTH, "%s: the %s is longer than %zu characters", from, what,
                       max - 1);
    if (!is_printable(text))
        return err_set(err, ERR_AUTH, "%s: the %s holds white space or other characters it cannot",
                       from, what);
    return 0;
}

struct credentials *credentials_new(const char *access_key, const char *secret, const char *token,
                                    struct wall expires, const char *from, struct err *err)
{
    struct credentials *c;
    if (check_part(access_key, ACCESS_KEY_BYTES, "access key id", from, err) < 0 ||
        check_part(secret, SECRET_MAX, "secret access key", from, err) < 0 ||
        (token && *token && check_part(token, SECRET_MAX, "session token", from, err) < 0))
        return NULL;
    c = mem_alloc(sizeof(*c));
    c->refs = 1;
    snprintf(c->access_key, sizeof(c->access_key), "%s", access_key);
    secret_init(&c->secret);
    secret_init(&c->token);
    secret_set(&c->secret, secret, strlen(secret));
    if (token && *token)
        secret_set(&c->token, token, strlen(token));
    c->obtained = wall_now();
    c->expires = expires;
    return c;
}

static void wipe_text(const struct node *n)
{
    union {
        const char *text;
        char *bytes;
    } of;
    if (!n || !n->text)
        return;
    of.text = n->text;
    secret_wipe(of.bytes, n->text_len);
}

struct credentials *credentials_from_json(const char *text, size_t len, bool is_of_process,
                                          const char *from, struct err *err)
{
    struct arena a;
    struct credentials *c = NULL;
    struct err unread = {0};
    struct wall expires = {0};
    const struct node *n, *token;
    const char *expiration, *message;
    arena_init(&a);
    n = node_read_json(&a, text, len, &unread);
    if (!n || n->type != NODE_OBJECT) {
        err_set(err, ERR_AUTH, "%s: the answer is no JSON object", from);
        goto out;
    }
    token = node_get(n, "Token") ? node_get(n, "Token") : node_get(n, "SessionToken");
    expiration = node_get_string(n, "Expiration");
    message = node_get_string(n, "Message");
    if (is_of_process && node_get_number(n, "Version", 0) != 1)
        err_set(err, ERR_AUTH, "%s: it must print JSON with \"Version\": 1", from);
    else if (expiration && wall_parse(expiration, &expires) < 0)
        err_set(err, ERR_AUTH, "%s: the Expiration is no time in RFC 3339", from);
    else if (!node_get(n, "AccessKeyId") && message)
        err_set(err, ERR_AUTH, "%s: %.200s", from, message);
    else
        c = credentials_new(
            node_get_string(n, "AccessKeyId"), node_get_string(n, "SecretAccessKey"),
            token && token->type == NODE_STRING ? token->text : NULL, expires, from, err);
    wipe_text(node_get(n, "SecretAccessKey"));
    wipe_text(token);
out:
    arena_release(&a);
    return c;
}

struct credentials *credentials_ref(struct credentials *c)
{
    if (c)
        atomic_fetch_add(&c->refs, 1);
    return c;
}

void credentials_unref(struct credentials *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    secret_release(&c->secret);
    secret_release(&c->token);
    free(c);
}

bool credentials_are_expired(const struct credentials *c, struct wall now)
{
    return c->expires.us && now.us >= c->expires.us;
}

struct wall credentials_renew_at(const struct credentials *c)
{
    int64_t before = AWS_RENEW_BEFORE_S * US_PER_SECOND;
    int64_t quarter = (c->expires.us - c->obtained.us) / 4;
    BUG_ON(!c->expires.us);
    if (quarter < before)
        before = quarter > 0 ? quarter : 0;
    return (struct wall){c->expires.us - before};
}
