/*
 * Sentinel: which server is the master now.
 *
 * One connection goes to one of the Sentinels named in the address: it asks SENTINEL MASTER and
 * then follows +switch-master. A subscribed connection cannot ask again, so when the master is
 * lost, says it is a replica, or answers READONLY, the connection is dropped and the next Sentinel
 * in turn is asked, every REDIS_SENTINEL_ASK_MS until the master's connection stands. What a
 * Sentinel says is taken only if its configuration epoch is not older than what was heard before:
 * one that was cut off still names the master of yesterday. The server itself has the last word:
 * its role is checked in the handshake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/redis/redis_priv.h"

enum step { STEP_AUTH, STEP_MASTER, STEP_SUBSCRIBE };

struct sentinel {
    struct node *node; /* its main link is the connection */
    size_t next;       /* whom to ask */
    int64_t epoch;     /* of the newest answer */
    bool is_suspect;   /* the master's connection failed since we asked */
    struct mono asked;
    char user[REDIS_URL_PART], password[REDIS_URL_PART];
};

struct sentinel *sentinel_new(struct redis *r, const struct redis_config *config)
{
    struct sentinel *s = mem_alloc(sizeof(*s));
    const struct redis_endpoint nowhere = {.port = 0};
    s->node = node_new(r, &nowhere);
    s->node->is_sentinel = s->node->is_wanted = true;
    node_place(s->node, &r->url.seeds[0]);
    s->epoch = -1;
    snprintf(s->user, sizeof(s->user), "%s", config->sentinel_user ? config->sentinel_user : "");
    snprintf(s->password, sizeof(s->password), "%s",
             config->sentinel_password ? config->sentinel_password : "");
    return s;
}

void sentinel_free(struct sentinel *s)
{
    if (!s)
        return;
    node_free(s->node);
    explicit_bzero(s, sizeof(*s));
    free(s);
}

/* ---- what a Sentinel says ---- */

static void take_master(struct redis *r, const struct redis_endpoint *at)
{
    struct node *n = r->nodes[0];
    if (redis_endpoint_equal(&n->at, at))
        return;
    bool is_first = n->at.port == 0;
    node_place(n, at);
    n->is_wanted = true;
    log_info("redis", "%s: %s is %s %s", r->sentinel->node->shown, r->url.master,
             is_first ? "at" : "now at", n->shown);
    if (!is_first)
        redis_count(REDIS_COUNT_MASTER_CHANGES, 1);
    for (int i = 0; i < REDIS_LINKS; i++)
        link_reset(&n->links[i], "Sentinel names another master");
    r->sentinel->is_suspect = false;
}

static bool read_endpoint(const struct redis_reply *host, const struct redis_reply *port,
                          struct redis_endpoint *at)
{
    int64_t v = port ? redis_int(port, 0) : 0;
    if (!host || host->len == 0 || host->len >= sizeof(at->host) || v < 1 || v > 65535)
        return false;
    snprintf(at->host, sizeof(at->host), "%s", host->text);
    at->port = (uint16_t)v;
    return true;
}

/* The answer to SENTINEL MASTER; false when this Sentinel is of no use. */
static bool master_reply(struct link *l, const struct redis_reply *reply, struct err *why)
{
    struct sentinel *s = l->r->sentinel;
    const struct redis_reply *epoch = redis_field(reply, "config-epoch");
    struct redis_endpoint at;
    if (reply->type == REDIS_ERROR && strncmp(reply->text, "ERR No such master", 18) == 0) {
        err_set(why, ERR_REDIS,
                "%s knows no master \"%s\": want the name of its `sentinel monitor` line",
                l->node->shown, l->r->url.master);
        return false;
    }
    if (!read_endpoint(redis_field(reply, "ip"), redis_field(reply, "port"), &at)) {
        err_set(why, ERR_REDIS, "%s: SENTINEL MASTER: %s", l->node->shown,
                reply->len ? reply->text : "no address");
        return false;
    }
    int64_t v = epoch ? redis_int(epoch, 0) : 0;
    if (v < s->epoch) {
        err_set(why, ERR_REDIS, "%s still names the master of an earlier epoch", l->node->shown);
        return false;
    }
    s->epoch = v;
    take_master(l->r, &at);
    return true;
}

