/*
 * Releases: create once, change by the owner, list, delete.
 *
 * A record is one hash. The indices (releases by time, the active ones) live in other slots, so
 * they cannot be part of the script: an index entry is made before the record and removed after it
 * is done. An entry without a record, or an active one that is done, is possible after a crash;
 * readers look at the record and skip it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/store_priv.h"

#define LIST_PAGE 64

/* The first request with a key reserves it for its digest; later ones see whose it is. */
static const struct redis_script reserve_script = {
    .name = "idempotency key",
    .source = "local known = redis.call('GET', KEYS[1])\n"
              "if known and known ~= ARGV[1] then return {'reused'} end\n"
              "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])\n"
              "return {'ok'}\n"};

/* An existing record made with the same idempotency key and body is the same request again, also
 * when the key itself is no longer known. ARGV: key and digest ("" without a key), then pairs. */
static const struct redis_script create_script = {
    .name = "release create",
    .source = "if redis.call('EXISTS', KEYS[1]) == 1 then\n"
              "  if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'idempotency') == ARGV[1] then\n"
              "    return {'ok', 1}\n"
              "  end\n"
              "  return {'exists'}\n"
              "end\n"
              "redis.call('HSET', KEYS[1], 'version', 1, 'idempotency', unpack(ARGV))\n"
              "return {'ok', 0}\n"};

static int reserve_key(struct store *s, const struct release_new *r, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &reserve_script, 1);
    key_arg(b, KEY_IDEMPOTENCY, r->idempotency_key);
    redis_argf(b, "%s %s", r->digest ? r->digest : "", r->id);
    redis_arg_int(b, STORE_IDEMPOTENCY_SECONDS);
    return store_run_script(s, b, r->id, err);
}

static void add_field(struct redis_batch *b, const char *name, const char *value)
{
    redis_arg_str(b, name);
    redis_arg_str(b, value ? value : "");
}

static void add_number(struct redis_batch *b, const char *name, int64_t value)
{
    redis_arg_str(b, name);
    redis_arg_int(b, value);
}

