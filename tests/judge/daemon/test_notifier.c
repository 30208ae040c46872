/*
 * The notifier against an endpoint on a socket: what is sent, what is news, how it is signed, that
 * a failed call comes again under the same id.
 */
#include "judge/daemon/notifier.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/crypto/secret.h"
#include "lib/crypto/webhook_sign.h"
#include "lib/net/guard.h"
#include "tests/support/http.h"
#include "tests/t.h"

#define KEY     "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
#define WAIT_MS 8000

static int listener = -1;
static char url[64];

static bool open_endpoint(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&in, &len) != 0)
        return false;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/told", ntohs(in.sin_port));
    return true;
}

struct call {
    char text[8192]; /* head and body */
    const char *body;
};

/* Takes one call and answers it; false when none came in time. */
static bool take(struct call *c, const char *status, int timeout_ms)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) != 1)
        return false;
    const int fd = accept(listener, NULL, NULL);
    c->text[0] = 0;
    if (raw_read_until(fd, c->text, sizeof(c->text), "\r\n\r\n", WAIT_MS) != 0 ||
        raw_read_until(fd, c->text, sizeof(c->text), "}", WAIT_MS) != 0)
        t_fail(__FILE__, __LINE__, "half a call: %s", c->text);
    char answer[128];
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    raw_send(fd, answer);
    close(fd);
    c->body = strstr(c->text, "\r\n\r\n") + 4;
    return true;
}

static void header(const struct call *c, const char *name, char out[256])
{
    const char *at = strstr(c->text, name);
    out[0] = 0;
    if (at && at < c->body)
        sscanf(at + strlen(name), ": %255[^\r]", out);
}

static int find_secret(void *user, const char *ref, struct secret *out, struct err *err)
{
    if (strcmp(ref, "own") != 0)
        return err_set(err, ERR_NOT_FOUND, "no secret `%s`", ref);
    secret_set(out, KEY, strlen(KEY));
    return 0;
}

static struct notifier *start(const struct secret *secret, const struct node *connections)
{
    static struct guard guard;
    guard_init(&guard);
    guard.allow_loopback = true;
    return notifier_start(&(struct notifier_config){
        .guard = &guard, .connections = connections, .secret = secret, .find_secret = find_secret});
}

static struct verdict verdict(int64_t seq, enum verdict_word word, int segment, enum phase phase)
{
    return (struct verdict){
        .release = "shop-1", .seq = seq, .word = word, .segment = segment, .phase = phase};
}

static void only_news_of_the_words_asked_for(void)
{
    const struct spec_notify to = {.to = url, .on = 1u << VERDICT_PROMOTE | 1u << VERDICT_ROLLBACK};
    const struct spec spec = {.notify = &to, .n_notify = 1};
    static const struct {
        int line;
        enum verdict_word word;
        int segment;
        enum phase phase;
        bool is_told;
    } story[] = {
        {__LINE__, VERDICT_CONTINUE, 1, PHASE_JUDGING, false},
        {__LINE__, VERDICT_HOLD, 1, PHASE_JUDGING, false},
        {__LINE__, VERDICT_PROMOTE, 1, PHASE_JUDGING, true},
        {__LINE__, VERDICT_PROMOTE, 1, PHASE_JUDGING, false},
        {__LINE__, VERDICT_PROMOTE, 1, PHASE_FINISHING, false},
        {__LINE__, VERDICT_PROMOTE, 1, PHASE_BAKING, true},
        {__LINE__, VERDICT_PROMOTE, 2, PHASE_BAKING, true},
        {__LINE__, VERDICT_ROLLBACK, 2, PHASE_BAKING, true},
        {__LINE__, VERDICT_ROLLBACK, 2, PHASE_FINISHING, false},
        {__LINE__, VERDICT_ROLLBACK, 2, PHASE_DONE, true},
    };
    struct notifier *n = start(NULL, NULL);
    struct verdict before = {0};
    for (size_t i = 0; i < ARRAY_LEN(story); i++) {
        struct call c;
        char body[32], id[256], want[256];
        const struct verdict v =
            verdict((int64_t)i + 1, story[i].word, story[i].segment, story[i].phase);
        snprintf(body, sizeof(body), "{\"seq\":%zu}", i + 1);
        notifier_tell(n, &spec, i ? &before : NULL, &v, body, strlen(body));
        before = v;
        if (!story[i].is_told) /* the next call that comes must be the next that is told */
            continue;
        if (!take(&c, "204 No Content", WAIT_MS) || strcmp(c.body, body) != 0)
            t_fail(__FILE__, story[i].line, "was not told");
        header(&c, "webhook-id", id);
        snprintf(want, sizeof(want), "shop-1-%zu-0", i + 1);
        T_EQ_STR(id, want);
        header(&c, "webhook-signature", id);
        T_EQ_STR(id, "");
    }
    notifier_stop(n);
}

