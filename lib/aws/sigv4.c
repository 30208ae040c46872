/*
 * The signature is HMAC(key, string to sign); the string to sign holds the time, the scope and the
 * digest of the canonical request:
 *
 *   method \n path \n query \n name:value\n ... \n signed;names \n payload digest
 *
 * The key is derived from the secret by four HMACs over date, region, service and "aws4_request".
 * It is not kept: a call to AWS takes milliseconds, the four take ten microseconds.
 */
#include "lib/aws/sigv4.h"

#include "lib/base/arena.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/hmac.h"
#include "lib/net/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define HEADERS_MAX   40
#define TIME_BYTES    17 /* 20150830T123600Z */
#define DATE_LEN      8
#define CANONICAL_MAX ((size_t)1 << 20)

struct header {
    char *name; /* lower case */
    const char *value;
};

struct pair {
    const char *name; /* encoded */
    const char *value;
};

/* What both forms of a signature share while it is made. */
struct signing {
    const struct sigv4_request *q;
    struct arena arena;
    char time[TIME_BYTES];
    const char *scope;
    const char *payload; /* hex digest or UNSIGNED-PAYLOAD */
    struct header headers[HEADERS_MAX];
    size_t header_count;
    const char *signed_names;
    char signature[DIGEST_HEX_BYTES];
};

/* --- Headers --- */

static bool is_signed(const char *name)
{
    static const char *const left_out[] = {
        "authorization", "connection",        "expect",  "keep-alive", "te",
        "trailer",       "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id"};
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
        if (!strcmp(name, left_out[i]))
            return false;
    return strncmp(name, "proxy-", 6) != 0;
}

/* White space at the ends goes, a run of it inside becomes one space. */
static const char *fold(struct arena *a, const char *value)
{
    size_t len = 0;
    char *out = arena_alloc(a, strlen(value) + 1);
    for (; *value; value++) {
        if (!isspace((unsigned char)*value))
            out[len++] = *value;
        else if (len && out[len - 1] != ' ')
            out[len++] = ' ';
    }
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return out;
}

/* Kept sorted by name; headers of one name keep their order. */
static int add_header(struct signing *s, const char *name, size_t name_len, const char *value,
                      struct err *err)
{
    struct header h = {.name = arena_copy(&s->arena, name, name_len),
                       .value = fold(&s->arena, value)};
    size_t at = s->header_count;
    for (char *c = h.name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (!is_signed(h.name))
        return 0;
    if (s->header_count == HEADERS_MAX)
        return err_set(err, ERR_INPUT, "more than %d headers to sign", HEADERS_MAX);
    for (; at && strcmp(s->headers[at - 1].name, h.name) > 0; at--)
        s->headers[at] = s->headers[at - 1];
    s->headers[at] = h;
    s->header_count++;
    return 0;
}

static int add_headers(struct signing *s, struct err *err)
{
    for (size_t i = 0; i < s->q->header_count; i++) {
        const char *line = s->q->headers[i];
        const char *colon = strchr(line, ':');
        if (!colon || colon == line)
            return err_set(err, ERR_INPUT, "a header to sign must be \"Name: value\"");
        if (add_header(s, line, (size_t)(colon - line), colon + 1, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_same_name(const struct signing *s, size_t i)
{
    return i && !strcmp(s->headers[i].name, s->headers[i - 1].name);
}

static void write_headers(struct signing *s, struct buf *out)
{
    for (size_t i = 0; i < s->header_count; i++) {
        if (is_same_name(s, i))
            buf_addf(out, ",%s", s->headers[i].value);
        else
            buf_addf(out, "%s%s:%s", i ? "\n" : "", s->headers[i].name, s->headers[i].value);
    }
    buf_addf(out, "\n\n%s\n", s->signed_names);
}

static void name_headers(struct signing *s)
{
    struct buf names;
    buf_init(&names, CANONICAL_MAX);
    for (size_t i = 0; i < s->header_count; i++)
        if (!is_same_name(s, i))
            buf_addf(&names, "%s%s", i ? ";" : "", s->headers[i].name);
    s->signed_names = arena_copy(&s->arena, names.data, names.len);
    buf_release(&names);
}

/* --- Spelling --- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decoded and encoded again: one spelling. A '%' that begins no escape stands for itself. */
static const char *spell(struct arena *a, const char *text, size_t len)
{
    struct buf out;
    const char *spelled;
    buf_init(&out, 3 * len);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
            c = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        }
        url_encode(&c, 1, &out);
    }
    spelled = arena_copy(a, out.data, out.len);
    buf_release(&out);
    return spelled;
}

/* --- Path --- */

/* "/a/./b//../c/" -> "/a/c/" */
static char *normalize(struct arena *a, const char *path)
{
    size_t len = strlen(path);
    bool ends_open = len && path[len - 1] == '/';
    char *out = arena_alloc(a, len + 3);
    size_t at = 0;
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && !memcmp(path, "..", 2)) {
            while (at && out[--at] != '/')
                ;
        } else if (n && !(n == 1 && *path == '.')) {
            out[at++] = '/';
            memcpy(out + at, path, n);
            at += n;
        }
        path += n + (path[n] == '/');
    }
    if (!at || ends_open)
        out[at++] = '/';
    out[at] = '\0';
    return out;
}

static void write_path(struct signing *s, struct buf *out)
{
    const char *path = s->q->path;
    if (!s->q->is_path_kept)
        path = normalize(&s->arena, path);
    while (*path) {
        size_t len = strcspn(path, "/");
        if (s->q->is_path_encoded_once)
            buf_add_str(out, spell(&s->arena, path, len)); /* "%2F" stays inside its segment */
        else
            url_encode(path, len, out);
        path += len;
        if (*path) {
            buf_add_char(out, '/');
            path++;
        }
    }
    buf_add_char(out, '\n');
}

/* --- Query --- */

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name : strcmp(x->value, y->value);
}

