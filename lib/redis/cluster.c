/*
 * Redis Cluster: which node a command goes to, and what happens when it was another one.
 *
 * A batch is cut into parts by node; each travels on that node's links like a batch of its own, and
 * the replies meet again in the batch, in the order of its commands. What a node answers with
 * MOVED, ASK, TRYAGAIN or CLUSTERDOWN was not run there, so it is sent again without breaking the
 * promise that nothing is sent twice, until the batch's deadline. A command without a key (WAIT)
 * belongs to the one before it: it stands behind it on the same connection, and when that one is
 * sent elsewhere it goes along, its first answer counting for nothing.
 *
 * The map of slots is asked from any node that answers (CLUSTER SLOTS), one question at a time,
 * often while something is amiss and now and then otherwise. An answer that comes too late is not
 * taken: a node that was frozen may still call itself a master. What waits unsent on a node that
 * lost its slots is routed anew.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/redis/redis_priv.h"
#include "lib/redis/slots.h"

#define NOBODY UINT8_MAX
static_assert(REDIS_NODES_MAX < NOBODY, "a node's index fits into the map");

struct cluster {
    uint8_t owner[REDIS_SLOTS]; /* index in r->nodes; NOBODY */
    size_t n_owned;             /* slots that have one */
    bool is_amiss;              /* something says that the map is old */
    struct part_list delayed;   /* ordered by not_before */
    struct link *asked;         /* who owes us the map; NULL nobody */
    size_t asking;              /* number of the question */
    struct mono since;          /* of the question under way, or of the last answer */
    size_t next;                /* whom to ask */
};

/* ---- nodes ---- */

static size_t index_of(const struct redis *r, const struct node *n)
{
    size_t i = 0;
    while (i < r->n_nodes && r->nodes[i] != n)
        i++;
    return i;
}

/* The node at that address; a new one when there is room. NULL: too many. */
static struct node *find_node(struct redis *r, const struct redis_endpoint *at)
{
    struct node *unused = NULL;
    for (size_t i = 0; i < r->n_nodes; i++) {
        struct node *n = r->nodes[i];
        if (redis_endpoint_equal(&n->at, at))
            return n;
        if (!n->is_wanted && !n->is_seed && node_is_idle(n))
            unused = n;
    }
    if (r->n_nodes < REDIS_NODES_MAX)
        return r->nodes[r->n_nodes++] = node_new(r, at);
    if (!unused)
        return NULL;
    node_close(unused, "the node left the cluster");
    node_place(unused, at);
    return unused;
}

struct cluster *cluster_new(struct redis *r)
{
    struct cluster *c = mem_alloc(sizeof(*c));
    memset(c->owner, NOBODY, sizeof(c->owner));
    for (size_t i = 0; i < r->url.n_seeds; i++) {
        struct node *n = find_node(r, &r->url.seeds[i]);
        n->is_seed = n->is_wanted = true;
    }
    return c;
}

void cluster_free(struct cluster *c)
{
    free(c);
}

/* Every slot has an owner, and all owners answer. */
static bool is_whole(const struct redis *r)
{
    if (r->cluster->n_owned < REDIS_SLOTS)
        return false;
    for (size_t i = 0; i < r->n_nodes; i++)
        if (r->nodes[i]->is_wanted && r->nodes[i]->links[REDIS_MAIN].state != LINK_READY)
            return false;
    return true;
}

void cluster_link_changed(struct link *l)
{
    struct redis *r = l->r;
    struct cluster *c = r->cluster;
    if (l->state == LINK_DOWN && c->asked == l)
        c->asked = NULL;
    if (l->state == LINK_DOWN)
        c->is_amiss = true;
    else if (c->is_amiss || c->n_owned == 0)
        c->since = (struct mono){0}; /* somebody to ask: at once */
    redis_note_up(r, is_whole(r), l->state == LINK_READY ? l->run_id : NULL);
}

/* ---- routing ---- */

static void delay(struct cluster *c, struct part *p)
{
    p->not_before = mono_add_ms(mono_now(), REDIS_TRY_AGAIN_MS);
    p->is_asking = false;
    part_list_push(&c->delayed, p);
}

