/*
 * Samples on their way in: commits of running totals, and how far each process has stored.
 *
 * An open block is one hash: a field for each (cohort, producer) with that producer's total so far,
 * and the field "v", which counts writes. A commit sets fields, so sending it again changes
 * nothing; the producer's sequence number only says what Redis has seen, so that a Redis that lost
 * something (a failover, AOF everysec) is noticed and told again.
 *
 * A block at or before the metric's mark is sealed. What still comes for it is counted, not kept:
 * the hash `past` knows how many samples of each producer the seal (or an earlier late commit) has
 * seen, so a total that is sent every second counts once. A producer that knows the block to be
 * sealed sends the number of late samples alone: under its sequence number that is added once, too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/store_priv.h"

/*
 * KEYS: release, producers, marks, late, batches, batch-times, then open and past of each block.
 * ARGV: producer, seq, now ms, is_full, phase done, batch seconds, batches kept, open seconds, past
 * seconds, token ("" any) and holder of the lease, number of batches, number of keys known before,
 * number of late counts; key and digest of each batch; metric, index, field, cohort, samples and
 * bytes of each block; field of `late` and samples of each late count.
 */
static const struct redis_script commit_script = {
    .name = "commit",
    .source =
        "local phase = redis.call('HGET', KEYS[1], 'phase')\n"
        "if not phase or phase == ARGV[5] then return {'gone'} end\n"
        "if ARGV[10] ~= '' then\n"
        "  local lease = redis.call('HMGET', KEYS[1], 'lease_token', 'lease_holder')\n"
        "  if lease[1] ~= ARGV[10] or lease[2] ~= ARGV[11] then\n"
        "    return {'fenced', lease[1] or '0', lease[2] or ''}\n"
        "  end\n"
        "end\n"
        "local seq = tonumber(ARGV[2])\n"
        "local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')\n"
        "if seq <= last then return {'done'} end\n"
        "if seq > last + 1 and ARGV[4] ~= '1' then return {'behind', last} end\n"
        "local n, known_before, at = tonumber(ARGV[12]), tonumber(ARGV[13]), 15\n"
        "for i = 0, n - 1 do\n"
        "  local known = redis.call('HGET', KEYS[5], ARGV[at + 2 * i])\n"
        "  if known == ARGV[at + 2 * i + 1] then return {'dup', i} end\n"
        "  if known then return {'reused', i} end\n"
        "end\n"
        "n = n + known_before\n"
        "for i = 0, n - 1 do\n"
        "  if redis.call('HSETNX', KEYS[5], ARGV[at + 2 * i], ARGV[at + 2 * i + 1]) == 1 then\n"
        "    redis.call('ZADD', KEYS[6], ARGV[3], ARGV[at + 2 * i])\n"
        "  end\n"
        "end\n"
        "if n > 0 then\n"
        "  local function forget(keys)\n"
        "    for _, key in ipairs(keys) do\n"
        "      redis.call('HDEL', KEYS[5], key)\n"
        "      redis.call('ZREM', KEYS[6], key)\n"
        "    end\n"
        "  end\n"
        "  local before = tonumber(ARGV[3]) - 1000 * tonumber(ARGV[6])\n"
        "  forget(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', string.format('%.0f', before),\n"
        "                    'LIMIT', 0, n + 100))\n"
        "  local over = redis.call('ZCARD', KEYS[6]) - tonumber(ARGV[7])\n"
        "  if over > 0 then forget(redis.call('ZRANGE', KEYS[6], 0, over - 1)) end\n"
        "end\n"
        "at = at + 2 * n\n"
        "local marks, late = {}, 0\n"
        "for k = 7, #KEYS, 2 do\n"
        "  local metric, index, field = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]\n"
        "  local cohort, samples, bytes = ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 5]\n"
        "  at = at + 6\n"
        "  if marks[metric] == nil then\n"
        "    local mark = redis.call('HGET', KEYS[3], metric)\n"
        "    marks[metric] = mark and tonumber(mark) or -math.huge\n"
        "  end\n"
        "  if index > marks[metric] then\n"
        "    redis.call('HSET', KEYS[k], field, bytes)\n"
        "    if redis.call('HINCRBY', KEYS[k], 'v', 1) == 1 then\n"
        "      redis.call('EXPIRE', KEYS[k], ARGV[8])\n"
        "    end\n"
        "  else\n"
        "    late = late + 1\n"
        "    local seen = tonumber(redis.call('HGET', KEYS[k + 1], field) or '0')\n"
        "    if samples > seen then\n"
        "      redis.call('HINCRBY', KEYS[4], metric .. ':' .. cohort,\n"
        "                 string.format('%.0f', samples - seen))\n"
        "      redis.call('HSET', KEYS[k + 1], field, string.format('%.0f', samples))\n"
        "      redis.call('EXPIRE', KEYS[k + 1], ARGV[9])\n"
        "    end\n"
        "  end\n"
        "end\n"
        "for i = 1, tonumber(ARGV[14]) do\n"
        "  redis.call('HINCRBY', KEYS[4], ARGV[at], ARGV[at + 1])\n"
        "  at = at + 2\n"
        "end\n"
        "redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])\n"
        "return {'ok', late}\n"};

