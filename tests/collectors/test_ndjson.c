#include "tests/collectors/harness.h"
#include "tests/t.h"

struct object_case {
    int line;
    const char *text;
    const char *refusal; /* part of the reason; NULL: not refused */
    uint64_t taken, unrouted;
};

#define CASE(...)                                                                                  \
    {                                                                                              \
        __LINE__, __VA_ARGS__                                                                      \
    }

#define S "\"service\":\"checkout\",\"cohort\":\"candidate\""
#define E "\"metric\":\"http.errors\""
#define X "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* 64,933,178 times the value 100, by hdrhistogram (tests/golden/hdr.txt) */
#define HDR "\"hdr\":\"HISTFAAAACN4nJNpmSzMwMDAxgABzFCaEUqn2H+AMI4zftnyzRYAXH8Ghw==\""
#define MS  "\"metric\":\"latency_ms\""

static const struct object_case cases[] = {
    CASE("{" S "," MS "," HDR "}", NULL, 1, 0),
    CASE("{" S "," MS "," HDR ",\"scale\":0.001,\"ts\":1795400000}", NULL, 1, 0),
    CASE("{" S ",\"metric\":\"other\"," HDR "}", NULL, 0, 1),
    CASE("{" S "," MS "," HDR ",\"value\":1}", "leave value and count out", 0, 0),
    CASE("{" S "," MS "," HDR ",\"count\":1}", "leave value and count out", 0, 0),
    CASE("{" S "," MS "," HDR ",\"scale\":0}", "scale is how much a unit of hdr is", 0, 0),
    CASE("{" S "," MS ",\"value\":1,\"scale\":1}", "scale is how much a unit of hdr is", 0, 0),
    CASE("{" S "," MS ",\"hdr\":\"HISTFAA*\"}", "hdr is not base64", 0, 0),
    CASE("{" S "," MS ",\"hdr\":\"AAAAAAAAAAAAAAAA\"}", "no V2 encoding", 0, 0),
    CASE("{" S "," MS ",\"hdr\":\"\"}", "HdrHistogram: cut short", 0, 0),
    CASE("{" S "," E "," HDR "}", "a count needs the single values, and a histogram does not hold",
         0, 0),
    CASE("{" S ",\"metric\":\"order.value\"," HDR "}", "a mean needs the single values", 0, 0),
    CASE("{" S ",\"metric\":\"lb.5xx\",\"value\":1,\"labels\":{\"TargetGroup\":\"a\"}}", NULL, 1,
         0),
    CASE("{\"service\":\"checkout\",\"metric\":\"lb.5xx\",\"value\":1,\"labels\":{\"zone\":"
         "\"1\",\"TargetGroup\":\"b\"}}",
         NULL, 1, 0),
    CASE("{\"service\":\"checkout\",\"metric\":\"lb.5xx\",\"value\":1,\"labels\":{}}",
         "neither cohort nor revision is given", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"labels\":[]}", "labels must be an object of strings", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"labels\":{\"a\":1}}", "labels must be an object of strings", 0,
         0),
    CASE("{" S "," E ",\"value\":1,\"labels\":{\"cohort\":\"baseline\"}}",
         "cohort is a field, no label", 0, 0),
    CASE("{" S "," E ",\"value\":1}", NULL, 1, 0),
    CASE(" \t{ \"value\" : 1.5 , " E " , " S " } \t", NULL, 1, 0),
    CASE("{" S "," E ",\"value\":1,\"ts\":1795400000.25,\"unit\":\"user-17\"}", NULL, 1, 0),
    CASE("{" S "," E ",\"value\":1,\"ts\":1795400005.2}", NULL, 1, 0),
    CASE("{" S "," E ",\"value\":0,\"count\":12}", NULL, 1, 0),
    CASE("{\"service\":\"checkout\",\"revision\":\"old\"," E ",\"value\":1}", NULL, 1, 0),
    CASE("{\"service\":\"check\\u006fut\",\"cohort\":\"bas\\u0065line\",\"m\\u0065tric\":\"http."
         "errors\",\"value\":1}",
         NULL, 1, 0),
    CASE("{" S ",\"metric\":\"latency_ms\",\"value\":12.5}", NULL, 1, 0),
    CASE("{" S ",\"metric\":\"other\",\"value\":1}", NULL, 0, 1),
    CASE("{" S ",\"metric\":\"\\ud83d\\ude00\\n\\\"\\\\\\/\\b\\f\\r\\t\",\"value\":1}", NULL, 0, 1),
    CASE("{\"service\":\"search\",\"cohort\":\"baseline\"," E ",\"value\":1}", NULL, 0, 1),
    CASE("{" S "," E ",\"value\":1,\"ts\":1795399000}", NULL, 0, 1), /* before the release began */

    CASE("{" S "," E ",\"value\":1,\"ts\":1795400005.5}", "ts lies 5.25 s ahead; at most 5 s", 0,
         0),
    CASE("{" S "," E ",\"value\":1,\"ts\":1795400000250}",
         "ts 1.7954e+12 is not in seconds since 1970", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"ts\":-1}", "ts -1 is not in seconds", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"ts\":\"now\"}", "ts must be a number", 0, 0),
    CASE("{" S "," E "}", "value is missing", 0, 0),
    CASE("{" S ",\"value\":1}", "metric is missing", 0, 0),
    CASE("{" S ",\"metric\":\"\",\"value\":1}", "metric is missing", 0, 0),
    CASE("{\"cohort\":\"baseline\"," E ",\"value\":1}", "service is missing", 0, 0),
    CASE("{\"service\":\"checkout\"," E ",\"value\":1}", "neither cohort nor revision is given", 0,
         0),
    CASE("{" S ",\"revision\":\"old\"," E ",\"value\":1}", "cohort and revision are both given", 0,
         0),
    CASE("{\"service\":\"checkout\",\"cohort\":\"canary\"," E ",\"value\":1}",
         "cohort is \"canary\"", 0, 0),
    CASE("{\"service\":\"checkout\",\"cohort\":null," E ",\"value\":1}", "cohort must be a string",
         0, 0),
    CASE("{\"service\":12,\"cohort\":\"baseline\"," E ",\"value\":1}", "service must be a string",
         0, 0),
    CASE("{\"service\":\"" X "\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service is longer than 63 bytes", 0, 0),
    CASE("{\"service\":\"checkout\",\"revision\":\"" X X X "\"," E ",\"value\":1}",
         "revision is longer than 128 bytes", 0, 0),
    CASE("{" S ",\"metric\":\"" X X X X X X X X X "\",\"value\":1}",
         "metric is longer than 512 bytes", 0, 0),
    CASE("{" S "," E ",\"value\":\"1\"}", "value must be a number", 0, 0),
    CASE("{" S "," E ",\"value\":true}", "value must be a number", 0, 0),
    CASE("{" S "," E ",\"value\":NaN}", "value must be a number", 0, 0),
    CASE("{" S "," E ",\"value\":1e999}", "value must be a number", 0, 0),
    CASE("{" S "," E ",\"value\":1.}", "value must be a number", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"count\":0}", "count is 0; it must be a whole number from 1", 0,
         0),
    CASE("{" S "," E ",\"value\":1,\"count\":1.5}", "count is 1.5", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"count\":1e12}", "count is 1e+12", 0, 0),
    CASE("{" S "," E ",\"value\":-1}", "value -1 is negative", 0, 0),
    CASE("{" S "," E ",\"value\":1e10,\"count\":1e9}", "value 1e+10 is too large", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"tags\":{}}", "unknown field \"tags\"", 0, 0),
    CASE("{" S "," E ",\"value\":1,\"value\":2}", "field \"value\" is given twice", 0, 0),
    CASE("{" S "," E ",\"value\":1", "not closed or lacks a comma", 0, 0),
    CASE("{" S "," E ",\"value\":1,}", "a field name in quotes was expected", 0, 0),
    CASE("{" S "," E " \"value\":1}", "not closed or lacks a comma", 0, 0),
    CASE("{" S "," E ",\"value\":1} x", "something follows the object", 0, 0),
    CASE("{" S "," E ",\"value\" 1}", "\":\" expected after \"value\"", 0, 0),
    CASE("{value:1}", "a field name in quotes was expected at byte 1", 0, 0),
    CASE("{\"service", "a field name in quotes", 0, 0),
    CASE("{}", "service is missing", 0, 0),
    CASE("[]", "a JSON object was expected", 0, 0),
    CASE("1", "a JSON object was expected", 0, 0),
    CASE("http.errors:1|c", "a JSON object was expected", 0, 0),
    CASE("{\"service\":\"a\\u0000b\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service must be a string", 0, 0),
    CASE("{\"service\":\"\\ud800x\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service must be a string", 0, 0),
    CASE("{\"service\":\"\\udc00\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service must be a string", 0, 0),
    CASE("{\"service\":\"\\u12g4\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service must be a string", 0, 0),
    CASE("{\"service\":\"\\x\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service must be a string", 0, 0),
    CASE("{\"service\":\"a\x01\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "service must be a string", 0, 0),
    CASE("{\"service\":\"cart\",\"cohort\":\"baseline\"," E ",\"value\":1}",
         "release r3 takes samples only from authenticated senders", 0, 0),
};

static void each_line(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct object_case *c = &cases[i];
        struct harness *h = harness_new(&ingest_ndjson);
        harness_scan(h, c->text, strlen(c->text));
        bool ok = h->answer.taken == c->taken && h->answer.unrouted == c->unrouted &&
                  h->answer.refused == (c->refusal != NULL) && h->answer.lines == 1;
        if (ok && c->refusal)
            ok = strstr(h->answer.refusals[0].reason, c->refusal) != NULL;
        if (!ok)
            t_fail(__FILE__, c->line, "%s: taken %d, unrouted %d, refused %d: %s", c->text,
                   (int)h->answer.taken, (int)h->answer.unrouted, (int)h->answer.refused,
                   h->answer.refusals[0].reason);
        if (!h->answer.taken && h->shard.open.len != 0)
            t_fail(__FILE__, c->line, "%s: not taken, but sums were made", c->text);
        harness_free(h);
    }
}

