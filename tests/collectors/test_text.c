#include "collectors/wire/scan.h"
#include "lib/base/num.h"
#include "collectors/counters.h"
#include "tests/collectors/harness.h"
#include "tests/t.h"

#include <stdio.h>

struct text_case {
    int line;
    const char *text;
    const char *refusal; /* part of the reason; NULL: not refused */
    uint64_t taken, unrouted, late;
};

#define CASE(...)                                                                                  \
    {                                                                                              \
        __LINE__, __VA_ARGS__                                                                      \
    }

#define S  "|#service:checkout,cohort:candidate"
#define X4 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct text_case cases[] = {
    CASE("http.errors:1|c" S, NULL, 1, 0, 0),
    CASE("http.errors:1:0:2|c" S, NULL, 1, 0, 0),
    CASE("http.errors:1|c|@0.25" S, NULL, 1, 0, 0),
    CASE("http.errors:1.5e0|c" S, NULL, 1, 0, 0),
    CASE("http.errors:1|c" S ",region:eu,x:,y", NULL, 1, 0, 0),
    CASE("http.errors:1|c" S "|c:abc|e:it-x|card:low", NULL, 1, 0, 0),
    CASE("http.errors:1|c" S "|T1795400000", NULL, 1, 0, 0),
    CASE("http.errors:1|c" S "|T1795400005", NULL, 1, 0, 0),
    CASE("http.errors:1|c|#service:checkout,revision:new1", NULL, 1, 0, 0),
    CASE("http.errors:1|c|#service:checkout,revision:old", NULL, 1, 0, 0),
    CASE("latency_ms:12.5|d" S, NULL, 1, 0, 0),
    CASE("latency_ms:12.5|h" S, NULL, 1, 0, 0),
    CASE("latency_ms:12.5|ms" S, NULL, 1, 0, 0),
    CASE("latency_ms:0|d|@0.1" S, NULL, 1, 0, 0),
    CASE("http.errors:1|c" S "\r", NULL, 1, 0, 0),
    /* nobody asks */
    CASE("other:1|c" S, NULL, 0, 1, 0),
    CASE("temperature:21|g" S, NULL, 0, 1, 0),
    CASE("users:abc|s" S, NULL, 0, 1, 0),
    CASE("http.errors:1|c|#service:search,cohort:baseline", NULL, 0, 1, 0),
    CASE("http.errors:1|c|#service:checkout,revision:ancient", NULL, 0, 1, 0),
    CASE("http.errors:1|c" S "|T1795399000", NULL, 0, 1, 0), /* before the release began */
    /* type against kind */
    CASE("http.errors:1|d" S, "type d (distribution) does not fit a proportion: it takes c", 0, 0,
         0),
    CASE("http.errors:1|ms" S, "type ms (timer) does not fit a proportion", 0, 0, 0),
    CASE("http.errors:1|h" S, "type h (histogram) does not fit a proportion", 0, 0, 0),
    CASE("http.errors:1|g" S, "type g (gauge) does not fit a proportion", 0, 0, 0),
    CASE("http.errors:x|s" S, "type s (set) does not fit a proportion", 0, 0, 0),
    CASE("latency_ms:1|c" S, "type c (counter) does not fit a quantile: it takes d, h or ms", 0, 0,
         0),
    CASE("latency_ms:1|g" S, "type g (gauge) does not fit a quantile", 0, 0, 0),
    CASE("latency_ms:abc|s" S, "type s (set) does not fit a quantile", 0, 0, 0),
    /* who it is from */
    CASE("http.errors:1|c", "the service is missing", 0, 0, 0),
    CASE("http.errors:1|c|#cohort:candidate", "the service is missing", 0, 0, 0),
    CASE("http.errors:1|c|#service:,cohort:candidate", "the service is missing", 0, 0, 0),
    CASE("http.errors:1|c|#service:checkout", "neither cohort nor revision is given", 0, 0, 0),
    CASE("http.errors:1|c|#service:checkout,revision:", "neither cohort nor revision", 0, 0, 0),
    CASE("http.errors:1|c|#service:checkout,cohort:canary",
         "cohort is \"canary\"; it must be baseline or candidate", 0, 0, 0),
    CASE("http.errors:1|c|#service:checkout,cohort:", "cohort is \"\"", 0, 0, 0),
    CASE("http.errors:1|c|#cohort:baseline,service:" X4, "the service is longer than 63 bytes", 0,
         0, 0),
    CASE("http.errors:1|c|#service:checkout,revision:" X4 X4 X4,
         "the revision is longer than 128 bytes", 0, 0, 0),
    CASE("http.errors:1|c|#service:cart,cohort:baseline",
         "release r3 takes samples only from authenticated senders", 0, 0, 0),
    /* shape */
    CASE("http.errors", "no \":\" after the metric name", 0, 0, 0),
    CASE(":1|c" S, "the metric name is missing", 0, 0, 0),
    CASE("http.errors:1", "the type is missing", 0, 0, 0),
    CASE("http.errors:|c" S, "the value is missing", 0, 0, 0),
    CASE("http.errors:abc|c" S, "value \"abc\" is not a number", 0, 0, 0),
    CASE("http.errors:1:|c" S, "value \"1:\" is not a number", 0, 0, 0),
    CASE("http.errors:1:x:2|c" S, "value \"1:x:2\" is not a number", 0, 0, 0),
    CASE("http.errors:nan|c" S, "value \"nan\" is not a number", 0, 0, 0),
    CASE("http.errors:inf|c" S, "is not a number", 0, 0, 0),
    CASE("http.errors:1e999|c" S, "is not a number", 0, 0, 0),
    CASE("http.errors:0x10|c" S, "is not a number", 0, 0, 0),
    CASE("http.errors:1.|c" S, "is not a number", 0, 0, 0),
    CASE("http.errors:.5|c" S, "is not a number", 0, 0, 0),
    CASE("http.errors:-|c" S, "is not a number", 0, 0, 0),
    CASE("http.errors:1|q" S, "type \"q\" is unknown; c, d, h and ms are taken", 0, 0, 0),
    CASE("http.errors:1|m" S, "type \"m\" is unknown", 0, 0, 0),
    CASE("http.errors:1|cc" S, "type \"cc\" is unknown", 0, 0, 0),
    CASE("http.errors:1|" S, "type \"\" is unknown", 0, 0, 0),
    CASE("http.errors:1|c|", "empty section", 0, 0, 0),
    CASE("http.errors:1|c||#service:checkout", "empty section", 0, 0, 0),
    CASE("http.errors:1|c|@0" S, "sample rate is 0; it must be above 0 and at most 1", 0, 0, 0),
    CASE("http.errors:1|c|@1.5" S, "sample rate is 1.5", 0, 0, 0),
    CASE("http.errors:1|c|@-1" S, "sample rate is -1", 0, 0, 0),
    CASE("http.errors:1|c|@1e-30" S, "sample rate is 1e-30", 0, 0, 0),
    CASE("http.errors:1|c|@x" S, "the sample rate is not a number", 0, 0, 0),
    CASE("http.errors:1|c" S "|Tsoon", "the time is not a number", 0, 0, 0),
    CASE("http.errors:1|c" S "|T-5", "time -5 is not in seconds since 1970", 0, 0, 0),
    CASE("http.errors:1|c" S "|T1795400000000", "is not in seconds", 0, 0, 0),
    CASE("http.errors:1|c" S "|T1795400006", "the time lies 5 s ahead; at most 5 s", 0, 0, 0),
    CASE("http.errors:1|c" S "|z:1", "section \"|z:1\" is unknown", 0, 0, 0),
    CASE("http.errors:-1|c" S, "value -1 is negative: a count takes 0 or more", 0, 0, 0),
    CASE("http.errors:1e16|c" S, "value 1e+16 is too large", 0, 0, 0),
    CASE("http.errors:1e15|c|@0.1" S, "value 1e+15 is too large", 0, 0, 0),
    CASE("latency_ms:-0.5|d" S, "value -0.5 is negative: a quantile takes 0 or more", 0, 0, 0),
    CASE("latency_ms:1e30|d" S, "value 1e+30 is too large", 0, 0, 0),
    CASE("_e{5,4}:title|text", "events and service checks are not taken", 0, 0, 0),
    CASE("_sc|db:up|0", "events and service checks are not taken", 0, 0, 0),
    CASE("http.errors:1|c" S ",a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,A,B,C,D,E,F,G",
         "more than 32 tags", 0, 0, 0),
};

