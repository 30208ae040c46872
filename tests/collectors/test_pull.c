/*
 * Finished points: set once whoever reads them, sealed when they are final, given up when their
 * source stays down. The source is a table of known points that first tells half of each.
 */
#include <unistd.h>

#include "collectors/pull.h"
#include "collectors/puller.h"
#include "collectors/aggregator/shard.h"
#include "collectors/source.h"
#include "tests/collectors/rig.h"

#define BLOCK_US (200 * US_PER_MS)
#define DELAY_US (300 * US_PER_MS)

struct table_config {
    const char *name;
};

static _Atomic bool is_down;
static _Atomic int asked, biggest_ask;

static double events_of(int64_t block, int cohort)
{
    return (double)(10 + block % 7 + cohort);
}

/* Half of it until a block is final; nobody may judge that. */
static void table_ask(void *state, struct pull_ask *const *asks, size_t n)
{
    const struct wall now = wall_now();
    biggest_ask = (int)n > biggest_ask ? (int)n : biggest_ask;
    for (size_t i = 0; i < n; i++) {
        struct pull_ask *ask = asks[i];
        struct err err = {0};
        asked++;
        if (is_down) {
            err_set(&err, ERR_NETWORK, "the table is down");
            pull_done(ask, ask->from - 1, &err);
            continue;
        }
        for (int64_t b = ask->from; b <= ask->to; b++) {
            bool is_final = (b + 1) * BLOCK_US + DELAY_US <= now.us;
            for (uint8_t c = 0; c < 2; c++) {
                struct summary s;
                summary_init(&s, SUMMARY_COUNTS);
                s.counts = (struct counts){events_of(b, c) / (is_final ? 1 : 2), 100};
                s.samples = 100;
                pull_point(ask, c, b, &s);
                summary_release(&s);
            }
        }
        pull_done(ask, ask->to, NULL);
    }
}

static struct source_timing table_timing(const void *config)
{
    return (struct source_timing){.period_us = BLOCK_US, .delay_us = DELAY_US, .tail = 3};
}

static const struct pull_source table_pull = {.ask = table_ask};
static const struct source table_source = {.pull = &table_pull};
static const struct field table_fields[] = {
    {.name = "name", .type = FIELD_STRING, .offset = offsetof(struct table_config, name)},
};
static const struct word table_word = {
    .name = "table",
    .fields = table_fields,
    .n_fields = 1,
    .config_size = sizeof(struct table_config),
    .timing = table_timing,
    .implementation = &table_source,
};

/* The release r1 with two metrics of the table. */
static struct routes *table_routes(int64_t token, int64_t first_block)
{
    struct table_config a = {.name = "a"}, b = {.name = "b"};
    struct spec_metric metrics[] = {
        {.name = "errors", .kind = METRIC_PROPORTION, .source = {&table_word, &a}},
        {.name = "other", .kind = METRIC_RATE, .source = {&table_word, &b}},
    };
    struct spec spec = {.name = "r1", .service = "checkout", .metrics = metrics, .n_metrics = 2};
    spec.policy.block_us = BLOCK_US;
    struct route_release release = {.id = "r1",
                                    .spec = &spec,
                                    .is_owned = token != 0,
                                    .lease_token = token,
                                    .since = block_start(first_block, BLOCK_US)};
    struct routes *r = routes_build(&release, 1, NULL);
    BUG_ON(!r);
    return r;
}

static void tell_sealed(struct aggregator *g, int64_t mark)
{
    const int64_t marks[] = {mark, mark};
    aggregator_sealed(g, "r1", marks, 2);
}

/* Waits until the metric's points through `block` are stored. */
static int64_t wait_pulled(struct aggregator *g, int64_t token, int64_t block)
{
    struct mono deadline = mono_add_ms(mono_now(), 15000);
    int64_t at;
    while ((at = aggregator_pulled(g, "r1", token, 0)) < block &&
           !mono_passed(mono_now(), deadline))
        usleep(5000);
    return at;
}

static bool answers_again(struct puller *p)
{
    struct mono deadline = mono_add_ms(mono_now(), 15000);
    bool is_silent = false;
    while (!is_silent && !mono_passed(mono_now(), deadline)) {
        struct buf complaints;
        buf_init(&complaints, 4096);
        puller_complaints(p, "r1", &complaints);
        is_silent = complaints.len == 0;
        buf_release(&complaints);
        usleep(5000);
    }
    return is_silent;
}