static void sums_are_right(void)
{
    struct harness *h = harness_new(&ingest_ndjson);
    static const char body[] =
        "{" S "," E ",\"value\":1}\n"
        "{" S "," E ",\"value\":0.5,\"count\":4}\r\n"
        "\n"
        "{" S "," E ",\"value\":1,\"ts\":1795399990.999999}\n"
        "{" S ",\"metric\":\"http.requests\",\"value\":50}\n"
        "{\"service\":\"checkout\",\"revision\":\"new2\"," E ",\"value\":7}\n"
        "{" S ",\"metric\":\"latency_ms\",\"value\":250,\"count\":3}\n"
        "oops\n"
        "{" S ",\"metric\":\"latency_ms\",\"value\":100}";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.lines, 8);
    T_EQ_INT(h->answer.taken, 7);
    T_EQ_INT(h->answer.refused, 1);
    T_EQ_INT(h->answer.refusals[0].line, 8);
    struct harness_sum s;
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &s);
    T_NEAR(s.events, 4, 0, 0);
    T_NEAR(s.exposure, 50, 0, 0);
    T_EQ_INT(s.blocks, 2);
    harness_sum(h, 2, 0, COHORT_CANDIDATE, &s);
    T_NEAR(s.events, 11, 0, 0);
    harness_sum(h, 1, 1, COHORT_CANDIDATE, &s);
    T_EQ_INT(s.hist.n, 4);
    T_NEAR(hist_quantile(&s.hist, 0.25), 100, 0.005, 0);
    T_NEAR(hist_quantile(&s.hist, 0.5), 250, 0.005, 0);
    hist_release(&s.hist);
    harness_free(h);
}