static void each_line(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct text_case *c = &cases[i];
        struct harness *h = harness_new(&ingest_text);
        harness_scan(h, c->text, strlen(c->text));
        bool ok = h->answer.taken == c->taken && h->answer.unrouted == c->unrouted &&
                  h->answer.late == c->late && h->answer.refused == (c->refusal != NULL) &&
                  h->answer.lines == 1;
        if (ok && c->refusal)
            ok = strstr(h->answer.refusals[0].reason, c->refusal) != NULL;
        if (!ok)
            t_fail(__FILE__, c->line, "%s: taken %d, unrouted %d, refused %d: %s", c->text,
                   (int)h->answer.taken, (int)h->answer.unrouted, (int)h->answer.refused,
                   h->answer.refusals[0].reason);
        /* a line is taken whole or not at all */
        if (!h->answer.taken && !h->answer.late && h->shard.open.len != 0)
            t_fail(__FILE__, c->line, "%s: not taken, but sums were made", c->text);
        harness_free(h);
    }
}

static void sums_are_right(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char body[] = "http.errors:1|c" S "\n"
                               "\n"
                               "http.errors:2:3|c|@0.5" S "\r\n"
                               "http.requests:100|c" S "\n"
                               "http.requests:7|c|#service:checkout,revision:old\n"
                               "http.requests:9|c|#service:checkout,revision:new2\n"
                               "nonsense\n"
                               "latency_ms:10:20:30|d|@0.25" S "\n"
                               "latency_ms:40|ms|#region:eu,service:checkout,cohort:candidate\n"
                               "latency_ms:50|ms|#region:us,service:checkout,cohort:candidate";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.lines, 9);
    T_EQ_INT(h->answer.taken, 8);
    T_EQ_INT(h->answer.samples, 11);
    T_EQ_INT(h->answer.refused, 1);
    T_EQ_INT(h->answer.refusals[0].line, 7);
    struct harness_sum s;
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &s);
    T_NEAR(s.events, 11, 0, 0);
    T_NEAR(s.exposure, 100, 0, 0);
    T_EQ_INT(s.samples, 4);
    harness_sum(h, 2, 0, COHORT_CANDIDATE, &s); /* the other release of the service */
    T_NEAR(s.events, 11, 0, 0);
    T_NEAR(s.exposure, 109, 0, 0);
    harness_sum(h, 1, 0, COHORT_BASELINE, &s);
    T_NEAR(s.exposure, 7, 0, 0);
    harness_sum(h, 2, 0, COHORT_BASELINE, &s);
    T_NEAR(s.exposure, 7, 0, 0);
    harness_sum(h, 1, 1, COHORT_CANDIDATE, &s);
    T_EQ_INT(s.hist.n, 14);
    T_NEAR(hist_quantile(&s.hist, 0.2), 10, 0.005, 0);
    T_NEAR(hist_quantile(&s.hist, 0.5), 20, 0.005, 0);
    T_NEAR(hist_quantile(&s.hist, 1), 50, 0.005, 0);
    hist_release(&s.hist);
    harness_sum(h, 1, 2, COHORT_CANDIDATE, &s); /* where region: eu */
    T_EQ_INT(s.hist.n, 1);
    hist_release(&s.hist);
    harness_free(h);
}

