/*
 * What passes between judge, runner and people: segments, verdicts, orders; and the stream of
 * changes.
 *
 * Verdicts and orders are streams whose entry ids are their sequence numbers ("41-0"), so "newer
 * than 41" is one range read and writing a number twice is refused by Redis itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/store/codec.h"
#include "lib/store/store_priv.h"

/* ---- segments ---- */

static const struct redis_script segment_script = {
    .name = "segment put",
    .source = LUA_FENCE "if tonumber(ARGV[3]) > redis.call('HLEN', KEYS[2]) + 1 then\n"
                        "  return {'version', redis.call('HLEN', KEYS[2]) .. ' segments'}\n"
                        "end\n"
                        "redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])\n"
                        "return {'ok'}\n"};

int store_segment_put(struct store *s, const char *id, const struct lease *lease,
                      const struct segment *seg, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    BUG_ON(seg->id < 1);
    struct buf bytes;
    buf_init(&bytes, CODEC_BYTES_MAX);
    segment_encode(seg, &bytes);
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &segment_script, 2);
    key_arg(b, KEY_RELEASE, id);
    key_arg(b, KEY_SEGMENTS, id);
    store_fence_args(b, lease);
    redis_arg_int(b, seg->id);
    redis_arg(b, bytes.data, bytes.len);
    buf_release(&bytes);
    store_note_change(b, id, "segment");
    return store_run_script(s, b, id, err);
}

static int by_segment_id(const void *x, const void *y)
{
    const struct segment *a = x, *b = y;
    return (a->id > b->id) - (a->id < b->id);
}

int store_segments(struct store *s, const char *id, struct segment **out, size_t *n,
                   struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HVALS");
    key_arg(b, KEY_SEGMENTS, id);
    int rc = store_run(s, b, err);
    *n = 0;
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    *out = arena_array(a, all && all->n ? all->n : 1, sizeof(**out));
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        const struct redis_reply *v = redis_item(all, i);
        rc = segment_decode(&(*out)[i], bytes_of(v->text, v->len), err);
        if (rc != 0)
            err_context(err, "release %s", id);
        else
            (*n)++;
    }
    redis_batch_free(b);
    if (*n > 1)
        qsort(*out, *n, sizeof(**out), by_segment_id);
    return rc;
}

/* ---- verdicts ---- */

/* ARGV: fence, seq (0: none), verdict, "1" when a checkpoint follows, checkpoint, kept, "1" to hold
 * it back. A repeated request finds its own verdict in place. The field verdict_held is the first
 * verdict nobody is to be told of yet. */
static const struct redis_script verdict_script = {
    .name = "verdict put",
    .source = LUA_FENCE
    "local seq = tonumber(ARGV[3])\n"
    "if seq > 0 then\n"
    "  local last = tonumber(redis.call('HGET', KEYS[1], 'verdict_seq') or '0')\n"
    "  if seq == last then\n"
    "    local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)\n"
    "    if not newest[1] or newest[1][2][2] ~= ARGV[4] then\n"
    "      return {'version', 'the last verdict is ' .. last}\n"
    "    end\n"
    "  elseif seq ~= last + 1 then\n"
    "    return {'version', 'the last verdict is ' .. last}\n"
    "  else\n"
    "    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], ARGV[3] .. '-0', 'j', ARGV[4])\n"
    "    redis.call('HSET', KEYS[1], 'verdict_seq', ARGV[3])\n"
    "  end\n"
    "  if ARGV[8] == '1' then redis.call('HSETNX', KEYS[1], 'verdict_held', ARGV[3])\n"
    "  else redis.call('HDEL', KEYS[1], 'verdict_held') end\n"
    "end\n"
    "if ARGV[5] == '1' then redis.call('SET', KEYS[3], ARGV[6]) end\n"
    "return {'ok'}\n"};

static const struct redis_script tell_script = {.name = "verdict tell",
                                                .source = LUA_FENCE
                                                "redis.call('HDEL', KEYS[1], 'verdict_held')\n"
                                                "return {'ok'}\n"};

