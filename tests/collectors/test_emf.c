#include <stdio.h>

#include "tests/collectors/harness.h"
#include "tests/t.h"

/* Whose it is, and when. */
#define WHO "\"service\":\"checkout\",\"cohort\":\"candidate\""
#define AWS(directives)                                                                            \
    "\"_aws\":{\"Timestamp\":1795400000250,\"CloudWatchMetrics\":[" directives "]}"
#define DIRECTIVE(ns, dimensions, metrics)                                                         \
    "{\"Namespace\":\"" ns "\",\"Dimensions\":" dimensions ",\"Metrics\":[" metrics "]}"
#define ONE(name) AWS(DIRECTIVE("http", "[[\"service\"]]", "{\"Name\":\"" name "\"}"))
#define ERRORS    ONE("errors")

struct emf_case {
    int line;
    const char *text;
    const char *refusal; /* part of the reason; NULL: not refused */
    uint64_t taken, unrouted;
};
#define CASE(...)                                                                                  \
    {                                                                                              \
        __LINE__, __VA_ARGS__                                                                      \
    }

static const struct emf_case cases[] = {
    CASE("{" ERRORS "," WHO ",\"errors\":1}", NULL, 1, 0),
    CASE(" { \"errors\" : [ 1 , 2.5 ] , " WHO " , " ERRORS " } ", NULL, 1, 0),
    CASE("{" ERRORS ",\"ServiceName\":\"checkout\",\"revision\":\"new1\",\"service\":\"checkout\","
         "\"errors\":1}",
         NULL, 1, 0),
    CASE("{" AWS(
             DIRECTIVE("http", "[[]]",
                       "{\"Name\":\"errors\"}")) ",\"ServiceName\":"
                                                 "\"checkout\",\"revision\":\"new1\",\"errors\":1}",
         NULL, 1, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Values\":[1,2],\"Counts\":[3,4],\"Min\":1,\"Max\":2}}",
         NULL, 1, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Count\":4,\"Sum\":7,\"Min\":1,\"Max\":2}}", NULL, 1, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":1,\"x\":{\"deep\":[[{\"a\":null}],true,\"\\\"}\"]}}", NULL,
         1, 0),
    CASE("{" ERRORS "," WHO ",\"\\u0065rrors\":1}", NULL, 1, 0),
    CASE("{" ONE("other") "," WHO ",\"other\":1}", NULL, 0, 1),
    CASE("{" AWS("") "," WHO "}", NULL, 0, 0), /* nothing to take */
    CASE("{" AWS(DIRECTIVE(
             "http", "[[\"service\"],[\"cohort\"]]",
             "{\"Name\":\"errors\",\"Unit\":\"Count\",\"StorageResolution\":1},"
             "{\"Name\":\"requests\",\"Unit\":\"None\"}")) "," WHO ",\"errors\":1,\"requests\":9}",
         NULL, 2, 0),
    /* the same value twice under one name counts once, under two names twice */
    CASE("{" AWS(DIRECTIVE("http", "[[\"service\"]]", "{\"Name\":\"errors\"}") "," DIRECTIVE(
             "http", "[[\"cohort\"]]",
             "{\"Name\":\"errors\"},{\"Name\":\"errors\"}")) "," WHO ",\"errors\":1}",
         NULL, 1, 0),
    CASE("{" AWS(DIRECTIVE("http", "[]", "{\"Name\":\"errors\"}") "," DIRECTIVE(
             "web", "[]", "{\"Name\":\"errors\"}")) "," WHO ",\"errors\":1}",
         NULL, 1, 1),

    CASE("[]", "a JSON object was expected", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":1", "no JSON after member 4", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":1} x", "something follows the document", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":[1,2}", "the value of \"errors\" is no JSON", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":nul}", "the value of \"errors\" is no JSON", 0, 0),
    CASE("{" WHO ",\"errors\":1}", "no member _aws", 0, 0),
    CASE("{\"_aws\":1," WHO ",\"errors\":1}", "_aws must be an object", 0, 0),
    CASE("{\"_aws\":{\"CloudWatchMetrics\":[]}," WHO "}", "_aws.Timestamp must be in milliseconds",
         0, 0),
    CASE("{\"_aws\":{\"Timestamp\":\"now\",\"CloudWatchMetrics\":[]}}", "_aws.Timestamp must be", 0,
         0),
    CASE("{\"_aws\":{\"Timestamp\":1795400005500,\"CloudWatchMetrics\":[]}}",
         "lies 5.25 s ahead; at most 5 s", 0, 0),
    CASE("{\"_aws\":{\"Timestamp\":1795400000250}," WHO "}", "CloudWatchMetrics must be a list", 0,
         0),
    CASE("{\"_aws\":{\"Timestamp\":1795400000250,\"CloudWatchMetrics\":[1]}}",
         "CloudWatchMetrics must be a list of objects", 0, 0),
    CASE("{" AWS("{\"Dimensions\":[],\"Metrics\":[]}") "}", "a directive has no Namespace", 0, 0),
    CASE("{" AWS("{\"Namespace\":\"http\",\"Metrics\":[]}") "}",
         "Dimensions must be a list of lists", 0, 0),
    CASE("{" AWS("{\"Namespace\":\"http\",\"Dimensions\":[]}") "}", "Metrics must be a list of", 0,
         0),
    CASE("{" AWS(DIRECTIVE("http", "[[\"zone\"]]", "{\"Name\":\"errors\"}")) "," WHO
                                                                             ",\"errors\":1}",
         "dimension zone must be a text of the document", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[[\"errors\"]]", "{\"Name\":\"errors\"}")) "," WHO
                                                                               ",\"errors\":1}",
         "dimension errors must be a text", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[[1]]", "{\"Name\":\"errors\"}")) "," WHO ",\"errors\":1}",
         "a dimension set must be a list of at most 30 names", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[\"service\"]", "{\"Name\":\"errors\"}")) "," WHO
                                                                              ",\"errors\":1}",
         "Dimensions must be a list of lists", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[]", "{\"Unit\":\"Count\"}")) "," WHO ",\"errors\":1}",
         "a metric has no Name", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[]",
                           "{\"Name\":\"errors\",\"Unit\":\"Furlongs\"}")) "," WHO ",\"errors\":1}",
         "metric errors: the unit is none of CloudWatch's", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[]",
                           "{\"Name\":\"errors\",\"StorageResolution\":5}")) "," WHO
                                                                             ",\"errors\":1}",
         "metric errors: StorageResolution must be 1 or 60", 0, 0),
    CASE("{" ERRORS "," WHO "}", "metric errors has no value in the document", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":\"1\"}", "errors must be a number, an array", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":[]}", "errors must hold numbers, at least one", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":[1,\"2\"]}", "errors must hold numbers", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":-1}", "value -1 is negative", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Values\":[1,2],\"Counts\":[3]}}",
         "errors has 2 values and 1 counts", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Values\":[1],\"Counts\":[0.5]}}",
         "errors counts 0.5 samples", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Values\":1}}", "Values and Counts of errors must be", 0,
         0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Count\":1,\"Sum\":1}}",
         "errors is an object: want numbers Count, Sum, Min and Max", 0, 0),
    CASE("{" ERRORS "," WHO ",\"errors\":{\"Count\":2,\"Sum\":3,\"Min\":2,\"Max\":1}}",
         "Min of errors is above its Max", 0, 0),
    CASE("{" ERRORS ",\"cohort\":\"candidate\",\"errors\":1}", "dimension service must be a text",
         0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[]", "{\"Name\":\"errors\"}")) ",\"service\":\"checkout\","
                                                                   "\"errors\":1}",
         "neither cohort nor revision", 0, 0),
    CASE("{" AWS(DIRECTIVE("http", "[]", "{\"Name\":\"errors\"}")) ",\"service\":{},\"errors\":1}",
         "\"service\" must be a text", 0, 0),
};

