/*
 * `durable`: the one gate before anything is done to the world.
 *
 * Our embedded server runs AOF `always`: an answer from it is on disk. Elsewhere only replicas
 * count: WAIT answers how many have what this connection wrote last. It must not stand on the
 * shared pipeline, where it would hold up everybody's replies, so a link of its own writes a mark
 * and waits for that: the replication stream has one order, and what was acknowledged before the
 * mark was sent stands before it. The mark is a key of the release, so on a cluster it is written
 * where the release is, and it is its node's replicas that are waited for.
 *
 * A failover may come between that write and the mark, and the new master takes the mark without
 * the write. So before the mark the same connection reads what the write has left in the record:
 * versions and verdicts only grow, and one stream replicates them in order.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/store/store_priv.h"

/* got: version and verdict_seq of the record, where the mark went. */
static int check_kept(const char *id, const struct acknowledged *before,
                      const struct redis_reply *got, struct err *err)
{
    const int64_t version = redis_int(redis_item(got, 0), 0);
    const int64_t verdict_seq = redis_int(redis_item(got, 1), 0);
    if (version >= before->version && verdict_seq >= before->verdict_seq)
        return 0;
    return err_set(err, ERR_PRECONDITION,
                   "not durable: a failover has lost what redis had acknowledged of release %s: "
                   "version %" PRId64 " and verdict %" PRId64 "; it has %" PRId64 " and %" PRId64,
                   id, before->version, before->verdict_seq, version, verdict_seq);
}

int store_run_durable(struct store *s, struct redis_batch *b, struct err *err)
{
    if (s->is_embedded || s->wait_replicas <= 0)
        return store_run(s, b, err);
    const size_t wait = redis_command(b, "WAIT");
    redis_arg_int(b, s->wait_replicas);
    redis_arg_int(b, s->call_ms);
    if (redis_call(s->redis, REDIS_DURABLE, b, 2 * s->call_ms, err) != 0)
        return -1;
    const int64_t got = redis_int(redis_reply(b, wait), 0);
    if (got < s->wait_replicas)
        return err_set(err, ERR_UNAVAILABLE,
                       "not durable: %lld of %d replicas acknowledged in %lld ms", (long long)got,
                       s->wait_replicas, (long long)s->call_ms);
    return 0;
}

/* Waits until what was written before for the release is durable in Redis. */
static int settle(struct store *s, const char *id, const struct acknowledged *before,
                  struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    const size_t record = redis_command(b, "HMGET");
    key_arg(b, KEY_RELEASE, id);
    redis_arg_str(b, "version");
    redis_arg_str(b, "verdict_seq");
    redis_command(b, "SET");
    key_arg(b, KEY_DURABLE, id);
    redis_arg_str(b, s->process);
    int rc = store_run_durable(s, b, err);
    if (rc == 0)
        rc = check_kept(id, before, redis_reply(b, record), err);
    redis_batch_free(b);
    return rc;
}

int store_durable_after(struct store *s, const char *id, const char *record_json,
                        const struct acknowledged *before, struct err *err)
{
    if (key_name_check("release", id, err) != 0 || store_intent_local(s, id, record_json, err) != 0)
        return -1;
    return settle(s, id, before, err);
}

int store_durable(struct store *s, const char *id, const char *record_json, int64_t version,
                  struct err *err)
{
    return store_durable_after(s, id, record_json, &(struct acknowledged){.version = version}, err);
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