/* ARGV: the first, and how many at most; or "newest" for that. Only verdicts that may be told. */
static const struct redis_script told_script = {
    .name = "verdicts told",
    .source = "local held = redis.call('HGET', KEYS[1], 'verdict_held')\n"
              "local from, to = ARGV[1], held and ('(' .. held .. '-0') or '+'\n"
              "if ARGV[2] == 'newest' then\n"
              "  return redis.call('XREVRANGE', KEYS[2], to, '-', 'COUNT', 1)\n"
              "end\n"
              "return redis.call('XRANGE', KEYS[2], from, to, 'COUNT', ARGV[2])\n"};

/* Is it durable only once replicas have it, and so not when it can be read? */
static bool is_held_back(const struct store *s, const struct verdict_put *v)
{
    return v->is_latched && !s->is_embedded && s->wait_replicas > 0;
}

static int verdict_tell(struct store *s, const char *id, const struct lease *lease, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &tell_script, 1);
    key_arg(b, KEY_RELEASE, id);
    store_fence_args(b, lease);
    store_note_change(b, id, "verdict");
    return store_run_script(s, b, id, err);
}

/* What DIR/intents holds of a verdict: all of it, or what tells it from others when it is longer
 * than a line may be (a release of many metrics). */
static int verdict_durable(struct store *s, const char *id, const struct verdict_put *v,
                           struct err *err)
{
    const struct acknowledged stored = {.verdict_seq = v->seq};
    char hex[DIGEST_HEX_BYTES], record[DIGEST_HEX_BYTES + 64];
    if (v->json_len <= INTENT_RECORD_MAX)
        return store_durable_after(s, id, v->json, &stored, err);
    snprintf(record, sizeof(record), "{\"seq\":%" PRId64 ",\"sha256\":\"%s\"}", v->seq,
             digest_sha256_hex(v->json, v->json_len, hex));
    return store_durable_after(s, id, record, &stored, err);
}

int store_verdict_put(struct store *s, const char *id, const struct lease *lease,
                      const struct verdict_put *v, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &verdict_script, 3);
    key_arg(b, KEY_RELEASE, id);
    key_arg(b, KEY_VERDICTS, id);
    key_arg(b, KEY_CHECKPOINT, id);
    store_fence_args(b, lease);
    redis_arg_int(b, v->json ? v->seq : 0);
    redis_arg(b, v->json ? v->json : "", v->json ? v->json_len : 0);
    redis_arg_str(b, v->checkpoint ? "1" : "0");
    redis_arg(b, v->checkpoint ? v->checkpoint : "", v->checkpoint ? v->checkpoint_len : 0);
    redis_arg_int(b, STORE_VERDICTS_KEPT);
    redis_arg_str(b, is_held_back(s, v) ? "1" : "0");
    if (v->json)
        store_note_change(b, id, "verdict");
    if (store_run_script(s, b, id, err) != 0)
        return -1;
    if (!v->is_latched || !v->json)
        return 0;
    if (verdict_durable(s, id, v, err) != 0)
        return -1;
    return is_held_back(s, v) ? verdict_tell(s, id, lease, err) : 0;
}

int store_checkpoint(struct store *s, const char *id, const void **bytes, size_t *len,
                     struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "GET");
    key_arg(b, KEY_CHECKPOINT, id);
    int rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *v = redis_reply(b, 0);
        *bytes = v->type == REDIS_STRING ? store_text(v, a) : NULL;
        *len = v->len;
    }
    redis_batch_free(b);
    return rc;
}

/* [id, [field, value]] -> the sequence number and the value */
static int read_entry(const struct redis_reply *entry, const char *id, int64_t *seq,
                      const struct redis_reply **value, struct err *err)
{
    const char *text = redis_item(entry, 0)->text;
    char *end = NULL;
    long long v = strtoll(text, &end, 10);
    *value = redis_item(redis_item(entry, 1), 1);
    if (end == text || *end != '-' || v < 1 || (*value)->type != REDIS_STRING)
        return err_set(err, ERR_CORRUPT, "release %s: a stored entry cannot be read", id);
    *seq = v;
    return 0;
}

