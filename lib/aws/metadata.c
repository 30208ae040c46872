/*
 * Credentials of a container (ECS, EKS Pod Identity) and of an instance (IMDSv2): plain HTTP to
 * addresses of the machine itself, never through a proxy, with short times and few tries.
 */
#include "lib/aws/aws_priv.h"

#include <stdio.h>
#include <string.h>

struct ask {
    const char *method;
    const char *url;
    const char *header; /* NULL: none */
    const char *from;
};

/* 0 with the reply of the last try, whatever its status; 5xx and network failures are tried again.
 */
static int ask_metadata(struct aws *a, struct http_client *client, const struct ask *ask,
                        struct http_reply *reply, struct err *err)
{
    struct http_request q = {
        .method = ask->method,
        .url = ask->url,
        .headers = &ask->header,
        .header_count = ask->header ? 1 : 0,
        .timeout_ms = AWS_METADATA_MS,
        .reply_max = AWS_METADATA_REPLY_MAX,
        .stop = &a->stop,
        .ca_file = a->settings.ca_file,
    };
    struct err why = {0};
    int rc = -1;
    for (int i = 0; i < AWS_METADATA_TRIES && !a->stop; i++) {
        if (i && !call_pause(a, 100 << i))
            break;
        rc = http_client_do(client, &q, reply, &why);
        if (rc == 0 && reply->status < 500)
            return 0;
    }
    if (rc == 0)
        return 0;
    if (!why.code)
        err_set(&why, ERR_UNAVAILABLE, "stopping");
    *err = why;
    return err_context(err, "%s", ask->from);
}

struct credentials *fetch_container(struct aws *a, struct http_client *client,
                                    const struct chain *chain, struct err *err)
{
    struct ask ask = {.url = chain->container_url, .from = chain->from};
    struct http_reply reply;
    struct secret token;
    struct buf header;
    struct credentials *c = NULL;
    secret_init(&token);
    buf_init(&header, SECRET_MAX + 64);
    http_reply_init(&reply);
    if (chain->token_file && fetch_token_file(chain->token_file, &token, err) < 0) {
        err_context(err, "%s", chain->from);
        goto out;
    }
    if (secret_is_set(&token) || secret_is_set(&chain->container_authorization)) {
        buf_addf(&header, "Authorization: %s",
                 secret_bytes(secret_is_set(&token) ? &token : &chain->container_authorization));
        ask.header = header.data;
    }
    if (ask_metadata(a, client, &ask, &reply, err) < 0)
        goto out;
    if (reply.status == 200)
        c = credentials_from_json(reply.body.data, reply.body.len, false, chain->from, err);
    else
        err_set(err, ERR_AUTH, "%s: status %d", chain->from, reply.status);
out:
    secret_wipe(reply.body.data, reply.body.len);
    http_reply_release(&reply);
    secret_wipe(header.data, header.len);
    buf_release(&header);
    secret_release(&token);
    return c;
}

/* --- Instances --- */

#define FROM "the instance's metadata service (IMDS)"

/* The session token. 1 when there is none and version 1 is allowed, then header is "". */
static int get_session(struct aws *a, struct http_client *client, struct buf *header,
                       struct http_reply *reply, struct err *err)
{
    char url[512];
    struct ask ask = {.method = "PUT",
                      .url = url,
                      .header = "X-aws-ec2-metadata-token-ttl-seconds: 21600",
                      .from = FROM};
    int rc;
    snprintf(url, sizeof(url), "%s/latest/api/token", a->settings.metadata_url);
    rc = ask_metadata(a, client, &ask, reply, err);
    buf_clear(header);
    if (rc == 0 && reply->status == 200 && reply->body.len && !strpbrk(reply->body.data, "\r\n")) {
        buf_addf(header, "X-aws-ec2-metadata-token: %s", reply->body.data);
        return 0;
    }
    if (a->settings.is_metadata_v1_allowed)
        return 1;
    if (rc == 0)
        return err_set(err, ERR_AUTH,
                       FROM " gives no session token (status %d): version 1 is used only when "
                            "AWS_EC2_METADATA_V1_DISABLED is false",
                       reply->status);
    return err_context(err,
                       "no credentials in the variables, in profile %s or of a container; "
                       "in a container on EC2 the hop limit must be 2",
                       a->settings.profile);
}

/* GET of a path below /latest/meta-data/, with the session. */
static int get(struct aws *a, struct http_client *client, const struct buf *session,
               const char *path, struct http_reply *reply, struct err *err)
{
    char url[1024];
    struct ask ask = {.url = url, .header = session->len ? session->data : NULL, .from = FROM};
    if (snprintf(url, sizeof(url), "%s/latest/meta-data/%s", a->settings.metadata_url, path) >=
        (int)sizeof(url))
        return err_set(err, ERR_INPUT, FROM ": the path is too long");
    if (ask_metadata(a, client, &ask, reply, err) < 0)
        return -1;
    if (reply->status == 404)
        return err_set(err, ERR_AUTH, FROM ": no role is attached to this instance");
    if (reply->status != 200)
        return err_set(err, ERR_AUTH, FROM ": status %d", reply->status);
    return 0;
}

struct credentials *fetch_instance(struct aws *a, struct http_client *client, struct err *err)
{
    struct buf session;
    struct http_reply reply;
    struct credentials *c = NULL;
    char path[512];
    size_t len;
    buf_init(&session, 4096);
    http_reply_init(&reply);
    if (get_session(a, client, &session, &reply, err) < 0 ||
        get(a, client, &session, "iam/security-credentials/", &reply, err) < 0)
        goto out;
    len = strspn(reply.body.data,
                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+=,.@_-");
    if (!len || len > 200) {
        err_set(err, ERR_AUTH, FROM ": no role is attached to this instance");
        goto out;
    }
    snprintf(path, sizeof(path), "iam/security-credentials/%.*s", (int)len, reply.body.data);
    if (get(a, client, &session, path, &reply, err) == 0)
        c = credentials_from_json(reply.body.data, reply.body.len, false, FROM, err);
out:
    secret_wipe(reply.body.data, reply.body.len);
    http_reply_release(&reply);
    secret_wipe(session.data, session.len);
    buf_release(&session);
    return c;
}

int fetch_instance_region(struct aws *a, struct http_client *client, char out[AWS_REGION_BYTES],
                          struct err *err)
{
    struct buf session;
    struct http_reply reply;
    int rc = -1;
    buf_init(&session, 4096);
    http_reply_init(&reply);
    if (get_session(a, client, &session, &reply, err) >= 0 &&
        get(a, client, &session, "placement/region", &reply, err) == 0) {
        if (settings_is_region(reply.body.data)) {
            snprintf(out, AWS_REGION_BYTES, "%s", reply.body.data);
            rc = 0;
        } else {
            err_set(err, ERR_PROTOCOL, FROM ": its region is none");
        }
    }
    http_reply_release(&reply);
    secret_wipe(session.data, session.len);
    buf_release(&session);
    return rc;
}
