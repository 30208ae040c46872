#include "lib/aws/sns_trust.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/service.h"
#include "lib/aws/settings.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/crypto/certificate.h"
#include "lib/net/http_client.h"

enum { FETCHES, FAILED };
static struct counter counters[] = {
    [FETCHES] = {.name = "judge_sns_fetches_total",
                 .help = "Certificates, issuers and confirmations asked for because SNS posted a "
                         "message."},
    [FAILED] = {.name = "judge_sns_certificates_failed_total",
                .help = "Certificates named by messages that could not be had or are not trusted."},
};

struct kept {
    char *url;
    struct certificate *certificate;
    int refs; /* of those who use it now, and the table's */
};

struct sns_trust {
    struct settings settings;
    const char *endpoint; /* in settings; NULL: everything at its own place */
    char *ca_file;        /* NULL: the system's */
    bool allow_sha1;
    _Atomic int is_stopping;
    pthread_mutex_t mutex; /* guards all below */
    struct kept *kept[SNS_CERTIFICATES_MAX];
    size_t n_kept;
    bool is_fetching;
    struct mono next_fetch; /* not before */
};

/* ---- open and close ---- */

struct sns_trust *sns_trust_open(const struct sns_trust_config *config, struct err *err)
{
    struct sns_trust *t = mem_alloc(sizeof(*t));
    size_t n;
    const struct aws_service *services = service_table(&n);
    counters_register(counters, ARRAY_LEN(counters));
    BUG_ON(pthread_mutex_init(&t->mutex, NULL) != 0);
    t->allow_sha1 = config->allow_sha1;
    t->ca_file = config->ca_file ? mem_strdup(config->ca_file) : NULL;
    if (settings_read(&t->settings, &(struct aws_config){.profile = NULL}, err) != 0) {
        sns_trust_close(t);
        return NULL;
    }
    t->endpoint = t->settings.endpoint_url[service_find("sns") - services];
    if (t->endpoint)
        log_warn("sns", "certificates and confirmations are asked for at %s (AWS_ENDPOINT_URL_SNS)",
                 t->endpoint);
    return t;
}

static void kept_unref(struct kept *k)
{
    if (--k->refs > 0)
        return;
    certificate_free(k->certificate);
    free(k->url);
    free(k);
}

void sns_trust_stop(struct sns_trust *t)
{
    if (t)
        atomic_store(&t->is_stopping, 1);
}

void sns_trust_close(struct sns_trust *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_kept; i++)
        kept_unref(t->kept[i]);
    settings_release(&t->settings);
    pthread_mutex_destroy(&t->mutex);
    free(t->ca_file);
    free(t);
}

/* ---- the certificates we have ---- */

/* With a reference for the caller; one that is over is forgotten. */
static struct kept *kept_find(struct sns_trust *t, const char *url, struct wall now)
{
    for (size_t i = 0; i < t->n_kept; i++) {
        struct kept *k = t->kept[i];
        if (strcmp(k->url, url) != 0)
            continue;
        if (certificate_is_current(k->certificate, now)) {
            k->refs++;
            return k;
        }
        t->kept[i] = t->kept[--t->n_kept];
        kept_unref(k);
        return NULL;
    }
    return NULL;
}

static struct kept *kept_add(struct sns_trust *t, const char *url, struct certificate *take)
{
    struct kept *k = mem_alloc(sizeof(*k));
    *k = (struct kept){.url = mem_strdup(url), .certificate = take, .refs = 2};
    if (t->n_kept == SNS_CERTIFICATES_MAX) {
        kept_unref(t->kept[0]);
        memmove(&t->kept[0], &t->kept[1], (SNS_CERTIFICATES_MAX - 1) * sizeof(t->kept[0]));
        t->n_kept--;
    }
    t->kept[t->n_kept++] = k;
    return k;
}

static void kept_release(struct sns_trust *t, struct kept *k)
{
    pthread_mutex_lock(&t->mutex);
    kept_unref(k);
    pthread_mutex_unlock(&t->mutex);
}

/* ---- fetching ---- */

