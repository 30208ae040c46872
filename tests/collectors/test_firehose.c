/*
 * Deliveries of metric streams: what is asked for, by which dimension set, under which key. The
 * OpenTelemetry encoding is tested end to end with its own classes (tests/e2e/test_firehose.py).
 */
#include <stdio.h>

#include "lib/crypto/base64.h"
#include "tests/collectors/harness.h"
#include "tests/t.h"

#define SETS "\"dimensions\":{\"LoadBalancer\":\"app/shop/1\",\"TargetGroup\":\"%s\"%s}"

/* One delivery of one record. */
static void deliver(struct harness *h, const char *record)
{
    static char text[8192], body[9000];
    base64_encode(record, strlen(record), text);
    int n = snprintf(body, sizeof(body),
                     "{\"requestId\":\"r\",\"timestamp\":1,\"records\":[{\"data\":\"%s\"}]}", text);
    harness_scan(h, body, (size_t)n);
}

/* A point of a metric, of target group `group` and further dimensions. */
static const char *point(const char *metric, const char *group, const char *more, const char *value)
{
    static char out[4][1024];
    static int at;
    at = (at + 1) % 4;
    snprintf(out[at], sizeof(out[at]),
             "{\"metric_stream_name\":\"s\",\"account_id\":\"1\",\"region\":\"eu\",\"namespace\":"
             "\"AWS/ALB\",\"metric_name\":\"%s\"," SETS ",\"timestamp\":1795400000250,\"value\":%s,"
             "\"unit\":\"Count\"}\n",
             metric, group, more, value);
    return out[at];
}

static void points_are_taken(void)
{
    struct harness *h = harness_new(&ingest_firehose);
    struct harness_sum sum;
    deliver(h, point("Requests", "a", "",
                     "{\"count\":100.0,\"sum\":100.0,\"max\":1.0,\"min\":1.0,\"p99\":1.0,"
                     "\"TM(25%:75%)\":1.0}"));
    T_EQ_INT(h->rc, 0);
    T_EQ_INT(h->answer.taken, 1);
    T_EQ_INT(h->answer.samples, 100);
    T_EQ_INT(h->n_kept, 1);
    harness_sum(h, 4, 0, COHORT_BASELINE, &sum);
    T_NEAR(sum.exposure, 100, 0, 0);
    T_NEAR(sum.events, 0, 0, 0);
    deliver(h, point("5XX", "b", "", "{\"count\":3,\"sum\":3,\"max\":1,\"min\":1}"));
    harness_sum(h, 4, 0, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.events, 3, 0, 0);
    T_NEAR(sum.exposure, 0, 0, 0);
    /* a ratio of the sum to the number, and a quantile that knows the ends */
    deliver(h, point("Time", "b", "", "{\"count\":10,\"sum\":5,\"max\":2,\"min\":0.25}"));
    harness_sum(h, 4, 1, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.events, 5, 0, 0);
    T_NEAR(sum.exposure, 10, 0, 0);
    harness_sum(h, 4, 2, COHORT_CANDIDATE, &sum);
    T_EQ_INT(sum.hist.n, 10);
    T_EQ_INT(hist_count_below(&sum.hist, hist_bucket(1)), 1);
    T_EQ_INT(hist_count_reaching(&sum.hist, hist_bucket(1)), 9);
    hist_release(&sum.hist);
    harness_free(h);
}

/* CloudWatch keeps the same requests under other dimension sets, too. */
static void dimension_sets_are_exact(void)
{
    struct harness *h = harness_new(&ingest_firehose);
    static const char one[] = "{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}";
    deliver(h, point("Requests", "a", ",\"AvailabilityZone\":\"z\"", one));
    deliver(h, point("Requests", "c", "", one));
    deliver(h, "{\"namespace\":\"AWS/ALB\",\"metric_name\":\"Requests\",\"dimensions\":{"
               "\"TargetGroup\":\"a\"},\"timestamp\":1795400000250,\"value\":{\"count\":1,"
               "\"sum\":1,\"max\":1,\"min\":1}}");
    T_EQ_INT(h->answer.unrouted, 1);
    deliver(h, point("Other", "a", "", one));
    T_EQ_INT(h->answer.unrouted, 1);
    T_EQ_INT(h->answer.refused, 0);
    T_EQ_INT(h->n_kept, 0);
    T_CHECK(h->shard.series.len <= 1); /* of sets that nobody asks for there are none */
    /* in any order, and a dimension called as one of our fields is one like others */
    deliver(h, "{\"namespace\":\"AWS/ALB\",\"metric_name\":\"Requests\",\"dimensions\":{"
               "\"TargetGroup\":\"a\",\"LoadBalancer\":\"app/shop/1\"},\"timestamp\":1795400000250,"
               "\"value\":{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}}");
    T_EQ_INT(h->answer.taken, 1);
    deliver(h, point("Requests", "a", ",\"service\":\"alb\"", one));
    T_EQ_INT(h->answer.unrouted, 1);
    T_EQ_INT(h->answer.refused, 0);
    harness_free(h);
}

