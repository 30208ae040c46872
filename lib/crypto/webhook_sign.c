#include "lib/crypto/webhook_sign.h"

#include "lib/base/num.h"
#include "lib/crypto/base64.h"
#include "lib/crypto/ct.h"
#include "lib/crypto/hmac.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 1024

/* The decoded key of "whsec_...", wiped by the caller. */
static int read_key(const struct secret *secret, unsigned char key[KEY_MAX], size_t *len,
                    struct err *err)
{
    static const char prefix[] = "whsec_";
    const char *text = secret_bytes(secret);
    size_t skip = strncmp(text, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
    if (secret->len <= skip ||
        base64_decode(text + skip, secret->len - skip, key, KEY_MAX, len) < 0)
        return err_set(err, ERR_INPUT, "the webhook secret is not \"whsec_\" and base64");
    return 0;
}

static void sign_with(const unsigned char *key, size_t key_len, const char *id,
                      const char *timestamp, const void *body, size_t len,
                      unsigned char out[DIGEST_BYTES])
{
    struct hmac h;
    hmac_init(&h, key, key_len);
    hmac_add(&h, id, strlen(id));
    hmac_add(&h, ".", 1);
    hmac_add(&h, timestamp, strlen(timestamp));
    hmac_add(&h, ".", 1);
    hmac_add(&h, body, len);
    hmac_take(&h, out);
    hmac_release(&h);
}

int webhook_sign(const struct secret *secret, const char *id, int64_t timestamp_s, const void *body,
                 size_t len, char out[WEBHOOK_SIGNATURE_BYTES], struct err *err)
{
    unsigned char key[KEY_MAX], sum[DIGEST_BYTES];
    char timestamp[NUM_TEXT_BYTES];
    size_t key_len;
    if (!*id || strchr(id, '.'))
        return err_set(err, ERR_INPUT, "a webhook's id must not be empty or hold a '.'");
    if (read_key(secret, key, &key_len, err) < 0)
        return -1;
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)timestamp_s);
    sign_with(key, key_len, id, timestamp, body, len, sum);
    memcpy(out, "v1,", 3);
    base64_encode(sum, sizeof(sum), out + 3);
    secret_wipe(key, sizeof(key));
    return 0;
}

static int check_timestamp(const char *text, int64_t now_s, struct err *err)
{
    int64_t at, age;
    if (num_parse_i64(text, strlen(text), &at) < 0)
        return err_set(err, ERR_AUTH, "webhook-timestamp is not a number of seconds");
    if (__builtin_sub_overflow(now_s, at, &age) || age > WEBHOOK_TOLERANCE_S ||
        age < -WEBHOOK_TOLERANCE_S)
        return err_set(err, ERR_AUTH, "webhook-timestamp is more than %d s from our clock",
                       WEBHOOK_TOLERANCE_S);
    return 0;
}

/* Is one of the space-separated signatures ours? */
static bool has_signature(const char *list, const char *want)
{
    size_t want_len = strlen(want);
    for (int i = 0; i < WEBHOOK_SIGNATURES_MAX && *list; i++) {
        size_t len = strcspn(list, " ");
        if (ct_equal(list, len, want, want_len))
            return true;
        list += len;
        list += strspn(list, " ");
    }
    return false;
}

int webhook_verify(const struct secret *secret, const char *id, const char *timestamp,
                   const char *signatures, const void *body, size_t len, int64_t now_s,
                   struct err *err)
{
    unsigned char key[KEY_MAX], sum[DIGEST_BYTES];
    char want[WEBHOOK_SIGNATURE_BYTES] = "v1,";
    size_t key_len;
    if (!id || !timestamp || !signatures || !*id || !*timestamp || !*signatures)
        return err_set(err, ERR_AUTH,
                       "webhook-id, webhook-timestamp and webhook-signature are needed");
    if (strchr(id, '.'))
        return err_set(err, ERR_AUTH, "webhook-id must not hold a '.'");
    if (check_timestamp(timestamp, now_s, err) < 0)
        return -1;
    if (read_key(secret, key, &key_len, err) < 0)
        return -1;
    sign_with(key, key_len, id, timestamp, body, len, sum);
    secret_wipe(key, sizeof(key));
    base64_encode(sum, sizeof(sum), want + 3);
    if (!has_signature(signatures, want))
        return err_set(err, ERR_AUTH, "no signature in webhook-signature matches");
    return 0;
}
