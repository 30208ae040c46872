#include "judge/daemon/notifier.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/daemon/connections.h"
#include "judge/daemon/signal_flag.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/crypto/secret.h"
#include "lib/crypto/webhook_sign.h"
#include "lib/net/http_client.h"

#define LOOK_MS        1000
#define FIRST_PAUSE_MS 1000 /* doubles with every try */
#define HEADER_BYTES   256

static struct counter counters[] = {
    {.name = "judge_notifications_total",
     .labels = "result=\"sent\"",
     .help = "Notifications by result."},
    {.name = "judge_notifications_total",
     .labels = "result=\"retried\"",
     .help = "Notifications by result."},
    {.name = "judge_notifications_total",
     .labels = "result=\"given_up\"",
     .help = "Notifications by result."},
    {.name = "judge_notifications_total",
     .labels = "result=\"shed\"",
     .help = "Notifications by result."},
};
enum { SENT, RETRIED, GIVEN_UP, SHED };

struct message {
    struct message *next;
    char *url, *body;
    char *secret_ref; /* NULL: the common secret */
    char id[160];     /* the same for every try: release and sequence number */
    size_t len;
    int tries;
    struct mono due;
};

struct notifier {
    pthread_t thread;
    struct signal_flag flag;
    _Atomic bool is_stopping;
    pthread_mutex_t lock;
    struct message *first; /* unordered: a handful */
    size_t n;
    struct notifier_config config;
};

static void message_free(struct message *m)
{
    free(m->url);
    free(m->body);
    free(m->secret_ref);
    free(m);
}

static void put_back(struct notifier *n, struct message *m)
{
    pthread_mutex_lock(&n->lock);
    m->next = n->first;
    n->first = m;
    n->n++;
    pthread_mutex_unlock(&n->lock);
}

static struct message *take_due(struct notifier *n, struct mono now)
{
    struct message *found = NULL;
    pthread_mutex_lock(&n->lock);
    for (struct message **at = &n->first; *at; at = &(*at)->next) {
        if (mono_passed(now, (*at)->due)) {
            found = *at;
            *at = found->next;
            n->n--;
            break;
        }
    }
    pthread_mutex_unlock(&n->lock);
    return found;
}

/* webhook_sign with the secret this message is to be signed with; 1 when there is none. */
static int sign(const struct notifier *n, const struct message *m, int64_t now_s,
                char signature[WEBHOOK_SIGNATURE_BYTES], struct err *err)
{
    struct secret own;
    int rc = -1;
    if (!m->secret_ref && !n->config.secret)
        return 1;
    if (!m->secret_ref)
        return webhook_sign(n->config.secret, m->id, now_s, m->body, m->len, signature, err);
    secret_init(&own);
    if (n->config.find_secret(n->config.user, m->secret_ref, &own, err) == 0)
        rc = webhook_sign(&own, m->id, now_s, m->body, m->len, signature, err);
    secret_release(&own);
    return rc;
}

/* 0 when the receiver took it (2xx). */
static int call(struct notifier *n, struct http_client *client, const struct message *m,
                struct err *err)
{
    char id[HEADER_BYTES], at[HEADER_BYTES], signed_with[HEADER_BYTES],
        signature[WEBHOOK_SIGNATURE_BYTES];
    const char *headers[5] = {"Content-Type: application/json", "User-Agent: release-judge"};
    size_t n_headers = 2;
    const int64_t now_s = wall_now().us / US_PER_SECOND;
    snprintf(id, sizeof(id), "webhook-id: %s", m->id);
    snprintf(at, sizeof(at), "webhook-timestamp: %lld", (long long)now_s);
    headers[n_headers++] = id;
    headers[n_headers++] = at;
    const int is_unsigned = sign(n, m, now_s, signature, err);
    if (is_unsigned < 0)
        return -1;
    if (!is_unsigned) {
        snprintf(signed_with, sizeof(signed_with), "webhook-signature: %s", signature);
        headers[n_headers++] = signed_with;
    }
    const struct http_request request = {
        .method = "POST",
        .url = m->url,
        .headers = headers,
        .header_count = n_headers,
        .body = m->body,
        .body_len = m->len,
        .timeout_ms = NOTIFY_TIMEOUT_MS,
        .guard = n->config.guard,
        .hides_path = true,
    };
    struct http_reply reply;
    http_reply_init(&reply);
    int rc = http_client_do(client, &request, &reply, err);
    if (rc == 0 && (reply.status < 200 || reply.status > 299)) {
        struct buf shown;
        buf_init(&shown, 512);
        http_url_shown(m->url, true, &shown);
        rc = err_set(err, ERR_NETWORK, "%s answered %d, want 2xx", shown.data, reply.status);
        buf_release(&shown);
    }
    http_reply_release(&reply);
    return rc;
}

