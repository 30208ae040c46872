#include "strategies/runner.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/strategies/bench.h"

#define STEPS "steps: [1%, 25%, 50%, 100%]"

static bool wait_status(struct bench *b, const char *id, const char *text)
{
    struct buf status;
    bool has = false;
    buf_init(&status, 4096);
    for (int64_t began = 0; !has && !bench_expired(&began);) {
        buf_clear(&status);
        runner_status_json(b->runner, id, &status);
        has = strstr(status.data, text) != NULL;
    }
    if (!has)
        t_fail(__FILE__, __LINE__, "status never says \"%s\": %s", text, status.data);
    buf_release(&status);
    return has;
}

static void a_good_release_is_promoted(void)
{
    struct bench b;
    struct lease lease;
    struct err err = {0};
    if (!bench_open(&b, "good") || !bench_create(&b, "good", STEPS, "enforce") ||
        !bench_own(&b, "good", &lease) || !bench_judge_to_the_end(&b, "good"))
        return;
    T_CHECK(bench_weights_are(&b, 0, 100));
    const struct release_record *rec = bench_record(&b, "good");
    T_EQ_INT(rec->outcome, OUTCOME_PROMOTED);
    T_EQ_INT(rec->cause, CAUSE_NONE);
    T_CHECK(!rec->is_paused);
    for (int64_t began = 0; !runner_is_done(b.runner, "good");)
        T_CHECK(!bench_expired(&began));
    /* One segment a share, one after the other, each asking for the next share. */
    static const double shares[] = {0.01, 0.25, 0.5, 1};
    struct segment *seg;
    size_t n;
    arena_clear(&b.arena);
    T_OK(store_segments(b.store, "good", &seg, &n, &b.arena, &err), err);
    T_EQ_INT(n, 3);
    for (size_t i = 0; i < n; i++) {
        T_EQ_INT(seg[i].id, i + 1);
        T_NEAR(seg[i].share, shares[i], 0, 0);
        T_NEAR(seg[i].next_share, shares[i + 1], 0, 0);
        T_EQ_INT(seg[i].settle_us, US_PER_SECOND);
        T_CHECK(seg[i].closed.us >= seg[i].opened.us);
        T_CHECK(i == 0 || seg[i].opened.us >= seg[i - 1].closed.us);
    }
    T_EQ_INT(bench_audited(&b, "good", "shift"), 4);
    T_EQ_INT(bench_audited(&b, "good", "finish"), 1);
    T_EQ_INT(bench_audited(&b, "good", "undo"), 0);
    const char *revision;
    T_OK(store_service_revision(b.store, "checkout", "prod", &revision, &b.arena, &err), err);
    T_EQ_STR(revision, "new-good");
    T_OK(store_service_lock(b.store, "checkout", "prod", "another", &err), err); /* it is free */
    bench_disown(&b, "good");
    bench_close(&b);
}

