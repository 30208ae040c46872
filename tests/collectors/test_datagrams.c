#include "collectors/datagrams.h"
#include "collectors/aggregator/shard.h"
#include "tests/collectors/rig.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int sender(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    BUG_ON(fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0);
    return fd;
}

/* Waits until the counter has grown by n since `before`. */
static bool counted(enum collector_counter row, int64_t before, int64_t n)
{
    struct mono deadline = mono_add_ms(mono_now(), 5000);
    while (collectors_counted(row) - before < n && !mono_passed(mono_now(), deadline))
        usleep(1000);
    return collectors_counted(row) - before == n;
}

static void datagrams_are_counted_in(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "statsd"));
    struct datagrams *s =
        datagrams_start(r.g, &(struct datagrams_config){.listen = "127.0.0.1:0"}, &err);
    T_CHECK(s != NULL);
    int fd = sender(datagrams_port(s));
    int64_t datagrams = collectors_counted(COUNT_DATAGRAMS),
            lines = collectors_counted(COUNT_LINES_UDP);
    int64_t refused = collectors_counted(COUNT_REFUSED),
            cut = collectors_counted(COUNT_DATAGRAMS_CUT);
    static const char body[] = "http.errors:1|c|#service:checkout,cohort:candidate\nhttp.requests:"
                               "1:2|c|#service:checkout,cohort:candidate\nbroken\n";
    int64_t first = block_of(wall_now(), US_PER_SECOND);
    for (int i = 0; i < 500; i++)
        T_EQ_INT(send(fd, body, sizeof(body) - 1, 0), sizeof(body) - 1);
    T_CHECK(counted(COUNT_DATAGRAMS, datagrams, 500));
    T_CHECK(counted(COUNT_LINES_UDP, lines, 1500));
    T_CHECK(counted(COUNT_REFUSED, refused, 500));
    static char big[DATAGRAM_BYTES_MAX + 100];
    memset(big, '\n', sizeof(big));
    T_EQ_INT(send(fd, big, sizeof(big), 0), sizeof(big));
    T_EQ_INT(send(fd, "", 0, 0), 0); /* an empty datagram is one too */
    T_CHECK(counted(COUNT_DATAGRAMS, datagrams, 502));
    T_CHECK(counted(COUNT_DATAGRAMS_CUT, cut, 1));
    close(fd);
    datagrams_stop(s);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    int64_t last = block_of(wall_now(), US_PER_SECOND);
    T_OK(rig_seal(&r, 0, 0, first, last, &err), err);
    struct rig_sum sum;
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, first, last, &sum, &err), err);
    T_NEAR(sum.events, 500, 0, 0);
    T_NEAR(sum.exposure, 1500, 0, 0);
    rig_close(&r);
}

/* What the kernel drops while nobody reads is counted when reading goes on. */
static void drops_are_counted(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "drops"));
    struct datagrams *s = datagrams_start(
        r.g, &(struct datagrams_config){.listen = "127.0.0.1:0", .receive_bytes = 4096}, &err);
    T_CHECK(s != NULL);
    int fd = sender(datagrams_port(s));
    int64_t drops = collectors_counted(COUNT_DATAGRAM_DROPS),
            got = collectors_counted(COUNT_DATAGRAMS);
    char body[1024];
    memset(body, 'x', sizeof(body));
    int sent = 0;
    /* faster than anybody reads, until something was dropped; what is read then brings the count */
    struct mono deadline = mono_add_ms(mono_now(), 10000);
    while (collectors_counted(COUNT_DATAGRAM_DROPS) == drops &&
           !mono_passed(mono_now(), deadline)) {
        for (int i = 0; i < 200; i++)
            sent += send(fd, body, sizeof(body), 0) == sizeof(body);
    }
    T_CHECK(collectors_counted(COUNT_DATAGRAM_DROPS) > drops);
    T_CHECK(collectors_counted(COUNT_DATAGRAMS) - got + collectors_counted(COUNT_DATAGRAM_DROPS) -
                drops <=
            sent);
    close(fd);
    datagrams_stop(s);
    rig_close(&r);
}

