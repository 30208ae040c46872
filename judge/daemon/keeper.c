/*
 * The keeper: leases.
 *
 * Every running release has one owner. The keeper looks for releases without one, takes their
 * lease, builds the case and tells the runner; it renews each lease well before it ends, and gives
 * it up when the release is done. A lease that turns out to be somebody else's (ERR_FENCED) is
 * dropped at once: the store refuses everything written under it anyway. One that cannot be taken
 * up here (its spec names a connection this operator does not have) is given back and left alone
 * for a while, so that a process that can may have it.
 *
 * Renewals wait for nothing but Redis: a release whose worker is in a call is dropped at a later
 * look, and the heads of the audit trails are told a few at a time.
 */
#include "collectors/aggregator/aggregator.h"
#include "judge/daemon/audit_heads.h"
#include "judge/daemon/service.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "strategies/runner.h"

#define KEEPER_LOOK_MS 500
#define KEEPER_SHUN_MS 10000 /* what could not be taken up is tried again after this time */
#define HEADS_LOOK_MS  100   /* of one look, for the heads of audit trails */

static struct counter counters[] = {
    {.name = "judge_leases_held", .help = "Releases this process owns.", .is_gauge = true},
    {.name = "judge_leases_taken_total", .help = "Leases taken."},
    {.name = "judge_leases_lost_total", .help = "Leases that turned out to be another process's."},
};
enum { LEASES_HELD, LEASES_TAKEN, LEASES_LOST };

/* Why a release is dropped. */
enum leave { LEAVE_DONE = 1, LEAVE_LOST };
static enum leave leave_values[] = {0, LEAVE_DONE, LEAVE_LOST};

struct keeper {
    struct service *s;
    struct audit_heads heads;
    struct map shunned;
    struct map leaving; /* id -> of leave_values: dropped when its worker comes back */
    struct arena heads_arena;
    const char **heads_ids; /* whose heads are told now */
    size_t heads_n, heads_next;
};

/* false while a worker is busy with it. */
static bool drop(struct service *s, const char *id)
{
    if (!runner_disown(s->runner, id))
        return false;
    docket_remove(s->docket, id);
    counter_set(&counters[LEASES_HELD], (int64_t)docket_len(s->docket));
    return true;
}

/* false when it cannot be taken up here; then somebody else may have it. */
static bool take(struct service *s, const char *id, struct arena *a)
{
    struct err err = {0}, ignored = {0};
    struct lease lease;
    struct release_record record;
    bool taken = false;
    if (store_lease_take(s->store, id, &lease, &taken, &err) != 0)
        goto failed;
    if (!taken)
        return true;
    if (store_release_get(s->store, id, &record, a, &err) != 0)
        goto failed;
    struct case_file *c = case_new(&record, &lease, s->vocabulary, s->config.connections, &err);
    if (!c)
        goto failed;
    c->renew_at = mono_add_ms(mono_now(), LEASE_RENEW_MS);
    docket_add(s->docket, c);
    if (runner_own(s->runner, id, &lease, &err) != 0) {
        docket_remove(s->docket, id);
        goto failed;
    }
    counter_add(&counters[LEASES_TAKEN], 1);
    counter_set(&counters[LEASES_HELD], (int64_t)docket_len(s->docket));
    log_info("keeper", "%s is ours (lease %lld)", id, (long long)lease.token);
    signal_flag_raise(&s->judge_flag);
    return true;
failed:
    err_context(&err, "taking up %s", id);
    log_err("keeper", &err);
    if (!taken || (err.code != ERR_CORRUPT && err.code != ERR_LIMIT))
        return true; /* Redis does not answer: again at the next look */
    if (store_lease_release(s->store, id, &lease, &ignored) != 0)
        log_err("keeper", &ignored); /* it ends by itself */
    return false;
}

/* Renews when it is time. false when the lease is lost, or the release itself. */
static bool renew(struct service *s, const char *id)
{
    struct err err = {0};
    struct lease lease;
    if (!docket_lease(s->docket, id, &lease))
        return true;
    if (mono_until_ms(mono_now(), lease.expires) > LEASE_MS - LEASE_RENEW_MS)
        return true;
    if (store_lease_renew(s->store, id, &lease, &err) == 0) {
        docket_set_lease(s->docket, id, &lease);
        runner_lease_update(s->runner, id, &lease);
        return true;
    }
    err_context(&err, "renewing the lease of %s", id);
    log_err("keeper", &err);
    return err.code != ERR_FENCED && err.code != ERR_NOT_FOUND;
}

