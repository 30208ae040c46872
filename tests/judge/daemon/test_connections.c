/*
 * Connections: what is taken from the operator, who may use what, and where notifications go.
 */
#include "judge/daemon/connections.h"

#include "judge/vocabulary/vocabulary.h"
#include "tests/t.h"

static struct arena arena;

static const struct node *parse(const char *yaml)
{
    struct err err = {0};
    const struct node *n = node_read_yaml(&arena, yaml, strlen(yaml), &err);
    if (!n)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    return n;
}

static void what_is_taken(void)
{
    static const struct {
        int line;
        const char *yaml, *word; /* NULL: taken */
    } cases[] = {
        {__LINE__, "{}", NULL},
        {__LINE__, "e: {kind: haproxy, socket: /run/h.sock}", NULL},
        {__LINE__, "e: {kind: haproxy, socket: /run/h.sock, services: [a, b]}", NULL},
        {__LINE__, "e: {kind: scrape, target: 'http://h/metrics'}", NULL},
        {__LINE__, "e: {kind: webhook, url: 'https://h/', secret_ref: s}", NULL},
        {__LINE__, "e: webhook", "want {kind:"},
        {__LINE__, "e: {url: 'https://h/'}", "want {kind:"},
        {__LINE__, "e: {kind: none}", "no connection is of kind `none`"},
        {__LINE__, "e: {kind: alb}", "no connection is of kind `alb`"},
        {__LINE__, "e: {kind: haproxy, backend: b}", "no `backend`"},
        {__LINE__, "e: {kind: scrape, target: 'http://h/', secret_ref: s}", "no `secret_ref`"},
        {__LINE__, "e: {kind: webhook, url: 'https://me:pass@h/'}", "url"},
        {__LINE__, "e: {kind: webhook, url: 'https://h/', services: []}", "at least one"},
        {__LINE__, "e: {kind: webhook, url: 'https://h/', services: a}", "list of names"},
        {__LINE__, "e: {kind: webhook, url: 'https://h/', services: [a, [b]]}", "list of names"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        const int rc = connections_check(parse(cases[i].yaml), vocabulary_all(), &err);
        if ((rc == 0) != !cases[i].word || (cases[i].word && !strstr(err.message, cases[i].word)) ||
            strstr(err.message, "pass@"))
            t_fail(__FILE__, cases[i].line, "%d %s", rc, err.message);
    }
    struct err err = {0};
    T_EQ_INT(connections_check(NULL, vocabulary_all(), &err), 0);
}

#define OPERATOR                                                                                   \
    "edge: {kind: haproxy, socket: /run/h.sock, services: [shop]}\n"                               \
    "chat: {kind: webhook, url: 'https://chat/', secret_ref: s}\n"                                 \
    "hook: {kind: webhook, services: [other]}\n"

static void who_may_use_what(void)
{
    static const struct {
        int line;
        const char *service, *platform, *to;
        enum err_code want;
    } cases[] = {
        {__LINE__, "shop", "edge", "chat", ERR_NONE},
        {__LINE__, "shop", NULL, "https://anywhere/", ERR_NONE},
        {__LINE__, "search", "edge", "chat", ERR_FORBIDDEN},
        {__LINE__, "shop", "gone", "chat", ERR_SPEC},
        {__LINE__, "shop", NULL, "gone", ERR_SPEC},
        {__LINE__, "shop", NULL, "edge", ERR_SPEC},  /* cannot be told anything */
        {__LINE__, "other", NULL, "hook", ERR_SPEC}, /* has no url */
        {__LINE__, "shop", NULL, "hook", ERR_FORBIDDEN},
    };
    const struct node *operator= parse(OPERATOR);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct spec_notify notify = {.to = cases[i].to};
        const struct spec spec = {.service = cases[i].service,
                                  .platform = {.connection = cases[i].platform},
                                  .notify = &notify,
                                  .n_notify = 1};
        struct err err = {0};
        const int rc = connections_allow(&spec, operator, & err);
        if (err.code != cases[i].want || (rc == 0) != (cases[i].want == ERR_NONE))
            t_fail(__FILE__, cases[i].line, "%d %s", rc, err.message);
    }
    const struct spec_metric metric = {.source = {.connection = "edge"}};
    const struct spec spec = {.service = "search", .metrics = &metric, .n_metrics = 1};
    struct err err = {0};
    T_EQ_INT(connections_allow(&spec, operator, & err), -1);
    T_HAS_STR(err.message, "metrics[0].source");
}

static void where_notifications_go(void)
{
    const struct node *operator= parse(OPERATOR);
    const char *ref = "";
    T_EQ_STR(connection_url(operator, "chat", &ref), "https://chat/");
    T_EQ_STR(ref, "s");
    T_EQ_STR(connection_url(operator, "http://x/", &ref), "http://x/");
    T_CHECK(!ref);
    T_CHECK(!connection_url(operator, "edge", NULL));
    T_CHECK(!connection_url(NULL, "chat", &ref));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"what_is_taken", what_is_taken},
        {"who_may_use_what", who_may_use_what},
        {"where_notifications_go", where_notifications_go},
    };
    arena_init(&arena);
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