struct commit_wait {
    struct store *store;
    commit_done *done;
    void *user;
    char release[MODEL_NAME_MAX + 1];
    char *batch_keys; /* one after the other, each with its NUL; NULL: the commit has none */
    /* what was answered, while replicas are waited for */
    enum commit_answer answer;
    size_t dup_index;
    uint64_t late_blocks;
};

static const struct {
    const char *word;
    enum commit_answer answer;
} commit_words[] = {
    {"ok", COMMIT_OK},         {"done", COMMIT_DONE},     {"dup", COMMIT_DUP},
    {"reused", COMMIT_REUSED}, {"behind", COMMIT_BEHIND},
};

static void commit_tell(struct commit_wait *w, int rc, const struct err *err)
{
    w->done(w->user, rc, w->answer, w->dup_index, w->late_blocks, err);
    free(w->batch_keys);
    free(w);
}

static void commit_replicated(void *user, int rc, const struct err *err)
{
    commit_tell(user, rc, err);
}

/* The key whose batch is said to be stored: the one that was known, or the first of the commit's,
 * which are stored together. NULL: none is. */
static const char *stored_key(const struct commit_wait *w)
{
    const char *key = w->batch_keys;
    if (w->answer == COMMIT_BEHIND || w->answer == COMMIT_REUSED)
        return NULL;
    for (size_t i = 0; key && i < w->dup_index; i++)
        key += strlen(key) + 1;
    return key;
}

/* On the redis thread. */
static void committed(void *user, struct redis_batch *b, int rc, const struct err *err)
{
    struct commit_wait *w = user;
    struct err why;
    int64_t number = 0;
    if (rc == 0) {
        const struct redis_reply *reply = redis_reply(b, 0), *word = redis_item(reply, 0);
        size_t i = 0;
        while (i < ARRAY_LEN(commit_words) && !redis_is(word, commit_words[i].word))
            i++;
        if (i < ARRAY_LEN(commit_words))
            w->answer = commit_words[i].answer;
        else
            rc = store_answer(reply, "commit", &why);
        number = redis_int(redis_item(reply, 1), 0);
    } else {
        why = *err;
    }
    const bool has_index = w->answer == COMMIT_DUP || w->answer == COMMIT_REUSED;
    w->dup_index = has_index ? (size_t)number : 0;
    w->late_blocks = rc == 0 && w->answer == COMMIT_OK ? (uint64_t)number : 0;
    const char *key = rc == 0 ? stored_key(w) : NULL;
    if (key && replicated_is_asked(w->store))
        replicated_wait(w->store, w->release, key, commit_replicated, w);
    else
        commit_tell(w, rc, rc != 0 ? &why : NULL);
}

static void add_block(struct redis_batch *b, const struct commit *c,
                      const struct commit_block *block)
{
    BUG_ON(block->cohort >= MODEL_COHORTS_MAX || block->metric >= MODEL_METRICS_MAX);
    redis_arg_int(b, block->metric);
    redis_arg_int(b, block->index);
    redis_argf(b, "%u%c%s", block->cohort, block->is_points ? FIELD_POINTS : FIELD_SUMS,
               c->field ? c->field : c->producer);
    redis_arg_int(b, block->cohort);
    redis_argf(b, "%" PRIu64, summary_peek_samples(bytes_of(block->summary, block->len)));
    redis_arg(b, block->summary, block->len);
}