static int read_latest(struct store *s, struct redis_batch *b, const char *id, int64_t *seq,
                       const char **json, struct arena *a, struct err *err)
{
    int rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *value;
        *seq = 0;
        *json = NULL;
        if (redis_reply(b, 0)->n > 0)
            rc = read_entry(redis_item(redis_reply(b, 0), 0), id, seq, &value, err);
        if (rc == 0 && *seq > 0)
            *json = store_text(value, a);
    }
    redis_batch_free(b);
    return rc;
}

int store_verdict_latest(struct store *s, const char *id, int64_t *seq, const char **json,
                         struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "XREVRANGE");
    key_arg(b, KEY_VERDICTS, id);
    redis_arg_str(b, "+");
    redis_arg_str(b, "-");
    redis_arg_str(b, "COUNT");
    redis_arg_str(b, "1");
    return read_latest(s, b, id, seq, json, a, err);
}

static struct redis_batch *ask_told(const char *id)
{
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &told_script, 2);
    key_arg(b, KEY_RELEASE, id);
    key_arg(b, KEY_VERDICTS, id);
    return b;
}

int store_verdict_told(struct store *s, const char *id, int64_t *seq, const char **json,
                       struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = ask_told(id);
    redis_arg_str(b, "");
    redis_arg_str(b, "newest");
    return read_latest(s, b, id, seq, json, a, err);
}

int store_verdicts(struct store *s, const char *id, int64_t after, size_t limit,
                   struct stored_verdict **out, size_t *n, struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = ask_told(id);
    redis_argf(b, "%" PRId64 "-0", (after < 0 ? 0 : after) + 1);
    redis_arg_int(b, (int64_t)limit);
    int rc = store_run(s, b, err);
    *n = 0;
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    *out = arena_array(a, all && all->n ? all->n : 1, sizeof(**out));
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        const struct redis_reply *value;
        rc = read_entry(redis_item(all, i), id, &(*out)[i].seq, &value, err);
        if (rc == 0)
            (*out)[(*n)++].json = store_text(value, a);
    }
    redis_batch_free(b);
    return rc;
}

/* ---- orders ---- */

/* ARGV: order, most kept, the phase done. Orders come also from tools, at any rate, and a rollback
 * must find room: what the runner has taken goes first. */
static const struct redis_script order_script = {
    .name = "order add",
    .source = "local phase = redis.call('HGET', KEYS[1], 'phase')\n"
              "if not phase then return {'gone'} end\n"
              "if phase == ARGV[3] then return {'done'} end\n"
              "if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[2]) then\n"
              "  local taken = tonumber(redis.call('HGET', KEYS[1], 'orders_taken') or '0')\n"
              "  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1][1]\n"
              "  if tonumber(string.match(oldest, '^%d+')) > taken then return {'limit'} end\n"
              "  redis.call('XDEL', KEYS[2], oldest)\n"
              "end\n"
              "local seq = redis.call('HINCRBY', KEYS[1], 'order_seq', 1)\n"
              "redis.call('XADD', KEYS[2], seq .. '-0', 'o', ARGV[1])\n"
              "return {'ok', seq}\n"};

