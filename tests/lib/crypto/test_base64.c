#include "lib/crypto/base64.h"

#include "lib/base/err.h"
#include "lib/crypto/ct.h"
#include "lib/crypto/random.h"
#include "tests/t.h"

/* RFC 4648, section 10. */
static const struct {
    int line;
    const char *bytes, *standard, *url;
} cases[] = {
    {__LINE__, "", "", ""},
    {__LINE__, "f", "Zg==", "Zg"},
    {__LINE__, "fo", "Zm8=", "Zm8"},
    {__LINE__, "foo", "Zm9v", "Zm9v"},
    {__LINE__, "foob", "Zm9vYg==", "Zm9vYg"},
    {__LINE__, "fooba", "Zm9vYmE=", "Zm9vYmE"},
    {__LINE__, "foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {__LINE__, "\xff\xef\xbe", "/+++", "_---"},
};

static void spells_the_published_texts(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64], bytes[64];
        size_t len = strlen(cases[i].bytes), n = 99;
        base64_encode(cases[i].bytes, len, text);
        if (strcmp(text, cases[i].standard) != 0)
            t_fail(__FILE__, cases[i].line, "%s", text);
        if (base64_decode(text, strlen(text), bytes, len, &n) < 0 || n != len ||
            memcmp(bytes, cases[i].bytes, len) != 0)
            t_fail(__FILE__, cases[i].line, "decoding %s", text);
        base64url_encode(cases[i].bytes, len, text);
        if (strcmp(text, cases[i].url) != 0)
            t_fail(__FILE__, cases[i].line, "%s", text);
        if (base64url_decode(text, strlen(text), bytes, len, &n) < 0 || n != len ||
            memcmp(bytes, cases[i].bytes, len) != 0)
            t_fail(__FILE__, cases[i].line, "decoding %s", text);
    }
}

static void refuses_all_other_spellings(void)
{
    static const char *const standard[] = {"Z",        "Zg",     "Zg=",   "Zh==",   "Zm9=",
                                           "Zg==Zg==", "====",   "Z===",  "=Zg=",   "Zm 9v",
                                           "_---",     "Zm9v\n", "Zm9v=", "Zm9vYg", "Zm\x80v"};
    static const char *const url[] = {"Z", "Zg==", "Zh", "Zm9", "/+++", "Zm9v ", "Zm9v="};
    char bytes[64];
    size_t n;
    for (size_t i = 0; i < ARRAY_LEN(standard); i++)
        if (base64_decode(standard[i], strlen(standard[i]), bytes, sizeof(bytes), &n) == 0)
            t_fail(__FILE__, __LINE__, "took \"%s\"", standard[i]);
    for (size_t i = 0; i < ARRAY_LEN(url); i++)
        if (base64url_decode(url[i], strlen(url[i]), bytes, sizeof(bytes), &n) == 0)
            t_fail(__FILE__, __LINE__, "took \"%s\"", url[i]);
    T_CHECK(base64_decode("Zm9v", 4, bytes, 2, &n) < 0); /* does not fit */
}

static void gives_back_random_bytes(void)
{
    for (size_t len = 0; len < 300; len++) {
        unsigned char bytes[300], back[300];
        char text[BASE64_TEXT_BYTES(300)];
        size_t n;
        random_bytes(bytes, len);
        T_EQ_INT(base64_encode(bytes, len, text), strlen(text));
        T_CHECK(base64_decode(text, strlen(text), back, len, &n) == 0);
        T_CHECK(ct_equal(bytes, len, back, n));
        base64url_encode(bytes, len, text);
        T_CHECK(base64url_decode(text, strlen(text), back, len, &n) == 0);
        T_CHECK(ct_equal(bytes, len, back, n));
    }
}

static void compares_wholly(void)
{
    T_CHECK(ct_equal("", 0, "", 0));
    T_CHECK(ct_equal(NULL, 0, NULL, 0));
    T_CHECK(ct_equal("abc", 3, "abc", 3));
    T_CHECK(!ct_equal("abc", 3, "abd", 3));
    T_CHECK(!ct_equal("bbc", 3, "abc", 3));
    T_CHECK(!ct_equal("abc", 3, "abcd", 4));
}

static void makes_ids_and_tokens(void)
{
    char a[RANDOM_ID_BYTES], b[RANDOM_ID_BYTES], t[RANDOM_TOKEN_BYTES], u[RANDOM_TOKEN_BYTES];
    unsigned char raw[32];
    size_t n;
    random_id(a);
    random_id(b);
    T_EQ_INT(strlen(a), 32);
    T_EQ_INT(strspn(a, "0123456789abcdef"), 32);
    T_CHECK(strcmp(a, b) != 0);
    random_token(t);
    random_token(u);
    T_CHECK(strcmp(t, u) != 0);
    T_EQ_INT(strlen(t), RANDOM_TOKEN_BYTES - 2);
    T_CHECK(strncmp(t, "jt_", 3) == 0);
    T_CHECK(base64url_decode(t + 3, strlen(t + 3), raw, sizeof(raw), &n) == 0 && n == 32);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"spells_the_published_texts", spells_the_published_texts},
        {"refuses_all_other_spellings", refuses_all_other_spellings},
        {"gives_back_random_bytes", gives_back_random_bytes},
        {"compares_wholly", compares_wholly},
        {"makes_ids_and_tokens", makes_ids_and_tokens},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