int store_release_create(struct store *s, const struct release_new *r, bool *replayed,
                         struct err *err)
{
    const char *key = r->idempotency_key ? r->idempotency_key : "";
    if (key_name_check("release", r->id, err) != 0)
        return -1;
    if (strlen(key) > 255)
        return err_set(err, ERR_INPUT, "Idempotency-Key: longer than 255 bytes");
    if (key[0] && reserve_key(s, r, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "ZADD");
    key_arg(b, KEY_RELEASES);
    redis_arg_str(b, "NX");
    redis_arg_int(b, r->now.us);
    redis_arg_str(b, r->id);
    redis_command(b, "SADD");
    key_arg(b, KEY_ACTIVE);
    redis_arg_str(b, r->id);
    redis_batch_then(b); /* an entry without a record, never the reverse */
    size_t create = redis_eval(b, &create_script, 1);
    key_arg(b, KEY_RELEASE, r->id);
    if (key[0])
        redis_argf(b, "%s %s", key, r->digest ? r->digest : "");
    else
        redis_arg_str(b, "");
    add_field(b, "spec", r->spec);
    add_field(b, "service", r->service);
    add_field(b, "environment", r->environment);
    add_field(b, "revision", r->revision);
    add_field(b, "by", r->by);
    add_number(b, "phase", r->phase);
    add_number(b, "created", r->now.us);
    store_note_change(b, r->id, "release");
    int rc = store_run(s, b, err);
    if (rc == 0)
        rc = store_answer(redis_reply(b, create), r->id, err);
    if (rc == 0)
        *replayed = redis_int(redis_item(redis_reply(b, create), 1), 0) == 1;
    redis_batch_free(b);
    return rc;
}

/* ---- reading ---- */

static const char *text_of(const struct redis_reply *hash, const char *name, struct arena *a)
{
    const struct redis_reply *v = redis_field(hash, name);
    return v ? store_text(v, a) : "";
}

static int64_t number_of(const struct redis_reply *hash, const char *name)
{
    const struct redis_reply *v = redis_field(hash, name);
    return v ? redis_int(v, INT64_MIN) : 0;
}

static int read_record(const char *id, const struct redis_reply *hash, const char *owner,
                       struct release_record *out, struct arena *a, struct err *err)
{
    int64_t phase = number_of(hash, "phase"), outcome = number_of(hash, "outcome");
    int64_t cause = number_of(hash, "cause"), is_paused = number_of(hash, "paused");
    int64_t version = number_of(hash, "version");
    int64_t created = number_of(hash, "created"), ended = number_of(hash, "ended");
    if (phase < 0 || phase >= PHASE_COUNT || outcome < 0 || outcome >= OUTCOME_COUNT || cause < 0 ||
        cause >= CAUSE_COUNT || is_paused < 0 || is_paused > 1 || version < 1 ||
        created == INT64_MIN || ended == INT64_MIN)
        return err_set(err, ERR_CORRUPT, "release %s: its stored record cannot be read", id);
    *out = (struct release_record){
        .id = arena_strdup(a, id),
        .spec = text_of(hash, "spec", a),
        .service = text_of(hash, "service", a),
        .environment = text_of(hash, "environment", a),
        .revision = text_of(hash, "revision", a),
        .phase = (enum phase)phase,
        .outcome = (enum outcome)outcome,
        .cause = (enum cause)cause,
        .is_paused = is_paused == 1,
        .paused_why = text_of(hash, "paused_why", a),
        .runner = text_of(hash, "runner", a),
        .version = version,
        .created = {created},
        .ended = {ended},
        .owner = arena_strdup(a, owner),
    };
    return 0;
}

static void ask_record(struct redis_batch *b, const char *id)
{
    redis_command(b, "HGETALL");
    key_arg(b, KEY_RELEASE, id);
    redis_command(b, "GET");
    key_arg(b, KEY_LEASE, id);
}

int store_release_get(struct store *s, const char *id, struct release_record *out, struct arena *a,
                      struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    ask_record(b, id);
    int rc = store_run(s, b, err);
    if (rc == 0 && redis_reply(b, 0)->n == 0)
        rc = err_set(err, ERR_NOT_FOUND, "%s: there is no such release", id);
    if (rc == 0)
        rc = read_record(id, redis_reply(b, 0), redis_reply(b, 1)->text, out, a, err);
    redis_batch_free(b);
    return rc;
}

static bool matches(const struct release_filter *f, const struct release_record *r)
{
    return (!f->service || strcmp(f->service, r->service) == 0) &&
           (!f->environment || strcmp(f->environment, r->environment) == 0) &&
           (f->phase < 0 || f->phase == (int)r->phase) &&
           (!f->active_only || r->phase != PHASE_DONE);
}

/* Where a page begins: after (created, id) in the order newest first. */
struct position {
    int64_t created;
    char id[MODEL_NAME_MAX + 1];
    bool is_start;
};

static int read_cursor(const char *cursor, struct position *p, struct err *err)
{
    *p = (struct position){.created = INT64_MAX, .is_start = true};
    if (!cursor || !cursor[0])
        return 0;
    const char *colon = strchr(cursor, ':');
    if (!colon || strlen(colon + 1) > MODEL_NAME_MAX || colon[1] == '\0' ||
        num_parse_i64(cursor, (size_t)(colon - cursor), &p->created) != 0)
        return err_set(err, ERR_INPUT, "cursor: not one that was given out");
    snprintf(p->id, sizeof(p->id), "%s", colon + 1);
    p->is_start = false;
    return 0;
}

/* Ids of one page of the index; *n entries, and the position moves behind the last one. */
static int index_page(struct store *s, struct position *p, size_t skip, const char **ids,
                      int64_t *created, size_t *n, struct arena *a, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "ZRANGE");
    key_arg(b, KEY_RELEASES);
    if (p->is_start)
        redis_arg_str(b, "+inf");
    else
        redis_arg_int(b, p->created);
    redis_arg_str(b, "-inf");
    redis_arg_str(b, "BYSCORE");
    redis_arg_str(b, "REV");
    redis_arg_str(b, "LIMIT");
    redis_arg_int(b, (int64_t)skip);
    redis_arg_int(b, LIST_PAGE);
    redis_arg_str(b, "WITHSCORES");
    int rc = store_run(s, b, err);
    *n = 0;
    if (rc == 0) {
        const struct redis_reply *page = redis_reply(b, 0);
        for (size_t i = 0; i + 1 < page->n; i += 2) {
            double score;
            const struct redis_reply *v = redis_item(page, i + 1);
            if (num_parse_double(v->text, v->len, &score) != 0) {
                rc = err_set(err, ERR_CORRUPT, "the index of releases cannot be read");
                break;
            }
            ids[*n] = store_text(redis_item(page, i), a);
            created[(*n)++] = (int64_t)score;
        }
    }
    redis_batch_free(b);
    return rc;
}

