/* Rows of a file become the blocks that live samples would have become. */
#include "judge/backtest/history.h"

#include <stdlib.h>

#include "collectors/words.h"
#include "judge/backtest/backtest.h"
#include "tests/judge/decide/canary.h"
#include "tests/t.h"

static const struct push_config errors_push = {.metric = "http.errors", .of = "http.requests"};
static const struct push_config ms_push = {.metric = "ms"};

/* A proportion, a quantile and a capped mean. */
static void prepare(struct canary *c)
{
    canary_prepare(c);
    c->metrics[0].source = (struct spec_word){.word = &push_word, .config = &errors_push};
    c->metrics[1] = canary_metric("p95", METRIC_QUANTILE);
    c->metrics[1].source = (struct spec_word){.word = &push_word, .config = &ms_push};
    c->metrics[2] = canary_metric("size", METRIC_MEAN);
    c->metrics[2].source = (struct spec_word){.word = &push_word, .config = &ms_push};
    c->metrics[0].cap = c->metrics[1].cap = NAN;
    c->metrics[2].cap = 100;
    c->spec.n_metrics = 3;
    for (int i = 0; i < 3; i++)
        c->metrics[i].weight = 1.0 / 3;
}

static int read_text(struct history *h, const struct spec *spec, const char *text, struct err *err)
{
    struct history_complaints complaints;
    return history_read(h, spec, text, strlen(text), &complaints, err);
}

#define HEAD "time,cohort,metric,events,exposure,value,count\n"

static const char rows[] = HEAD "100.2,baseline,errors,1,10,,\n"
                                "100.9,baseline,errors,2,20,,\n"
                                "101,candidate,errors,,,0.5,4\r\n"
                                "\n"
                                "100,baseline,p95,,,12,3\n"
                                "100,\"baseline\",size,,,250,2\n"
                                "1970-01-01T00:01:40Z,candidate,size,,,50,\n"
                                "100,baseline,unknown,1,1,,\n";

static void rows_become_blocks(void)
{
    struct canary c;
    struct history h;
    struct err err = {0};
    prepare(&c);
    T_OK(read_text(&h, &c.spec, rows, &err), err);
    T_EQ_INT(h.rows, 7);
    T_EQ_INT(h.unused, 1);
    T_EQ_INT(h.first, 100);
    T_EQ_INT(h.last, 101);
    T_EQ_INT(h.metrics[0].n, 2);
    const struct block *b = h.metrics[0].blocks;
    T_NEAR(b[0].cohort[COHORT_BASELINE].counts.events, 3, 0, 0);
    T_NEAR(b[0].cohort[COHORT_BASELINE].counts.exposure, 30, 0, 0);
    T_NEAR(b[1].cohort[COHORT_CANDIDATE].counts.events, 2, 0, 0);
    T_NEAR(b[1].cohort[COHORT_CANDIDATE].counts.exposure, 4, 0, 0);
    T_EQ_INT(h.metrics[1].blocks[0].cohort[COHORT_BASELINE].hist.n, 3);
    T_EQ_INT(h.metrics[2].blocks[0].cohort[COHORT_BASELINE].moments.n, 2);
    T_NEAR(h.metrics[2].blocks[0].cohort[COHORT_BASELINE].moments.mean, 100, 0, 0); /* the cap */
    T_NEAR(h.metrics[2].blocks[0].cohort[COHORT_CANDIDATE].moments.mean, 50, 0, 0);
    history_release(&h);
    arena_release(&c.arena);
}