/* Each bucket's values lie in its span. */
static void histograms(void)
{
    struct harness *h = harness_new(&ingest_ndjson);
    static const char body[] = "{" S "," MS "," HDR ",\"scale\":0.5}";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.samples, 64933178);
    struct harness_sum s;
    harness_sum(h, 1, 1, COHORT_CANDIDATE, &s);
    T_EQ_INT(s.hist.n, 64933178);
    T_EQ_INT(s.samples, 64933178);
    T_EQ_INT(s.hist.len, 1);
    T_EQ_INT(s.hist.cells[0].lo, hist_bucket(50));
    T_EQ_INT(s.hist.cells[0].hi, hist_bucket(50));
    hist_release(&s.hist);
    harness_free(h);
}

/* The block of a sample is that of its own time, also on the edges. */
static void blocks(void)
{
    struct harness *h = harness_new(&ingest_ndjson);
    static const char body[] = "{" S "," E ",\"value\":1,\"ts\":1795399999}\n"
                               "{" S "," E ",\"value\":1,\"ts\":1795399999.999999}\n"
                               "{" S "," E ",\"value\":1,\"ts\":1795400000}\n";
    harness_scan(h, body, sizeof(body) - 1);
    uint32_t i = 0;
    const struct sums *s;
    while ((s = sums_set_next(&h->shard.open, &i))) {
        T_CHECK(s->key.block == 1795399999 || s->key.block == 1795400000);
        T_NEAR(s->events, s->key.block == 1795399999 ? 2 : 1, 0, 0);
    }
    harness_free(h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"each line", each_line},
        {"sums are right", sums_are_right},
        {"histograms", histograms},
        {"blocks", blocks},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
