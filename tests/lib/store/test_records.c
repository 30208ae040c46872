/*
 * Segments, verdicts, orders, the audit trail, documents, tokens, changes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/store/keys.h"
#include "tests/lib/store/store_helper.h"

static struct bench w;
static struct arena arena;

static void segments(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "seg", &lease));
    for (int i = 1; i <= 12; i++) {
        struct segment seg = {.id = i,
                              .opened = {1000 + i},
                              .share = 0.05 * i,
                              .next_share = i == 12 ? NAN : 0.5,
                              .settle_us = 30000000,
                              .min_samples = (uint64_t)i * 100,
                              .is_bake = i == 12};
        T_OK(store_segment_put(w.store, "seg", &lease, &seg, &err), err);
    }
    struct segment first = {
        .id = 1, .opened = {1001}, .closed = {2000}, .share = 0.05, .next_share = 1};
    T_OK(store_segment_put(w.store, "seg", &lease, &first, &err), err);
    struct segment *got;
    size_t n;
    T_OK(store_segments(w.store, "seg", &got, &n, &arena, &err), err);
    T_EQ_INT(n, 12);
    T_EQ_INT(got[0].id, 1);
    T_EQ_INT(got[0].closed.us, 2000);
    T_NEAR(got[0].next_share, 1, 0, 0);
    T_EQ_INT(got[11].id, 12);
    T_CHECK(isnan(got[11].next_share) && got[11].is_bake && !got[10].is_bake);
    T_NEAR(got[1].share, 0.1, 0, 0);
    T_EQ_INT(got[1].settle_us, 30000000);
    T_EQ_INT(got[1].min_samples, 200);
    struct segment gap = {.id = 14};
    T_EQ_INT(store_segment_put(w.store, "seg", &lease, &gap, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    struct lease stale = {.token = 0, .holder = "node-a"};
    T_EQ_INT(store_segment_put(w.store, "seg", &stale, &first, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    char out[64];
    T_CHECK(bench_ask(&w, "HSET judge:{seg}:segments 1 spoilt", out, sizeof(out)) > 0);
    T_EQ_INT(store_segments(w.store, "seg", &got, &n, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
}

static struct verdict_put put_of(int64_t seq, const char *json, const char *checkpoint)
{
    return (struct verdict_put){.seq = seq,
                                .json = json,
                                .json_len = json ? strlen(json) : 0,
                                .checkpoint = checkpoint,
                                .checkpoint_len = checkpoint ? strlen(checkpoint) : 0};
}

static void verdicts(void)
{
    struct err err;
    struct lease lease;
    const char *json;
    const void *bytes;
    int64_t seq;
    size_t len;
    T_CHECK(bench_release(w.store, "verdict", &lease));
    T_OK(store_verdict_latest(w.store, "verdict", &seq, &json, &arena, &err), err);
    T_EQ_INT(seq, 0);
    T_CHECK(!json);
    T_OK(store_checkpoint(w.store, "verdict", &bytes, &len, &arena, &err), err);
    T_CHECK(!bytes && len == 0);
    struct verdict_put v = put_of(1, "{\"n\":1}", "one");
    T_OK(store_verdict_put(w.store, "verdict", &lease, &v, &err), err);
    T_OK(store_verdict_put(w.store, "verdict", &lease, &v, &err), err); /* repeated: in place */
    v = put_of(1, "{\"n\":other}", "bad");
    T_EQ_INT(store_verdict_put(w.store, "verdict", &lease, &v, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    v = put_of(3, "{\"n\":3}", "bad");
    T_EQ_INT(store_verdict_put(w.store, "verdict", &lease, &v, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    T_OK(store_checkpoint(w.store, "verdict", &bytes, &len, &arena, &err), err);
    T_CHECK(len == 3 && memcmp(bytes, "one", 3) == 0); /* a refused verdict moves nothing */
    v = put_of(2, "{\"n\":2}", NULL);
    T_OK(store_verdict_put(w.store, "verdict", &lease, &v, &err), err);
    v = put_of(0, NULL, "two");
    T_OK(store_verdict_put(w.store, "verdict", &lease, &v, &err), err);
    T_OK(store_checkpoint(w.store, "verdict", &bytes, &len, &arena, &err), err);
    T_CHECK(len == 3 && memcmp(bytes, "two", 3) == 0);
    T_OK(store_verdict_latest(w.store, "verdict", &seq, &json, &arena, &err), err);
    T_EQ_INT(seq, 2);
    T_EQ_STR(json, "{\"n\":2}");
    struct stored_verdict *all;
    size_t n;
    T_OK(store_verdicts(w.store, "verdict", 0, 10, &all, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_INT(all[0].seq, 1);
    T_OK(store_verdicts(w.store, "verdict", 1, 10, &all, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_EQ_STR(all[0].json, "{\"n\":2}");
    struct lease stale = lease;
    stale.token++;
    v = put_of(3, "{}", NULL);
    T_EQ_INT(store_verdict_put(w.store, "verdict", &stale, &v, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    /* A latched one is durable when it returns, also on our own disk. */
    v.is_latched = true;
    T_OK(store_verdict_put(w.store, "verdict", &lease, &v, &err), err);
    const char **records;
    T_OK(store_intents_local(w.store, "verdict", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_EQ_STR(records[0], "{}");
    /* One of many metrics is longer than a line there may be: its digest stands for it. */
    enum { LONG = 200000 };
    char *text = malloc(LONG);
    memset(text, ' ', LONG);
    memcpy(text, "{}", 2);
    text[LONG - 1] = '\0';
    v = put_of(4, text, NULL);
    v.is_latched = true;
    T_OK(store_verdict_put(w.store, "verdict", &lease, &v, &err), err);
    free(text);
    T_OK(store_intents_local(w.store, "verdict", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_HAS_STR(records[1], "{\"seq\":4,\"sha256\":\"");
}

static void orders(void)
{
    struct err err;
    struct lease lease;
    int64_t seq;
    T_CHECK(bench_release(w.store, "order", &lease));
    struct order o = {.verb = ORDER_PROMOTE,
                      .who = "ann",
                      .why = "seen enough",
                      .share = NAN,
                      .is_override = true,
                      .at = {42}};
    T_OK(store_order_add(w.store, "order", &o, &seq, &err), err);
    T_EQ_INT(seq, 1);
    o.verb = ORDER_TRAFFIC;
    o.share = 0.25;
    T_OK(store_order_add(w.store, "order", &o, &seq, &err), err);
    T_EQ_INT(seq, 2);
    struct order *got;
    size_t n;
    T_OK(store_orders(w.store, "order", 0, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_INT(got[0].seq, 1);
    T_EQ_INT(got[0].verb, ORDER_PROMOTE);
    T_EQ_STR(got[0].who, "ann");
    T_EQ_STR(got[0].why, "seen enough");
    T_CHECK(isnan(got[0].share) && got[0].is_override);
    T_EQ_INT(got[0].at.us, 42);
    T_OK(store_orders(w.store, "order", 1, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_NEAR(got[0].share, 0.25, 0, 0);
    T_EQ_INT(store_order_add(w.store, "absent", &o, &seq, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    for (int i = 2; i < STORE_ORDERS_MAX; i++)
        T_OK(store_order_add(w.store, "order", &o, &seq, &err), err);
    T_EQ_INT(store_order_add(w.store, "order", &o, &seq, &err), -1);
    T_EQ_INT(err.code, ERR_LIMIT);
    /* What the runner has taken makes room, one for one. */
    struct release_change c = {
        .phase = -1, .outcome = -1, .cause = -1, .is_paused = -1, .orders_taken = 1};
    T_OK(store_release_change(w.store, "order", &lease, &c, NULL, &err), err);
    T_OK(store_order_add(w.store, "order", &o, &seq, &err), err);
    T_EQ_INT(seq, STORE_ORDERS_MAX + 1);
    T_EQ_INT(store_order_add(w.store, "order", &o, &seq, &err), -1);
    T_EQ_INT(err.code, ERR_LIMIT);
    T_OK(store_orders(w.store, "order", 0, &got, &n, &arena, &err), err);
    T_EQ_INT(n, STORE_ORDERS_MAX);
    T_EQ_INT(got[0].seq, 2);
    c.phase = PHASE_DONE;
    T_OK(store_release_change(w.store, "order", &lease, &c, NULL, &err), err);
    T_EQ_INT(store_order_add(w.store, "order", &o, &seq, &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
}

/* ---- audit ---- */

#define AUDITORS 4
#define ENTRIES  150
static _Atomic int audit_failures;

static void *add_entries(void *user)
{
    (void)user;
    for (int i = 0; i < ENTRIES; i++) {
        struct err err;
        struct audit_entry e = {.release = "trail",
                                .what = "weight",
                                .who = "runner",
                                .why = "step",
                                .detail = "{\"share\":0.05}",
                                .at = {1795400000000000 + i}};
        if (store_audit_add(w.store, &e, &err) != 0)
            atomic_fetch_add(&audit_failures, 1);
    }
    return NULL;
}

static void the_trail_is_a_chain(void)
{
    struct err err;
    pthread_t t[AUDITORS];
    size_t checked;
    T_OK(store_audit_verify(w.store, "trail", &checked, &err), err);
    T_EQ_INT(checked, 0);
    for (int i = 0; i < AUDITORS; i++)
        T_EQ_INT(pthread_create(&t[i], NULL, add_entries, NULL), 0);
    for (int i = 0; i < AUDITORS; i++)
        pthread_join(t[i], NULL);
    T_EQ_INT(atomic_load(&audit_failures), 0);
    T_OK(store_audit_verify(w.store, "trail", &checked, &err), err);
    T_EQ_INT(checked, AUDITORS * ENTRIES);
    struct audit_entry *e;
    size_t n, seen = 0;
    const char *cursor = NULL;
    do {
        T_OK(store_audit(w.store, "trail", cursor, 250, &e, &n, &cursor, &arena, &err), err);
        T_EQ_STR(e[0].what, "weight");
        T_EQ_STR(e[0].detail, "{\"share\":0.05}");
        T_EQ_INT(strlen(e[0].hash), 64);
        seen += n;
    } while (cursor);
    T_EQ_INT(seen, AUDITORS * ENTRIES);
    struct audit_entry global = {
        .release = "", .what = "token", .who = "ann", .why = "", .detail = ""};
    T_OK(store_audit_add(w.store, &global, &err), err);
    T_OK(store_audit(w.store, "", NULL, 10, &e, &n, &cursor, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_CHECK(!cursor);
}

static void tampering_is_found(void)
{
    static const struct {
        int line;
        const char *command, *says;
    } cases[] = {
        /* the middle, the last one, the first one taken out; the head rewritten; one put in */
        {__LINE__, "XDEL judge:{NAME}:audit 3-0", "entry 4-0"},
        {__LINE__, "XDEL judge:{NAME}:audit 5-0", "after entry 4"},
        {__LINE__, "XDEL judge:{NAME}:audit 1-0", "entry 2-0"},
        {__LINE__, "HSET judge:{NAME}:audit-head n 4", "says 4 entries"},
        {__LINE__, "HSET judge:{NAME}:audit-head hash 00", "head"},
        {__LINE__, "XADD judge:{NAME}:audit 6-0 e x h y", "entry 6-0"},
        {__LINE__, "DEL judge:{NAME}:audit", "after entry 0"},
        {__LINE__, "DEL judge:{NAME}:audit-head", "after entry 5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err;
        size_t checked;
        char name[32], command[160], out[256];
        snprintf(name, sizeof(name), "tampered-%zu", i);
        for (int k = 0; k < 5; k++) {
            struct audit_entry e = {
                .release = name, .what = "a", .who = "b", .why = "c", .detail = ""};
            T_OK(store_audit_add(w.store, &e, &err), err);
        }
        T_OK(store_audit_verify(w.store, name, &checked, &err), err);
        const char *at = strstr(cases[i].command, "NAME");
        snprintf(command, sizeof(command), "%.*s%s%s", (int)(at - cases[i].command),
                 cases[i].command, name, at + 4);
        T_CHECK(bench_ask(&w, command, out, sizeof(out)) > 0 && out[0] != '-');
        if (store_audit_verify(w.store, name, &checked, &err) == 0)
            t_fail(__FILE__, cases[i].line, "%s was not found", command);
        else if (err.code != ERR_CORRUPT || !strstr(err.message, cases[i].says))
            t_fail(__FILE__, cases[i].line, "%s", err.message);
    }
}

/* ---- changes ---- */

static void changes(void)
{
    struct err err;
    struct lease lease;
    char cursor[64] = "";
    struct change *got;
    size_t n;
    T_OK(store_changes(w.store, cursor, 0, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 0); /* from now on */
    T_CHECK(cursor[0]);
    T_OK(store_changes(w.store, cursor, 30, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 0);
    T_CHECK(bench_release(w.store, "watched", &lease));
    struct segment seg = {.id = 1, .share = 0.01, .next_share = NAN};
    T_OK(store_segment_put(w.store, "watched", &lease, &seg, &err), err);
    struct verdict_put v = put_of(1, "{}", NULL);
    T_OK(store_verdict_put(w.store, "watched", &lease, &v, &err), err);
    T_OK(store_changes(w.store, cursor, 5000, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 3);
    T_EQ_STR(got[0].what, "release");
    T_EQ_STR(got[1].what, "segment");
    T_EQ_STR(got[2].what, "verdict");
    T_EQ_STR(got[2].release, "watched");
    T_OK(store_changes(w.store, cursor, 30, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 0);
}

/* ---- tokens and documents ---- */

static void tokens(void)
{
    struct err err;
    struct token_record t = {.id = "t2",
                             .hash = "ab",
                             .name = "ci",
                             .scopes = 5,
                             .services = "cart,checkout",
                             .created = {7},
                             .expires = {9}};
    T_OK(store_token_add(w.store, &t, &err), err);
    T_EQ_INT(store_token_add(w.store, &t, &err), -1);
    T_EQ_INT(err.code, ERR_CONFLICT);
    t.id = "t1";
    T_OK(store_token_add(w.store, &t, &err), err);
    struct token_record *got;
    size_t n;
    T_OK(store_tokens(w.store, &got, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_STR(got[0].id, "t1");
    T_EQ_STR(got[1].services, "cart,checkout");
    T_EQ_INT(got[1].scopes, 5);
    T_EQ_INT(got[1].expires.us, 9);
    T_OK(store_token_revoke(w.store, "t1", &err), err);
    T_EQ_INT(store_token_revoke(w.store, "t1", &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
}

static void documents(void)
{
    struct err err;
    int64_t version;
    const char *json, **names;
    size_t n;
    T_OK(store_document_put(w.store, "service", "cart", "{\"a\":1}", 0, &version, &err), err);
    T_EQ_INT(version, 1);
    T_EQ_INT(store_document_put(w.store, "service", "cart", "{}", 0, &version, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    T_OK(store_document_put(w.store, "service", "cart", "{\"a\":2}", 1, &version, &err), err);
    T_OK(store_document_put(w.store, "service", "cart", "{\"a\":3}", -1, &version, &err), err);
    T_EQ_INT(version, 3);
    T_OK(store_document_get(w.store, "service", "cart", &json, &version, &arena, &err), err);
    T_EQ_STR(json, "{\"a\":3}");
    T_EQ_INT(version, 3);
    T_EQ_INT(store_document_get(w.store, "template", "cart", &json, &version, &arena, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    T_OK(store_document_put(w.store, "service", "basket", "{}", -1, NULL, &err), err);
    T_OK(store_document_list(w.store, "service", &names, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_STR(names[0], "basket");
    T_EQ_INT(store_document_delete(w.store, "service", "cart", 2, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    T_OK(store_document_delete(w.store, "service", "cart", 3, &err), err);
    T_EQ_INT(store_document_delete(w.store, "service", "cart", -1, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    /* Made again, it does not take up an old version. */
    T_OK(store_document_put(w.store, "service", "cart", "{}", 0, &version, &err), err);
    T_EQ_INT(version, 4);
}

/* Names come from URLs: whatever they are, they are refused and never become a key. */
static void names_that_are_none(void)
{
    static char huge[5000];
    memset(huge, 'a', sizeof(huge) - 1);
    const char *const names[] = {"", "a b", "a}{b", "*", "a\nb", huge};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err err;
        struct segment *seg;
        struct stored_verdict *v;
        struct order *o;
        struct audit_entry *e;
        const char *json, *next;
        int64_t seq;
        size_t n;
        T_EQ_INT(store_segments(w.store, names[i], &seg, &n, &arena, &err), -1);
        T_EQ_INT(err.code, ERR_INPUT);
        T_EQ_INT(store_verdict_latest(w.store, names[i], &seq, &json, &arena, &err), -1);
        T_EQ_INT(err.code, ERR_INPUT);
        T_EQ_INT(store_verdicts(w.store, names[i], 0, 1, &v, &n, &arena, &err), -1);
        T_EQ_INT(store_orders(w.store, names[i], 0, &o, &n, &arena, &err), -1);
        T_EQ_INT(store_document_get(w.store, "service", names[i], &json, &seq, &arena, &err), -1);
        T_EQ_INT(err.code, ERR_INPUT);
        if (names[i][0]) { /* "" is the global trail */
            T_EQ_INT(store_audit(w.store, names[i], NULL, 1, &e, &n, &next, &arena, &err), -1);
            T_EQ_INT(err.code, ERR_INPUT);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"segments", segments},
        {"verdicts", verdicts},
        {"orders", orders},
        {"the trail is a chain", the_trail_is_a_chain},
        {"tampering is found", tampering_is_found},
        {"changes", changes},
        {"tokens", tokens},
        {"documents", documents},
        {"names that are none", names_that_are_none},
    };
    log_set_level(LOG_LEVEL_ERROR);
    arena_init(&arena);
    if (!bench_open(&w, "records", false))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    bench_close(&w);
    arena_release(&arena);
    return rc;
}