/* The key is what it is of and when; the digest what it says. */
static void keys(void)
{
    struct harness *h = harness_new(&ingest_firehose);
    deliver(h, point("Requests", "a", "", "{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}"));
    deliver(h, "{\"unit\":\"None\",\"value\":{\"min\":1,\"max\":1,\"sum\":1,\"count\":1},"
               "\"timestamp\":1795400000250,\"dimensions\":{\"TargetGroup\":\"a\",\"LoadBalancer\":"
               "\"app/shop/1\"},\"metric_name\":\"Requests\",\"namespace\":\"AWS/ALB\",\"region\":"
               "\"eu\",\"account_id\":\"1\",\"metric_stream_name\":\"another\"}");
    deliver(h, point("Requests", "a", "", "{\"count\":2,\"sum\":2,\"max\":1,\"min\":1}"));
    deliver(h, point("Requests", "b", "", "{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}"));
    deliver(h, point("5XX", "a", "", "{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}"));
    T_EQ_INT(h->n_kept, 5);
    T_CHECK(strcmp(h->keys[0], h->keys[1]) == 0 && strcmp(h->digests[0], h->digests[1]) == 0);
    T_CHECK(strcmp(h->keys[0], h->keys[2]) == 0 && strcmp(h->digests[0], h->digests[2]) != 0);
    T_CHECK(strcmp(h->keys[0], h->keys[3]) != 0 && strcmp(h->keys[0], h->keys[4]) != 0);
    harness_free(h);
}

static void refused_points(void)
{
    static const struct {
        const char *value, *refusal;
    } rows[] = {
        {"{\"count\":0,\"sum\":0,\"max\":0,\"min\":0}", "are the statistics of no samples"},
        {"{\"count\":1.5,\"sum\":1,\"max\":1,\"min\":1}", "are the statistics of no samples"},
        {"{\"count\":1,\"sum\":1,\"max\":1,\"min\":2}", "are the statistics of no samples"},
        {"{\"count\":1,\"sum\":1}", "are the statistics of no samples"},
        {"{\"count\":1,\"sum\":1,\"max\":1,\"min\":-1}", "value -1 is negative"},
        {"{\"count\":2,\"sum\":-5,\"max\":1,\"min\":0}", "value -2.5 is negative"},
        {"{\"count\":2,\"sum\":1e300,\"max\":1,\"min\":0}", "is too large"},
        {"{\"count\":\"1\"}", "stands no metric stream object"},
        {"1", "stands no metric stream object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct harness *h = harness_new(&ingest_firehose);
        deliver(h, point("Requests", "a", "", rows[i].value));
        if (h->answer.refused != 1 || h->n_kept != 0 || h->rc != 0 ||
            !strstr(h->answer.refusals[0].reason, rows[i].refusal))
            t_fail(__FILE__, __LINE__, "row %zu: refused %d: %s", i, (int)h->answer.refused,
                   h->answer.n_refusals ? h->answer.refusals[0].reason : "");
        harness_free(h);
    }
    /* what follows a broken object in a record counts */
    struct harness *h = harness_new(&ingest_firehose);
    char record[3000];
    snprintf(record, sizeof(record), "{\"broken\n%s{]\n%s",
             point("Requests", "a", "", "{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}"),
             point("Requests", "b", "", "{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}"));
    deliver(h, record);
    T_EQ_INT(h->answer.taken, 2);
    T_EQ_INT(h->answer.refused, 2);
    harness_free(h);
}

/* A point of a minute cannot be split over blocks of a second. */
static void blocks_too_short(void)
{
    struct harness *h = harness_new(&ingest_firehose);
    deliver(h,
            "{\"namespace\":\"lb\",\"metric_name\":\"5xx\",\"dimensions\":{\"TargetGroup\":\"a\"},"
            "\"timestamp\":1795400000250,\"value\":{\"count\":1,\"sum\":1,\"max\":1,\"min\":1}}");
    T_EQ_INT(h->answer.refused, 1);
    T_CHECK(strstr(h->answer.refusals[0].reason,
                   "has blocks of 1 s, and a point covers 60 s: write policy.block 60s"));
    T_EQ_INT(h->n_kept, 0);
    harness_free(h);
}

static void malformed_deliveries(void)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"records\":{}}",
        "{\"records\":[]",
        "{\"records\":[1]}",
        "{\"records\":[{}]}",
        "{\"records\":[{\"data\":1}]}",
        "{\"records\":[{\"data\":\"*\"}]}",
        "{\"records\":[{\"data\":\"e30\"}]}",
        "{\"records\":[]} x",
    };
    struct harness *h = harness_new(&ingest_firehose);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        harness_scan(h, rows[i], strlen(rows[i]));
        if (h->rc == 0)
            t_fail(__FILE__, __LINE__, "taken: %s", rows[i]);
    }
    harness_scan(h, "{\"records\":[]}", 14);
    T_EQ_INT(h->rc, 0);
    harness_scan(h, "{\"records\":[{\"data\":\"\"},{\"data\":\"\"}]}", 37);
    T_EQ_INT(h->rc, 0);
    T_EQ_INT(h->answer.refused, 0);
    deliver(h, "\x05hello");
    T_EQ_INT(h->rc, 0);
    T_EQ_INT(h->answer.refused, 1);
    T_CHECK(strstr(h->answer.refusals[0].reason, "neither JSON nor OpenTelemetry 1.0"));
    harness_free(h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"points are taken", points_are_taken},
        {"dimension sets are exact", dimension_sets_are_exact},
        {"keys", keys},
        {"refused points", refused_points},
        {"blocks too short", blocks_too_short},
        {"malformed deliveries", malformed_deliveries},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
