/*
 * HAProxy: the weights of two servers of a backend, over the runtime socket (level admin).
 *
 * A share is a pair of absolute weights, 0 to 256. Percentages ("set weight b/s 50%") are not used:
 * they are relative to the configured weight, so the same text means different things on two
 * machines. Both weights go in one command line, which HAProxy runs one after the other; the one
 * that must not be missed goes first, so that there is no moment at which both are 0. The reply of
 * `set weight` is empty when it worked. What counts is what `show servers state` says afterwards.
 *
 * HAProxy has no conditional write: between our look and our command another client of the socket
 * may set a weight, and the last writer wins (docs/platforms.md).
 *
 * Health is HAProxy's own: a server that is down, in maintenance, draining or stopping is
 * unhealthy. A server without `check` is always up in its eyes. Weight 0 is not draining: it is our
 * own doing.
 */
#include "strategies/platforms/haproxy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"
#include "lib/net/stream.h"

/* srv_op_state and the bits of srv_admin_state, HAProxy's management guide, "show servers state".
 */
enum { OP_STOPPED = 0, OP_STOPPING = 3 };
enum { ADMIN_MAINT = 0x01 | 0x02 | 0x04 | 0x20 | 0x40, ADMIN_DRAIN = 0x08 | 0x10 };

#define SHARE_ERROR_MAX 0.02 /* of the share asked for */

struct haproxy_weights haproxy_weights_for(double share)
{
    double percent = share * 100, best_error = INFINITY;
    struct haproxy_weights best = {100, 0};
    BUG_ON(!(share >= 0 && share <= 1));
    if (fabs(percent - round(percent)) < 1e-9) {
        int candidate = (int)round(percent);
        return (struct haproxy_weights){100 - candidate, candidate};
    }
    /* For each weight of the smaller side the best of the larger one; the smallest pair wins ties.
     */
    for (int small = 1; small <= HAPROXY_WEIGHT_MAX; small++) {
        double odds = share <= 0.5 ? (1 - share) / share : share / (1 - share);
        double exact = small * odds;
        if (exact > HAPROXY_WEIGHT_MAX + 0.5 && small > 1)
            break;
        int large = exact > HAPROXY_WEIGHT_MAX ? HAPROXY_WEIGHT_MAX : (int)round(exact);
        struct haproxy_weights w = share <= 0.5 ? (struct haproxy_weights){large, small}
                                                : (struct haproxy_weights){small, large};
        double error = fabs((double)w.candidate / (w.candidate + w.stable) - share);
        if (error < best_error - 1e-12) {
            best_error = error;
            best = w;
        }
    }
    return best;
}

static double share_of(struct haproxy_weights w)
{
    return (double)w.candidate / (w.candidate + w.stable);
}

static int haproxy_nearest(const void *config, double share, double *out, struct err *err)
{
    *out = share_of(haproxy_weights_for(share));
    if (share > 0 && share < 1 && fabs(*out - share) > SHARE_ERROR_MAX * fmin(share, 1 - share)) {
        char asked[NUM_TEXT_BYTES], has[NUM_TEXT_BYTES];
        return err_set(
            err, ERR_SPEC,
            "HAProxy's weights end at %d: a share of %s cannot be set, the nearest is %s",
            HAPROXY_WEIGHT_MAX, num_words_percent(share, asked), num_words_percent(*out, has));
    }
    return 0;
}

/* ---- reading `show servers state` ---- */

struct line {
    const char *at;
    size_t len;
};

static bool next_line(struct line *rest, struct line *out)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->at, '\n', rest->len);
    out->at = rest->at;
    out->len = end ? (size_t)(end - rest->at) : rest->len;
    size_t used = out->len + (end != NULL);
    rest->at += used;
    rest->len -= used;
    return true;
}

static bool next_token(struct line *rest, struct line *out)
{
    while (rest->len > 0 && *rest->at == ' ') {
        rest->at++;
        rest->len--;
    }
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->at, ' ', rest->len);
    out->at = rest->at;
    out->len = end ? (size_t)(end - rest->at) : rest->len;
    rest->at += out->len;
    rest->len -= out->len;
    return true;
}

static bool token_is(const struct line *t, const char *text)
{
    return t->len == strlen(text) && memcmp(t->at, text, t->len) == 0;
}

enum column { COLUMN_BACKEND, COLUMN_SERVER, COLUMN_OP, COLUMN_ADMIN, COLUMN_WEIGHT, COLUMN_COUNT };
static const char *const column_names[COLUMN_COUNT] = {"be_name", "srv_name", "srv_op_state",
                                                       "srv_admin_state", "srv_uweight"};

