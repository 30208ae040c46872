#include "lib/crypto/digest.h"

#include "lib/base/err.h"
#include "lib/crypto/hmac.h"
#include "tests/t.h"

#include <stdlib.h>

/* FIPS 180-4's examples, and the empty text. */
static const struct {
    int line;
    const char *text, *hex;
} digest_cases[] = {
    {__LINE__, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {__LINE__, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {__LINE__, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void knows_the_published_digests(void)
{
    char hex[DIGEST_HEX_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(digest_cases); i++) {
        const char *text = digest_cases[i].text;
        digest_sha256_hex(text, strlen(text), hex);
        if (strcmp(hex, digest_cases[i].hex) != 0)
            t_fail(__FILE__, digest_cases[i].line, "%s", hex);
    }
}

static void pieces_equal_the_whole(void)
{
    unsigned char bytes[1000], whole[DIGEST_BYTES], pieces[DIGEST_BYTES];
    struct digest d;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    digest_sha256(bytes, sizeof(bytes), whole);
    digest_init(&d);
    for (size_t step = 1; step < 400; step += 37) { /* the same context again and again */
        for (size_t at = 0; at < sizeof(bytes); at += step)
            digest_add(&d, bytes + at, at + step < sizeof(bytes) ? step : sizeof(bytes) - at);
        digest_take(&d, pieces);
        T_CHECK(memcmp(whole, pieces, DIGEST_BYTES) == 0);
    }
    digest_release(&d);
}

/* RFC 4231, test cases 1, 2, 3, 6 and 7. */
static const struct {
    int line;
    unsigned char key_byte;
    size_t key_len;
    const char *key;
    unsigned char data_byte;
    size_t data_len;
    const char *data;
    const char *hex;
} hmac_cases[] = {
    {__LINE__, 0x0b, 20, NULL, 0, 0, "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {__LINE__, 0, 0, "Jefe", 0, 0, "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {__LINE__, 0xaa, 20, NULL, 0xdd, 50, NULL,
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {__LINE__, 0xaa, 131, NULL, 0, 0, "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
};

static void knows_the_published_codes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(hmac_cases); i++) {
        unsigned char key[200], data[200], sum[DIGEST_BYTES];
        char hex[DIGEST_HEX_BYTES];
        size_t key_len = hmac_cases[i].key_len, len = hmac_cases[i].data_len;
        struct hmac h;
        memset(key, hmac_cases[i].key_byte, sizeof(key));
        memset(data, hmac_cases[i].data_byte, sizeof(data));
        if (hmac_cases[i].key) {
            key_len = strlen(hmac_cases[i].key);
            memcpy(key, hmac_cases[i].key, key_len);
        }
        if (hmac_cases[i].data) {
            len = strlen(hmac_cases[i].data);
            memcpy(data, hmac_cases[i].data, len);
        }
        hmac_sha256(key, key_len, data, len, sum);
        if (strcmp(digest_hex(sum, sizeof(sum), hex), hmac_cases[i].hex) != 0)
            t_fail(__FILE__, hmac_cases[i].line, "%s", hex);
        hmac_init(&h, key, key_len);
        for (int again = 0; again < 3; again++) { /* the key stays */
            hmac_add(&h, data, len / 2);
            hmac_add(&h, data + len / 2, len - len / 2);
            hmac_take(&h, sum);
            if (strcmp(digest_hex(sum, sizeof(sum), hex), hmac_cases[i].hex) != 0)
                t_fail(__FILE__, hmac_cases[i].line, "again %d: %s", again, hex);
        }
        hmac_release(&h);
    }
}

static void takes_an_empty_key(void)
{
    unsigned char sum[DIGEST_BYTES];
    char hex[DIGEST_HEX_BYTES];
    hmac_sha256("", 0, "", 0, sum);
    T_EQ_STR(digest_hex(sum, sizeof(sum), hex),
             "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"knows_the_published_digests", knows_the_published_digests},
        {"pieces_equal_the_whole", pieces_equal_the_whole},
        {"knows_the_published_codes", knows_the_published_codes},
        {"takes_an_empty_key", takes_an_empty_key},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
