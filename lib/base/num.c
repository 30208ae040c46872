/*
 * Strict reading and shortest writing of numbers.
 *
 * strtod and printf follow the process locale's decimal point. No program here calls setlocale, but
 * a library might; so reading goes through strtod_l in a "C" locale of our own, and writing mends
 * the point. A grammar check first keeps out what strtod takes and we do not: hex, inf, nan,
 * spaces.
 */
#include "lib/base/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

/* Longer texts are no sensible number: a double needs at most 17 digits and an exponent. */
#define NUMBER_TEXT_MAX 400
/* Integers up to here are exact in a double and are written without an exponent. */
#define EXACT_INTEGER_MAX 9007199254740992.0

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    BUG_ON(!c_locale);
}

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - start);
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before or after the point. */
bool num_is_decimal(const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    size_t whole, part = 0, n;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    whole = count_digits(at, end);
    at += whole;
    if (at < end && *at == '.') {
        at++;
        part = count_digits(at, end);
        at += part;
    }
    if (whole + part == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '-' || *at == '+'))
            at++;
        n = count_digits(at, end);
        if (n == 0)
            return false;
        at += n;
    }
    return at == end;
}

int num_parse_double(const char *text, size_t len, double *out)
{
    char copy[NUMBER_TEXT_MAX + 1];
    double v;
    if (len > NUMBER_TEXT_MAX || !num_is_decimal(text, len))
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    pthread_once(&c_locale_once, make_c_locale);
    v = strtod_l(copy, NULL, c_locale);
    if (!isfinite(v))
        return -1; /* too large for a double */
    *out = v;
    return 0;
}

int num_parse_u64(const char *text, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    if (len == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
            return -1;
    }
    *out = v;
    return 0;
}

