#include "lib/net/http_priv.h"

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/crypto/random.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUESTS   "judge_http_requests_total", .help = "HTTP requests answered, by class of status."
#define REFUSED    "judge_http_refused_total", .help = "HTTP requests refused before their handler."
#define HOST_BYTES 256 /* of an address to listen on */
#define CUT        "judge_http_disconnected_total", .help = "HTTP clients disconnected, or seen to leave."

struct counter net_counters[NET_COUNTERS] = {
    [NET_REQUESTS_2XX] = {.name = REQUESTS, .labels = "class=\"2xx\""},
    [NET_REQUESTS_3XX] = {.name = REQUESTS, .labels = "class=\"3xx\""},
    [NET_REQUESTS_4XX] = {.name = REQUESTS, .labels = "class=\"4xx\""},
    [NET_REQUESTS_5XX] = {.name = REQUESTS, .labels = "class=\"5xx\""},
    [NET_CONNECTIONS] = {.name = "judge_http_connections",
                         .help = "Open HTTP connections.",
                         .is_gauge = true},
    [NET_PARKED] = {.name = "judge_http_waiting",
                    .help = "HTTP calls waiting: long polls and event streams.",
                    .is_gauge = true},
    [NET_SLOW_HEADS] = {.name = CUT, .labels = "reason=\"slow_request\""},
    [NET_SLOW_STREAMS] = {.name = CUT, .labels = "reason=\"slow_stream\""},
    [NET_CLIENTS_LEFT] = {.name = CUT, .labels = "reason=\"left\""},
    [NET_REFUSED_WORK] = {.name = REFUSED, .labels = "reason=\"work_queue\""},
    [NET_REFUSED_PARK] = {.name = REFUSED, .labels = "reason=\"waiting\""},
    [NET_REFUSED_AUTH] = {.name = REFUSED, .labels = "reason=\"credential\""},
    [NET_REFUSED_PAUSED] = {.name = REFUSED, .labels = "reason=\"paused_address\""},
};

static void start_once(void)
{
    signal(SIGPIPE, SIG_IGN);
    counters_register(net_counters, NET_COUNTERS);
    BUG_ON(curl_global_init(CURL_GLOBAL_DEFAULT) != 0);
}

void net_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_once);
}

/* --- Connections --- */

static void describe_peer(struct connection *c, const struct sockaddr *peer)
{
    const void *address = NULL;
    snprintf(c->peer, sizeof(c->peer), "unix");
    if (!peer)
        return;
    if (peer->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    else if (peer->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    if (address)
        inet_ntop(peer->sa_family, address, c->peer, sizeof(c->peer));
    c->backoff_key = backoff_key(peer);
}

static struct connection *connection_open(struct http_server *s, struct MHD_Connection *mhd)
{
    struct connection *c = mem_alloc(sizeof(*c));
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    describe_peer(c, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    atomic_init(&c->deadline_us, mono_add_ms(mono_now(), s->config.idle_ms).us);
    pthread_mutex_lock(&s->connections_lock);
    c->next = s->connections;
    if (c->next)
        c->next->prev = c;
    s->connections = c;
    pthread_mutex_unlock(&s->connections_lock);
    counter_add(&net_counters[NET_CONNECTIONS], 1);
    return c;
}

static void connection_close(struct http_server *s, struct connection *c)
{
    pthread_mutex_lock(&s->connections_lock);
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->connections = c->next;
    pthread_mutex_unlock(&s->connections_lock);
    counter_add(&net_counters[NET_CONNECTIONS], -1);
    free(c);
}

/* libmicrohttpd's timeout starts anew with each byte, so a client that sends one byte a second
 * would hold a connection for ever. Head and body each have a deadline as a whole. */
void connections_reap(struct http_server *s, struct mono now)
{
    pthread_mutex_lock(&s->connections_lock);
    for (struct connection *c = s->connections; c; c = c->next) {
        if (atomic_load_explicit(&c->deadline_us, memory_order_relaxed) > now.us)
            continue;
        atomic_store(&c->deadline_us, INT64_MAX);
        counter_add(&net_counters[NET_SLOW_HEADS], 1);
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->connections_lock);
}

void exchange_shut_socket(struct http_exchange *ex)
{
    pthread_mutex_lock(&ex->lock);
    if (!ex->is_ended)
        shutdown(ex->connection->fd, SHUT_RDWR);
    pthread_mutex_unlock(&ex->lock);
}

/* --- What libmicrohttpd calls --- */

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_open(s, mhd);
    } else if (*context) {
        connection_close(s, *context);
        *context = NULL;
    }
}

static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
    return exchange_new(arg, mhd, target);
}