static void add_keys(struct redis_batch *b, const char *const *keys, const char *const *digests,
                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        redis_arg_str(b, keys[i]);
        redis_arg_str(b, digests ? digests[i] : "");
    }
}

static char *keys_copy(const struct commit *c)
{
    size_t len = 0;
    for (size_t i = 0; i < c->n_batches; i++)
        len += strlen(c->batch_keys[i]) + 1;
    char *copy = len ? mem_alloc(len) : NULL, *at = copy;
    for (size_t i = 0; i < c->n_batches; i++) {
        const size_t n = strlen(c->batch_keys[i]) + 1;
        memcpy(at, c->batch_keys[i], n);
        at += n;
    }
    return copy;
}

void store_commit(struct store *s, const struct commit *c, commit_done *done, void *user)
{
    BUG_ON(c->n_known && !c->is_full);
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &commit_script, 6 + 2 * c->n_blocks);
    static const enum key fixed[] = {KEY_RELEASE, KEY_PRODUCERS, KEY_MARKS,
                                     KEY_LATE,    KEY_BATCHES,   KEY_BATCH_TIMES};
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        key_arg(b, fixed[i], c->release);
    for (size_t i = 0; i < c->n_blocks; i++) {
        key_arg(b, KEY_OPEN, c->release, c->blocks[i].metric, (long long)c->blocks[i].index);
        key_arg(b, KEY_PAST, c->release, c->blocks[i].metric, (long long)c->blocks[i].index);
    }
    redis_arg_str(b, c->producer);
    redis_arg_int(b, c->seq);
    redis_arg_int(b, c->now.us / US_PER_MS);
    redis_arg_str(b, c->is_full ? "1" : "0");
    redis_arg_int(b, PHASE_DONE);
    redis_arg_int(b, STORE_BATCH_KEY_SECONDS);
    redis_arg_int(b, STORE_BATCHES_MAX);
    redis_arg_int(b, STORE_OPEN_SECONDS);
    redis_arg_int(b, STORE_PAST_SECONDS);
    if (c->fence_token)
        redis_arg_int(b, c->fence_token);
    else
        redis_arg_str(b, "");
    redis_arg_str(b, s->node);
    redis_arg_int(b, (int64_t)c->n_batches);
    redis_arg_int(b, (int64_t)c->n_known);
    redis_arg_int(b, (int64_t)c->n_late);
    add_keys(b, c->batch_keys, c->batch_digests, c->n_batches);
    add_keys(b, c->known_keys, c->known_digests, c->n_known);
    for (size_t i = 0; i < c->n_blocks; i++)
        add_block(b, c, &c->blocks[i]);
    for (size_t i = 0; i < c->n_late; i++) {
        redis_argf(b, "%u:%u", c->late[i].metric, c->late[i].cohort);
        redis_argf(b, "%" PRIu64, c->late[i].samples);
    }
    struct commit_wait *w = mem_alloc(sizeof(*w));
    *w = (struct commit_wait){.store = s, .done = done, .user = user, .answer = COMMIT_OK};
    snprintf(w->release, sizeof(w->release), "%s", c->release);
    w->batch_keys = keys_copy(c);
    redis_submit(s->redis, REDIS_MAIN, b, s->call_ms, committed, w);
}

/* ---- watermarks ---- */

static void ignore(void *user, struct redis_batch *b, int rc, const struct err *err)
{
    (void)user, (void)b, (void)rc, (void)err; /* the next one says more */
}

void store_watermark(struct store *s, struct wall through, struct wall now)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HSET");
    key_arg(b, KEY_THROUGH);
    redis_arg_str(b, s->process);
    redis_argf(b, "%" PRId64 " %" PRId64, through.us, now.us);
    redis_submit(s->redis, REDIS_MAIN, b, s->call_ms, ignore, NULL);
}

static int read_watermark(const struct redis_reply *v, int64_t *through, int64_t *seen)
{
    const char *space = memchr(v->text, ' ', v->len);
    if (!space)
        return -1;
    size_t len = (size_t)(space - v->text);
    return num_parse_i64(v->text, len, through) == 0 &&
                   num_parse_i64(space + 1, v->len - len - 1, seen) == 0
               ? 0
               : -1;
}