static void table(void)
{
    struct harness *h = harness_new(&ingest_emf);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct emf_case *c = &cases[i];
        harness_scan(h, c->text, strlen(c->text));
        const struct ingest_answer *a = &h->answer;
        bool fits = a->taken == c->taken && a->unrouted == c->unrouted && a->lines == 1 &&
                    (a->refused == (c->refusal ? 1u : 0u));
        if (fits && c->refusal)
            fits = strstr(a->refusals[0].reason, c->refusal) != NULL;
        if (!fits)
            t_fail(__FILE__, c->line, "taken %llu, unrouted %llu, refused %llu: %s",
                   (unsigned long long)a->taken, (unsigned long long)a->unrouted,
                   (unsigned long long)a->refused, a->n_refusals ? a->refusals[0].reason : "");
    }
    harness_free(h);
}

static void scan(struct harness *h, const char *text)
{
    harness_scan(h, text, strlen(text));
}

/* What a value becomes, by the metric's kind: r1's quantile, mean, ratio of sum to number. */
static void kinds(void)
{
#define VALUE(name, value)                                                                         \
    "{" AWS(DIRECTIVE("size", "[]", "{\"Name\":\"" name "\"}")) "," WHO ",\"" name "\":" value "}" \
                                                                "\n"
    struct harness *h = harness_new(&ingest_emf);
    struct harness_sum sum;
    scan(h, VALUE("ms", "[10,20]") VALUE("ms", "{\"Values\":[5,30],\"Counts\":[2,3]}")
                VALUE("ms", "{\"Count\":10,\"Sum\":150,\"Min\":1,\"Max\":100}")
                    VALUE("ms", "{\"Count\":7,\"Sum\":14,\"Min\":2,\"Max\":2}"));
    T_EQ_INT(h->answer.taken, 4);
    T_EQ_INT(h->answer.samples, 2 + 2 + 10 + 7);
    harness_sum(h, 1, 6, COHORT_CANDIDATE, &sum);
    T_EQ_INT(sum.hist.n, 2 + 5 + 10 + 7);
    T_EQ_INT(hist_count_below(&sum.hist, hist_bucket(3)), 8);     /* the set's 1, and the 2s */
    T_EQ_INT(hist_count_reaching(&sum.hist, hist_bucket(3)), 16); /* and the span of eight */
    hist_release(&sum.hist);

    scan(h, VALUE("mean", "[10,20]") VALUE("mean", "{\"Values\":[40],\"Counts\":[2]}")
                VALUE("mean", "{\"Count\":2,\"Sum\":12,\"Min\":2,\"Max\":10}")
                    VALUE("mean", "{\"Count\":3,\"Sum\":12,\"Min\":4,\"Max\":4}")
                        VALUE("mean", "{\"Count\":3,\"Sum\":12,\"Min\":2,\"Max\":10}"));
    T_EQ_INT(h->answer.taken, 4);
    T_EQ_INT(h->answer.refused, 1);
    T_CHECK(
        strstr(h->answer.refusals[0].reason, "a mean needs the single values, and a statistic"));
    harness_sum(h, 1, 7, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.exposure, 2 + 2 + 2 + 3, 0, 0);
    T_NEAR(sum.events, 30 + 80 + 12 + 12, 1e-12, 0);

    scan(h, VALUE("bytes", "[10,20]") VALUE("bytes", "{\"Values\":[40],\"Counts\":[2]}")
                VALUE("bytes", "{\"Count\":3,\"Sum\":12.5,\"Min\":2,\"Max\":10}"));
    T_EQ_INT(h->answer.taken, 3);
    harness_sum(h, 1, 8, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.events, 30 + 80 + 12.5, 0, 0);
    T_NEAR(sum.exposure, 2 + 2 + 3, 0, 0);
    harness_free(h);
}

