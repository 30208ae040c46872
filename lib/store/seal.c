/*
 * Sealing: open blocks become final, in order, and are deleted.
 *
 * The merging is ours, not Lua's: read the open blocks (one pipeline), merge each block's producers
 * in the order of their names, so that any owner gets the same bits, and hand the result to one
 * script under the lease. Between reading and writing a commit may come: the script compares each
 * block's write count "v" with the one we read and stops at the first that differs; what it did
 * before that stays done, and we read again from there. So no sample falls between: it is in the
 * block that was merged, or the block is not sealed yet, or the commit finds the mark and counts it
 * as late.
 *
 * Cumulative series (summary.h's SUMMARY_POINTS) are differenced here: the metric's *base*, the
 * last point of each series before the block, is read with the open blocks and written by the same
 * script that moves the mark, so it always belongs to the mark. Who takes the release over goes on
 * from it.
 *
 * The mark moves with each block inside the script. Its value, the entry ids of the stream (the
 * block's index) and the token all make a second sealing of a block harmless.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"
#include "lib/store/store_priv.h"

#define SEAL_CHUNK        256
#define SEAL_CHUNK_POINTS 16 /* each block then brings its base */
#define BASE_VERSION      1
#define SEAL_TRIES        1000

/*
 * KEYS: release, marks, sealed stream, base, then open and past of each block. ARGV: fence, metric,
 * the mark before ("" none), first index, past seconds; for each block: v, bytes ("" nothing), the
 * base after it ("" as before), number of fields, field and samples of each.
 */
static const struct redis_script seal_script = {
    .name = "seal",
    .source = LUA_FENCE
    "if (redis.call('HGET', KEYS[2], ARGV[3]) or '') ~= ARGV[4] then return {'moved'} end\n"
    "local at, sealed = 7, 0\n"
    "for k = 5, #KEYS, 2 do\n"
    "  local v, bytes, base = ARGV[at], ARGV[at + 1], ARGV[at + 2]\n"
    "  local n = tonumber(ARGV[at + 3])\n"
    "  at = at + 4\n"
    "  if (redis.call('HGET', KEYS[k], 'v') or '0') ~= v then return {'ok', sealed} end\n"
    "  local index = string.format('%.0f', tonumber(ARGV[5]) + sealed)\n"
    "  if bytes ~= '' then\n"
    "    local r = redis.pcall('XADD', KEYS[3], index .. '-1', 'b', bytes)\n"
    "    if type(r) == 'table' and r.err and not string.find(r.err, 'equal or smaller') then\n"
    "      return redis.error_reply(r.err)\n"
    "    end\n"
    "  end\n"
    "  if base ~= '' then redis.call('SET', KEYS[4], base) end\n"
    "  for i = 1, n do\n"
    "    redis.call('HSET', KEYS[k + 1], ARGV[at], ARGV[at + 1])\n"
    "    at = at + 2\n"
    "  end\n"
    "  if n > 0 then redis.call('EXPIRE', KEYS[k + 1], ARGV[6]) end\n"
    "  redis.call('DEL', KEYS[k])\n"
    "  redis.call('HSET', KEYS[2], ARGV[3], index)\n"
    "  sealed = sealed + 1\n"
    "end\n"
    "return {'ok', sealed}\n"};

/* One total of an open block. */
struct part {
    const struct redis_reply *field, *bytes;
    uint8_t cohort;
    bool is_points;
    const char *producer;
    size_t producer_len;
    uint64_t samples;
};

static int by_producer(const void *x, const void *y)
{
    const struct part *a = x, *b = y;
    size_t len = a->producer_len < b->producer_len ? a->producer_len : b->producer_len;
    int c = memcmp(a->producer, b->producer, len);
    if (c == 0)
        c = (a->producer_len > b->producer_len) - (a->producer_len < b->producer_len);
    return c != 0 ? c : (a->cohort > b->cohort) - (a->cohort < b->cohort);
}

