#include "lib/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/err.h"
#include "tests/t.h"

static void wall_texts(void)
{
    static const struct {
        int line;
        const char *text;
        int64_t us;
        const char *back; /* NULL: the same text */
    } rows[] = {
        {__LINE__, "1970-01-01T00:00:00Z", 0, NULL},
        {__LINE__, "2026-11-23T10:15:00Z", INT64_C(1795428900000000), NULL},
        {__LINE__, "2026-11-23T10:15:00.250Z", INT64_C(1795428900250000), NULL},
        {__LINE__, "2026-11-23T10:15:00.25Z", INT64_C(1795428900250000),
         "2026-11-23T10:15:00.250Z"},
        {__LINE__, "2026-11-23T10:15:00.000001Z", INT64_C(1795428900000001), NULL},
        {__LINE__, "2026-11-23T10:15:00.1234567Z", INT64_C(1795428900123456),
         "2026-11-23T10:15:00.123456Z"},
        {__LINE__, "2026-11-23T11:15:00+01:00", INT64_C(1795428900000000), "2026-11-23T10:15:00Z"},
        {__LINE__, "2026-11-23T04:45:00-05:30", INT64_C(1795428900000000), "2026-11-23T10:15:00Z"},
        {__LINE__, "2026-11-23 10:15:00z", INT64_C(1795428900000000), "2026-11-23T10:15:00Z"},
        {__LINE__, "2000-02-29T23:59:59Z", INT64_C(951868799000000), NULL},
        {__LINE__, "1969-12-31T23:59:59.500Z", INT64_C(-500000), NULL},
        {__LINE__, "2016-12-31T23:59:60Z", INT64_C(1483228800000000), "2017-01-01T00:00:00Z"},
        {__LINE__, "9999-12-31T23:59:59Z", INT64_C(253402300799000000), NULL},
        {__LINE__, "0001-01-01T00:00:00Z", INT64_C(-62135596800000000), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wall t = {0};
        char out[WALL_TEXT_BYTES];
        if (wall_parse(rows[i].text, &t) != 0 || t.us != rows[i].us)
            t_fail(__FILE__, rows[i].line, "%s gives %lld", rows[i].text, (long long)t.us);
        else if (strcmp(wall_format(t, out), rows[i].back ? rows[i].back : rows[i].text) != 0)
            t_fail(__FILE__, rows[i].line, "%s comes back as %s", rows[i].text, out);
    }
}

static void no_instants(void)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T10:15Z",
        "2026-11-23T10:15:00",
        "2026-11-23T10:15:00.Z",
        "2026-11-23T10:15:00+1:00",
        "2026-11-23T10:15:00+0100",
        "2026-11-23T10:15:00+24:00",
        "2026-11-23T10:15:00Zx",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:15:61Z",
        "0000-01-01T00:00:00Z",
        " 2026-11-23T10:15:00Z",
        "-026-11-23T10:15:00Z",
        "1795428900",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wall t = {42};
        if (wall_parse(rows[i], &t) == 0)
            t_fail(__FILE__, __LINE__, "\"%s\" was taken", rows[i]);
        T_EQ_INT(t.us, 42);
    }
}

/* Every 7 hours and 13 seconds over 300 years, against the C library's calendar. */
static void agrees_with_gmtime(void)
{
    for (int64_t s = -INT64_C(4733510400); s < INT64_C(4733510400); s += 25213) {
        char out[WALL_TEXT_BYTES], want[64];
        time_t t = (time_t)s;
        struct tm tm;
        struct wall back;
        gmtime_r(&t, &tm);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
        T_EQ_STR(wall_format((struct wall){s * US_PER_SECOND}, out), want);
        T_EQ_INT(wall_parse(out, &back), 0);
        T_EQ_INT(back.us, s * US_PER_SECOND);
    }
}

static void far_instants_stay_in_the_buffer(void)
{
    char out[WALL_TEXT_BYTES];
    wall_format((struct wall){INT64_MAX}, out);
    T_CHECK(strlen(out) < WALL_TEXT_BYTES);
    T_EQ_INT(strncmp(out, "9999-12-31T", 11), 0);
    wall_format((struct wall){INT64_MIN}, out);
    T_EQ_INT(strncmp(out, "0001-01-01T", 11), 0);
}

