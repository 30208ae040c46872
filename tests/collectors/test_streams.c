#include "collectors/streams.h"
#include "collectors/datagrams.h"
#include "collectors/aggregator/shard.h"
#include "tests/collectors/rig.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int connect_to(int port, int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    BUG_ON(fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0);
    return fd;
}

static bool counted(enum collector_counter row, int64_t before, int64_t n)
{
    struct mono deadline = mono_add_ms(mono_now(), 5000);
    while (collectors_counted(row) - before < n && !mono_passed(mono_now(), deadline))
        usleep(1000);
    return collectors_counted(row) - before == n;
}

static size_t document(char *out, size_t room, int errors)
{
    return (size_t)snprintf(
        out, room,
        "{\"_aws\":{\"Timestamp\":%lld,\"CloudWatchMetrics\":[{\"Namespace\":\"http\","
        "\"Dimensions\":[[\"service\"]],\"Metrics\":[{\"Name\":\"errors\"},{\"Name\":\"requests\"}]"
        "}]},\"service\":\"checkout\",\"cohort\":\"candidate\",\"errors\":%d,\"requests\":10}\n",
        (long long)(wall_now().us / 1000), errors);
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        BUG_ON(n <= 0);
        bytes += n;
        len -= (size_t)n;
    }
}

/* Documents cut anywhere, two connections at once, the last one without its newline; and by UDP. */
static void documents_are_counted_in(void)
{
    struct rig r = {0};
    struct err err = {0};
    char text[600];
    T_CHECK(rig_open(&r, "emf"));
    struct streams *s = streams_start(r.g, "127.0.0.1:0,unix:/nowhere", false, &err);
    struct datagrams *d = datagrams_start(
        r.g, &(struct datagrams_config){.listen = "127.0.0.1:0", .source = DATAGRAMS_EMF}, &err);
    T_CHECK(s && d);
    int64_t lines = collectors_counted(COUNT_LINES_EMF),
            refused = collectors_counted(COUNT_REFUSED);
    int64_t first = block_of(wall_now(), US_PER_SECOND);
    int one = connect_to(streams_port(s), SOCK_STREAM),
        two = connect_to(streams_port(s), SOCK_STREAM);
    int udp = connect_to(datagrams_port(d), SOCK_DGRAM);
    for (int i = 0; i < 100; i++) {
        size_t len = document(text, sizeof(text), 1), cut = (size_t)i * 3 % len;
        send_all(one, text, cut);
        send_all(two, text, len);
        send_all(one, text + cut, len - cut);
        send_all(udp, text, len);
    }
    send_all(two, "{\"broken\"}\n", 11);
    size_t len = document(text, sizeof(text), 7);
    send_all(one, text, len - 1);
    close(one);
    close(two);
    T_CHECK(counted(COUNT_LINES_EMF, lines, 302));
    T_CHECK(counted(COUNT_REFUSED, refused, 1));
    close(udp);
    streams_stop(s);
    datagrams_stop(d);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    int64_t last = block_of(wall_now(), US_PER_SECOND);
    T_OK(rig_seal(&r, 0, 0, first, last, &err), err);
    struct rig_sum sum;
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, first, last, &sum, &err), err);
    T_NEAR(sum.events, 307, 0, 0);
    T_NEAR(sum.exposure, 3010, 0, 0);
    rig_close(&r);
}

/* A document past the limit is dropped to its end, the next one counts; too many connections. */
static void limits_hold(void)
{
    struct rig r = {0};
    struct err err = {0};
    char text[600];
    T_CHECK(rig_open(&r, "limits"));
    struct streams *s = streams_start(r.g, "127.0.0.1:0", false, &err);
    T_CHECK(s != NULL);
    int64_t lines = collectors_counted(COUNT_LINES_EMF),
            cut = collectors_counted(COUNT_EMF_TOO_LONG),
            closed = collectors_counted(COUNT_EMF_CONNECTIONS_REFUSED);
    int fds[STREAMS_MAX + 1];
    for (int i = 0; i <= STREAMS_MAX; i++) {
        fds[i] = connect_to(streams_port(s), SOCK_STREAM);
        if (i == 0) { /* so that the first has its place */
            send_all(fds[0], text, document(text, sizeof(text), 0));
            T_CHECK(counted(COUNT_LINES_EMF, lines, 1));
        }
    }
    T_CHECK(counted(COUNT_EMF_CONNECTIONS_REFUSED, closed, 1));
    static char junk[EMF_DOCUMENT_BYTES_MAX + 100];
    memset(junk, 'x', sizeof(junk));
    send_all(fds[0], junk, sizeof(junk));
    T_CHECK(counted(COUNT_EMF_TOO_LONG, cut, 1));
    send_all(fds[0], junk, sizeof(junk)); /* goes on, and is still one */
    send_all(fds[0], "\n", 1);
    send_all(fds[0], text, document(text, sizeof(text), 0));
    T_CHECK(counted(COUNT_LINES_EMF, lines, 2));
    T_CHECK(counted(COUNT_EMF_TOO_LONG, cut, 1));
    for (int i = 0; i <= STREAMS_MAX; i++)
        close(fds[i]);
    streams_stop(s);
    rig_close(&r);
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

/* Without a descriptor for it a connection waits, and nobody spins meanwhile. */
static void without_descriptors_it_waits(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct rlimit before, none;
    char text[600];
    T_CHECK(rig_open(&r, "descriptors"));
    struct streams *s = streams_start(r.g, "127.0.0.1:0", false, &err);
    T_CHECK(s != NULL);
    int64_t lines = collectors_counted(COUNT_LINES_EMF);
    T_CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int fd = connect_to(streams_port(s), SOCK_STREAM); /* it is taken, and told by a document */
    send_all(fd, text, document(text, sizeof(text), 0));
    T_CHECK(counted(COUNT_LINES_EMF, lines, 1));
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), next = dup(client);
    close(next);
    none = before;
    none.rlim_cur = (rlim_t)next; /* descriptors below it are in use */
    T_CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)streams_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int64_t used = cpu_us();
    T_CHECK(connect(client, (struct sockaddr *)&to, sizeof(to)) == 0);
    send_all(client, text, document(text, sizeof(text), 0));
    usleep(400000);
    T_CHECK(cpu_us() - used < 40000); /* some 1,000 it takes; spinning, all it gets */
    T_EQ_INT(collectors_counted(COUNT_LINES_EMF) - lines, 1);
    T_CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    T_CHECK(counted(COUNT_LINES_EMF, lines, 2));
    close(client);
    close(fd);
    streams_stop(s);
    rig_close(&r);
}

static void addresses(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "addresses"));
    T_CHECK(!streams_start(r.g, "0.0.0.0:0", false, &err));
    T_CHECK(strstr(err.message, "not a loopback address"));
    T_CHECK(!streams_start(r.g, "192.0.2.1:1", true, &err));
    T_CHECK(strstr(err.message, "cannot listen for connections"));
    struct streams *s = streams_start(r.g, "[::1]:0,0.0.0.0:0", true, &err);
    T_CHECK(s != NULL);
    streams_stop(s);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"documents are counted in", documents_are_counted_in},
        {"limits hold", limits_hold},
        {"without descriptors it waits", without_descriptors_it_waits},
        {"addresses", addresses},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