static void check_sealed(struct rig *r, int64_t first, int64_t last)
{
    struct err err = {0};
    for (int64_t b = first; b <= last; b++) {
        for (unsigned c = 0; c < 2; c++) {
            struct rig_sum s;
            T_OK(rig_sealed(r, 0, 0, c, b, b, &s, &err), err);
            T_NEAR(s.events, events_of(b, (int)c), 0, 0);
            T_NEAR(s.exposure, 100, 0, 0);
        }
    }
}

static void points_are_set_and_final(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "pull"));
    const int64_t token = r.leases[0].token, first = block_of(wall_now(), BLOCK_US) - 20;
    struct puller *p = puller_start(&(struct puller_config){.aggregator = r.g}, &err);
    T_CHECK(aggregator_publish(r.g, table_routes(0, first)));
    usleep(400 * US_PER_MS);
    T_EQ_INT(asked, 0); /* not ours */
    T_CHECK(aggregator_publish(r.g, table_routes(token, first)));
    usleep(400 * US_PER_MS);
    T_EQ_INT(asked, 0); /* it is not known yet how far it is sealed */
    tell_sealed(r.g, INT64_MIN);
    const int64_t goal = block_of(wall_now(), BLOCK_US) + 2;
    int64_t at = wait_pulled(r.g, token, goal);
    T_CHECK(at >= goal);
    T_EQ_INT(biggest_ask, 2);                                        /* both metrics in one call */
    T_EQ_INT(aggregator_pulled(r.g, "r1", token + 1, 0), INT64_MIN); /* of another lease */
    T_CHECK((at + 1) * BLOCK_US + DELAY_US <= wall_now().us);
    T_OK(rig_seal(&r, 0, 0, first, at, &err), err);
    check_sealed(&r, first, at);

    /* down: what is not final stays where it is, and after a time is given up */
    is_down = true;
    usleep(100 * US_PER_MS);
    at = aggregator_pulled(r.g, "r1", token, 0);
    usleep(3 * BLOCK_US);
    struct buf complaints;
    buf_init(&complaints, 4096);
    puller_complaints(p, "r1", &complaints);
    T_HAS_STR(complaints.data, "the table is down (since ");
    buf_release(&complaints);
    T_CHECK(aggregator_pulled(r.g, "r1", token, 0) <= at + 2); /* what was under way */
    is_down = false;
    puller_stop(p);
    rig_close(&r);
}

/* A failover that loses stored points: none counts as stored until they are set again. */
static void lost_points_are_not_sealed(void)
{
    struct rig r = {0};
    struct err err = {0};
    char command[128], reply[256];
    T_CHECK(rig_open(&r, "lost"));
    const int64_t token = r.leases[0].token, first = block_of(wall_now(), BLOCK_US) - 10;
    struct puller *p = puller_start(&(struct puller_config){.aggregator = r.g}, &err);
    T_CHECK(aggregator_publish(r.g, table_routes(token, first)));
    tell_sealed(r.g, INT64_MIN);
    const int64_t at = wait_pulled(r.g, token, first + 8);
    T_CHECK(at >= first + 8);
    puller_stop(p);
    /* commits fail, and another Redis may be answering */
    redis_fixture_ask(&r.bench.server, "SET judge:{r1}:producers x\r\n", reply, sizeof(reply));
    for (int64_t b = first; b <= at; b++) {
        snprintf(command, sizeof(command), "DEL judge:{r1}:open:0:%lld\r\n", (long long)b);
        redis_fixture_ask(&r.bench.server, command, reply, sizeof(reply));
    }
    redis_fixture_ask(&r.bench.server, "CLIENT KILL TYPE normal SKIPME yes\r\n", reply,
                      sizeof(reply));
    const struct mono deadline = mono_add_ms(mono_now(), 15000);
    while (aggregator_pulled(r.g, "r1", token, 0) != INT64_MIN &&
           !mono_passed(mono_now(), deadline))
        usleep(1000);
    T_EQ_INT(aggregator_pulled(r.g, "r1", token, 0), INT64_MIN);
    redis_fixture_ask(&r.bench.server, "DEL judge:{r1}:producers\r\n", reply, sizeof(reply));
    T_CHECK(wait_pulled(r.g, token, at) >= at);
    T_OK(rig_seal(&r, 0, 0, first, at, &err), err);
    check_sealed(&r, first, at);
    rig_close(&r);
}

