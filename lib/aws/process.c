#include "lib/aws/process.h"

#include "lib/aws/aws_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- Words --- */

/* One word from *at on, appended to out; *at is behind it. -1: a quote is open. */
static int take_word(const char **at, struct buf *out)
{
    char quote = 0;
    for (; **at; (*at)++) {
        char c = **at;
        if (quote == '\'' || (quote && c != '\\')) {
            if (c == quote)
                quote = 0;
            else
                buf_add_char(out, c);
        } else if (c == '\\') {
            char next = (*at)[1];
            if (!next)
                return -1;
            if (quote && next != '"' && next != '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, next);
            (*at)++;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == ' ' || c == '\t') {
            break;
        } else {
            buf_add_char(out, c);
        }
    }
    return quote ? -1 : 0;
}

char **process_split(struct arena *a, const char *command, struct err *err)
{
    char **words = arena_array(a, PROCESS_WORDS_MAX + 1, sizeof(*words));
    size_t n = 0;
    struct buf word;
    int rc = 0;
    buf_init(&word, strlen(command) + 1);
    while (rc == 0) {
        command += strspn(command, " \t");
        if (!*command)
            break;
        buf_clear(&word);
        if (n == PROCESS_WORDS_MAX)
            rc = err_set(err, ERR_INPUT, "more than %d words", PROCESS_WORDS_MAX);
        else if (take_word(&command, &word) < 0)
            rc = err_set(err, ERR_INPUT, "a quote or a backslash is open at its end");
        else
            words[n++] = arena_copy(a, word.data, word.len);
    }
    buf_release(&word);
    if (rc == 0 && !n)
        rc = err_set(err, ERR_INPUT, "it is empty");
    return rc == 0 ? words : NULL;
}

/* --- Running it --- */

static int start(char **words, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;
    sigemptyset(&none);
    sigfillset(&all);
    BUG_ON(posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attr) != 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    BUG_ON(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
           posix_spawn_file_actions_adddup2(&actions, out_fd, 1) != 0 ||
           posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) != 0);
    rc = posix_spawnp(pid, words[0], &actions, &attr, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* Reads to the end of its output: 0, or -1 when it takes too long, prints too much or we stop. */
static int read_output(struct aws *a, int fd, struct mono deadline, struct buf *out,
                       struct err *err)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = mono_until_ms(mono_now(), deadline);
        char *to;
        ssize_t n;
        if (a->stop)
            return err_set(err, ERR_UNAVAILABLE, "stopping");
        if (left <= 0)
            return err_set(err, ERR_TIMEOUT, "it took longer than %d s", AWS_PROCESS_MS / 1000);
        if (poll(&p, 1, left < 200 ? (int)left : 200) <= 0)
            continue;
        to = buf_reserve(out, 4096);
        if (!to)
            return err_set(err, ERR_TOO_LARGE, "it printed more than %d bytes",
                           AWS_PROCESS_OUTPUT_MAX);
        n = read(fd, to, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? err_set_errno(err, ERR_SYSTEM, "reading what it prints") : 0;
        buf_commit(out, (size_t)n);
    }
}

/* Its exit status, or -1 when it had to be killed. */
static int finish(pid_t pid, struct mono deadline, bool is_done)
{
    int status = 0;
    while (is_done && !mono_passed(mono_now(), deadline)) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return -1;
}

static int run(struct aws *a, char **words, struct buf *out, struct err *err)
{
    struct mono deadline = mono_add_ms(mono_now(), AWS_PROCESS_MS);
    int fds[2], rc, status;
    pid_t pid;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set_errno(err, ERR_SYSTEM, "pipe");
    errno = start(words, fds[1], &pid);
    close(fds[1]);
    if (errno) {
        rc = err_set_errno(err, ERR_AUTH, "starting \"%.100s\"", words[0]);
        close(fds[0]);
        return rc;
    }
    rc = read_output(a, fds[0], deadline, out, err);
    close(fds[0]);
    status = finish(pid, deadline, rc == 0);
    if (rc == 0 && status != 0)
        rc = err_set(err, ERR_AUTH, "it ended with status %d; run it by hand to see why", status);
    return rc;
}

struct credentials *fetch_process(struct aws *a, const char *command, const char *from,
                                  struct err *err)
{
    struct arena arena;
    struct buf out;
    struct credentials *c = NULL;
    char **words;
    arena_init(&arena);
    buf_init(&out, AWS_PROCESS_OUTPUT_MAX);
    words = process_split(&arena, command, err);
    if (words && run(a, words, &out, err) == 0)
        c = credentials_from_json(out.data, out.len, true, from, err);
    else
        err_context(err, "%s", from);
    secret_wipe(out.data, out.len);
    buf_release(&out);
    arena_release(&arena);
    return c;
}