static int read_header(struct line header, int at[COLUMN_COUNT], struct err *err)
{
    struct line token;
    for (int c = 0; c < COLUMN_COUNT; c++)
        at[c] = -1;
    if (!next_token(&header, &token) || !token_is(&token, "#"))
        return err_set(err, ERR_PROTOCOL, "HAProxy's server state has no header line");
    for (int i = 0; i < HAPROXY_COLUMNS_MAX && next_token(&header, &token); i++)
        for (int c = 0; c < COLUMN_COUNT; c++)
            if (token_is(&token, column_names[c]))
                at[c] = i;
    for (int c = 0; c < COLUMN_COUNT; c++)
        if (at[c] < 0)
            return err_set(err, ERR_PROTOCOL, "HAProxy's server state has no column %s",
                           column_names[c]);
    return 0;
}

struct server {
    bool is_seen;
    int64_t op, admin, weight;
};

static int read_row(struct line row, const int at[COLUMN_COUNT], struct line names[2],
                    struct server *out, struct err *err)
{
    struct line token, cells[COLUMN_COUNT] = {{NULL, 0}};
    for (int i = 0; i < HAPROXY_COLUMNS_MAX && next_token(&row, &token); i++)
        for (int c = 0; c < COLUMN_COUNT; c++)
            if (at[c] == i)
                cells[c] = token;
    for (int c = 0; c < COLUMN_COUNT; c++)
        if (!cells[c].at)
            return err_set(err, ERR_PROTOCOL, "a row of HAProxy's server state is cut short");
    names[0] = cells[COLUMN_BACKEND];
    names[1] = cells[COLUMN_SERVER];
    out->is_seen = true;
    if (num_parse_i64(cells[COLUMN_OP].at, cells[COLUMN_OP].len, &out->op) ||
        num_parse_i64(cells[COLUMN_ADMIN].at, cells[COLUMN_ADMIN].len, &out->admin) ||
        num_parse_i64(cells[COLUMN_WEIGHT].at, cells[COLUMN_WEIGHT].len, &out->weight) ||
        out->weight < 0 || out->weight > HAPROXY_WEIGHT_MAX)
        return err_set(err, ERR_PROTOCOL, "a row of HAProxy's server state holds no numbers");
    return 0;
}

static const char *server_word(const struct server *s)
{
    if (s->admin & ADMIN_MAINT)
        return "MAINT";
    if (s->admin & ADMIN_DRAIN)
        return "DRAIN";
    return s->op == OP_STOPPED ? "DOWN" : s->op == OP_STOPPING ? "STOPPING" : "UP";
}

static enum vitality server_vitality(const struct server *s)
{
    return strcmp(server_word(s), "UP") == 0 ? VITALITY_HEALTHY : VITALITY_UNHEALTHY;
}

static void describe(struct platform_state *out, const struct server *stable,
                     const struct server *candidate)
{
    double sum = (double)(stable->weight + candidate->weight);
    out->share = sum > 0 ? (double)candidate->weight / sum : 0;
    out->stable = server_vitality(stable);
    out->candidate = server_vitality(candidate);
    out->is_draining = ((stable->admin | candidate->admin) & ADMIN_DRAIN) != 0;
    snprintf(out->weights, sizeof(out->weights), "stable %d %s, candidate %d %s",
             (int)stable->weight, server_word(stable), (int)candidate->weight,
             server_word(candidate));
}

int haproxy_read_state(const struct haproxy_config *c, const char *text, size_t len,
                       struct platform_state *out, char *other, struct err *err)
{
    struct line rest = {text, len}, line = {"", 0}, names[2] = {{"", 0}, {"", 0}};
    struct server stable = {0}, candidate = {0}, row = {0};
    int at[COLUMN_COUNT];
    if (other)
        other[0] = '\0';
    if (!next_line(&rest, &line) || !token_is(&line, "1"))
        return err_set(err, ERR_PLATFORM, "HAProxy answers about backend %s: %.*s", c->backend,
                       (int)(line.len > 200 ? 200 : line.len), line.at);
    if (!next_line(&rest, &line))
        return err_set(err, ERR_PROTOCOL, "HAProxy's server state is cut short");
    if (read_header(line, at, err))
        return -1;
    while (next_line(&rest, &line) && line.len > 0) {
        if (read_row(line, at, names, &row, err))
            return -1;
        if (!token_is(&names[0], c->backend))
            continue;
        if (token_is(&names[1], c->stable))
            stable = row;
        else if (token_is(&names[1], c->candidate))
            candidate = row;
        else if (other && row.weight > 0 && server_vitality(&row) == VITALITY_HEALTHY)
            snprintf(other, 64, "%.*s", (int)names[1].len, names[1].at);
    }
    if (!stable.is_seen || !candidate.is_seen)
        return err_set(err, ERR_PLATFORM, "HAProxy's backend %s has no server %s", c->backend,
                       stable.is_seen ? c->candidate : c->stable);
    if (stable.weight + candidate.weight == 0)
        return err_set(err, ERR_PLATFORM, "both servers of HAProxy's backend %s have weight 0",
                       c->backend);
    describe(out, &stable, &candidate);
    return 0;
}

