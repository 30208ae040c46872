// rooms: aws net crypto base
/*
 * What an answer that is no success says: the first two bytes are the status, then header lines up
 * to an empty one, then the body. The code holds only what codes are made of, the message only
 * printable text.
 */
#include "lib/aws/failure.h"
#include "lib/aws/credentials.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct aws_error *e)
{
    if (e->code[strspn(e->code,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
        abort();
    if (e->err.code == ERR_NONE || (e->is_throttle && !e->may_retry) || e->retry_after_ms < -1)
        abort();
    for (const char *c = e->err.message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reply reply;
    struct aws_error error = {0};
    struct wall date;
    const char *text = (const char *)data + 2, *body;
    if (size < 2)
        return 0;
    http_reply_init(&reply);
    reply.status = data[0] * 256 + data[1];
    size -= 2;
    body = memmem(text, size, "\n\n", 2);
    if (body) {
        buf_add(&reply.headers, text, (size_t)(body - text) + 1);
        buf_add(&reply.body, body + 2, size - (size_t)(body + 2 - text));
    } else {
        buf_add(&reply.body, text, size);
    }
    failure_read(&reply, &error);
    check(&error);
    failure_date(&reply, &date);
    credentials_unref(credentials_from_json(reply.body.data, reply.body.len, false, "x", NULL));
    http_reply_release(&reply);
    return 0;
}