/* GET of what stands at `url`, or in its place at the endpoint. A status other than 200 fails. */
static int get(struct sns_trust *t, const char *url, struct http_reply *reply, struct err *err)
{
    const char *host = strstr(url, "://");
    BUG_ON(!host);
    const char *path = host + 3 + strcspn(host + 3, "/");
    struct buf asked;
    buf_init(&asked, AWS_URL_MAX);
    if (t->endpoint) {
        size_t len = strlen(t->endpoint);
        while (len && t->endpoint[len - 1] == '/')
            len--;
        buf_add(&asked, t->endpoint, len);
        buf_add_str(&asked, path);
    } else {
        buf_add_str(&asked, url);
    }
    struct http_client *client = http_client_new();
    const struct http_request q = {
        .url = asked.data,
        .timeout_ms = SNS_FETCH_MS,
        .reply_max = SNS_CERTIFICATE_BYTES,
        .ca_file = t->settings.ca_file,
        .stop = &t->is_stopping,
    };
    counter_add(&counters[FETCHES], 1);
    int rc = http_client_do(client, &q, reply, err);
    if (rc == 0 && reply->status != 200)
        rc = err_set(err, ERR_NETWORK, "status %d", reply->status);
    http_client_free(client);
    buf_release(&asked);
    return rc;
}

/* Amazon's own issuers are at http://crt.....amazontrust.com/NAME.cer. What comes from there is
 * believed only as far as its signature reaches, so that it is plain HTTP does no harm. */
static bool is_issuer_url(const char *url)
{
    static const char begin[] = "http://crt.", end[] = ".amazontrust.com";
    if (strncmp(url, begin, sizeof(begin) - 1) != 0)
        return false;
    const char *host = url + sizeof("http://") - 1;
    const size_t len = strcspn(host, "/");
    if (strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != len || len < sizeof(end) ||
        memcmp(host + len - (sizeof(end) - 1), end, sizeof(end) - 1) != 0)
        return false;
    for (const char *c = host + len; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return host[len] == '/';
}

static int fetch_issuer(struct sns_trust *t, struct certificate *c, struct err *err)
{
    char url[CERTIFICATE_URL_BYTES];
    struct http_reply reply;
    certificate_issuer_url(c, url);
    if (!is_issuer_url(url))
        return err_set(err, ERR_AUTH,
                       "its issuer is not known and not one of Amazon's: an authority for it may "
                       "be named (--sns-ca)");
    http_reply_init(&reply);
    int rc = get(t, url, &reply, err);
    if (rc == 0)
        rc = certificate_add_issuer(c, reply.body.data, reply.body.len, err);
    http_reply_release(&reply);
    if (rc == 0)
        return 0;
    err->code = ERR_UNAVAILABLE;
    return err_context(err, "the issuer %s", url);
}

/* SNS' certificates name it by one of these; the region of the topic stands between the halves. */
static int check(struct sns_trust *t, struct certificate *c, const struct sns_message *m,
                 struct wall now, struct err *err)
{
    static const struct {
        const char *before, *after; /* after NULL: before is all */
    } forms[] = {
        {"sns.amazonaws.com", NULL},        {"sns.", ".amazonaws.com"},
        {"sns-signing.", ".amazonaws.com"}, {"sns-us-gov-west-1.amazonaws.com", NULL},
        {"sns-", ".amazonaws.com.cn"},
    };
    char texts[ARRAY_LEN(forms)][64 + AWS_REGION_BYTES];
    const char *names[ARRAY_LEN(forms)];
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *after = forms[i].after;
        snprintf(texts[i], sizeof(texts[i]), "%s%s%s", forms[i].before, after ? m->region : "",
                 after ? after : "");
        names[i] = texts[i];
    }
    const struct certificate_trust trust = {t->ca_file, names, ARRAY_LEN(names), now};
    for (int issuers = 0;; issuers++) {
        const enum certificate_answer answer = certificate_check(c, &trust, err);
        if (answer == CERTIFICATE_TRUSTED)
            return 0;
        if (answer == CERTIFICATE_REFUSED || issuers == SNS_ISSUERS_FETCHED_MAX)
            return -1;
        if (fetch_issuer(t, c, err) != 0)
            return -1;
    }
}

