/*
 * The embedded redis-server: start it, find it again, watch it, end it.
 *
 * The lock is flock(DIR/redis/lock). flock belongs to the open file, not to a process: the server
 * is started with a copy of our descriptor and holds the lock as long as it lives, also when we are
 * killed. Who gets the lock knows that no server lives; who does not get it finds one on the socket
 * or waits.
 *
 * The server runs in its own session, so a signal to judged's group or terminal does not reach it.
 */
#include "lib/redis/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/redis/redis_priv.h"

#define POLL_MS           2
#define LOG_BYTES_MAX     ((off_t)1 << 20) /* a longer redis.log is emptied when a server starts */
#define INHERITED_LOCK_FD 9
#define RESTART_FIRST_MS  10
#define RESTART_LAST_MS   5000

extern char **environ;

struct redis_server {
    char dir[PATH_MAX];
    char socket[REDIS_SOCKET_PATH_MAX + 1];
    char url[REDIS_SOCKET_PATH_MAX + 16];
    char *program;
    int64_t start_ms;
    int lock_fd; /* ours when we started the server; -1: adopted */
    bool was_adopted;
    pthread_t watcher;
    bool has_watcher;
    int stop_fd;

    pthread_mutex_t lock; /* the members below */
    pid_t pid;            /* 0: none lives */
    int pidfd;
    bool is_child;
    uint64_t restarts;
};

/* ---- talking to it ---- */

static int dial(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

enum answer { ANSWER_NONE, ANSWER_LOADING, ANSWER_READY };

/* What the server says to PING. *peer is the process that listens. */
static enum answer ask(const struct redis_server *s, struct ucred *peer)
{
    char got[16] = "";
    int fd = dial(s->socket);
    if (fd < 0)
        return ANSWER_NONE;
    struct timeval second = {.tv_sec = 1};
    socklen_t len = sizeof(*peer);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    enum answer answer = ANSWER_NONE;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) == 0 &&
        send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && recv(fd, got, sizeof(got), 0) >= 5) {
        if (memcmp(got, "+PONG", 5) == 0)
            answer = ANSWER_READY;
        else if (memcmp(got, "-LOAD", 5) == 0)
            answer = ANSWER_LOADING;
    }
    close(fd);
    return answer;
}

static const char *const ours[][2] = {
    {"appendonly", "yes"}, {"appendfsync", "always"}, {"maxmemory-policy", "noeviction"}};

/* Is what answers on the socket a server as we start them, of this directory? */
static int check_ours(const struct redis_server *s, struct err *err)
{
    struct redis *r =
        redis_open(&(struct redis_config){.url = s->url, .first_wait_ms = s->start_ms}, err);
    if (!r)
        return -1;
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "CONFIG", "GET", "dir", NULL);
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        redis_command_strs(b, "CONFIG", "GET", ours[i][0], NULL);
    int rc = redis_call(r, REDIS_MAIN, b, s->start_ms, err);
    if (rc == 0 && !redis_is(redis_item(redis_reply(b, 0), 1), s->dir))
        rc = err_set(err, ERR_CONFLICT, "the redis-server on %s keeps its data in %s: not ours",
                     s->socket, redis_item(redis_reply(b, 0), 1)->text);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ours); i++)
        if (!redis_is(redis_item(redis_reply(b, i + 1), 1), ours[i][1]))
            rc = err_set(err, ERR_CONFLICT, "the redis-server on %s runs with %s %s, not %s",
                         s->socket, ours[i][0], redis_item(redis_reply(b, i + 1), 1)->text,
                         ours[i][1]);
    redis_batch_free(b);
    redis_close(r);
    return rc;
}

/* ---- starting ---- */

static bool is_told_to_stop(const struct redis_server *s, int wait_ms)
{
    struct pollfd stop = {.fd = s->stop_fd, .events = POLLIN};
    return poll(&stop, 1, wait_ms) > 0;
}