static void a_failed_call_comes_again(void)
{
    const struct spec_notify to = {.to = url, .on = 1u << VERDICT_HOLD};
    const struct spec spec = {.notify = &to, .n_notify = 1};
    const struct verdict v = verdict(9, VERDICT_HOLD, 1, PHASE_JUDGING);
    struct call c;
    char first[256], second[256];
    struct notifier *n = start(NULL, NULL);
    notifier_tell(n, &spec, NULL, &v, "{}", 2);
    T_CHECK(take(&c, "503 Service Unavailable", WAIT_MS));
    header(&c, "webhook-id", first);
    T_CHECK(take(&c, "200 OK", WAIT_MS));
    header(&c, "webhook-id", second);
    T_EQ_STR(first, second);
    T_CHECK(!take(&c, "200 OK", 100));
    notifier_stop(n);
}

/* A receiver that takes the call and says nothing holds up nobody else; what waits for it comes in
 * its order. */
static void a_slow_receiver_holds_up_itself_alone(void)
{
    const int quick = listener;
    char quick_url[64];
    memcpy(quick_url, url, sizeof(url));
    T_CHECK(open_endpoint());
    const int slow = listener;
    char slow_url[64];
    memcpy(slow_url, url, sizeof(url));
    const struct spec_notify to[] = {{.to = slow_url, .on = 1u << VERDICT_HOLD},
                                     {.to = quick_url, .on = 1u << VERDICT_HOLD}};
    const struct spec spec = {.notify = to, .n_notify = 2};
    struct notifier *n = start(NULL, NULL);
    struct call c;
    for (int i = 1; i <= 3; i++) {
        char body[32];
        const struct verdict v = verdict(i, VERDICT_HOLD, i, PHASE_JUDGING);
        snprintf(body, sizeof(body), "{\"seq\":%d}", i);
        notifier_tell(n, &spec, NULL, &v, body, strlen(body));
    }
    for (int of = 0; of < 2; of++) { /* the slow one's calls stay open all the while */
        listener = of ? slow : quick;
        for (int i = 1; i <= 3; i++) {
            char body[32];
            snprintf(body, sizeof(body), "{\"seq\":%d}", i);
            T_CHECK(take(&c, "200 OK", WAIT_MS));
            T_EQ_STR(c.body, body);
        }
    }
    notifier_stop(n);
    close(slow);
    listener = quick;
    memcpy(url, quick_url, sizeof(url));
}

static void verify(const struct call *c, const char *key)
{
    char id[256], at[256], signature[256];
    struct secret secret;
    struct err err = {0};
    char want[WEBHOOK_SIGNATURE_BYTES];
    header(c, "webhook-id", id);
    header(c, "webhook-timestamp", at);
    header(c, "webhook-signature", signature);
    secret_init(&secret);
    secret_set(&secret, key, strlen(key));
    int64_t at_s = 0;
    T_EQ_INT(num_parse_i64(at, strlen(at), &at_s), 0);
    T_OK(webhook_sign(&secret, id, at_s, c->body, strlen(c->body), want, &err), err);
    T_EQ_STR(signature, want);
    secret_release(&secret);
}

static void calls_are_signed(void)
{
    static const char common_key[] = "whsec_Y29tbW9uLWtleS0wMTIzNDU=";
    struct arena a;
    struct secret common;
    struct err err = {0};
    struct call c;
    char yaml[256];
    arena_init(&a);
    snprintf(yaml, sizeof(yaml),
             "chat: {kind: webhook, url: '%s', secret_ref: own}\n"
             "plain: {kind: webhook, url: '%s'}\n",
             url, url);
    const struct node *connections = node_read_yaml(&a, yaml, strlen(yaml), &err);
    T_CHECK(connections);
    secret_init(&common);
    secret_set(&common, common_key, strlen(common_key));
    struct notifier *n = start(&common, connections);
    static const struct {
        const char *to, *key;
    } cases[] = {{"chat", KEY}, {"plain", common_key}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct spec_notify to = {.to = cases[i].to, .on = 1u << VERDICT_HOLD};
        const struct spec spec = {.notify = &to, .n_notify = 1};
        const struct verdict v = verdict(1, VERDICT_HOLD, 1, PHASE_JUDGING);
        notifier_tell(n, &spec, NULL, &v, "{\"a\":1}", 7);
        T_CHECK(take(&c, "200 OK", WAIT_MS));
        verify(&c, cases[i].key);
    }
    const struct spec_notify gone = {.to = "gone", .on = 1u << VERDICT_HOLD};
    const struct spec spec = {.notify = &gone, .n_notify = 1};
    const struct verdict v = verdict(1, VERDICT_HOLD, 1, PHASE_JUDGING);
    notifier_tell(n, &spec, NULL, &v, "{}", 2);
    T_CHECK(!take(&c, "200 OK", 100));
    notifier_stop(n);
    secret_release(&common);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"only_news_of_the_words_asked_for", only_news_of_the_words_asked_for},
        {"a_failed_call_comes_again", a_failed_call_comes_again},
        {"a_slow_receiver_holds_up_itself_alone", a_slow_receiver_holds_up_itself_alone},
        {"calls_are_signed", calls_are_signed},
    };
    if (!open_endpoint())
        return 1;
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    close(listener);
    return rc;
}