int store_order_add(struct store *s, const char *id, const struct order *o, int64_t *seq,
                    struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct buf bytes;
    buf_init(&bytes, CODEC_BYTES_MAX);
    order_encode(o, &bytes);
    if (!buf_ok(&bytes)) {
        buf_release(&bytes);
        return err_set(err, ERR_TOO_LARGE, "an order's reason is longer than %d bytes",
                       CODEC_BYTES_MAX);
    }
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &order_script, 2);
    key_arg(b, KEY_RELEASE, id);
    key_arg(b, KEY_ORDERS, id);
    redis_arg(b, bytes.data, bytes.len);
    buf_release(&bytes);
    redis_arg_int(b, STORE_ORDERS_MAX);
    redis_arg_int(b, PHASE_DONE);
    store_note_change(b, id, "order");
    int rc = store_run(s, b, err);
    if (rc == 0)
        rc = store_answer(redis_reply(b, 0), id, err);
    if (rc == 0)
        *seq = redis_int(redis_item(redis_reply(b, 0), 1), 0);
    redis_batch_free(b);
    return rc;
}

int store_orders(struct store *s, const char *id, int64_t after, struct order **out, size_t *n,
                 struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "XRANGE");
    key_arg(b, KEY_ORDERS, id);
    redis_argf(b, "%" PRId64 "-0", (after < 0 ? 0 : after) + 1);
    redis_arg_str(b, "+");
    redis_arg_str(b, "COUNT");
    redis_arg_int(b, STORE_ORDERS_MAX);
    int rc = store_run(s, b, err);
    *n = 0;
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    *out = arena_array(a, all && all->n ? all->n : 1, sizeof(**out));
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        const struct redis_reply *value;
        int64_t seq;
        rc = read_entry(redis_item(all, i), id, &seq, &value, err);
        if (rc == 0)
            rc = order_decode(&(*out)[i], bytes_of(value->text, value->len), a, err);
        if (rc == 0)
            (*out)[(*n)++].seq = seq;
    }
    redis_batch_free(b);
    return rc;
}

/* ---- changes ---- */

#define CHANGES_READ_MAX 1000
#define CURSOR_BYTES     64

static int cursor_now(struct store *s, char cursor[CURSOR_BYTES], struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "XREVRANGE");
    key_arg(b, KEY_CHANGES);
    redis_arg_str(b, "+");
    redis_arg_str(b, "-");
    redis_arg_str(b, "COUNT");
    redis_arg_str(b, "1");
    int rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *newest = redis_item(redis_item(redis_reply(b, 0), 0), 0);
        snprintf(cursor, CURSOR_BYTES, "%s", newest->len ? newest->text : "0-0");
    }
    redis_batch_free(b);
    return rc;
}

int store_changes(struct store *s, char cursor[64], int64_t wait_ms, struct change **out, size_t *n,
                  struct arena *a, struct err *err)
{
    *n = 0;
    *out = NULL;
    if (!cursor[0] && cursor_now(s, cursor, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "XREAD");
    redis_arg_str(b, "COUNT");
    redis_arg_int(b, CHANGES_READ_MAX);
    if (wait_ms > 0) {
        redis_arg_str(b, "BLOCK");
        redis_arg_int(b, wait_ms);
    }
    redis_arg_str(b, "STREAMS");
    key_arg(b, KEY_CHANGES);
    redis_arg_str(b, cursor);
    int rc = redis_call(s->redis, REDIS_BLOCKING, b, (wait_ms > 0 ? wait_ms : 0) + s->call_ms, err);
    if (rc == 0) {
        /* [[key, [[id, [r, release, w, what]], ...]]], or nil when nothing came */
        const struct redis_reply *entries = redis_item(redis_item(redis_reply(b, 0), 0), 1);
        *out = arena_array(a, entries->n ? entries->n : 1, sizeof(**out));
        for (size_t i = 0; i < entries->n; i++) {
            const struct redis_reply *entry = redis_item(entries, i);
            const struct redis_reply *pairs = redis_item(entry, 1);
            const struct redis_reply *release = redis_field(pairs, "r");
            const struct redis_reply *what = redis_field(pairs, "w");
            if (release && what)
                (*out)[(*n)++] =
                    (struct change){.release = store_text(release, a), .what = store_text(what, a)};
            snprintf(cursor, CURSOR_BYTES, "%s", redis_item(entry, 0)->text);
        }
    }
    redis_batch_free(b);
    return rc;
}
