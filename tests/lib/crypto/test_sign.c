#include "lib/crypto/sign.h"

#include "tests/t.h"

#include <stdlib.h>
#include <string.h>

/* RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature, in hex. */
static const struct {
    int line;
    const char *seed, *public, *message, *signature;
} cases[] = {
    {__LINE__, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {__LINE__, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {__LINE__, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

static size_t unhex(const char *text, unsigned char *out)
{
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        const char pair[] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return n;
}

static const char *base64_of(const char *hex, char *out)
{
    unsigned char bytes[64];
    const size_t n = unhex(hex, bytes);
    base64_encode(bytes, n, out);
    return out;
}

static void signs_as_the_standard_says(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct secret seed;
        char text[SIGN_TEXT], got[SIGN_TEXT], public[SIGN_PUBLIC_TEXT], want[SIGN_TEXT];
        unsigned char message[8];
        const size_t len = unhex(cases[i].message, message);
        secret_init(&seed);
        base64_of(cases[i].seed, text);
        secret_set(&seed, text, strlen(text));
        T_OK(sign_public(&seed, public, &err), err);
        T_EQ_STR(public, base64_of(cases[i].public, want));
        T_OK(sign_text(&seed, message, len, got, &err), err);
        T_EQ_STR(got, base64_of(cases[i].signature, want));
        T_CHECK(sign_is_genuine(public, message, len, got));
        message[0] ^= 1;
        T_CHECK(!sign_is_genuine(public, message, len ? len : 1, got));
        secret_release(&seed);
    }
}

static void what_is_no_key_is_refused(void)
{
    struct err err = {0};
    struct secret seed;
    char out[SIGN_TEXT], public[SIGN_PUBLIC_TEXT];
    secret_init(&seed);
    secret_set(&seed, "c2hvcnQ=", 8);
    T_EQ_INT(sign_text(&seed, "x", 1, out, &err), -1);
    T_EQ_INT(err.code, ERR_INPUT);
    sign_make(&seed);
    T_OK(sign_public(&seed, public, &err), err);
    T_OK(sign_text(&seed, "x", 1, out, &err), err);
    T_CHECK(sign_is_genuine(public, "x", 1, out));
    T_CHECK(!sign_is_genuine("", "x", 1, out));
    T_CHECK(!sign_is_genuine(public, "x", 1, ""));
    T_CHECK(!sign_is_genuine(public, "x", 1, public));
    secret_release(&seed);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"signs as the standard says", signs_as_the_standard_says},
        {"what is no key is refused", what_is_no_key_is_refused},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
