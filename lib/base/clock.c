/*
 * Clocks, and the text forms of instants and durations.
 *
 * Dates are computed here with the days-from-civil algorithm over the proleptic Gregorian calendar,
 * because timegm and gmtime read the locale and the time zone database; the range is year 1 to
 * 9999.
 */
#include "lib/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/num.h"

#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)
/* 0001-01-01 and 9999-12-31 in days from 1970-01-01 */
#define FIRST_DAY INT64_C(-719162)
#define LAST_DAY  INT64_C(2932896)

static int64_t clock_us(clockid_t id)
{
    struct timespec ts;
    BUG_ON(clock_gettime(id, &ts) != 0);
    return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

struct mono mono_now(void)
{
    return (struct mono){clock_us(CLOCK_MONOTONIC)};
}

struct wall wall_now(void)
{
    return (struct wall){clock_us(CLOCK_REALTIME)};
}

/* Years are counted from March, so that the leap day is the last of its year; 400 years are an era.
 */
static int64_t days_from_date(int64_t y, int m, int d)
{
    int64_t era, year_of_era, day_of_year;
    if (m <= 2)
        y--;
    era = (y >= 0 ? y : y - 399) / 400;
    year_of_era = y - era * 400;
    day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_from_days(int64_t days, int *y, int *m, int *d)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    *d = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *m = (int)(month < 10 ? month + 3 : month - 9);
    *y = (int)(year_of_era + era * 400 + (*m <= 2));
}

static int days_in_month(int64_t y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && is_leap ? 29 : days[m - 1];
}

const char *wall_format(struct wall t, char out[WALL_TEXT_BYTES])
{
    int64_t days = t.us / US_PER_DAY;
    int64_t rest = t.us % US_PER_DAY;
    int y, mon, d, used;
    unsigned s, us;
    if (rest < 0) {
        rest += US_PER_DAY;
        days--;
    }
    if (days < FIRST_DAY)
        days = FIRST_DAY;
    if (days > LAST_DAY)
        days = LAST_DAY;
    date_from_days(days, &y, &mon, &d);
    s = (unsigned)(rest / US_PER_SECOND);
    us = (unsigned)(rest % US_PER_SECOND);
    used = snprintf(out, WALL_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u", (unsigned)y % 10000,
                    (unsigned)mon % 100, (unsigned)d % 100, s / 3600 % 24, s / 60 % 60, s % 60);
    if (us == 0)
        snprintf(out + used, WALL_TEXT_BYTES - (size_t)used, "Z");
    else if (us % 1000 == 0)
        snprintf(out + used, WALL_TEXT_BYTES - (size_t)used, ".%03uZ", us / 1000 % 1000);
    else
        snprintf(out + used, WALL_TEXT_BYTES - (size_t)used, ".%06uZ", us % 1000000);
    return out;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly n digits, moving *at behind them; -1 when they are not there. */
static int take_digits(const char **at, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (!is_digit(**at))
            return -1;
        v = v * 10 + (*(*at)++ - '0');
    }
    return v;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* ".5" or nothing -> microseconds; digits after the sixth are cut. -1 on a bare point. */
static int take_fraction(const char **at)
{
    int us = 0, digits = 0;
    if (!take_char(at, '.'))
        return 0;
    while (is_digit(**at)) {
        if (digits++ < 6)
            us = us * 10 + (**at - '0');
        (*at)++;
    }
    if (digits == 0)
        return -1;
    for (; digits < 6; digits++)
        us *= 10;
    return us;
}

/* "Z", "z", "+01:30" -> minutes east. */
static int take_offset(const char **at, int *minutes)
{
    int sign = **at == '-' ? -1 : 1;
    int h, m;
    *minutes = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return 0;
    if (!take_char(at, '+') && !take_char(at, '-'))
        return -1;
    if ((h = take_digits(at, 2)) < 0 || h > 23 || !take_char(at, ':') ||
        (m = take_digits(at, 2)) < 0 || m > 59)
        return -1;
    *minutes = sign * (h * 60 + m);
    return 0;
}

int wall_parse(const char *text, struct wall *out)
{
    const char *at = text;
    int y, mon, d, h, min, s, us, offset;
    int64_t seconds;
    if ((y = take_digits(&at, 4)) < 1 || !take_char(&at, '-') || (mon = take_digits(&at, 2)) < 1 ||
        mon > 12 || !take_char(&at, '-') || (d = take_digits(&at, 2)) < 1 ||
        d > days_in_month(y, mon))
        return -1;
    if (!take_char(&at, 'T') && !take_char(&at, 't') && !take_char(&at, ' '))
        return -1;
    if ((h = take_digits(&at, 2)) < 0 || h > 23 || !take_char(&at, ':') ||
        (min = take_digits(&at, 2)) < 0 || min > 59 || !take_char(&at, ':') ||
        (s = take_digits(&at, 2)) < 0 || s > 60)
        return -1;
    if ((us = take_fraction(&at)) < 0 || take_offset(&at, &offset) != 0 || *at)
        return -1;
    /* A leap second is the first of the next minute: Unix time has no place for it. */
    seconds = days_from_date(y, mon, d) * 86400 + (h * 60 + min - offset) * INT64_C(60) + s;
    out->us = seconds * US_PER_SECOND + us;
    return 0;
}

static const struct {
    const char *name;
    int64_t us;
} duration_units[] = {
    {"d", US_PER_DAY},    {"h", US_PER_HOUR}, {"m", US_PER_MINUTE},
    {"s", US_PER_SECOND}, {"ms", US_PER_MS},  {"us", 1},
};

static int duration_unit(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
        if (strlen(duration_units[i].name) == len && memcmp(duration_units[i].name, name, len) == 0)
            return (int)i;
    }
    return -1;
}

/* "1.5h": a number with at most one point; units must fall from left to right, each at most once.
 */
int duration_parse(const char *text, int64_t *out_us)
{
    const char *at = text;
    int last = -1;
    double total = 0;
    if (!*at)
        return -1;
    if (at[0] == '0' && !at[1]) {
        *out_us = 0;
        return 0;
    }
    while (*at) {
        const char *number = at, *name;
        double v;
        int unit;
        while (is_digit(*at) || *at == '.')
            at++;
        name = at;
        while (*at >= 'a' && *at <= 'z')
            at++;
        unit = duration_unit(name, (size_t)(at - name));
        if (!is_digit(*number) || unit <= last ||
            num_parse_double(number, (size_t)(name - number), &v) != 0)
            return -1;
        last = unit;
        total += v * (double)duration_units[unit].us;
    }
    /* 2^53 us is 285 years: beyond it the sum is no longer exact, and no duration here is that
     * long. */
    if (total > 9007199254740992.0)
        return -1;
    *out_us = (int64_t)llround(total);
    return 0;
}

const char *duration_format(int64_t us, char out[WALL_TEXT_BYTES])
{
    size_t used = 0;
    BUG_ON(us < 0);
    if (us == 0) {
        snprintf(out, WALL_TEXT_BYTES, "0s");
        return out;
    }
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
        int64_t n = us / duration_units[i].us;
        us %= duration_units[i].us;
        if (n > 0)
            used += (size_t)snprintf(out + used, WALL_TEXT_BYTES - used, "%lld%s", (long long)n,
                                     duration_units[i].name);
        BUG_ON(used >= WALL_TEXT_BYTES);
    }
    return out;
}

const char *duration_words(double seconds, char out[WALL_TEXT_BYTES])
{
    static const struct {
        double below; /* the first row whose limit is above the duration, after rounding */
        double divisor;
        const char *unit;
    } rows[] = {
        {0.9995, 1e-3, "ms"},     {89.5, 1, "s"},         {89.5 * 60, 60, "min"},
        {47.5 * 3600, 3600, "h"}, {INFINITY, 86400, "d"},
    };
    size_t i = 0;
    double v;
    if (!isfinite(seconds) || seconds > 1e12) {
        snprintf(out, WALL_TEXT_BYTES, "forever");
        return out;
    }
    if (seconds <= 0) {
        snprintf(out, WALL_TEXT_BYTES, "0 s");
        return out;
    }
    while (seconds >= rows[i].below)
        i++;
    v = seconds / rows[i].divisor;
    /* Hours and days below ten carry a half: "1.5 h". The rest is whole. */
    if (rows[i].divisor >= 3600 && v < 9.75)
        v = round(v * 2) / 2;
    else
        v = round(v);
    if (v < 1)
        v = 1;
    snprintf(out, WALL_TEXT_BYTES, "%.*f %s", v != floor(v), v, rows[i].unit);
    return out;
}