static int add_actions(posix_spawn_file_actions_t *fa, const struct redis_server *s,
                       const char *log_path)
{
    return posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0) != 0 ||
                   posix_spawn_file_actions_addopen(fa, 1, log_path, O_WRONLY | O_CREAT | O_APPEND,
                                                    0600) != 0 ||
                   posix_spawn_file_actions_adddup2(fa, 1, 2) != 0 ||
                   posix_spawn_file_actions_adddup2(fa, s->lock_fd, INHERITED_LOCK_FD) != 0
               ? -1
               : 0;
}

static int spawn(struct redis_server *s, pid_t *pid, struct err *err)
{
    char log_path[PATH_MAX + 16];
    struct stat st;
    snprintf(log_path, sizeof(log_path), "%s/redis.log", s->dir);
    if (stat(log_path, &st) == 0 && st.st_size > LOG_BYTES_MAX && truncate(log_path, 0) != 0)
        log_warn("redis", "%s could not be emptied", log_path);
    const char *argv[] = {s->program,   "--port",
                          "0",          "--dir",
                          s->dir,       "--unixsocket",
                          s->socket,    "--unixsocketperm",
                          "700",        "--appendonly",
                          "yes",        "--appendfsync",
                          "always",     "--no-appendfsync-on-rewrite",
                          "no",         "--save",
                          "",           "--maxmemory-policy",
                          "noeviction", "--daemonize",
                          "no",         "--logfile",
                          "",           NULL};
    union {
        const char **in;
        char *const *out;
    } words = {.in = argv};
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    BUG_ON(posix_spawn_file_actions_init(&fa) != 0 || posix_spawnattr_init(&attr) != 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int rc = add_actions(&fa, s, log_path) != 0
                 ? ENOMEM
                 : posix_spawnp(pid, s->program, &fa, &attr, words.out, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&fa);
    if (rc != 0)
        return err_set(err, ERR_SYSTEM, "starting %s: %s (is redis-server installed?)", s->program,
                       strerror(rc));
    return 0;
}

static void note_process(struct redis_server *s, pid_t pid, int pidfd, bool is_child)
{
    pthread_mutex_lock(&s->lock);
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pid = pid;
    s->pidfd = pidfd;
    s->is_child = is_child;
    pthread_mutex_unlock(&s->lock);
}

/* With the lock in hand: starts the server and waits until it answers. */
static int launch(struct redis_server *s, struct mono end, struct err *err)
{
    pid_t pid = 0;
    struct ucred peer;
    if (spawn(s, &pid, err) != 0)
        return -1;
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        err_set_errno(err, ERR_SYSTEM, "pidfd_open");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -1;
    }
    while (!mono_passed(mono_now(), end) && !is_told_to_stop(s, 0)) {
        const enum answer answer = ask(s, &peer);
        if (answer == ANSWER_READY && peer.pid == pid) {
            note_process(s, pid, pidfd, true);
            return 0;
        }
        if (answer == ANSWER_LOADING && peer.pid == pid)
            end = mono_add_ms(mono_now(), s->start_ms); /* as long as its data is large */
        struct pollfd gone = {.fd = pidfd, .events = POLLIN};
        if (poll(&gone, 1, POLL_MS) > 0) {
            waitpid(pid, NULL, 0);
            close(pidfd);
            return err_set(err, ERR_SYSTEM, "redis-server ended while starting, see %s/redis.log",
                           s->dir);
        }
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pidfd);
    return err_set(err, ERR_TIMEOUT, "redis-server did not answer in time, see %s/redis.log",
                   s->dir);
}

static int adopt(struct redis_server *s, const struct ucred *peer, struct err *err)
{
    if (peer->uid != geteuid())
        return err_set(err, ERR_CONFLICT, "the redis-server on %s belongs to user %u: not ours",
                       s->socket, peer->uid);
    if (check_ours(s, err) != 0)
        return -1;
    int pidfd = pidfd_open(peer->pid, 0);
    if (pidfd < 0)
        return err_set_errno(err, ERR_UNAVAILABLE, "the redis-server on %s (pid %d)", s->socket,
                             peer->pid);
    note_process(s, peer->pid, pidfd, false);
    return 0;
}