/* The same lines in any order of tags, and again after the routes changed, land in the same sums.
 */
static void values_are_capped(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char text[] = "order.value:10:20:300|d" S "\n"
                               "order.value:7|d|@0.5" S "\n"
                               "order.value:-1|d" S "\n"
                               "order.value:1|c" S "\n"
                               "order.value:1e300|d" S "\n";
    struct harness_sum s;
    harness_scan(h, text, sizeof(text) - 1);
    T_EQ_INT(h->answer.taken, 2);
    T_EQ_INT(h->answer.refused, 3);
    T_HAS_STR(h->answer.refusals[0].reason, "value -1 is negative: a mean takes 0 or more");
    T_HAS_STR(h->answer.refusals[1].reason, "does not fit a mean: it takes d, h or ms");
    T_HAS_STR(h->answer.refusals[2].reason, "too large");
    harness_sum(h, 1, 3, COHORT_CANDIDATE, &s);
    T_NEAR(s.events, 10 + 20 + 50 + 7 + 7, 1e-12, 0); /* 300 counts as 50; 0.5: twice */
    T_NEAR(s.exposure, 5, 0, 0);
    T_EQ_INT(s.samples, 5);
    harness_free(h);
}

static void series_are_resolved_again(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char line[] = "http.errors:1|c" S;
    harness_scan(h, line, sizeof(line) - 1);
    routes_unref(h->shard.routes);
    h->shard.routes = routes_build(NULL, 0, NULL);
    uint32_t handle = 10;
    routes_bind(h->shard.routes, 2, harness_marks, &handle);
    harness_scan(h, line, sizeof(line) - 1);
    T_EQ_INT(h->answer.taken, 0);
    T_EQ_INT(h->answer.unrouted, 1);
    routes_unref(h->shard.routes);
    h->shard.routes = harness_routes(3);
    harness_scan(h, line, sizeof(line) - 1);
    T_EQ_INT(h->answer.taken, 1);
    struct harness_sum s;
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &s);
    T_NEAR(s.events, 2, 0, 0);
    harness_free(h);
}

