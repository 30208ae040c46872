/*
 * A server and the links to it; the parts of batches and how they end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/redis/redis_priv.h"

void node_place(struct node *n, const struct redis_endpoint *at)
{
    char where[REDIS_URL_PART + 16];
    n->at = *at;
    if (n->r->url.form == REDIS_SINGLE)
        snprintf(n->shown, sizeof(n->shown), "%s", n->r->shown);
    else
        snprintf(n->shown, sizeof(n->shown), "%s%s", n->is_sentinel ? "Sentinel " : "",
                 at->port ? redis_endpoint_show(at, where) : "the master nobody named yet");
}

struct node *node_new(struct redis *r, const struct redis_endpoint *at)
{
    struct node *n = mem_alloc(sizeof(*n));
    n->r = r;
    node_place(n, at);
    for (int i = 0; i < REDIS_LINKS; i++)
        link_init(&n->links[i], n, i);
    return n;
}

bool node_is_idle(const struct node *n)
{
    for (int i = 0; i < REDIS_LINKS; i++)
        if (n->links[i].waiting.head || n->links[i].sent.head)
            return false;
    return true;
}

void node_close(struct node *n, const char *why)
{
    for (int i = 0; i < REDIS_LINKS; i++)
        link_close(&n->links[i], why);
}

void node_free(struct node *n)
{
    if (!n)
        return;
    for (int i = 0; i < REDIS_LINKS; i++)
        link_release(&n->links[i]);
    free(n);
}

/* ---- parts ---- */

void part_list_push(struct part_list *l, struct part *p)
{
    p->prev = l->tail;
    p->next = NULL;
    if (l->tail)
        l->tail->next = p;
    else
        l->head = p;
    l->tail = p;
}

void part_list_drop(struct part_list *l, struct part *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else
        l->head = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        l->tail = p->prev;
    p->prev = p->next = NULL;
}

struct part *part_new(struct redis_batch *b, const size_t *cmds, size_t n)
{
    struct part *p = mem_alloc(sizeof(*p) + n * sizeof(*cmds));
    size_t *own = (size_t *)(p + 1);
    memcpy(own, cmds, n * sizeof(*cmds));
    *p = (struct part){.batch = b, .cmds = own, .n = n};
    b->n_parts++;
    for (size_t i = 0; i < n; i++)
        b->cmds[own[i]].part = p;
    return p;
}

void part_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err)
{
    if (b->is_finished)
        return;
    b->is_finished = true;
    redis_finish(b, rc, outcome, err);
}

/* Every reply is there. */
static void conclude(struct redis_batch *b)
{
    struct err why;
    int rc = 0;
    for (size_t i = 0; i < b->n_cmds && rc == 0 && !b->allow_errors; i++)
        if (b->replies[i].type == REDIS_ERROR) {
            const struct redis_script *script = b->cmds[i].script;
            const char *text = b->replies[i].text;
            bool is_acl = strncmp(text, "NOPERM", 6) == 0 || strstr(text, "ACL failure");
            rc = err_set(&why, ERR_REDIS, "redis refused %s: %s%s",
                         script ? script->name : "a command", text,
                         is_acl ? " (the ACL that is needed stands in docs/redis.md)" : "");
        }
    part_finish(b, rc, REDIS_DONE, &why);
}

void part_done(struct redis *r, struct part *p)
{
    struct redis_batch *b = p->batch;
    BUG_ON(b->n_parts == 0);
    if (p != &b->whole)
        free(p);
    if (--b->n_parts > 0)
        return;
    if (!b->is_finished && r->cluster && cluster_next_stage(r, b))
        return;
    if (!b->is_finished)
        conclude(b);
    atomic_fetch_sub(&r->queued_bytes[b->kind], b->cost);
    atomic_fetch_sub(&r->queued_batches[b->kind], 1);
    redis_count(REDIS_COUNT_QUEUED_BYTES, -(int64_t)b->cost);
    redis_batch_free(b);
}

void part_expire_waiting(struct redis *r, struct part_list *l, struct mono now, const char *why,
                         struct mono *earliest)
{
    struct err late;
    for (struct part *p = l->head, *next; p; p = next) {
        struct redis_batch *b = p->batch;
        next = p->next;
        if (!b->is_finished && !mono_passed(now, b->deadline)) {
            if (b->deadline.us < earliest->us)
                *earliest = b->deadline;
            continue;
        }
        if (b->is_sent)
            err_set(&late, ERR_TIMEOUT, "redis did not answer in time, the outcome is unknown: %s",
                    why);
        else
            err_set(&late, ERR_UNAVAILABLE, "%s", why);
        part_finish(b, -1, b->is_sent ? REDIS_UNKNOWN : REDIS_NOT_SENT, &late);
        part_list_drop(l, p);
        part_done(r, p);
    }
}

void part_fail_all(struct redis *r, struct part_list *l, enum redis_outcome outcome,
                   const struct err *err)
{
    while (l->head) {
        struct part *p = l->head;
        part_finish(p->batch, -1, p->batch->is_sent ? REDIS_UNKNOWN : outcome, err);
        part_list_drop(l, p);
        part_done(r, p);
    }
}