/* Where a command goes: that of its slot; one without a key goes where the one before it went. */
static size_t target_of(const struct redis *r, const struct redis_cmd *cmd, size_t before)
{
    if (cmd->slot >= 0)
        return r->cluster->owner[cmd->slot];
    if (before != NOBODY)
        return before;
    return r->cluster->owner[0];
}

/* Cuts commands into parts by node and hands them over. */
static void route(struct redis *r, struct redis_batch *b, const size_t *cmds, size_t n)
{
    uint8_t *to = mem_alloc_array(n, sizeof(*to));
    size_t *of_one = mem_alloc_array(n, sizeof(*of_one));
    bool is_taken[UINT8_MAX + 1] = {false};
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)target_of(r, &b->cmds[cmds[i]], i ? to[i - 1] : NOBODY);
    for (size_t i = 0; i < n; i++) {
        size_t count = 0;
        if (is_taken[to[i]])
            continue;
        is_taken[to[i]] = true;
        for (size_t k = i; k < n; k++)
            if (to[k] == to[i])
                of_one[count++] = cmds[k];
        struct part *p = part_new(b, of_one, count);
        if (to[i] == NOBODY)
            delay(r->cluster, p);
        else
            link_take(&r->nodes[to[i]]->links[b->kind], p);
    }
    free(to);
    free(of_one);
}

/* Routes a part's commands anew; the part is in no list. */
static void reroute(struct redis *r, struct part *p)
{
    if (!p->batch->is_finished)
        route(r, p->batch, p->cmds, p->n);
    part_done(r, p);
}

bool cluster_next_stage(struct redis *r, struct redis_batch *b)
{
    size_t first = b->next_stage, end = first;
    if (first >= b->n_cmds)
        return false;
    do
        end++;
    while (end < b->n_cmds && !b->cmds[end].begins_stage);
    size_t *cmds = mem_alloc_array(end - first, sizeof(*cmds));
    for (size_t i = first; i < end; i++)
        cmds[i - first] = i;
    b->next_stage = end;
    route(r, b, cmds, end - first);
    free(cmds);
    return true;
}

void cluster_take(struct redis *r, struct redis_batch *b)
{
    struct err err;
    int slot = -1;
    bool is_split = false;
    for (size_t i = 0; i < b->n_cmds; i++) {
        b->cmds[i].slot = redis_batch_slot(b, i);
        is_split = is_split || (slot >= 0 && b->cmds[i].slot >= 0 && b->cmds[i].slot != slot);
        if (slot < 0)
            slot = b->cmds[i].slot;
    }
    redis_batch_expect(b);
    b->n_parts = 1; /* held until it is routed, or refused */
    if (b->is_multi && is_split) {
        err_set(&err, ERR_INPUT,
                "a transaction over keys of several slots cannot run on a cluster: nothing was "
                "sent; keys of one {tag} share a slot");
        part_finish(b, -1, REDIS_NOT_SENT, &err);
    } else {
        cluster_next_stage(r, b);
    }
    part_done(r, &b->whole);
}

/* ---- redirections ---- */

/* "host:port", an empty host meaning the one that says so. */
static bool read_endpoint(const char *text, const struct link *l, struct redis_endpoint *at)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || num_parse_i64(colon + 1, strlen(colon + 1), &port) != 0 || port < 1 ||
        port > 65535 || (size_t)(colon - text) >= sizeof(at->host))
        return false;
    if (colon == text)
        snprintf(at->host, sizeof(at->host), "%s", l->node->at.host);
    else
        snprintf(at->host, sizeof(at->host), "%.*s", (int)(colon - text), text);
    at->port = (uint16_t)port;
    return true;
}

/* "MOVED 3999 127.0.0.1:6381" or "ASK ..." */
static struct node *named_node(struct link *l, const char *text, int *slot)
{
    const char *number = strchr(text, ' '), *where = number ? strchr(number + 1, ' ') : NULL;
    struct redis_endpoint at;
    int64_t v;
    if (!where || num_parse_i64(number + 1, (size_t)(where - number - 1), &v) != 0 || v < 0 ||
        v >= REDIS_SLOTS || !read_endpoint(where + 1, l, &at))
        return NULL;
    *slot = (int)v;
    return find_node(l->r, &at);
}

