/*
 * Tokens and named documents (services, templates).
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/store/codec.h"
#include "lib/store/store_priv.h"

/* ---- tokens ---- */

int store_token_add(struct store *s, const struct token_record *t, struct err *err)
{
    if (key_name_check("token", t->id, err) != 0)
        return -1;
    struct buf bytes;
    buf_init(&bytes, CODEC_BYTES_MAX);
    token_encode(t, &bytes);
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HSETNX");
    key_arg(b, KEY_TOKENS);
    redis_arg_str(b, t->id);
    redis_arg(b, bytes.data, bytes.len);
    buf_release(&bytes);
    int rc = store_run(s, b, err);
    if (rc == 0 && redis_int(redis_reply(b, 0), 0) != 1)
        rc = err_set(err, ERR_CONFLICT, "token %s: it exists already", t->id);
    redis_batch_free(b);
    return rc;
}

static int by_token_id(const void *x, const void *y)
{
    const struct token_record *a = x, *b = y;
    return strcmp(a->id, b->id);
}

int store_tokens(struct store *s, struct token_record **out, size_t *n, struct arena *a,
                 struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HVALS");
    key_arg(b, KEY_TOKENS);
    int rc = store_run(s, b, err);
    *n = 0;
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    *out = arena_array(a, all && all->n ? all->n : 1, sizeof(**out));
    for (size_t i = 0; rc == 0 && i < all->n; i++) {
        const struct redis_reply *v = redis_item(all, i);
        struct err bad = {0};
        if (token_decode(&(*out)[*n], bytes_of(v->text, v->len), a, &bad) == 0)
            (*n)++;
        else
            log_err("store", &bad); /* it opens nothing; the others do */
    }
    redis_batch_free(b);
    if (*n > 1)
        qsort(*out, *n, sizeof(**out), by_token_id);
    return rc;
}

int store_token_revoke(struct store *s, const char *id, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HDEL");
    key_arg(b, KEY_TOKENS);
    redis_arg_str(b, id);
    int rc = store_run(s, b, err);
    if (rc == 0 && redis_int(redis_reply(b, 0), 0) != 1)
        rc = err_set(err, ERR_NOT_FOUND, "token %s: there is none", id);
    redis_batch_free(b);
    return rc;
}

/* ---- documents: fields "v:NAME" (version) and "j:NAME" (JSON) of one hash a kind ---- */

/* ARGV: name, expected version (-1 any, 0 none), JSON. */
static const struct redis_script put_script = {
    .name = "document put",
    .source = "local v = redis.call('HGET', KEYS[1], 'v:' .. ARGV[1])\n"
              "if ARGV[2] ~= '-1' and ARGV[2] ~= (v or '0') then return {'version', v or '0'} end\n"
              /* a name deleted and made again goes on counting: an old ETag never fits */
              "v = redis.call('HINCRBY', KEYS[1], 'n:' .. ARGV[1], 1)\n"
              "redis.call('HSET', KEYS[1], 'v:' .. ARGV[1], v, 'j:' .. ARGV[1], ARGV[3])\n"
              "return {'ok', v}\n"};

static const struct redis_script delete_script = {
    .name = "document delete",
    .source = "local v = redis.call('HGET', KEYS[1], 'v:' .. ARGV[1])\n"
              "if not v then return {'missing'} end\n"
              "if ARGV[2] ~= '-1' and ARGV[2] ~= v then return {'version', v} end\n"
              "redis.call('HDEL', KEYS[1], 'v:' .. ARGV[1], 'j:' .. ARGV[1])\n"
              "return {'ok'}\n"};

static int check_names(const char *kind, const char *name, struct err *err)
{
    return key_name_check("kind", kind, err) != 0 ? -1 : key_name_check(kind, name, err);
}

int store_document_put(struct store *s, const char *kind, const char *name, const char *json,
                       int64_t expect, int64_t *version, struct err *err)
{
    if (check_names(kind, name, err) != 0)
        return -1;
    if (strlen(json) > STORE_DOCUMENT_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s %s: over %d bytes", kind, name,
                       STORE_DOCUMENT_BYTES_MAX);
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &put_script, 1);
    key_arg(b, KEY_DOCUMENTS, kind);
    redis_arg_str(b, name);
    redis_arg_int(b, expect);
    redis_arg_str(b, json);
    int rc = store_run(s, b, err);
    if (rc == 0)
        rc = store_answer(redis_reply(b, 0), name, err);
    if (rc == 0 && version)
        *version = redis_int(redis_item(redis_reply(b, 0), 1), 0);
    redis_batch_free(b);
    return rc;
}

int store_document_get(struct store *s, const char *kind, const char *name, const char **json,
                       int64_t *version, struct arena *a, struct err *err)
{
    if (check_names(kind, name, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HMGET");
    key_arg(b, KEY_DOCUMENTS, kind);
    redis_argf(b, "v:%s", name);
    redis_argf(b, "j:%s", name);
    int rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *v = redis_item(redis_reply(b, 0), 0);
        if (v->type == REDIS_NIL) {
            rc = err_set(err, ERR_NOT_FOUND, "%s %s: there is none", kind, name);
        } else {
            *version = redis_int(v, 0);
            *json = store_text(redis_item(redis_reply(b, 0), 1), a);
        }
    }
    redis_batch_free(b);
    return rc;
}

int store_document_delete(struct store *s, const char *kind, const char *name, int64_t expect,
                          struct err *err)
{
    if (check_names(kind, name, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &delete_script, 1);
    key_arg(b, KEY_DOCUMENTS, kind);
    redis_arg_str(b, name);
    redis_arg_int(b, expect);
    return store_run_script(s, b, name, err);
}

static int by_name(const void *x, const void *y)
{
    const char *const *a = x, *const *b = y;
    return strcmp(*a, *b);
}

int store_document_list(struct store *s, const char *kind, const char ***names, size_t *n,
                        struct arena *a, struct err *err)
{
    if (key_name_check("kind", kind, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HKEYS");
    key_arg(b, KEY_DOCUMENTS, kind);
    int rc = store_run(s, b, err);
    *n = 0;
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    *names = arena_array(a, all && all->n ? all->n : 1, sizeof(**names));
    for (size_t i = 0; rc == 0 && i < all->n; i++)
        if (strncmp(redis_item(all, i)->text, "v:", 2) == 0)
            (*names)[(*n)++] = arena_strdup(a, redis_item(all, i)->text + 2);
    redis_batch_free(b);
    if (*n > 1)
        qsort(*names, *n, sizeof(**names), by_name);
    return rc;
}
