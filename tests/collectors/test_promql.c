/*
 * Replies of Prometheus' query API, and what they say about blocks.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collectors/promql/promql.h"
#include "collectors/promql/promql_points.h"
#include "collectors/promql/promql_request.h"
#include "collectors/words.h"
#include "lib/base/clock.h"
#include "tests/t.h"

#define BLOCK_US (15 * US_PER_SECOND)
#define FIRST    INT64_C(119693333) /* of the blocks asked for */
#define HOLE     (-1)
#define H        PROMQL_HISTORY

static const struct label stable[] = {{"version", "1"}}, canary[] = {{"version", "2"}};
static const struct cohort_labels by_version = {{stable, 1}, {canary, 1}};

/* ---- writing replies ---- */

/* A row is one series: its values at the boundaries from FIRST on; before them it is as `before`
 * says (HOLE: not there). */
struct row {
    const char *metric; /* members of the JSON object */
    double before;
    double at[6];
};

static void add_value(struct buf *out, bool *is_first, double seconds, double v)
{
    buf_addf(out, "%s[%.3f,\"%.17g\"]", *is_first ? "" : ",", seconds, v);
    *is_first = false;
}

static void write_matrix(struct buf *out, const struct row *rows, size_t n, size_t n_at)
{
    buf_add_str(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (size_t i = 0; i < n; i++) {
        bool is_first = true;
        buf_addf(out, "%s{\"metric\":{%s},\"values\":[", i ? "," : "", rows[i].metric);
        for (size_t k = 0; k < H + n_at; k++) {
            double v = k < H ? rows[i].before : rows[i].at[k - H];
            if (v != HOLE)
                add_value(out, &is_first, (double)(FIRST - H + (int64_t)k) * 15, v);
        }
        buf_add_str(out, "]}");
    }
    buf_add_str(out, "]}}");
}

/* ---- reading points ---- */

struct got {
    bool is_given[2][8];
    struct counts counts[2][8];
    double value[2][8];
    uint64_t hist_n[2][8];
    uint64_t hist_first[2][8]; /* values below the first edge */
};

static void on_point(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    struct got *g = user;
    int64_t i = block - FIRST;
    T_CHECK(i >= 0 && i < 8 && cohort < 2);
    g->is_given[cohort][i] = !summary_is_empty(s);
    if (s->kind == SUMMARY_COUNTS)
        g->counts[cohort][i] = s->counts;
    else if (s->kind == SUMMARY_MOMENTS)
        g->value[cohort][i] = s->moments.mean;
    else
        g->hist_n[cohort][i] = s->hist.n;
}

static int read_rows(struct promql_reply *reply, const struct row *rows, size_t n, size_t n_at,
                     struct arena *a, struct err *err)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    write_matrix(&body, rows, n, n_at);
    const struct promql_steps steps =
        promql_steps_for(METRIC_PROPORTION, BLOCK_US, FIRST, FIRST + (int64_t)n_at - 2);
    int rc = promql_reply_read(reply, body.data, body.len, &steps, a, err);
    buf_release(&body);
    return rc;
}

/* Blocks FIRST.. of rows with n_at boundaries. */
static int count(enum metric_kind kind, const struct row *query, size_t n, const struct row *of,
                 size_t n_of, size_t n_at, struct got *got, struct promql_tally *tally,
                 struct err *err)
{
    struct promql_reply events, exposure;
    struct arena a;
    arena_init(&a);
    memset(got, 0, sizeof(*got));
    int rc = read_rows(&events, query, n, n_at, &a, err);
    if (rc == 0 && of)
        rc = read_rows(&exposure, of, n_of, n_at, &a, err);
    const struct promql_answer answer = {
        .kind = kind,
        .cohorts = &by_version,
        .query = {&events, &events},
        .of = {of ? &exposure : NULL, of ? &exposure : NULL},
        .from = FIRST,
        .to = FIRST + (int64_t)n_at - 2,
        .count_from = FIRST,
        .count_to = FIRST + (int64_t)n_at - 2,
    };
    if (rc == 0)
        rc = promql_points(&answer, on_point, got, tally, &a, err);
    arena_release(&a);
    return rc;
}