static void try_once(struct notifier *n, struct http_client *client, struct message *m)
{
    struct err err = {0};
    if (call(n, client, m, &err) == 0) {
        counter_add(&counters[SENT], 1);
        message_free(m);
        return;
    }
    m->tries++;
    err_context(&err, "notification %s, try %d of %d", m->id, m->tries, NOTIFY_TRIES);
    log_err("notifier", &err);
    if (m->tries >= NOTIFY_TRIES || err.code == ERR_FORBIDDEN || err.code == ERR_INPUT) {
        counter_add(&counters[GIVEN_UP], 1);
        message_free(m);
        return;
    }
    counter_add(&counters[RETRIED], 1);
    m->due = mono_add_ms(mono_now(), (int64_t)FIRST_PAUSE_MS << m->tries);
    put_back(n, m);
}

static void *run(void *arg)
{
    struct notifier *n = arg;
    struct http_client *client = http_client_new();
    while (!atomic_load(&n->is_stopping)) {
        struct message *m = take_due(n, mono_now());
        if (m)
            try_once(n, client, m);
        else
            signal_flag_wait(&n->flag, LOOK_MS);
    }
    http_client_free(client);
    return NULL;
}

struct notifier *notifier_start(const struct notifier_config *config)
{
    struct notifier *n = mem_alloc(sizeof(*n));
    n->config = *config;
    pthread_mutex_init(&n->lock, NULL);
    signal_flag_init(&n->flag);
    counters_register(counters, ARRAY_LEN(counters));
    BUG_ON(pthread_create(&n->thread, NULL, run, n) != 0);
    return n;
}

void notifier_stop(struct notifier *n)
{
    if (!n)
        return;
    atomic_store(&n->is_stopping, true);
    signal_flag_raise(&n->flag);
    pthread_join(n->thread, NULL);
    while (n->first) {
        struct message *m = n->first;
        n->first = m->next;
        counter_add(&counters[SHED], 1);
        message_free(m);
    }
    signal_flag_release(&n->flag);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

/* The same word says something new when the bake or the end has begun. */
static bool is_news(const struct verdict *before, const struct verdict *v)
{
    return !before || before->word != v->word || before->segment != v->segment ||
           (before->phase != v->phase && (v->phase == PHASE_BAKING || v->phase == PHASE_DONE));
}

void notifier_tell(struct notifier *n, const struct spec *spec, const struct verdict *before,
                   const struct verdict *v, const char *json, size_t len)
{
    if (!is_news(before, v))
        return;
    for (size_t i = 0; i < spec->n_notify; i++) {
        const char *secret_ref,
            *url = connection_url(n->config.connections, spec->notify[i].to, &secret_ref);
        if (!(spec->notify[i].on & (1u << v->word)))
            continue;
        if (!url) {
            log_warn("notifier", "%s: nobody is told: there is no connection `%s` of kind webhook",
                     v->release, spec->notify[i].to);
            counter_add(&counters[GIVEN_UP], 1);
            continue;
        }
        pthread_mutex_lock(&n->lock);
        const bool has_room = n->n < NOTIFY_QUEUE_MAX;
        pthread_mutex_unlock(&n->lock);
        if (!has_room) {
            counter_add(&counters[SHED], 1);
            continue;
        }
        struct message *m = mem_alloc(sizeof(*m));
        m->url = mem_strdup(url);
        m->secret_ref = secret_ref ? mem_strdup(secret_ref) : NULL;
        m->body = mem_strdup(json);
        m->len = len;
        m->due = mono_now();
        snprintf(m->id, sizeof(m->id), "%s-%lld-%zu", v->release, (long long)v->seq, i);
        put_back(n, m);
        signal_flag_raise(&n->flag);
    }
}
