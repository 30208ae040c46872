/*
 * The embedded server: one of it, whatever dies.
 */
#include "lib/redis/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/redis/redis.h"
#include "tests/support/redis_fixture.h"
#include "tests/t.h"

static char dir[300];

static const char *fresh_dir(const char *name)
{
    snprintf(dir, sizeof(dir), "%s/%s", t_tmpdir(), name);
    if (mkdir(dir, 0700) != 0)
        t_fail(__FILE__, __LINE__, "mkdir %s: %s", dir, strerror(errno));
    return dir;
}

static struct redis_server *start(struct err *err)
{
    return redis_server_start(&(struct redis_server_config){.state_dir = dir, .start_ms = 10000},
                              err);
}

static bool run_id_of(const char *url, char out[64])
{
    struct err err;
    struct redis *r = redis_open(&(struct redis_config){.url = url, .first_wait_ms = 10000}, &err);
    if (!r)
        return false;
    redis_run_id(r, out);
    redis_close(r);
    return true;
}

static bool ends(pid_t pid, int64_t ms)
{
    for (struct mono end = mono_add_ms(mono_now(), ms); !mono_passed(mono_now(), end);) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return true;
        usleep(1000);
    }
    return false;
}

static void starts_and_stops(void)
{
    struct err err;
    char path[400];
    struct stat st;
    fresh_dir("plain");
    struct mono before = mono_now();
    struct redis_server *s = start(&err);
    if (!s)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(s);
    fprintf(stderr, "redis-server answered after %lld ms\n",
            (long long)mono_until_ms(before, mono_now()));
    T_CHECK(!redis_server_was_adopted(s));
    snprintf(path, sizeof(path), "%s/redis", dir);
    T_CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
    snprintf(path, sizeof(path), "%s/redis/redis.sock", dir);
    T_CHECK(stat(path, &st) == 0 && (st.st_mode & 0077) == 0);
    char id[64];
    T_CHECK(run_id_of(redis_server_url(s), id));
    pid_t pid = redis_server_pid(s);
    T_CHECK(getsid(pid) == pid); /* a session of its own */
    redis_server_stop(s, 5000);
    T_EQ_INT(kill(pid, 0), -1);
}

static bool set_key(const char *url, const char *value)
{
    struct err err;
    struct redis *r = redis_open(&(struct redis_config){.url = url, .first_wait_ms = 10000}, &err);
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "SET", "kept", value, NULL);
    bool is_set = r && redis_call(r, REDIS_MAIN, b, 5000, &err) == 0;
    redis_batch_free(b);
    redis_close(r);
    return is_set;
}

static bool has_key(const char *url, const char *value)
{
    struct err err;
    struct redis *r = redis_open(&(struct redis_config){.url = url, .first_wait_ms = 10000}, &err);
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "GET", "kept", NULL);
    bool is_there =
        r && redis_call(r, REDIS_MAIN, b, 5000, &err) == 0 && redis_is(redis_reply(b, 0), value);
    redis_batch_free(b);
    redis_close(r);
    return is_there;
}

static void keeps_its_data(void)
{
    struct err err;
    fresh_dir("data");
    struct redis_server *s = start(&err);
    T_CHECK(s);
    T_CHECK(set_key(redis_server_url(s), "a"));
    redis_server_stop(s, 5000);
    s = start(&err);
    T_CHECK(s);
    T_CHECK(has_key(redis_server_url(s), "a"));
    redis_server_stop(s, 5000);
}

