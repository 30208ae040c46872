#include "lib/crypto/random.h"

#include "lib/base/err.h"
#include "lib/crypto/base64.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/secret.h"

#include <errno.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        BUG_ON(got <= 0);
        at += got;
        len -= (size_t)got;
    }
}

const char *random_id(char out[RANDOM_ID_BYTES])
{
    unsigned char raw[16];
    random_bytes(raw, sizeof(raw));
    return digest_hex(raw, sizeof(raw), out);
}

const char *random_token(char out[RANDOM_TOKEN_BYTES])
{
    unsigned char raw[32];
    random_bytes(raw, sizeof(raw));
    out[0] = 'j';
    out[1] = 't';
    out[2] = '_';
    base64url_encode(raw, sizeof(raw), out + 3);
    secret_wipe(raw, sizeof(raw));
    return out;
}
