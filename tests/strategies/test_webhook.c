/*
 * The webhook platform against an endpoint that speaks HTTP over a socket: what is sent, what is
 * made of the answers, and the runner on top of it.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/node.h"
#include "lib/crypto/webhook_sign.h"
#include "tests/strategies/bench.h"

#define CALLS_MAX 256

struct seen {
    char action[32], id[128], key[128];
    double share;
    bool is_genuine;
};

/* The endpoint: one thread, one request a connection. */
static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    int fd, port;
    double share;
    bool is_healthy, says_health, is_retired;
    const char *body; /* in place of the answer */
    int status;       /* in place of 200 */
    const char *lose; /* action whose effect is made and whose answer is lost, once */
    bool is_slow;     /* answers after the caller has gone */
    struct seen calls[CALLS_MAX];
    int n_calls;
} hook = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void header(const char *head, const char *name, char *out, size_t size)
{
    const char *at = strcasestr(head, name);
    out[0] = '\0';
    if (!at)
        return;
    at += strlen(name);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

/* Reads one request; returns its body, or NULL. */
static char *read_request(int fd, char *bytes, size_t size)
{
    size_t used = 0;
    for (;;) {
        char *body, length[16];
        ssize_t n = recv(fd, bytes + used, size - 1 - used, 0);
        if (n <= 0)
            return NULL;
        used += (size_t)n;
        bytes[used] = '\0';
        body = strstr(bytes, "\r\n\r\n");
        header(bytes, "\r\nContent-Length: ", length, sizeof(length));
        if (body && strlen(body + 4) >= (size_t)strtol(length, NULL, 10))
            return body + 4;
    }
}

static void note(const char *head, const char *body, struct seen *s)
{
    char id[128], at[32], signature[128];
    struct secret secret;
    struct arena a;
    struct err err = {0};
    header(head, "\r\nwebhook-id: ", id, sizeof(id));
    header(head, "\r\nwebhook-timestamp: ", at, sizeof(at));
    header(head, "\r\nwebhook-signature: ", signature, sizeof(signature));
    secret_init(&secret);
    secret_set(&secret, BENCH_SECRET, strlen(BENCH_SECRET));
    arena_init(&a);
    const struct node *n = node_read_json(&a, body, strlen(body), &err);
    const char *action = node_get_string(n, "action"), *key = node_get_string(n, "key");
    snprintf(s->action, sizeof(s->action), "%s", action ? action : "?");
    snprintf(s->key, sizeof(s->key), "%s", key ? key : "?");
    snprintf(s->id, sizeof(s->id), "%s", id);
    s->share = node_get_number(n, "share", NAN);
    s->is_genuine = strncmp(head, "POST /hook HTTP/1.1\r\n", 21) == 0 &&
                    webhook_verify(&secret, id, at, signature, body, strlen(body),
                                   wall_now().us / US_PER_SECOND, &err) == 0;
    arena_release(&a);
    secret_release(&secret);
}

static void serve(int fd)
{
    char bytes[8192], answer[256];
    char *body = read_request(fd, bytes, sizeof(bytes));
    pthread_mutex_lock(&hook.lock);
    if (!body || hook.n_calls == CALLS_MAX)
        goto out;
    struct seen *s = &hook.calls[hook.n_calls++];
    note(bytes, body, s);
    bool is_lost = hook.lose && strcmp(hook.lose, s->action) == 0;
    if (hook.status == 200 && strcmp(s->action, "set_share") == 0)
        hook.share = s->share;
    if (hook.status == 200 && strcmp(s->action, "retire") == 0)
        hook.is_retired = true;
    if (is_lost) {
        hook.lose = NULL;
        goto out;
    }
    if (hook.is_slow) {
        char byte;
        pthread_mutex_unlock(&hook.lock);
        while (recv(fd, &byte, 1, 0) > 0) /* until the caller gives up */
            ;
        pthread_mutex_lock(&hook.lock);
        goto out;
    }
    snprintf(answer, sizeof(answer), "{\"share\": %.17g%s, \"weights\": \"of its own\"}",
             hook.share,
             !hook.says_health ? ""
             : hook.is_healthy ? ", \"healthy\": true"
                               : ", \"healthy\": false");
    const char *text = hook.body ? hook.body : answer;
    dprintf(fd, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", hook.status,
            strlen(text), text);
out:
    pthread_mutex_unlock(&hook.lock);
    close(fd);
}

static void *endpoint(void *arg)
{
    int fd;
    while ((fd = accept(hook.fd, NULL, NULL)) >= 0)
        serve(fd);
    return arg;
}

static bool hook_start(char *url, size_t size)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    hook.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    hook.status = 200;
    hook.share = 0;
    hook.n_calls = 0;
    hook.body = hook.lose = NULL;
    hook.is_retired = hook.is_slow = hook.says_health = false;
    if (bind(hook.fd, (struct sockaddr *)&in, sizeof(in)) || listen(hook.fd, 64) ||
        getsockname(hook.fd, (struct sockaddr *)&in, &len) ||
        pthread_create(&hook.thread, NULL, endpoint, NULL)) {
        t_fail(__FILE__, __LINE__, "starting the endpoint");
        return false;
    }
    hook.port = ntohs(in.sin_port);
    snprintf(url, size, "http://127.0.0.1:%d/hook", hook.port);
    return true;
}

