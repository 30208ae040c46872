// rooms: crypto base
/*
 * Any bytes as the three headers and the body of a webhook (lines; the rest is the body): nothing
 * passes that was not signed, and what we sign passes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/webhook_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    char *text = malloc(size + 1), *line[4];
    char signature[WEBHOOK_SIGNATURE_BYTES];
    struct secret secret;
    struct err err;
    char *at = text;
    size_t len;
    memcpy(text, data, size);
    text[size] = '\0';
    for (int i = 0; i < 4; i++) {
        line[i] = at;
        at += strcspn(at, "\n");
        if (i < 3 && *at)
            *at++ = '\0';
    }
    len = (size_t)(text + size - line[3]);
    secret_init(&secret);
    secret_set(&secret, key, sizeof(key) - 1);
    int ok = webhook_verify(&secret, line[0], line[1], line[2], line[3], len, 1614265330, &err);
    if (webhook_sign(&secret, line[0], 1614265330, line[3], len, signature, &err) == 0) {
        BUG_ON(webhook_verify(&secret, line[0], "1614265330", signature, line[3], len, 1614265330,
                              &err) != 0);
        /* the header could only hold the right one by holding it as text */
        BUG_ON(ok == 0 && !strcmp(line[1], "1614265330") && !strstr(line[2], signature));
    }
    /* the same bytes as a secret */
    if (size <= SECRET_MAX) {
        secret_set(&secret, data, size);
        if (webhook_sign(&secret, "id", 1, "x", 1, signature, &err) == 0)
            BUG_ON(webhook_verify(&secret, "id", "1", signature, "x", 1, 1, &err) != 0);
    }
    secret_release(&secret);
    free(text);
    return 0;
}