/* "1|producer", or "1+producer" for points */
static int read_field(const struct redis_reply *field, uint8_t cohorts, struct part *p,
                      struct err *err)
{
    if (field->len < 2 || field->text[0] < '0' || field->text[0] > '9' ||
        (field->text[1] != FIELD_SUMS && field->text[1] != FIELD_POINTS))
        return err_set(err, ERR_CORRUPT, "an open block has the field \"%.64s\"", field->text);
    p->cohort = (uint8_t)(field->text[0] - '0');
    if (p->cohort >= cohorts)
        return err_set(err, ERR_CORRUPT, "an open block holds cohort %u, the release has %u",
                       p->cohort, cohorts);
    p->field = field;
    p->is_points = field->text[1] == FIELD_POINTS;
    p->producer = field->text + 2;
    p->producer_len = field->len - 2;
    return 0;
}

/* What a block is made of besides its sums: points of each cohort. */
struct cumulative {
    struct points base[MODEL_COHORTS_MAX]; /* before the block, then after it */
    struct points now[MODEL_COHORTS_MAX];
    struct seal_losses losses[SEAL_CHUNK]; /* of each block of the chunk: some may not be sealed */
    size_t n;                              /* blocks looked at */
};

static int merge_part(struct block *block, struct cumulative *c, struct part *p,
                      const struct seal *w, struct err *err)
{
    const enum summary_kind kind = p->is_points ? SUMMARY_POINTS : w->kind;
    struct summary total;
    struct bytes in = bytes_of(p->bytes->text, p->bytes->len);
    if (summary_decode(&total, &in, err) != 0)
        return err_context(err, "total of %.64s", p->field->text);
    int rc = 0;
    if (in.left > 0 || (total.kind != kind && total.kind != SUMMARY_NONE))
        rc = err_set(err, ERR_CORRUPT, "total of %.64s: not a summary of this metric's kind",
                     p->field->text);
    else if (total.kind == SUMMARY_POINTS)
        points_merge(&c->now[p->cohort], &total.points);
    else
        summary_merge(&block->cohort[p->cohort], &total);
    p->samples = total.samples;
    summary_release(&total);
    return rc;
}

/* Merges an open block (HGETALL) into `block`, its parts into parts[]. */
static int merge_open(const struct redis_reply *open, const struct seal *w, struct block *block,
                      struct cumulative *c, struct part *parts, size_t *n, struct err *err)
{
    int rc = 0;
    *n = 0;
    for (size_t i = 0; i + 1 < open->n && rc == 0; i += 2) {
        if (redis_is(redis_item(open, i), "v"))
            continue;
        parts[*n].bytes = redis_item(open, i + 1);
        rc = read_field(redis_item(open, i), w->cohorts, &parts[(*n)++], err);
    }
    if (*n > 1)
        qsort(parts, *n, sizeof(*parts), by_producer);
    for (size_t i = 0; i < *n && rc == 0; i++)
        rc = merge_part(block, c, &parts[i], w, err);
    return rc;
}

/* Adds to a cohort's sums what its cumulative series grew by, and moves their base on. */
static void add_increase(struct summary *to, struct points *base, const struct points *now,
                         int64_t index, const struct seal *w, struct seal_losses *losses)
{
    struct counts counts = {0};
    struct hist hist;
    hist_init(&hist);
    const enum increase_state state =
        points_increase(base, now, index, w->block_us, &counts, &hist);
    if (state == INCREASE_WHOLE && to->kind == SUMMARY_HIST) {
        hist_merge(&to->hist, &hist);
        to->samples += hist.n;
    } else if (state == INCREASE_WHOLE && to->kind == SUMMARY_COUNTS) {
        counts_merge(&to->counts, &counts);
        to->samples += (uint64_t)llround(fmax(counts.events, counts.exposure));
    }
    losses->resets += state == INCREASE_RESET;
    losses->gaps += state == INCREASE_GAP;
    hist_release(&hist);
    points_advance(base, now, index * w->block_us - SEAL_BASE_KEPT_US);
}