static void late_lines(void)
{
    struct harness *h = harness_new(&ingest_text);
    size_t n;
    const struct release_route *r = routes_list(h->shard.routes, &n);
    int64_t now_block = block_of((struct wall){NOW_US}, US_PER_SECOND);
    for (size_t i = 0; i < n; i++)
        atomic_store(&r[i].marks->sealed[0], now_block - 5);
    static const char recent[] = "http.errors:1|c" S "|T1795399995";
    harness_scan(h, recent, sizeof(recent) - 1);
    T_EQ_INT(h->answer.late, 1);
    T_EQ_INT(h->answer.taken, 0);
    struct harness_sum s;
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &s);
    T_EQ_INT(s.samples, 1); /* goes on to the store, which counts it as late */
    static const char old[] = "http.errors:1|c" S "|T1795399935";
    harness_scan(h, old, sizeof(old) - 1);
    T_EQ_INT(h->answer.late, 1);
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &s);
    T_EQ_INT(s.samples, 2); /* however late */
    static const char open[] = "http.errors:1|c" S "|T1795399996";
    harness_scan(h, open, sizeof(open) - 1);
    T_EQ_INT(h->answer.taken, 1);
    harness_free(h);
}

static void limits(void)
{
    struct harness *h = harness_new(&ingest_text);
    char *big = mem_alloc(2 * LINE_BYTES_MAX);
    memset(big, 'a', 2 * LINE_BYTES_MAX);
    harness_scan(h, big, LINE_BYTES_MAX + 1);
    T_EQ_INT(h->answer.refused, 1);
    T_HAS_STR(h->answer.refusals[0].reason, "the line is longer than 8192 bytes");
    memcpy(big + SERIES_KEY_BYTES_MAX, ":1|c", 4);
    memcpy(big + SERIES_KEY_BYTES_MAX + 4, S, sizeof(S) - 1);
    harness_scan(h, big, SERIES_KEY_BYTES_MAX + 4 + sizeof(S) - 1);
    T_HAS_STR(h->answer.refusals[0].reason, "name and tags are longer than 1024 bytes");
    free(big);

    /* the list of refusals is bounded, the count is not */
    char bad[] = "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n";
    harness_scan(h, bad, sizeof(bad) - 1);
    T_EQ_INT(h->answer.refused, 25);
    T_EQ_INT(h->answer.n_refusals, REFUSALS_LISTED_MAX);

    /* series: full, then room again for others once the old ones have been idle */
    char line[128];
    const int64_t full = collectors_counted(COUNT_SERIES_FULL);
    for (int i = 0; i <= SERIES_MAX; i++) {
        int len = snprintf(line, sizeof(line), "http.errors:1|c" S ",i:%d", i);
        harness_scan(h, line, (size_t)len);
        T_EQ_INT(h->answer.taken, i < SERIES_MAX);
    }
    T_HAS_STR(h->answer.refusals[0].reason, "the limit of 100000 series, or 32 MB of them, is");
    T_CHECK(collectors_counted(COUNT_SERIES_FULL) > full);
    h->options.now.us += (SERIES_IDLE_SECONDS + 2) * US_PER_SECOND;
    harness_scan(h, line, strlen(line));
    T_EQ_INT(h->answer.taken, 1);
    T_EQ_INT(h->shard.series.len, 1);

    /* memory */
    h->budget.max = atomic_load(&h->budget.bytes);
    h->options.now.us += US_PER_SECOND;
    harness_scan(h, line, strlen(line));
    T_HAS_STR(h->answer.refusals[0].reason, "too much waits for Redis");
    harness_free(h);
}

