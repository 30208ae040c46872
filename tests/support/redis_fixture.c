/*
 * A private redis-server a test.
 */
#include "tests/support/redis_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/t.h"

#define READY_MS  10000
#define ANSWER_MS 10000

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int dial(const struct redis_fixture *f)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(f->socket) >= sizeof(to.sun_path))
        return -1;
    memcpy(to.sun_path, f->socket, strlen(f->socket));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

long redis_fixture_ask(const struct redis_fixture *f, const char *command, char *out, size_t size)
{
    int fd = dial(f);
    if (fd < 0)
        return -1;
    size_t got = 0;
    ssize_t n = send(fd, command, strlen(command), MSG_NOSIGNAL);
    if (n == (ssize_t)strlen(command) && send(fd, "\r\n", 2, MSG_NOSIGNAL) == 2) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        while (got + 1 < size && poll(&p, 1, got ? 20 : ANSWER_MS) == 1) {
            n = recv(fd, out + got, size - 1 - got, 0);
            if (n <= 0)
                break;
            got += (size_t)n;
        }
    }
    close(fd);
    out[got] = '\0';
    return (long)got;
}

static void child(const struct redis_fixture *f)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (f->sentinel) {
        execlp("redis-server", "redis-server", f->sentinel, "--sentinel", (char *)NULL);
        _exit(127);
    }
    const char *argv[64] = {"redis-server",
                            "--port",
                            "0",
                            "--dir",
                            f->dir,
                            "--unixsocket",
                            f->socket,
                            "--unixsocketperm",
                            "700",
                            "--save",
                            "",
                            "--appendonly",
                            f->has_aof ? "yes" : "no",
                            "--appendfsync",
                            "always",
                            "--logfile",
                            "redis.log"};
    size_t n = 17;
    for (size_t i = 0; f->extra && f->extra[i] && n < 63; i++)
        argv[n++] = f->extra[i];
    argv[n] = NULL;
    union {
        const char **in;
        char *const *out;
    } words = {.in = argv};
    execvp("redis-server", words.out);
    _exit(127);
}

static bool launch(struct redis_fixture *f)
{
    unlink(f->socket);
    pid_t pid = fork();
    if (pid == 0)
        child(f);
    if (pid < 0) {
        t_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
        return false;
    }
    f->pid = pid;
    for (long end = now_ms() + READY_MS; now_ms() < end;) {
        char answer[64];
        if (redis_fixture_ask(f, "PING", answer, sizeof(answer)) > 0 &&
            (strncmp(answer, "+PONG", 5) == 0 || strncmp(answer, "-NOAUTH", 7) == 0))
            return true;
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            f->pid = 0;
            break;
        }
        struct timespec pause = {.tv_nsec = 3000000};
        nanosleep(&pause, NULL);
    }
    t_fail(__FILE__, __LINE__, "redis-server did not start, see %s/redis.log", f->dir);
    redis_fixture_stop(f);
    return false;
}

bool redis_fixture_start_with(struct redis_fixture *f, const char *name, bool has_aof,
                              const char *const *extra)
{
    *f = (struct redis_fixture){.has_aof = has_aof, .extra = extra};
    snprintf(f->dir, sizeof(f->dir), "%s/%s", t_tmpdir(), name);
    snprintf(f->socket, sizeof(f->socket), "%s/redis.sock", f->dir);
    snprintf(f->url, sizeof(f->url), "unix://%s", f->socket);
    if (mkdir(f->dir, 0700) != 0 && errno != EEXIST) {
        t_fail(__FILE__, __LINE__, "mkdir %s: %s", f->dir, strerror(errno));
        return false;
    }
    return launch(f);
}

bool redis_fixture_start(struct redis_fixture *f, const char *name, bool has_aof)
{
    return redis_fixture_start_with(f, name, has_aof, NULL);
}

bool redis_fixture_start_sentinel(struct redis_fixture *f, const char *name, const char *lines)
{
    static char files[16][300];
    static size_t n_files;
    char *file = files[n_files++ % 16];
    *f = (struct redis_fixture){.sentinel = file};
    snprintf(f->dir, sizeof(f->dir), "%s/%s", t_tmpdir(), name);
    snprintf(f->socket, sizeof(f->socket), "%s/redis.sock", f->dir);
    snprintf(f->url, sizeof(f->url), "unix://%s", f->socket);
    snprintf(file, sizeof(files[0]), "%s/sentinel.conf", f->dir);
    mkdir(f->dir, 0700);
    int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && dprintf(fd, "dir %s\nunixsocket %s\nlogfile redis.log\n%s", f->dir,
                                         f->socket, lines) > 0;
    close(fd);
    if (!is_written)
        t_fail(__FILE__, __LINE__, "writing %s: %s", file, strerror(errno));
    return is_written && launch(f);
}

void redis_fixture_kill(struct redis_fixture *f)
{
    if (f->pid <= 0)
        return;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    f->pid = 0;
}

bool redis_fixture_restart(struct redis_fixture *f)
{
    redis_fixture_kill(f);
    return launch(f);
}

void redis_fixture_freeze(struct redis_fixture *f, bool is_frozen)
{
    if (f->pid > 0)
        kill(f->pid, is_frozen ? SIGSTOP : SIGCONT);
}

int redis_fixture_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;
    if (bind(fd, (struct sockaddr *)&at, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    close(fd);
    return port;
}

void redis_fixture_stop(struct redis_fixture *f)
{
    redis_fixture_kill(f);
}