#define A1  "\"job\":\"shop\",\"instance\":\"a\",\"version\":\"1\""
#define B1  "\"job\":\"shop\",\"instance\":\"b\",\"version\":\"1\""
#define C2  "\"job\":\"shop\",\"instance\":\"c\",\"version\":\"2\""
#define ERR "\"__name__\":\"errors_total\","
#define REQ "\"__name__\":\"requests_total\","

static void counters_are_differenced(void)
{
    const struct row errors[] = {
        {ERR A1, 5, {5, 6, 6, 9}},
        {ERR B1, HOLE, {HOLE, HOLE, 2, 2}}, /* its first errors: the process was there */
        {ERR C2, 1, {1, 1, 1, 4}},
        {ERR "\"version\":\"3\"", 1, {1, 100, 200, 300}}, /* nobody's */
    };
    const struct row requests[] = {
        {REQ A1, 100, {100, 200, 300, 400}},
        {REQ B1, 50, {50, 150, 250, 350}},
        {REQ C2, 10, {10, 20, 30, 40}},
    };
    struct got got;
    struct promql_tally tally;
    struct err err = {0};
    T_OK(count(METRIC_PROPORTION, errors, 4, requests, 3, 4, &got, &tally, &err), err);
    static const double events[2][3] = {{1, 2, 3}, {0, 0, 3}},
                        all[2][3] = {{200, 200, 200}, {10, 10, 10}};
    for (int c = 0; c < 2; c++) {
        for (int b = 0; b < 3; b++) {
            T_NEAR(got.counts[c][b].events, events[c][b], 0, 0);
            T_NEAR(got.counts[c][b].exposure, all[c][b], 0, 0);
        }
    }
    T_EQ_INT(tally.dropped, 0);
    T_EQ_INT(tally.n_series[0], 2);
    T_EQ_INT(tally.n_series[1], 1);
}

/* What a block may not be counted for; every row is the fate of one request counter, beside one
 * that grows by 10 a block in the same cohort. */
