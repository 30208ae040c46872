#include "lib/net/http_transfer.h"

#include "lib/base/num.h"
#include "lib/net/guard.h"
#include "lib/net/limits.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- The reply --- */

void http_reply_init(struct http_reply *r)
{
    *r = (struct http_reply){0};
    buf_init(&r->headers, CLIENT_HEADERS_MAX);
    buf_init(&r->body, CLIENT_REPLY_MAX_DEFAULT);
}

void http_reply_release(struct http_reply *r)
{
    buf_release(&r->headers);
    buf_release(&r->body);
}

const char *http_reply_header(const struct http_reply *r, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *at = r->headers.data; *at; at += strcspn(at, "\n") + 1) {
        if (strncmp(at, name, name_len) != 0 || strncmp(at + name_len, ": ", 2) != 0)
            continue;
        at += name_len + 2;
        if (len)
            *len = strcspn(at, "\n");
        return at;
    }
    return NULL;
}

int http_reply_retry_after(const struct http_reply *r)
{
    size_t len;
    uint64_t seconds;
    const char *value = http_reply_header(r, "retry-after", &len);
    if (!value || num_parse_u64(value, len, &seconds) < 0 || seconds > 1000000)
        return -1;
    return (int)seconds;
}

/* --- What libcurl calls --- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    buf_add(&t->reply->body, bytes, size * n);
    if (buf_ok(&t->reply->body))
        return size * n;
    t->is_body_too_large = true;
    return 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct buf *out = &t->reply->headers;
    size_t len = size * n;
    const char *colon = memchr(line, ':', len);
    if (!colon) {
        if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
            buf_clear(out); /* a 100 came before */
        return size * n;
    }
    for (const char *at = line; at < colon; at++)
        buf_add_char(out, (char)tolower((unsigned char)*at));
    buf_add_str(out, ": ");
    for (colon++; colon < line + len && (*colon == ' ' || *colon == '\t');)
        colon++;
    len -= (size_t)(colon - line);
    while (len && strchr("\r\n \t", colon[len - 1]))
        len--;
    buf_add(out, colon, len);
    buf_add_char(out, '\n');
    if (buf_ok(out))
        return size * n;
    t->is_headers_too_large = true;
    return 0;
}

/* The guard's place: the address is final here, whatever the name resolved to before. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *t = arg;
    if (t->request->guard && guard_check(t->request->guard, &to->addr, &t->refused) < 0)
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* A reused connection was opened for another request, maybe under another guard: its address is
 * looked at again before anything is sent on it. */
static int before_request(void *arg, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *t = arg;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    const struct sockaddr *to = NULL;
    if (!t->request->guard || t->request->unix_socket)
        return CURL_PREREQFUNC_OK;
    if (inet_pton(AF_INET, peer, &in.sin_addr) == 1)
        to = (struct sockaddr *)&in;
    else if (inet_pton(AF_INET6, peer, &in6.sin6_addr) == 1)
        to = (struct sockaddr *)&in6;
    if (to && guard_check(t->request->guard, to, &t->refused) == 0)
        return CURL_PREREQFUNC_OK;
    if (!to)
        err_set(&t->refused, ERR_FORBIDDEN, "the peer's address \"%.60s\" cannot be checked", peer);
    return CURL_PREREQFUNC_ABORT;
}

/* Asked by libcurl at least once a second, and after a signal. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct transfer *t = arg;
    return *t->request->stop != 0;
}

/* --- The call --- */

/* A header line that would smuggle another one is refused. */
static int add_header(struct transfer *t, const char *line, struct err *err)
{
    if (strpbrk(line, "\r\n") || !strchr(line, ':'))
        return err_set(err, ERR_INPUT, "a request header must be one line \"Name: value\"");
    t->headers = curl_slist_append(t->headers, line);
    BUG_ON(!t->headers);
    return 0;
}

static int set_headers(struct transfer *t, const struct http_request *q, struct err *err)
{
    if (q->header_count > CLIENT_REQUEST_HEADERS)
        return err_set(err, ERR_INPUT, "more than %d request headers", CLIENT_REQUEST_HEADERS);
    /* libcurl would add its own ideas of these */
    if (add_header(t, "Expect:", err) < 0)
        return -1;
    for (size_t i = 0; i < q->header_count; i++)
        if (add_header(t, q->headers[i], err) < 0)
            return -1;
    return 0;
}