/* A trusted certificate, or NULL. */
static struct certificate *fetch(struct sns_trust *t, const struct sns_message *m, struct wall now,
                                 struct err *err)
{
    struct http_reply reply;
    struct certificate *c = NULL;
    http_reply_init(&reply);
    if (get(t, m->certificate_url, &reply, err) != 0) {
        err->code = ERR_UNAVAILABLE;
    } else if (!(c = certificate_read(reply.body.data, reply.body.len, err))) {
        err->code = ERR_AUTH;
    } else if (check(t, c, m, now, err) != 0) {
        certificate_free(c);
        c = NULL;
    }
    http_reply_release(&reply);
    if (!c)
        err_context(err, "the certificate %s", m->certificate_url);
    return c;
}

/* The certificate of the message, with a reference. */
static struct kept *certificate_of(struct sns_trust *t, const struct sns_message *m,
                                   struct wall now, struct err *err)
{
    pthread_mutex_lock(&t->mutex);
    struct kept *k = kept_find(t, m->certificate_url, now);
    const bool may_fetch = !k && !t->is_fetching && mono_passed(mono_now(), t->next_fetch);
    t->is_fetching |= may_fetch;
    pthread_mutex_unlock(&t->mutex);
    if (k)
        return k;
    if (!may_fetch) {
        err_set(err, ERR_UNAVAILABLE, "another certificate is being fetched: send it again");
        return NULL;
    }
    struct certificate *c = fetch(t, m, now, err);
    pthread_mutex_lock(&t->mutex);
    t->is_fetching = false;
    if (c) {
        k = kept_add(t, m->certificate_url, c);
    } else {
        counter_add(&counters[FAILED], 1);
        t->next_fetch = mono_add_ms(mono_now(), SNS_FETCH_PAUSE_MS);
    }
    pthread_mutex_unlock(&t->mutex);
    return k;
}

/* ---- messages ---- */

static bool is_genuine(const struct certificate *c, const struct sns_message *m)
{
    struct buf text;
    buf_init(&text, strlen(m->message) + (m->subject ? strlen(m->subject) : 0) +
                        (size_t)10 * SNS_FIELD_BYTES_MAX);
    sns_string_to_sign(m, &text);
    BUG_ON(!buf_ok(&text)); /* sns_read keeps to it */
    const bool is =
        certificate_has_signed(c, m->signature_version == 1 ? CERTIFICATE_SHA1 : CERTIFICATE_SHA256,
                               text.data, text.len, m->signature, m->signature_len);
    buf_release(&text);
    return is;
}

int sns_believe(struct sns_trust *t, const struct sns_message *m, struct wall now, struct err *err)
{
    if (m->signature_version == 1 && !t->allow_sha1)
        return err_set(err, ERR_FORBIDDEN,
                       "it is signed with SHA-1 (version 1): set the topic's attribute "
                       "SignatureVersion to 2");
    if (!sns_is_certificate_url(m))
        return err_set(err, ERR_FORBIDDEN,
                       "`SigningCertURL` is \"%.120s\", not a certificate of SNS in the topic's "
                       "region",
                       m->certificate_url);
    struct kept *k = certificate_of(t, m, now, err);
    if (!k)
        return -1;
    const bool is = is_genuine(k->certificate, m);
    kept_release(t, k);
    return is ? 0 : err_set(err, ERR_AUTH, "the signature does not fit the message");
}

int sns_confirm(struct sns_trust *t, const struct sns_message *m, struct err *err)
{
    struct http_reply reply;
    if (!sns_is_subscribe_url(m))
        return err_set(err, ERR_FORBIDDEN,
                       "`SubscribeURL` is not a confirmation at SNS in the topic's region");
    http_reply_init(&reply);
    int rc = get(t, m->subscribe_url, &reply, err);
    http_reply_release(&reply);
    if (rc == 0)
        return 0;
    err->code = ERR_UNAVAILABLE;
    return err_context(err, "confirming the subscription to %s", m->topic);
}
