/*
 * The board: snapshots that do not change under a reader, order, which verdict wins, and readers
 * and writers at the same time (for tsan).
 */
#include "judge/daemon/board.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "judge/daemon/limits.h"
#include "lib/base/node.h"
#include "tests/t.h"

static int n_published;

static void published(void *user)
{
    n_published++;
}

static struct release_record record(const char *id, int64_t created)
{
    return (struct release_record){.id = id,
                                   .spec = "{\"kind\":\"Release\"}",
                                   .service = "shop",
                                   .environment = "prod",
                                   .revision = "r1",
                                   .phase = PHASE_JUDGING,
                                   .paused_why = "",
                                   .runner = "",
                                   .owner = "node-a",
                                   .version = 3,
                                   .created = {created}};
}

static void put(struct boards *b, const char *id, int64_t created, int64_t seq, const char *verdict)
{
    const struct release_record r = record(id, created);
    boards_put(b, &(struct view_facts){
                      .record = &r, .status = "{\"step\":1}", .seq = seq, .verdict = verdict});
}

static void put_verdict(struct boards *b, const char *id, int64_t seq, const char *verdict)
{
    const struct release_record r = record(id, 1);
    boards_put_verdict(b, &r, seq, verdict);
}

static void newest_stand_first(void)
{
    struct boards *b = boards_new(published, NULL);
    static const char *const want[] = {"d", "b", "c", "a"};
    put(b, "a", 1, 0, NULL);
    put(b, "c", 5, 0, NULL);
    put(b, "d", 9, 0, NULL);
    put(b, "b", 5, 0, NULL);
    put(b, "a", 1, 1, "{}"); /* replaced, not added */
    const struct board *now = boards_read(b);
    T_EQ_INT(now->n, 4);
    for (size_t i = 0; i < now->n; i++)
        T_EQ_STR(now->views[i]->record.id, want[i]);
    T_CHECK(!board_find(now, "e"));
    board_unref(now);
    boards_free(b);
}

static void a_reader_keeps_what_it_read(void)
{
    struct boards *b = boards_new(published, NULL);
    put(b, "a", 1, 1, "{\"seq\":1}");
    const struct board *old = boards_read(b);
    const struct view *seen = board_find(old, "a");
    put(b, "a", 1, 2, "{\"seq\":2}");
    boards_put_status(b, "a", "{\"step\":2}");
    boards_drop(b, "a");
    T_EQ_INT(seen->seq, 1);
    T_EQ_STR(seen->verdict, "{\"seq\":1}");
    T_EQ_INT(seen->verdict_len, strlen("{\"seq\":1}"));
    const struct board *now = boards_read(b);
    T_EQ_INT(now->n, 0);
    T_CHECK(now->generation > old->generation);
    board_unref(now);
    boards_free(b); /* before the reader is done */
    T_EQ_STR(seen->status, "{\"step\":1}");
    board_unref(old);
}