/* Labels that releases choose by are read from any property; others make no series. */
static void properties(void)
{
    struct harness *h = harness_new(&ingest_emf);
    struct harness_sum sum;
    char line[600];
    for (int i = 0; i < 10; i++) {
        snprintf(line, sizeof(line),
                 "{" AWS(DIRECTIVE(
                     "lb", "[[]]",
                     "{\"Name\":\"5xx\"},{\"Name\":\"requests\"}")) ","
                                                                    "\"TargetGroup\":\"%s\","
                                                                    "\"requestId\":\"%d\",\"5xx\":"
                                                                    "1,\"requests\":%d}",
                 i % 2 ? "a" : "b", i, 10 + i);
        scan(h, line);
        T_EQ_INT(h->answer.taken, 2);
    }
    T_EQ_INT(h->shard.series.len, 4);
    harness_sum(h, 1, 4, COHORT_BASELINE, &sum);
    T_NEAR(sum.events, 5, 0, 0);
    T_NEAR(sum.exposure, 11 + 13 + 15 + 17 + 19, 0, 0);
    harness_free(h);
}

/* PutLogEvents and a subscription: log lines of other kinds pass. */
static void log_events(void)
{
    struct harness *h = harness_new(&ingest_emf);
    scan(h,
         "{\"messageType\":\"DATA_MESSAGE\",\"logGroup\":\"g\",\"logEvents\":["
         "{\"id\":\"1\",\"timestamp\":1795400000250,\"message\":\"{\\\"_aws\\\":{\\\"Timestamp\\\":"
         "1795400000250,\\\"CloudWatchMetrics\\\":[{\\\"Namespace\\\":\\\"http\\\","
         "\\\"Dimensions\\\":[],\\\"Metrics\\\":[{\\\"Name\\\":\\\"errors\\\"}]}]},"
         "\\\"service\\\":\\\"checkout\\\",\\\"cohort\\\":\\\"candidate\\\",\\\"errors\\\":3}\"},"
         "{\"message\":\"START RequestId: 1\"},{\"message\":\"{\\\"level\\\":\\\"info\\\"}\"},"
         "{\"message\":\"{broken\"}]}\n"
         "{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[{\"message\":\"CWL CONTROL "
         "MESSAGE: Checking health of destination\"}]}\n"
         "{\"logEvents\":[{\"timestamp\":1}]}\n");
    T_EQ_INT(h->answer.lines, 3);
    T_EQ_INT(h->answer.taken, 1);
    T_EQ_INT(h->answer.unrouted, 4);
    T_EQ_INT(h->answer.refused, 1);
    T_EQ_INT(h->answer.refusals[0].line, 3);
    struct harness_sum sum;
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.events, 3, 0, 0);
    harness_free(h);
}

