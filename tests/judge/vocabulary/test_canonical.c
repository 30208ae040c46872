/*
 * Properties of the canonical form, over specs put together at random (seed below): it reads back
 * to the same bytes, does not depend on the order of members nor on the syntax, and is the same
 * whether a default is written or left out.
 */
#include "judge/vocabulary/vocabulary.h"

#include <stdio.h>

#include "lib/model/spec.h"
#include "tests/t.h"

#define SPECS     3000
#define TEXT_MAX  65536
#define MAX_PARTS 16

static uint64_t random_state = 20261123;

static unsigned pick(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % n;
}

/* The canonical form in the arena, or NULL with the test failed. */
static const char *canonical(struct arena *a, const char *text)
{
    struct err err = {0};
    struct spec spec;
    struct spec_options options = {vocabulary_all(), true};
    struct node *n = node_read(a, text, strlen(text), &err);
    if (!n || spec_read(&spec, n, &options, NULL, a, &err) != 0) {
        t_fail(__FILE__, __LINE__, "%s\n%s", err.message, text);
        return NULL;
    }
    return spec.canonical;
}

/* Writes {member, member, ...} in a random order, each member there or not by its chance in four.
 */
struct part {
    unsigned chance; /* of 4 */
    const char *text;
};

static void add_object(struct buf *out, const struct part *parts, size_t n)
{
    size_t order[MAX_PARTS];
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = pick((unsigned)i), kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
    bool is_first = true;
    buf_add_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (pick(4) >= parts[order[i]].chance)
            continue;
        buf_addf(out, "%s%s", is_first ? "" : ", ", parts[order[i]].text);
        is_first = false;
    }
    buf_add_char(out, '}');
}

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

static void add_metric(struct buf *out, int index)
{
    char name[64], weight[64], margin[64];
    snprintf(name, sizeof(name), "\"name\": \"m-%d\"", index);
    snprintf(weight, sizeof(weight), "\"weight\": %u.%u", 1 + pick(9), pick(1000));
    snprintf(margin, sizeof(margin), "\"margin\": \"%u.%u%%\"", 10 + pick(80), pick(1000));
    const struct part counts[] = {
        {4, name},
        {4, pick(2) ? "\"kind\": \"proportion\"" : "\"kind\": \"rate\""},
        {4, pick(2) ? margin : "\"margin\": {\"relative\": 0.5, \"absolute\": \"0.5%\"}"},
        {2, "\"tolerance\": \"3.3%\""},
        {2, weight},
        {1, "\"harm\": \"decrease\""},
        {1, index > 0 ? "\"role\": \"signal\"" : "\"role\": \"guardrail\""},
        {4, pick(2) ? "\"source\": {\"push\": {\"metric\": \"a\", \"of\": \"b\", \"where\": "
                      "{\"x\": \"\\u00e4\"}}}"
                    : "\"source\": {\"scrape\": {\"target\": \"http://h/metrics\", \"metric\": "
                      "\"a\", \"labels\": {\"code\": \"5xx\"}, \"cohorts\": {\"baseline\": {\"v\": "
                      "\"1\"}, \"candidate\": {\"v\": \"2\"}}}}"},
    };
    const struct part quantile[] = {
        {4, name},
        {4, "\"kind\": \"quantile\""},
        {4, pick(2) ? "\"quantile\": 0.95" : "\"quantile\": \"99.9%\""},
        {4, margin},
        {2, "\"tolerance\": {\"relative\": 0.01}"},
        {2, "\"unit\": \"ms\""},
        {2, weight},
        {4, "\"source\": {\"push\": {\"metric\": \"latency_ms\"}}"},
    };
    if (pick(2))
        add_object(out, counts, N_OF(counts));
    else
        add_object(out, quantile, N_OF(quantile));
}

