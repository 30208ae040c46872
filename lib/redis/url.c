/*
 * Reading the addresses of url.h.
 */
#include "lib/redis/url.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/num.h"

#define URL_BYTES_MAX 2048

static const struct {
    const char *scheme;
    enum redis_form form;
    bool is_tls;
    uint16_t port; /* when none is given */
} schemes[] = {
    {"redis://", REDIS_SINGLE, false, 6379},
    {"rediss://", REDIS_SINGLE, true, 6379},
    {"redis+sentinel://", REDIS_SENTINEL, false, 26379},
    {"rediss+sentinel://", REDIS_SENTINEL, true, 26379},
    {"redis+cluster://", REDIS_CLUSTER, false, 6379},
    {"rediss+cluster://", REDIS_CLUSTER, true, 6379},
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

/* user[:password] */
static int read_user(const char *at, const char *end, struct redis_url *u, struct err *err)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));
    const char *user_end = colon ? colon : end;
    if (decode(at, (size_t)(user_end - at), "user", u->user, err) != 0)
        return -1;
    if (!colon)
        return 0;
    return decode(colon + 1, (size_t)(end - colon - 1), "password", u->password, err);
}

/* host[:port] */
static int read_host(const char *at, const char *end, uint16_t default_port,
                     struct redis_endpoint *e, struct err *err)
{
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
        return err_set(err, ERR_INPUT, "redis url: the host is missing: want host[:port]");
    if (decode(host, (size_t)(host_end - host), "host", e->host, err) != 0)
        return -1;
    e->port = default_port;
    if (port) {
        int64_t v;
        if (num_parse_i64(port, (size_t)(end - port), &v) != 0 || v < 1 || v > 65535)
            return err_set(err, ERR_INPUT, "redis url: the port must be a number from 1 to 65535");
        e->port = (uint16_t)v;
    }
    return 0;
}

/* host[:port],host[:port],... */
static int read_hosts(const char *at, const char *end, uint16_t default_port, struct redis_url *u,
                      struct err *err)
{
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if (comma && u->form == REDIS_SINGLE)
            return err_set(err, ERR_INPUT,
                           "redis url: redis:// names one server; several are written "
                           "redis+sentinel://a,b,c/name or redis+cluster://a,b,c");
        if (u->n_seeds == REDIS_SEEDS_MAX)
            return err_set(err, ERR_INPUT, "redis url: more than %d hosts", REDIS_SEEDS_MAX);
        if (read_host(at, comma ? comma : end, default_port, &u->seeds[u->n_seeds], err) != 0)
            return -1;
        u->n_seeds++;
        if (!comma)
            return 0;
        at = comma + 1;
    }
}

/* What follows the hosts: "" or the slash and more. */
static int read_rest(const char *rest, struct redis_url *u, struct err *err)
{
    if (u->form == REDIS_SENTINEL) {
        const char *name = rest[0] == '/' ? rest + 1 : rest, *query = strchr(name, '?');
        size_t len = query ? (size_t)(query - name) : strlen(name);
        if (len == 0 || memchr(name, '/', len))
            return err_set(err, ERR_INPUT,
                           "redis url: after the Sentinels stands the name they know the master "
                           "by, such as redis+sentinel://a,b,c/mymaster");
        if (decode(name, len, "master name", u->master, err) != 0)
            return -1;
        if (query && strncmp(query, "?db=", 4) != 0)
            return err_set(err, ERR_INPUT,
                           "redis url: after the master's name only ?db=N is known");
        return query ? read_db(query + 4, strlen(query + 4), &u->db, err) : 0;
    }
    if (strchr(rest, '?'))
        return err_set(err, ERR_INPUT, "redis url: no ?parameters are known for %s",
                       u->form == REDIS_CLUSTER ? "redis+cluster://" : "redis://");
    if (rest[0] == '\0' || rest[1] == '\0')
        return 0;
    if (u->form == REDIS_CLUSTER)
        return err_set(err, ERR_INPUT,
                       "redis url: a cluster has one database; nothing may follow the hosts");
    return read_db(rest + 1, strlen(rest + 1), &u->db, err);
}

static int read_url(const char *text, struct redis_url *u, struct err *err)
{
    if (strlen(text) > URL_BYTES_MAX)
        return err_set(err, ERR_INPUT, "redis url: longer than %d bytes", URL_BYTES_MAX);
    if (strncmp(text, "unix://", 7) == 0)
        return read_unix(text + 7, u, err);
    size_t i = 0;
    while (i < ARRAY_LEN(schemes) &&
           strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
        i++;
    if (i == ARRAY_LEN(schemes))
        return err_set(err, ERR_INPUT,
                       "redis url: must begin with redis://, redis+sentinel://, redis+cluster:// "
                       "(rediss for TLS) or unix://, such as redis://127.0.0.1:6379/0");
    u->form = schemes[i].form;
    u->is_tls = schemes[i].is_tls;
    const char *rest = text + strlen(schemes[i].scheme), *sign = strrchr(rest, '@');
    /* The last @: passwords are often pasted undecorated. A slash before it is the password's. */
    if (sign && read_user(rest, sign, u, err) != 0)
        return -1;
    const char *hosts = sign ? sign + 1 : rest, *end = hosts + strcspn(hosts, "/?");
    if (read_hosts(hosts, end, schemes[i].port, u, err) != 0)
        return -1;
    return read_rest(end, u, err);
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

const char *redis_endpoint_show(const struct redis_endpoint *e, char out[REDIS_URL_PART + 16])
{
    snprintf(out, REDIS_URL_PART + 16, strchr(e->host, ':') ? "[%s]:%u" : "%s:%u", e->host,
             e->port);
    return out;
}

bool redis_endpoint_equal(const struct redis_endpoint *a, const struct redis_endpoint *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

const char *redis_url_show(const struct redis_url *u, char out[REDIS_URL_SHOWN])
{
    struct buf text;
    char host[REDIS_URL_PART + 16];
    static const char *const forms[] = {"", "+sentinel", "+cluster"};
    buf_init(&text, URL_BYTES_MAX + 64);
    if (u->is_unix)
        buf_addf(&text, "unix://%s", u->path);
    else
        buf_addf(&text, "redis%s%s://", u->is_tls ? "s" : "", forms[u->form]);
    for (size_t i = 0; i < u->n_seeds && i < 3; i++)
        buf_addf(&text, "%s%s", i ? "," : "", redis_endpoint_show(&u->seeds[i], host));
    if (u->n_seeds > 3)
        buf_add_str(&text, ",...");
    if (u->form == REDIS_SENTINEL)
        buf_addf(&text, "/%s", u->master);
    snprintf(out, REDIS_URL_SHOWN, "%s", text.data);
    buf_release(&text);
    return out;
}