/* Sorted as pairs, by the encoded name and then the encoded value. */
static void write_query(struct signing *s, const char *query, struct buf *out)
{
    size_t n = 0, most = 1;
    struct pair *pairs;
    for (const char *c = query; *c; c++)
        most += *c == '&';
    pairs = arena_array(&s->arena, most, sizeof(*pairs));
    while (*query) {
        size_t len = strcspn(query, "&");
        size_t name_len = strcspn(query, "&=");
        if (len) {
            const char *value = query + name_len + (name_len < len);
            pairs[n].name = spell(&s->arena, query, name_len);
            pairs[n].value = spell(&s->arena, value, (size_t)(query + len - value));
            n++;
        }
        query += len + (query[len] == '&');
    }
    qsort(pairs, n, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
    buf_add_char(out, '\n');
}

/* --- Signing --- */

static void begin(struct signing *s, const struct sigv4_request *q)
{
    time_t seconds = (time_t)(q->now.us / US_PER_SECOND);
    struct tm tm;
    *s = (struct signing){.q = q};
    arena_init(&s->arena);
    gmtime_r(&seconds, &tm);
    BUG_ON(strftime(s->time, sizeof(s->time), "%Y%m%dT%H%M%SZ", &tm) != TIME_BYTES - 1);
    s->scope = arena_printf(&s->arena, "%.*s/%s/%s/aws4_request", DATE_LEN, s->time, q->region,
                            q->service);
    if (q->is_payload_unsigned)
        s->payload = "UNSIGNED-PAYLOAD";
    else
        s->payload = digest_sha256_hex(q->body ? q->body : "", q->body_len,
                                       arena_alloc(&s->arena, DIGEST_HEX_BYTES));
}

static void derive_key(const struct signing *s, const struct secret *secret,
                       unsigned char key[DIGEST_BYTES])
{
    char first[SECRET_MAX + 4];
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret_bytes(secret), secret->len);
    hmac_sha256(first, secret->len + 4, s->time, DATE_LEN, key);
    secret_wipe(first, sizeof(first));
    hmac_sha256(key, DIGEST_BYTES, s->q->region, strlen(s->q->region), key);
    hmac_sha256(key, DIGEST_BYTES, s->q->service, strlen(s->q->service), key);
    hmac_sha256(key, DIGEST_BYTES, "aws4_request", strlen("aws4_request"), key);
}