static void samples_become_the_same_blocks(void)
{
    static const char lines[] =
        "{\"service\":\"checkout\",\"cohort\":\"baseline\",\"metric\":\"http.errors\",\"value\":3,"
        "\"ts\":100.5}\n"
        "{\"service\":\"checkout\",\"cohort\":\"baseline\",\"metric\":\"http.requests\",\"value\":"
        "30,\"ts\":100}\n"
        "{\"service\":\"other\",\"cohort\":\"baseline\",\"metric\":\"http.errors\",\"value\":9,"
        "\"ts\":100}\n"
        "{\"service\":\"checkout\",\"cohort\":\"candidate\",\"metric\":\"ms\",\"value\":250,"
        "\"count\":2,\"ts\":101}\n";
    struct canary c;
    struct history h;
    struct err err = {0};
    prepare(&c);
    T_OK(read_text(&h, &c.spec, lines, &err), err);
    T_EQ_INT(h.unused, 1);
    T_NEAR(h.metrics[0].blocks[0].cohort[COHORT_BASELINE].counts.events, 3, 0, 0);
    T_NEAR(h.metrics[0].blocks[0].cohort[COHORT_BASELINE].counts.exposure, 30, 0, 0);
    T_EQ_INT(h.metrics[1].blocks[0].cohort[COHORT_CANDIDATE].hist.n, 2);
    T_NEAR(h.metrics[2].blocks[0].cohort[COHORT_CANDIDATE].moments.mean, 100, 0, 0);
    history_release(&h);
    arena_release(&c.arena);
}

static void shares_become_steps(void)
{
    static const char text[] = "time,cohort,metric,events,exposure,share\n"
                               "120,candidate,errors,1,10,50%\n"
                               "100,candidate,errors,1,10,0.05\n"
                               "110,candidate,errors,1,10,5%\n"
                               "130,candidate,errors,1,10,50%\n";
    struct canary c;
    struct history h;
    struct replay r;
    struct err err = {0};
    prepare(&c);
    T_OK(read_text(&h, &c.spec, text, &err), err);
    T_EQ_INT(h.n_shifts, 2);
    replay_init(&r, &c.spec, &h, NAN, 1, &c.arena);
    T_EQ_INT(r.n_segments, 2);
    T_NEAR(r.segments[0].share, 0.05, 1e-15, 0);
    T_NEAR(r.segments[0].next_share, 0.5, 1e-15, 0);
    T_EQ_INT(r.segments[0].opened.us, 100 * US_PER_SECOND);
    T_EQ_INT(r.segments[0].closed.us, 120 * US_PER_SECOND);
    T_NEAR(r.segments[1].next_share, 1, 0, 0);
    T_NEAR(replay_met(&r, h.last), 40, 0, 0);
    history_release(&h);
    arena_release(&c.arena);
}

/* The order of rows says nothing, and neither does how a sum is split over them. */
static void every_method_sees_the_same_in_any_order(void)
{
    struct canary c;
    struct history a, b;
    struct replay ra, rb;
    struct err err = {0};
    struct buf forth, back;
    prepare(&c);
    c.spec.n_metrics = 1;
    buf_init(&forth, 1 << 20);
    buf_init(&back, 1 << 20);
    buf_add_str(&forth, "time,cohort,metric,events,exposure\n");
    buf_add_str(&back, "time,cohort,metric,events,exposure\n");
    for (int i = 0; i < 200; i++) {
        int t = 199 - i;
        buf_addf(&forth, "%d,baseline,errors,%d,1000\n%d,candidate,errors,%d,500\n", i, 8 + i % 5,
                 i, 9 + i % 7);
        buf_addf(&back, "%d,candidate,errors,%d,200\n%d,baseline,errors,%d,1000\n", t, 9 + t % 7, t,
                 8 + t % 5);
        buf_addf(&back, "%d.5,candidate,errors,0,300\n", t);
    }
    T_OK(read_text(&a, &c.spec, forth.data, &err), err);
    T_OK(read_text(&b, &c.spec, back.data, &err), err);
    replay_init(&ra, &c.spec, &a, NAN, 1, &c.arena);
    replay_init(&rb, &c.spec, &b, NAN, 1, &c.arena);
    for (const struct backtest_method *m = backtest_methods; m->name; m++) {
        struct decided da = {.word = VERDICT_CONTINUE}, db = da;
        m->run(&ra, &da);
        m->run(&rb, &db);
        if (da.word != db.word || da.us != db.us || strcmp(da.why, db.why) != 0)
            t_fail(__FILE__, __LINE__, "%s: %s, %s", m->name, da.why, db.why);
        T_CHECK(da.why[0] && da.us > 0 && da.looks > 0);
    }
    history_release(&a);
    history_release(&b);
    buf_release(&forth);
    buf_release(&back);
    arena_release(&c.arena);
}

