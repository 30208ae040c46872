// rooms: daemon base
/*
 * Forms and cookies as browsers (and others) send them: no read beyond the bytes, and what is given
 * out keeps what the header promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "judge/web/form.h"
#include "lib/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[32];
    char *body = malloc(size + 1); /* exactly sized: a read beyond it is seen */
    BUG_ON(!body);
    if (size)
        memcpy(body, data, size);
    const bool is_there = form_field(body, size, "token", out, sizeof(out));
    BUG_ON(memchr(out, 0, sizeof(out)) == NULL);
    BUG_ON(!is_there && out[0] != 0);

    size_t len = 0;
    body[size] = 0;
    const char *value = form_cookie(body, "judge_session", &len);
    BUG_ON(value && (value < body || value + len > body + size));
    BUG_ON(value && memchr(value, ';', len) != NULL);
    free(body);
    return 0;
}
