#include "collectors/scrape/increase.h"
#include "collectors/aggregator/shard.h"
#include "tests/t.h"

#include <stdio.h>
#include <stdlib.h>

static const struct label code_5xx[] = {{"code", "5xx"}, {"proxy", "checkout"}};
static const struct label proxy[] = {{"proxy", "checkout"}};
static const struct label stable[] = {{"server", "stable"}};
static const struct label canary[] = {{"server", "candidate"}};
static const struct release_route route = {.id = "r1", .lease_token = 7, .n_metrics = 2};

static const struct route_scrape errors = {
    .route = &route,
    .metric = 0,
    .kind = METRIC_PROPORTION,
    .target = "http://x/metrics",
    .name = "responses_total",
    .of = "responses_total",
    .labels = {code_5xx, 2},
    .of_labels = {proxy, 1},
    .cohorts = {{stable, 1}, {canary, 1}},
};
static const struct route_scrape latency = {
    .route = &route,
    .metric = 1,
    .kind = METRIC_QUANTILE,
    .target = "http://x/metrics",
    .name = "latency_seconds",
    .cohorts = {{stable, 1}, {canary, 1}},
};

/* What came out of one scrape: the last sums of each metric and cohort. */
struct taken {
    int n;
    int64_t block;
    struct counts counts[2];
    uint64_t samples[2];
    struct hist hist[2];
};

static void on_sums(void *user, const struct route_scrape *want, uint8_t cohort, int64_t block,
                    const struct summary *sums)
{
    struct taken *t = user;
    t->n++;
    t->block = block;
    t->samples[cohort] = sums->samples;
    if (want->kind == METRIC_QUANTILE)
        hist_merge(&t->hist[cohort], &sums->hist);
    else
        t->counts[cohort] = sums->counts;
}

static void taken_clear(struct taken *t)
{
    hist_release(&t->hist[0]);
    hist_release(&t->hist[1]);
    memset(t, 0, sizeof(*t));
    hist_init(&t->hist[0]);
    hist_init(&t->hist[1]);
}

static void take(struct increase *inc, int64_t k, struct taken *t, const char *body)
{
    taken_clear(t);
    increase_take(inc, k, body, strlen(body), on_sums, t);
}

static struct increase *one_want(const struct route_scrape *want)
{
    struct increase *inc = increase_new(US_PER_SECOND);
    increase_set_wants(inc, &want, 1);
    return inc;
}

#define R(server, code, v)                                                                         \
    "responses_total{proxy=\"checkout\",server=\"" server "\",code=\"" code "\"} " v "\n"

static void differences(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    take(inc, 10, &t,
         R("stable", "2xx", "1000") R("stable", "5xx", "10") R("candidate", "2xx", "100"));
    T_EQ_INT(t.n, 0); /* only the base */
    take(inc, 11, &t,
         R("stable", "2xx", "1090") R("stable", "5xx", "12")
             R("candidate", "2xx",
               "110") "responses_total{proxy=\"other\",server=\"stable\",code=\"5xx\"} 50\n");
    T_EQ_INT(t.n, 2);
    T_EQ_INT(t.block, 10);
    T_NEAR(t.counts[0].events, 2, 0, 0);
    T_NEAR(t.counts[0].exposure, 92, 0, 0);
    T_EQ_INT(t.samples[0], 92);
    T_NEAR(t.counts[1].events, 0, 0, 0);
    T_NEAR(t.counts[1].exposure, 10, 0, 0);
    /* a series at its first event counts whole */
    take(inc, 12, &t,
         R("stable", "2xx", "1090") R("stable", "5xx", "12") R("candidate", "2xx", "110")
             R("candidate", "5xx", "3"));
    T_EQ_INT(t.n, 1); /* nothing happened in the baseline */
    T_NEAR(t.counts[1].events, 3, 0, 0);
    T_NEAR(t.counts[1].exposure, 3, 0, 0);
    increase_free(inc);
    taken_clear(&t);
}