/* Past each limit: named, and what is before it counts. */
static void limits(void)
{
    struct harness *h = harness_new(&ingest_emf);
    struct buf b;
    buf_init(&b, (size_t)4 << 20);
    buf_add_str(&b, "{" ERRORS "," WHO ",\"errors\":[0");
    for (int i = 1; i < EMF_VALUES_MAX; i++)
        buf_add_str(&b, ",1");
    size_t whole = b.len;
    buf_add_str(&b, "]}");
    harness_scan(h, b.data, b.len);
    T_EQ_INT(h->answer.samples, EMF_VALUES_MAX);
    b.len = whole;
    buf_add_str(&b, ",1]}");
    harness_scan(h, b.data, b.len);
    T_CHECK(strstr(h->answer.refusals[0].reason, "more than 100 values"));

    buf_clear(&b);
    buf_add_str(&b, "{" ERRORS "," WHO ",\"errors\":1");
    for (int i = 4; i < EMF_MEMBERS_MAX; i++)
        buf_addf(&b, ",\"p%d\":%d", i, i);
    whole = b.len;
    buf_add_str(&b, "}");
    harness_scan(h, b.data, b.len);
    T_EQ_INT(h->answer.taken, 1);
    b.len = whole;
    buf_add_str(&b, ",\"x\":1}");
    harness_scan(h, b.data, b.len);
    T_CHECK(strstr(h->answer.refusals[0].reason, "more than 256 members"));

    buf_clear(&b);
    buf_add_str(&b, "{" WHO ",\"errors\":1,\"_aws\":{\"Timestamp\":1795400000250,"
                    "\"CloudWatchMetrics\":[{\"Namespace\":\"http\",\"Dimensions\":[],\"Metrics\":["
                    "{\"Name\":\"errors\"}");
    for (int i = 1; i <= EMF_METRICS_MAX; i++)
        buf_add_str(&b, ",{\"Name\":\"errors\"}");
    buf_add_str(&b, "]}]}}");
    harness_scan(h, b.data, b.len);
    T_EQ_INT(h->answer.taken, 1);
    T_CHECK(strstr(h->answer.refusals[0].reason, "more than 100 metrics"));

    buf_clear(&b);
    buf_add_str(&b, "{\"_aws\":{\"Timestamp\":1795400000250,\"CloudWatchMetrics\":[");
    for (int i = 0; i <= EMF_DIRECTIVES_MAX; i++)
        buf_add_str(&b, i ? ",{\"Namespace\":\"a\",\"Dimensions\":[],\"Metrics\":[]}"
                          : "{\"Namespace\":\"a\",\"Dimensions\":[],\"Metrics\":[]}");
    buf_add_str(&b, "]}}");
    harness_scan(h, b.data, b.len);
    T_CHECK(strstr(h->answer.refusals[0].reason, "more than 32 metric directives"));

    buf_clear(&b); /* as large as a document may be, with a deep value in it */
    buf_add_str(&b, "{" ERRORS "," WHO ",\"errors\":1,\"x\":");
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_add_char(&b, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_add_char(&b, ']');
    buf_add_str(&b, ",\"text\":\"");
    while (b.len < EMF_DOCUMENT_BYTES_MAX - 2)
        buf_add_char(&b, 'x');
    buf_add_str(&b, "\"}");
    T_EQ_INT(b.len, EMF_DOCUMENT_BYTES_MAX);
    harness_scan(h, b.data, b.len);
    T_EQ_INT(h->answer.taken, 1);
    buf_add_char(&b, ' ');
    harness_scan(h, b.data, b.len);
    T_CHECK(strstr(h->answer.refusals[0].reason, "longer than 1048576 bytes"));
    buf_clear(&b);
    buf_add_str(&b, "{\"x\":");
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        buf_add_char(&b, '[');
    harness_scan(h, b.data, b.len);
    T_CHECK(strstr(h->answer.refusals[0].reason, "is no JSON"));
    buf_release(&b);
    harness_free(h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"table", table},           {"kinds", kinds},   {"properties", properties},
        {"log events", log_events}, {"limits", limits},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