/* Targets stay as sent; url.c decodes what is asked for. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *text)
{
    return strlen(text);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **context)
{
    struct http_exchange *ex = *context;
    switch (ex->stage) {
    case STAGE_HEAD:
        exchange_begin(ex, method);
        /* An answer at this point makes libmicrohttpd close: only when the body is not worth
         * reading. */
        return ex->is_refused && ex->is_too_long_to_drain ? exchange_run(ex) : MHD_YES;
    case STAGE_BODY:
        if (!*len)
            return exchange_run(ex);
        exchange_body(ex, bytes, *len);
        *len = 0;
        return ex->is_refused && ex->is_too_long_to_drain ? MHD_NO : MHD_YES;
    case STAGE_ANSWERED:
        return ex->is_stream ? stream_queue_reply(ex) : exchange_queue_reply(ex);
    case STAGE_HANDLING:
        break;
    }
    BUG_ON(true); /* a suspended connection was resumed without an answer */
    return MHD_NO;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_exchange *ex = *context;
    struct http_server *s = arg;
    if (!ex)
        return;
    *context = NULL;
    pthread_mutex_lock(&ex->lock);
    ex->is_ended = true;
    if (ex->is_listed) {
        waiter_unwatch(s->waiter, ex->connection->fd);
        waiter_post(s->waiter, ex, INBOX_ENDED);
    }
    pthread_mutex_unlock(&ex->lock);
    if (ex->is_parked_counted) {
        atomic_fetch_sub(&s->parked, 1);
        counter_add(&net_counters[NET_PARKED], -1);
    }
    atomic_store_explicit(&ex->connection->deadline_us,
                          mono_add_ms(mono_now(), s->config.idle_ms).us, memory_order_relaxed);
    atomic_fetch_sub(&s->exchanges, 1);
    exchange_unref(ex);
}

static void on_log(void *arg, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void on_log(void *arg, const char *fmt, va_list args)
{
    char text[256];
    if (log_level_now() > LOG_LEVEL_DEBUG)
        return;
    vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("net", "%s", text);
}

/* --- Listening --- */

static int listen_unix(struct http_server *s, const char *path, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;
    if (strlen(path) >= sizeof(at.sun_path))
        return err_set(err, ERR_INPUT, "listen: the path of a unix socket has at most %zu bytes",
                       sizeof(at.sun_path) - 1);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return err_set(err, ERR_CONFLICT, "listen: %s is no socket: it is left alone", path);
    memcpy(at.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "listen: socket");
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 || errno == EAGAIN) {
        close(fd);
        return err_set(err, ERR_CONFLICT, "listen: somebody is listening on unix:%s already", path);
    }
    if (errno == ECONNREFUSED)
        unlink(path); /* left by a process that is gone */
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(path, 0660) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        err_set_errno(err, ERR_SYSTEM, "listen: unix:%s", path);
        close(fd);
        return -1;
    }
    s->unix_path = mem_strdup(path);
    return fd;
}

static int bind_and_listen(struct http_server *s, const struct addrinfo *to)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    int one = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    s->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&bound)->sin6_port
                                                : ((struct sockaddr_in *)(void *)&bound)->sin_port);
    return fd;
}

int http_listen_check(const char *text, struct err *err)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (strncmp(text, "unix:", 5) == 0)
        return text[5] ? 0 : err_set(err, ERR_INPUT, "listen: unix: wants a path");
    /* getaddrinfo() would take 65537 for 1 */
    if (!colon || colon - text >= HOST_BYTES ||
        num_parse_u64(colon + 1, strlen(colon + 1), &port) < 0 || port > 65535)
        return err_set(err, ERR_INPUT,
                       "listen: want HOST:PORT, [IPV6]:PORT or unix:PATH, not \"%.200s\"", text);
    return 0;
}