static void resets_are_dropped(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    int64_t before = collectors_counted(COUNT_SCRAPE_RESETS);
    take(inc, 1, &t,
         R("stable", "2xx", "1000") R("stable", "5xx", "1") R("candidate", "2xx", "100"));
    /* the errors hide their reset (1 -> 5), the requests show it: the cohort's block is dropped
     * whole */
    take(inc, 2, &t,
         R("stable", "2xx", "400") R("stable", "5xx", "5") R("candidate", "2xx", "110"));
    T_EQ_INT(t.n, 1);
    T_NEAR(t.counts[1].exposure, 10, 0, 0);
    T_EQ_INT(collectors_counted(COUNT_SCRAPE_RESETS) - before, 1);
    /* the next block is whole again */
    take(inc, 3, &t,
         R("stable", "2xx", "500") R("stable", "5xx", "6") R("candidate", "2xx", "120"));
    T_EQ_INT(t.n, 2);
    T_NEAR(t.counts[0].events, 1, 0, 0);
    T_NEAR(t.counts[0].exposure, 101, 0, 0);
    /* vanished, and back */
    take(inc, 4, &t, R("stable", "2xx", "600") R("candidate", "2xx", "130"));
    T_EQ_INT(t.n, 1);
    take(inc, 5, &t,
         R("stable", "2xx", "700") R("stable", "5xx", "8") R("candidate", "2xx", "140"));
    T_EQ_INT(t.n, 1);
    /* not a number: as if it had vanished */
    take(inc, 6, &t,
         R("stable", "2xx", "NaN") R("stable", "5xx", "8") R("candidate", "2xx", "150"));
    T_EQ_INT(t.n, 1);
    T_NEAR(t.counts[1].exposure, 10, 0, 0);
    /* more than anything can count */
    take(inc, 7, &t,
         R("stable", "2xx", "700") R("stable", "5xx", "1e300") R("candidate", "2xx", "1e18"));
    T_EQ_INT(t.n, 0);
    increase_free(inc);
    taken_clear(&t);
}

static void restarts_count_from_zero(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    take(inc, 1, &t,
         "process_start_time_seconds 1000\n" R("stable", "2xx", "1000") R("stable", "5xx", "1")
             R("candidate", "5xx", "9"));
    take(inc, 2, &t,
         R("stable", "2xx", "400") R("stable", "5xx", "5")
             R("candidate", "2xx", "30") "process_start_time_seconds 1700.5\n");
    T_EQ_INT(t.n, 2);
    T_NEAR(t.counts[0].events, 5, 0, 0);
    T_NEAR(t.counts[0].exposure, 405, 0, 0);
    T_NEAR(t.counts[1].events, 0, 0, 0);
    T_NEAR(t.counts[1].exposure, 30, 0, 0);
    /* a series of the old process comes back: at its first event, so whole */
    take(inc, 3, &t,
         R("stable", "2xx", "400") R("stable", "5xx", "5") R("candidate", "2xx", "30")
             R("candidate", "5xx", "2") "process_start_time_seconds 1700.4\n");
    T_EQ_INT(t.n, 1);
    T_NEAR(t.counts[1].events, 2, 0, 0);
    increase_free(inc);
    taken_clear(&t);
}

/* Clients that reckon their start from the time have another one after the clock was set. */
static void a_start_that_moves_alone_is_in_doubt(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    take(inc, 1, &t,
         "process_start_time_seconds 1000\n" R("stable", "2xx", "9000") R("stable", "5xx", "90")
             R("candidate", "2xx", "900"));
    take(inc, 2, &t,
         "process_start_time_seconds 1001\n" R("stable", "2xx", "9010") R("stable", "5xx", "90")
             R("candidate", "2xx", "901"));
    T_EQ_INT(t.n, 0);
    take(inc, 3, &t,
         "process_start_time_seconds 1001\n" R("stable", "2xx", "9020") R("stable", "5xx", "91")
             R("candidate", "2xx", "903"));
    T_EQ_INT(t.n, 2);
    T_NEAR(t.counts[0].exposure, 11, 0, 0);
    T_NEAR(t.counts[0].events, 1, 0, 0);
    T_NEAR(t.counts[1].exposure, 2, 0, 0);
    increase_free(inc);
    taken_clear(&t);
}

/* Two processes behind one target, told in any order: nobody began anew. */
static void starts_that_differ_say_nothing(void)
{
    static const char *const starts[] = {
        "a_process_start_time_seconds 1000\nb_process_start_time_seconds 2000\n",
        "b_process_start_time_seconds 2000\na_process_start_time_seconds 1000\n",
        "b_process_start_time_seconds 2000\nprocess_start_time_seconds 500\n",
        "process_start_time_seconds 500\nb_process_start_time_seconds 2100\n",
    };
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    for (int k = 1; k <= 4; k++) {
        char body[1024];
        snprintf(body, sizeof(body), "%s" R("stable", "2xx", "%d") R("candidate", "2xx", "%d"),
                 starts[k - 1], 1000 + 10 * k, 100 + k);
        take(inc, k, &t, body);
        T_EQ_INT(t.n, k == 1 ? 0 : 2);
        T_NEAR(t.counts[0].exposure, k == 1 ? 0 : 10, 0, 0);
        T_NEAR(t.counts[1].exposure, k == 1 ? 0 : 1, 0, 0);
    }
    increase_free(inc);
    taken_clear(&t);
}