static void durations(void)
{
    static const struct {
        int line;
        const char *text;
        int64_t us;
        const char *back;
    } rows[] = {
        {__LINE__, "500ms", 500000, NULL},
        {__LINE__, "30s", 30 * US_PER_SECOND, NULL},
        {__LINE__, "5m", 300 * US_PER_SECOND, NULL},
        {__LINE__, "2h", 7200 * US_PER_SECOND, NULL},
        {__LINE__, "1d", 86400 * US_PER_SECOND, NULL},
        {__LINE__, "1h30m", 5400 * US_PER_SECOND, NULL},
        {__LINE__, "1m30s", 90 * US_PER_SECOND, NULL},
        {__LINE__, "90s", 90 * US_PER_SECOND, "1m30s"},
        {__LINE__, "1.5h", 5400 * US_PER_SECOND, "1h30m"},
        {__LINE__, "0.25s", 250000, "250ms"},
        {__LINE__, "250us", 250, NULL},
        {__LINE__, "0s", 0, NULL},
        {__LINE__, "0", 0, "0s"},
        {__LINE__, "1d2h3m4s5ms6us", INT64_C(93784005006), NULL},
        {__LINE__, "24h", 86400 * US_PER_SECOND, "1d"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = -1;
        char out[WALL_TEXT_BYTES];
        if (duration_parse(rows[i].text, &us) != 0 || us != rows[i].us)
            t_fail(__FILE__, rows[i].line, "%s gives %lld", rows[i].text, (long long)us);
        else if (strcmp(duration_format(us, out), rows[i].back ? rows[i].back : rows[i].text) != 0)
            t_fail(__FILE__, rows[i].line, "%s comes back as %s", rows[i].text, out);
    }
}

static void no_durations(void)
{
    static const char *const rows[] = {
        "",     "5",     "s",   "-5s",  "+5s",  "5 s",  "5S",           "30m1h", "5s5s", "1h30",
        "5.s5", "5..5s", ".5s", "1e3s", "5sec", "5min", "99999999999d", "5s ",   "inf",  "1.2.3s",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = 42;
        if (duration_parse(rows[i], &us) == 0)
            t_fail(__FILE__, __LINE__, "\"%s\" was taken", rows[i]);
        T_EQ_INT(us, 42);
    }
}

static void durations_come_back(void)
{
    uint64_t x = 88172645463325252ULL;
    for (int i = 0; i < 20000; i++) {
        char out[WALL_TEXT_BYTES];
        int64_t us, back = -1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        us = (int64_t)(x >> (12 + i % 50));
        if (us > INT64_C(9007199254740991))
            us %= INT64_C(9007199254740991);
        duration_format(us, out);
        T_EQ_INT(duration_parse(out, &back), 0);
        T_EQ_INT(back, us);
    }
}

static void words(void)
{
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {
        {0, "0 s"},       {-3, "0 s"},        {0.0001, "1 ms"},     {0.25, "250 ms"},
        {1, "1 s"},       {40, "40 s"},       {89.4, "89 s"},       {90, "2 min"},
        {360, "6 min"},   {3600, "60 min"},   {5400, "1.5 h"},      {7200, "2 h"},
        {86400, "24 h"},  {216000, "2.5 d"},  {10 * 86400, "10 d"}, {INFINITY, "forever"},
        {NAN, "forever"}, {1e300, "forever"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[WALL_TEXT_BYTES];
        T_EQ_STR(duration_words(rows[i].seconds, out), rows[i].text);
    }
}

static void clocks_go_forward(void)
{
    struct mono a = mono_now(), b = mono_now();
    struct wall now = wall_now();
    T_CHECK(b.us >= a.us);
    T_CHECK(now.us > INT64_C(1700000000000000));
    T_CHECK(mono_passed(a, a) && !mono_passed(a, mono_add_ms(a, 1)));
    T_EQ_INT(mono_until_ms(a, mono_add_ms(a, 1500)), 1500);
    T_EQ_INT(wall_add_ms((struct wall){1}, 2).us, 2001);
    T_NEAR(wall_seconds((struct wall){1500000}), 1.5, 0, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"wall texts", wall_texts},
        {"no instants", no_instants},
        {"agrees with gmtime", agrees_with_gmtime},
        {"far instants stay in the buffer", far_instants_stay_in_the_buffer},
        {"durations", durations},
        {"no durations", no_durations},
        {"durations come back", durations_come_back},
        {"words", words},
        {"clocks go forward", clocks_go_forward},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