/* ---- talking ---- */

/* One command line, and everything HAProxy says to it until it closes. */
static int talk(const struct haproxy_config *c, const char *line, const struct platform_call *call,
                struct buf *reply, struct err *err)
{
    struct stream_address to = {.guard = call->guard};
    char host[256];
    int rc = -1;
    if (!c->socket)
        return err_set(err, ERR_SPEC, "platform haproxy: `socket` is not given");
    if (c->socket[0] == '/') {
        to.unix_path = c->socket;
    } else {
        const char *colon = strrchr(c->socket, ':');
        int64_t port;
        size_t len = colon ? (size_t)(colon - c->socket) : 0;
        if (!colon || len == 0 || len >= sizeof(host) ||
            num_parse_i64(colon + 1, strlen(colon + 1), &port) || port < 1 || port > 65535)
            return err_set(err, ERR_SPEC, "`%s` is neither a path nor host:port", c->socket);
        bool is_bracketed = c->socket[0] == '[' && colon[-1] == ']' && len > 2;
        snprintf(host, sizeof(host), "%.*s", (int)(is_bracketed ? len - 2 : len),
                 c->socket + is_bracketed);
        to.host = host;
        to.port = (int)port;
    }
    struct stream *s = stream_connect(&to, call->deadline, err);
    if (!s)
        return err_context(err, "HAProxy");
    if (stream_write(s, line, strlen(line), call->deadline, err) == 0 &&
        stream_read_all(s, reply, call->deadline, err) == 0)
        rc = 0;
    else
        err_context(err, "HAProxy");
    stream_close(s);
    return rc;
}

static int look(const struct haproxy_config *c, const struct platform_call *call,
                struct platform_state *out, char *other, struct err *err)
{
    struct buf reply, line;
    int rc = -1;
    buf_init(&reply, HAPROXY_REPLY_MAX);
    buf_init(&line, 512);
    buf_addf(&line, "show servers state %s\n", c->backend);
    BUG_ON(!buf_ok(&line));
    if (talk(c, line.data, call, &reply, err) == 0)
        rc = haproxy_read_state(c, reply.data, reply.len, out, other, err);
    buf_release(&line);
    buf_release(&reply);
    return rc;
}

static int haproxy_check(const void *config, const struct platform_call *call, struct err *err)
{
    const struct haproxy_config *c = config;
    struct platform_state state;
    char other[64];
    if (look(c, call, &state, other, err))
        return -1;
    if (other[0])
        return err_set(err, ERR_PLATFORM,
                       "HAProxy's backend %s also sends traffic to %s: only %s and %s may have a "
                       "weight",
                       c->backend, other, c->stable, c->candidate);
    return 0;
}

static int haproxy_observe(const void *config, const struct platform_call *call,
                           struct platform_state *out, struct err *err)
{
    return look(config, call, out, NULL, err);
}

static void weights_line(const void *config, double share, struct buf *out)
{
    const struct haproxy_config *c = config;
    struct haproxy_weights w = haproxy_weights_for(share);
    if (share >= 1)
        buf_addf(out, "set weight %s/%s %d; set weight %s/%s %d", c->backend, c->candidate,
                 w.candidate, c->backend, c->stable, w.stable);
    else
        buf_addf(out, "set weight %s/%s %d; set weight %s/%s %d", c->backend, c->stable, w.stable,
                 c->backend, c->candidate, w.candidate);
}

static int haproxy_set_share(const void *config, const struct platform_call *call, double share,
                             struct err *err)
{
    struct buf line, reply;
    int rc = -1;
    buf_init(&line, 1024);
    buf_init(&reply, HAPROXY_REPLY_MAX);
    weights_line(config, share, &line);
    buf_add_char(&line, '\n');
    BUG_ON(!buf_ok(&line));
    if (talk(config, line.data, call, &reply, err) == 0) {
        size_t used = strspn(reply.data, "\n ");
        rc = used == reply.len ? 0
                               : err_set(err, ERR_PLATFORM, "HAProxy refuses the weights: %.200s",
                                         reply.data + used);
    }
    buf_release(&reply);
    buf_release(&line);
    return rc;
}

static const char *haproxy_endpoint(const void *config)
{
    const struct haproxy_config *c = config;
    return c->socket ? c->socket : "";
}

const struct platform haproxy_platform = {
    .name = "haproxy",
    .traffic = GRIP_HOLD,
    .needs = "the runtime socket with `level admin`, a backend with a dynamic balance algorithm "
             "(roundrobin, leastconn, random), and the two servers in it",
    .tolerance = 1e-9,
    .nearest = haproxy_nearest,
    .check = haproxy_check,
    .observe = haproxy_observe,
    .set_share = haproxy_set_share,
    .explain = weights_line,
    .endpoint = haproxy_endpoint,
};