static void gaps_are_dropped(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    int64_t before = collectors_counted(COUNT_SCRAPE_GAPS);
    take(inc, 1, &t, R("stable", "2xx", "10") R("candidate", "2xx", "10"));
    take(inc, 3, &t, R("stable", "2xx", "30") R("candidate", "2xx", "30"));
    T_EQ_INT(t.n, 0);
    T_EQ_INT(collectors_counted(COUNT_SCRAPE_GAPS) - before, 2);
    take(inc, 4, &t, R("stable", "2xx", "41") R("candidate", "2xx", "42"));
    T_EQ_INT(t.n, 2);
    T_EQ_INT(t.block, 3);
    T_NEAR(t.counts[0].exposure, 11, 0, 0);
    T_NEAR(t.counts[1].exposure, 12, 0, 0);
    increase_free(inc);
    taken_clear(&t);
}

static void new_wants_begin_with_a_base(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    struct release_route other_route = {.id = "r2", .lease_token = 1, .n_metrics = 1};
    struct route_scrape other = errors;
    other.route = &other_route;
    take(inc, 1, &t, R("stable", "2xx", "10") R("candidate", "2xx", "10"));
    const struct route_scrape *both[] = {&errors, &other};
    increase_set_wants(inc, both, 2);
    take(inc, 2, &t, R("stable", "2xx", "20") R("candidate", "2xx", "20"));
    T_EQ_INT(t.n, 2); /* the old one goes on, the new one waits */
    take(inc, 3, &t, R("stable", "2xx", "30") R("candidate", "2xx", "30"));
    T_EQ_INT(t.n, 4);
    /* the same release under a new lease: a new base */
    struct release_route taken_over = route;
    taken_over.lease_token = 8;
    struct route_scrape again = errors;
    again.route = &taken_over;
    const struct route_scrape *only[] = {&again};
    increase_set_wants(inc, only, 1);
    take(inc, 4, &t, R("stable", "2xx", "40") R("candidate", "2xx", "40"));
    T_EQ_INT(t.n, 0);
    increase_free(inc);
    taken_clear(&t);
}

#define H(server, a, b, c)                                                                         \
    "latency_seconds_bucket{server=\"" server "\",le=\"0.1\"} " a "\n"                             \
    "latency_seconds_bucket{server=\"" server "\",le=\"0.5\"} " b "\n"                             \
    "latency_seconds_bucket{server=\"" server "\",le=\"+Inf\"} " c "\n"

static void histograms(void)
{
    struct increase *inc = one_want(&latency);
    struct taken t = {0};
    take(inc, 1, &t,
         "# TYPE latency_seconds histogram\n" H("stable", "10", "20", "20")
             H("candidate", "0", "0", "0"));
    take(inc, 2, &t,
         "# TYPE latency_seconds histogram\n" H("stable", "12", "25", "26")
             H("candidate", "0", "4", "4"));
    T_EQ_INT(t.n, 2);
    T_EQ_INT(t.hist[0].n, 6); /* 2 up to 0.1, 3 up to 0.5, 1 above */
    T_EQ_INT(t.samples[0], 6);
    T_EQ_INT(hist_count_below(&t.hist[0], hist_bucket(0.1) + 1), 2);
    T_EQ_INT(hist_count_below(&t.hist[0], hist_bucket(0.5) + 1), 5);
    T_EQ_INT(hist_count_reaching(&t.hist[0], hist_bucket(0.3)), 5);
    T_EQ_INT(hist_count_below(&t.hist[0], HIST_BUCKETS - 1), 5);
    T_EQ_INT(t.hist[1].n, 4);
    T_EQ_INT(hist_count_below(&t.hist[1], hist_bucket(0.1)), 0);
    T_EQ_INT(hist_count_below(&t.hist[1], hist_bucket(0.5) + 1), 4);
    /* buckets that fall: the cohort's block is dropped */
    int64_t before = collectors_counted(COUNT_SCRAPE_RESETS);
    take(inc, 3, &t, H("stable", "20", "26", "27") H("candidate", "0", "5", "5"));
    T_EQ_INT(t.n, 1);
    T_EQ_INT(t.hist[0].n, 0);
    T_EQ_INT(t.hist[1].n, 1);
    T_EQ_INT(collectors_counted(COUNT_SCRAPE_RESETS) - before, 1);
    /* two histograms of one cohort add up */
    static const char two[] =
        "latency_seconds_bucket{server=\"stable\",path=\"/a\",le=\"0.1\"} 3\n"
        "latency_seconds_bucket{server=\"stable\",path=\"/a\",le=\"+Inf\"} 4\n";
    char body[1024];
    snprintf(body, sizeof(body), "%s%s", two,
             H("stable", "21", "27", "28") H("candidate", "0", "5", "5"));
    take(inc, 4, &t, body);
    T_EQ_INT(t.hist[0].n, 5);
    T_EQ_INT(hist_count_below(&t.hist[0], hist_bucket(0.1) + 1), 4);
    increase_free(inc);
    taken_clear(&t);
}