int num_parse_i64(const char *text, size_t len, int64_t *out)
{
    bool is_negative = len > 0 && text[0] == '-';
    bool has_sign = len > 0 && (text[0] == '-' || text[0] == '+');
    uint64_t v;
    if (num_parse_u64(text + has_sign, len - has_sign, &v) != 0)
        return -1;
    if (v > (uint64_t)INT64_MAX + is_negative)
        return -1;
    /* Negated as unsigned, so that INT64_MIN needs no case of its own. */
    *out = is_negative ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

/* The hundredth of a decimal number, rounded once: 99.9 / 100 is not 0.999, but 99.9e-2 is. */
static double hundredth(const char *text, size_t len, double v)
{
    char shifted[64];
    double out;
    if (len + 3 >= sizeof(shifted) || memchr(text, 'e', len) || memchr(text, 'E', len))
        return v / 100;
    memcpy(shifted, text, len);
    memcpy(shifted + len, "e-2", 4);
    return num_parse_double(shifted, len + 3, &out) == 0 ? out : v / 100;
}

int num_parse_fraction(const char *text, size_t len, double *out, bool *has_percent)
{
    bool percent = len > 0 && text[len - 1] == '%';
    double v;
    if (percent) {
        len--;
        if (len > 0 && text[len - 1] == ' ')
            len--;
    }
    if (num_parse_double(text, len, &v) != 0)
        return -1;
    *out = percent ? hundredth(text, len, v) : v;
    if (has_percent)
        *has_percent = percent;
    return 0;
}

static void mend_point(char *text)
{
    const char *point = localeconv()->decimal_point;
    char *at;
    if (strcmp(point, ".") == 0 || !(at = strstr(text, point)))
        return;
    *at = '.';
    memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
}

/* %g with a point whatever the locale; a locale's own may be several bytes, hence the wide text. */
static void general(double v, int digits, char out[NUM_TEXT_BYTES])
{
    char text[64];
    snprintf(text, sizeof(text), "%.*g", digits, v);
    mend_point(text);
    BUG_ON(strlen(text) >= NUM_TEXT_BYTES);
    memcpy(out, text, strlen(text) + 1);
}

/* "1e+20" -> "1e20", "1e-07" -> "1e-7": what is written is hashed and compared, so one form. */
static void tidy_exponent(char *text)
{
    char *e = strchr(text, 'e');
    char *digits, *to;
    if (!e)
        return;
    to = e + 1;
    digits = to;
    if (*digits == '-') {
        to++;
        digits++;
    } else if (*digits == '+') {
        digits++;
    }
    while (*digits == '0' && digits[1])
        digits++;
    memmove(to, digits, strlen(digits) + 1);
}

const char *num_format(double v, char out[NUM_TEXT_BYTES])
{
    BUG_ON(!isfinite(v));
    if (v == 0) {
        snprintf(out, NUM_TEXT_BYTES, signbit(v) ? "-0" : "0");
        return out;
    }
    if (v == floor(v) && fabs(v) <= EXACT_INTEGER_MAX) {
        snprintf(out, NUM_TEXT_BYTES, "%lld", (long long)v);
        return out;
    }
    /* 15 digits carry any number a person wrote with fewer; 17 always suffice. Below DBL_MIN the
     * precision fades, and fewer may do. */
    for (int digits = fabs(v) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
        double back;
        general(v, digits, out);
        if (num_parse_double(out, strlen(out), &back) == 0 && back == v)
            break;
    }
    tidy_exponent(out);
    return out;
}

/* Puts commas between thousands of the whole part. */
static void group_thousands(char out[NUM_TEXT_BYTES])
{
    size_t sign = out[0] == '-';
    size_t whole = strspn(out + sign, "0123456789");
    size_t len = strlen(out);
    for (size_t at = whole; at > 3 && len + 1 < NUM_TEXT_BYTES; len++) {
        at -= 3;
        memmove(out + sign + at + 1, out + sign + at, len - sign - at + 1);
        out[sign + at] = ',';
    }
}

/* v with at most `digits` significant digits and no exponent, zeros after the point cut. */
static void plain(double v, int digits, char out[NUM_TEXT_BYTES])
{
    double size = fabs(v);
    int decimals;
    char *end;
    if (size == 0) {
        snprintf(out, NUM_TEXT_BYTES, "0");
        return;
    }
    if (size >= 1e15 || size < 1e-6) {
        general(v, digits, out);
        tidy_exponent(out);
        return;
    }
    decimals = digits - 1 - (int)floor(log10(size));
    if (decimals < 0)
        decimals = 0;
    snprintf(out, NUM_TEXT_BYTES, "%.*f", decimals, v);
    mend_point(out);
    if (!strchr(out, '.'))
        return;
    end = out + strlen(out);
    while (end[-1] == '0')
        *--end = '\0';
    if (end[-1] == '.')
        *--end = '\0';
}

/* What is not finite still must be shown to a person. */
static bool words_unbounded(double v, char out[NUM_TEXT_BYTES])
{
    if (isfinite(v))
        return false;
    snprintf(out, NUM_TEXT_BYTES, "%s", isnan(v) ? "unknown" : v > 0 ? "unbounded" : "-unbounded");
    return true;
}

const char *num_words_count(double v, char out[NUM_TEXT_BYTES])
{
    if (words_unbounded(v, out))
        return out;
    if (fabs(v) >= 1e15) {
        plain(v, 3, out);
        return out;
    }
    if (v != floor(v) && fabs(v) < 100)
        plain(v, 3, out);
    else
        snprintf(out, NUM_TEXT_BYTES, "%.0f", v);
    group_thousands(out);
    return out;
}

const char *num_words(double v, char out[NUM_TEXT_BYTES])
{
    if (words_unbounded(v, out))
        return out;
    plain(v, 3, out);
    if (!strchr(out, 'e'))
        group_thousands(out);
    return out;
}

const char *num_words_percent(double fraction, char out[NUM_TEXT_BYTES])
{
    size_t len;
    if (words_unbounded(fraction, out))
        return out;
    /* Two digits below 100 %, whole percents above: "3.1 %", "0.045 %", "150 %". */
    plain(fraction * 100, fabs(fraction) >= 1 ? 3 : 2, out);
    len = strlen(out);
    snprintf(out + len, NUM_TEXT_BYTES - len, " %%");
    return out;
}