/* `text` has been checked. */
static int listen_tcp(struct http_server *s, const char *text, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(text, ':');
    char host[HOST_BYTES];
    size_t len = colon ? (size_t)(colon - text) : 0;
    int fd, status;
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    status = getaddrinfo(len ? host : NULL, colon + 1, &hints, &found);
    if (status != 0)
        return err_set(err, ERR_INPUT, "listen: %s: %s", host, gai_strerror(status));
    fd = bind_and_listen(s, found);
    if (fd < 0)
        err_set_errno(err, ERR_SYSTEM, "listen: %s port %s", host, colon + 1);
    freeaddrinfo(found);
    return fd;
}

/* --- Start and stop --- */

static void set_default(void *field, size_t bytes, int64_t value)
{
    if (bytes == sizeof(int)) {
        int *at = field;
        *at = *at ? *at : (int)value;
    } else {
        size_t *at = field;
        *at = *at ? *at : (size_t)value;
    }
}
#define DEFAULT(field, value) set_default(&(field), sizeof(field), value)

static void fill_defaults(struct http_server_config *c)
{
    DEFAULT(c->threads, 2);
    DEFAULT(c->work_threads, 4);
    DEFAULT(c->work_queue, HTTP_WORK_QUEUE_DEFAULT);
    DEFAULT(c->connections_max, HTTP_CONNECTIONS_DEFAULT);
    DEFAULT(c->parked_max, HTTP_PARKED_DEFAULT);
    DEFAULT(c->stream_buffer, HTTP_STREAM_BUFFER);
    DEFAULT(c->idle_ms, HTTP_IDLE_MS);
    DEFAULT(c->body_ms, HTTP_BODY_MS);
    DEFAULT(c->heartbeat_ms, HTTP_HEARTBEAT_MS);
}

static void server_free(struct http_server *s)
{
    work_pool_free(s->work);
    waiter_free(s->waiter);
    route_index_free(s->routes);
    backoff_free(s->backoff);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->unix_path)
        unlink(s->unix_path);
    free(s->unix_path);
    pthread_mutex_destroy(&s->connections_lock);
    free(s);
}

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
    const struct http_server_config *c = &s->config;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL},
        {MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->connections_max, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_CONNECTION_MEMORY, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (c->idle_ms + 999) / 1000, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, s},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s},
        {c->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, c->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

struct http_server *http_server_start(const struct http_server_config *config, struct err *err)
{
    struct http_server *s = mem_alloc(sizeof(*s));
    char id[RANDOM_ID_BYTES];
    net_start();
    s->config = *config;
    fill_defaults(&s->config);
    pthread_mutex_init(&s->connections_lock, NULL);
    memcpy(s->id_prefix, random_id(id), sizeof(s->id_prefix) - 1);
    s->routes = route_index_new(config->tables, config->table_count);
    s->backoff = backoff_new();
    s->listen_fd = http_listen_check(config->listen, err) != 0 ? -1
                   : strncmp(config->listen, "unix:", 5) == 0
                       ? listen_unix(s, config->listen + 5, err)
                       : listen_tcp(s, config->listen, err);
    if (s->listen_fd < 0)
        goto fail;
    s->waiter = waiter_new(s, err);
    if (!s->waiter)
        goto fail;
    s->work = work_pool_new(s->config.work_threads, s->config.work_queue);
    s->daemon = start_daemon(s);
    if (!s->daemon) {
        err_set_errno(err, ERR_SYSTEM, "starting the HTTP server on %s", config->listen);
        goto fail;
    }
    return s;
fail:
    server_free(s);
    return NULL;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_wake(struct http_server *s)
{
    waiter_wake_all(s->waiter);
}

/* Waits until the counter is zero or the time is over. The states it waits for change on other
 * threads' last steps, which must not touch the server after them: so it looks instead of being
 * told. */
static void wait_zero(_Atomic int *counter, struct mono deadline)
{
    while (atomic_load(counter) > 0 && !mono_passed(mono_now(), deadline))
        usleep(1000);
}

void http_server_stop(struct http_server *s, int grace_ms)
{
    static const struct mono never = {INT64_MAX};
    if (!s)
        return;
    MHD_quiesce_daemon(s->daemon);
    atomic_store(&s->stopping, true);
    waiter_wake_all(s->waiter);
    wait_zero(&s->exchanges, mono_add_ms(mono_now(), grace_ms));
    work_pool_free(s->work);
    s->work = NULL;
    wait_zero(&s->suspended, never);
    MHD_stop_daemon(s->daemon);
    server_free(s);
}