static void complaints_name_what_is_missing(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    struct buf out;
    buf_init(&out, 4096);
    take(inc, 1, &t, R("stable", "2xx", "10"));
    increase_complaints(inc, "r1", &out);
    T_EQ_STR(out.data, "http://x/metrics: no series of responses_total is the candidate's\n");
    buf_clear(&out);
    increase_complaints(inc, "r2", &out);
    T_EQ_STR(out.data, "");
    T_CHECK(increase_has(inc, "r1") && !increase_has(inc, "r2"));
    take(inc, 2, &t, R("stable", "2xx", "10") R("candidate", "2xx", "1"));
    increase_complaints(inc, "r1", &out);
    T_EQ_STR(out.data, "");
    increase_free(inc);
    inc = one_want(&errors);
    for (int k = 1; k < 3; k++)
        take(inc, k, &t,
             "# TYPE responses_total gauge\n" R("stable", "5xx", "10") R("candidate", "2xx", "1"));
    T_EQ_INT(t.n, 0);
    increase_complaints(inc, "r1", &out);
    T_EQ_STR(out.data, "http://x/metrics: responses_total is a gauge; a counter is needed\n");
    increase_free(inc);
    buf_release(&out);
    taken_clear(&t);
}

static void old_timestamps_are_not_there(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    take(inc, 100, &t, R("stable", "2xx", "10 100000") R("candidate", "2xx", "10"));
    take(inc, 101, &t, R("stable", "2xx", "20 99000") R("candidate", "2xx", "20 100999"));
    T_EQ_INT(t.n, 1);
    T_NEAR(t.counts[1].exposure, 10, 0, 0);
    increase_free(inc);
    taken_clear(&t);
}

static void series_are_bounded(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    struct buf body;
    buf_init(&body, 1 << 20);
    for (int i = 0; i < SCRAPE_SERIES_MAX + 5; i++)
        buf_addf(&body, "responses_total{proxy=\"checkout\",server=\"stable\",n=\"%d\"} 1\n", i);
    int64_t before = collectors_counted(COUNT_SCRAPE_SERIES_FULL);
    take(inc, 1, &t, body.data);
    T_EQ_INT(collectors_counted(COUNT_SCRAPE_SERIES_FULL) - before, 5);
    buf_release(&body);
    increase_free(inc);
    taken_clear(&t);
}

/* Requests find room, the errors behind them do not: half of it would look like health. */
static void a_part_of_the_series_is_not_counted(void)
{
    struct increase *inc = increase_new(US_PER_SECOND);
    struct taken t = {0};
    const struct route_scrape *both[] = {&errors, &latency};
    increase_set_wants(inc, both, 2);
    for (int k = 1; k <= 5; k++) {
        const int n = k == 2 || k == 3 ? SCRAPE_SERIES_MAX : 10;
        struct buf body, said;
        buf_init(&body, 1 << 20);
        buf_init(&said, 4096);
        buf_addf(&body, "latency_seconds_bucket{server=\"stable\",le=\"+Inf\"} %d\n", k);
        for (int i = 0; i < n; i++)
            buf_addf(&body, "responses_total{proxy=\"checkout\",server=\"stable\",n=\"%d\"} %d\n",
                     i, 100 * k);
        buf_addf(&body, R("stable", "5xx", "%d"), 50 * k);
        take(inc, k, &t, body.data);
        increase_complaints(inc, "r1", &said);
        if (k == 2)
            T_EQ_STR(said.data,
                     "http://x/metrics: its metrics that are asked for have more than 4096 "
                     "series: responses_total is not counted\n"
                     "http://x/metrics: no series of latency_seconds_bucket is the "
                     "candidate's\n");
        T_EQ_INT(t.n, k == 1 ? 0 : k == 5 ? 2 : 1);
        T_EQ_INT(t.hist[0].n, k > 1);
        T_NEAR(t.counts[0].events, k == 5 ? 50 : 0, 0, 0);
        T_NEAR(t.counts[0].exposure, k == 5 ? 1050 : 0, 0, 0);
        buf_release(&body);
        buf_release(&said);
    }
    increase_free(inc);
    taken_clear(&t);
}

