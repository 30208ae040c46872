#include "stats/kayenta/decimal.h"

#include <stdlib.h>

#include "stats/kayenta/random48.h"
#include "tests/t.h"

/* new BigDecimal(Double.toString(x)).setScale(2, HALF_UP) and Double.toString(x), OpenJDK 17. */
static void as_java(void)
{
    static const struct {
        double x, rounded;
        const char *text;
    } rows[] = {
        {16.665, 16.67, "16.665"},
        {33.335, 33.34, "33.335"},
        {66.66666666666667, 66.67, "66.66666666666667"},
        {0.005, 0.01, "0.005"},
        {0.004999, 0, "0.004999"},
        {1.005, 1.01, "1.005"},
        {2.675, 2.68, "2.675"},
        {100, 100, "100.0"},
        {99.995, 100, "99.995"},
        {99.994999, 99.99, "99.994999"},
        {1e7, 1e7, "1.0E7"},
        {12345678.9, 12345678.9, "1.23456789E7"},
        {1e-3, 0, "0.001"},
        {0.00012, 0, "1.2E-4"},
        {160, 160, "160.0"},
        {0.1, 0.1, "0.1"},
        {123456.785, 123456.79, "123456.785"},
        {1e-5, 0, "1.0E-5"},
        {1e22, 1e22, "1.0E22"},
        {-2.675, -2.68, "-2.675"},
        {0, 0, "0.0"},
        {INFINITY, INFINITY, "Infinity"},
        {-INFINITY, -INFINITY, "-Infinity"},
    };
    char text[DECIMAL_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        T_CHECK(decimal_round_2(rows[i].x) == rows[i].rounded);
        T_EQ_STR(decimal_java_text(rows[i].x, text), rows[i].text);
    }
    T_CHECK(isnan(decimal_round_2(NAN)));
    T_EQ_STR(decimal_java_text(NAN, text), "NaN");
}

/* The text reads back as the value, rounding twice is rounding once, and moves by 0.005 at most. */
static void text_reads_back(void)
{
    struct random48 r;
    char text[DECIMAL_TEXT_BYTES];
    random48_init(&r, 5);
    for (int i = 0; i < 20000; i++) {
        const double x = random48_normal(&r) * pow(10, i % 60 - 30);
        const double y = decimal_round_2(x);
        T_CHECK(strtod(decimal_java_text(x, text), NULL) == x);
        T_CHECK(decimal_round_2(y) == y);
        T_NEAR(y, x, 0, 0.005 * (1 + 1e-9) + fabs(x) * 4e-16);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"as_java", as_java},
                                          {"text_reads_back", text_reads_back}};
    return t_main(argc, argv, tests, 2);
}