int store_release_list(struct store *s, const struct release_filter *f, const char *cursor,
                       size_t limit, struct release_record **out, size_t *n, const char **next,
                       struct arena *a, struct err *err)
{
    struct position p;
    if (read_cursor(cursor, &p, err) != 0)
        return -1;
    *out = arena_array(a, limit ? limit : 1, sizeof(**out));
    *n = 0;
    *next = NULL;
    for (size_t skip = 0;; skip += LIST_PAGE) {
        const char *ids[LIST_PAGE];
        int64_t created[LIST_PAGE];
        size_t found;
        if (index_page(s, &p, skip, ids, created, &found, a, err) != 0)
            return -1;
        if (found == 0)
            return 0;
        struct redis_batch *b = redis_batch_new();
        for (size_t i = 0; i < found; i++)
            ask_record(b, ids[i]);
        int rc = store_run(s, b, err);
        for (size_t i = 0; rc == 0 && i < found; i++) {
            /* Equal times stand in reverse order of their names. */
            if (!p.is_start && created[i] == p.created && strcmp(ids[i], p.id) >= 0)
                continue;
            const struct redis_reply *hash = redis_reply(b, 2 * i);
            struct release_record record;
            if (hash->n == 0)
                continue;
            struct err bad = {0};
            if (read_record(ids[i], hash, redis_reply(b, 2 * i + 1)->text, &record, a, &bad) != 0) {
                log_err("store", &bad); /* the others can be read all the same */
                continue;
            }
            if (!matches(f, &record))
                continue;
            if (*n == limit) {
                const struct release_record *last = &(*out)[*n - 1];
                *next =
                    limit ? arena_printf(a, "%" PRId64 ":%s", last->created.us, last->id) : NULL;
                redis_batch_free(b);
                return 0;
            }
            (*out)[(*n)++] = record;
        }
        redis_batch_free(b);
        if (rc != 0)
            return -1;
    }
}

int store_release_active(struct store *s, const char ***ids, size_t *n, struct arena *a,
                         struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SMEMBERS");
    key_arg(b, KEY_ACTIVE);
    int rc = store_run(s, b, err);
    *n = 0;
    const struct redis_reply *all = rc == 0 ? redis_reply(b, 0) : NULL;
    size_t found = all ? all->n : 0;
    *ids = arena_array(a, found ? found : 1, sizeof(**ids));
    if (found > 0) {
        struct redis_batch *look = redis_batch_new();
        for (size_t i = 0; i < found; i++) {
            redis_command(look, "HGET");
            key_arg(look, KEY_RELEASE, redis_item(all, i)->text);
            redis_arg_str(look, "phase");
        }
        rc = store_run(s, look, err);
        for (size_t i = 0; i < found && rc == 0; i++)
            if (redis_reply(look, i)->type == REDIS_STRING)
                (*ids)[(*n)++] = store_text(redis_item(all, i), a);
        redis_batch_free(look);
    }
    redis_batch_free(b);
    return rc;
}