/* What it is to do from now on: a field of the endpoint's. */
#define HOOK_SET(field, value)                                                                     \
    do {                                                                                           \
        pthread_mutex_lock(&hook.lock);                                                            \
        hook.field = (value);                                                                      \
        pthread_mutex_unlock(&hook.lock);                                                          \
    } while (0)

/* What it saw and how it stands may be looked at from then on. */
static void hook_stop(void)
{
    shutdown(hook.fd, SHUT_RDWR);
    pthread_join(hook.thread, NULL);
    close(hook.fd);
}

static int count_calls(const char *action)
{
    int n = 0;
    for (int i = 0; i < hook.n_calls; i++)
        n += strcmp(hook.calls[i].action, action) == 0;
    return n;
}

static const struct platform *const wh = &webhook_platform;

static void says_and_reads(void)
{
    char url[64];
    struct secret secret;
    struct platform_state state;
    struct err err = {0};
    if (!hook_start(url, sizeof(url)))
        return;
    secret_init(&secret);
    secret_set(&secret, BENCH_SECRET, strlen(BENCH_SECRET));
    struct webhook_config c = {.url = url, .secret_ref = "hook", .timeout_us = 300000};
    struct platform_call call = {.deadline = mono_add_ms(mono_now(), 5000),
                                 .release = "r1",
                                 .act = "r1-act-4",
                                 .secret = &secret};
    T_OK(wh->set_share(&c, &call, 0.25, &err), err);
    T_OK(wh->set_share(&c, &call, 0.25, &err), err); /* the same act: the same id */
    T_OK(wh->observe(&c, &call, &state, &err), err);
    T_NEAR(state.share, 0.25, 0, 0);
    T_EQ_INT(state.candidate, VITALITY_UNKNOWN);
    T_EQ_STR(state.weights, "of its own");
    HOOK_SET(is_healthy, false);
    HOOK_SET(says_health, true);
    T_OK(wh->observe(&c, &call, &state, &err), err);
    T_EQ_INT(state.candidate, VITALITY_UNHEALTHY);
    T_OK(wh->retire(&c, &call, &err), err);
    hook_stop();
    T_EQ_STR(hook.calls[0].id, "r1-act-4");
    T_EQ_STR(hook.calls[1].id, "r1-act-4");
    T_EQ_STR(hook.calls[0].key, "r1-act-4");
    T_EQ_STR(hook.calls[0].action, "set_share");
    T_NEAR(hook.calls[0].share, 0.25, 0, 0);
    T_CHECK(hook.is_retired);
    for (int i = 0; i < hook.n_calls; i++)
        T_CHECK(hook.calls[i].is_genuine);
    secret_release(&secret);
}

