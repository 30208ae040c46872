#include "lib/net/url.h"

#include "tests/t.h"

static const struct {
    int line;
    const char *text;
    bool plus;
    const char *want; /* NULL: refused */
} decode_cases[] = {
    {__LINE__, "", false, ""},
    {__LINE__, "a%20b", false, "a b"},
    {__LINE__, "a+b", false, "a+b"},
    {__LINE__, "a+b%2B", true, "a b+"},
    {__LINE__, "%e2%82%aC", false, "\xe2\x82\xac"},
    {__LINE__, "%2525", false, "%25"}, /* once, not twice */
    {__LINE__, "%", false, NULL},
    {__LINE__, "%4", false, NULL},
    {__LINE__, "a%4", false, NULL},
    {__LINE__, "%g0", false, NULL},
    {__LINE__, "%0g", false, NULL},
    {__LINE__, "%00", false, NULL},
    {__LINE__, "%-1", false, NULL},
};

static void decodes_strictly(void)
{
    for (size_t i = 0; i < ARRAY_LEN(decode_cases); i++) {
        char out[64];
        size_t n = 0, len = strlen(decode_cases[i].text);
        int got = url_decode(decode_cases[i].text, len, decode_cases[i].plus, out, &n);
        if ((got == 0) != (decode_cases[i].want != NULL))
            t_fail(__FILE__, decode_cases[i].line, "%d", got);
        else if (got == 0 && (strcmp(out, decode_cases[i].want) != 0 || n != strlen(out)))
            t_fail(__FILE__, decode_cases[i].line, "\"%s\"", out);
    }
}

static void decoding_undoes_encoding(void)
{
    char all[256], back[256];
    size_t n;
    struct buf text;
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    buf_init(&text, 4096);
    url_encode(all, 255, &text);
    T_CHECK(
        strspn(text.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%") ==
        text.len);
    T_CHECK(url_decode(text.data, text.len, true, back, &n) == 0);
    T_EQ_INT(n, 255);
    T_CHECK(memcmp(all, back, 255) == 0);
    buf_release(&text);
}

static void walks_queries(void)
{
    const char *query = "a=1&&b&c=x=y&%61=2&=z&";
    const char *at = query, *end = query + strlen(query);
    static const char *const want[][2] = {
        {"a", "1"}, {"b", ""}, {"c", "x=y"}, {"%61", "2"}, {"", "z"}};
    struct url_pair p;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        T_CHECK(url_query_next(&at, end, &p));
        T_CHECK(p.name_len == strlen(want[i][0]) && !memcmp(p.name, want[i][0], p.name_len));
        T_CHECK(p.value_len == strlen(want[i][1]) && !memcmp(p.value, want[i][1], p.value_len));
        if (i == 0 || i == 3)
            T_CHECK(url_name_is(&p, "a"));
        else
            T_CHECK(!url_name_is(&p, "a"));
        T_CHECK(!url_name_is(&p, "ab"));
    }
    T_CHECK(!url_query_next(&at, end, &p));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"decodes_strictly", decodes_strictly},
        {"decoding_undoes_encoding", decoding_undoes_encoding},
        {"walks_queries", walks_queries},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