static void add_spec(struct buf *out)
{
    struct buf metrics, policy, strategy, alpha;
    buf_init(&metrics, TEXT_MAX);
    buf_init(&policy, TEXT_MAX);
    buf_init(&strategy, TEXT_MAX);
    buf_init(&alpha, TEXT_MAX);
    int n = 1 + (int)pick(4);
    buf_add_str(&metrics, "\"metrics\": [");
    for (int i = 0; i < n; i++) {
        buf_add_str(&metrics, i ? ", " : "");
        add_metric(&metrics, i);
    }
    buf_add_char(&metrics, ']');

    buf_addf(&alpha, "\"alpha\": \"%u.%u%%\"", 1 + pick(40), pick(100000));
    const struct part policies[] = {
        {2, alpha.data},
        {2, "\"beta\": 0.05"},
        {2, "\"block\": \"1.5s\""},
        {1, "\"lateness\": \"250ms\""},
        {1, "\"min_blocks\": 31"},
        {2, "\"deadline\": \"1d2h3m4s\""},
        {1, "\"trust\": \"authenticated\""},
        {1, "\"on_deadline\": \"rollback\""},
    };
    buf_add_str(&policy, "\"policy\": ");
    add_object(&policy, policies, N_OF(policies));

    const struct part strategies[] = {
        {4, "\"type\": \"canary\""},
        {4, pick(2) ? "\"steps\": [\"1%\", 0.05, {\"share\": \"33.3%\", \"min_time\": \"5m\", "
                      "\"min_samples\": 1000, \"approval\": true}, 1]"
                    : "\"steps\": [\"0.1%\", \"100%\"]"},
        {2, "\"settle\": 0"},
        {2, "\"bake\": \"30m\""},
        {2, "\"first_share\": \"7%\""},
        {4, pick(2) ? "\"platform\": {\"kind\": \"none\"}"
                    : "\"platform\": {\"kind\": \"haproxy\", \"socket\": \"/s\", \"backend\": "
                      "\"b\", \"stable\": \"s\", \"candidate\": \"c\"}"},
    };
    buf_add_str(&strategy, "\"strategy\": ");
    add_object(&strategy, strategies, N_OF(strategies));

    const struct part document[] = {
        {4, "\"apiVersion\": \"judge/v1\""},
        {4, "\"kind\": \"Release\""},
        {4, "\"metadata\": {\"service\": \"s\", \"name\": \"r-1\", \"revision\": \"12e5\"}"},
        {1, "\"mode\": \"shadow\""},
        {4, strategy.data},
        {4, metrics.data},
        {3, policy.data},
        {2, "\"notify\": [{\"to\": \"chat\"}, {\"to\": \"https://h/x\", \"on\": [\"hold\"]}]"},
    };
    add_object(out, document, N_OF(document));
    buf_release(&metrics);
    buf_release(&policy);
    buf_release(&strategy);
    buf_release(&alpha);
}

static void reads_back_to_the_same_bytes(void)
{
    for (int i = 0; i < SPECS && !t_failed(); i++) {
        struct arena a;
        struct buf text, yaml;
        arena_init(&a);
        buf_init(&text, TEXT_MAX);
        buf_init(&yaml, TEXT_MAX);
        add_spec(&text);
        T_CHECK(buf_ok(&text));
        const char *first = canonical(&a, text.data);
        const char *again = first ? canonical(&a, first) : NULL;
        T_EQ_STR(again, first);
        /* The same tree as YAML. */
        struct err err = {0};
        struct node *n = node_read_json(&a, text.data, text.len, &err);
        T_CHECK(n);
        node_to_yaml(n, &yaml);
        T_EQ_STR(canonical(&a, yaml.data), first);
        buf_release(&text);
        buf_release(&yaml);
        arena_release(&a);
    }
}

#define SPEC(metadata, strategy, metric, rest)                                                     \
    "{\"apiVersion\": \"judge/v1\", \"kind\": \"Release\", \"metadata\": {\"name\": \"r\", "       \
    "\"service\": \"s\"" metadata "}, \"strategy\": {\"type\": \"canary\", " strategy              \
    "\"platform\": {\"kind\": \"none\"}}, \"metrics\": [{\"name\": \"e\", \"kind\": "              \
    "\"proportion\", \"source\": {\"push\": {\"metric\": \"a\", \"of\": \"b\"}}, " metric          \
    "}]" rest "}"

static void defaults_written_or_not_are_the_same(void)
{
    struct arena a;
    arena_init(&a);
    const char *plain = canonical(&a, SPEC("", "\"steps\": [0.05, 1], ", "\"margin\": 0.5", ""));
    const char *full = canonical(
        &a, SPEC(", \"environment\": \"prod\", \"revision\": null",
                 "\"steps\": [{\"share\": \"5%\", \"approval\": false}, \"100%\"], \"settle\": "
                 "\"30s\", \"bake\": \"0s\", \"first_share\": \"5%\", ",
                 "\"margin\": {\"relative\": \"50%\"}, \"tolerance\": 0, \"harm\": \"increase\", "
                 "\"role\": \"guardrail\", \"weight\": 1",
                 ", \"mode\": \"enforce\", \"policy\": {\"method\": \"anytime\", \"alpha\": "
                 "\"1%\", \"beta\": 0.05, \"block\": \"1000ms\", \"lateness\": \"2s\", "
                 "\"deadline\": \"24h\", \"no_data_after\": \"1m\", \"min_blocks\": 20, \"trust\": "
                 "\"any\"}, \"notify\": []"));
    T_EQ_STR(full, plain);
    T_HAS_STR(plain, "\"deadline\":\"1d\"");
    T_HAS_STR(plain, "\"steps\":[{\"share\":0.05,\"min_time\":\"0s\",\"min_samples\":0,"
                     "\"approval\":false}");
    arena_release(&a);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads_back_to_the_same_bytes", reads_back_to_the_same_bytes},
        {"defaults_written_or_not_are_the_same", defaults_written_or_not_are_the_same},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
