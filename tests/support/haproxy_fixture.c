#include "tests/support/haproxy_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/t.h"

#define START_MS 10000

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void breathe(void)
{
    struct timespec t = {.tv_nsec = 5000000};
    nanosleep(&t, NULL);
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) || listen(fd, 512) ||
        getsockname(fd, (struct sockaddr *)&in, &len))
        return -1;
    *port = ntohs(in.sin_port);
    return fd;
}

long haproxy_fixture_ask(const struct haproxy_fixture *f, const char *command, char *out,
                         size_t size)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval tv = {.tv_sec = 2};
    size_t used = 0;
    long got = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", f->socket);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && dprintf(fd, "%s\n", command) > 0)
        while (used + 1 < size && (got = read(fd, out + used, size - 1 - used)) > 0)
            used += (size_t)got;
    close(fd);
    out[used] = '\0';
    return got < 0 ? -1 : (long)used;
}

int haproxy_fixture_weight(const struct haproxy_fixture *f, const char *server)
{
    char command[64], out[256];
    snprintf(command, sizeof(command), "get weight app/%s", server);
    if (haproxy_fixture_ask(f, command, out, sizeof(out)) <= 0)
        return -1;
    return (int)strtol(out, NULL, 10);
}

/* Servers of `app` that are in state op (srv_op_state is the sixth column). */
static int count_state(const struct haproxy_fixture *f, char op)
{
    char out[8192];
    int n = 0;
    if (haproxy_fixture_ask(f, "show servers state app", out, sizeof(out)) <= 0)
        return -1;
    for (char *line = strchr(out, '\n'); line; line = strchr(line + 1, '\n')) {
        const char *at = line + 1;
        for (int column = 0; at && column < 5; column++)
            at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
        n += line[1] != '#' && at && at[0] == op && at[1] == ' ';
    }
    return n;
}

static bool wait_state(const struct haproxy_fixture *f, char op, int want)
{
    for (long end = now_ms() + START_MS; now_ms() < end; breathe())
        if (count_state(f, op) >= want)
            return true;
    return false;
}

static bool write_config(const struct haproxy_fixture *f, const char *path, int weight,
                         const char *more)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return false;
    fprintf(
        out,
        "global\n    stats socket %s mode 600 level admin\n"
        "    stats socket ipv4@127.0.0.1:%d level admin\n    nbthread 1\n"
        "defaults\n    mode http\n    timeout connect 1s\n    timeout client 5s\n"
        "    timeout server 5s\n"
        "backend app\n    balance roundrobin\n    default-server check inter 50ms fall 1 rise 1\n"
        "    server stable 127.0.0.1:%d weight 100\n    server candidate 127.0.0.1:%d weight %d\n"
        "%s\n",
        f->socket, f->port, f->server_ports[0], f->server_ports[1], weight, more ? more : "");
    return fclose(out) == 0;
}

bool haproxy_fixture_start(struct haproxy_fixture *f, const char *name, int candidate_weight,
                           const char *more)
{
    char config[320];
    *f = (struct haproxy_fixture){.servers = {-1, -1}};
    snprintf(f->dir, sizeof(f->dir), "%.150s/%.60s", t_tmpdir(), name);
    mkdir(f->dir, 0700);
    snprintf(f->socket, sizeof(f->socket), "%s/ha", f->dir);
    snprintf(config, sizeof(config), "%s/haproxy.cfg", f->dir);
    for (int i = 0; i < 2; i++)
        f->servers[i] = listen_anywhere(&f->server_ports[i]);
    int probe = listen_anywhere(&f->port); /* a free port for the runtime socket */
    close(probe);
    if (f->servers[0] < 0 || f->servers[1] < 0 || probe < 0 ||
        !write_config(f, config, candidate_weight, more)) {
        t_fail(__FILE__, __LINE__, "preparing haproxy: %s", strerror(errno));
        return false;
    }
    pid_t parent = getpid();
    f->pid = fork();
    if (f->pid == 0) {
        int quiet = open("/dev/null", O_RDWR);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        dup2(quiet, 1);
        dup2(quiet, 2);
        execlp("haproxy", "haproxy", "-db", "-f", config, (char *)NULL);
        _exit(127);
    }
    if (!wait_state(f, '2', 2)) {
        t_fail(__FILE__, __LINE__, "haproxy does not come up (is it installed?)");
        haproxy_fixture_stop(f);
        return false;
    }
    return true;
}

void haproxy_fixture_stop(struct haproxy_fixture *f)
{
    if (f->pid > 0) {
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
        f->pid = 0;
    }
    for (int i = 0; i < 2; i++) {
        if (f->servers[i] >= 0)
            close(f->servers[i]);
        f->servers[i] = -1;
    }
}

void haproxy_fixture_freeze(struct haproxy_fixture *f, bool is_frozen)
{
    kill(f->pid, is_frozen ? SIGSTOP : SIGCONT);
}

bool haproxy_fixture_down(struct haproxy_fixture *f, int server)
{
    close(f->servers[server]);
    f->servers[server] = -1;
    return wait_state(f, '0', 1);
}