static bool has_header(const struct http_request *q, const char *name)
{
    for (size_t i = 0; i < q->header_count; i++)
        if (strncasecmp(q->headers[i], name, strlen(name)) == 0)
            return true;
    return false;
}

static void set_body(CURL *easy, const struct http_request *q)
{
    const char *method = q->method ? q->method : "GET";
    bool has_body = q->body != NULL;
    if (!strcmp(method, "HEAD"))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (has_body || !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH")) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, has_body ? q->body : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

int transfer_prepare(struct transfer *t, CURL *easy, const struct http_request *q,
                     struct http_reply *reply, struct err *err)
{
    *t = (struct transfer){.request = q, .reply = reply};
    BUG_ON(q->timeout_ms <= 0);
    if (q->unix_socket && q->guard && !q->guard->allow_unix)
        return err_set(err, ERR_FORBIDDEN, "unix sockets are not allowed here");
    buf_clear(&reply->headers);
    buf_clear(&reply->body);
    reply->body.max = q->reply_max ? q->reply_max : CLIENT_REPLY_MAX_DEFAULT;
    reply->status = 0;
    curl_easy_reset(easy);
    if (set_headers(t, q, err) < 0)
        return -1;
    if (!has_header(q, "content-type:") && add_header(t, "Content-Type:", err) < 0)
        return -1;
    if (curl_easy_setopt(easy, CURLOPT_URL, q->url) != CURLE_OK)
        return err_set(err, ERR_INPUT, "the URL cannot be read");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A call whose time is over does not wait for its name server: libcurl would, and with it every
     * call of the thread. Its resolving thread ends by itself. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "release-judge/1");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(q->connect_timeout_ms ? q->connect_timeout_ms : q->timeout_ms));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
    if (q->stop) {
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
    }
    if (q->unix_socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
    if (q->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, q->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the system's are trusted too */
    }
    if (q->skip_verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    set_body(easy, q);
    return 0;
}

/* libcurl says "unsupported protocol" of a URL's scheme, and of a peer that does not answer in
 * HTTP. */
static enum err_code code_of(CURL *easy, CURLcode code)
{
    long port = 0;
    if (code == CURLE_UNSUPPORTED_PROTOCOL &&
        curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port) == CURLE_OK && port > 0)
        return ERR_PROTOCOL;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_ABORTED_BY_CALLBACK:
        return ERR_UNAVAILABLE;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_INPUT;
    case CURLE_PEER_FAILED_VERIFICATION:
        return ERR_AUTH;
    case CURLE_GOT_NOTHING:
    case CURLE_WEIRD_SERVER_REPLY:
        return ERR_PROTOCOL;
    default:
        return ERR_NETWORK;
    }
}

void http_url_shown(const char *url, bool hides_path, struct buf *out)
{
    const char *host = strstr(url, "://");
    size_t len;
    const char *at;
    host = host ? host + 3 : url;
    at = memrchr(host, '@', strcspn(host, "/?#")); /* libcurl, too, takes the last one */
    buf_add(out, url, (size_t)(host - url));
    host = at ? at + 1 : host;
    len = strcspn(host, hides_path ? "/?#" : "?#");
    buf_add(out, host, len < 200 ? len : 200);
}

int transfer_finish(struct transfer *t, CURL *easy, CURLcode code, struct err *err)
{
    long status = 0;
    curl_off_t total = 0, connected = 0;
    struct buf url;
    if (code == CURLE_OK) {
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total);
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
        t->reply->status = (int)status;
        t->reply->elapsed_us = total;
        t->reply->connected_us = connected;
        return 0;
    }
    buf_init(&url, 512);
    http_url_shown(t->request->url, t->request->hides_path, &url);
    if (t->refused.code != ERR_NONE)
        err_set(err, t->refused.code, "%s: %s", url.data, t->refused.message);
    else if (t->is_body_too_large)
        err_set(err, ERR_TOO_LARGE, "%s: the reply is larger than %zu bytes", url.data,
                t->reply->body.max);
    else if (t->is_headers_too_large)
        err_set(err, ERR_TOO_LARGE, "%s: the reply's headers are larger than %d bytes", url.data,
                CLIENT_HEADERS_MAX);
    else
        err_set(err, code_of(easy, code), "%s: %s", url.data,
                t->error[0] ? t->error : curl_easy_strerror(code));
    buf_release(&url);
    return -1;
}

void transfer_release(struct transfer *t)
{
    curl_slist_free_all(t->headers);
    t->headers = NULL;
}
