#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/t.h"

static char captured[1 << 20];

/* What f writes to stderr, in `captured`. */
static void capture(void (*f)(void))
{
    char path[512];
    int old = dup(STDERR_FILENO), fd;
    ssize_t n;
    snprintf(path, sizeof(path), "%s/log", t_tmpdir());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    f();
    dup2(old, STDERR_FILENO);
    close(old);
    n = pread(fd, captured, sizeof(captured) - 1, 0);
    captured[n < 0 ? 0 : n] = '\0';
    close(fd);
}

static void write_one(void)
{
    log_set_level(LOG_LEVEL_INFO);
    errno = EINTR;
    log_info("store", "opened %d of %d", 1, 2);
    if (errno != EINTR)
        t_fail(__FILE__, __LINE__, "errno was lost");
}

static void form(void)
{
    char when[64];
    struct wall t, now = wall_now();
    size_t len;
    capture(write_one);
    len = strcspn(captured, " ");
    T_CHECK(len < sizeof(when));
    memcpy(when, captured, len);
    when[len] = '\0';
    T_EQ_INT(wall_parse(when, &t), 0);
    T_CHECK(t.us >= now.us && t.us < now.us + 60 * US_PER_SECOND);
    T_EQ_STR(captured + len, " info store opened 1 of 2\n");
}

static void write_levels(void)
{
    log_set_level(LOG_LEVEL_WARN);
    log_debug("r", "d1");
    log_info("r", "i1");
    log_warn("r", "w1");
    log_error("r", "e1");
    log_set_level(LOG_LEVEL_OFF);
    log_error("r", "e2");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("r", "d2");
    log_set_level(LOG_LEVEL_INFO);
}

static void levels(void)
{
    enum log_level level = LOG_LEVEL_ERROR;
    capture(write_levels);
    T_CHECK(!strstr(captured, "d1") && !strstr(captured, "i1") && !strstr(captured, "e2"));
    T_HAS_STR(captured, "warn r w1\n");
    T_HAS_STR(captured, "error r e1\n");
    T_HAS_STR(captured, "debug r d2\n");
    T_EQ_INT(log_level_parse("debug", &level), 0);
    T_EQ_INT(level, LOG_LEVEL_DEBUG);
    T_EQ_INT(log_level_parse("off", &level), 0);
    T_EQ_INT(level, LOG_LEVEL_OFF);
    T_EQ_INT(log_level_parse("loud", &level), -1);
    T_EQ_INT(log_level_now(), LOG_LEVEL_INFO);
}

static void write_forged(void)
{
    char text[5000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_info("http", "path \"%s\"",
             "/a\n2026-11-23T10:15:00Z error store forged\r\x1b[2J\x7f\xc3\xa4");
    log_info("http", "%s", text);
    memset(text, '\n', sizeof(text) - 1);
    log_info("http", "%s", text);
}

static void one_line_an_event(void)
{
    size_t lines = 0;
    capture(write_forged);
    T_HAS_STR(
        captured,
        "path \"/a\\x0a2026-11-23T10:15:00Z error store forged\\x0d\\x1b[2J\\x7f\xc3\xa4\"\n");
    for (const char *c = captured; *c; c++)
        lines += *c == '\n';
    T_EQ_INT(lines, 3);
}

static void write_err(void)
{
    struct err err = {0};
    log_set_level(LOG_LEVEL_INFO);
    err_set(&err, ERR_REDIS, "connection refused");
    log_err("store", &err);
    err_set(&err, ERR_INPUT, "no number");
    log_err("api", &err);
}

static void errors_at_their_level(void)
{
    capture(write_err);
    T_HAS_STR(captured, "error store redis: connection refused\n");
    T_HAS_STR(captured, "info api input: no number\n");
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        log_info("thread", "%s %d end", (const char *)arg, i);
    return NULL;
}

static void write_from_threads(void)
{
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_many, names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void lines_do_not_mix(void)
{
    size_t lines = 0;
    capture(write_from_threads);
    for (char *line = captured; *line; lines++) {
        char *end = strchr(line, '\n');
        T_CHECK(end && end - line > 20);
        *end = '\0';
        T_CHECK(strncmp(line, "20", 2) == 0 && strstr(line, " info thread "));
        T_EQ_STR(end - 4, " end");
        line = end + 1;
    }
    T_EQ_INT(lines, 2000);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"form", form},
        {"levels", levels},
        {"one line an event", one_line_an_event},
        {"errors at their level", errors_at_their_level},
        {"lines do not mix", lines_do_not_mix},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