/* What a series may say of itself, and one more than that. */
static void label_limits(void)
{
    struct harness *h = harness_new(&ingest_text);
    const struct {
        const char *tag, *reason; /* NULL: taken, though no release may ask for it */
        size_t filler;
    } labels[] = {
        {"service:", NULL, MODEL_NAME_MAX},
        {"service:", "the service is longer than 63 bytes", MODEL_NAME_MAX + 1},
        {"service:checkout,revision:", NULL, REVISION_BYTES_MAX},
        {"service:checkout,revision:", "the revision is longer than 128 bytes",
         REVISION_BYTES_MAX + 1},
    };
    char line[2 * SERIES_KEY_BYTES_MAX];
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        size_t n = (size_t)snprintf(line, sizeof(line), "http.errors:1|c|#%s%s",
                                    i < 2 ? "cohort:baseline," : "", labels[i].tag);
        memset(line + n, 'x', labels[i].filler);
        harness_scan(h, line, n + labels[i].filler);
        T_EQ_INT(h->answer.refused, labels[i].reason != NULL);
        T_EQ_INT(h->answer.unrouted, labels[i].reason == NULL);
        if (labels[i].reason && h->answer.n_refusals)
            T_HAS_STR(h->answer.refusals[0].reason, labels[i].reason);
    }
    /* tags beside service and cohort */
    for (int tags = TAGS_MAX; tags <= TAGS_MAX + 1; tags++) {
        size_t n = (size_t)snprintf(line, sizeof(line), "http.errors:1|c" S);
        for (int i = 0; i < tags; i++)
            n += (size_t)snprintf(line + n, sizeof(line) - n, ",t%d:1", i);
        harness_scan(h, line, n);
        T_EQ_INT(h->answer.taken, tags == TAGS_MAX);
        T_EQ_INT(h->answer.refused, tags > TAGS_MAX);
    }
    T_HAS_STR(h->answer.refusals[0].reason, "more than 32 tags");
    /* names and tags of many bytes fill the table before their number does */
    memset(line, 'k', sizeof(line));
    int i = 0;
    do {
        memcpy(line, "http.errors:1|c|#", 17);
        int n = snprintf(line + 17, 16, "%d", i);
        line[17 + n] = 'k';
        harness_scan(h, line, SERIES_KEY_BYTES_MAX);
    } while (h->shard.series.bytes < SERIES_BYTES_MAX && ++i < SERIES_MAX);
    T_CHECK(i < SERIES_MAX);
    memcpy(line, "http.errors:1|c|#other", 22);
    harness_scan(h, line, SERIES_KEY_BYTES_MAX);
    T_HAS_STR(h->answer.refusals[0].reason, "32 MB of them, is reached");
    harness_free(h);
}

static void services_are_limited(void)
{
    struct err err = {0};
    static const struct spec spec = {.name = "r", .service = "s", .revision = "new"};
    struct route_release *many = mem_alloc_array(SERVICES_MAX + 2, sizeof(*many));
    char(*names)[16] = mem_alloc_array(SERVICES_MAX + 1, 16);
    struct spec *specs = mem_alloc_array(SERVICES_MAX + 1, sizeof(*specs));
    for (int i = 0; i <= SERVICES_MAX; i++) {
        snprintf(names[i], 16, "s%d", i);
        specs[i] = spec;
        specs[i].service = specs[i].name = names[i];
        specs[i].policy.block_us = US_PER_SECOND;
        many[i] =
            (struct route_release){.id = names[i], .spec = &specs[i], .baseline_revision = "old"};
    }
    struct routes *r = routes_build(many, SERVICES_MAX, &err);
    T_CHECK(r != NULL);
    T_EQ_INT(collectors_counted(COUNT_RELEASES_LEFT_OUT), 0);
    routes_unref(r);
    /* one more is left out; what belongs to a service already there is not */
    const struct spec again = {
        .name = "again", .service = "s7", .revision = "new", .policy.block_us = US_PER_SECOND};
    many[SERVICES_MAX + 1] =
        (struct route_release){.id = "again", .spec = &again, .baseline_revision = "old"};
    r = routes_build(many, SERVICES_MAX + 2, &err);
    T_CHECK(r != NULL);
    T_EQ_INT(collectors_counted(COUNT_RELEASES_LEFT_OUT), 1);
    size_t n;
    const struct release_route *list = routes_list(r, &n);
    T_EQ_INT(n, SERVICES_MAX + 1);
    T_EQ_STR(list[n - 1].id, "again");
    T_CHECK(!routes_knows_service(r, names[SERVICES_MAX], strlen(names[SERVICES_MAX])));
    routes_unref(r);
    free(specs);
    free(names);
    free(many);
}