static void bad_answers_are_errors(void)
{
    static const struct {
        int line, status;
        const char *body;
        enum err_code code;
    } rows[] = {
        {__LINE__, 500, "{\"share\": 0.1}", ERR_PLATFORM},
        {__LINE__, 302, "{\"share\": 0.1}", ERR_PLATFORM},
        {__LINE__, 200, "", ERR_PROTOCOL},
        {__LINE__, 200, "[]", ERR_PROTOCOL},
        {__LINE__, 200, "{}", ERR_PROTOCOL},
        {__LINE__, 200, "{\"share\": 2}", ERR_PROTOCOL},
        {__LINE__, 200, "{\"share\": -0.1}", ERR_PROTOCOL},
        {__LINE__, 200, "{\"share\": \"0.1\"}", ERR_PROTOCOL},
        {__LINE__, 200, "{\"share\": 0.1, \"healthy\": \"yes\"}", ERR_PROTOCOL},
        {__LINE__, 200, "{\"share\": 0.1", ERR_PROTOCOL},
    };
    char url[64];
    struct secret secret;
    struct platform_state state;
    if (!hook_start(url, sizeof(url)))
        return;
    secret_init(&secret);
    secret_set(&secret, BENCH_SECRET, strlen(BENCH_SECRET));
    struct webhook_config c = {.url = url, .secret_ref = "hook", .timeout_us = 300000};
    struct platform_call call = {.deadline = mono_add_ms(mono_now(), 5000),
                                 .release = "r1",
                                 .act = "r1-act-1",
                                 .secret = &secret};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        HOOK_SET(status, rows[i].status);
        HOOK_SET(body, rows[i].body);
        if (wh->observe(&c, &call, &state, &err) != -1 || err.code != rows[i].code)
            t_fail(__FILE__, rows[i].line, "code %d: %s", (int)err.code, err.message);
    }
    struct err err = {0};
    HOOK_SET(is_slow, true);
    T_EQ_INT(wh->observe(&c, &call, &state, &err), -1);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    HOOK_SET(is_slow, false);
    call.secret = NULL;
    T_EQ_INT(wh->observe(&c, &call, &state, &err), -1);
    T_EQ_INT(err.code, ERR_SPEC);
    T_CHECK(!strstr(err.message, "whsec"));
    secret_release(&secret);
    hook_stop();
}

/* A whole release; the answer of one set_share is lost after its effect: it is read, not repeated.
 */
static void a_lost_answer_is_read_not_repeated(void)
{
    struct bench b;
    struct lease lease;
    char url[64], strategy[256];
    if (!hook_start(url, sizeof(url)) || !bench_open(&b, "hook"))
        return;
    snprintf(strategy, sizeof(strategy),
             "steps: [1%%, 50%%, 100%%], platform: {kind: webhook, url: \"%s\", secret_ref: hook}",
             url);
    if (!bench_create(&b, "hook", strategy, "enforce") || !bench_own(&b, "hook", &lease) ||
        !bench_wait_share(&b, "hook", 0.01))
        return;
    HOOK_SET(lose, "set_share");
    if (!bench_judge_to_the_end(&b, "hook"))
        return;
    T_EQ_INT(bench_record(&b, "hook")->outcome, OUTCOME_PROMOTED);
    bench_close(&b);
    hook_stop();
    T_NEAR(hook.share, 1, 0, 0);
    T_CHECK(hook.is_retired);
    T_EQ_INT(count_calls("set_share"), 3);
    T_EQ_INT(count_calls("retire"), 1);
    for (int i = 0; i < hook.n_calls; i++)
        T_CHECK(hook.calls[i].is_genuine);
}

/* An endpoint that answers but does not do it: given up in a pause, traffic where it was. */
static void a_deaf_endpoint_pauses(void)
{
    struct bench b;
    struct lease lease;
    char url[64], strategy[256];
    if (!hook_start(url, sizeof(url)) || !bench_open(&b, "deaf"))
        return;
    snprintf(strategy, sizeof(strategy),
             "steps: [1%%, 50%%, 100%%], platform: {kind: webhook, url: \"%s\", secret_ref: hook}",
             url);
    HOOK_SET(body, "{\"share\": 0}");
    if (!bench_create(&b, "deaf", strategy, "enforce") || !bench_own(&b, "deaf", &lease) ||
        !bench_wait_paused(&b, "deaf"))
        return;
    T_HAS_STR(bench_record(&b, "deaf")->paused_why, "the platform does not show it");
    bench_close(&b);
    hook_stop();
    T_EQ_INT(count_calls("set_share"), 3);
    T_EQ_STR(hook.calls[hook.n_calls - 1].action, "observe");
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"says_and_reads", says_and_reads},
        {"bad_answers_are_errors", bad_answers_are_errors},
        {"a_lost_answer_is_read_not_repeated", a_lost_answer_is_read_not_repeated},
        {"a_deaf_endpoint_pauses", a_deaf_endpoint_pauses},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
