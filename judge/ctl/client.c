#include "judge/ctl/ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/aws/failure.h"
#include "lib/crypto/secret.h"
#include "lib/net/http_client.h"

#define ASK_MS      35000
#define URL_DEFAULT "http://127.0.0.1:8700"

/* Is it an address on this machine? */
static bool is_here(const char *url)
{
    static const char *const hosts[] = {"localhost", "127.", "[::1]"};
    const char *host = strstr(url, "://");
    if (strncmp(url, "unix:", 5) == 0)
        return true;
    host = host ? host + 3 : url;
    const size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len)) /* what looks like the host may be a user's name */
        return false;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        const size_t n = strlen(hosts[i]);
        if (strncmp(host, hosts[i], n) != 0)
            continue;
        if (hosts[i][n - 1] != '.')
            return n == len || host[n] == ':';
        return strspn(host, "0123456789.") == strcspn(host, ":/?#"); /* no 127.example */
    }
    return false;
}

/* The token: text, then file, then the local service's own file when that is asked and it can be
 * read: it is nobody else's business. "" when none. */
static int find_token(const struct flags *f, const char *url, struct secret *out, struct err *err)
{
    char path[4096];
    struct err ignored = {0};
    if (*f->token) {
        secret_set(out, f->token, strlen(f->token));
        return 0;
    }
    if (*f->token_file)
        return secret_load_file(out, f->token_file, err);
    if (!is_here(url))
        return 0;
    snprintf(path, sizeof(path), "%s/admin.token", f->state);
    if (access(path, R_OK) == 0 && secret_load_file(out, path, &ignored) != 0)
        return err_set(err, ERR_AUTH, "%s", ignored.message);
    return 0;
}

static void make_harmless(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c == '\n' || *c == '\t' || *c == '\r')
            *c = ' ';
        else if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
    }
}

/* The parsed answer is shown line by line on a terminal, and what others wrote into it (a reason, a
 * platform's error) must neither steer that nor begin a line of its own. JSON and YAML are printed
 * from the body, which escapes. */
static void make_answer_harmless(const struct node *root)
{
    const struct node *n = root;
    while (n) {
        if (n->type == NODE_STRING)
            make_harmless((char *)(uintptr_t)n->text); /* our arena's */
        if (n->first) {
            n = n->first;
            continue;
        }
        while (n != root && !n->next)
            n = n->parent;
        n = n == root ? NULL : n->next;
    }
}

static void print_complaints(const struct node *problem)
{
    const struct node *list = node_get(problem, "complaints");
    for (const struct node *n = list ? list->first : NULL; n; n = n->next) {
        fprintf(stderr, "%s: %s %s\n", ctl_text(n, "where"), ctl_text(n, "field"),
                ctl_text(n, "message"));
    }
}

/* A problem answer into err. */
static int refuse(const struct answer *answer, struct err *err)
{
    const char *type = node_get_string(answer->json, "type"),
               *detail = node_get_string(answer->json, "detail");
    const char *name = type ? strrchr(type, ':') : NULL;
    enum err_code code = name ? err_code_by_name(name + 1) : ERR_NONE;
    print_complaints(answer->json);
    if (code == ERR_NONE)
        code = answer->status == 404   ? ERR_NOT_FOUND
               : answer->status >= 500 ? ERR_UNAVAILABLE
                                       : ERR_INPUT;
    if (detail)
        return err_set(err, code, "%s", detail);
    return err_set(err, code, "HTTP status %d without a reason: is it a judged that answers there?",
                   answer->status);
}

int ctl_ask(const struct flags *f, const struct ask *ask, struct answer *out, struct arena *a,
            struct err *err)
{
    const char *url = *f->url ? f->url : URL_DEFAULT;
    const char *headers[5];
    size_t n = 0;
    struct secret token;
    struct http_reply reply;
    int rc = -1;
    secret_init(&token);
    http_reply_init(&reply);
    struct http_client *client = http_client_new();
    if (find_token(f, url, &token, err) != 0)
        goto out;
    headers[n++] = arena_printf(a, "Accept: %s", ask->accept ? ask->accept : "application/json");
    if (secret_is_set(&token))
        headers[n++] = arena_printf(a, "Authorization: Bearer %s", secret_bytes(&token));
    if (ask->type)
        headers[n++] = arena_printf(a, "Content-Type: %s", ask->type);
    if (ask->key && *ask->key)
        headers[n++] = arena_printf(a, "Idempotency-Key: %s", ask->key);
    headers[n++] = "User-Agent: judgectl";
    const size_t len = strlen(url);
    const bool is_unix = strncmp(url, "unix:", 5) == 0;
    const struct http_request request = {
        .method = ask->method,
        .url = is_unix
                   ? arena_printf(a, "http://localhost%s", ask->path)
                   : arena_printf(a, "%.*s%s", (int)(len && url[len - 1] == '/' ? len - 1 : len),
                                  url, ask->path),
        .unix_socket = is_unix ? url + 5 : NULL,
        .headers = headers,
        .header_count = n,
        .body = ask->body,
        .body_len = ask->body_len,
        .timeout_ms = ask->timeout_ms ? ask->timeout_ms : ASK_MS,
        .stop = &interrupted,
    };
    if (http_client_do(client, &request, &reply, err) != 0) {
        err_context(err, "asking %s", url);
        goto out;
    }
    *out = (struct answer){.status = reply.status, .len = reply.body.len, .now = wall_now()};
    (void)failure_date(&reply, &out->now);
    out->body = arena_copy(a, reply.body.data, reply.body.len);
    struct err ignored = {0};
    if (out->len > 0 && (out->body[0] == '{' || out->body[0] == '['))
        out->json = node_read_json(a, out->body, out->len, &ignored);
    make_answer_harmless(out->json);
    rc = reply.status >= 200 && reply.status <= 299 ? 0 : refuse(out, err);
    if (rc == 0 && !ask->accept && !out->json)
        rc = err_set(err, ERR_PROTOCOL, "what answers at %s sends no JSON: is it a judged?", url);
out:
    http_reply_release(&reply);
    http_client_free(client);
    secret_release(&token);
    return rc;
}

int ctl_get(const struct flags *f, const char *path, struct answer *out, struct arena *a,
            struct err *err)
{
    const struct ask ask = {.method = "GET", .path = path};
    return ctl_ask(f, &ask, out, a, err);
}

const char *ctl_encode(const char *text, struct arena *a)
{
    static const char hex[] = "0123456789ABCDEF";
    const size_t len = strlen(text);
    char *out = arena_alloc(a, 3 * len + 1), *at = out;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    return out;
}
