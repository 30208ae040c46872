/*
 * Releases, leases, service locks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "tests/lib/store/store_helper.h"

static struct bench w;
static struct arena arena;

static struct release_new a_release(const char *id, int64_t at)
{
    return (struct release_new){.id = id,
                                .spec = "{\"a\":1}",
                                .service = "checkout",
                                .environment = "prod",
                                .revision = "r2",
                                .by = "ann",
                                .phase = PHASE_CHECKING,
                                .now = {at}};
}

static const struct release_change keep = {
    .phase = -1, .outcome = -1, .cause = -1, .is_paused = -1};

static void creates_once(void)
{
    struct err err;
    bool is_replayed = true;
    struct release_new r = a_release("one", 1795400000000001);
    T_OK(store_release_create(w.store, &r, &is_replayed, &err), err);
    T_CHECK(!is_replayed);
    T_EQ_INT(store_release_create(w.store, &r, &is_replayed, &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
    struct release_record got;
    T_OK(store_release_get(w.store, "one", &got, &arena, &err), err);
    T_EQ_STR(got.id, "one");
    T_EQ_STR(got.spec, "{\"a\":1}");
    T_EQ_STR(got.service, "checkout");
    T_EQ_STR(got.environment, "prod");
    T_EQ_STR(got.revision, "r2");
    T_EQ_INT(got.phase, PHASE_CHECKING);
    T_EQ_INT(got.outcome, OUTCOME_NONE);
    T_EQ_INT(got.version, 1);
    T_EQ_INT(got.created.us, 1795400000000001);
    T_EQ_INT(got.ended.us, 0);
    T_EQ_STR(got.owner, "");
    T_EQ_STR(got.runner, "");
    T_CHECK(!got.is_paused);
    T_EQ_INT(store_release_get(w.store, "nobody", &got, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    T_EQ_INT(store_release_get(w.store, "a{b}", &got, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_INPUT);
}

static void idempotency_keys(void)
{
    struct err err;
    bool is_replayed = true;
    struct release_new r = a_release("idem", 1795400000000002);
    r.idempotency_key = "key-1";
    r.digest = "aaaa";
    T_OK(store_release_create(w.store, &r, &is_replayed, &err), err);
    T_CHECK(!is_replayed);
    T_OK(store_release_create(w.store, &r, &is_replayed, &err), err);
    T_CHECK(is_replayed);
    r.digest = "bbbb";
    T_EQ_INT(store_release_create(w.store, &r, &is_replayed, &err), -1);
    T_EQ_INT(err.code, ERR_REUSED_KEY);
    /* A day later the key is forgotten, but another body is still another request. */
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "DEL");
    redis_arg_str(b, "judge:idempotency:key-1");
    T_OK(redis_call(w.redis, REDIS_MAIN, b, 5000, &err), err);
    redis_batch_free(b);
    T_EQ_INT(store_release_create(w.store, &r, &is_replayed, &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
    /* Another key for a name that exists is a conflict, not a replay. */
    r.idempotency_key = "key-2";
    T_EQ_INT(store_release_create(w.store, &r, &is_replayed, &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
}

static void changes_need_lease_and_version(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "change", &lease));
    int64_t version = 0;
    struct release_change c = keep;
    c.phase = PHASE_FINISHING;
    c.runner = "{\"step\":2}";
    c.expect_version = 1;
    T_OK(store_release_change(w.store, "change", &lease, &c, &version, &err), err);
    T_EQ_INT(version, 2);
    T_EQ_INT(store_release_change(w.store, "change", &lease, &c, &version, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    c = keep;
    c.is_paused = 1;
    c.paused_why = "drift";
    T_OK(store_release_change(w.store, "change", &lease, &c, &version, &err), err);
    struct release_record got;
    T_OK(store_release_get(w.store, "change", &got, &arena, &err), err);
    T_EQ_INT(got.phase, PHASE_FINISHING);
    T_EQ_STR(got.runner, "{\"step\":2}");
    T_CHECK(got.is_paused);
    T_EQ_STR(got.paused_why, "drift");
    T_EQ_STR(got.owner, "node-a");
    struct lease stale = lease;
    stale.token--;
    T_EQ_INT(store_release_change(w.store, "change", &stale, &c, &version, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    T_EQ_INT(store_release_change(w.store, "absent", &lease, &c, &version, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
}

static void leases_fence(void)
{
    struct err err;
    struct lease first, second, third;
    bool is_taken;
    T_CHECK(bench_release(w.store, "lease", &first));
    T_EQ_INT(first.token, 1);
    T_CHECK(mono_until_ms(mono_now(), first.expires) > LEASE_MS - 5000);
    struct store *other = bench_store(&w, "node-b", "node-b.1");
    T_CHECK(other);
    T_OK(store_lease_take(other, "lease", &second, &is_taken, &err), err);
    T_CHECK(!is_taken);
    /* The same node after a restart: at once, and what the old process still sends is refused. */
    T_OK(store_lease_take(w.store, "lease", &second, &is_taken, &err), err);
    T_CHECK(is_taken);
    T_EQ_INT(second.token, 2);
    T_EQ_INT(store_lease_renew(w.store, "lease", &first, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    T_OK(store_lease_renew(w.store, "lease", &second, &err), err);
    /* Given back: free for anybody, useless to its old holder. */
    T_OK(store_lease_release(w.store, "lease", &second, &err), err);
    struct release_change c = keep;
    c.is_paused = 1;
    T_EQ_INT(store_release_change(w.store, "lease", &second, &c, NULL, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    T_OK(store_lease_take(other, "lease", &third, &is_taken, &err), err);
    T_CHECK(is_taken);
    T_EQ_INT(third.token, 3);
    T_EQ_STR(third.holder, "node-b");
    /* Run out, but taken by nobody: still the newest token. */
    char out[64];
    T_CHECK(bench_ask(&w, "DEL judge:{lease}:lease", out, sizeof(out)) > 0);
    T_OK(store_lease_renew(other, "lease", &third, &err), err);
    T_EQ_INT(store_lease_take(w.store, "absent", &first, &is_taken, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    store_close(other);
}

static void lists_in_pages(void)
{
    struct err err;
    struct lease lease;
    bool is_replayed;
    enum { MANY = 150 };
    for (int i = 0; i < MANY; i++) {
        char id[32];
        snprintf(id, sizeof(id), "page-%03d", i);
        /* pairs share their time */
        struct release_new r = a_release(id, 1795500000000000 + i / 2);
        r.service = i % 3 == 0 ? "cart" : "pages";
        T_OK(store_release_create(w.store, &r, &is_replayed, &err), err);
    }
    bool is_taken;
    T_OK(store_lease_take(w.store, "page-000", &lease, &is_taken, &err), err);
    struct release_change c = keep;
    c.phase = PHASE_DONE;
    c.outcome = OUTCOME_PROMOTED;
    c.now.us = 1795500000009999;
    T_OK(store_release_change(w.store, "page-000", &lease, &c, NULL, &err), err);
    struct release_filter f = {.service = "cart", .phase = -1};
    const char *cursor = NULL;
    int seen = 0, pages = 0, last = MANY;
    do {
        struct release_record *r;
        size_t n;
        T_OK(store_release_list(w.store, &f, cursor, 7, &r, &n, &cursor, &arena, &err), err);
        T_CHECK(n <= 7 && n > 0);
        for (size_t i = 0; i < n; i++) {
            int number = (int)strtol(r[i].id + 5, NULL, 10);
            T_CHECK(number % 3 == 0 && number < last);
            last = number;
            seen++;
        }
        pages++;
    } while (cursor && pages < 100);
    T_EQ_INT(seen, MANY / 3);
    f.active_only = true;
    struct release_record *r;
    size_t n;
    T_OK(store_release_list(w.store, &f, NULL, 1000, &r, &n, &cursor, &arena, &err), err);
    T_EQ_INT(n, MANY / 3 - 1);
    T_CHECK(!cursor);
    T_EQ_INT(store_release_list(w.store, &f, "nonsense", 5, &r, &n, &cursor, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_INPUT);
    const char **ids;
    size_t n_open; /* done is not closed: the last verdict may not be written */
    T_OK(store_release_active(w.store, &ids, &n_open, &arena, &err), err);
    T_OK(store_release_close(w.store, "page-000", &err), err);
    T_OK(store_release_active(w.store, &ids, &n, &arena, &err), err);
    T_EQ_INT(n, n_open - 1);
    for (size_t i = 0; i < n; i++)
        T_CHECK(strcmp(ids[i], "page-000") != 0);
    T_CHECK(n >= MANY - 1);
}

static void deletes_done_ones(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "gone", &lease));
    T_EQ_INT(store_release_delete(w.store, "gone", &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
    struct segment seg = {.id = 1, .share = 0.01, .next_share = NAN};
    T_OK(store_segment_put(w.store, "gone", &lease, &seg, &err), err);
    struct release_change c = keep;
    c.phase = PHASE_DONE;
    T_OK(store_release_change(w.store, "gone", &lease, &c, NULL, &err), err);
    T_OK(store_lease_release(w.store, "gone", &lease, &err), err);
    T_OK(store_release_delete(w.store, "gone", &err), err);
    T_EQ_INT(store_release_delete(w.store, "gone", &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    char out[4096];
    T_CHECK(bench_ask(&w, "KEYS judge:{gone}*", out, sizeof(out)) > 0);
    T_EQ_STR(out, "*0\r\n");
}

static void services(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "r-1", &lease));
    T_CHECK(bench_release(w.store, "r-2", &lease));
    T_OK(store_service_lock(w.store, "cart", "prod", "r-1", &err), err);
    T_OK(store_service_lock(w.store, "cart", "prod", "r-1", &err), err);
    T_OK(store_service_lock(w.store, "cart", "test", "r-2", &err), err);
    T_EQ_INT(store_service_lock(w.store, "cart", "prod", "r-2", &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
    T_HAS_STR(err.message, "r-1");
    T_OK(store_service_unlock(w.store, "cart", "prod", "r-2", &err), err); /* not its own */
    T_EQ_INT(store_service_lock(w.store, "cart", "prod", "r-2", &err), -1);
    T_OK(store_service_unlock(w.store, "cart", "prod", "r-1", &err), err);
    T_OK(store_service_lock(w.store, "cart", "prod", "r-2", &err), err);
    /* Its record is lost, so it will never free it. */
    char out[256];
    T_CHECK(bench_ask(&w, "DEL judge:{r-2}:release", out, sizeof(out)) > 0);
    T_OK(store_service_lock(w.store, "cart", "prod", "r-1", &err), err);
    T_EQ_INT(store_service_lock(w.store, "cart", "prod", "r-2", &err), -1);
    const char *revision;
    T_OK(store_service_revision(w.store, "cart", "prod", &revision, &arena, &err), err);
    T_EQ_STR(revision, "");
    T_OK(store_service_revision_set(w.store, "cart", "prod", "4f2c", &err), err);
    T_OK(store_service_revision(w.store, "cart", "prod", &revision, &arena, &err), err);
    T_EQ_STR(revision, "4f2c");
    T_OK(store_service_revision_set(w.store, "cart", "prod", NULL, &err), err);
    T_OK(store_service_revision(w.store, "cart", "prod", &revision, &arena, &err), err);
    T_EQ_STR(revision, "");
}

static void records_that_are_not_ours(void)
{
    struct err err;
    struct lease lease;
    struct release_record got;
    char out[64];
    T_CHECK(bench_release(w.store, "spoilt", &lease));
    T_CHECK(bench_ask(&w, "HSET judge:{spoilt}:release phase 99", out, sizeof(out)) > 0);
    T_EQ_INT(store_release_get(w.store, "spoilt", &got, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
    T_CHECK(bench_ask(&w, "HSET judge:{spoilt}:release phase x", out, sizeof(out)) > 0);
    T_EQ_INT(store_release_get(w.store, "spoilt", &got, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
    T_CHECK(bench_ask(&w, "DEL judge:{spoilt}:release", out, sizeof(out)) > 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"creates once", creates_once},
        {"idempotency keys", idempotency_keys},
        {"changes need lease and version", changes_need_lease_and_version},
        {"leases fence", leases_fence},
        {"lists in pages", lists_in_pages},
        {"deletes done ones", deletes_done_ones},
        {"services", services},
        {"records that are not ours", records_that_are_not_ours},
    };
    log_set_level(LOG_LEVEL_ERROR);
    arena_init(&arena);
    if (!bench_open(&w, "release", false))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    bench_close(&w);
    arena_release(&arena);
    return rc;
}
