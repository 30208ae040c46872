/*
 * What is said before a connection may carry commands: who we are, whether the server is one we can
 * keep state in, in words that tell an operator what is missing. Runs on the redis thread alone.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/redis/redis_priv.h"

enum handshake { STEP_AUTH, STEP_SELECT, STEP_PING, STEP_SERVER, STEP_ROLE, STEP_MEMORY };

/* What each step needs in the user's ACL. */
static const char *const step_acl[] = {
    [STEP_AUTH] = "+auth",   [STEP_SELECT] = "+select", [STEP_PING] = "+ping",
    [STEP_SERVER] = "+info", [STEP_ROLE] = "+info",     [STEP_MEMORY] = "+info",
};

void link_handshake(struct link *l)
{
    const struct redis_url *u = &l->r->url;
    if (l->node->is_sentinel) {
        sentinel_handshake(l);
        return;
    }
    if (u->password[0] && u->user[0])
        link_send_ours(l, SLOT_HANDSHAKE, STEP_AUTH, 3,
                       (const char *[]){"AUTH", u->user, u->password});
    else if (u->password[0])
        link_send_ours(l, SLOT_HANDSHAKE, STEP_AUTH, 2, (const char *[]){"AUTH", u->password});
    if (u->db > 0) {
        char db[16];
        snprintf(db, sizeof(db), "%d", u->db);
        link_send_ours(l, SLOT_HANDSHAKE, STEP_SELECT, 2, (const char *[]){"SELECT", db});
    }
    /* INFO is answered while the data is still being loaded, PING is not. */
    link_send_ours(l, SLOT_HANDSHAKE, STEP_PING, 1, (const char *[]){"PING"});
    if (!l->r->skip_checks) {
        link_send_ours(l, SLOT_HANDSHAKE, STEP_SERVER, 2, (const char *[]){"INFO", "server"});
        link_send_ours(l, SLOT_HANDSHAKE, STEP_ROLE, 2, (const char *[]){"INFO", "replication"});
        link_send_ours(l, SLOT_HANDSHAKE, STEP_MEMORY, 2, (const char *[]){"INFO", "memory"});
    }
}

/* "name:value\r\n" of an INFO reply. */
static bool info_value(const struct redis_reply *info, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    for (const char *at = info->text; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, len) == 0 && at[len] == ':') {
            snprintf(out, size, "%.*s", (int)strcspn(at + len + 1, "\r\n"), at + len + 1);
            return true;
        }
    }
    return false;
}

static bool begins(const struct redis_reply *reply, const char *word)
{
    return strncmp(reply->text, word, strlen(word)) == 0;
}

/* Why the server said no; a server that says no will say no again (ERR_FORBIDDEN), one that loads
 * its data will not (ERR_REDIS). */
static void explain(const struct link *l, size_t step, const struct redis_reply *reply,
                    struct err *why)
{
    const char *user = l->r->url.user[0] ? l->r->url.user : "default", *at = l->node->shown;
    if (begins(reply, "LOADING") || begins(reply, "BUSY") || begins(reply, "MASTERDOWN"))
        err_set(why, ERR_REDIS, "%s: the server says: %s", at, reply->text);
    else if (begins(reply, "WRONGPASS"))
        err_set(why, ERR_FORBIDDEN,
                "%s: user \"%s\" and password do not fit, or the user is off (ACL GETUSER %s shows "
                "it); the server says: %s",
                at, user, user, reply->text);
    else if (begins(reply, "NOAUTH"))
        err_set(why, ERR_FORBIDDEN,
                "%s: the server wants a password and none was given: redis://user:password@..., or "
                "a file that holds it; the server says: %s",
                at, reply->text);
    else if (begins(reply, "NOPERM"))
        err_set(why, ERR_FORBIDDEN,
                "%s: user \"%s\" lacks %s (ACL SETUSER %s %s); the server says: %s", at, user,
                step_acl[step], user, step_acl[step], reply->text);
    else
        err_set(why, ERR_FORBIDDEN, "%s: the server says: %s", at, reply->text);
}

static bool refuse(struct link *l, const struct err *why)
{
    link_down(l, why);
    return false;
}

/* How a server of that mode is written. */
static bool check_mode(const struct link *l, const char *mode, struct err *why)
{
    static const struct {
        const char *mode, *is, *written;
    } modes[] = {
        {"standalone", "one server", "redis://host:port"},
        {"sentinel", "a Sentinel", "redis+sentinel://host:port/master-name"},
        {"cluster", "a node of a cluster", "redis+cluster://host:port"},
    };
    if (strcmp(mode, l->r->cluster ? "cluster" : "standalone") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(mode, modes[i].mode) == 0) {
            err_set(why, ERR_FORBIDDEN, "%s is %s: it is written %s", l->node->shown, modes[i].is,
                    modes[i].written);
            return false;
        }
    return true;
}

static bool check_role(const struct link *l, const char *role, struct err *why)
{
    if (l->r->cluster || strcmp(role, "master") == 0)
        return true;
    if (l->r->sentinel) /* it will be promoted, or another one was: asked again */
        err_set(why, ERR_REDIS, "%s, which Sentinel names, is a replica (role:%s)", l->node->shown,
                role);
    else
        err_set(why, ERR_FORBIDDEN, "%s is a replica (role:%s): name the primary", l->node->shown,
                role);
    return false;
}

bool link_handshake_reply(struct link *l, size_t step, const struct redis_reply *reply)
{
    char value[64];
    struct err why;
    if (l->node->is_sentinel)
        return sentinel_handshake_reply(l, step, reply);
    if (reply->type == REDIS_ERROR) {
        explain(l, step, reply, &why);
        return refuse(l, &why);
    }
    if (step == STEP_SERVER && info_value(reply, "run_id", value, sizeof(value)))
        snprintf(l->run_id, sizeof(l->run_id), "%s", value);
    if (step == STEP_SERVER && info_value(reply, "redis_mode", value, sizeof(value)) &&
        !check_mode(l, value, &why))
        return refuse(l, &why);
    if (step == STEP_ROLE && info_value(reply, "role", value, sizeof(value)) &&
        !check_role(l, value, &why))
        return refuse(l, &why);
    if (step == STEP_MEMORY && info_value(reply, "maxmemory_policy", value, sizeof(value)) &&
        strcmp(value, "noeviction") != 0) {
        err_set(&why, ERR_FORBIDDEN,
                "%s may evict keys (maxmemory-policy %s), which loses state: set it to noeviction",
                l->node->shown, value);
        return refuse(l, &why);
    }
    if (step == STEP_MEMORY || (step == STEP_PING && l->r->skip_checks))
        link_ready(l);
    return true;
}