static void resets_and_holes_drop_the_block(void)
{
    static const struct {
        int line;
        const char *metric;
        double before, at[4];
        double want[3]; /* exposure of the baseline; HOLE: dropped */
    } cases[] = {
        {__LINE__, REQ A1, 100, {100, 200, 300, 400}, {110, 110, 110}},
        {__LINE__, REQ A1, 100, {100, 50, 150, 250}, {HOLE, 110, 110}},  /* began anew */
        {__LINE__, REQ A1, 100, {100, HOLE, HOLE, HOLE}, {10, 10, 10}},  /* the process ended */
        {__LINE__, REQ A1, HOLE, {HOLE, 500, 600, 700}, {10, 110, 110}}, /* a process appears */
        {__LINE__, REQ A1, 100, {100, HOLE, 120, 130}, {10, 10, 20}},    /* a scrape failed */
        {__LINE__, REQ B1 ",\"path\":\"/x\"", HOLE, {HOLE, 7, 8, 9}, {17, 11, 11}},
        {__LINE__, REQ B1 ",\"path\":\"/x\"", 5, {5, HOLE, 7, 8}, {HOLE, HOLE, 11}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct row requests[] = {
            {REQ B1, 50, {50, 60, 70, 80}},
            {cases[i].metric, cases[i].before, {0}},
            {REQ C2, 10, {10, 20, 30, 40}},
        };
        const struct row errors[] = {{ERR C2, 1, {1, 2, 3, 4}}};
        struct got got;
        struct promql_tally tally;
        struct err err = {0};
        memcpy(requests[1].at, cases[i].at, sizeof(cases[i].at));
        T_OK(count(METRIC_RATE, errors, 1, requests, 3, 4, &got, &tally, &err), err);
        uint64_t dropped = 0;
        for (int b = 0; b < 3; b++) {
            bool is_dropped = cases[i].want[b] == HOLE;
            double want = is_dropped ? 0 : cases[i].want[b];
            dropped += is_dropped;
            if (got.counts[0][b].exposure != want || got.counts[1][b].exposure != 10)
                t_fail(__FILE__, cases[i].line, "block %d: %g, want %g", b,
                       got.counts[0][b].exposure, want);
        }
        if (tally.dropped != dropped)
            t_fail(__FILE__, cases[i].line, "%d dropped", (int)tally.dropped);
    }
}

static void buckets_become_spans(void)
{
#define BUCKET(le, who) "\"__name__\":\"latency_bucket\",\"le\":\"" le "\"," who
    const struct row buckets[] = {
        {BUCKET("0.1", A1), 10, {10, 15, 20}},  {BUCKET("0.5", A1), 20, {20, 30, 35}},
        {BUCKET("+Inf", A1), 30, {30, 42, 47}}, {BUCKET("0.1", C2), 1, {1, 2, 2}},
        {BUCKET("+Inf", C2), 1, {1, 4, 5}},
    };
    struct got got;
    struct promql_tally tally;
    struct err err = {0};
    T_OK(count(METRIC_QUANTILE, buckets, 5, NULL, 0, 3, &got, &tally, &err), err);
    T_EQ_INT(got.hist_n[0][0], 12);
    T_EQ_INT(got.hist_n[0][1], 5);
    T_EQ_INT(got.hist_n[1][0], 3);
    T_EQ_INT(got.hist_n[1][1], 1);
    /* two histograms of one process, as {__name__=~"read_bucket|write_bucket"} gives */
#define OTHER(le, who) "\"__name__\":\"write_bucket\",\"le\":\"" le "\"," who
    const struct row two[] = {{BUCKET("0.1", A1), 10, {10, 15}},
                              {BUCKET("+Inf", A1), 30, {30, 37}},
                              {OTHER("0.1", A1), 1, {1, 6}},
                              {OTHER("+Inf", A1), 2, {2, 9}}};
    T_OK(count(METRIC_QUANTILE, two, 4, NULL, 0, 2, &got, &tally, &err), err);
    T_EQ_INT(got.hist_n[0][0], 14);
    /* a bucket that grew by less than the one below it */
    const struct row broken[] = {{BUCKET("0.1", A1), 10, {10, 15}},
                                 {BUCKET("+Inf", A1), 30, {30, 31}}};
    T_OK(count(METRIC_QUANTILE, broken, 2, NULL, 0, 2, &got, &tally, &err), err);
    T_CHECK(!got.is_given[0][0]);
    T_EQ_INT(tally.dropped, 1);
    const struct row none[] = {{"\"__name__\":\"latency_bucket\"," A1, 1, {1, 2}}};
    T_EQ_INT(count(METRIC_QUANTILE, none, 1, NULL, 0, 2, &got, &tally, &err), -1);
    T_HAS_STR(err.message, "no bucket of a histogram");
}

static void what_does_not_fit_is_refused(void)
{
    static const struct {
        int line;
        const char *metric, *want;
    } cases[] = {
        {__LINE__, A1, "has no metric name, so the server computed it"},
        {__LINE__, REQ "\"version\":\"1\",\"job\":\"x\"", NULL},
    };
    struct got got;
    struct promql_tally tally;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct row row = {cases[i].metric, 1, {1, 2}};
        struct err err = {0};
        int rc = count(METRIC_RATE, &row, 1, &row, 1, 2, &got, &tally, &err);
        if ((rc != 0) != (cases[i].want != NULL) ||
            (rc != 0 && !strstr(err.message, cases[i].want)))
            t_fail(__FILE__, cases[i].line, "%d %s", rc, err.message);
    }
}

/* ---- series, and the forms a reply may have ---- */

