/*
 * `durable`: the one gate before anything is done to the world.
 *
 * Our embedded server runs AOF `always`: an answer from it is on disk. Elsewhere only replicas
 * count: WAIT answers how many have what this connection wrote last. It must not stand on the
 * shared pipeline, where it would hold up everybody's replies, so a link of its own writes a mark
 * and waits for that: the replication stream has one order, and what was acknowledged before the
 * mark was sent stands before it. The mark is a key of the release, so on a cluster it is written
 * where the release is, and it is its node's replicas that are waited for.
 */
#include <string.h>

#include "lib/store/store_priv.h"

int store_settle(struct store *s, const char *id, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SET");
    key_arg(b, KEY_DURABLE, id);
    redis_arg_str(b, s->process);
    int rc;
    if (s->is_embedded || s->wait_replicas <= 0) {
        rc = store_run(s, b, err);
    } else {
        size_t wait = redis_command(b, "WAIT");
        redis_arg_int(b, s->wait_replicas);
        redis_arg_int(b, s->call_ms);
        rc = redis_call(s->redis, REDIS_DURABLE, b, 2 * s->call_ms, err);
        int64_t got = rc == 0 ? redis_int(redis_reply(b, wait), 0) : 0;
        if (rc == 0 && got < s->wait_replicas)
            rc = err_set(err, ERR_UNAVAILABLE,
                         "not durable: %lld of %d replicas acknowledged in %lld ms", (long long)got,
                         s->wait_replicas, (long long)s->call_ms);
    }
    redis_batch_free(b);
    return rc;
}

int store_durable(struct store *s, const char *id, const char *record_json, struct err *err)
{
    if (key_name_check("release", id, err) != 0 || store_intent_local(s, id, record_json, err) != 0)
        return -1;
    return store_settle(s, id, err);
}

int store_intent_local(struct store *s, const char *id, const char *record_json, struct err *err)
{
    if (!s->intents)
        return err_set(err, ERR_UNAVAILABLE, "intents need a state directory");
    return intents_append(s->intents, id, record_json, err);
}

int store_intents_local(struct store *s, const char *id, const char ***records, size_t *n,
                        struct arena *a, struct err *err)
{
    *n = 0;
    *records = NULL;
    if (!s->intents)
        return 0;
    return intents_read(s->intents, id, records, n, a, err);
}
