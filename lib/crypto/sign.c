#include "lib/crypto/sign.h"

#include <string.h>

#include "lib/crypto/random.h"

#include <openssl/evp.h>

void sign_make(struct secret *seed)
{
    unsigned char bytes[SIGN_SEED_BYTES];
    char text[SIGN_SEED_TEXT];
    random_bytes(bytes, sizeof(bytes));
    const size_t len = base64_encode(bytes, sizeof(bytes), text);
    secret_set(seed, text, len);
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
}

static int read_exactly(const char *text, unsigned char *out, size_t want)
{
    size_t len = 0;
    return base64_decode(text, strlen(text), out, want, &len) == 0 && len == want ? 0 : -1;
}

static EVP_PKEY *private_key(const struct secret *seed, struct err *err)
{
    unsigned char bytes[SIGN_SEED_BYTES];
    if (read_exactly(secret_bytes(seed), bytes, sizeof(bytes)) != 0) {
        err_set(err, ERR_INPUT, "not an Ed25519 key: want the base64 of its %d byte seed",
                SIGN_SEED_BYTES);
        return NULL;
    }
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof(bytes));
    secret_wipe(bytes, sizeof(bytes));
    BUG_ON(!key);
    return key;
}

int sign_public(const struct secret *seed, char out[SIGN_PUBLIC_TEXT], struct err *err)
{
    unsigned char bytes[SIGN_PUBLIC_BYTES];
    size_t len = sizeof(bytes);
    EVP_PKEY *key = private_key(seed, err);
    if (!key)
        return -1;
    BUG_ON(EVP_PKEY_get_raw_public_key(key, bytes, &len) != 1 || len != sizeof(bytes));
    EVP_PKEY_free(key);
    base64_encode(bytes, len, out);
    return 0;
}

int sign_text(const struct secret *seed, const void *bytes, size_t len, char out[SIGN_TEXT],
              struct err *err)
{
    unsigned char signature[SIGN_SIGNATURE_BYTES];
    size_t n = sizeof(signature);
    EVP_PKEY *key = private_key(seed, err);
    if (!key)
        return -1;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    BUG_ON(!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
           EVP_DigestSign(ctx, signature, &n, bytes, len) != 1 || n != sizeof(signature));
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    base64_encode(signature, n, out);
    return 0;
}

bool sign_is_genuine(const char *public_text, const void *bytes, size_t len,
                     const char *signature_text)
{
    unsigned char public[SIGN_PUBLIC_BYTES], signature[SIGN_SIGNATURE_BYTES];
    if (read_exactly(public_text, public, sizeof(public)) != 0 ||
        read_exactly(signature_text, signature, sizeof(signature)) != 0)
        return false;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, sizeof(public));
    if (!key)
        return false;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    BUG_ON(!ctx);
    const bool is_genuine = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                            EVP_DigestVerify(ctx, signature, sizeof(signature), bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return is_genuine;
}
