/*
 * The audit trail: a chain in which each entry's hash covers the hash before it, so no entry can be
 * changed, dropped or put in between unless everything after it is forged too, up to the head.
 *
 *   hash_i = SHA-256(hash_(i-1) as 64 hex digits, then the entry's bytes); hash_0 = 64 zeros
 *
 * The head (hash and number of entries) stands in a key of its own; the script adds an entry only
 * when the head is still the one its hash was computed from, otherwise we compute again. What ends
 * the chain of forging is that the head is logged elsewhere.
 */
#include <stdio.h>
#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/store/codec.h"
#include "lib/store/store_priv.h"

#define TRIES_MAX 100
#define PAGE      500
#define ALL_TRAIL "*" /* the global trail: no release can have this name */

static const char genesis[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* ARGV: the head we know, the new one, the entry's bytes. */
static const struct redis_script add_script = {
    .name = "audit add",
    .source = "local head = redis.call('HMGET', KEYS[2], 'hash', 'n')\n"
              "if (head[1] or ARGV[4]) ~= ARGV[1] then return {'moved', head[1]} end\n"
              "local n = tonumber(head[2] or '0') + 1\n"
              "redis.call('XADD', KEYS[1], n .. '-0', 'e', ARGV[3], 'h', ARGV[2])\n"
              "redis.call('HSET', KEYS[2], 'hash', ARGV[2], 'n', n)\n"
              "return {'ok'}\n"};

static void chain_hash(const char *before, const void *bytes, size_t len,
                       char out[DIGEST_HEX_BYTES])
{
    unsigned char sum[DIGEST_BYTES];
    struct digest d;
    digest_init(&d);
    digest_add(&d, before, strlen(before));
    digest_add(&d, bytes, len);
    digest_take(&d, sum);
    digest_release(&d);
    digest_hex(sum, sizeof(sum), out);
}

static const char *trail_of(const char *release)
{
    return release && release[0] ? release : ALL_TRAIL;
}

static int check_trail(const char *release, struct err *err)
{
    return release && release[0] ? key_name_check("release", release, err) : 0;
}

static int add_to(struct store *s, const char *trail, const struct buf *bytes, struct err *err)
{
    char head[DIGEST_HEX_BYTES], next[DIGEST_HEX_BYTES];
    snprintf(head, sizeof(head), "%s", genesis);
    for (int i = 0; i < TRIES_MAX; i++) {
        chain_hash(head, bytes->data, bytes->len, next);
        struct redis_batch *b = redis_batch_new();
        redis_eval(b, &add_script, 2);
        key_arg(b, KEY_AUDIT, trail);
        key_arg(b, KEY_AUDIT_HEAD, trail);
        redis_arg_str(b, head);
        redis_arg_str(b, next);
        redis_arg(b, bytes->data, bytes->len);
        redis_arg_str(b, genesis);
        int rc = store_run(s, b, err);
        bool is_moved = rc == 0 && redis_is(redis_item(redis_reply(b, 0), 0), "moved");
        if (is_moved)
            snprintf(head, sizeof(head), "%s", redis_item(redis_reply(b, 0), 1)->text);
        else if (rc == 0)
            rc = store_answer(redis_reply(b, 0), "audit", err);
        redis_batch_free(b);
        if (!is_moved)
            return rc;
    }
    return err_set(err, ERR_UNAVAILABLE,
                   "audit: the trail moves faster than an entry can be added");
}

int store_audit_add(struct store *s, const struct audit_entry *e, struct err *err)
{
    struct buf bytes;
    if (check_trail(e->release, err) != 0)
        return -1;
    buf_init(&bytes, CODEC_BYTES_MAX);
    audit_encode(e, &bytes);
    int rc;
    if (!buf_ok(&bytes))
        rc = err_set(err, ERR_TOO_LARGE, "audit: an entry is over %d bytes", CODEC_BYTES_MAX);
    else
        rc = add_to(s, trail_of(e->release), &bytes, err);
    buf_release(&bytes);
    return rc;
}

static int read_page(struct store *s, const char *trail, const char *from, size_t limit,
                     struct redis_batch **out, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_batch_multi(b); /* page and head of the same moment */
    redis_command(b, "XRANGE");
    key_arg(b, KEY_AUDIT, trail);
    redis_arg_str(b, from);
    redis_arg_str(b, "+");
    redis_arg_str(b, "COUNT");
    redis_arg_int(b, (int64_t)limit);
    redis_command(b, "HMGET");
    key_arg(b, KEY_AUDIT_HEAD, trail);
    redis_arg_str(b, "hash");
    redis_arg_str(b, "n");
    if (store_run(s, b, err) != 0) {
        redis_batch_free(b);
        return -1;
    }
    *out = b;
    return 0;
}

int store_audit(struct store *s, const char *release, const char *cursor, size_t limit,
                struct audit_entry **out, size_t *n, const char **next, struct arena *a,
                struct err *err)
{
    *n = 0;
    *next = NULL;
    if (check_trail(release, err) != 0)
        return -1;
    if (cursor && (strlen(cursor) > 48 || strspn(cursor, "0123456789-") != strlen(cursor)))
        return err_set(err, ERR_INPUT, "cursor: not one that was given out");
    struct redis_batch *b;
    char from[64];
    snprintf(from, sizeof(from), "%s%s", cursor && cursor[0] ? "(" : "",
             cursor && cursor[0] ? cursor : "-");
    if (read_page(s, trail_of(release), from, limit, &b, err) != 0)
        return -1;
    const struct redis_reply *all = redis_reply(b, 0);
    *out = arena_array(a, all->n ? all->n : 1, sizeof(**out));
    int rc = 0;
    for (size_t i = 0; i < all->n && rc == 0; i++) {
        const struct redis_reply *entry = redis_item(all, i), *pairs = redis_item(entry, 1);
        const struct redis_reply *bytes = redis_field(pairs, "e"), *hash = redis_field(pairs, "h");
        if (!bytes || !hash)
            rc = err_set(err, ERR_CORRUPT, "audit: entry %s lacks a part",
                         redis_item(entry, 0)->text);
        else
            rc = audit_decode(&(*out)[i], bytes_of(bytes->text, bytes->len), a, err);
        if (rc != 0)
            break;
        (*out)[i].release = arena_strdup(a, release ? release : "");
        (*out)[i].hash = store_text(hash, a);
        (*n)++;
        if (i + 1 == limit)
            *next = store_text(redis_item(entry, 0), a);
    }
    redis_batch_free(b);
    return rc;
}

int store_audit_verify(struct store *s, const char *release, size_t *checked, struct err *err)
{
    char head[DIGEST_HEX_BYTES], next[DIGEST_HEX_BYTES], from[64] = "-";
    const char *trail = trail_of(release);
    if (check_trail(release, err) != 0)
        return -1;
    snprintf(head, sizeof(head), "%s", genesis);
    *checked = 0;
    for (;;) {
        struct redis_batch *b;
        if (read_page(s, trail, from, PAGE, &b, err) != 0)
            return -1;
        const struct redis_reply *all = redis_reply(b, 0);
        int rc = 0;
        for (size_t i = 0; i < all->n && rc == 0; i++) {
            const struct redis_reply *entry = redis_item(all, i), *pairs = redis_item(entry, 1);
            const struct redis_reply *bytes = redis_field(pairs, "e");
            const struct redis_reply *hash = redis_field(pairs, "h");
            chain_hash(head, bytes ? bytes->text : "", bytes ? bytes->len : 0, next);
            char id[32];
            snprintf(id, sizeof(id), "%zu-0", *checked + 1);
            if (!bytes || !hash || !redis_is(hash, next) || !redis_is(redis_item(entry, 0), id))
                rc = err_set(
                    err, ERR_CORRUPT,
                    "audit: the chain breaks at entry %s: it, or one before it, was changed "
                    "or removed",
                    redis_item(entry, 0)->text);
            else
                (*checked)++;
            memcpy(head, next, sizeof(head));
            snprintf(from, sizeof(from), "(%s", redis_item(entry, 0)->text);
        }
        bool is_end = all->n < PAGE;
        if (rc == 0 && is_end) {
            const struct redis_reply *kept = redis_reply(b, 1);
            bool is_empty = *checked == 0 && redis_item(kept, 0)->type == REDIS_NIL;
            if (!is_empty && (!redis_is(redis_item(kept, 0), head) ||
                              redis_int(redis_item(kept, 1), -1) != (int64_t)*checked))
                rc = err_set(
                    err, ERR_CORRUPT,
                    "audit: the trail ends after entry %zu, but its head says %lld entries: the "
                    "last ones were removed or the head was changed",
                    *checked, (long long)redis_int(redis_item(kept, 1), -1));
        }
        redis_batch_free(b);
        if (rc != 0 || is_end)
            return rc;
    }
}

static void take_hash(const struct redis_reply *r, char out[DIGEST_HEX_BYTES])
{
    snprintf(out, DIGEST_HEX_BYTES, "%s", r && r->type == REDIS_STRING ? r->text : genesis);
}

int store_audit_head(struct store *s, const char *release, struct audit_head *out, struct err *err)
{
    if (check_trail(release, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HMGET");
    key_arg(b, KEY_AUDIT_HEAD, trail_of(release));
    redis_arg_str(b, "hash");
    redis_arg_str(b, "n");
    const int rc = store_run(s, b, err);
    if (rc == 0) {
        take_hash(redis_item(redis_reply(b, 0), 0), out->hash);
        out->n = redis_int(redis_item(redis_reply(b, 0), 1), 0);
    }
    redis_batch_free(b);
    return rc;
}

int store_audit_hash(struct store *s, const char *release, int64_t n, char out[65], struct err *err)
{
    char id[32];
    if (check_trail(release, err) != 0)
        return -1;
    snprintf(id, sizeof(id), "%lld-0", (long long)n);
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "XRANGE");
    key_arg(b, KEY_AUDIT, trail_of(release));
    redis_arg_str(b, id);
    redis_arg_str(b, id);
    int rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *hash =
            redis_field(redis_item(redis_item(redis_reply(b, 0), 0), 1), "h");
        if (hash)
            take_hash(hash, out);
        else
            rc = err_set(err, ERR_NOT_FOUND, "audit: the trail has no entry %lld", (long long)n);
    }
    redis_batch_free(b);
    return rc;
}