/* What a judged does, in a process that is then killed. */
static pid_t fork_parent(char id[64])
{
    int pipe_fd[2];
    if (pipe(pipe_fd) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        char got[64] = "";
        struct redis_server *s = start(&err);
        if (!s || !set_key(redis_server_url(s), "by the dead") ||
            !run_id_of(redis_server_url(s), got) || write(pipe_fd[1], got, sizeof(got)) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(pipe_fd[1]);
    ssize_t n = read(pipe_fd[0], id, 64);
    close(pipe_fd[0]);
    return n == 64 ? pid : -1;
}

static void is_adopted_after_sigkill_of_its_parent(void)
{
    struct err err;
    char before[64], after[64];
    fresh_dir("adopt");
    pid_t parent = fork_parent(before);
    T_CHECK(parent > 0);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    struct redis_server *s = start(&err);
    if (!s)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(s);
    T_CHECK(redis_server_was_adopted(s));
    T_CHECK(run_id_of(redis_server_url(s), after));
    T_EQ_STR(after, before);
    T_CHECK(has_key(redis_server_url(s), "by the dead"));
    pid_t pid = redis_server_pid(s);
    /* The lock is the server's: nobody can start a second one. */
    char path[400];
    snprintf(path, sizeof(path), "%s/redis/lock", dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    T_CHECK(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0);
    /* An adopted one is watched and ended like our own; with it the lock is free. */
    redis_server_stop(s, 5000);
    T_CHECK(ends(pid, 5000));
    T_EQ_INT(flock(fd, LOCK_EX | LOCK_NB), 0);
    close(fd);
}

static void left_alone_it_lives_on(void)
{
    struct err err;
    fresh_dir("leave");
    struct redis_server *s = start(&err);
    T_CHECK(s);
    pid_t pid = redis_server_pid(s);
    redis_server_leave(s);
    s = start(&err);
    T_CHECK(s);
    T_CHECK(redis_server_was_adopted(s));
    T_EQ_INT(redis_server_pid(s), pid);
    redis_server_stop(s, 5000);
    waitpid(pid, NULL, 0);
}

static void a_stranger_is_refused(void)
{
    struct err err;
    struct redis_fixture f;
    fresh_dir("stranger");
    /* A server without AOF listens where ours would, and the lock is taken. */
    T_CHECK(redis_fixture_start(&f, "stranger/redis", false));
    char path[400];
    snprintf(path, sizeof(path), "%s/redis/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    T_CHECK(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    struct redis_server *s = start(&err);
    T_CHECK(!s);
    T_EQ_INT(err.code, ERR_CONFLICT);
    T_HAS_STR(err.message, "appendonly");
    redis_fixture_stop(&f);
    /* The lock alone, no server: waits, then says so. */
    s = redis_server_start(&(struct redis_server_config){.state_dir = dir, .start_ms = 100}, &err);
    T_CHECK(!s);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    close(fd);
}

static void a_program_that_does_not_exist(void)
{
    struct err err;
    fresh_dir("absent");
    T_CHECK(!redis_server_start(&(struct redis_server_config){.state_dir = dir,
                                                              .program = "/no/redis-server",
                                                              .start_ms = 1000},
                                &err));
    T_HAS_STR(err.message, "/no/redis-server");
}

#define START_MS   2000
#define LOADING_MS 2500

/* What this program is when it is started as a redis-server: one that has much to load. */
static int load_long(int argc, char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *path = "";
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--unixsocket") == 0)
            path = argv[i + 1];
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 16) != 0)
        return 1;
    const struct mono end = mono_add_ms(mono_now(), LOADING_MS);
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        char asked[16];
        const char *says = mono_passed(mono_now(), end)
                               ? "+PONG\r\n"
                               : "-LOADING Redis is loading the dataset in memory\r\n";
        if (recv(fd, asked, sizeof(asked), 0) > 0)
            send(fd, says, strlen(says), MSG_NOSIGNAL);
    }
    return 0;
}

static void a_server_that_loads_is_waited_for(void)
{
    struct err err;
    fresh_dir("loads");
    struct redis_server *s = redis_server_start(
        &(struct redis_server_config){
            .state_dir = dir, .program = "/proc/self/exe", .start_ms = START_MS},
        &err);
    if (!s)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    redis_server_stop(s, 5000);
}

/* ---- kill -9 of the server under load ---- */

static struct redis *busy;
static _Atomic bool is_over;

struct load {
    pthread_t thread;
    int number;
    int64_t acknowledged, sent;
};

static void *write_on(void *user)
{
    struct load *me = user;
    while (!atomic_load(&is_over)) {
        struct err err;
        struct redis_batch *b = redis_batch_new();
        redis_command(b, "RPUSH");
        redis_argf(b, "list-%d", me->number);
        redis_arg_int(b, me->sent++);
        if (redis_call(busy, REDIS_MAIN, b, 10000, &err) == 0)
            me->acknowledged++;
        redis_batch_free(b);
    }
    return NULL;
}

static void nothing_acknowledged_is_lost_by_kill_9(void)
{
    enum { LOADS = 4, KILLS = 3 };
    struct err err;
    fresh_dir("kill");
    struct redis_server *s = start(&err);
    T_CHECK(s);
    busy = redis_open(&(struct redis_config){.url = redis_server_url(s), .first_wait_ms = 10000},
                      &err);
    T_CHECK(busy);
    struct load loads[LOADS] = {{0}};
    for (int i = 0; i < LOADS; i++) {
        loads[i].number = i;
        T_EQ_INT(pthread_create(&loads[i].thread, NULL, write_on, &loads[i]), 0);
    }
    for (uint64_t k = 1; k <= KILLS; k++) {
        char first[64], now[64];
        redis_run_id(busy, first);
        usleep(30000); /* some writes; the check below does not depend on how many */
        kill(redis_server_pid(s), SIGKILL);
        struct mono end = mono_add_ms(mono_now(), 20000);
        do {
            usleep(1000);
            redis_run_id(busy, now);
        } while (!mono_passed(mono_now(), end) &&
                 (redis_server_restarts(s) < k || strcmp(first, now) == 0));
        T_EQ_INT(redis_server_restarts(s), k);
        T_CHECK(strcmp(first, now) != 0);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < LOADS; i++)
        pthread_join(loads[i].thread, NULL);
    for (int i = 0; i < LOADS; i++) {
        struct redis_batch *b = redis_batch_new();
        redis_command(b, "LRANGE");
        redis_argf(b, "list-%d", i);
        redis_arg_str(b, "0");
        redis_arg_str(b, "-1");
        T_OK(redis_call(busy, REDIS_MAIN, b, 10000, &err), err);
        const struct redis_reply *all = redis_reply(b, 0);
        T_CHECK(loads[i].acknowledged > 0);
        T_CHECK((int64_t)all->n >= loads[i].acknowledged && (int64_t)all->n <= loads[i].sent);
        /* In order and each once: nothing was sent a second time. */
        for (size_t k = 1; k < all->n; k++)
            T_CHECK(redis_int(redis_item(all, k), -1) > redis_int(redis_item(all, k - 1), -1));
        redis_batch_free(b);
    }
    redis_close(busy);
    redis_server_stop(s, 5000);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"starts and stops", starts_and_stops},
        {"keeps its data", keeps_its_data},
        {"is adopted after SIGKILL of its parent", is_adopted_after_sigkill_of_its_parent},
        {"left alone it lives on", left_alone_it_lives_on},
        {"a stranger is refused", a_stranger_is_refused},
        {"a program that does not exist", a_program_that_does_not_exist},
        {"a server that loads is waited for", a_server_that_loads_is_waited_for},
        {"nothing acknowledged is lost by kill -9", nothing_acknowledged_is_lost_by_kill_9},
    };
    if (argc > 1 && strcmp(argv[1], "--port") == 0)
        return load_long(argc, argv);
    log_set_level(LOG_LEVEL_OFF);
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