static void a_byte_order_mark_is_no_name(void)
{
    struct canary c;
    struct history h;
    struct err err = {0};
    prepare(&c);
    T_OK(read_text(&h, &c.spec, "\xef\xbb\xbf" HEAD "100,baseline,errors,1,10,,\n", &err), err);
    T_EQ_INT(h.rows, 1);
    history_release(&h);
    T_OK(read_text(&h, &c.spec,
                   "\xef\xbb\xbf{\"service\":\"checkout\",\"cohort\":\"baseline\",\"metric\":"
                   "\"http.errors\",\"value\":1,\"ts\":100}\n",
                   &err),
         err);
    history_release(&h);
}

/* Each cohort's own share in the column: the two rows of a second contradict each other. */
static void the_share_is_the_candidates_on_every_row(void)
{
    struct canary c;
    struct history h;
    struct err err = {0};
    struct buf text;
    prepare(&c);
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "time,cohort,metric,events,exposure,share\n");
    for (int t = 100; t < 200; t++)
        buf_addf(&text, "%d,baseline,errors,1,75,0.75\n%d,candidate,errors,1,25,0.25\n", t, t);
    T_EQ_INT(read_text(&h, &c.spec, text.data, &err), -1);
    T_HAS_STR(err.message, "share is 0.");
    T_HAS_STR(err.message, "it is the candidate's, on the rows of both cohorts");

    buf_clear(&text); /* a shift within a second is none of that */
    buf_add_str(&text, "time,cohort,metric,events,exposure,share\n"
                       "100,baseline,errors,1,10,5%\n101,baseline,errors,1,10,5%\n"
                       "101,candidate,errors,1,10,25%\n102,baseline,errors,1,10,25%\n");
    T_OK(read_text(&h, &c.spec, text.data, &err), err);
    T_EQ_INT(h.n_shifts, 2);
    history_release(&h);

    buf_clear(&text);
    buf_add_str(&text, "time,cohort,metric,events,exposure,share\n");
    for (int t = 0; t <= HISTORY_SHIFTS_MAX; t++)
        buf_addf(&text, "%d,baseline,errors,1,75,%d%%\n", t, 10 + t % 2);
    T_EQ_INT(read_text(&h, &c.spec, text.data, &err), -1);
    T_HAS_STR(err.message, "share changes more than 1000 times");
    buf_release(&text);
}

/* Kayenta's judge takes values a minute, whatever a block is: years of them are not shown to it. */
static void years_of_long_blocks_are_replayed(void)
{
    struct canary c;
    struct history h;
    struct replay replay;
    struct arena a;
    struct err err = {0};
    prepare(&c);
    c.spec.policy.block_us = 3600 * US_PER_SECOND;
    T_OK(read_text(&h, &c.spec,
                   HEAD "0,baseline,errors,1,100,,\n1795400000,baseline,errors,1,100,,\n"
                        "1795400000,candidate,errors,1,100,,\n",
                   &err),
         err);
    arena_init(&a);
    replay_init(&replay, &c.spec, &h, NAN, 1, &a);
    for (size_t i = 0; backtest_methods[i].name; i++) {
        struct decided decided = {.word = VERDICT_CONTINUE};
        backtest_methods[i].run(&replay, &decided);
        if (strcmp(backtest_methods[i].name, "kayenta") != 0)
            continue;
        T_EQ_INT(decided.word, VERDICT_CONTINUE);
        T_HAS_STR(decided.why, "not run: over 100000 minutes");
    }
    arena_release(&a);
    history_release(&h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"rows_become_blocks", rows_become_blocks},
        {"samples_become_the_same_blocks", samples_become_the_same_blocks},
        {"shares_become_steps", shares_become_steps},
        {"every_method_sees_the_same_in_any_order", every_method_sees_the_same_in_any_order},
        {"a_byte_order_mark_is_no_name", a_byte_order_mark_is_no_name},
        {"the_share_is_the_candidates_on_every_row", the_share_is_the_candidates_on_every_row},
        {"years_of_long_blocks_are_replayed", years_of_long_blocks_are_replayed},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