/* The base after the block, when the block had points. */
static void add_cumulative(struct block *block, struct cumulative *c, const struct seal *w,
                           struct buf *base)
{
    struct seal_losses *losses = &c->losses[c->n++];
    bool is_moved = false;
    for (uint8_t i = 0; i < w->cohorts; i++) {
        if (c->base[i].len == 0 && c->now[i].len == 0)
            continue;
        is_moved = is_moved || c->now[i].len > 0;
        add_increase(&block->cohort[i], &c->base[i], &c->now[i], block->index, w, losses);
        points_release(&c->now[i]);
    }
    if (!is_moved)
        return;
    buf_add_u8(base, BASE_VERSION);
    buf_add_u8(base, w->cohorts);
    for (uint8_t i = 0; i < w->cohorts; i++)
        points_encode(&c->base[i], base);
}

static int base_decode(struct cumulative *c, const struct redis_reply *reply, const struct seal *w,
                       struct err *err)
{
    if (reply->len == 0)
        return 0;
    struct bytes in = bytes_of(reply->text, reply->len);
    const unsigned version = bytes_u8(&in), cohorts = bytes_u8(&in);
    if (version != BASE_VERSION || cohorts != w->cohorts)
        return err_set(err, ERR_CORRUPT, "the base of metric %u cannot be read", w->metric);
    for (unsigned i = 0; i < cohorts; i++)
        if (points_decode(&c->base[i], &in, err) != 0)
            return err_context(err, "base of metric %u", w->metric);
    return in.left > 0 ? err_set(err, ERR_CORRUPT, "the base of metric %u is too long", w->metric)
                       : 0;
}

static void cumulative_release(struct cumulative *c)
{
    for (size_t i = 0; i < MODEL_COHORTS_MAX; i++) {
        points_release(&c->base[i]);
        points_release(&c->now[i]);
    }
}

/* Adds one block's arguments to the script's: v, bytes, base, number of fields, field and samples
 * of each. */
static int add_merged(struct redis_batch *b, const struct redis_reply *open, int64_t index,
                      const struct seal *w, struct cumulative *c, struct err *err)
{
    const struct redis_reply *v = redis_field(open, "v");
    size_t n = 0, most = open->n / 2;
    if (most > SEAL_FIELDS_MAX)
        return err_set(err, ERR_CORRUPT, "block %lld has %zu parts", (long long)index, most);
    struct part *parts = mem_alloc_array(most + 1, sizeof(*parts));
    struct block block;
    struct buf bytes, base;
    block_init(&block, index, w->cohorts, w->kind);
    buf_init(&bytes, SEAL_BLOCK_BYTES_MAX);
    buf_init(&base, SEAL_BLOCK_BYTES_MAX);
    int rc = merge_open(open, w, &block, c, parts, &n, err);
    if (rc == 0)
        add_cumulative(&block, c, w, &base);
    bool is_empty = true;
    for (uint8_t i = 0; i < w->cohorts; i++)
        is_empty = is_empty && summary_is_empty(&block.cohort[i]);
    if (rc == 0 && !is_empty)
        block_encode(&block, &bytes);
    if (rc == 0 && (!buf_ok(&bytes) || !buf_ok(&base)))
        rc = err_set(err, ERR_TOO_LARGE, "block %lld is over %zu bytes", (long long)index,
                     SEAL_BLOCK_BYTES_MAX);
    if (rc == 0) {
        redis_arg(b, v ? v->text : "0", v ? v->len : 1);
        redis_arg(b, bytes.data, bytes.len);
        redis_arg(b, base.data, base.len);
        redis_arg_int(b, (int64_t)n);
        for (size_t i = 0; i < n; i++) {
            redis_arg(b, parts[i].field->text, parts[i].field->len);
            redis_argf(b, "%" PRIu64, parts[i].samples);
        }
    }
    block_release(&block);
    buf_release(&bytes);
    buf_release(&base);
    free(parts);
    return rc;
}

