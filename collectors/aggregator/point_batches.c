/*
 * Bodies whose every point is a batch of its own, under a key of its own (has_point_keys): what
 * comes again, in whatever body and to whatever process, counts once. The sender is answered when
 * all of them are stored or known.
 */
#include <stdlib.h>

#include "collectors/aggregator/aggregator_priv.h"
#include "collectors/aggregator/point_batches.h"

/* Lives until the last of its batches is done. */
struct joint {
    size_t left;
    bool is_unknown, is_stored; /* at least one */
    batch_done *done;
    void *user;
};

struct point_batches {
    struct aggregator *aggregator;
    const struct ingest_options *options;
    struct mono deadline;
    struct joint *joint;
    struct batch *first, *last; /* by `next` */
};

/* A key that is known with other values: CloudWatch has changed a point that was counted. */
static void point_done(void *user, enum batch_result result)
{
    struct joint *j = user;
    if (result == BATCH_REUSED)
        collectors_count(COUNT_POINTS_REVISED, 1);
    j->is_unknown |= result == BATCH_UNKNOWN;
    j->is_stored |= result == BATCH_STORED;
    if (--j->left > 0)
        return;
    j->done(j->user, j->is_unknown ? BATCH_UNKNOWN : j->is_stored ? BATCH_STORED : BATCH_DUP);
    free(j);
}

static void keep(void *user, struct sums_set *take, const char *key, const char *digest)
{
    struct point_batches *p = user;
    const struct batch_request request = {
        .key = key, .digest = digest, .done = point_done, .user = p->joint};
    struct batch *b = batch_new(&request, p->options->now, p->deadline, &p->aggregator->budget);
    sums_set_release(&b->sums);
    sums_set_take(take, &b->sums);
    sums_set_release(take);
    if (p->last)
        p->last->next = b;
    else
        p->first = b;
    p->last = b;
    p->joint->left++;
}

static void give_up(struct point_batches *p)
{
    while (p->first) {
        struct batch *b = p->first;
        p->first = b->next;
        batch_free(b);
    }
    free(p->joint);
}

int point_batches_take(struct aggregator *g, const struct ingest_options *options,
                       const struct ingest_piece *body, const struct batch_request *request,
                       struct ingest_answer *answer, struct err *err)
{
    struct point_batches p = {
        .aggregator = g,
        .options = options,
        .deadline = mono_add_ms(mono_now(), g->batch_wait_ms),
        .joint = mem_alloc(sizeof(*p.joint)),
    };
    p.joint->done = request->done;
    p.joint->user = request->user;
    if (ingest_kept(g, options, body, keep, &p, answer, err) != 0) {
        give_up(&p);
        return -1;
    }
    if (!p.first) {
        request->done(request->user, BATCH_STORED);
        free(p.joint);
        return 0;
    }
    const size_t n = p.joint->left; /* from the unlocking on it is the flush thread's */
    pthread_mutex_lock(&g->mutex);
    /* one body may go past the limit: refused, it would come again as large */
    const bool is_taken = g->n_batches_seen < BATCHES_PENDING_MAX && !g->is_stopping;
    if (is_taken) {
        p.last->next = g->new_batches;
        g->new_batches = p.first;
        g->n_batches_seen += n;
        pthread_cond_signal(&g->wake);
    }
    pthread_mutex_unlock(&g->mutex);
    if (is_taken)
        return 0;
    collectors_count(COUNT_SHED, (int64_t)answer->lines);
    give_up(&p);
    return err_set(err, ERR_UNAVAILABLE, "%d batches wait for Redis already: send it again later",
                   BATCHES_PENDING_MAX);
}
