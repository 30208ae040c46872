/*
 * Server-sent events.
 *
 * The pump (waiter thread) appends to a bounded buffer, libmicrohttpd's content reader (pool
 * thread) takes from it and suspends the connection when there is nothing. A reader that returns 0
 * without suspending would make libmicrohttpd spin. A silent stream gets a comment now and then:
 * that is also what finds out that the network between us and the client is gone.
 */
#include "lib/net/http_priv.h"

#include <string.h>

enum http_next http_stream_start(struct http_exchange *ex, http_pump_fn *pump, void *arg)
{
    static const char hello[] = "retry: 2000\n\n";
    struct http_server *s = ex->server;
    struct err err;
    BUG_ON(ex->is_stream);
    if ((size_t)atomic_fetch_add(&s->parked, 1) >= s->config.parked_max) {
        atomic_fetch_sub(&s->parked, 1);
        counter_add(&net_counters[NET_REFUSED_PARK], 1);
        err_set(&err, ERR_UNAVAILABLE, "too many calls are waiting: try again in a moment");
        return http_fail(ex, &err);
    }
    ex->is_parked_counted = true;
    counter_add(&net_counters[NET_PARKED], 1);
    ex->is_stream = true;
    ex->again_arg = arg;
    ex->stream.pump = pump;
    ex->stream.heartbeat_at = mono_add_ms(mono_now(), s->config.heartbeat_ms);
    buf_init(&ex->stream.unsent, HTTP_STREAM_BACKLOG + s->config.stream_buffer);
    /* The pump runs beside the pool thread, which may give the request's memory back meanwhile. */
    ex->method = arena_strdup(&ex->arena, ex->method);
    http_request_id(ex);
    buf_add(&ex->stream.unsent, hello, sizeof(hello) - 1);
    return HTTP_STREAM;
}

/* Would the event fit? Counted with room to spare: each data line costs seven bytes more. */
static bool has_room(const struct buf *out, const char *id, const char *name, const char *data,
                     size_t len)
{
    size_t need = 64 + len + (id ? strlen(id) : 0) + (name ? strlen(name) : 0);
    for (size_t i = 0; i < len; i++)
        need += data[i] == '\n' ? 7 : 0;
    return need <= out->max - out->len;
}

static void add_field(struct buf *out, const char *field, const char *value)
{
    size_t len = strcspn(value, "\r\n");
    buf_addf(out, "%s: ", field);
    buf_add(out, value, len);
    buf_add_char(out, '\n');
}

void http_event(struct http_exchange *ex, const char *id, const char *name, const char *data,
                size_t len)
{
    struct buf *out = &ex->stream.unsent;
    const char *end = data + len;
    BUG_ON(!ex->is_stream);
    pthread_mutex_lock(&ex->lock);
    if (ex->stream.overflow || !has_room(out, id, name, data, len)) {
        ex->stream.overflow = true;
        pthread_mutex_unlock(&ex->lock);
        return;
    }
    if (id)
        add_field(out, "id", id);
    if (name)
        add_field(out, "event", name);
    do {
        const char *stop = memchr(data, '\n', (size_t)(end - data));
        if (!stop)
            stop = end;
        buf_add_str(out, "data: ");
        buf_add(out, data, (size_t)(stop - data));
        buf_add_char(out, '\n');
        data = stop < end ? stop + 1 : end;
    } while (data < end);
    buf_add_char(out, '\n');
    pthread_mutex_unlock(&ex->lock);
}

static ssize_t read_events(void *arg, uint64_t pos, char *out, size_t max)
{
    struct http_exchange *ex = arg;
    struct event_stream *st = &ex->stream;
    ssize_t n = 0;
    pthread_mutex_lock(&ex->lock);
    if (st->unsent.len) {
        n = (ssize_t)(st->unsent.len < max ? st->unsent.len : max);
        memcpy(out, st->unsent.data, (size_t)n);
        buf_consume(&st->unsent, (size_t)n);
    } else if (st->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        atomic_fetch_add(&ex->server->suspended, 1);
        if (atomic_load(&ex->server->stopping)) {
            atomic_fetch_sub(&ex->server->suspended, 1);
            n = MHD_CONTENT_READER_END_OF_STREAM;
        } else {
            MHD_suspend_connection(ex->mhd);
            st->suspended = true;
        }
    }
    pthread_mutex_unlock(&ex->lock);
    return n;
}

enum MHD_Result stream_queue_reply(struct http_exchange *ex)
{
    struct MHD_Response *r =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_events, ex, NULL);
    enum MHD_Result result;
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", "text/event-stream");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    MHD_add_response_header(r, "X-Accel-Buffering", "no");
    for (size_t i = 0; i < ex->header_count; i++)
        MHD_add_response_header(r, ex->headers[i].name, ex->headers[i].value);
    counter_add(&net_counters[NET_REQUESTS_2XX], 1);
    waiter_post(ex->server->waiter, ex, INBOX_ADD);
    result = MHD_queue_response(ex->mhd, 200, r);
    MHD_destroy_response(r);
    return result;
}

/* Under the lock, before the pump: the handler's backlog is no fault of the client's, but as it
 * reads on, what it may leave unread falls to the configured buffer. */
static void set_allowed(struct event_stream *st, size_t buffer)
{
    size_t allowed = st->unsent.len + buffer;
    if (st->allowed == 0 && st->overflow) {
        st->ended = true; /* only the backlog's beginning fits: the client resumes after it */
        st->overflow = false;
    }
    if (st->allowed == 0 || allowed < st->allowed)
        st->allowed = allowed;
}

/* Under the lock: is the client so far behind that it must go? */
static bool is_too_slow(struct event_stream *st)
{
    if (!st->overflow && st->unsent.len <= st->allowed)
        return false;
    buf_clear(&st->unsent);
    st->ended = true;
    return true;
}

void stream_turn(struct http_exchange *ex, enum http_why why, struct mono now)
{
    struct event_stream *st = &ex->stream;
    bool keep = true, resume, too_slow, may_pump;
    size_t before;
    pthread_mutex_lock(&ex->lock);
    before = st->unsent.len;
    if (ex->is_ended || st->ended) {
        st->heartbeat_at = (struct mono){INT64_MAX};
        pthread_mutex_unlock(&ex->lock);
        return;
    }
    set_allowed(st, ex->server->config.stream_buffer);
    may_pump = !st->ended && (why == HTTP_WOKEN || why == HTTP_STOPPING);
    pthread_mutex_unlock(&ex->lock);
    if (may_pump)
        keep = st->pump(ex, ex->again_arg, why) && why == HTTP_WOKEN;
    pthread_mutex_lock(&ex->lock);
    if (why == HTTP_DEADLINE)
        buf_add(&st->unsent, ":\n\n", 3);
    if (why == HTTP_DEADLINE || st->unsent.len > before)
        st->heartbeat_at = mono_add_ms(now, ex->server->config.heartbeat_ms);
    too_slow = is_too_slow(st);
    if (!keep || why == HTTP_LEFT)
        st->ended = true;
    resume = st->suspended && (st->unsent.len || st->ended);
    if (resume)
        st->suspended = false;
    pthread_mutex_unlock(&ex->lock);
    if (too_slow) {
        counter_add(&net_counters[NET_SLOW_STREAMS], 1);
        exchange_shut_socket(ex);
    }
    if (resume)
        exchange_resume(ex);
}
