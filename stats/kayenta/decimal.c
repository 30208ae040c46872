#include "stats/kayenta/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 17

/* 0.d1 d2 d3 ... times 10^point, of |x|. */
struct digits {
    char digit[DIGITS_MAX + 1];
    int n, point;
};

/* The fewest digits that read back as x, which is finite and not 0. */
static struct digits shortest(double x)
{
    struct digits d = {.n = 0};
    char text[40];
    int precision = 0;
    x = fabs(x);
    do
        snprintf(text, sizeof(text), "%.*e", precision, x);
    while (strtod(text, NULL) != x && ++precision < DIGITS_MAX);
    for (const char *c = text; *c && *c != 'e'; c++)
        if (*c >= '0' && *c <= '9')
            d.digit[d.n++] = *c;
    d.point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
    while (d.n > 1 && d.digit[d.n - 1] == '0')
        d.n--;
    d.digit[d.n] = '\0';
    return d;
}

double decimal_round_2(double x)
{
    char text[48];
    uint64_t hundredths = 0;
    if (!isfinite(x) || x == 0)
        return x;
    const struct digits d = shortest(x);
    const int kept = d.point + 2;
    if (kept >= d.n)
        return x;
    for (int i = 0; i < kept; i++)
        hundredths = hundredths * 10 + (uint64_t)(d.digit[i] - '0');
    if (kept >= 0 && d.digit[kept] >= '5')
        hundredths++;
    snprintf(text, sizeof(text), "%" PRIu64 "e-2", hundredths);
    return copysign(strtod(text, NULL), x);
}

const char *decimal_java_text(double x, char out[DECIMAL_TEXT_BYTES])
{
    const char *sign = signbit(x) ? "-" : "";
    if (!isfinite(x) || x == 0) {
        snprintf(out, DECIMAL_TEXT_BYTES, "%s%s", isnan(x) ? "" : sign,
                 isnan(x)   ? "NaN"
                 : x == 0.0 ? "0.0"
                            : "Infinity");
        return out;
    }
    const struct digits d = shortest(x);
    if (fabs(x) >= 1e-3 && fabs(x) < 1e7) {
        char whole[8 + 1] = "0";
        int before = d.point > 0 ? d.point : 0; /* at most 7 */
        for (int i = 0; i < before; i++)
            whole[i] = i < d.n ? d.digit[i] : '0';
        if (before)
            whole[before] = '\0';
        snprintf(out, DECIMAL_TEXT_BYTES, "%s%s.%.*s%s", sign, whole, d.point < 0 ? -d.point : 0,
                 "00", before < d.n ? d.digit + before : "0");
    } else {
        snprintf(out, DECIMAL_TEXT_BYTES, "%s%c.%sE%d", sign, d.digit[0],
                 d.n > 1 ? d.digit + 1 : "0", d.point - 1);
    }
    return out;
}
