/*
 * Credentials from what the chain names, then the roles on the way. Everything is read anew each
 * time: files, token files, the process; so what is rotated there is found.
 */
#include "lib/aws/aws_priv.h"
#include "lib/aws/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STS_MS 15000 /* with its retries */

int fetch_token_file(const char *path, struct secret *out, struct err *err)
{
    char text[AWS_TOKEN_FILE_MAX + 1];
    size_t len = 0;
    ssize_t n;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set_errno(err, ERR_AUTH, "token file %s", path);
    while (len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0)
        len += (size_t)n;
    close(fd);
    while (len && len < sizeof(text) && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (!len || len > SECRET_MAX || memchr(text, '\0', len) || memchr(text, '\n', len) ||
        memchr(text, '\r', len))
        rc = err_set(err, ERR_AUTH, "token file %s must hold one line of 1 to %d characters", path,
                     SECRET_MAX);
    else
        secret_set(out, text, len);
    secret_wipe(text, sizeof(text));
    return rc;
}

/* --- STS --- */

static struct credentials *read_credentials(const struct aws_reply *reply, const char *result,
                                            const char *from, struct err *err)
{
    struct arena a;
    struct credentials *c = NULL;
    const struct xml *root, *x;
    const char *expiration;
    struct wall expires;
    arena_init(&a);
    root = xml_read(&a, reply->http.body.data, reply->http.body.len, err);
    x = xml_get(xml_get(root, result), "Credentials");
    expiration = xml_get_text(x, "Expiration");
    if (root && (!expiration || wall_parse(expiration, &expires) < 0))
        err_set(err, ERR_PROTOCOL, "%s: STS answered without credentials", from);
    else if (root)
        c = credentials_new(xml_get_text(x, "AccessKeyId"), xml_get_text(x, "SecretAccessKey"),
                            xml_get_text(x, "SessionToken"), expires, from, err);
    arena_release(&a);
    return c;
}

static void add_role(struct buf *form, const struct chain_role *role)
{
    char duration[16];
    aws_form_add(form, "RoleArn", role->arn);
    aws_form_add(form, "RoleSessionName", role->session_name ? role->session_name : SESSION_NAME);
    snprintf(duration, sizeof(duration), "%d", role->duration_s);
    if (role->duration_s)
        aws_form_add(form, "DurationSeconds", duration);
}

/* Where STS is asked when no region is set: each partition has credentials and roles of its own. */
static const char *home_region(const char *role_arn)
{
    static const struct {
        const char *prefix, *region;
    } homes[] = {{"arn:aws-cn:", "cn-north-1"}, {"arn:aws-us-gov:", "us-gov-west-1"}};
    for (size_t i = 0; i < ARRAY_LEN(homes); i++)
        if (!strncmp(role_arn, homes[i].prefix, strlen(homes[i].prefix)))
            return homes[i].region;
    return "us-east-1";
}

static struct credentials *ask_sts(struct aws *a, struct http_client *client, const char *operation,
                                   const char *result, const struct chain_role *role,
                                   const struct buf *form, struct credentials *with,
                                   const char *from, struct err *err)
{
    struct aws_reply reply;
    struct aws_error error;
    struct credentials *c = NULL;
    char region[AWS_REGION_BYTES];
    struct aws_request q = {
        .service = "sts",
        .region = region,
        .operation = operation,
        .body = form->data,
        .body_len = form->len,
        .timeout_ms = STS_MS,
        .attempt_timeout_ms = STS_MS / 3,
        .reply_max = AWS_METADATA_REPLY_MAX,
    };
    pthread_mutex_lock(&a->lock);
    snprintf(region, sizeof(region), "%s",
             a->region_state == REGION_KNOWN ? a->region : home_region(role->arn));
    pthread_mutex_unlock(&a->lock);
    aws_reply_init(&reply);
    if (call_run(a, client, &q, with, &reply, &error) < 0) {
        *err = error.err;
        err_context(err, "%s", from);
    } else {
        c = read_credentials(&reply, result, from, err);
    }
    secret_wipe(reply.http.body.data, reply.http.body.len);
    aws_reply_release(&reply);
    return c;
}

struct credentials *fetch_role(struct aws *a, struct http_client *client,
                               const struct chain_role *role, struct credentials *with,
                               struct err *err)
{
    struct buf form;
    char from[300];
    struct credentials *c;
    buf_init(&form, 8192);
    add_role(&form, role);
    if (role->external_id)
        aws_form_add(&form, "ExternalId", role->external_id);
    snprintf(from, sizeof(from), "role %s", role->arn);
    c = ask_sts(a, client, "AssumeRole", "AssumeRoleResult", role, &form, with, from, err);
    buf_release(&form);
    return c;
}

static struct credentials *fetch_web_identity(struct aws *a, struct http_client *client,
                                              const struct chain *chain, struct err *err)
{
    struct buf form;
    struct secret token;
    struct credentials *c = NULL;
    secret_init(&token);
    buf_init(&form, 3 * AWS_TOKEN_FILE_MAX);
    if (fetch_token_file(chain->token_file, &token, err) == 0) {
        add_role(&form, &chain->web_identity);
        aws_form_add(&form, "WebIdentityToken", secret_bytes(&token));
        c = ask_sts(a, client, "AssumeRoleWithWebIdentity", "AssumeRoleWithWebIdentityResult",
                    &chain->web_identity, &form, NULL, chain->from, err);
    } else {
        err_context(err, "%s", chain->from);
    }
    secret_wipe(form.data, form.len);
    buf_release(&form);
    secret_release(&token);
    return c;
}

/* --- The chain --- */

static struct credentials *fetch_source(struct aws *a, struct http_client *client,
                                        const struct chain *chain, struct err *err)
{
    switch (chain->source) {
    case CHAIN_FIXED:
        return credentials_ref(chain->fixed);
    case CHAIN_PROCESS:
        return fetch_process(a, chain->command, chain->from, err);
    case CHAIN_WEB_IDENTITY:
        return fetch_web_identity(a, client, chain, err);
    case CHAIN_CONTAINER:
        return fetch_container(a, client, chain, err);
    case CHAIN_INSTANCE:
        return fetch_instance(a, client, err);
    }
    bug_at(__FILE__, __LINE__, "chain source");
}

struct credentials *fetch_own(struct aws *a, struct http_client *client, struct err *err)
{
    struct chain chain;
    struct credentials *c = NULL;
    if (chain_read(&chain, &a->settings, err) == 0)
        c = fetch_source(a, client, &chain, err);
    for (size_t i = chain.role_count; c && i > 0; i--) {
        struct credentials *with = c;
        c = fetch_role(a, client, &chain.roles[i - 1], with, err);
        credentials_unref(with);
    }
    chain_release(&chain);
    return c;
}
