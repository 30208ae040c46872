/*
 * The keeper: leases.
 *
 * Every running release has one owner. The keeper looks for releases without one, takes their
 * lease, builds the case and tells the runner; it renews each lease well before it ends, and gives
 * it up when the release is done. A lease that turns out to be somebody else's (ERR_FENCED) is
 * dropped at once: the store refuses everything written under it anyway. One that cannot be taken
 * up here (its spec names a connection this operator does not have) is given back and left alone
 * for a while, so that a process that can may have it.
 */
#include "collectors/aggregator.h"
#include "judge/daemon/audit_heads.h"
#include "judge/daemon/service.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "strategies/runner.h"

#define KEEPER_LOOK_MS 500
#define KEEPER_SHUN_MS 10000 /* what could not be taken up is tried again after this time */

static struct counter counters[] = {
    {.name = "judge_leases_held", .help = "Releases this process owns.", .is_gauge = true},
    {.name = "judge_leases_taken_total", .help = "Leases taken."},
    {.name = "judge_leases_lost_total", .help = "Leases that turned out to be another process's."},
};
enum { LEASES_HELD, LEASES_TAKEN, LEASES_LOST };

static void drop(struct service *s, const char *id)
{
    runner_disown(s->runner, id);
    docket_remove(s->docket, id);
    counter_set(&counters[LEASES_HELD], (int64_t)docket_len(s->docket));
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

static void look_after_ours(struct service *s, struct audit_heads *heads, struct arena *a)
{
    const char **ids;
    const size_t n = docket_ids(s->docket, &ids, a);
    for (size_t i = 0; i < n; i++) {
        struct lease lease;
        struct err err = {0};
        if (runner_is_done(s->runner, ids[i]) && docket_is_closed(s->docket, ids[i])) {
            const bool has = docket_lease(s->docket, ids[i], &lease);
            drop(s, ids[i]);
            audit_heads_tell(heads, ids[i]);
            if (has && store_lease_release(s->store, ids[i], &lease, &err) != 0)
                log_err("keeper", &err);
        } else if (!renew(s, ids[i])) {
            counter_add(&counters[LEASES_LOST], 1);
            log_warn("keeper", "%s is not ours any more", ids[i]);
            drop(s, ids[i]);
        }
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

static void tell_heads(struct service *s, struct audit_heads *heads, struct arena *a)
{
    const char **ids;
    const size_t n = docket_ids(s->docket, &ids, a);
    audit_heads_tell(heads, "");
    for (size_t i = 0; i < n; i++)
        audit_heads_tell(heads, ids[i]);
}

void *keeper_run(void *service)
{
    struct service *s = service;
    struct arena a;
    struct audit_heads heads;
    struct map shunned;
    struct mono forgive_at = mono_add_ms(mono_now(), KEEPER_SHUN_MS);
    struct err err = {0};
    arena_init(&a);
    map_init(&shunned);
    if (audit_heads_init(&heads, s->store, s->config.state_dir, &err) != 0) {
        err_context(&err, "the audit trail's key; until it is right heads are not logged");
        log_err("keeper", &err);
    }
    counters_register(counters, ARRAY_LEN(counters));
    while (!atomic_load(&s->is_stopping)) {
        look_after_ours(s, &heads, &a);
        if (audit_heads_is_due(&heads))
            tell_heads(s, &heads, &a);
        if (mono_passed(mono_now(), forgive_at)) {
            map_release(&shunned, NULL);
            map_init(&shunned);
            forgive_at = mono_add_ms(mono_now(), KEEPER_SHUN_MS);
        }
        if (look_for_new(s, &shunned, &a))
            atomic_store(&s->has_caught_up, true);
        arena_clear(&a);
        signal_flag_wait(&s->keeper_flag, KEEPER_LOOK_MS);
    }
    audit_heads_release(&heads);
    map_release(&shunned, NULL);
    arena_release(&a);
    return NULL;
}