/* The metric's mark as it stands in Redis, "" none; and whether it has a base. */
static int read_mark(struct store *s, const char *id, uint16_t metric, char mark[32],
                     bool *has_base, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "EXISTS");
    key_arg(b, KEY_BASE, id, metric);
    redis_command(b, "HGET");
    key_arg(b, KEY_MARKS, id);
    redis_arg_int(b, metric);
    int rc = store_run(s, b, err);
    if (rc == 0) {
        *has_base = redis_int(redis_reply(b, 0), 0) != 0;
        snprintf(mark, 32, "%s", redis_reply(b, 1)->text);
    }
    redis_batch_free(b);
    return rc;
}

/* Seals what it can of [first, last] (at most SEAL_CHUNK blocks); *sealed says how many. */
static int seal_chunk(struct store *s, const char *id, const struct lease *lease,
                      const struct seal *w, const char *mark, int64_t first, int64_t last,
                      int64_t *sealed, bool *is_moved, struct err *err)
{
    struct redis_batch *look = redis_batch_new(), *b = redis_batch_new();
    struct cumulative *c = mem_alloc(sizeof(*c));
    size_t n = (size_t)(last - first + 1);
    redis_command(look, "GET");
    key_arg(look, KEY_BASE, id, w->metric);
    for (size_t i = 0; i < n; i++) {
        redis_command(look, "HGETALL");
        key_arg(look, KEY_OPEN, id, w->metric, (long long)(first + (int64_t)i));
    }
    int rc = store_run(s, look, err);
    redis_eval(b, &seal_script, 4 + 2 * n);
    key_arg(b, KEY_RELEASE, id);
    key_arg(b, KEY_MARKS, id);
    key_arg(b, KEY_SEALED, id, w->metric);
    key_arg(b, KEY_BASE, id, w->metric);
    for (size_t i = 0; i < n; i++) {
        key_arg(b, KEY_OPEN, id, w->metric, (long long)(first + (int64_t)i));
        key_arg(b, KEY_PAST, id, w->metric, (long long)(first + (int64_t)i));
    }
    store_fence_args(b, lease);
    redis_arg_int(b, w->metric);
    redis_arg_str(b, mark);
    redis_arg_int(b, first);
    redis_arg_int(b, STORE_PAST_SECONDS);
    if (rc == 0)
        rc = base_decode(c, redis_reply(look, 0), w, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_merged(b, redis_reply(look, i + 1), first + (int64_t)i, w, c, err);
    if (rc == 0)
        rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *answer = redis_reply(b, 0);
        *is_moved = redis_is(redis_item(answer, 0), "moved");
        if (!*is_moved)
            rc = store_answer(answer, id, err);
        *sealed = *is_moved ? 0 : redis_int(redis_item(answer, 1), 0);
        for (int64_t i = 0; w->losses && i < *sealed && i < (int64_t)c->n; i++) {
            w->losses->resets += c->losses[i].resets;
            w->losses->gaps += c->losses[i].gaps;
        }
    }
    cumulative_release(c);
    free(c);
    redis_batch_free(look);
    redis_batch_free(b);
    return rc;
}

int store_seal(struct store *s, const char *id, const struct lease *lease, const struct seal *w,
               struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    BUG_ON(w->cohorts < 1 || w->cohorts > MODEL_COHORTS_MAX || w->metric >= MODEL_METRICS_MAX);
    if (w->first < 0)
        return err_set(err, ERR_INPUT, "a block before 1970 cannot be sealed");
    char mark[32];
    bool has_base;
    if (read_mark(s, id, w->metric, mark, &has_base, err) != 0)
        return -1;
    int64_t chunk = has_base ? SEAL_CHUNK_POINTS : SEAL_CHUNK;
    for (int tries = 0; tries < SEAL_TRIES;) {
        int64_t at = w->first;
        if (mark[0] && num_parse_i64(mark, strlen(mark), &at) != 0)
            return err_set(err, ERR_CORRUPT, "release %s: the mark of metric %u cannot be read", id,
                           w->metric);
        at += mark[0] != '\0'; /* no gap: what lies between is sealed too */
        if (at > w->last)
            return 0;
        int64_t end = w->last - at >= chunk ? at + chunk - 1 : w->last, sealed = 0;
        bool is_moved = false;
        struct err why;
        if (seal_chunk(s, id, lease, w, mark, at, end, &sealed, &is_moved, &why) != 0) {
            if (why.code != ERR_TOO_LARGE || end == at)
                return err_set(err, why.code, "%s", why.message);
            chunk = (end - at + 1) / 2; /* nothing was sent */
            continue;
        }
        if (is_moved && read_mark(s, id, w->metric, mark, &has_base, err) != 0)
            return -1;
        if (sealed > 0) {
            snprintf(mark, sizeof(mark), "%" PRId64, at + sealed - 1);
            tries = 0;
        } else {
            tries++;
        }
    }
    return err_set(err, ERR_UNAVAILABLE,
                   "release %s: metric %u is written faster than it can be sealed", id, w->metric);
}