static void bake_keeps_and_may_go_back(void)
{
    struct bench b;
    struct lease lease;
    size_t n;
    if (!bench_open(&b, "bake") || !bench_create(&b, "bake", STEPS ", bake: 1h", "enforce") ||
        !bench_own(&b, "bake", &lease))
        return;
    for (int64_t began = 0; !bench_last_segment(&b, "bake", &n).is_bake;) {
        struct segment s = bench_last_segment(&b, "bake", &n);
        bench_judge(&b, "bake", s.next_share >= 1 ? VERDICT_PROMOTE : VERDICT_ADVANCE);
        T_CHECK(!bench_expired(&began));
    }
    T_CHECK(bench_weights_are(&b, 0, 100));
    T_EQ_INT(bench_record(&b, "bake")->phase, PHASE_BAKING);
    T_CHECK(bench_judge(&b, "bake", VERDICT_ROLLBACK));
    T_CHECK(bench_wait_done(&b, "bake"));
    T_CHECK(bench_weights_are(&b, 100, 0));
    T_EQ_INT(bench_record(&b, "bake")->outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(bench_record(&b, "bake")->cause, CAUSE_HARM);
    bench_close(&b);
}

static void harm_rolls_back(void)
{
    struct bench b;
    struct lease lease;
    if (!bench_open(&b, "harm") || !bench_create(&b, "harm", STEPS, "enforce") ||
        !bench_own(&b, "harm", &lease) || !bench_wait_share(&b, "harm", 0.01))
        return;
    T_CHECK(bench_judge(&b, "harm", VERDICT_ADVANCE));
    T_CHECK(bench_wait_share(&b, "harm", 0.25));
    T_CHECK(bench_weights_are(&b, 75, 25));
    T_CHECK(bench_judge(&b, "harm", VERDICT_HOLD));
    T_CHECK(bench_judge(&b, "harm", VERDICT_ROLLBACK));
    T_CHECK(bench_wait_done(&b, "harm"));
    T_CHECK(bench_weights_are(&b, 100, 0));
    const struct release_record *rec = bench_record(&b, "harm");
    T_EQ_INT(rec->outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(rec->cause, CAUSE_HARM);
    T_EQ_INT(bench_audited(&b, "harm", "undo"), 1);
    T_CHECK(bench_audit_says(&b, "harm", "the test says rollback"));
    const char *revision;
    struct err err = {0};
    T_OK(store_service_revision(b.store, "checkout", "prod", &revision, &b.arena, &err), err);
    T_EQ_STR(revision, "");
    bench_close(&b);
}

static void a_dead_candidate_is_taken_out(void)
{
    struct bench b;
    struct lease lease;
    if (!bench_open(&b, "dead") || !bench_create(&b, "dead", STEPS, "enforce") ||
        !bench_own(&b, "dead", &lease) || !bench_wait_share(&b, "dead", 0.01))
        return;
    T_CHECK(haproxy_fixture_down(&b.haproxy, HAPROXY_CANDIDATE));
    T_CHECK(bench_wait_done(&b, "dead")); /* no verdict was ever given */
    T_CHECK(bench_weights_are(&b, 100, 0));
    T_EQ_INT(bench_record(&b, "dead")->outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(bench_record(&b, "dead")->cause, CAUSE_UNHEALTHY);
    bench_close(&b);
}

/* All traffic to an old version that is down would help nobody: the rollback waits as long as that
 * lasts, not only for the first look. */
static void a_rollback_waits_for_the_old_version(void)
{
    struct bench b;
    struct lease lease;
    char out[256];
    if (!bench_open(&b, "both") || !bench_create(&b, "both", STEPS, "enforce") ||
        !bench_own(&b, "both", &lease) || !bench_wait_share(&b, "both", 0.01))
        return;
    T_CHECK(bench_judge(&b, "both", VERDICT_ADVANCE));
    T_CHECK(bench_wait_share(&b, "both", 0.25));
    haproxy_fixture_ask(&b.haproxy, "disable server app/stable", out, sizeof(out));
    T_CHECK(wait_status(&b, "both", "stable 75 MAINT"));
    T_CHECK(bench_judge(&b, "both", VERDICT_ROLLBACK));
    T_CHECK(wait_status(&b, "both", "the rollback waits"));
    for (const struct mono until = mono_add_ms(mono_now(), 2500);
         !mono_passed(mono_now(), until);) {
        T_CHECK(bench_weights_are(&b, 75, 25));
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    haproxy_fixture_ask(&b.haproxy, "enable server app/stable", out, sizeof(out));
    T_CHECK(bench_wait_done(&b, "both"));
    T_CHECK(bench_weights_are(&b, 100, 0));
    bench_close(&b);
}

static void drift_pauses(void)
{
    struct bench b;
    struct lease lease;
    char out[256];
    size_t n;
    if (!bench_open(&b, "drift") || !bench_create(&b, "drift", STEPS, "enforce") ||
        !bench_own(&b, "drift", &lease) || !bench_wait_share(&b, "drift", 0.01))
        return;
    haproxy_fixture_ask(&b.haproxy, "set weight app/candidate 60", out, sizeof(out));
    T_CHECK(bench_wait_paused(&b, "drift"));
    T_HAS_STR(bench_record(&b, "drift")->paused_why, "drift");
    for (int64_t began = 0; bench_last_segment(&b, "drift", &n).closed.us == 0;)
        T_CHECK(!bench_expired(&began));
    T_EQ_INT(haproxy_fixture_weight(&b.haproxy, "candidate"), 60); /* it is somebody's wish */
    T_CHECK(bench_order(&b, "drift", ORDER_RESUME, NAN, false));
    T_CHECK(bench_wait_weights(&b, 99, 1));
    T_CHECK(bench_wait_share(&b, "drift", 0.01));
    T_CHECK(!bench_record(&b, "drift")->is_paused);
    haproxy_fixture_ask(&b.haproxy, "set weight app/candidate 61", out, sizeof(out));
    T_CHECK(bench_wait_paused(&b, "drift"));
    T_CHECK(bench_order(&b, "drift", ORDER_ROLLBACK, NAN, false)); /* acts on whatever is there */
    T_CHECK(bench_wait_done(&b, "drift"));
    T_CHECK(bench_weights_are(&b, 100, 0));
    bench_close(&b);
}

static void people_order(void)
{
    struct bench b;
    struct lease lease;
    if (!bench_open(&b, "people") ||
        !bench_create(&b, "people", "steps: [1%, {share: 25%, approval: true}, 50%, 100%]",
                      "enforce") ||
        !bench_own(&b, "people", &lease) || !bench_wait_share(&b, "people", 0.01))
        return;
    T_CHECK(bench_order(&b, "people", ORDER_PAUSE, NAN, false));
    T_CHECK(bench_wait_paused(&b, "people"));
    T_EQ_STR(bench_record(&b, "people")->paused_why, "the test wants it");
    T_CHECK(bench_judge(&b, "people", VERDICT_ADVANCE));
    T_CHECK(bench_order(&b, "people", ORDER_RESUME, NAN, false));
    T_CHECK(bench_wait_share(&b, "people", 0.25)); /* paused while the verdict came, not deaf */
    T_CHECK(bench_judge(&b, "people", VERDICT_ADVANCE));
    struct buf status;
    buf_init(&status, 4096);
    for (int64_t began = 0; !strstr(status.data, "approval");) {
        T_CHECK(!bench_expired(&began));
        buf_clear(&status);
        runner_status_json(b.runner, "people", &status);
    }
    T_HAS_STR(status.data, "\"steps\":[0.01,0.25,0.5,1]");
    T_HAS_STR(status.data, "\"step\":1");
    T_HAS_STR(status.data, "\"weights\":\"stable 75 UP, candidate 25 UP\"");
    buf_release(&status);
    T_CHECK(bench_order(&b, "people", ORDER_PROMOTE, NAN, false));
    T_CHECK(bench_wait_share(&b, "people", 0.5));
    T_CHECK(bench_order(&b, "people", ORDER_TRAFFIC, 0.01, false)); /* back is free */
    T_CHECK(bench_wait_weights(&b, 99, 1));
    T_CHECK(bench_wait_share(&b, "people", 0.01));
    T_CHECK(bench_order(&b, "people", ORDER_TRAFFIC, 0.5, false)); /* on is not */
    for (int64_t began = 0; !bench_audit_says(&b, "people", "needs an override");)
        T_CHECK(!bench_expired(&began));
    T_CHECK(bench_weights_are(&b, 99, 1));
    T_CHECK(bench_order(&b, "people", ORDER_ABORT, NAN, false));
    T_CHECK(bench_wait_done(&b, "people"));
    T_CHECK(bench_weights_are(&b, 100, 0));
    T_EQ_INT(bench_record(&b, "people")->outcome, OUTCOME_STOPPED);
    T_EQ_INT(bench_record(&b, "people")->cause, CAUSE_PERSON);
    /* An override needs no evidence. */
    T_CHECK(bench_create(&b, "people-2", STEPS, "enforce"));
    T_CHECK(bench_own(&b, "people-2", &lease));
    T_CHECK(bench_wait_share(&b, "people-2", 0.01));
    T_CHECK(bench_order(&b, "people-2", ORDER_PROMOTE, NAN, true));
    T_CHECK(bench_wait_done(&b, "people-2"));
    T_CHECK(bench_weights_are(&b, 0, 100));
    T_EQ_INT(bench_record(&b, "people-2")->cause, CAUSE_PERSON);
    bench_close(&b);
}

static void shadow_touches_nothing(void)
{
    struct bench b;
    struct lease lease;
    char out[256];
    if (!bench_open(&b, "shadow") || !bench_create(&b, "shadow", STEPS, "shadow") ||
        !bench_own(&b, "shadow", &lease))
        return;
    T_CHECK(haproxy_fixture_ask(&b.haproxy, "set weight app/candidate 25", out, sizeof(out)) >= 0);
    T_CHECK(bench_wait_share(&b, "shadow", 0.2));
    T_CHECK(bench_judge(&b, "shadow", VERDICT_ADVANCE));
    for (int64_t began = 0; !bench_audit_says(&b, "shadow", "shadow: would shift to 25 %");)
        T_CHECK(!bench_expired(&began));
    T_CHECK(bench_judge(&b, "shadow", VERDICT_ROLLBACK));
    T_CHECK(bench_wait_done(&b, "shadow"));
    T_CHECK(bench_audit_says(&b, "shadow", "shadow: would give all traffic back"));
    T_CHECK(bench_weights_are(&b, 100, 25));
    T_EQ_INT(bench_audited(&b, "shadow", "shift") + bench_audited(&b, "shadow", "undo"), 0);
    bench_close(&b);
}

static void none_follows_reports(void)
{
    struct bench b;
    struct lease lease;
    size_t n;
    if (!bench_open(&b, "none") ||
        !bench_create(&b, "none", STEPS ", platform: {kind: none}", "enforce") ||
        !bench_own(&b, "none", &lease))
        return;
    for (int64_t began = 0; bench_last_segment(&b, "none", &n).id == 0;)
        T_CHECK(!bench_expired(&began));
    T_CHECK(isnan(bench_last_segment(&b, "none", &n).share));
    T_CHECK(bench_order(&b, "none", ORDER_TRAFFIC, 0.3, false));
    T_CHECK(bench_wait_share(&b, "none", 0.3));
    T_NEAR(bench_last_segment(&b, "none", &n).next_share, 0.5, 0, 0);
    T_CHECK(bench_order(&b, "none", ORDER_TRAFFIC, 0.5, false));
    T_CHECK(bench_wait_share(&b, "none", 0.5));
    T_CHECK(bench_judge(&b, "none", VERDICT_PROMOTE));
    T_CHECK(bench_order(&b, "none", ORDER_TRAFFIC, 1, false));
    T_CHECK(bench_wait_done(&b, "none"));
    T_EQ_INT(bench_record(&b, "none")->outcome, OUTCOME_PROMOTED);
    bench_close(&b);
}

static void one_release_a_service_at_a_time(void)
{
    struct bench b;
    struct lease first, second;
    if (!bench_open(&b, "queue") || !bench_create(&b, "first", STEPS, "enforce") ||
        !bench_own(&b, "first", &first) || !bench_wait_share(&b, "first", 0.01) ||
        !bench_create(&b, "second", STEPS, "enforce") || !bench_own(&b, "second", &second))
        return;
    T_CHECK(wait_status(&b, "second", "queued: "));
    T_CHECK(wait_status(&b, "second", "first"));
    T_EQ_INT(bench_record(&b, "second")->phase, PHASE_QUEUED);
    T_CHECK(bench_order(&b, "first", ORDER_ROLLBACK, NAN, false));
    T_CHECK(bench_wait_done(&b, "first"));
    runner_wake(b.runner, "second");
    T_CHECK(bench_wait_share(&b, "second", 0.01));
    bench_close(&b);
}

/* Redis dies, then harm shows: the way back is open as long as the lease holds by our own clock. */
static void goes_back_without_redis(void)
{
    struct bench b;
    struct lease lease;
    struct err err = {0};
    if (!bench_open(&b, "away") || !bench_create(&b, "away", STEPS, "enforce") ||
        !bench_own(&b, "away", &lease) || !bench_wait_share(&b, "away", 0.01))
        return;
    T_CHECK(bench_judge(&b, "away", VERDICT_ADVANCE));
    T_CHECK(bench_wait_share(&b, "away", 0.25));
    struct verdict v = {.seq = 100, .word = VERDICT_ROLLBACK, .cause = CAUSE_HARM, .segment = 2};
    redis_fixture_kill(&b.redis_server);
    runner_verdict(b.runner, "away", &v);
    T_CHECK(bench_wait_weights(&b, 100, 0));
    T_CHECK(redis_fixture_restart(&b.redis_server));
    for (int64_t began = 0; store_lease_renew(b.store, "away", &lease, &err) != 0;)
        T_CHECK(!bench_expired(&began));
    runner_lease_update(b.runner, "away", &lease);
    T_CHECK(bench_wait_done(&b, "away"));
    T_EQ_INT(bench_record(&b, "away")->outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(bench_audited(&b, "away", "undo"), 1);
    bench_close(&b);
}

/* A process that dies after such a rollback: the next start knows it from DIR/intents. */
static void a_rollback_without_redis_is_remembered(void)
{
    struct bench b;
    struct lease lease;
    if (!bench_open(&b, "memory") || !bench_create(&b, "memory", STEPS, "enforce") ||
        !bench_own(&b, "memory", &lease) || !bench_wait_share(&b, "memory", 0.01))
        return;
    struct verdict v = {.seq = 100, .word = VERDICT_ROLLBACK, .cause = CAUSE_HARM, .segment = 1};
    redis_fixture_kill(&b.redis_server);
    runner_verdict(b.runner, "memory", &v);
    T_CHECK(bench_wait_weights(&b, 100, 0));
    bench_stop_runner(&b);
    T_CHECK(redis_fixture_restart(&b.redis_server));
    T_CHECK(bench_runner(&b, NULL, "node-a.2"));
    T_EQ_INT(bench_record(&b, "memory")->phase, PHASE_JUDGING); /* Redis knows nothing of it */
    T_CHECK(bench_own(&b, "memory", &lease));
    T_CHECK(bench_wait_done(&b, "memory"));
    T_EQ_INT(bench_record(&b, "memory")->outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(bench_record(&b, "memory")->cause, CAUSE_HARM);
    T_CHECK(!bench_record(&b, "memory")->is_paused);
    T_CHECK(bench_weights_are(&b, 100, 0));
    bench_close(&b);
}

/* Our disk is full, so that DIR/intents takes nothing: no shift is made, but a rollback is. */
static void a_full_disk_stops_no_rollback(void)
{
    struct bench b;
    struct lease lease;
    struct rlimit before, full;
    if (!bench_open(&b, "full") || !bench_create(&b, "full", STEPS, "enforce") ||
        !bench_own(&b, "full", &lease) || !bench_wait_share(&b, "full", 0.01))
        return;
    signal(SIGXFSZ, SIG_IGN);
    T_EQ_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = before;
    full.rlim_cur = 1;
    T_EQ_INT(setrlimit(RLIMIT_FSIZE, &full), 0);
    bench_judge(&b, "full", VERDICT_ADVANCE);
    bool is_refused = wait_status(&b, "full", "writing intents");
    bool is_still = bench_weights_are(&b, 99, 1);
    struct verdict v = {.seq = 100, .word = VERDICT_ROLLBACK, .cause = CAUSE_HARM, .segment = 1};
    runner_verdict(b.runner, "full", &v);
    bool is_back = bench_wait_weights(&b, 100, 0);
    T_EQ_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    T_CHECK(is_refused && is_still && is_back);
    T_CHECK(bench_wait_done(&b, "full"));
    T_EQ_INT(bench_record(&b, "full")->outcome, OUTCOME_ROLLED_BACK);
    bench_close(&b);
}

/* What DIR/intents holds of a release that is forgotten says nothing about the next of its name. */
static void a_name_given_again_has_no_past(void)
{
    struct bench b;
    struct lease lease;
    struct err err = {0};
    if (!bench_open(&b, "again") || !bench_create(&b, "again", STEPS, "enforce") ||
        !bench_own(&b, "again", &lease) || !bench_wait_share(&b, "again", 0.01))
        return;
    T_CHECK(bench_judge(&b, "again", VERDICT_ROLLBACK));
    T_CHECK(bench_wait_done(&b, "again"));
    bench_disown(&b, "again");
    T_OK(store_release_delete(b.store, "again", &err), err);
    T_CHECK(bench_create(&b, "again", STEPS, "enforce"));
    T_CHECK(bench_own(&b, "again", &lease));
    T_CHECK(bench_judge_to_the_end(&b, "again"));
    T_EQ_INT(bench_record(&b, "again")->outcome, OUTCOME_PROMOTED);
    bench_close(&b);
}

/* The judge's records stand in DIR/intents too, and may come after the act. */
static void a_rollback_without_redis_is_found_behind_a_verdict(void)
{
    struct bench b;
    struct lease lease;
    struct err err = {0};
    if (!bench_open(&b, "behind") || !bench_create(&b, "behind", STEPS, "enforce") ||
        !bench_own(&b, "behind", &lease) || !bench_wait_share(&b, "behind", 0.01))
        return;
    struct verdict v = {.seq = 100, .word = VERDICT_ROLLBACK, .cause = CAUSE_HARM, .segment = 1};
    redis_fixture_kill(&b.redis_server);
    runner_verdict(b.runner, "behind", &v);
    T_CHECK(bench_wait_weights(&b, 100, 0));
    T_OK(store_intent_local(b.store, "behind", "{\"verdict\":\"rollback\"}", &err), err);
    bench_stop_runner(&b);
    T_CHECK(redis_fixture_restart(&b.redis_server));
    T_CHECK(bench_runner(&b, NULL, "node-a.2"));
    T_CHECK(bench_own(&b, "behind", &lease));
    T_CHECK(bench_wait_done(&b, "behind"));
    T_EQ_INT(bench_record(&b, "behind")->outcome, OUTCOME_ROLLED_BACK);
    bench_close(&b);
}

static void an_ended_lease_stops_the_hand(void)
{
    struct bench b;
    struct lease lease, over;
    if (!bench_open(&b, "lease") || !bench_create(&b, "lease", STEPS, "enforce") ||
        !bench_own(&b, "lease", &lease) || !bench_wait_share(&b, "lease", 0.01))
        return;
    over = lease;
    over.expires = mono_now();
    runner_lease_update(b.runner, "lease", &over);
    T_CHECK(bench_judge(&b, "lease", VERDICT_ADVANCE));
    T_CHECK(wait_status(&b, "lease", "lease to be renewed"));
    T_CHECK(bench_weights_are(&b, 99, 1));
    lease.expires = mono_add_ms(mono_now(), LEASE_MS);
    runner_lease_update(b.runner, "lease", &lease);
    T_CHECK(bench_wait_share(&b, "lease", 0.25));
    bench_close(&b);
}

static void lost(void *user, const char *release)
{
    *(_Atomic int *)user += 1;
}

/* Another node took the lease: the script refuses us, and we stop. */
static void a_fenced_owner_stops(void)
{
    struct bench b;
    struct lease lease;
    struct err err = {0};
    _Atomic int n_lost = 0;
    if (!bench_servers(&b, "fenced", true) || !bench_store(&b, NULL, "node-a.1"))
        return;
    b.runner = runner_new(&(struct runner_config){.store = b.store,
                                                  .vocabulary = bench_vocabulary(),
                                                  .observe_ms = 50,
                                                  .lost = lost,
                                                  .user = &n_lost},
                          &err);
    if (!b.runner || !bench_create(&b, "fenced", STEPS, "enforce") ||
        !bench_own(&b, "fenced", &lease) || !bench_wait_share(&b, "fenced", 0.01))
        return;
    T_OK(store_lease_release(b.store, "fenced", &lease, &err), err);
    struct lease stale = lease;
    stale.expires = mono_add_ms(mono_now(), 60000); /* our clock believes on */
    runner_lease_update(b.runner, "fenced", &stale);
    T_CHECK(bench_judge(&b, "fenced", VERDICT_ADVANCE));
    for (int64_t began = 0; n_lost == 0;)
        T_CHECK(!bench_expired(&began));
    T_CHECK(bench_weights_are(&b, 99, 1));
    /* Owning again, under a new lease, goes on. */
    T_CHECK(bench_own(&b, "fenced", &lease));
    T_CHECK(bench_wait_share(&b, "fenced", 0.25));
    T_EQ_INT(n_lost, 1);
    bench_close(&b);
}

/* HAProxy does not answer the shift, then harm shows. When HAProxy wakes it runs the old shift as
 * well, one command of each connection in turn: the undo must be the last word on the candidate.
 * The weight of the side that has all traffic may be either's. */
static void an_undo_overtakes_a_lost_shift(void)
{
    struct bench b;
    struct lease lease;
    if (!bench_servers(&b, "silent", true))
        return;
    b.observe_ms = 2L * BENCH_WAIT_MS; /* no look that hangs comes before the shift */
    if (!bench_runner(&b, NULL, "node-a.1") || !bench_create(&b, "silent", STEPS, "enforce") ||
        !bench_own(&b, "silent", &lease) || !bench_wait_share(&b, "silent", 0.01))
        return;
    T_CHECK(wait_status(&b, "silent", "\"observed\":0.01"));
    haproxy_fixture_freeze(&b.haproxy, true);
    struct verdict v = {.seq = 100, .word = VERDICT_ROLLBACK, .cause = CAUSE_HARM, .segment = 1};
    T_CHECK(bench_judge(&b, "silent", VERDICT_ADVANCE));
    T_CHECK(wait_status(&b, "silent", "\"waiting\":\"shift: "));
    runner_verdict(b.runner, "silent", &v);
    T_CHECK(wait_status(&b, "silent", "undo to 0 %"));
    haproxy_fixture_freeze(&b.haproxy, false);
    T_CHECK(bench_wait_done(&b, "silent"));
    T_EQ_INT(haproxy_fixture_weight(&b.haproxy, "candidate"), 0);
    T_CHECK(haproxy_fixture_weight(&b.haproxy, "stable") > 0);
    bench_close(&b);
}

/* A shift that HAProxy refuses is given up in a pause that says why; resume tries again. */
static void a_refused_shift_pauses(void)
{
    struct bench b;
    struct lease lease;
    if (!bench_servers(&b, "refused", true))
        return;
    haproxy_fixture_stop(&b.haproxy);
    if (!haproxy_fixture_start(&b.haproxy, "refused-static", 0, "    balance static-rr") ||
        !bench_runner(&b, NULL, "node-a.1") || !bench_create(&b, "refused", STEPS, "enforce") ||
        !bench_own(&b, "refused", &lease) || !bench_wait_paused(&b, "refused"))
        return;
    T_HAS_STR(bench_record(&b, "refused")->paused_why, "failed 3 times");
    T_HAS_STR(bench_record(&b, "refused")->paused_why, "static");
    T_CHECK(bench_order(&b, "refused", ORDER_ABORT, NAN, false));
    T_CHECK(bench_wait_done(&b, "refused"));
    T_EQ_INT(bench_record(&b, "refused")->outcome, OUTCOME_STOPPED);
    bench_close(&b);
}

/* A new owner whose clock is behind opens no segment before the last one was closed. */
static void segments_follow_each_other(void)
{
    struct bench b;
    struct lease lease;
    struct err err = {0};
    bool is_taken = false;
    size_t n;
    if (!bench_open(&b, "follow") || !bench_create(&b, "follow", STEPS, "enforce") ||
        store_lease_take(b.store, "follow", &lease, &is_taken, &err) || !is_taken)
        return;
    const struct segment before = {.id = 1,
                                   .share = 0.01,
                                   .next_share = 0.25,
                                   .opened = wall_now(),
                                   .closed = wall_add_ms(wall_now(), 60000)};
    T_OK(store_segment_put(b.store, "follow", &lease, &before, &err), err);
    T_OK(runner_own(b.runner, "follow", &lease, &err), err);
    if (!bench_wait_share(&b, "follow", 0.01))
        return;
    const struct segment now = bench_last_segment(&b, "follow", &n);
    T_EQ_INT(now.id, 2);
    T_EQ_INT(now.opened.us, before.closed.us);
    bench_close(&b);
}

#define OPEN_MAX 64

/* An endpoint that takes every call and answers none. Counts the calls open at a time; those open
 * at the end stay so, in open[1...n). */
static int most_open_calls(struct pollfd open[OPEN_MAX], nfds_t *end_n, int64_t for_ms)
{
    nfds_t n = 1;
    int most = 0;
    const struct mono end = mono_add_ms(mono_now(), for_ms);
    while (!mono_passed(mono_now(), end)) {
        poll(open, n, 20);
        for (nfds_t i = n - 1; i > 0; i--) { /* who hung up, before who is new */
            if (open[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) {
                close(open[i].fd);
                open[i] = open[--n];
            }
        }
        if (open[0].revents & POLLIN && n < OPEN_MAX)
            open[n++] = (struct pollfd){.fd = accept(open[0].fd, NULL, NULL), .events = POLLRDHUP};
        most = (int)n - 1 > most ? (int)n - 1 : most;
    }
    *end_n = n;
    return most;
}

/* The limit of calls to one endpoint holds for releases that were just taken up, and letting go of
 * one does not wait for its call. */
static void an_endpoint_is_spared_from_the_start(void)
{
    enum { N = 10 };
    struct bench b;
    struct lease lease;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    char strategy[256], id[N][32];
    if (!bench_servers(&b, "spared", true))
        return;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    b.workers = 16;
    b.call_ms = 4000;
    if (bind(listener, (struct sockaddr *)&in, sizeof(in)) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&in, &len) ||
        !bench_runner(&b, NULL, "node-a.1")) {
        t_fail(__FILE__, __LINE__, "no listener or no runner");
        close(listener);
        return;
    }
    snprintf(strategy, sizeof(strategy),
             "%s, platform: {kind: webhook, url: \"http://127.0.0.1:%d/\", secret_ref: hook}",
             STEPS, ntohs(in.sin_port));
    for (int i = 0; i < N; i++) {
        snprintf(id[i], sizeof(id[i]), "spared-%d", i);
        b.service = id[i];
        T_CHECK(bench_create(&b, id[i], strategy, "enforce"));
        T_CHECK(bench_own(&b, id[i], &lease));
    }
    struct pollfd open[OPEN_MAX] = {{.fd = listener, .events = POLLIN}};
    nfds_t n_open;
    T_EQ_INT(most_open_calls(open, &n_open, 1500), RUNNER_ENDPOINT_LIMIT);
    const struct mono began = mono_now();
    int n_busy = 0;
    for (int i = 0; i < N; i++)
        n_busy += !runner_disown(b.runner, id[i]);
    T_CHECK(mono_until_ms(began, mono_now()) < 1000);
    T_CHECK(n_busy > 0);
    for (int i = 0; i < N; i++)
        bench_disown(&b, id[i]);
    bench_close(&b);
    while (n_open > 0)
        close(open[--n_open].fd);
}

static void many_at_a_time(void)
{
    enum { N = 60 };
    struct bench b;
    struct lease lease;
    struct err err = {0};
    if (!bench_open(&b, "many"))
        return;
    for (int i = 0; i < N; i++) { /* one service: one runs, the others queue, one by one */
        char id[32];
        snprintf(id, sizeof(id), "many-%d", i);
        T_CHECK(bench_create(&b, id, STEPS ", platform: {kind: none}", "enforce"));
        T_CHECK(bench_own(&b, id, &lease));
        T_CHECK(bench_order(&b, id, ORDER_ABORT, NAN, false));
    }
    for (int i = 0; i < N; i++) {
        char id[32];
        snprintf(id, sizeof(id), "many-%d", i);
        T_CHECK(bench_wait_done(&b, id));
        T_EQ_INT(bench_record(&b, id)->outcome, OUTCOME_STOPPED);
        bench_disown(&b, id);
    }
    T_EQ_INT(runner_own(b.runner, "many-0", &lease, &err), 0); /* done: nothing is done again */
    for (int64_t began = 0; !runner_is_done(b.runner, "many-0");)
        T_CHECK(!bench_expired(&began));
    bench_close(&b);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a_good_release_is_promoted", a_good_release_is_promoted},
        {"bake_keeps_and_may_go_back", bake_keeps_and_may_go_back},
        {"harm_rolls_back", harm_rolls_back},
        {"a_dead_candidate_is_taken_out", a_dead_candidate_is_taken_out},
        {"a_rollback_waits_for_the_old_version", a_rollback_waits_for_the_old_version},
        {"drift_pauses", drift_pauses},
        {"people_order", people_order},
        {"shadow_touches_nothing", shadow_touches_nothing},
        {"none_follows_reports", none_follows_reports},
        {"one_release_a_service_at_a_time", one_release_a_service_at_a_time},
        {"goes_back_without_redis", goes_back_without_redis},
        {"a_rollback_without_redis_is_remembered", a_rollback_without_redis_is_remembered},
        {"a_full_disk_stops_no_rollback", a_full_disk_stops_no_rollback},
        {"a_name_given_again_has_no_past", a_name_given_again_has_no_past},
        {"a_rollback_without_redis_is_found_behind_a_verdict",
         a_rollback_without_redis_is_found_behind_a_verdict},
        {"an_ended_lease_stops_the_hand", an_ended_lease_stops_the_hand},
        {"a_fenced_owner_stops", a_fenced_owner_stops},
        {"an_undo_overtakes_a_lost_shift", an_undo_overtakes_a_lost_shift},
        {"a_refused_shift_pauses", a_refused_shift_pauses},
        {"segments_follow_each_other", segments_follow_each_other},
        {"an_endpoint_is_spared_from_the_start", an_endpoint_is_spared_from_the_start},
        {"many_at_a_time", many_at_a_time},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
