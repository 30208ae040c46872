/* Alarms that tell their changes: in order, once each, the last ones only. */
#include <semaphore.h>
#include <stdio.h>

#include "tests/lib/store/store_helper.h"

static struct bench w;

static int note(const char *alarm, const char *state, int64_t at, const char *message, bool *is_new,
                struct err *err)
{
    struct alarm_note n = {.at = {at}};
    snprintf(n.state, sizeof(n.state), "%s", state);
    return store_alarm_note(w.store, alarm, &n, message, is_new, err);
}

struct got {
    sem_t done;
    int rc;
    size_t n;
    struct alarm_notes notes[3];
};

static void on_read(void *user, int rc, const struct alarm_notes *notes, const struct err *err)
{
    struct got *g = user;
    g->rc = rc;
    for (size_t i = 0; rc == 0 && i < g->n; i++)
        g->notes[i] = notes[i];
    sem_post(&g->done);
}

static void read_alarms(const char *const *alarms, size_t n, struct got *g)
{
    *g = (struct got){.n = n};
    sem_init(&g->done, 0, 0);
    store_alarms(w.store, alarms, n, on_read, g);
    sem_wait(&g->done);
    sem_destroy(&g->done);
}

/* "OK@5 ALARM@7" */
static const char *words(const struct alarm_notes *notes)
{
    static char text[1024];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < notes->n && len < sizeof(text); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s@%lld", i ? " " : "",
                                notes->notes[i].state, (long long)notes->notes[i].at.us);
    return text;
}

static void changes_stand_in_order(void)
{
    static const char *const alarms[] = {"arn:a:loud {x}", "arn:none", "arn:a:calm"};
    struct got g;
    struct err err;
    bool is_new;
    T_OK(note(alarms[0], "OK", 1795400000250001, "m1", &is_new, &err), err);
    T_CHECK(is_new);
    T_OK(note(alarms[0], "ALARM", 1795400000250003, "m3", &is_new, &err), err);
    T_OK(note(alarms[0], "INSUFFICIENT_DATA", 1795400000250002, "m2", &is_new, &err), err);
    T_CHECK(is_new); /* late, and in its place */
    T_OK(note(alarms[0], "ALARM", 1795400000250003, "m3", &is_new, &err), err);
    T_CHECK(!is_new);
    T_OK(note(alarms[2], "OK", 7, "m1", &is_new, &err), err);
    read_alarms(alarms, 3, &g);
    T_EQ_INT(g.rc, 0);
    T_EQ_STR(words(&g.notes[0]),
             "OK@1795400000250001 INSUFFICIENT_DATA@1795400000250002 ALARM@1795400000250003");
    T_EQ_INT(g.notes[1].n, 0);
    T_EQ_STR(words(&g.notes[2]), "OK@7");
}

static void the_last_ones_are_kept(void)
{
    static const char *const alarm = "arn:flapping";
    struct got g;
    struct err err;
    char id[32];
    bool is_new;
    for (int i = 1; i <= 20; i++) {
        snprintf(id, sizeof(id), "m%d", i);
        T_OK(note(alarm, i % 2 ? "ALARM" : "OK", i, id, &is_new, &err), err);
    }
    T_OK(note(alarm, "ALARM", 1, "m1", &is_new, &err), err); /* forgotten, and told again */
    read_alarms(&alarm, 1, &g);
    T_EQ_INT(g.notes[0].n, STORE_ALARM_CHANGES_KEPT);
    T_EQ_INT(g.notes[0].notes[0].at.us, 5);
    T_EQ_STR(g.notes[0].notes[15].state, "OK");
    T_EQ_INT(g.notes[0].notes[15].at.us, 20);
}

static void what_is_no_word(void)
{
    struct err err;
    bool is_new;
    T_CHECK(note("a", "OK", 1, "two words", &is_new, &err) != 0);
    T_EQ_INT(err.code, ERR_INPUT);
    T_CHECK(note("a", "", 1, "m", &is_new, &err) != 0);
    T_CHECK(note("a", "OK", 1, "", &is_new, &err) != 0);
}

/* What others left under the key is passed over; a key of another type fails the read. */
static void what_cannot_be_read(void)
{
#ifndef STORE_ON_CLUSTER
    static const char *const alarm = "a";
    struct got g;
    struct err err;
    char out[64];
    bool is_new;
    static const char key[] = /* SHA-256 of "a" */
        "judge:alarm:{ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb}";
    char command[200];
    T_OK(note(alarm, "OK", 5, "m", &is_new, &err), err);
    snprintf(command, sizeof(command), "ZADD %s 6 nonsense", key);
    T_CHECK(bench_ask(&w, command, out, sizeof(out)) > 0);
    snprintf(command, sizeof(command), "TTL %s", key);
    T_CHECK(bench_ask(&w, command, out, sizeof(out)) > 0);
    T_HAS_STR(out, "34"); /* 400 days, less what has passed */
    read_alarms(&alarm, 1, &g);
    T_EQ_STR(words(&g.notes[0]), "OK@5");
    snprintf(command, sizeof(command), "SET %s x", key);
    T_CHECK(bench_ask(&w, command, out, sizeof(out)) > 0);
    read_alarms(&alarm, 1, &g);
    T_EQ_INT(g.rc, -1);
    T_CHECK(note(alarm, "OK", 5, "m", &is_new, &err) != 0);
#endif
}

static void so_many_may_tell(void)
{
#ifndef STORE_ON_CLUSTER
    char out[64];
    struct err err;
    bool is_new;
    T_CHECK(bench_ask(&w, "DEL judge:alarms", out, sizeof(out)) > 0);
    T_OK(note("known", "OK", 1795400000000000, "m1", &is_new, &err), err);
    T_CHECK(
        bench_ask(&w,
                  "EVAL \"for i = 1, ARGV[2] do redis.call('ZADD', KEYS[1], ARGV[1], i) end\" 1 "
                  "judge:alarms 1795400000000000 19999",
                  out, sizeof(out)) > 0);
    T_EQ_INT(note("another", "OK", 1795400000000000, "m2", &is_new, &err), -1);
    T_EQ_INT(err.code, ERR_LIMIT);
    T_OK(note("known", "ALARM", 1795400000000001, "m3", &is_new, &err), err);
    T_CHECK(is_new);
    T_CHECK(bench_ask(&w, "ZCARD judge:alarms", out, sizeof(out)) > 0);
    T_HAS_STR(out, ":20000");
    /* 400 days and a second later the others have fallen out */
    T_OK(note("another", "OK", 1829960001000001, "m2", &is_new, &err), err);
    T_CHECK(bench_ask(&w, "ZCARD judge:alarms", out, sizeof(out)) > 0);
    T_HAS_STR(out, ":1");
#endif
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"changes_stand_in_order", changes_stand_in_order},
        {"the_last_ones_are_kept", the_last_ones_are_kept},
        {"what_is_no_word", what_is_no_word},
        {"what_cannot_be_read", what_cannot_be_read},
        {"so_many_may_tell", so_many_may_tell},
    };
    if (!bench_open(&w, "alarms", false))
        return 1;
    int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    bench_close(&w);
    return rc;
}
