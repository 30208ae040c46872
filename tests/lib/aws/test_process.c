#include "lib/aws/process.h"

#include "lib/aws/aws_priv.h"
#include "tests/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void splits_words(void)
{
    static const struct {
        int line;
        const char *command, *words; /* joined with '|'; NULL: refused */
    } cases[] = {
        {__LINE__, "a b  c ", "a|b|c"},
        {__LINE__, "/opt/x \"a b\" 'c \"d' e\\ f", "/opt/x|a b|c \"d|e f"},
        {__LINE__, "x \"a\\\"b\\\\c\\d\" ''", "x|a\"b\\c\\d|"},
        {__LINE__, "x $(rm) `y` ; z > w", "x|$(rm)|`y`|;|z|>|w"},
        {__LINE__, "x 'a\\' b", "x|a\\|b"},
        {__LINE__, "a'b'\"c\"", "abc"},
        {__LINE__, "x 'open", NULL},
        {__LINE__, "x \\", NULL},
        {__LINE__, "  ", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct err err = {0};
        struct buf joined;
        char **words;
        arena_init(&a);
        buf_init(&joined, 1000);
        words = process_split(&a, cases[i].command, &err);
        for (size_t n = 0; words && words[n]; n++)
            buf_addf(&joined, "%s%s", n ? "|" : "", words[n]);
        if (!words != !cases[i].words || (words && strcmp(joined.data, cases[i].words) != 0))
            t_fail(__FILE__, cases[i].line, "\"%s\" became \"%s\"", cases[i].command, joined.data);
        buf_release(&joined);
        arena_release(&a);
    }
}

static const char *script(const char *text)
{
    static char path[512];
    FILE *f;
    snprintf(path, sizeof(path), "%s/my script", t_tmpdir());
    f = fopen(path, "w");
    BUG_ON(!f || fprintf(f, "#!/bin/sh\n%s\n", text) < 0 || fclose(f) != 0);
    chmod(path, 0755);
    return path;
}

static struct credentials *run(const char *text, struct err *err)
{
    struct aws aws = {0};
    char command[600];
    snprintf(command, sizeof(command), "'%s' 'two words'", script(text));
    return fetch_process(&aws, command, "credential_process", err);
}

static void takes_what_a_process_prints(void)
{
    struct err err = {0};
    struct credentials *c =
        run("test \"$1\" = 'two words' && echo '{\"Version\": 1, \"AccessKeyId\": \"AK\", "
            "\"SecretAccessKey\": \"s\", \"SessionToken\": \"t\", "
            "\"Expiration\": \"2030-01-02T03:04:05Z\"}'; echo loud >&2",
            &err);
    T_CHECK(c != NULL);
    T_EQ_STR(c->access_key, "AK");
    T_EQ_STR(secret_bytes(&c->token), "t");
    T_EQ_INT(c->expires.us / 1000000, 1893553445);
    credentials_unref(c);
}

static void tells_what_is_wrong_with_it(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"echo secret; exit 3", "credential_process: it ended with status 3"},
        {"echo secret", "credential_process: the answer is no JSON object"},
        {"echo '{\"Version\": 2, \"AccessKeyId\": \"secret\"}'",
         "must print JSON with \"Version\""},
        {"echo '{\"Version\": 1, \"AccessKeyId\": \"secret\"}'", "there is no secret access key"},
        {"kill -9 $$", "status -1"},
        {"head -c 100000 /dev/zero", "printed more than"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        T_CHECK(!run(cases[i].text, &err));
        T_HAS_STR(err.message, cases[i].why);
        T_CHECK(!strstr(err.message, "\"secret"));
    }
}

static void a_program_must_be_there(void)
{
    struct aws aws = {0};
    struct err err = {0};
    T_CHECK(!fetch_process(&aws, "/nowhere/at/all --x", "profile p", &err));
    T_HAS_STR(err.message, "profile p: starting \"/nowhere/at/all\": No such file");
}

static void closing_ends_it(void)
{
    struct aws aws = {.stop = 1};
    struct err err = {0};
    struct mono began = mono_now();
    T_CHECK(!fetch_process(&aws, "sleep 20", "p", &err));
    T_EQ_INT(err.code, ERR_UNAVAILABLE);
    T_CHECK(mono_until_ms(began, mono_now()) < 5000);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"splits_words", splits_words},
        {"takes_what_a_process_prints", takes_what_a_process_prints},
        {"tells_what_is_wrong_with_it", tells_what_is_wrong_with_it},
        {"a_program_must_be_there", a_program_must_be_there},
        {"closing_ends_it", closing_ends_it},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
