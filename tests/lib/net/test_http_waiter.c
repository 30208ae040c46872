/* Work, waits, event streams, stopping: all that suspends a connection. */
#include "lib/net/http_server.h"

#include "tests/lib/net/http_service.h"

#include <poll.h>
#include <sys/socket.h>

static void runs_work_and_parks(void)
{
    start();
    T_CHECK(raw_call(port, "GET /work HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "worked");
    T_CHECK(raw_call(port, "GET /number?wait=50ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "0 deadline");
    T_CHECK(raw_call(port, "GET /number/work?wait=50ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "0 deadline");
    T_CHECK(raw_call(port, "GET /job HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "job done");
    stop();
    T_EQ_INT(atomic_load(&released), 1);
}

static void wakes_long_polls(void)
{
    enum { CLIENTS = 50 };
    int fd[CLIENTS];
    start();
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = raw_connect(port);
        T_CHECK(raw_send(fd[i], i % 2 ? "GET /number?wait=30s&after=0 HTTP/1.1\r\n" HOST "\r\n"
                                      : "GET /number/work?wait=30s&after=0 HTTP/1.1\r\n" HOST
                                        "\r\n") == 0);
    }
    atomic_store(&number, 7);
    http_server_wake(server);
    for (int i = 0; i < CLIENTS; i++) {
        T_CHECK(raw_read_reply(fd[i], &reply, 10000, false) == 0);
        T_EQ_STR(reply.body, "7 new");
        close(fd[i]);
    }
    stop();
}

static void limits_waiting_calls(void)
{
    int fd[2];
    start_with((struct http_server_config){.parked_max = 2});
    for (int i = 0; i < 2; i++) {
        fd[i] = raw_connect(port);
        T_CHECK(raw_send(fd[i], "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    }
    while (atomic_load(&waits_begun) < 2)
        usleep(100);
    T_CHECK(raw_call(port, "GET /number?wait=1ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_INT(reply.status, 503);
    T_HAS_STR(reply.head, "Retry-After: 1");
    atomic_store(&number, 1);
    http_server_wake(server);
    for (int i = 0; i < 2; i++) {
        T_CHECK(raw_read_reply(fd[i], &reply, 5000, false) == 0);
        T_EQ_STR(reply.body, "1 new");
        close(fd[i]);
    }
    stop();
}

/* A client that closes, and one that only stops writing: the wait ends at once for both. */
static void sees_clients_leave(void)
{
    int fd;
    start_with((struct http_server_config){.parked_max = 1});
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    shutdown(fd, SHUT_WR);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_STR(reply.body, "0 left");
    close(fd);
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    close(fd);
    struct mono end = mono_add_ms(mono_now(), 5000);
    do { /* its place becomes free */
        T_CHECK(raw_call(port, "GET /number?wait=1ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
        T_CHECK(!mono_passed(mono_now(), end));
    } while (reply.status != 200);
    stop();
}

static void refuses_work_beyond_its_queue(void)
{
    enum { CLIENTS = 8 };
    int fd[CLIENTS], ok = 0, refused = 0;
    start_with((struct http_server_config){.work_threads = 1, .work_queue = 2});
    pthread_mutex_lock(&gate);
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = raw_connect(port);
        T_CHECK(raw_send(fd[i], "GET /work HTTP/1.1\r\n" HOST "\r\n") == 0);
        if (i == 0) /* the first leaves the queue before the others fill it */
            while (!atomic_load(&work_running))
                usleep(100);
    }
    /* 1 running, 2 queued, 5 refused: wait for the five, then open the gate */
    struct mono end = mono_add_ms(mono_now(), 5000);
    while (refused < CLIENTS - 3 && !mono_passed(mono_now(), end)) {
        refused = 0;
        for (int i = 0; i < CLIENTS; i++) {
            struct pollfd p = {.fd = fd[i], .events = POLLIN};
            refused += poll(&p, 1, 1) == 1;
        }
    }
    pthread_mutex_unlock(&gate);
    T_EQ_INT(refused, CLIENTS - 3);
    refused = 0;
    for (int i = 0; i < CLIENTS; i++) {
        T_CHECK(raw_read_reply(fd[i], &reply, 5000, false) == 0);
        ok += reply.status == 200;
        if (reply.status == 503) {
            T_HAS_STR(reply.head, "Retry-After: 1");
            refused++;
        }
        close(fd[i]);
    }
    T_EQ_INT(ok, 3);
    T_EQ_INT(refused, CLIENTS - 3);
    stop();
}

static void streams_events(const char *path)
{
    char request[256], text[4096] = "";
    int fd;
    start_with((struct http_server_config){.heartbeat_ms = 50});
    atomic_store(&number, 3);
    fd = raw_connect(port);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "Last-Event-ID: 1\r\n\r\n", path);
    T_CHECK(raw_send(fd, request) == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text),
                           "id: 3\nevent: number\ndata: line1\ndata: line2\n\n", 5000) == 0);
    T_HAS_STR(text, "Content-Type: text/event-stream");
    T_HAS_STR(text, "retry: 2000\n\n");
    T_HAS_STR(text, "id: 2\n");
    T_CHECK(!strstr(text, "id: 1\n"));
    atomic_store(&number, 4);
    http_server_wake(server);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "id: 4\n", 5000) == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "\n:\n\n", 5000) == 0); /* heartbeat */
    atomic_store(&number, -1); /* the pump ends the stream */
    http_server_wake(server);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "\r\n0\r\n\r\n", 5000) == 0);
    T_CHECK(raw_send(fd, "GET /healthz HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_STR(reply.body, "open");
    close(fd);
    stop();
    T_EQ_INT(atomic_load(&released), 1);
}

static void streams_events_inline(void)
{
    streams_events("/events");
}

static void streams_events_after_work(void)
{
    streams_events("/events/work");
}

/* What was missed may be much more than a client may leave unread; too much comes in two turns. */
static void sends_what_was_missed(void)
{
    static char text[6 << 20];
    int fd;
    start_with((struct http_server_config){.stream_buffer = 5000});
    fd = raw_connect(port);
    text[0] = '\0';
    T_CHECK(raw_send(fd, "GET /backlog?n=1000 HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "id: 999\n", 10000) == 0);
    atomic_store(&number, 1);
    http_server_wake(server);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "event: number\n", 10000) == 0);
    close(fd);
    fd = raw_connect(port);
    text[0] = '\0';
    T_CHECK(raw_send(fd, "GET /backlog?n=5000 HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "\r\n0\r\n\r\n", 10000) == 0);
    T_CHECK(strstr(text, "id: 3000\n"));
    T_CHECK(!strstr(text, "id: 4999\n"));
    close(fd);
    stop();
}

static void drops_slow_streams(void)
{
    char text[4096] = "";
    int fd;
    start_with((struct http_server_config){.stream_buffer = 20000});
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "retry:", 5000) == 0);
    atomic_store(&number, 100000);
    http_server_wake(server);
    T_CHECK(raw_is_closed(fd, 5000));
    close(fd);
    stop();
    T_EQ_INT(atomic_load(&released), 1);
}

/* Everything that can be open when the service stops; it must stop soon and answer who waits. */
static void stops_with_everything_open(void)
{
    int poll_fd, stream_fd, idle_fd, half_fd, work_fd, left_fd;
    char text[4096] = "";
    struct mono before;
    start();
    idle_fd = raw_connect(port);
    half_fd = raw_connect(port);
    T_CHECK(raw_send(half_fd, "GET /hea") == 0);
    poll_fd = raw_connect(port);
    T_CHECK(raw_send(poll_fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    left_fd = raw_connect(port);
    T_CHECK(raw_send(left_fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    close(left_fd);
    work_fd = raw_connect(port);
    T_CHECK(raw_send(work_fd, "GET /work HTTP/1.1\r\n" HOST "\r\n") == 0);
    while (!atomic_load(&work_running))
        usleep(100);
    stream_fd = raw_connect(port);
    T_CHECK(raw_send(stream_fd, "GET /events HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_until(stream_fd, text, sizeof(text), "retry:", 5000) == 0);
    before = mono_now();
    http_server_stop(server, 500);
    T_CHECK(mono_now().us - before.us < 3000000);
    T_CHECK(raw_read_reply(poll_fd, &reply, 1000, false) == 0);
    T_EQ_STR(reply.body, "0 stopping");
    T_CHECK(raw_read_reply(work_fd, &reply, 1000, false) == 0);
    T_EQ_STR(reply.body, "worked");
    T_CHECK(raw_is_closed(stream_fd, 1000));
    T_CHECK(raw_is_closed(idle_fd, 1000));
    T_CHECK(raw_is_closed(half_fd, 1000));
    T_CHECK(raw_connect(port) < 0);
    close(idle_fd);
    close(half_fd);
    close(poll_fd);
    close(work_fd);
    close(stream_fd);
}

/* Many clients at once over every kind of handler, while the state changes: for the sanitizers. */
static void *hammer(void *arg)
{
    static const char *const requests[] = {
        "GET /healthz HTTP/1.1\r\n" HOST "\r\n",
        "GET /work HTTP/1.1\r\n" HOST "\r\n",
        "GET /number?wait=5ms&after=1000000 HTTP/1.1\r\n" HOST "\r\n",
        "GET /job HTTP/1.1\r\n" HOST "\r\n",
        "GET /number/work?wait=30s HTTP/1.1\r\n" HOST "\r\n",
        "POST /pieces HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde",
    };
    struct raw_reply *r = malloc(sizeof(*r));
    int *bad = arg;
    int fd = raw_connect(port);
    for (int i = 0; i < 120; i++) {
        if (raw_send(fd, requests[(i * 7 + fd) % 6]) < 0 ||
            raw_read_reply(fd, r, 10000, false) < 0 || r->status >= 300)
            (*bad)++;
        if (i % 10 == 0) {
            char text[4096] = "";
            int stream = raw_connect(port);
            if (raw_send(stream, "GET /events/work HTTP/1.1\r\n" HOST "Last-Event-ID: 0\r\n\r\n") <
                    0 ||
                raw_read_until(stream, text, sizeof(text), "retry", 10000) < 0)
                (*bad)++;
            close(stream);
        }
    }
    close(fd);
    free(r);
    return NULL;
}

static void holds_under_load(void)
{
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    int bad[THREADS] = {0};
    start();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hammer, &bad[i]);
    for (int i = 0; i < 200; i++) {
        atomic_fetch_add(&number, 1);
        http_server_wake(server);
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        T_EQ_INT(bad[i], 0);
    }
    stop();
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"runs_work_and_parks", runs_work_and_parks},
        {"refuses_work_beyond_its_queue", refuses_work_beyond_its_queue},
        {"wakes_long_polls", wakes_long_polls},
        {"limits_waiting_calls", limits_waiting_calls},
        {"sees_clients_leave", sees_clients_leave},
        {"streams_events_inline", streams_events_inline},
        {"streams_events_after_work", streams_events_after_work},
        {"sends_what_was_missed", sends_what_was_missed},
        {"drops_slow_streams", drops_slow_streams},
        {"stops_with_everything_open", stops_with_everything_open},
        {"holds_under_load", holds_under_load},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