static bool only_cart(void *user, const char *service, size_t len)
{
    return len == 4 && memcmp(service, "cart", 4) == 0;
}

static void senders(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char line[] =
        "http.errors:1|c" S "\nhttp.errors:1|c|#service:cart,cohort:baseline";
    h->options.is_authenticated = true;
    h->options.may_service = only_cart;
    harness_scan(h, line, sizeof(line) - 1);
    T_EQ_INT(h->answer.taken, 1);
    T_EQ_INT(h->answer.refused, 1);
    T_EQ_STR(h->answer.refusals[0].reason, "the token may not write samples of service checkout");
    harness_free(h);
}

/* Our number reader against the C library's, on shortest, long and odd forms. */
static void numbers(void)
{
    uint64_t state = 42;
    for (int i = 0; i < 200000; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        char text[64];
        double v = (double)(int64_t)state / (double)(1ull << (state % 63));
        switch (i % 4) {
        case 0:
            snprintf(text, sizeof(text), "%.*f", (int)(state >> 32 & 15), v);
            break;
        case 1:
            snprintf(text, sizeof(text), "%.17g", v);
            break;
        case 2:
            snprintf(text, sizeof(text), "%lld", (long long)(state >> (state & 63)));
            break;
        default:
            snprintf(text, sizeof(text), "%.3e", v);
        }
        double got = NAN, want = strtod(text, NULL);
        const char *end = scan_number(text, text + strlen(text), &got);
        if (end != text + strlen(text) || memcmp(&got, &want, sizeof(got)) != 0) {
            t_fail(__FILE__, __LINE__, "%s: got %.17g, want %.17g", text, got, want);
            return;
        }
    }
}

/* `of: size:count`: the sum of the values against how many there were. */
static void numbers_of_samples(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char body[] = "size:10:20:30|d|@0.5|#service:checkout,cohort:candidate\n"
                               "size:40|d|#service:checkout,cohort:candidate\n"
                               "size:1|c|#service:checkout,cohort:candidate\n";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.taken, 3);
    struct harness_sum sum;
    harness_sum(h, 1, 5, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.exposure, 7, 0, 0);
    T_NEAR(sum.events, 1, 0, 0); /* the counter's; a distribution has no sum of its own */
    harness_free(h);
}

/* What a client without tags can say, mixed with tags proper. */
static void tags_in_the_name(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char body[] = "http.errors,service=checkout,cohort=candidate:1|c\n"
                               "http.errors,service=checkout:1|c|#cohort:candidate\n"
                               "latency_ms,service=checkout,revision=new1,region=eu:20|ms|@0.5\n"
                               "http.errors,service:1|c\n"
                               "http.errors,:1|c\n";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.taken, 3);
    T_EQ_INT(h->answer.refused, 2);
    T_CHECK(strstr(h->answer.refusals[0].reason, "\"service\" is none"));
    struct harness_sum sum;
    harness_sum(h, 1, 0, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.events, 2, 0, 0);
    harness_sum(h, 1, 2, COHORT_CANDIDATE, &sum); /* by its label */
    T_EQ_INT(sum.hist.n, 2);
    hist_release(&sum.hist);
    harness_free(h);
}

