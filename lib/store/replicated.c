/*
 * Acknowledging a batch only when replicas have it (wait_replicas).
 *
 * Who sends a batch again, to another judged, finds its key in Redis. A failover that lost both the
 * key and the totals would break that: the other judged stores the batch, and then the first sets
 * its totals again from memory, with the batch in them. So a batch belongs to no total, and nobody
 * is told that it is stored, before replicas have what the commit wrote. If the master dies before,
 * the commit's outcome is unknown: it is sent again as it was, and the new master says what it
 * knows of the key.
 *
 * As in durable.c the WAIT stands behind a mark on a link of its own; that the same connection
 * still knows the key shows that no failover came between.
 *
 * When replicas are missing, samples are acknowledged without them, for they are what harm is found
 * by: counted and logged, and WAIT is tried again after a while.
 */
#include <stdlib.h>

#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/store/store_priv.h"

static struct counter rows[] = {
    {.name = "judge_batches_unreplicated_total",
     .help = "Commits of batches acknowledged with fewer replicas than --wait-replicas."},
};

struct replicated_wait {
    struct store *store;
    replicated_done *done;
    void *user;
};

void replicated_init(void)
{
    counters_register(rows, ARRAY_LEN(rows));
}

/* On the redis thread. */
static void waited(void *user, struct redis_batch *b, int rc, const struct err *err)
{
    struct replicated_wait *w = user;
    struct store *s = w->store;
    struct err why;
    if (rc == 0 && redis_int(redis_reply(b, 0), 0) == 0) {
        rc = err_set(&why, ERR_UNAVAILABLE, "a failover has lost a batch that redis had stored");
        err = &why;
    }
    const int64_t got = rc == 0 ? redis_int(redis_reply(b, 2), 0) : s->wait_replicas;
    if (got < s->wait_replicas) {
        counter_add(&rows[0], 1);
        log_warn("store",
                 "batches are acknowledged for %d s without waiting for replicas: %lld of "
                 "%d answered in %lld ms",
                 STORE_ALONE_MS / 1000, (long long)got, s->wait_replicas, (long long)s->call_ms);
        s->alone_until = mono_add_ms(mono_now(), STORE_ALONE_MS);
    }
    w->done(w->user, rc, rc != 0 ? err : NULL);
    free(w);
}

bool replicated_is_asked(struct store *s)
{
    if (s->is_embedded || s->wait_replicas <= 0)
        return false;
    if (mono_passed(mono_now(), s->alone_until))
        return true;
    counter_add(&rows[0], 1);
    return false;
}

void replicated_wait(struct store *s, const char *id, const char *batch_key, replicated_done *done,
                     void *user)
{
    struct replicated_wait *w = mem_alloc(sizeof(*w));
    *w = (struct replicated_wait){s, done, user};
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HEXISTS");
    key_arg(b, KEY_BATCHES, id);
    redis_arg_str(b, batch_key);
    redis_command(b, "SET");
    key_arg(b, KEY_DURABLE, id);
    redis_arg_str(b, s->process);
    redis_command(b, "WAIT");
    redis_arg_int(b, s->wait_replicas);
    redis_arg_int(b, s->call_ms);
    redis_submit(s->redis, REDIS_DURABLE, b, 2 * s->call_ms, waited, w);
}