static int sign(struct signing *s, const struct secret *secret, const char *query, struct err *err)
{
    struct buf canonical;
    char digest[DIGEST_HEX_BYTES];
    unsigned char key[DIGEST_BYTES], code[DIGEST_BYTES];
    const char *to_sign;
    int rc = 0;
    buf_init(&canonical, CANONICAL_MAX);
    buf_addf(&canonical, "%s\n", s->q->method);
    write_path(s, &canonical);
    write_query(s, query, &canonical);
    write_headers(s, &canonical);
    buf_add_str(&canonical, s->payload);
    if (!buf_ok(&canonical))
        rc = err_set(err, ERR_INPUT, "the request to sign is longer than %zu bytes", CANONICAL_MAX);
    if (s->q->canonical)
        buf_add(s->q->canonical, canonical.data, canonical.len);
    digest_sha256_hex(canonical.data, canonical.len, digest);
    to_sign = arena_printf(&s->arena, ALGORITHM "\n%s\n%s\n%s", s->time, s->scope, digest);
    derive_key(s, secret, key);
    hmac_sha256(key, sizeof(key), to_sign, strlen(to_sign), code);
    secret_wipe(key, sizeof(key));
    digest_hex(code, sizeof(code), s->signature);
    buf_release(&canonical);
    return rc;
}

static bool has_token(const struct sigv4_key *key)
{
    return key->token && secret_is_set(key->token);
}

int sigv4_sign_headers(const struct sigv4_request *q, const struct sigv4_key *key,
                       struct buf *lines, struct err *err)
{
    struct signing s;
    int rc = -1;
    begin(&s, q);
    if (add_headers(&s, err) < 0 || add_header(&s, "x-amz-date", 10, s.time, err) < 0)
        goto out;
    if (q->is_payload_header_sent && add_header(&s, "x-amz-content-sha256", 20, s.payload, err) < 0)
        goto out;
    if (has_token(key) && !q->is_token_unsigned &&
        add_header(&s, "x-amz-security-token", 20, secret_bytes(key->token), err) < 0)
        goto out;
    name_headers(&s);
    if (sign(&s, key->secret, q->query ? q->query : "", err) < 0)
        goto out;
    buf_addf(lines, "X-Amz-Date: %s\n", s.time);
    if (q->is_payload_header_sent)
        buf_addf(lines, "X-Amz-Content-Sha256: %s\n", s.payload);
    if (has_token(key))
        buf_addf(lines, "X-Amz-Security-Token: %s\n", secret_bytes(key->token));
    buf_addf(lines,
             "Authorization: " ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s\n",
             key->access_key, s.scope, s.signed_names, s.signature);
    rc = 0;
out:
    arena_release(&s.arena);
    return rc;
}

static void add_parameter(struct buf *query, const char *name, const char *value)
{
    buf_addf(query, "%s%s=", query->len ? "&" : "", name);
    url_encode(value, strlen(value), query);
}

int sigv4_sign_query(const struct sigv4_request *q, const struct sigv4_key *key, int expires_s,
                     struct buf *query, struct err *err)
{
    struct signing s;
    struct buf all;
    char expires[12];
    int rc = -1;
    BUG_ON(expires_s < 1 || expires_s > 604800);
    buf_init(&all, CANONICAL_MAX);
    begin(&s, q);
    if (add_headers(&s, err) < 0)
        goto out;
    name_headers(&s);
    if (q->query)
        buf_add_str(&all, q->query);
    add_parameter(&all, "X-Amz-Algorithm", ALGORITHM);
    add_parameter(&all, "X-Amz-Credential",
                  arena_printf(&s.arena, "%s/%s", key->access_key, s.scope));
    add_parameter(&all, "X-Amz-Date", s.time);
    snprintf(expires, sizeof(expires), "%d", expires_s);
    add_parameter(&all, "X-Amz-Expires", expires);
    add_parameter(&all, "X-Amz-SignedHeaders", s.signed_names);
    if (has_token(key) && !q->is_token_unsigned)
        add_parameter(&all, "X-Amz-Security-Token", secret_bytes(key->token));
    if (sign(&s, key->secret, all.data, err) < 0)
        goto out;
    if (has_token(key) && q->is_token_unsigned)
        add_parameter(&all, "X-Amz-Security-Token", secret_bytes(key->token));
    add_parameter(&all, "X-Amz-Signature", s.signature);
    buf_add(query, all.data, all.len);
    rc = 0;
out:
    buf_release(&all);
    arena_release(&s.arena);
    return rc;
}