/* A live verdict (of the judge, perhaps not stored) stands until a newer one is stored. */
static void the_newest_verdict_wins(void)
{
    static const struct {
        int line;
        int64_t live, stored, want;
        bool is_live;
    } cases[] = {
        {__LINE__, 0, 1, 1, false},
        {__LINE__, 2, 1, 2, true},
        {__LINE__, 2, 2, 2, true},
        {__LINE__, 2, 3, 3, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct boards *b = boards_new(published, NULL);
        put(b, "a", 1, 0, NULL);
        if (cases[i].live)
            put_verdict(b, "a", cases[i].live, "\"live\"");
        put(b, "a", 1, cases[i].stored, "\"stored\"");
        const struct board *now = boards_read(b);
        const struct view *v = board_find(now, "a");
        if (v->seq != cases[i].want || v->is_live != cases[i].is_live ||
            strcmp(v->verdict, cases[i].is_live ? "\"live\"" : "\"stored\"") != 0)
            t_fail(__FILE__, cases[i].line, "seq %lld %s", (long long)v->seq, v->verdict);
        board_unref(now);
        boards_free(b);
    }
}

/* Who reads "done" in the verdict reads it in the release, too, before the watcher has come round.
 */
static void the_newest_record_is_shown_with_its_verdict(void)
{
    static const struct {
        int line;
        int64_t shown, of_verdict, stored; /* versions */
        int64_t created;                   /* of the stored one; the others have 1 */
        int64_t want[2];                   /* with the verdict, then with the stored one */
    } cases[] = {
        {__LINE__, 3, 3, 3, 1, {3, 3}}, {__LINE__, 3, 4, 4, 1, {4, 4}},
        {__LINE__, 3, 4, 3, 1, {4, 4}}, /* the watcher had read it before */
        {__LINE__, 3, 4, 5, 1, {4, 5}}, {__LINE__, 4, 3, 5, 1, {4, 5}},
        {__LINE__, 3, 4, 1, 2, {4, 1}}, /* another release of that name */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct boards *b = boards_new(published, NULL);
        struct release_record r = record("a", 1);
        int64_t is[2] = {0, 0};
        for (int k = 0; k < 3; k++) {
            const int64_t versions[] = {cases[i].shown, cases[i].of_verdict, cases[i].stored};
            r.version = versions[k];
            r.created.us = k == 2 ? cases[i].created : 1;
            if (k == 1)
                boards_put_verdict(b, &r, 1, "{}");
            else
                boards_put(b, &(struct view_facts){.record = &r});
            const struct board *now = boards_read(b);
            if (k > 0)
                is[k - 1] = board_find(now, "a")->record.version;
            board_unref(now);
        }
        if (is[0] != cases[i].want[0] || is[1] != cases[i].want[1])
            t_fail(__FILE__, cases[i].line, "versions %lld, %lld", (long long)is[0],
                   (long long)is[1]);
        boards_free(b);
    }
    /* a verdict on the one that had the name before does not bring its record back */
    struct boards *b = boards_new(published, NULL);
    put(b, "a", 2, 0, NULL);
    struct release_record old = record("a", 1);
    old.version = 9;
    boards_put_verdict(b, &old, 1, "{}");
    const struct board *now = boards_read(b);
    T_EQ_INT(board_find(now, "a")->record.version, 3);
    board_unref(now);
    boards_free(b);
}

/* A release was forgotten and its name given to another: what was said of the one is not said of
 * the other, however small the other's sequence numbers are. */
static void a_name_given_again_begins_without_a_verdict(void)
{
    struct boards *b = boards_new(published, NULL);
    put(b, "a", 1, 57, "\"promote\"");
    put(b, "a", 2, 0, NULL);
    const struct board *now = boards_read(b);
    T_CHECK(!board_find(now, "a")->verdict);
    T_EQ_INT(board_find(now, "a")->seq, 0);
    board_unref(now);
    put_verdict(b, "a", 58, "\"promote\""); /* the judge's last word on the one before */
    now = boards_read(b);
    T_CHECK(!board_find(now, "a")->verdict);
    board_unref(now);
    boards_free(b);
}

/* Releases come for years: the oldest that are done go, those that run stay. */
static void the_board_is_bounded(void)
{
    enum { RUNNING = 3, MORE = 20 };
    struct boards *b = boards_new(published, NULL);
    char id[32];
    for (int i = 0; i < BOARD_RELEASES_MAX + MORE; i++) {
        snprintf(id, sizeof(id), "r-%d", i);
        struct release_record r = record(id, i);
        r.phase = i < RUNNING ? PHASE_JUDGING : PHASE_DONE;
        boards_put(b, &(struct view_facts){.record = &r, .status = "{}"});
    }
    const struct board *now = boards_read(b);
    T_EQ_INT(now->n, BOARD_RELEASES_MAX);
    for (int i = 0; i < RUNNING + MORE + 1; i++) {
        snprintf(id, sizeof(id), "r-%d", i);
        if (!board_find(now, id) != (i >= RUNNING && i < RUNNING + MORE))
            t_fail(__FILE__, __LINE__, "%s", id);
    }
    T_EQ_STR(now->views[0]->record.id, "r-2019");
    board_unref(now);
    boards_free(b);
}

static void what_changes_nothing_is_not_published(void)
{
    struct boards *b = boards_new(published, NULL);
    n_published = 0;
    put_verdict(b, "nobody", 1, "{}");
    boards_put_status(b, "nobody", "{}");
    boards_drop(b, "nobody");
    T_EQ_INT(n_published, 0);
    put(b, "a", 1, 0, NULL);
    boards_put_status(b, "a", "{\"step\":1}");
    T_EQ_INT(n_published, 1);
    boards_put_status(b, "a", "");
    put_verdict(b, "a", 1, "{}");
    T_EQ_INT(n_published, 3);
    const struct board *now = boards_read(b);
    const struct view *v = board_find(now, "a");
    T_EQ_STR(v->status, "{}");
    T_EQ_INT(v->generation, now->generation);
    board_unref(now);
    boards_free(b);
}

static void the_json_holds_it_all(void)
{
    struct boards *b = boards_new(published, NULL);
    struct arena a;
    struct buf out;
    struct err err = {0};
    arena_init(&a);
    buf_init(&out, 4096);
    struct release_record r = record("a", 1795400000000000);
    r.is_paused = true;
    r.paused_why = "say \"why\"";
    boards_put(b,
               &(struct view_facts){
                   .record = &r, .status = "{\"share\":0.05}", .seq = 7, .verdict = "{\"seq\":7}"});
    const struct board *now = boards_read(b);
    view_to_json(board_find(now, "a"), &out);
    const struct node *n = node_read_json(&a, out.data, out.len, &err);
    T_CHECK(n);
    T_EQ_STR(node_get_string(n, "release"), "a");
    T_EQ_STR(node_get_string(n, "paused_why"), "say \"why\"");
    T_EQ_INT(node_get(n, "outcome")->type, NODE_NULL);
    T_EQ_INT(node_get(n, "ended")->type, NODE_NULL);
    T_NEAR(node_get_number(node_get(n, "progress"), "share", 0), 0.05, 0, 0);
    T_NEAR(node_get_number(node_get(n, "verdict"), "seq", 0), 7, 0, 0);
    T_EQ_STR(node_get_string(node_get(n, "spec"), "kind"), "Release");
    board_unref(now);
    boards_free(b);
    buf_release(&out);
    arena_release(&a);
}

#define ROUNDS 2000

static void quiet(void *user)
{
}

static void *write_much(void *arg)
{
    struct boards *b = arg;
    char text[32];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof(text), "{\"n\":%d}", i);
        put_verdict(b, i % 2 ? "a" : "b", i, text);
        boards_put_status(b, "a", text);
    }
    return NULL;
}