/* "node.7" -> the length of "node", and 7. A process that began later on the same node means that
 * the earlier one is dead: only one of them can hold the node's state directory. */
static size_t split_process(const struct redis_reply *name, int64_t *start)
{
    size_t dot = name->len;
    while (dot > 0 && name->text[dot - 1] != '.')
        dot--;
    if (dot == 0 || num_parse_i64(name->text + dot, name->len - dot, start) != 0) {
        *start = 0;
        return name->len;
    }
    return dot - 1;
}

static bool has_successor(const struct redis_reply *all, size_t of)
{
    int64_t own, other;
    const struct redis_reply *name = redis_item(all, of);
    size_t len = split_process(name, &own);
    for (size_t i = 0; i + 1 < all->n; i += 2) {
        const struct redis_reply *n = redis_item(all, i);
        if (split_process(n, &other) == len && memcmp(n->text, name->text, len) == 0 && other > own)
            return true;
    }
    return false;
}

/* A process's last sign of life as it was seen from here. */
struct sign {
    char value[64]; /* of the hash, cut off */
    struct mono at;
};

/*
 * When this process last said something new, by our monotonic clock: its own may be fast, and would
 * keep it alive long after its death; our wall clock may jump, and everybody would look silent.
 * Only of a value found at the first look the time it states is taken, if it is not in our future.
 * Takes the sign over from `s->signs` into `now_known`.
 */
static struct mono last_sign(struct store *s, struct map *now_known, const struct redis_reply *name,
                             const struct redis_reply *value, int64_t silent_us, struct mono now)
{
    char text[sizeof(((struct sign *)0)->value)];
    snprintf(text, sizeof(text), "%s", value->text);
    struct sign *sign = map_take(&s->signs, name->text, name->len);
    if (!sign) {
        sign = mem_alloc(sizeof(*sign));
        sign->at.us = now.us - (silent_us > 0 ? silent_us : 0);
    } else if (strcmp(sign->value, text) != 0) {
        sign->at = now;
    }
    memcpy(sign->value, text, sizeof(text));
    map_put(now_known, name->text, name->len, sign);
    return sign->at;
}

int store_watermark_min(struct store *s, struct wall now, struct mono at, int64_t dead_ms,
                        struct wall *out, struct err *err)
{
    struct redis_batch *b = redis_batch_new(), *drop = NULL;
    redis_command(b, "HGETALL");
    key_arg(b, KEY_THROUGH);
    if (store_run(s, b, err) != 0) {
        redis_batch_free(b);
        return -1;
    }
    const struct redis_reply *all = redis_reply(b, 0);
    struct map now_known;
    int64_t least = INT64_MAX;
    map_init(&now_known);
    pthread_mutex_lock(&s->signs_lock);
    for (size_t i = 0; i + 1 < all->n; i += 2) {
        int64_t through = 0, stated = now.us;
        const struct redis_reply *name = redis_item(all, i), *value = redis_item(all, i + 1);
        const bool is_over = has_successor(all, i);
        if (read_watermark(value, &through, &stated) != 0) {
            through = 0; /* nothing is known of it: nothing is sealed until it is dead */
            stated = now.us;
            log_warn("store", "the watermark of %s cannot be read", name->text);
        }
        const int64_t silent_us =
            at.us - last_sign(s, &now_known, name, value, now.us - stated, at).us;
        if (!is_over && silent_us <= dead_ms * US_PER_MS)
            least = through < least ? through : least;
        else if (is_over || silent_us > 10 * dead_ms * US_PER_MS + 3600 * US_PER_SECOND) {
            /* A silent one is forgotten much later than it stops to count: its clock may be behind.
             */
            drop = drop ? drop : redis_batch_new();
            redis_command(drop, "HDEL");
            key_arg(drop, KEY_THROUGH);
            redis_arg(drop, name->text, name->len);
        }
    }
    map_release(&s->signs, free);
    s->signs = now_known;
    pthread_mutex_unlock(&s->signs_lock);
    redis_batch_free(b);
    if (drop)
        redis_submit(s->redis, REDIS_MAIN, drop, s->call_ms, ignore, NULL);
    out->us = least == INT64_MAX ? 0 : least;
    return 0;
}