static int value_of(const char *body, const struct cohort_labels *cohorts, struct got *got,
                    struct promql_tally *tally, struct err *err)
{
    struct promql_reply reply;
    struct arena a;
    arena_init(&a);
    memset(got, 0, sizeof(*got));
    const struct promql_steps steps = promql_steps_for(METRIC_SERIES, BLOCK_US, FIRST, FIRST);
    int rc = promql_reply_read(&reply, body, strlen(body), &steps, &a, err);
    const struct promql_answer answer = {.kind = METRIC_SERIES,
                                         .cohorts = cohorts,
                                         .query = {&reply, &reply},
                                         .from = FIRST,
                                         .to = FIRST,
                                         .count_from = FIRST,
                                         .count_to = FIRST};
    if (rc == 0 && reply.warning)
        rc = err_set(err, ERR_PLATFORM, "warning: %s", reply.warning);
    if (rc == 0)
        rc = promql_points(&answer, on_point, got, tally, &a, err);
    arena_release(&a);
    return rc;
}

#define VECTOR(result)                                                                             \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" result "]}}"
#define ONE(labels, v) "{\"metric\":{" labels "},\"value\":[1795400010.781,\"" v "\"]}"

static void a_series_has_one_value(void)
{
    static const struct {
        int line;
        const char *body;
        bool by_labels;
        double want[2]; /* HOLE: nothing */
        const char *error;
    } cases[] = {
        {__LINE__,
         VECTOR(ONE("\"version\":\"1\"", "0.25") "," ONE("\"version\":\"2\"", "1e+01")),
         true,
         {0.25, 10},
         NULL},
        {__LINE__, VECTOR(ONE("", "7")), false, {7, 7}, NULL},
        {__LINE__, VECTOR(""), true, {HOLE, HOLE}, NULL},
        {__LINE__,
         VECTOR(ONE("\"version\":\"1\"", "NaN") "," ONE("\"version\":\"2\"", "+Inf")),
         true,
         {HOLE, HOLE},
         NULL},
        {__LINE__,
         VECTOR(ONE("\"version\":\"1\"", "1") "," ONE("\"version\":\"1\",\"a\":\"b\"", "2")),
         true,
         {0, 0},
         "two series are the baseline's, {version=\"1\"} and {version=\"1\",a=\"b\"}"},
        {__LINE__,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"5\"]}}",
         false,
         {5, 5},
         NULL},
        {__LINE__,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"5\"]}}",
         true,
         {0, 0},
         "gives one number without labels"},
        {__LINE__,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"5\"]}}",
         true,
         {0, 0},
         "gives text"},
        {__LINE__,
         "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error: \\u00e9\"}",
         true,
         {0, 0},
         "bad_data: parse error: é"},
        {__LINE__,
         " { \"infos\":[\"x\"], \"warnings\" : [\"PromQL info: metric might not be a counter\"], "
         "\"isPartial\":false, \"stats\":{\"a\":[1,{\"b\":null}]}, "
         "\"status\":\"success\",\"data\":{"
         "\"resultType\":\"vector\",\"result\":[]}} ",
         true,
         {HOLE, HOLE},
         NULL},
        {__LINE__,
         "{\"status\":\"success\",\"warnings\":[\"store b: unavailable\"],\"data\":{"
         "\"resultType\":\"vector\",\"result\":[]}}",
         true,
         {0, 0},
         "warning: store b: unavailable"},
        {__LINE__,
         "{\"status\":\"success\",\"isPartial\":true,\"data\":{\"resultType\":\"vector\","
         "\"result\":[]}}",
         true,
         {0, 0},
         "warning: partial response"},
        {__LINE__,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},"
         "\"histogram\":[1,{\"count\":\"1\"}]}]}}",
         true,
         {0, 0},
         "native histograms"},
        {__LINE__, "<html>bad gateway</html>", true, {0, 0}, "no reply of Prometheus"},
        {__LINE__, "", true, {0, 0}, "no reply of Prometheus"},
        {__LINE__, "{\"status\":\"success\"}", true, {0, 0}, "no reply of Prometheus"},
        {__LINE__, VECTOR(ONE("\"version\":\"\\ud83d\"", "1")), true, {0, 0}, "valid escape"},
        {__LINE__, VECTOR(ONE("\"version\":\"1\"", "twelve")), true, {0, 0}, "number in quotes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct got got;
        struct promql_tally tally;
        struct err err = {0};
        int rc =
            value_of(cases[i].body, cases[i].by_labels ? &by_version : NULL, &got, &tally, &err);
        if (cases[i].error) {
            if (rc == 0 || !strstr(err.message, cases[i].error))
                t_fail(__FILE__, cases[i].line, "rc %d: %s", rc, err.message);
            continue;
        }
        if (rc != 0)
            t_fail(__FILE__, cases[i].line, "%s", err.message);
        for (int c = 0; c < 2; c++) {
            bool is_given = cases[i].want[c] != HOLE;
            if (got.is_given[c][0] != is_given || (is_given && got.value[c][0] != cases[i].want[c]))
                t_fail(__FILE__, cases[i].line, "cohort %d: %g", c, got.value[c][0]);
        }
    }
}