static void a_clock_that_is_set_back_begins_anew(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    take(inc, 10, &t, R("stable", "2xx", "100") R("candidate", "2xx", "10"));
    take(inc, 11, &t, R("stable", "2xx", "110") R("candidate", "2xx", "20"));
    T_EQ_INT(t.n, 2);
    take(inc, 8, &t, R("stable", "2xx", "170") R("candidate", "2xx", "80"));
    T_EQ_INT(t.n, 0);
    take(inc, 9, &t,
         R("stable", "2xx", "172") R("candidate", "2xx", "83") R("candidate", "5xx", "1"));
    T_EQ_INT(t.n, 2);
    T_EQ_INT(t.block, 8);
    T_NEAR(t.counts[0].exposure, 2, 0, 0);
    T_NEAR(t.counts[1].exposure, 4, 0, 0);
    T_NEAR(t.counts[1].events, 1, 0, 0);
    increase_free(inc);
    taken_clear(&t);
}

/* Random counters over many scrapes, some missed: what is counted is what a plain sum says. */
static void random_walk(void)
{
    struct increase *inc = one_want(&errors);
    struct taken t = {0};
    uint64_t random = 99;
    long value[2][2] = {{0}}, counted[2][2] = {{0}}, want[2][2] = {{0}};
    bool was_scraped = false;
    for (int64_t k = 1; k < 500; k++) {
        long step[2][2];
        for (int c = 0; c < 2; c++) {
            for (int e = 0; e < 2; e++) {
                random = random * UINT64_C(6364136223846793005) + 1;
                step[c][e] = (long)(random >> 40) % 50;
                value[c][e] += step[c][e];
            }
        }
        bool is_scraped = (random >> 60) != 0;
        if (!is_scraped) {
            was_scraped = false;
            continue;
        }
        char body[512];
        snprintf(body, sizeof(body),
                 R("stable", "5xx", "%ld") R("stable", "2xx", "%ld") R("candidate", "5xx", "%ld")
                     R("candidate", "2xx", "%ld"),
                 value[0][1], value[0][0], value[1][1], value[1][0]);
        take(inc, k, &t, body);
        for (int c = 0; c < 2; c++) {
            counted[c][0] += (long)t.counts[c].exposure;
            counted[c][1] += (long)t.counts[c].events;
            want[c][0] += was_scraped ? step[c][0] + step[c][1] : 0;
            want[c][1] += was_scraped ? step[c][1] : 0;
        }
        was_scraped = true;
    }
    for (int c = 0; c < 2; c++) {
        T_EQ_INT(counted[c][0], want[c][0]);
        T_EQ_INT(counted[c][1], want[c][1]);
    }
    T_CHECK(want[0][0] > 1000);
    increase_free(inc);
    taken_clear(&t);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"differences", differences},
        {"resets are dropped", resets_are_dropped},
        {"restarts count from zero", restarts_count_from_zero},
        {"a start that moves alone is in doubt", a_start_that_moves_alone_is_in_doubt},
        {"starts that differ say nothing", starts_that_differ_say_nothing},
        {"gaps are dropped", gaps_are_dropped},
        {"new wants begin with a base", new_wants_begin_with_a_base},
        {"histograms", histograms},
        {"complaints name what is missing", complaints_name_what_is_missing},
        {"old timestamps are not there", old_timestamps_are_not_there},
        {"series are bounded", series_are_bounded},
        {"a part of the series is not counted", a_part_of_the_series_is_not_counted},
        {"a clock that is set back begins anew", a_clock_that_is_set_back_begins_anew},
        {"random walk", random_walk},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