static void addresses(void)
{
    static const struct {
        const char *listen;
        bool allow_remote;
        const char *refusal; /* NULL: taken */
    } rows[] = {
        {"127.0.0.1:0", false, NULL},
        {"[::1]:0", false, NULL},
        {"0.0.0.0:0", true, NULL},
        {"0.0.0.0:0", false, "not a loopback address"},
        {"[::]:0", false, "not a loopback address"},
        {"192.0.2.1:8125", false, "not a loopback address"},
        {"localhost:8125", false, "is not address:port with numbers"},
        {"8125", false, "is not address:port"},
        {"[::1:8125", false, "is not address:port"},
        {"127.0.0.1:x", false, "is not address:port"},
        {"192.0.2.1:8125", true, "cannot listen"},
        {"127.0.0.1:0,[::1]:0", false, NULL},
        {"127.0.0.1:0,", false, "is not address:port"},
        {"127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0,127.0.0.1:0", false, "more than 4"},
        {"unix:statsd.sock", false, "want a whole path"},
        {"unix:///nowhere/statsd.sock", false, "cannot listen on /nowhere/statsd.sock"},
    };
    struct rig r = {0};
    T_CHECK(rig_open(&r, "addresses"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {0};
        struct datagrams *s = datagrams_start(
            r.g,
            &(struct datagrams_config){
                .listen = rows[i].listen, .allow_remote = rows[i].allow_remote, .threads = 2},
            &err);
        if ((s == NULL) != (rows[i].refusal != NULL) ||
            (!s && !strstr(err.message, rows[i].refusal)))
            t_fail(__FILE__, __LINE__, "%s: %s", rows[i].listen, s ? "taken" : err.message);
        datagrams_stop(s);
    }
    rig_close(&r);
}

static int unix_sender(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    BUG_ON(fd < 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Both kinds of socket at once; the unix one with two threads, and a packet longer than the limit.
 */
static void unix_sockets_are_counted_in(void)
{
    struct rig r = {0};
    struct err err = {0};
    char path[200], listen[300];
    struct stat st;
    T_CHECK(rig_open(&r, "unix"));
    snprintf(path, sizeof(path), "%s/statsd.sock", t_tmpdir());
    snprintf(listen, sizeof(listen), "127.0.0.1:0,unix://%s", path);
    struct datagrams *s = datagrams_start(
        r.g, &(struct datagrams_config){.listen = listen, .threads = 2, .mode = 0620}, &err);
    T_CHECK(s != NULL);
    T_CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0620);
    int64_t datagrams = collectors_counted(COUNT_DATAGRAMS),
            cut = collectors_counted(COUNT_DATAGRAMS_CUT);
    int64_t first = block_of(wall_now(), US_PER_SECOND);
    static const char body[] = "http.errors:1|c|#service:checkout,cohort:candidate\nhttp.requests:"
                               "1:2|c|#service:checkout,cohort:candidate\n";
    int by_path = unix_sender(path), by_port = sender(datagrams_port(s));
    T_CHECK(by_path >= 0);
    for (int i = 0; i < 500; i++) { /* a full queue makes this sender wait: nothing is lost */
        T_EQ_INT(send(by_path, body, sizeof(body) - 1, 0), sizeof(body) - 1);
        T_EQ_INT(i % 10 || send(by_port, body, sizeof(body) - 1, 0) > 0, 1);
    }
    static char big[DATAGRAM_BYTES_MAX + 100];
    T_EQ_INT(send(by_path, big, sizeof(big), 0), sizeof(big));
    T_CHECK(counted(COUNT_DATAGRAMS, datagrams, 551));
    T_CHECK(counted(COUNT_DATAGRAMS_CUT, cut, 1));
    close(by_path);
    close(by_port);
    datagrams_stop(s);
    T_CHECK(stat(path, &st) != 0); /* nothing is left behind */
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    int64_t last = block_of(wall_now(), US_PER_SECOND);
    T_OK(rig_seal(&r, 0, 0, first, last, &err), err);
    struct rig_sum sum;
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, first, last, &sum, &err), err);
    T_NEAR(sum.events, 550, 0, 0);
    T_NEAR(sum.exposure, 1650, 0, 0);
    rig_close(&r);
}

/* A socket that a killed process left is taken over; one in use, and any other file, is not. */
static void unix_files(void)
{
    struct rig r = {0};
    struct err err = {0};
    char path[200], listen[300];
    struct stat st;
    T_CHECK(rig_open(&r, "files"));
    snprintf(path, sizeof(path), "%s/left.sock", t_tmpdir());
    snprintf(listen, sizeof(listen), "unix:%s", path);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, strlen(path) + 1);
    int left = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    T_EQ_INT(bind(left, (struct sockaddr *)&at, sizeof(at)), 0);
    const struct datagrams_config config = {.listen = listen};
    T_CHECK(datagrams_start(r.g, &config, &err) == NULL);
    T_CHECK(strstr(err.message, "somebody receives on"));
    close(left); /* its owner is gone, the file stays */
    struct datagrams *s = datagrams_start(r.g, &config, &err);
    T_CHECK(s != NULL);
    T_CHECK(datagrams_start(r.g, &config, &err) == NULL);
    T_CHECK(stat(path, &st) == 0); /* that did not take it away from the first */
    int fd = unix_sender(path);
    T_CHECK(fd >= 0);
    close(fd);
    /* somebody else's file of that name stays when we go */
    unlink(path);
    left = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    T_EQ_INT(bind(left, (struct sockaddr *)&at, sizeof(at)), 0);
    datagrams_stop(s);
    T_CHECK(stat(path, &st) == 0);
    close(left);
    unlink(path);
    FILE *f = fopen(path, "w");
    T_CHECK(f && fclose(f) == 0);
    T_CHECK(datagrams_start(r.g, &config, &err) == NULL);
    T_CHECK(strstr(err.message, "is no socket"));
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"datagrams are counted in", datagrams_are_counted_in},
        {"drops are counted", drops_are_counted},
        {"addresses", addresses},
        {"unix sockets are counted in", unix_sockets_are_counted_in},
        {"unix files", unix_files},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
