#include "lib/base/err.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "tests/t.h"

static void table_is_complete(void)
{
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        const struct err_info *info = err_info((enum err_code)code);
        T_CHECK(info->name && info->name[0] && info->title && info->title[0]);
        for (const char *c = info->name; *c; c++)
            T_CHECK(islower((unsigned char)*c) || *c == '_');
        T_CHECK(info->log_level >= LOG_LEVEL_DEBUG && info->log_level < LOG_LEVEL_OFF);
        if (code == ERR_NONE)
            continue;
        T_CHECK(info->http_status >= 400 && info->http_status <= 504);
        /* 0, 1, 3 and 4 are verdicts and 124 is --timeout: an error must never look like one */
        T_CHECK(info->exit_code == 2 || info->exit_code == 5 || info->exit_code == 6);
        T_EQ_INT(err_code_by_name(info->name), code);
    }
    T_EQ_INT(err_code_by_name("no_such"), ERR_NONE);
    T_EQ_INT(err_code_by_name("none"), ERR_NONE);
}

static void statuses_of_the_contract(void)
{
    static const struct {
        enum err_code code;
        int status, exit_code;
        bool may_retry;
    } rows[] = {
        {ERR_INPUT, 400, 2, false},        {ERR_SPEC, 422, 2, false},
        {ERR_USAGE, 400, 2, false},        {ERR_AUTH, 401, 5, false},
        {ERR_FORBIDDEN, 403, 5, false},    {ERR_NOT_FOUND, 404, 5, false},
        {ERR_METHOD, 405, 5, false},       {ERR_CONFLICT, 409, 5, false},
        {ERR_PRECONDITION, 412, 5, false}, {ERR_REUSED_KEY, 422, 5, false},
        {ERR_MEDIA_TYPE, 415, 5, false},   {ERR_TOO_LARGE, 413, 5, false},
        {ERR_LIMIT, 429, 5, true},         {ERR_FENCED, 409, 5, true},
        {ERR_UNAVAILABLE, 503, 5, true},   {ERR_REDIS, 503, 5, true},
        {ERR_NETWORK, 502, 5, true},       {ERR_TIMEOUT, 504, 5, true},
        {ERR_PLATFORM, 502, 6, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct err_info *info = err_info(rows[i].code);
        T_EQ_INT(info->http_status, rows[i].status);
        T_EQ_INT(info->exit_code, rows[i].exit_code);
        T_EQ_INT(info->may_retry, rows[i].may_retry);
    }
}

static void set_and_context(void)
{
    struct err err = {0};
    T_EQ_INT(err_set(&err, ERR_INPUT, "\"%s\" is no number", "x"), -1);
    T_EQ_INT(err.code, ERR_INPUT);
    T_EQ_STR(err.message, "\"x\" is no number");
    T_EQ_INT(err_context(&err, "line %d", 4), -1);
    T_EQ_STR(err.message, "line 4: \"x\" is no number");
    T_EQ_INT(err.code, ERR_INPUT);
    /* the old message may be an argument of the new one */
    err_set(&err, ERR_SPEC, "again: %s", err.message);
    T_EQ_STR(err.message, "again: line 4: \"x\" is no number");
    err_clear(&err);
    T_EQ_INT(err.code, ERR_NONE);
    T_EQ_STR(err.message, "");
    T_EQ_INT(err_set(NULL, ERR_INPUT, "nobody listens"), -1);
    T_EQ_INT(err_context(NULL, "nobody listens"), -1);
}

static void errno_is_told_and_kept(void)
{
    struct err err = {0};
    errno = ENOENT;
    err_set_errno(&err, ERR_SYSTEM, "open %s", "/x");
    T_EQ_STR(err.message, "open /x: No such file or directory");
    T_EQ_INT(errno, ENOENT);
}

static void long_messages_are_cut(void)
{
    struct err err = {0};
    char text[2000];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_INPUT, "%s", text);
    T_EQ_INT(strlen(err.message), ERR_MESSAGE_BYTES - 1);
    T_EQ_STR(err.message + ERR_MESSAGE_BYTES - 4, "...");
    err_context(&err, "where");
    T_EQ_INT(strncmp(err.message, "where: aaa", 10), 0);
    T_EQ_STR(err.message + ERR_MESSAGE_BYTES - 4, "...");
    text[ERR_MESSAGE_BYTES - 1] = '\0'; /* the longest that fits */
    err_set(&err, ERR_INPUT, "%s", text);
    T_EQ_STR(err.message, text);
    text[ERR_MESSAGE_BYTES - 1] = 'a';
    text[ERR_MESSAGE_BYTES] = '\0';
    err_set_errno(&err, ERR_INPUT, "%s", text);
    T_EQ_STR(err.message + ERR_MESSAGE_BYTES - 4, "...");
}

static void a_cut_leaves_whole_characters(void)
{
    for (size_t shift = 0; shift < 4; shift++) {
        struct err err = {0};
        char text[1200];
        size_t len = 0, i;
        memset(text, 'x', shift);
        for (len = shift; len + 3 < sizeof(text); len += 3)
            memcpy(text + len, "\xe2\x82\xac", 3);
        text[len] = '\0';
        err_set(&err, ERR_INPUT, "%s", text);
        i = strlen(err.message);
        T_EQ_STR(err.message + i - 3, "...");
        T_EQ_INT((i - 3 - shift) % 3, 0);
    }
}

/* The exit signal of a child that runs f. */
static int signal_of(void (*f)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        f();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_bug(void)
{
    int one = 1;
    BUG_ON(one == 1);
}

static void no_bug(void)
{
    int one = 1;
    BUG_ON(one == 2);
}

static void code_out_of_range(void)
{
    err_info(ERR_CODE_COUNT);
}

static void bugs_abort(void)
{
    T_EQ_INT(signal_of(a_bug), SIGABRT);
    T_EQ_INT(signal_of(no_bug), 0);
    T_EQ_INT(signal_of(code_out_of_range), SIGABRT);
}

static void memory(void)
{
    unsigned char *p = mem_alloc_array(10, 3);
    char *text;
    for (int i = 0; i < 30; i++)
        T_EQ_INT(p[i], 0);
    p[0] = 7;
    p = mem_grow(p, 1000, 3);
    T_EQ_INT(p[0], 7);
    free(p);
    free(mem_alloc(0));
    text = mem_strdup("a text");
    T_EQ_STR(text, "a text");
    free(text);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"table is complete", table_is_complete},
        {"statuses of the contract", statuses_of_the_contract},
        {"set and context", set_and_context},
        {"errno is told and kept", errno_is_told_and_kept},
        {"long messages are cut", long_messages_are_cut},
        {"a cut leaves whole characters", a_cut_leaves_whole_characters},
        {"bugs abort", bugs_abort},
        {"memory", memory},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
