/*
 * Redis addresses.
 */
#include "lib/redis/url.h"

#include "tests/t.h"

static void good_ones(void)
{
    static const struct {
        int line;
        const char *text;
        struct redis_url want;
    } cases[] = {
        {__LINE__, "redis://h", {.seeds = {{"h", 6379}}}},
        {__LINE__, "redis://h/", {.seeds = {{"h", 6379}}}},
        {__LINE__, "redis://10.0.0.1:7000/12", {.seeds = {{"10.0.0.1", 7000}}, .db = 12}},
        {__LINE__, "redis://[::1]:7000", {.seeds = {{"::1", 7000}}}},
        {__LINE__, "redis://[fe80::1]", {.seeds = {{"fe80::1", 6379}}}},
        {__LINE__, "redis://u:p@h:1/0", {.seeds = {{"h", 1}}, .user = "u", .password = "p"}},
        {__LINE__, "redis://:p@h", {.seeds = {{"h", 6379}}, .password = "p"}},
        {__LINE__,
         "redis://u:a%40b%2Fc%25@h",
         {.seeds = {{"h", 6379}}, .user = "u", .password = "a@b/c%"}},
        {__LINE__,
         "redis://u:a@b/c@h/2",
         {.seeds = {{"h", 6379}}, .user = "u", .password = "a@b/c", .db = 2}},
        {__LINE__, "unix:///run/r.sock", {.is_unix = true, .path = "/run/r.sock"}},
        {__LINE__, "unix:///run/r.sock?db=4", {.is_unix = true, .path = "/run/r.sock", .db = 4}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct redis_url got;
        struct err err = {.message = ""};
        const struct redis_url *want = &cases[i].want;
        if (redis_url_parse(cases[i].text, &got, &err) != 0)
            t_fail(__FILE__, cases[i].line, "%s: %s", cases[i].text, err.message);
        else if (got.is_unix != want->is_unix ||
                 strcmp(got.seeds[0].host, want->seeds[0].host) != 0 ||
                 got.seeds[0].port != want->seeds[0].port || strcmp(got.path, want->path) != 0 ||
                 strcmp(got.user, want->user) != 0 || strcmp(got.password, want->password) != 0 ||
                 got.db != want->db)
            t_fail(__FILE__, cases[i].line, "%s: host %s port %u path %s user %s db %d",
                   cases[i].text, got.seeds[0].host, got.seeds[0].port, got.path, got.user, got.db);
    }
}

static void refused_ones(void)
{
    static const struct {
        int line;
        const char *text, *says;
    } cases[] = {
        {__LINE__, "", "must begin with"},
        {__LINE__, "h:6379", "must begin with"},
        {__LINE__, "http://h", "must begin with"},
        {__LINE__, "redis+sentinel://h", "mymaster"},
        {__LINE__, "redis+sentinel://h/", "mymaster"},
        {__LINE__, "redis+sentinel://h/a/2", "mymaster"},
        {__LINE__, "redis+sentinel://h/m?x=2", "?db=N"},
        {__LINE__, "redis+sentinel://h/m?db=x", "database"},
        {__LINE__, "redis+sentinel://h,,i/m", "host is missing"},
        {__LINE__, "redis+cluster://h,", "host is missing"},
        {__LINE__, "redis+cluster://h/2", "one database"},
        {__LINE__, "redis+cluster://h?db=1", "no ?parameters"},
        {__LINE__, "redis+cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "more than 16"},
        {__LINE__, "redis://a,b", "redis+sentinel://a,b,c/name"},
        {__LINE__, "redis+tls://h", "rediss"},
        {__LINE__, "redis://", "host is missing"},
        {__LINE__, "redis://:6379", "host is missing"},
        {__LINE__, "redis://u:p@/3", "host is missing"},
        {__LINE__, "redis://h:0", "port"},
        {__LINE__, "redis://h:70000", "port"},
        {__LINE__, "redis://h:x", "port"},
        {__LINE__, "redis://h:", "port"},
        {__LINE__, "redis://h/x", "database"},
        {__LINE__, "redis://h/-1", "database"},
        {__LINE__, "redis://h/1/2", "database"},
        {__LINE__, "redis://h?x=1", "no ?parameters"},
        {__LINE__, "redis://[::1", "not closed"},
        {__LINE__, "redis://[::1]7", "only :port"},
        {__LINE__, "redis://u:p%4@h", "hex digits"},
        {__LINE__, "redis://u:p%zz@h", "hex digits"},
        {__LINE__, "redis://u:p%00@h", "NUL"},
        {__LINE__, "unix://run/r.sock", "three slashes"},
        {__LINE__, "unix:///r.sock?x=1", "?db=N"},
        {__LINE__, "unix:///r.sock?db=", "database"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct redis_url got = {.db = 77};
        struct err err = {.message = ""};
        if (redis_url_parse(cases[i].text, &got, &err) == 0)
            t_fail(__FILE__, cases[i].line, "%s was taken", cases[i].text);
        else if (!strstr(err.message, cases[i].says) || err.code != ERR_INPUT)
            t_fail(__FILE__, cases[i].line, "%s: \"%s\" lacks \"%s\"", cases[i].text, err.message,
                   cases[i].says);
        else if (got.db != 77)
            t_fail(__FILE__, cases[i].line, "%s: something was written", cases[i].text);
    }
}

static void too_long(void)
{
    char text[1200] = "unix:///";
    struct redis_url got;
    struct err err;
    memset(text + 8, 'a', 105);
    T_EQ_INT(redis_url_parse(text, &got, &err), 0);
    memset(text + 8, 'a', 107);
    T_EQ_INT(redis_url_parse(text, &got, &err), -1);
    memcpy(text, "redis://", 8);
    memset(text + 8, 'a', 255);
    text[8 + 255] = '\0';
    T_EQ_INT(redis_url_parse(text, &got, &err), 0);
    memset(text + 8, 'a', 256);
    text[8 + 256] = '\0';
    T_EQ_INT(redis_url_parse(text, &got, &err), -1);
    memset(text + 8, 'a', 1100);
    T_EQ_INT(redis_url_parse(text, &got, &err), -1);
}

static void shows_no_password(void)
{
    struct redis_url u;
    struct err err;
    char out[REDIS_URL_SHOWN];
    T_OK(redis_url_parse("redis://me:secret@h:1/2", &u, &err), err);
    T_EQ_STR(redis_url_show(&u, out), "redis://h:1");
    T_EQ_INT(redis_url_parse("redis://me:secret@h:x", &u, &err), -1);
    T_CHECK(!strstr(err.message, "secret"));
    T_OK(redis_url_parse("redis://[::1]:5", &u, &err), err);
    T_EQ_STR(redis_url_show(&u, out), "redis://[::1]:5");
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"good ones", good_ones},
        {"refused ones", refused_ones},
        {"too long", too_long},
        {"shows no password", shows_no_password},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
