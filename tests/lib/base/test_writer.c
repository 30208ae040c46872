#include "lib/base/writer.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/t.h"

static void a_document(void)
{
    struct buf out;
    struct writer w;
    buf_init(&out, 10000);
    writer_init(&w, &out);
    writer_object(&w);
    writer_kv_string(&w, "release", "checkout-1");
    writer_kv_int(&w, "seq", 41);
    writer_kv_number(&w, "share", 0.05);
    writer_kv_null(&w, "cause");
    writer_kv_string(&w, "none", NULL);
    writer_kv_bool(&w, "ok", true);
    writer_kv_array(&w, "metrics");
    writer_object(&w);
    writer_end(&w);
    writer_array(&w);
    writer_end(&w);
    writer_int(&w, INT64_MIN);
    writer_bool(&w, false);
    writer_number(&w, NAN);
    writer_number(&w, -INFINITY);
    writer_raw(&w, "{\"raw\":1}", 9);
    writer_end(&w);
    writer_kv_object(&w, "last");
    writer_kv_number(&w, "third", 1.0 / 3);
    writer_end(&w);
    writer_end(&w);
    T_EQ_STR(out.data, "{\"release\":\"checkout-1\",\"seq\":41,\"share\":0.05,\"cause\":null,"
                       "\"none\":null,\"ok\":true,\"metrics\":[{},[],-9223372036854775808,false,"
                       "null,null,{\"raw\":1}],\"last\":{\"third\":0.3333333333333333}}");
    T_EQ_INT(w.depth, 0);
    buf_release(&out);
}

static void strings(void)
{
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } rows[] = {
        {"", 0, "\"\""},
        {"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
        {"\n\r\t\b\f\x01\x1f\x7f", 8, "\"\\n\\r\\t\\u0008\\u000c\\u0001\\u001f\\u007f\""},
        {"\0", 1, "\"\\u0000\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         3,
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc3", 1, "\"\xef\xbf\xbd\""},                                 /* cut */
        {"\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* longer than needed */
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {"\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82x", 3, "\"\xef\xbf\xbd\xef\xbf\xbdx\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        struct writer w;
        char *exact = malloc(rows[i].len + !rows[i].len); /* asan sees a read past it */
        memcpy(exact, rows[i].text, rows[i].len);
        buf_init(&out, 1000);
        writer_init(&w, &out);
        writer_string_n(&w, exact, rows[i].len);
        T_EQ_STR(out.data, rows[i].json);
        buf_release(&out);
        free(exact);
    }
}

/* Whatever the bytes, the result is JSON that another reader takes. */
static void any_bytes_are_readable(void)
{
    unsigned x = 7;
    for (int i = 0; i < 5000; i++) {
        struct buf out;
        struct writer w;
        json_t *json;
        char text[24];
        for (size_t k = 0; k < sizeof(text); k++) {
            x = x * 1664525u + 1013904223u;
            text[k] = (char)((x >> 24) | (x & 0x400 ? 0x80 : 0));
        }
        buf_init(&out, 1000);
        writer_init(&w, &out);
        writer_array(&w);
        writer_string_n(&w, text, sizeof(text));
        writer_end(&w);
        json = json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL);
        T_CHECK(json != NULL);
        json_decref(json);
        buf_release(&out);
    }
}

static void overflow_shows(void)
{
    struct buf out;
    struct writer w;
    buf_init(&out, 10);
    writer_init(&w, &out);
    writer_array(&w);
    for (int i = 0; i < 10; i++)
        writer_int(&w, i);
    writer_end(&w);
    T_CHECK(!buf_ok(&out));
    buf_release(&out);
}

static void key_in_array(struct writer *w)
{
    writer_array(w);
    writer_key(w, "k");
}

static void value_without_key(struct writer *w)
{
    writer_object(w);
    writer_int(w, 1);
}

static void two_keys(struct writer *w)
{
    writer_object(w);
    writer_key(w, "a");
    writer_key(w, "b");
}

static void end_after_key(struct writer *w)
{
    writer_object(w);
    writer_key(w, "a");
    writer_end(w);
}

static void end_of_nothing(struct writer *w)
{
    writer_end(w);
}

static void two_values(struct writer *w)
{
    writer_int(w, 1);
    writer_int(w, 2);
}

static void too_deep(struct writer *w)
{
    for (int i = 0; i <= WRITER_DEPTH_MAX; i++)
        writer_array(w);
}

static void misuse_is_a_bug(void)
{
    static void (*const misuses[])(struct writer *) = {
        key_in_array,   value_without_key, two_keys, end_after_key,
        end_of_nothing, two_values,        too_deep,
    };
    for (size_t i = 0; i < ARRAY_LEN(misuses); i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            struct buf out;
            struct writer w;
            if (!freopen("/dev/null", "w", stderr))
                _exit(3);
            buf_init(&out, 1000);
            writer_init(&w, &out);
            misuses[i](&w);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        T_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a document", a_document},
        {"strings", strings},
        {"any bytes are readable", any_bytes_are_readable},
        {"overflow shows", overflow_shows},
        {"misuse is a bug", misuse_is_a_bug},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