static bool begins(const struct redis_reply *reply, const char *word)
{
    return strncmp(reply->text, word, strlen(word)) == 0;
}

static bool says_later(const struct redis_reply *reply)
{
    static const char *const words[] = {"TRYAGAIN ", "CLUSTERDOWN ", "LOADING ", "MASTERDOWN ",
                                        "READONLY "};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (begins(reply, words[i]))
            return true;
    return false;
}

/* The command and those without a key behind it; a transaction goes as a whole. */
static struct part *cut_off(struct part *p, size_t command)
{
    struct redis_batch *b = p->batch;
    if (b->is_multi)
        return part_new(b, p->cmds, p->n);
    size_t at = 0;
    while (p->cmds[at] != command)
        at++;
    size_t end = at + 1;
    while (end < p->n && b->cmds[p->cmds[end]].slot < 0)
        end++;
    return part_new(b, p->cmds + at, end - at);
}

bool cluster_redirect(struct link *l, struct part *p, size_t command,
                      const struct redis_reply *reply)
{
    struct cluster *c = l->r->cluster;
    struct redis_batch *b = p->batch;
    bool is_moved = begins(reply, "MOVED "), is_asked = begins(reply, "ASK ");
    if (reply->type != REDIS_ERROR || b->is_finished ||
        !(is_moved || is_asked || says_later(reply)))
        return false;
    redis_count(REDIS_COUNT_REDIRECTS, 1);
    int slot = -1;
    struct node *to = is_moved || is_asked ? named_node(l, reply->text, &slot) : NULL;
    if (is_moved && to) {
        c->owner[slot] = (uint8_t)index_of(l->r, to);
        to->is_wanted = true;
    }
    if (!is_asked && !begins(reply, "TRYAGAIN "))
        c->is_amiss = true;
    struct part *moved = cut_off(p, command);
    /* ASKING holds for one command; a transaction waits until its slot has arrived. */
    if (!to || ++b->cmds[command].hops % REDIS_HOPS_MAX == 0 || (is_asked && b->is_multi)) {
        delay(c, moved);
        return true;
    }
    moved->is_asking = is_asked;
    link_take(&to->links[b->kind], moved);
    return true;
}

/* ---- the map ---- */

/* [first, last, [host, port, id, ...], replicas...] */
static bool take_range(struct link *l, const struct redis_reply *range, uint8_t *owner)
{
    int64_t first = redis_int(redis_item(range, 0), -1), last = redis_int(redis_item(range, 1), -1);
    const struct redis_reply *master = redis_item(range, 2), *host = redis_item(master, 0);
    int64_t port = redis_int(redis_item(master, 1), -1);
    struct redis_endpoint at;
    if (first < 0 || last < first || last >= REDIS_SLOTS || port < 1 || port > 65535 ||
        host->len >= sizeof(at.host))
        return false;
    snprintf(at.host, sizeof(at.host), "%s", host->len ? host->text : l->node->at.host);
    at.port = (uint16_t)port;
    struct node *n = strcmp(at.host, "?") == 0 ? NULL : find_node(l->r, &at);
    if (!n)
        return true; /* its slots have no owner */
    n->is_wanted = true;
    memset(owner + first, (int)index_of(l->r, n), (size_t)(last - first + 1));
    return true;
}

/* What is not sent yet and waits for a node that lost its slot. */
static void reroute_waiting(struct redis *r)
{
    struct part_list stray = {NULL, NULL};
    for (size_t i = 0; i < r->n_nodes; i++)
        for (int kind = 0; kind < REDIS_LINKS; kind++) {
            struct part_list *waiting = &r->nodes[i]->links[kind].waiting;
            for (struct part *p = waiting->head, *next; p; p = next) {
                next = p->next;
                bool is_stray = false;
                for (size_t k = 0; k < p->n && !p->is_asking; k++) {
                    int slot = p->batch->cmds[p->cmds[k]].slot;
                    is_stray = is_stray || (slot >= 0 && r->cluster->owner[slot] != i);
                }
                if (!is_stray)
                    continue;
                part_list_drop(waiting, p);
                part_list_push(&stray, p);
            }
        }
    while (stray.head) {
        struct part *p = stray.head;
        part_list_drop(&stray, p);
        reroute(r, p);
    }
}