static enum leave why_leave(struct keeper *k, const char *id)
{
    struct service *s = k->s;
    const enum leave *known = map_get_str(&k->leaving, id);
    if (known)
        return *known;
    if (runner_is_done(s->runner, id) && docket_is_closed(s->docket, id))
        return LEAVE_DONE;
    if (renew(s, id))
        return 0;
    counter_add(&counters[LEASES_LOST], 1);
    log_warn("keeper", "%s is not ours any more", id);
    return LEAVE_LOST;
}

static void look_after_ours(struct keeper *k, struct arena *a)
{
    struct service *s = k->s;
    const char **ids;
    const size_t n = docket_ids(s->docket, &ids, a);
    for (size_t i = 0; i < n; i++) {
        struct lease lease;
        struct err err = {0};
        const enum leave why = why_leave(k, ids[i]);
        if (!why)
            continue;
        const bool has = docket_lease(s->docket, ids[i], &lease);
        if (!drop(s, ids[i])) {
            map_put_str(&k->leaving, ids[i], &leave_values[why]);
            continue;
        }
        map_take_str(&k->leaving, ids[i]);
        if (why != LEAVE_DONE)
            continue;
        audit_heads_tell(&k->heads, ids[i]);
        if (store_release_close(s->store, ids[i], &err) != 0 || /* then it is taken up once more */
            (has && store_lease_release(s->store, ids[i], &lease, &err) != 0))
            log_err("keeper", &err);
    }
}

static bool look_for_new(struct service *s, struct map *shunned, struct arena *a)
{
    const char **ids;
    size_t n;
    struct err err = {0};
    if (store_release_active(s->store, &ids, &n, a, &err) != 0) {
        log_err("keeper", &err);
        return false;
    }
    for (size_t i = 0; i < n && !atomic_load(&s->is_stopping); i++)
        if (!docket_has(s->docket, ids[i]) && !map_get_str(shunned, ids[i]) && !take(s, ids[i], a))
            map_put_str(shunned, ids[i], s);
    return true;
}

/* Each hour those of all that are ours, as many at a look as its time allows. */
static void tell_heads(struct keeper *k)
{
    const struct mono began = mono_now();
    if (k->heads_next == k->heads_n && audit_heads_is_due(&k->heads)) {
        arena_clear(&k->heads_arena);
        k->heads_n = docket_ids(k->s->docket, &k->heads_ids, &k->heads_arena);
        k->heads_next = 0;
        audit_heads_tell(&k->heads, "");
    }
    while (k->heads_next < k->heads_n && mono_until_ms(began, mono_now()) < HEADS_LOOK_MS)
        audit_heads_tell(&k->heads, k->heads_ids[k->heads_next++]);
}

void *keeper_run(void *service)
{
    struct service *s = service;
    struct keeper k = {.s = s};
    struct arena a;
    struct mono forgive_at = mono_add_ms(mono_now(), KEEPER_SHUN_MS);
    struct err err = {0};
    arena_init(&a);
    arena_init(&k.heads_arena);
    map_init(&k.shunned);
    map_init(&k.leaving);
    if (audit_heads_init(&k.heads, s->store, s->config.state_dir, &err) != 0) {
        err_context(&err, "the audit trail's key; until it is right heads are not logged");
        log_err("keeper", &err);
    }
    counters_register(counters, ARRAY_LEN(counters));
    while (!atomic_load(&s->is_stopping)) {
        look_after_ours(&k, &a);
        tell_heads(&k);
        if (mono_passed(mono_now(), forgive_at)) {
            map_release(&k.shunned, NULL);
            map_init(&k.shunned);
            forgive_at = mono_add_ms(mono_now(), KEEPER_SHUN_MS);
        }
        if (look_for_new(s, &k.shunned, &a))
            atomic_store(&s->has_caught_up, true);
        arena_clear(&a);
        signal_flag_wait(&s->keeper_flag, KEEPER_LOOK_MS);
    }
    audit_heads_release(&k.heads);
    map_release(&k.leaving, NULL);
    map_release(&k.shunned, NULL);
    arena_release(&k.heads_arena);
    arena_release(&a);
    return NULL;
}
