/*
 * redis:// and unix:// addresses.
 */
#include "lib/redis/url.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/num.h"

#define URL_BYTES_MAX 1024

/* Schemes people may bring that this build cannot speak. */
static const struct {
    const char *scheme, *what;
} unspoken[] = {
    {"rediss://", "TLS to Redis (rediss://)"},
    {"redis+sentinel://", "Sentinel (redis+sentinel://)"},
    {"redis+cluster://", "Redis Cluster (redis+cluster://)"},
    {"rediss+sentinel://", "TLS and Sentinel (rediss+sentinel://)"},
    {"rediss+cluster://", "TLS and Cluster (rediss+cluster://)"},
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int decode(const char *text, size_t len, const char *part, char out[REDIS_URL_PART],
                  struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return err_set(err, ERR_INPUT,
                               "redis url: %s: %% must be followed by two hex digits", part);
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return err_set(err, ERR_INPUT, "redis url: %s holds a NUL byte", part);
        if (n + 1 >= REDIS_URL_PART)
            return err_set(err, ERR_INPUT, "redis url: %s is longer than %d bytes", part,
                           REDIS_URL_PART - 1);
        out[n++] = c;
    }
    out[n] = '\0';
    return 0;
}

static int read_db(const char *text, size_t len, int *out, struct err *err)
{
    int64_t v;
    if (num_parse_i64(text, len, &v) != 0 || v < 0 || v > 1000000)
        return err_set(err, ERR_INPUT, "redis url: the database must be a number, 0 or more");
    *out = (int)v;
    return 0;
}

static int read_unix(const char *rest, struct redis_url *u, struct err *err)
{
    const char *query = strchr(rest, '?');
    size_t len = query ? (size_t)(query - rest) : strlen(rest);
    if (rest[0] != '/')
        return err_set(
            err, ERR_INPUT,
            "redis url: a unix socket is written unix:///path/to/socket (three slashes)");
    if (len >= sizeof(u->path))
        return err_set(err, ERR_INPUT, "redis url: the socket path is longer than %zu bytes",
                       sizeof(u->path) - 1);
    u->is_unix = true;
    memcpy(u->path, rest, len);
    if (!query)
        return 0;
    if (strncmp(query, "?db=", 4) != 0)
        return err_set(err, ERR_INPUT, "redis url: after the socket path only ?db=N is known");
    return read_db(query + 4, strlen(query + 4), &u->db, err);
}

/* [user[:password]@]host[:port]; end is the first byte after it */
static int read_authority(const char *at, const char *end, struct redis_url *u, struct err *err)
{
    const char *sign = NULL;
    for (const char *p = at; p < end; p++)
        if (*p == '@')
            sign = p; /* the last one: passwords are often pasted undecorated */
    if (sign) {
        const char *colon = memchr(at, ':', (size_t)(sign - at));
        const char *user_end = colon ? colon : sign;
        if (decode(at, (size_t)(user_end - at), "user", u->user, err) != 0)
            return -1;
        if (colon &&
            decode(colon + 1, (size_t)(sign - colon - 1), "password", u->password, err) != 0)
            return -1;
        at = sign + 1;
    }
    const char *host = at, *host_end, *port = NULL;
    if (at < end && *at == '[') {
        const char *close = memchr(at, ']', (size_t)(end - at));
        if (!close)
            return err_set(err, ERR_INPUT, "redis url: the [address] is not closed");
        host = at + 1;
        host_end = close;
        if (close + 1 < end) {
            if (close[1] != ':')
                return err_set(err, ERR_INPUT, "redis url: only :port may follow the [address]");
            port = close + 2;
        }
    } else {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        host_end = colon ? colon : end;
        port = colon ? colon + 1 : NULL;
    }
    if (host == host_end)
        return err_set(err, ERR_INPUT, "redis url: the host is missing: redis://host[:port][/db]");
    if (decode(host, (size_t)(host_end - host), "host", u->host, err) != 0)
        return -1;
    u->port = 6379;
    if (port) {
        int64_t v;
        if (num_parse_i64(port, (size_t)(end - port), &v) != 0 || v < 1 || v > 65535)
            return err_set(err, ERR_INPUT, "redis url: the port must be a number from 1 to 65535");
        u->port = (uint16_t)v;
    }
    return 0;
}

static int read_url(const char *text, struct redis_url *u, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(unspoken); i++)
        if (strncmp(text, unspoken[i].scheme, strlen(unspoken[i].scheme)) == 0)
            return err_set(
                err, ERR_INPUT,
                "redis url: %s is not in this version; redis://host:port and unix:///path are",
                unspoken[i].what);
    if (strlen(text) > URL_BYTES_MAX)
        return err_set(err, ERR_INPUT, "redis url: longer than %d bytes", URL_BYTES_MAX);
    if (strncmp(text, "unix://", 7) == 0)
        return read_unix(text + 7, u, err);
    if (strncmp(text, "redis://", 8) != 0)
        return err_set(
            err, ERR_INPUT,
            "redis url: must begin with redis:// or unix://, such as redis://127.0.0.1:6379/0");
    const char *rest = text + 8, *sign = strrchr(rest, '@');
    /* A slash before the @ belongs to the password. */
    const char *slash = strchr(sign ? sign : rest, '/');
    const char *end = slash ? slash : rest + strlen(rest);
    if (memchr(rest, '?', strlen(rest)) && !sign)
        return err_set(err, ERR_INPUT, "redis url: no ?parameters are known for redis://");
    if (read_authority(rest, end, u, err) != 0)
        return -1;
    if (slash && slash[1] != '\0')
        return read_db(slash + 1, strlen(slash + 1), &u->db, err);
    return 0;
}

int redis_url_parse(const char *text, struct redis_url *out, struct err *err)
{
    struct redis_url u = {.db = 0};
    int rc = read_url(text, &u, err);
    if (rc == 0)
        *out = u;
    redis_url_wipe(&u);
    return rc;
}

void redis_url_wipe(struct redis_url *u)
{
    explicit_bzero(u, sizeof(*u));
}

const char *redis_url_show(const struct redis_url *u, char out[REDIS_URL_PART + 32])
{
    size_t size = REDIS_URL_PART + 32;
    if (u->is_unix)
        snprintf(out, size, "unix://%s", u->path);
    else if (strchr(u->host, ':'))
        snprintf(out, size, "redis://[%s]:%u", u->host, u->port);
    else
        snprintf(out, size, "redis://%s:%u", u->host, u->port);
    return out;
}