static void both_cohorts_labels_are_refused(void)
{
    static const struct label app[] = {{"app", "shop"}};
    const struct cohort_labels cohorts = {{app, 1}, {canary, 1}};
    struct got got;
    struct promql_tally tally;
    struct err err = {0};
    T_EQ_INT(value_of(VECTOR(ONE("\"app\":\"shop\",\"version\":\"2\"", "1")), &cohorts, &got,
                      &tally, &err),
             -1);
    T_HAS_STR(err.message, "has the labels of both cohorts");
}

/* ---- requests ---- */

static void requests_say_what_is_wanted(void)
{
    struct promql_config c = {.server = "http://127.0.0.1:9090/prom/"};
    struct promql_request range, instant, other;
    const struct promql_steps steps = {1795400000200, 200, 4}, one = {1795400000200, 200, 1};
    promql_request_init(&range, &c, "a{b=\"c d\"}", &steps);
    T_EQ_STR(range.url, "http://127.0.0.1:9090/prom/api/v1/query_range");
    T_EQ_STR(range.form, "query=a%7Bb%3D%22c%20d%22%7D&start=1795400000.200&end=1795400000.800"
                         "&step=0.200&timeout=10000ms");
    promql_request_init(&instant, &c, "a", &one);
    T_EQ_STR(instant.url, "http://127.0.0.1:9090/prom/api/v1/query");
    T_EQ_STR(instant.form, "query=a&time=1795400000.200&timeout=10000ms");
    c.secret_ref = "mine"; /* another's credentials may see other series */
    promql_request_init(&other, &c, "a", &one);
    T_CHECK(promql_request_equals(&instant, &instant) && !promql_request_equals(&instant, &other));
    promql_request_release(&other);
    promql_request_release(&instant);
    promql_request_release(&range);
}

