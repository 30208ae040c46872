/*
 * Settings: where a value comes from, what follows from them, the printed form, secrets by name,
 * and what a reload takes over. The messages are tested from outside (tests/e2e/test_judged.py).
 */
#include "judge/daemon/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/log.h"
#include "tests/t.h"

#define ARGS_MAX 12

static struct arena arena;

static const char *file_of(const char *text)
{
    char *path = arena_printf(&arena, "%s/config.yaml", t_tmpdir());
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        t_fail(__FILE__, __LINE__, "cannot write %s", path);
    return path;
}

/* Reads words separated by spaces, with `-c FILE` of this text when it is not NULL. */
static int parse(struct config *c, const char *words, const char *text, struct err *err)
{
    char *argv[ARGS_MAX + 1] = {arena_strdup(&arena, "judged")};
    int argc = 1;
    if (text) {
        argv[argc++] = arena_strdup(&arena, "-c");
        argv[argc++] = arena_strdup(&arena, file_of(text));
    }
    for (const char *at = words; *at && argc < ARGS_MAX;) {
        const size_t len = strcspn(at, " ");
        argv[argc++] = arena_copy(&arena, at, len);
        at += len + (at[len] == ' ');
    }
    return config_read(c, argc, argv, &arena, err);
}

static void what_a_spec_may_reach(void)
{
    static const struct {
        int line;
        const char *words;
        bool inline_targets, private_addresses;
    } cases[] = {
        {__LINE__, "", true, true},
        {__LINE__, "--listen [::1]:1", true, true},
        {__LINE__, "--listen unix:/run/judge.sock", true, true},
        {__LINE__, "--listen localhost:1", true, true},
        {__LINE__, "--listen 0.0.0.0:1", false, false},
        {__LINE__, "--listen 10.0.0.1:1", false, false},
        {__LINE__, "--redis redis://127.0.0.1:1", false, false},
        {__LINE__, "--redis redis://127.0.0.1:1 --inline-targets on", true, true},
        {__LINE__, "--inline-targets off", false, false},
        {__LINE__, "--inline-targets off --private-targets on", false, true},
        {__LINE__, "--private-targets off", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config c;
        struct err err = {0};
        if (parse(&c, cases[i].words, NULL, &err) != 0)
            t_fail(__FILE__, cases[i].line, "%s", err.message);
        else if (c.allow_inline_targets != cases[i].inline_targets ||
                 c.guard.allow_loopback != cases[i].private_addresses ||
                 c.guard.allow_private != cases[i].private_addresses)
            t_fail(__FILE__, cases[i].line, "inline %d, private %d", c.allow_inline_targets,
                   c.guard.allow_private);
    }
}

static void topics_are_named_whole(void)
{
    static const char one[] = "arn:aws:sns:eu-west-1:123456789012:a";
    struct config c;
    struct err err = {0};
    T_OK(parse(&c, "", NULL, &err), err);
    T_EQ_STR(c.sns_topics, "");
    T_OK(parse(&c, arena_printf(&arena, "--sns-topic %s --sns-topic %s2 --sns-sha1", one, one),
               NULL, &err),
         err);
    T_EQ_STR(c.sns_topics, arena_printf(&arena, "%s,%s2", one, one));
    T_OK(parse(&c, "", arena_printf(&arena, "sns-topic: \"%s,%s\"\n", one, one), &err), err);
    static const char *const wrong[] = {"--sns-topic alarms", "--sns-topic *",
                                        "--sns-ca /etc/ca.pem", "--sns-sha1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        T_EQ_INT(parse(&c, wrong[i], NULL, &err), -1);
        T_EQ_INT(err.code, ERR_USAGE);
        T_HAS_STR(err.message, "--sns-topic");
    }
    T_EQ_INT(parse(&c, arena_printf(&arena, "--sns-topic %s,b", one), NULL, &err), -1);
}

static void a_failure_changes_nothing(void)
{
    struct config c;
    struct err err = {0};
    T_OK(parse(&c, "--work-threads 7", NULL, &err), err);
    T_EQ_INT(parse(&c, "--work-threads 8 --listen", NULL, &err), -1);
    T_EQ_INT(err.code, ERR_USAGE);
    T_EQ_INT(parse(&c, "", "work-threads: 9\nsecrets: {a: {file: 7}}\n", &err), -1);
    T_EQ_INT(err.code, ERR_INPUT);
    T_EQ_INT(c.work_threads, 7);
}

static void secrets_are_read_when_asked_for(void)
{
    struct config c;
    struct err err = {0};
    struct secret s;
    char path[512], text[1024];
    snprintf(path, sizeof(path), "%s/secret", t_tmpdir());
    snprintf(text, sizeof(text), "secrets: {f: {file: %s}, e: {env: CONFIG_TEST_SECRET}}\n", path);
    secret_init(&s);
    T_OK(parse(&c, "", text, &err), err); /* before there is such a file */
    T_EQ_INT(config_secret(&c, "f", &s, &err), -1);
    T_EQ_INT(config_secret(&c, "nobody", &s, &err), -1);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    FILE *f = fopen(path, "w");
    T_CHECK(f && fputs("hush\n", f) >= 0 && fclose(f) == 0 && chmod(path, 0600) == 0);
    T_OK(config_secret(&c, "f", &s, &err), err);
    T_EQ_STR(secret_bytes(&s), "hush");
    T_EQ_INT(chmod(path, 0644), 0);
    T_EQ_INT(config_secret(&c, "f", &s, &err), -1);
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    setenv("CONFIG_TEST_SECRET", "quiet", 1);
    T_OK(config_secret(&c, "e", &s, &err), err);
    T_EQ_STR(secret_bytes(&s), "quiet");
    unsetenv("CONFIG_TEST_SECRET");
    T_EQ_INT(config_secret(&c, "e", &s, &err), -1);
    secret_release(&s);
}

static void the_printed_form(void)
{
    struct config c;
    struct err err = {0};
    struct buf out;
    buf_init(&out, 65536);
    T_OK(parse(&c, "--redis redis://me:hush@10.0.0.1:6379/2 -n",
               "secrets: {a: {env: A}}\nconnections: {e: {kind: haproxy, socket: /s}}\n", &err),
         err);
    config_print(&c, &out);
    T_HAS_STR(out.data, "redis://...@10.0.0.1:6379/2");
    T_HAS_STR(out.data, "  e: {\"kind\":\"haproxy\",\"socket\":\"/s\"}\n");
    T_HAS_STR(out.data, "  a: {\"env\":\"A\"}\n");
    T_CHECK(!strstr(out.data, "hush") && !strstr(out.data, "check:"));
    T_CHECK(c.check_only);
    buf_release(&out);
}

static void a_reload_takes_the_level_and_names_the_rest(void)
{
    static const struct {
        int line;
        const char *words, *text, *ignored;
        enum log_level level;
    } cases[] = {
        {__LINE__, "", "log-level: info\n", "", LOG_LEVEL_INFO},
        {__LINE__, "", "log-level: error\n", "", LOG_LEVEL_ERROR},
        {__LINE__, "--waiting 99", "log-level: info\n", "waiting", LOG_LEVEL_INFO},
        {__LINE__, "--pending 1MB --open-metrics=false", "secrets: {a: {env: B}}\n",
         "open-metrics, pending, secrets", LOG_LEVEL_INFO},
        {__LINE__, "", "connections: {e: {kind: haproxy, socket: /s}}\n", "connections",
         LOG_LEVEL_INFO},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config running, fresh;
        struct err err = {0};
        struct buf ignored;
        buf_init(&ignored, 4096);
        T_OK(parse(&running, "", "log-level: info\n", &err), err);
        T_OK(parse(&fresh, cases[i].words, cases[i].text, &err), err);
        config_reload(&running, &fresh, &ignored);
        const char *said = ignored.len ? ignored.data : "";
        if (strcmp(said, cases[i].ignored) != 0 || log_level_now() != cases[i].level ||
            strcmp(running.log_level, log_level_name(cases[i].level)) != 0)
            t_fail(__FILE__, cases[i].line, "ignored \"%s\", level %s", said, running.log_level);
        buf_release(&ignored);
    }
    log_set_level(LOG_LEVEL_INFO);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"what_a_spec_may_reach", what_a_spec_may_reach},
        {"topics_are_named_whole", topics_are_named_whole},
        {"a_failure_changes_nothing", a_failure_changes_nothing},
        {"secrets_are_read_when_asked_for", secrets_are_read_when_asked_for},
        {"the_printed_form", the_printed_form},
        {"a_reload_takes_the_level_and_names_the_rest",
         a_reload_takes_the_level_and_names_the_rest},
    };
    arena_init(&arena);
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