int store_sealed_marks(struct store *s, const char *id, size_t n_metrics, int64_t *marks,
                       struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    if (n_metrics == 0)
        return 0;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HMGET");
    key_arg(b, KEY_MARKS, id);
    for (size_t i = 0; i < n_metrics; i++)
        redis_arg_int(b, (int64_t)i);
    int rc = store_run(s, b, err);
    for (size_t i = 0; rc == 0 && i < n_metrics; i++)
        marks[i] = redis_int(redis_item(redis_reply(b, 0), i), INT64_MIN);
    redis_batch_free(b);
    return rc;
}

int store_sealed(struct store *s, const char *id, uint16_t metric, int64_t after, int64_t through,
                 size_t limit, struct block **out, size_t *n, struct arena *a, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    *n = 0;
    *out = NULL;
    int64_t from = after < 0 ? 0 : after + 1;
    if (through < from)
        return 0;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "XRANGE");
    key_arg(b, KEY_SEALED, id, metric);
    redis_argf(b, "%" PRId64, from);
    redis_argf(b, "%" PRId64, through);
    redis_arg_str(b, "COUNT");
    redis_arg_int(b, (int64_t)limit);
    int rc = store_run(s, b, err);
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    *out = arena_array(a, all && all->n ? all->n : 1, sizeof(**out));
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        const struct redis_reply *entry = redis_item(all, i);
        const struct redis_reply *v = redis_field(redis_item(entry, 1), "b");
        const char *name = redis_item(entry, 0)->text;
        int64_t index = -1;
        struct bytes in = bytes_of(v ? v->text : "", v ? v->len : 0);
        if (!v || num_parse_i64(name, strcspn(name, "-"), &index) != 0) {
            rc = err_set(err, ERR_CORRUPT, "entry %s is no sealed block", name);
        } else if ((rc = block_decode(&(*out)[*n], &in, err)) == 0) {
            if ((*out)[(*n)++].index != index || in.left > 0)
                rc = err_set(err, ERR_CORRUPT, "entry %s holds another block", name);
        }
    }
    redis_batch_free(b);
    if (rc != 0) {
        for (size_t i = 0; i < *n; i++)
            block_release(&(*out)[i]);
        *n = 0;
        return err_context(err, "release %s, metric %u", id, metric);
    }
    return 0;
}

int store_late(struct store *s, const char *id, size_t n_metrics, struct late_counts *out,
               struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    if (n_metrics == 0)
        return 0;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HMGET");
    key_arg(b, KEY_LATE, id);
    for (size_t i = 0; i < n_metrics; i++) {
        redis_argf(b, "%zu:%d", i, COHORT_BASELINE);
        redis_argf(b, "%zu:%d", i, COHORT_CANDIDATE);
    }
    int rc = store_run(s, b, err);
    for (size_t i = 0; rc == 0 && i < n_metrics; i++) {
        out[i].baseline = (double)redis_int(redis_item(redis_reply(b, 0), 2 * i), 0);
        out[i].candidate = (double)redis_int(redis_item(redis_reply(b, 0), 2 * i + 1), 0);
    }
    redis_batch_free(b);
    return rc;
}
