#include "lib/base/num.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/t.h"

static void reads_decimals(void)
{
    static const struct {
        const char *text;
        double v;
    } rows[] = {
        {"0", 0},          {"-0", -0.0},       {"1", 1},
        {"+1", 1},         {"1.", 1},          {".5", 0.5},
        {"-1.5e3", -1500}, {"1E-2", 0.01},     {"007", 7},
        {"1e+2", 100},     {"0.1", 0.1},       {"1e308", 1e308},
        {"1e-400", 0},     {"5e-324", 5e-324}, {"9007199254740993", 9007199254740992.0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double v = 42;
        T_EQ_INT(num_parse_double(rows[i].text, strlen(rows[i].text), &v), 0);
        T_CHECK(v == rows[i].v && signbit(v) == signbit(rows[i].v));
    }
}

static void refuses_the_rest(void)
{
    static const char *const rows[] = {
        "",    " ",   "1 ",    " 1",  "inf", "nan",   "0x10", "1e",    "e5",       ".",   "-",
        "+-1", "1e+", "1.2.3", "1,5", "1_0", "1e999", "--1",  "1e1.5", "Infinity", "0b1", "١"};
    char text[600];
    double v = 42;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (num_parse_double(rows[i], strlen(rows[i]), &v) == 0)
            t_fail(__FILE__, __LINE__, "\"%s\" was taken", rows[i]);
    }
    memset(text, '1', sizeof(text));
    T_EQ_INT(num_parse_double(text, sizeof(text), &v), -1);
    T_CHECK(num_is_decimal(text, sizeof(text)) && num_is_decimal("1e999", 5));
    T_EQ_INT(num_parse_double("1\0002", 3, &v), -1);
    T_NEAR(v, 42, 0, 0);
    /* only len bytes count */
    T_EQ_INT(num_parse_double("12x", 2, &v), 0);
    T_NEAR(v, 12, 0, 0);
}

static void integers(void)
{
    static const struct {
        const char *text;
        int rc_u, rc_i;
        int64_t v;
    } rows[] = {
        {"0", 0, 0, 0},
        {"42", 0, 0, 42},
        {"-42", -1, 0, -42},
        {"+42", -1, 0, 42},
        {"9223372036854775807", 0, 0, INT64_MAX},
        {"9223372036854775808", 0, -1, 0},
        {"-9223372036854775808", -1, 0, INT64_MIN},
        {"-9223372036854775809", -1, -1, 0},
        {"18446744073709551615", 0, -1, 0},
        {"18446744073709551616", -1, -1, 0},
        {"184467440737095516150", -1, -1, 0},
        {"", -1, -1, 0},
        {"-", -1, -1, 0},
        {"+-1", -1, -1, 0},
        {"1.0", -1, -1, 0},
        {"1e3", -1, -1, 0},
        {" 1", -1, -1, 0},
        {"0x1", -1, -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);
        int64_t v = 7;
        uint64_t u = 7;
        T_EQ_INT(num_parse_i64(rows[i].text, len, &v), rows[i].rc_i);
        T_EQ_INT(v, rows[i].rc_i == 0 ? rows[i].v : 7);
        T_EQ_INT(num_parse_u64(rows[i].text, len, &u), rows[i].rc_u);
        T_CHECK(rows[i].rc_u == 0 ? u == strtoull(rows[i].text, NULL, 10) : u == 7);
    }
}