void cluster_take_map(struct link *l, size_t asking, const struct redis_reply *reply)
{
    struct redis *r = l->r;
    struct cluster *c = r->cluster;
    if (c->asked != l || c->asking != asking)
        return; /* too late */
    c->asked = NULL;
    c->since = mono_now();
    if (reply->type != REDIS_ARRAY || reply->n == 0) {
        struct err why;
        err_set(&why, ERR_REDIS, "%s: CLUSTER SLOTS: %s", l->node->shown,
                reply->len ? reply->text : "no slots are assigned");
        redis_note_failure(r, &why);
        return;
    }
    uint8_t owner[REDIS_SLOTS];
    memset(owner, NOBODY, sizeof(owner));
    for (size_t i = 0; i < r->n_nodes; i++)
        r->nodes[i]->is_wanted = false;
    for (size_t i = 0; i < reply->n; i++)
        if (!take_range(l, redis_item(reply, i), owner))
            log_warn("redis", "%s: CLUSTER SLOTS has a range that cannot be read", l->node->shown);
    if (memcmp(c->owner, owner, sizeof(owner)) != 0)
        atomic_fetch_add(&r->generation, 1);
    memcpy(c->owner, owner, sizeof(owner));
    c->n_owned = 0;
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        c->n_owned += owner[i] != NOBODY;
    c->is_amiss = c->n_owned < REDIS_SLOTS;
    if (c->is_amiss) {
        struct err why;
        err_set(&why, ERR_REDIS, "%s: %zu of the cluster's slots have no owner", l->node->shown,
                REDIS_SLOTS - c->n_owned);
        redis_note_failure(r, &why);
    }
    reroute_waiting(r);
    redis_note_up(r, is_whole(r), NULL);
}

static void ask_next(struct redis *r, struct mono now)
{
    struct cluster *c = r->cluster;
    c->since = now;
    c->asked = NULL;
    for (size_t i = 0; i < r->n_nodes; i++) {
        struct link *l = &r->nodes[c->next++ % r->n_nodes]->links[REDIS_MAIN];
        if (l->state == LINK_READY) {
            link_send_ours(l, SLOT_MAP, ++c->asking, 2, (const char *[]){"CLUSTER", "SLOTS"});
            c->asked = l;
            return;
        }
    }
    /* Nobody answers: those that were named are tried, whatever the map said. */
    for (size_t i = 0; i < r->n_nodes; i++)
        r->nodes[i]->is_wanted = r->nodes[i]->is_wanted || r->nodes[i]->is_seed;
}

void cluster_suspect(struct redis *r)
{
    r->cluster->is_amiss = true;
}

int cluster_step(struct redis *r, struct mono now)
{
    struct cluster *c = r->cluster;
    struct mono never = {INT64_MAX};
    while (c->delayed.head && mono_passed(now, c->delayed.head->not_before)) {
        struct part *p = c->delayed.head;
        part_list_drop(&c->delayed, p);
        reroute(r, p);
    }
    part_expire_waiting(r, &c->delayed, now,
                        "the cluster has no answer for a slot (it is being moved, or its master is "
                        "away)",
                        &never);
    bool is_amiss = c->is_amiss || !is_whole(r);
    int64_t pause = c->asked ? REDIS_MAP_WAIT_MS : is_amiss ? REDIS_MAP_AMISS_MS : REDIS_MAP_MS;
    if (mono_passed(now, mono_add_ms(c->since, pause))) {
        ask_next(r, now);
        pause = c->asked ? REDIS_MAP_WAIT_MS : REDIS_MAP_AMISS_MS;
    }
    int64_t until = mono_add_ms(c->since, pause).us;
    if (c->delayed.head && c->delayed.head->not_before.us < until)
        until = c->delayed.head->not_before.us;
    int64_t ms = (until - now.us + US_PER_MS - 1) / US_PER_MS;
    return ms < 0 ? 0 : (int)ms;
}

void cluster_close(struct redis *r, const char *why)
{
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "%s", why);
    part_fail_all(r, &r->cluster->delayed, REDIS_NOT_SENT, &err);
}