static void readers_and_writers_meet(void)
{
    struct boards *b = boards_new(quiet, NULL);
    pthread_t writers[2];
    uint64_t last = 0;
    bool is_well = true;
    put(b, "a", 1, 0, NULL);
    put(b, "b", 1, 0, NULL);
    for (int i = 0; i < 2; i++)
        T_EQ_INT(pthread_create(&writers[i], NULL, write_much, b), 0);
    for (int i = 0; i < ROUNDS; i++) {
        const struct board *now = boards_read(b);
        const struct view *v = board_find(now, "a");
        is_well = is_well && now->n == 2 && now->generation >= last && v &&
                  (!v->verdict || v->verdict_len == strlen(v->verdict));
        last = now->generation;
        board_unref(now);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i], NULL);
    boards_free(b);
    T_CHECK(is_well);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"newest_stand_first", newest_stand_first},
        {"a_reader_keeps_what_it_read", a_reader_keeps_what_it_read},
        {"the_newest_verdict_wins", the_newest_verdict_wins},
        {"the_newest_record_is_shown_with_its_verdict",
         the_newest_record_is_shown_with_its_verdict},
        {"a_name_given_again_begins_without_a_verdict",
         a_name_given_again_begins_without_a_verdict},
        {"the_board_is_bounded", the_board_is_bounded},
        {"what_changes_nothing_is_not_published", what_changes_nothing_is_not_published},
        {"the_json_holds_it_all", the_json_holds_it_all},
        {"readers_and_writers_meet", readers_and_writers_meet},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