static void fractions(void)
{
    static const struct {
        const char *text;
        int rc;
        double v;
        bool percent;
    } rows[] = {
        {"1%", 0, 0.01, true},  {"0.5 %", 0, 0.005, true}, {"0.01", 0, 0.01, false},
        {"50%", 0, 0.5, true},  {"1", 0, 1, false},        {"-2%", 0, -0.02, true},
        {"%", -1, 0, false},    {" %", -1, 0, false},      {"1  %", -1, 0, false},
        {"1%%", -1, 0, false},  {"one%", -1, 0, false},    {"", -1, 0, false},
        {"1 ", -1, 0, false},   {"99.9%", 0, 0.999, true}, {"33.3%", 0, 0.333, true},
        {"1e1%", 0, 0.1, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double v = 42;
        bool percent = !rows[i].percent;
        T_EQ_INT(num_parse_fraction(rows[i].text, strlen(rows[i].text), &v, &percent), rows[i].rc);
        if (rows[i].rc == 0) {
            T_NEAR(v, rows[i].v, 0, 0);
            T_EQ_INT(percent, rows[i].percent);
        } else {
            T_NEAR(v, 42, 0, 0);
        }
        num_parse_fraction(rows[i].text, strlen(rows[i].text), &v, NULL);
    }
}

static void writes_shortest(void)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-17, "-17"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.5, "1.5"},
        {1e15, "1000000000000000"},
        {9007199254740992.0, "9007199254740992"},
        {1e20, "1e20"},
        {1e21, "1e21"},
        {1e-7, "1e-7"},
        {1.25e-10, "1.25e-10"},
        {1e100, "1e100"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {1.08, "1.08"},
        {-2.5e-5, "-2.5e-5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[NUM_TEXT_BYTES];
        T_EQ_STR(num_format(rows[i].v, out), rows[i].text);
    }
}

/* Random bit patterns: the text reads back as the same double and fits. */
static void comes_back_exactly(void)
{
    uint64_t x = 88172645463325252ULL;
    for (int i = 0; i < 200000; i++) {
        char out[NUM_TEXT_BYTES];
        double v, back;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&v, &x, sizeof(v));
        if (!isfinite(v))
            continue;
        num_format(v, out);
        T_EQ_INT(num_parse_double(out, strlen(out), &back), 0);
        T_CHECK(memcmp(&back, &v, sizeof(v)) == 0);
    }
}

static void counts_for_people(void)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {999, "999"},
        {1000, "1,000"},
        {22880, "22,880"},
        {1204, "1,204"},
        {1234567, "1,234,567"},
        {-22880, "-22,880"},
        {1.5, "1.5"},
        {1000.6, "1,001"},
        {INFINITY, "unbounded"},
        {NAN, "unknown"},
        {-INFINITY, "-unbounded"},
        {1e15, "1e15"},
        {999999999999999.0, "999,999,999,999,999"},
        {-999999999999999.0, "-999,999,999,999,999"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[NUM_TEXT_BYTES];
        T_EQ_STR(num_words_count(rows[i].v, out), rows[i].text);
    }
}

static void shares_for_people(void)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {0.031, "3.1 %"},     {0.01, "1 %"},    {0.00045, "0.045 %"}, {0, "0 %"},
        {1, "100 %"},         {0.25, "25 %"},   {1.5, "150 %"},       {-0.031, "-3.1 %"},
        {0.0314159, "3.1 %"}, {0.999, "100 %"}, {NAN, "unknown"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[NUM_TEXT_BYTES];
        T_EQ_STR(num_words_percent(rows[i].v, out), rows[i].text);
    }
}

static void numbers_for_people(void)
{
    static const struct {
        double v;
        const char *text;
    } rows[] = {
        {214.37, "214"}, {1.08, "1.08"},          {1.0801, "1.08"},         {0.712345, "0.712"},
        {0, "0"},        {12345.6, "12,346"},     {-0.5, "-0.5"},           {99.96, "100"},
        {1e-9, "1e-9"},  {1.23456e20, "1.23e20"}, {0.00012345, "0.000123"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[NUM_TEXT_BYTES];
        T_EQ_STR(num_words(rows[i].v, out), rows[i].text);
    }
}

static void words_fit(void)
{
    uint64_t x = 1234567;
    for (int i = 0; i < 100000; i++) {
        char out[NUM_TEXT_BYTES];
        double v;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&v, &x, sizeof(v));
        T_CHECK(strlen(num_words(v, out)) < NUM_TEXT_BYTES - 1);
        T_CHECK(strlen(num_words_count(v, out)) < NUM_TEXT_BYTES - 1);
        T_CHECK(strlen(num_words_percent(v, out)) < NUM_TEXT_BYTES - 1);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads decimals", reads_decimals},
        {"refuses the rest", refuses_the_rest},
        {"integers", integers},
        {"fractions", fractions},
        {"writes shortest", writes_shortest},
        {"comes back exactly", comes_back_exactly},
        {"counts for people", counts_for_people},
        {"shares for people", shares_for_people},
        {"numbers for people", numbers_for_people},
        {"words fit", words_fit},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
