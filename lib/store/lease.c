/*
 * Who owns a release, and which release a service runs.
 *
 * Two things make a lease. The key with the 15 s lifetime says whether it is free; the token, a
 * counter in the release's record, fences: it grows with every take, also by the same node, so
 * whatever an earlier owner still has on its way is refused. A lease that ran out but was taken by
 * nobody still fences nobody off: its token is the newest.
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/store_priv.h"

static const struct redis_script take_script = {
    .name = "lease take",
    .source = "if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end\n"
              "local holder = redis.call('GET', KEYS[2])\n"
              "if holder and holder ~= ARGV[1] then return {'held', holder} end\n"
              "local token = redis.call('HINCRBY', KEYS[1], 'lease_token', 1)\n"
              "redis.call('HSET', KEYS[1], 'lease_holder', ARGV[1])\n"
              "redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])\n"
              "return {'ok', token}\n"};

static const struct redis_script renew_script = {
    .name = "lease renew",
    .source = LUA_FENCE "redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])\n"
                        "return {'ok'}\n"};

static const struct redis_script release_script = {
    .name = "lease release",
    .source = LUA_FENCE "redis.call('DEL', KEYS[2])\n"
                        "redis.call('HSET', KEYS[1], 'lease_holder', '')\n"
                        "return {'ok'}\n"};

static struct redis_batch *lease_batch(const struct redis_script *script, const char *id)
{
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, script, 2);
    key_arg(b, KEY_RELEASE, id);
    key_arg(b, KEY_LEASE, id);
    return b;
}

int store_lease_take(struct store *s, const char *id, struct lease *out, bool *taken,
                     struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    /* The clock starts before the request leaves: Redis counts from later. */
    struct mono expires = mono_add_ms(mono_now(), LEASE_MS);
    struct redis_batch *b = lease_batch(&take_script, id);
    redis_arg_str(b, s->node);
    redis_arg_int(b, LEASE_MS);
    int rc = store_run(s, b, err);
    const struct redis_reply *reply = rc == 0 ? redis_reply(b, 0) : NULL;
    *taken = false;
    if (reply && !redis_is(redis_item(reply, 0), "held")) {
        rc = store_answer(reply, id, err);
        if (rc == 0) {
            out->token = redis_int(redis_item(reply, 1), 0);
            snprintf(out->holder, sizeof(out->holder), "%s", s->node);
            out->expires = expires;
            *taken = true;
        }
    }
    redis_batch_free(b);
    return rc;
}

int store_lease_renew(struct store *s, const char *id, struct lease *lease, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct mono expires = mono_add_ms(mono_now(), LEASE_MS);
    struct redis_batch *b = lease_batch(&renew_script, id);
    store_fence_args(b, lease);
    redis_arg_int(b, LEASE_MS);
    if (store_run_script(s, b, id, err) != 0)
        return -1;
    lease->expires = expires;
    return 0;
}

int store_lease_release(struct store *s, const char *id, const struct lease *lease, struct err *err)
{
    if (key_name_check("release", id, err) != 0)
        return -1;
    struct redis_batch *b = lease_batch(&release_script, id);
    store_fence_args(b, lease);
    return store_run_script(s, b, id, err);
}

/* ---- services ---- */

static const struct redis_script lock_script = {
    .name = "service lock",
    .source = "local holder = redis.call('GET', KEYS[1])\n"
              "if holder and holder ~= ARGV[1] then return {'held', holder} end\n"
              "redis.call('SET', KEYS[1], ARGV[1])\n"
              "return {'ok'}\n"};

/* ARGV: who takes it, from whom. */
static const struct redis_script inherit_script = {
    .name = "service lock inherit",
    .source = "local holder = redis.call('GET', KEYS[1])\n"
              "if holder and holder ~= ARGV[2] then return {'held', holder} end\n"
              "redis.call('SET', KEYS[1], ARGV[1])\n"
              "return {'ok'}\n"};

static const struct redis_script unlock_script = {
    .name = "service unlock",
    .source = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end\n"
              "return {'ok'}\n"};

static int check_service(const char *service, const char *environment, struct err *err)
{
    if (key_name_check("service", service, err) != 0)
        return -1;
    return environment[0] ? key_name_check("environment", environment, err) : 0;
}

/* `from`: ARGV[2], or NULL. holder: who holds it instead, with ERR_CONFLICT; may be NULL. */
static int lock_call(struct store *s, const struct redis_script *script, const char *service,
                     const char *environment, const char *id, const char *from,
                     char holder[MODEL_NAME_MAX + 1], struct err *err)
{
    if (check_service(service, environment, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, script, 1);
    key_arg(b, KEY_SERVICE_LOCK, service, environment);
    redis_arg_str(b, id);
    if (from)
        redis_arg_str(b, from);
    char what[2 * MODEL_NAME_MAX + 32];
    snprintf(what, sizeof(what), "service %s (%s)", service, environment);
    int rc = store_run(s, b, err);
    if (rc == 0) {
        const struct redis_reply *reply = redis_reply(b, 0);
        rc = store_answer(reply, what, err);
        if (rc != 0 && holder && reply->n > 1)
            snprintf(holder, MODEL_NAME_MAX + 1, "%s", redis_item(reply, 1)->text);
    }
    redis_batch_free(b);
    return rc;
}

/* Has nobody work to do for this release any more? Then nobody will free what it holds. */
static bool is_past(struct store *s, const char *id)
{
    struct err ignored = {0};
    if (key_name_check("release", id, &ignored) != 0)
        return true;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "HGET");
    key_arg(b, KEY_RELEASE, id);
    redis_arg_str(b, "phase");
    bool is_past = false;
    if (store_run(s, b, &ignored) == 0) {
        const struct redis_reply *phase = redis_reply(b, 0);
        is_past = phase->type == REDIS_NIL || redis_int(phase, -1) == PHASE_DONE;
    }
    redis_batch_free(b);
    return is_past;
}

int store_service_lock(struct store *s, const char *service, const char *environment,
                       const char *id, struct err *err)
{
    struct err held = {0};
    char holder[MODEL_NAME_MAX + 1] = "";
    if (lock_call(s, &lock_script, service, environment, id, NULL, holder, &held) == 0)
        return 0;
    if (held.code == ERR_CONFLICT && holder[0] && is_past(s, holder))
        return lock_call(s, &inherit_script, service, environment, id, holder, NULL, err);
    if (err)
        *err = held;
    return -1;
}

int store_service_unlock(struct store *s, const char *service, const char *environment,
                         const char *id, struct err *err)
{
    return lock_call(s, &unlock_script, service, environment, id, NULL, NULL, err);
}

int store_service_revision(struct store *s, const char *service, const char *environment,
                           const char **out, struct arena *a, struct err *err)
{
    if (check_service(service, environment, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "GET");
    key_arg(b, KEY_SERVICE_REVISION, service, environment);
    int rc = store_run(s, b, err);
    if (rc == 0)
        *out = store_text(redis_reply(b, 0), a);
    redis_batch_free(b);
    return rc;
}

int store_service_revision_set(struct store *s, const char *service, const char *environment,
                               const char *revision, struct err *err)
{
    if (check_service(service, environment, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SET");
    key_arg(b, KEY_SERVICE_REVISION, service, environment);
    redis_arg_str(b, revision ? revision : "");
    int rc = store_run(s, b, err);
    redis_batch_free(b);
    return rc;
}