static void a_dead_source_is_given_up(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "dead"));
    is_down = true;
    const int64_t token = r.leases[0].token, first = block_of(wall_now(), BLOCK_US) - 2;
    const int64_t given_up = collectors_counted(COUNT_PULL_GIVEN_UP);
    struct puller *p =
        puller_start(&(struct puller_config){.aggregator = r.g, .hold_ms = 1000}, &err);
    T_CHECK(aggregator_publish(r.g, table_routes(token, first)));
    tell_sealed(r.g, INT64_MIN);
    const struct mono told = mono_now();
    usleep(500 * US_PER_MS);
    int64_t held = aggregator_pulled(r.g, "r1", token, 0);
    if (mono_now().us - told.us < 900 * US_PER_MS) /* on a busy machine its time may be over */
        T_EQ_INT(held, INT64_MIN);
    int64_t at = wait_pulled(r.g, token, first + 2);
    T_CHECK(at >= first + 2);
    T_CHECK(collectors_counted(COUNT_PULL_GIVEN_UP) > given_up);
    T_OK(rig_seal(&r, 0, 0, first, at, &err), err);
    struct rig_sum s;
    T_OK(rig_sealed(&r, 0, 0, 0, first, at, &s, &err), err);
    T_NEAR(s.exposure, 0, 0, 0);
    /* it comes back: what is not given up is there */
    is_down = false;
    T_CHECK(answers_again(p));
    int64_t next = wait_pulled(r.g, token, block_of(wall_now(), BLOCK_US) + 1);
    T_OK(rig_seal(&r, 0, 0, first, next, &err), err);
    check_sealed(&r, next, next);
    puller_stop(p);
    rig_close(&r);
}

/* Another process takes the release over: it reads the same points into the same fields, and what
 * the first one still writes is refused. */
static void a_takeover_counts_nothing_twice(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct lease second;
    bool is_taken = false;
    T_CHECK(rig_open(&r, "takeover"));
    const int64_t token = r.leases[0].token, first = block_of(wall_now(), BLOCK_US) - 10;
    struct store *store_b = bench_store(&r.bench, "node-b", "node-b.1");
    struct aggregator *b = aggregator_new(
        &(struct aggregator_config){.store = store_b, .process = "node-b.1", .flush_ms = 100});
    struct puller *p = puller_start(&(struct puller_config){.aggregator = r.g}, &err);
    struct puller *q = puller_start(&(struct puller_config){.aggregator = b}, &err);
    T_CHECK(aggregator_publish(r.g, table_routes(token, first)));
    T_CHECK(aggregator_publish(b, table_routes(0, first)));
    tell_sealed(r.g, INT64_MIN);
    tell_sealed(b, INT64_MIN);
    T_CHECK(wait_pulled(r.g, token, first + 5) >= first + 5);
    T_OK(rig_seal(&r, 0, 0, first, first + 3, &err), err);

    T_OK(store_lease_release(r.bench.store, "r1", &r.leases[0], &err), err);
    T_OK(store_lease_take(store_b, "r1", &second, &is_taken, &err), err);
    T_CHECK(is_taken && second.token > token);
    tell_sealed(b, first + 3);
    T_CHECK(aggregator_publish(b, table_routes(second.token, first)));
    /* the first still believes it is the owner: both write */
    const int64_t goal = block_of(wall_now(), BLOCK_US) + 3;
    int64_t at = wait_pulled(b, second.token, goal);
    T_CHECK(at >= goal);
    T_CHECK(collectors_counted(COUNT_POINTS_FENCED) > 0);
    r.leases[0] = second;
    struct seal seal = {.first = first + 4, .last = at, .kind = SUMMARY_COUNTS, .cohorts = 2};
    T_OK(store_seal(store_b, "r1", &second, &seal, &err), err);
    check_sealed(&r, first, at);
    puller_stop(p);
    puller_stop(q);
    aggregator_free(b, 2000);
    store_close(store_b);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"points are set and final", points_are_set_and_final},
        {"lost points are not sealed", lost_points_are_not_sealed},
        {"a dead source is given up", a_dead_source_is_given_up},
        {"a takeover counts nothing twice", a_takeover_counts_nothing_twice},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