/* Opens the lock file and tries the lock: 1 ours, 0 a server (or another judged) holds it, -1
 * error. */
static int try_lock(struct redis_server *s, struct err *err)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/lock", s->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "opening %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        s->lock_fd = fd;
        return 1;
    }
    int rc = errno == EWOULDBLOCK ? 0 : err_set_errno(err, ERR_SYSTEM, "locking %s", path);
    close(fd);
    return rc;
}

/* Takes the lock and launches, or finds the living server. */
static int start_or_adopt(struct redis_server *s, struct err *err)
{
    struct mono end = mono_add_ms(mono_now(), s->start_ms);
    do {
        struct ucred peer;
        int got = s->lock_fd >= 0 ? 1 : try_lock(s, err);
        if (got < 0)
            return -1;
        if (got == 1)
            return launch(s, end, err);
        const enum answer answer = ask(s, &peer);
        if (answer == ANSWER_LOADING)
            end = mono_add_ms(mono_now(), s->start_ms);
        if (answer == ANSWER_READY) {
            struct err why;
            if (adopt(s, &peer, &why) == 0) {
                s->was_adopted = true;
                return 0;
            }
            if (why.code == ERR_CONFLICT)
                return err_set(err, why.code, "%s", why.message);
        }
    } while (!is_told_to_stop(s, POLL_MS) && !mono_passed(mono_now(), end));
    return err_set(
        err, ERR_TIMEOUT,
        "%s/lock is held, but no redis-server answers on %s: is another judged starting?", s->dir,
        s->socket);
}

/* ---- watching ---- */

static void restart(struct redis_server *s)
{
    struct err err;
    for (int wait = RESTART_FIRST_MS; !is_told_to_stop(s, 0);) {
        if (start_or_adopt(s, &err) == 0) {
            pthread_mutex_lock(&s->lock);
            s->restarts++;
            pthread_mutex_unlock(&s->lock);
            redis_count(REDIS_COUNT_SERVER_RESTARTS, 1);
            log_warn("redis", "the embedded redis-server runs again (pid %d)", redis_server_pid(s));
            return;
        }
        log_err("redis", &err);
        if (is_told_to_stop(s, wait))
            return;
        wait = wait * 2 > RESTART_LAST_MS ? RESTART_LAST_MS : wait * 2;
    }
}

static void *watch(void *user)
{
    struct redis_server *s = user;
    for (;;) {
        struct pollfd on[2] = {{.fd = s->pidfd, .events = POLLIN},
                               {.fd = s->stop_fd, .events = POLLIN}};
        if (poll(on, 2, -1) < 0 && errno != EINTR)
            bug_at(__FILE__, __LINE__, "poll");
        if (on[1].revents)
            return NULL;
        if (!on[0].revents)
            continue;
        int status = 0;
        if (s->is_child)
            waitpid(s->pid, &status, 0);
        log_error("redis", "the embedded redis-server ended (pid %d, status %d): starting it again",
                  s->pid, status);
        note_process(s, 0, -1, false);
        restart(s);
        if (redis_server_pid(s) == 0)
            return NULL; /* told to stop meanwhile */
    }
}

static int start_watcher(struct redis_server *s, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&s->watcher, NULL, watch, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(err, ERR_SYSTEM, "redis watcher: %s", strerror(rc));
    s->has_watcher = true;
    return 0;
}

/* ---- the page's functions ---- */