static void refusals_are_named(void)
{
    static const struct {
        int line, status;
        const char *body, *want;
    } cases[] = {
        {__LINE__, 400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:2: x\"}",
         "400 bad_data: 1:2: x"},
        {__LINE__, 503, "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"slow\"}",
         "503 timeout: slow"},
        {__LINE__, 401, "Unauthorized", "answers with status 401"},
        {__LINE__, 502, "<html>", "answers with status 502"},
        {__LINE__, 500, VECTOR(""), "answers with status 500"},
        {__LINE__, 200, "<html>", "no reply of Prometheus"},
        {__LINE__, 200, VECTOR(""), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct promql_request r = {.steps = {0, 1000, 1}};
        struct http_reply http;
        struct promql_reply reply;
        struct arena a;
        struct err err = {0};
        arena_init(&a);
        http_reply_init(&http);
        http.status = cases[i].status;
        buf_add_str(&http.body, cases[i].body);
        int rc = promql_request_read(&r, &http, &reply, &a, &err);
        if ((rc != 0) != (cases[i].want != NULL) ||
            (rc != 0 && !strstr(err.message, cases[i].want)))
            t_fail(__FILE__, cases[i].line, "rc %d: %s", rc, err.message);
        http_reply_release(&http);
        arena_release(&a);
    }
}

/* ---- the word ---- */

static void places_are_filled(void)
{
    static const struct label odd[] = {{"version", "a\"b\\c"}, {"zone", "eu"}};
    const struct labels labels = {odd, 2};
    struct buf out;
    buf_init(&out, 1024);
    T_CHECK(promql_has_places("x{v=\"${version}\"}"));
    T_CHECK(!promql_has_places("x{v=\"$version\"}"));
    promql_fill("rate(x{v=\"${version}\",z=\"${zone}\"}[1m])", &labels, &out);
    T_EQ_STR(out.data, "rate(x{v=\"a\\\"b\\\\c\",z=\"eu\"}[1m])");
    buf_release(&out);
}

static void the_word_checks_queries(void)
{
    static const struct {
        int line;
        const char *query, *of;
        enum metric_kind kind;
        const char *error;
    } cases[] = {
        {__LINE__, "e{c=~\"5..\"}", "r{}", METRIC_PROPORTION, NULL},
        {__LINE__, "e{c=~\"(5|4)..[0-9]\"}", "r", METRIC_RATIO, NULL},
        {__LINE__, "sum(rate(e[1m]))", "r", METRIC_PROPORTION, "is computed: a proportion needs"},
        {__LINE__, "e", "sum(r)", METRIC_PROPORTION, "`sum(r)` is computed"},
        {__LINE__, "e[1m]", "r", METRIC_RATE, "is computed"},
        {__LINE__, "e", NULL, METRIC_RATE, "needs `of`"},
        {__LINE__, "e", "e", METRIC_RATE, "`of` is `query` itself"},
        {__LINE__, "h_bucket", NULL, METRIC_QUANTILE, NULL},
        {__LINE__, "h_bucket", "x", METRIC_QUANTILE, "`of` has no meaning"},
        {__LINE__, "histogram_quantile(0.9, x)", NULL, METRIC_QUANTILE, "needs the _bucket series"},
        {__LINE__, "sum(rate(e[1m]))", NULL, METRIC_SERIES, NULL},
        {__LINE__, "x", NULL, METRIC_MEAN, "judge `kind: ratio` of the _sum"},
        {__LINE__, "e{v=\"${version}\"}", "r{v=\"${version}\"}", METRIC_RATE, NULL},
        {__LINE__, "e{v=\"${version}\"}", "r", METRIC_RATE, "in different ways"},
        {__LINE__, "x{v=\"${zone}\"}", NULL, METRIC_SERIES, "`cohorts` does not give for both"},
        {__LINE__, "x + ${version", NULL, METRIC_SERIES, "is not closed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct promql_config c = {.server = "http://127.0.0.1:9090",
                                  .query = cases[i].query,
                                  .of = cases[i].of,
                                  .cohorts = by_version,
                                  .interval_us = 15 * US_PER_SECOND};
        struct err err = {0};
        int rc = promql_word.check(&c, NULL, &err);
        if (rc == 0)
            rc = promql_word.check_metric(&c, cases[i].kind, &err);
        if ((rc != 0) != (cases[i].error != NULL) ||
            (rc != 0 && !strstr(err.message, cases[i].error)))
            t_fail(__FILE__, cases[i].line, "rc %d: %s", rc, err.message);
    }
    struct promql_config slow = {.interval_us = 60 * US_PER_SECOND},
                         fast = {.interval_us = US_PER_SECOND};
    T_EQ_INT(promql_word.timing(&slow).delay_us, 11 * US_PER_SECOND);
    T_EQ_INT(promql_word.timing(&fast).delay_us, 2 * US_PER_SECOND);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"counters are differenced", counters_are_differenced},
        {"resets and holes drop the block", resets_and_holes_drop_the_block},
        {"buckets become spans", buckets_become_spans},
        {"what does not fit is refused", what_does_not_fit_is_refused},
        {"a series has one value", a_series_has_one_value},
        {"both cohorts' labels are refused", both_cohorts_labels_are_refused},
        {"requests say what is wanted", requests_say_what_is_wanted},
        {"refusals are named", refusals_are_named},
        {"places are filled", places_are_filled},
        {"the word checks queries", the_word_checks_queries},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
