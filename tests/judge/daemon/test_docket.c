/*
 * The docket: who is on it, whose turn it is, that nothing is freed while somebody works on it, and
 * cases made from what the store holds.
 */
#include "judge/daemon/docket.h"

#include <pthread.h>
#include <sched.h>

#include "judge/vocabulary/vocabulary.h"
#include "tests/t.h"

#define SPEC(platform)                                                                             \
    "{\"apiVersion\":\"judge/v1\",\"kind\":\"Release\","                                           \
    "\"metadata\":{\"name\":\"a\",\"service\":\"shop\"},"                                          \
    "\"strategy\":{\"type\":\"canary\",\"steps\":[\"5%\",\"100%\"],\"platform\":" platform "},"    \
    "\"metrics\":[{\"name\":\"errors\",\"kind\":\"proportion\",\"margin\":\"50%\","                \
    "\"source\":{\"push\":{\"metric\":\"e\",\"of\":\"r\"}}}]}"

static struct case_file *make(const char *id, struct err *err)
{
    const struct release_record r = {.id = id, .spec = SPEC("{\"kind\":\"none\"}")};
    const struct lease lease = {.token = 4, .holder = "node-a"};
    return case_new(&r, &lease, vocabulary_all(), NULL, err);
}

static struct docket *docket_of(const char *const *ids, size_t n)
{
    struct docket *d = docket_new();
    struct err err = {0};
    for (size_t i = 0; i < n; i++) {
        struct case_file *c = make(ids[i], &err);
        if (!c || !docket_add(d, c))
            t_fail(__FILE__, __LINE__, "%s: %s", ids[i], err.message);
    }
    return d;
}

static void adds_finds_and_removes(void)
{
    struct docket *d = docket_of((const char *[]){"a", "b", "c"}, 3);
    struct err err = {0};
    struct arena a;
    struct lease lease;
    const char **ids;
    arena_init(&a);
    T_CHECK(!docket_add(d, make("b", &err)));
    T_EQ_INT(docket_len(d), 3);
    T_EQ_INT(docket_ids(d, &ids, &a), 3);
    T_CHECK(docket_lease(d, "b", &lease));
    T_EQ_INT(lease.token, 4);
    lease.token = 5;
    docket_set_lease(d, "b", &lease);
    T_CHECK(docket_lease(d, "b", &lease) && lease.token == 5);
    docket_remove(d, "b");
    docket_remove(d, "b");
    T_CHECK(!docket_has(d, "b") && docket_has(d, "a") && docket_has(d, "c"));
    T_CHECK(!docket_lease(d, "b", &lease) && !docket_is_closed(d, "b"));
    docket_mark_changed(d, "b");
    docket_set_lease(d, "b", &lease);
    docket_free(d);
    arena_release(&a);
}

/* Every case that is due gets its turn, also when the first is always due again. */
static void everybody_gets_a_turn(void)
{
    struct docket *d = docket_of((const char *[]){"a", "b", "c"}, 3);
    int turns[3] = {0};
    for (int i = 0; i < 9; i++) {
        struct case_file *c = docket_next(d, mono_now(), (struct wall){0});
        T_CHECK(c);
        turns[c->id[0] - 'a']++;
        docket_done(d, c);
    }
    for (int i = 0; i < 3; i++)
        T_EQ_INT(turns[i], 3);
    docket_free(d);
}

static void only_what_is_due_or_changed(void)
{
    struct docket *d = docket_of((const char *[]){"a"}, 1);
    const struct mono now = mono_now();
    const struct wall early = {99}, late = {100};
    struct case_file *c = docket_next(d, now, early);
    T_CHECK(c);
    T_CHECK(!docket_next(d, now, early)); /* busy */
    T_CHECK(!docket_borrow(d, "a"));
    c->due = mono_add_ms(now, 1000);
    c->due_through = late;
    docket_done(d, c);
    T_CHECK(!docket_next(d, now, early));
    T_CHECK(docket_borrow(d, "a") == c);
    docket_done(d, c);
    docket_mark_changed(d, "a");
    T_CHECK(docket_next(d, now, early) == c);
    atomic_store(&c->is_changed, false);
    docket_done(d, c);
    T_CHECK(!docket_next(d, now, early));
    T_CHECK(docket_next(d, mono_add_ms(now, 1001), early) == c);
    docket_done(d, c);
    T_CHECK(docket_next(d, now, late) == c); /* its next block is final */
    docket_done(d, c);
    docket_free(d);
}

static void *remove_a(void *docket)
{
    docket_remove(docket, "a");
    return NULL;
}

static void removing_waits_for_the_judge(void)
{
    struct docket *d = docket_of((const char *[]){"a", "b"}, 2);
    pthread_t remover;
    struct lease lease;
    struct case_file *c = docket_next(d, mono_now(), (struct wall){0});
    T_CHECK(c && strcmp(c->id, "a") == 0);
    T_EQ_INT(pthread_create(&remover, NULL, remove_a, d), 0);
    while (docket_lease(d, "a", &lease)) /* until it is leaving */
        sched_yield();
    T_CHECK(docket_has(d, "a"));
    T_EQ_STR(c->id, "a"); /* still ours */
    docket_done(d, c);
    pthread_join(remover, NULL);
    T_CHECK(!docket_has(d, "a") && docket_has(d, "b"));
    docket_free(d);
}

static void a_stored_spec_that_cannot_be_read_is_corrupt(void)
{
    static const struct {
        int line;
        const char *spec, *word;
    } cases[] = {
        {__LINE__, "{", "stored spec of a"},
        {__LINE__, "{\"kind\":\"Release\"}", "stored spec of a"},
        {__LINE__,
         SPEC("{\"kind\":\"haproxy\",\"connection\":\"gone\",\"backend\":\"b\",\"stable\":\"s\","
              "\"candidate\":\"c\"}"),
         "gone"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct release_record r = {.id = "a", .spec = cases[i].spec};
        const struct lease lease = {.token = 1};
        struct err err = {0};
        if (case_new(&r, &lease, vocabulary_all(), NULL, &err) || err.code != ERR_CORRUPT ||
            !strstr(err.message, cases[i].word))
            t_fail(__FILE__, cases[i].line, "%s", err.message);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"adds_finds_and_removes", adds_finds_and_removes},
        {"everybody_gets_a_turn", everybody_gets_a_turn},
        {"only_what_is_due_or_changed", only_what_is_due_or_changed},
        {"removing_waits_for_the_judge", removing_waits_for_the_judge},
        {"a_stored_spec_that_cannot_be_read_is_corrupt",
         a_stored_spec_that_cannot_be_read_is_corrupt},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