static int prepare(struct redis_server *s, const char *state_dir, struct err *err)
{
    char path[PATH_MAX], real[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/redis", state_dir) >= sizeof(path))
        return err_set(err, ERR_INPUT, "the state directory's path is too long");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set_errno(err, ERR_SYSTEM, "creating %s", path);
    if (!realpath(path, real))
        return err_set_errno(err, ERR_SYSTEM, "%s", path);
    struct stat st;
    if (stat(real, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return err_set(err, ERR_FORBIDDEN, "%s must be a directory of our own", real);
    if ((st.st_mode & 077) != 0 && chmod(real, 0700) != 0)
        return err_set_errno(err, ERR_SYSTEM, "chmod 700 %s", real);
    snprintf(s->dir, sizeof(s->dir), "%s", real);
    if (strlen(real) + strlen("/redis.sock") > REDIS_SOCKET_PATH_MAX)
        return err_set(err, ERR_INPUT,
                       "%s/redis.sock: longer than a socket's path may be (%d bytes)", real,
                       REDIS_SOCKET_PATH_MAX);
    memcpy(s->socket, real, strlen(real));
    memcpy(s->socket + strlen(real), "/redis.sock", sizeof("/redis.sock"));
    snprintf(s->url, sizeof(s->url), "unix://%s", s->socket);
    return 0;
}

static void destroy(struct redis_server *s)
{
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->pidfd >= 0)
        close(s->pidfd);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    pthread_mutex_destroy(&s->lock);
    free(s->program);
    free(s);
}

struct redis_server *redis_server_start(const struct redis_server_config *config, struct err *err)
{
    struct redis_server *s = mem_alloc(sizeof(*s));
    s->lock_fd = s->pidfd = -1;
    s->program = mem_strdup(config->program ? config->program : "redis-server");
    s->start_ms = config->start_ms;
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0);
    redis_counters_init();
    if (s->stop_fd < 0) {
        err_set_errno(err, ERR_SYSTEM, "eventfd");
        goto fail;
    }
    if (prepare(s, config->state_dir, err) != 0 || start_or_adopt(s, err) != 0)
        goto fail;
    log_debug("redis", "embedded redis-server: pid %d%s", s->pid,
              s->was_adopted ? ", adopted" : ""); /* from here on s->pid is the watcher's, too */
    if (start_watcher(s, err) != 0) {
        redis_server_stop(s, config->start_ms);
        return NULL;
    }
    return s;
fail:
    destroy(s);
    return NULL;
}

static void end_watcher(struct redis_server *s)
{
    uint64_t one = 1;
    if (!s->has_watcher)
        return;
    BUG_ON(write(s->stop_fd, &one, sizeof(one)) != sizeof(one));
    pthread_join(s->watcher, NULL);
    s->has_watcher = false;
}

void redis_server_stop(struct redis_server *s, int64_t ms)
{
    if (!s)
        return;
    end_watcher(s);
    if (s->pid > 0) {
        struct pollfd gone = {.fd = s->pidfd, .events = POLLIN};
        /* SIGTERM is an orderly SHUTDOWN: the AOF is flushed. */
        pidfd_send_signal(s->pidfd, SIGTERM, NULL, 0);
        if (poll(&gone, 1, (int)(ms > INT_MAX ? INT_MAX : ms)) == 0) {
            log_warn("redis", "the embedded redis-server did not end in %lld ms: killed",
                     (long long)ms);
            pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
            poll(&gone, 1, -1);
        }
        if (s->is_child)
            waitpid(s->pid, NULL, 0);
    }
    destroy(s);
}

void redis_server_leave(struct redis_server *s)
{
    if (!s)
        return;
    end_watcher(s);
    destroy(s);
}

const char *redis_server_url(const struct redis_server *s)
{
    return s->url;
}

pid_t redis_server_pid(struct redis_server *s)
{
    pthread_mutex_lock(&s->lock);
    pid_t pid = s->pid;
    pthread_mutex_unlock(&s->lock);
    return pid;
}

bool redis_server_was_adopted(const struct redis_server *s)
{
    return s->was_adopted;
}

uint64_t redis_server_restarts(struct redis_server *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->restarts;
    pthread_mutex_unlock(&s->lock);
    return n;
}
