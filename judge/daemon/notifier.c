/*
 * One queue, oldest first, and a few workers. A worker takes the oldest message whose receiver
 * nobody is calling and which has no older one waiting: so a receiver hears things in their order,
 * and one that is slow or away holds up itself alone.
 */
#include "judge/daemon/notifier.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/daemon/connections.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/crypto/secret.h"
#include "lib/crypto/webhook_sign.h"
#include "lib/net/http_client.h"

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
    bool is_busy; /* in a worker's hands */
    struct mono due;
};

struct notifier {
    pthread_t threads[NOTIFY_WORKERS];
    _Atomic bool is_stopping;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t work;
    struct message *first, **end; /* oldest first; a message stays in it until it is done with */
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

/* ---- the queue; these are called with the lock held ---- */

static size_t waiting_before(const struct notifier *n, const struct message *end, const char *url)
{
    size_t found = 0;
    for (const struct message *m = n->first; m != end; m = m->next)
        found += strcmp(m->url, url) == 0;
    return found;
}

/* The message to send now, or NULL with *next the time at which one will be due (0: none). */
static struct message *pick(const struct notifier *n, struct mono now, struct mono *next)
{
    *next = (struct mono){0};
    for (struct message *m = n->first; m; m = m->next) {
        if (m->is_busy || waiting_before(n, m, m->url) > 0)
            continue;
        if (mono_passed(now, m->due))
            return m;
        if (next->us == 0 || m->due.us < next->us)
            *next = m->due;
    }
    return NULL;
}

static void remove_message(struct notifier *n, struct message *m)
{
    struct message **at = &n->first;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (!*at)
        n->end = at;
    n->n--;
    message_free(m);
}

/* ---- a call ---- */

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

/* true: done with, one way or the other. */
static bool try_once(struct notifier *n, struct http_client *client, struct message *m)
{
    struct err err = {0};
    if (call(n, client, m, &err) == 0) {
        counter_add(&counters[SENT], 1);
        return true;
    }
    m->tries++;
    err_context(&err, "notification %s, try %d of %d", m->id, m->tries, NOTIFY_TRIES);
    log_err("notifier", &err);
    if (m->tries >= NOTIFY_TRIES || err.code == ERR_FORBIDDEN || err.code == ERR_INPUT) {
        counter_add(&counters[GIVEN_UP], 1);
        return true;
    }
    counter_add(&counters[RETRIED], 1);
    m->due = mono_add_ms(mono_now(), (int64_t)FIRST_PAUSE_MS << m->tries);
    return false;
}

static void wait_for_work(struct notifier *n, struct mono next)
{
    const struct timespec t = {.tv_sec = next.us / US_PER_SECOND,
                               .tv_nsec = next.us % US_PER_SECOND * 1000};
    if (next.us == 0)
        pthread_cond_wait(&n->work, &n->lock);
    else
        pthread_cond_timedwait(&n->work, &n->lock, &t);
}

static void *run(void *arg)
{
    struct notifier *n = arg;
    struct http_client *client = http_client_new();
    struct mono next;
    pthread_mutex_lock(&n->lock);
    while (!atomic_load(&n->is_stopping)) {
        struct message *m = pick(n, mono_now(), &next);
        if (!m) {
            wait_for_work(n, next);
            continue;
        }
        m->is_busy = true;
        pthread_mutex_unlock(&n->lock);
        const bool is_over = try_once(n, client, m);
        pthread_mutex_lock(&n->lock);
        m->is_busy = false;
        if (is_over)
            remove_message(n, m);
        pthread_cond_broadcast(&n->work); /* the receiver's next one, or a new time to wait for */
    }
    pthread_mutex_unlock(&n->lock);
    http_client_free(client);
    return NULL;
}

struct notifier *notifier_start(const struct notifier_config *config)
{
    struct notifier *n = mem_alloc(sizeof(*n));
    pthread_condattr_t monotonic;
    n->config = *config;
    n->end = &n->first;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&n->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    counters_register(counters, ARRAY_LEN(counters));
    for (size_t i = 0; i < NOTIFY_WORKERS; i++)
        BUG_ON(pthread_create(&n->threads[i], NULL, run, n) != 0);
    return n;
}

void notifier_stop(struct notifier *n)
{
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    atomic_store(&n->is_stopping, true);
    pthread_cond_broadcast(&n->work);
    pthread_mutex_unlock(&n->lock);
    for (size_t i = 0; i < NOTIFY_WORKERS; i++)
        pthread_join(n->threads[i], NULL);
    while (n->first) {
        counter_add(&counters[SHED], 1);
        remove_message(n, n->first);
    }
    pthread_cond_destroy(&n->work);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

/* The same word says something new when the bake or the end has begun. */
bool verdict_is_news(const struct verdict *before, const struct verdict *v)
{
    return !before || before->word != v->word || before->segment != v->segment ||
           (before->phase != v->phase && (v->phase == PHASE_BAKING || v->phase == PHASE_DONE));
}

static void add(struct notifier *n, struct message *m)
{
    pthread_mutex_lock(&n->lock);
    if (n->n >= NOTIFY_QUEUE_MAX || waiting_before(n, NULL, m->url) >= NOTIFY_RECEIVER_MAX) {
        counter_add(&counters[SHED], 1);
        message_free(m);
    } else {
        *n->end = m;
        n->end = &m->next;
        n->n++;
        pthread_cond_signal(&n->work);
    }
    pthread_mutex_unlock(&n->lock);
}

void notifier_tell(struct notifier *n, const struct spec *spec, const struct verdict *before,
                   const struct verdict *v, const char *json, size_t len)
{
    if (!verdict_is_news(before, v))
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
        struct message *m = mem_alloc(sizeof(*m));
        m->url = mem_strdup(url);
        m->secret_ref = secret_ref ? mem_strdup(secret_ref) : NULL;
        m->body = mem_strdup(json);
        m->len = len;
        m->due = mono_now();
        snprintf(m->id, sizeof(m->id), "%s-%lld-%zu", v->release, (long long)v->seq, i);
        add(n, m);
    }
}