/* A metric that names its cohorts' labels needs neither cohort nor revision, nor a service. */
static void labels_tell_cohorts(void)
{
    struct harness *h = harness_new(&ingest_text);
    static const char body[] = "lb.requests:100|c|#service:checkout,TargetGroup:a\n"
                               "lb.requests:10|c|#TargetGroup:b,Zone:1\n"
                               "lb.5xx:1|c|#TargetGroup:b\n"
                               "lb.5xx:1|c|#TargetGroup:c\n"               /* neither: refused */
                               "lb.5xx:1|c|#TargetGroup:a,TargetGroup:b\n" /* both */
                               "lb.5xx:1|c|#service:cart,TargetGroup:a\n"  /* another service's */
                               "lb.5xx:1|c|#service:cart,cohort:baseline,TargetGroup:b\n"
                               "lb.5xx:7|c|#service:checkout,cohort:baseline,TargetGroup:b\n";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.taken, 4);
    T_EQ_INT(h->answer.refused, 3);
    T_EQ_INT(h->answer.unrouted, 1);
    T_CHECK(strstr(h->answer.refusals[0].reason, "the service is missing"));
    T_CHECK(strstr(h->answer.refusals[2].reason, "neither cohort nor revision"));
    struct harness_sum sum;
    harness_sum(h, 1, 4, COHORT_BASELINE, &sum);
    T_NEAR(sum.exposure, 100, 0, 0);
    T_NEAR(sum.events, 0, 0, 0);
    harness_sum(h, 1, 4, COHORT_CANDIDATE, &sum);
    T_NEAR(sum.exposure, 10, 0, 0);
    T_NEAR(sum.events, 8, 0, 0);
    harness_free(h);
}

static void labels_do_not_widen_a_token(void)
{
    struct harness *h = harness_new(&ingest_text);
    h->options.may_service = only_cart;
    static const char body[] = "lb.requests:10|c|#TargetGroup:b\n";
    harness_scan(h, body, sizeof(body) - 1);
    T_EQ_INT(h->answer.refused, 1);
    T_CHECK(strstr(h->answer.refusals[0].reason, "may not write samples of service checkout"));
    harness_free(h);
}

/* Nothing a sender writes makes a hash forget what stands before or behind it. */
static void no_bytes_blind_the_hash(void)
{
    static const uint64_t known[] = {UINT64_C(0xd1b54a32d192ed03), UINT64_C(0x9e3779b97f4a7c15), 0,
                                     UINT64_MAX};
    uint64_t seen[2 * ARRAY_LEN(known) * 3 * 2] = {0};
    size_t n = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        for (size_t k = 0; k < ARRAY_LEN(known); k++) {
            for (size_t at = 0; at < 24; at += 8) {
                for (char end = 'a'; end <= 'b'; end++) {
                    char bytes[32];
                    memset(bytes, 'x', sizeof(bytes));
                    memcpy(bytes + at, &known[k], sizeof(known[k]));
                    bytes[sizeof(bytes) - 1] = end;
                    seen[n++] = scan_hash(bytes, sizeof(bytes), seed);
                }
            }
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            T_CHECK(seen[i] != seen[j]);
}

/* Each length, each place where they may differ. */
static void equal_is_memcmp(void)
{
    char a[80] = "", b[80] = "";
    for (size_t len = 0; len < sizeof(a); len++) {
        for (size_t i = 0; i < len; i++)
            a[i] = b[i] = (char)('a' + i % 7);
        T_CHECK(scan_equal(a, b, len));
        const uint64_t hash = scan_hash(a, len, 5);
        T_CHECK(scan_hash(b, len, 5) == hash);
        for (size_t at = 0; at < len; at++) {
            b[at] ^= 1;
            T_CHECK(!scan_equal(a, b, len));
            T_CHECK(scan_hash(b, len, 5) != hash);
            b[at] ^= 1;
        }
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"each line", each_line},
        {"sums are right", sums_are_right},
        {"values are capped", values_are_capped},
        {"series are resolved again", series_are_resolved_again},
        {"late lines", late_lines},
        {"limits", limits},
        {"label limits", label_limits},
        {"services are limited", services_are_limited},
        {"senders", senders},
        {"numbers", numbers},
        {"no bytes blind the hash", no_bytes_blind_the_hash},
        {"equal is memcmp", equal_is_memcmp},
        {"tags in the name", tags_in_the_name},
        {"numbers of samples", numbers_of_samples},
        {"labels tell cohorts", labels_tell_cohorts},
        {"labels do not widen a token", labels_do_not_widen_a_token},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