/* ["message", "+switch-master", "name oldhost oldport newhost newport"] */
void sentinel_push(struct link *l, const struct redis_reply *message)
{
    struct sentinel *s = l->r->sentinel;
    const char *text = redis_item(message, 2)->text;
    const char *words[5];
    size_t lens[5], n = 0;
    for (const char *at = text; n < 5 && *at; n++) {
        words[n] = at;
        lens[n] = strcspn(at, " ");
        at += lens[n];
        at += *at == ' ';
    }
    struct redis_endpoint to;
    int64_t port;
    if (n < 5 || strlen(l->r->url.master) != lens[0] ||
        memcmp(words[0], l->r->url.master, lens[0]) != 0 || lens[3] >= sizeof(to.host) ||
        num_parse_i64(words[4], lens[4], &port) != 0 || port < 1 || port > 65535)
        return;
    snprintf(to.host, sizeof(to.host), "%.*s", (int)lens[3], words[3]);
    to.port = (uint16_t)port;
    s->epoch++; /* the message does not say it; a failover raises it by one at least */
    take_master(l->r, &to);
}

/* ---- the connection ---- */

void sentinel_handshake(struct link *l)
{
    const struct sentinel *s = l->r->sentinel;
    if (s->password[0] && s->user[0])
        link_send_ours(l, SLOT_HANDSHAKE, STEP_AUTH, 3,
                       (const char *[]){"AUTH", s->user, s->password});
    else if (s->password[0])
        link_send_ours(l, SLOT_HANDSHAKE, STEP_AUTH, 2, (const char *[]){"AUTH", s->password});
    link_send_ours(l, SLOT_HANDSHAKE, STEP_MASTER, 3,
                   (const char *[]){"SENTINEL", "MASTER", l->r->url.master});
    link_send_ours(l, SLOT_HANDSHAKE, STEP_SUBSCRIBE, 2,
                   (const char *[]){"SUBSCRIBE", "+switch-master"});
}

bool sentinel_handshake_reply(struct link *l, size_t step, const struct redis_reply *reply)
{
    struct err why;
    bool is_auth = strncmp(reply->text, "NOAUTH", 6) == 0 ||
                   strncmp(reply->text, "WRONGPASS", 9) == 0 ||
                   strncmp(reply->text, "NOPERM", 6) == 0;
    if (reply->type == REDIS_ERROR && (step == STEP_AUTH || is_auth))
        err_set(
            &why, ERR_FORBIDDEN,
            "%s: the server says: %s; what Sentinels ask for is --sentinel-user and "
            "--sentinel-password-file (a user needs +sentinel|master +subscribe &+switch-master)",
            l->node->shown, reply->text);
    else if (step == STEP_MASTER && !master_reply(l, reply, &why))
        ;
    else if (reply->type == REDIS_ERROR)
        err_set(&why, ERR_REDIS, "%s: the server says: %s", l->node->shown, reply->text);
    else {
        if (step == STEP_SUBSCRIBE)
            link_ready(l);
        return true;
    }
    link_down(l, &why);
    return false;
}

void sentinel_link_down(struct link *l)
{
    struct redis *r = l->r;
    struct sentinel *s = r->sentinel;
    if (!l->node->is_sentinel) {
        s->is_suspect = s->is_suspect || l->kind == REDIS_MAIN;
        return;
    }
    s->next = (s->next + 1) % r->url.n_seeds;
    node_place(s->node, &r->url.seeds[s->next]);
    s->asked = mono_now();
}

int sentinel_step(struct redis *r, struct mono now)
{
    struct sentinel *s = r->sentinel;
    struct link *l = &s->node->links[REDIS_MAIN];
    struct mono again = mono_add_ms(s->asked, REDIS_SENTINEL_ASK_MS);
    int wait = -1;
    if (s->is_suspect && l->state == LINK_READY) {
        if (mono_passed(now, again)) {
            s->is_suspect = false;
            link_reset(l, "the master is away, another Sentinel is asked");
        } else {
            wait = (int)((again.us - now.us) / US_PER_MS) + 1;
        }
    }
    int ms = link_step(l, now);
    return wait < 0 || (ms >= 0 && ms < wait) ? ms : wait;
}

void sentinel_close(struct redis *r, const char *why)
{
    node_close(r->sentinel->node, why);
}