/* ---- changing ---- */

/* ARGV: fence, expected version (0: any), then pairs. */
static const struct redis_script change_script = {
    .name = "release change",
    .source = LUA_FENCE "if ARGV[3] ~= '0' and ARGV[3] ~= lease[3] then\n"
                        "  return {'version', lease[3]}\n"
                        "end\n"
                        "if #ARGV > 3 then redis.call('HSET', KEYS[1], unpack(ARGV, 4)) end\n"
                        "return {'ok', redis.call('HINCRBY', KEYS[1], 'version', 1)}\n"};

int store_release_change(struct store *s, const char *id, const struct lease *lease,
                         const struct release_change *c, int64_t *new_version, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &change_script, 1);
    key_arg(b, KEY_RELEASE, id);
    store_fence_args(b, lease);
    redis_arg_int(b, c->expect_version);
    if (c->phase >= 0)
        add_number(b, "phase", c->phase);
    if (c->phase == PHASE_DONE)
        add_number(b, "ended", c->now.us);
    if (c->outcome >= 0)
        add_number(b, "outcome", c->outcome);
    if (c->cause >= 0)
        add_number(b, "cause", c->cause);
    if (c->is_paused >= 0)
        add_number(b, "paused", c->is_paused != 0);
    if (c->paused_why)
        add_field(b, "paused_why", c->paused_why);
    if (c->runner)
        add_field(b, "runner", c->runner);
    if (c->orders_taken > 0)
        add_number(b, "orders_taken", c->orders_taken);
    store_note_change(b, id, "release");
    int rc = store_run(s, b, err);
    const struct redis_reply *answer = rc == 0 ? redis_reply(b, 0) : NULL;
    if (answer)
        rc = store_answer(answer, id, err);
    if (rc == 0 && new_version)
        *new_version = redis_int(redis_item(answer, 1), 0);
    redis_batch_free(b);
    return rc;
}

int store_release_close(struct store *s, const char *id, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SREM");
    key_arg(b, KEY_ACTIVE);
    redis_arg_str(b, id);
    int rc = store_run(s, b, err);
    redis_batch_free(b);
    return rc;
}

/* KEYS: the record, then everything else of the release; ARGV: the phase done. */
static const struct redis_script delete_script = {
    .name = "release delete",
    .source = "local phase = redis.call('HGET', KEYS[1], 'phase')\n"
              "if not phase then return {'gone'} end\n"
              "if phase ~= ARGV[1] then return {'active'} end\n"
              "redis.call('UNLINK', unpack(KEYS))\n"
              "return {'ok'}\n"};

int store_release_delete(struct store *s, const char *id, struct err *err)
{
    static const enum key own[] = {KEY_RELEASE,     KEY_LEASE,      KEY_SEGMENTS, KEY_VERDICTS,
                                   KEY_ORDERS,      KEY_CHECKPOINT, KEY_AUDIT,    KEY_AUDIT_HEAD,
                                   KEY_MARKS,       KEY_PRODUCERS,  KEY_LATE,     KEY_BATCHES,
                                   KEY_BATCH_TIMES, KEY_DURABLE};
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &delete_script, ARRAY_LEN(own) + 2 * MODEL_METRICS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        key_arg(b, own[i], id);
    for (int m = 0; m < MODEL_METRICS_MAX; m++) {
        key_arg(b, KEY_SEALED, id, m);
        key_arg(b, KEY_BASE, id, m);
    }
    redis_arg_int(b, PHASE_DONE);
    if (store_run_script(s, b, id, err) != 0)
        return -1;
    b = redis_batch_new();
    redis_command(b, "ZREM");
    key_arg(b, KEY_RELEASES);
    redis_arg_str(b, id);
    redis_command(b, "SREM");
    key_arg(b, KEY_ACTIVE);
    redis_arg_str(b, id);
    store_note_change(b, id, "release");
    int rc = store_run(s, b, err);
    redis_batch_free(b);
    return rc;
}
