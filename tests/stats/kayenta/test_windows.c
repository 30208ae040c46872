#include "stats/kayenta/windows.h"

#include "tests/t.h"

#define MIN (INT64_C(60) * US_PER_SECOND)

static void lifetimes(void)
{
    struct canary_schedule s = {.interval_us = 5 * MIN};
    struct err err = {0};
    int64_t us, n;
    T_CHECK(schedule_lifetime(&s, &us, &err) != 0);
    T_HAS_STR(err.message, "lifetime");
    s.has_lifetime = true;
    s.lifetime_us = 12 * MIN;
    T_OK(schedule_judgements(&s, &us, &n, &err), err);
    T_CHECK(us == 5 * MIN && n == 2);
    s.has_start = s.has_end = true; /* both ends: they win */
    s.start.us = 100 * MIN;
    s.end.us = 103 * MIN;
    T_OK(schedule_judgements(&s, &us, &n, &err), err);
    T_CHECK(us == 3 * MIN && n == 1);
    s.interval_us = 0;
    T_OK(schedule_judgements(&s, &us, &n, &err), err);
    T_CHECK(us == 3 * MIN && n == 1);
    s.end.us = 0;
    T_CHECK(schedule_judgements(&s, &us, &n, &err) != 0);
    s.end.us = s.start.us;
    T_OK(schedule_judgements(&s, &us, &n, &err), err);
    T_CHECK(n == 0);
}

static void windows(void)
{
    static const struct {
        int line;
        struct canary_schedule s;
        int64_t i, start, end, control_start; /* minutes */
    } rows[] = {
        {__LINE__, {0}, 1, 1000, 1003, 1000},
        {__LINE__, {0}, 4, 1000, 1012, 1000},
        {__LINE__, {.begin_after_us = 4 * MIN}, 2, 1004, 1010, 1004},
        {__LINE__, {.lookback_us = 5 * MIN}, 3, 1004, 1009, 1004},
        {__LINE__, {.has_start = true, .start.us = -5 * MIN}, 1, -5, -2, -5},
        {__LINE__,
         {.has_start = true, .start.us = 7 * MIN, .begin_after_us = 2 * MIN},
         1,
         9,
         12,
         9},
        {__LINE__,
         {.has_start = true,
          .has_end = true,
          .begin_after_us = 4 * MIN,
          .control_back_us = 60 * MIN},
         2,
         0,
         6,
         -60},
    };
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const struct judgement_window w =
            schedule_window(&rows[k].s, rows[k].i, 3 * MIN, (struct wall){1000 * MIN});
        if (w.start.us != rows[k].start * MIN || w.end.us != rows[k].end * MIN ||
            w.control_start.us != rows[k].control_start * MIN)
            t_fail(__FILE__, rows[k].line, "%lld to %lld", (long long)(w.start.us / MIN),
                   (long long)(w.end.us / MIN));
        T_CHECK(w.control_end.us - w.control_start.us == w.end.us - w.start.us);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"lifetimes", lifetimes}, {"windows", windows}};
    return t_main(argc, argv, tests, 2);
}
