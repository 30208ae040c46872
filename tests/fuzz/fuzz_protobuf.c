// rooms: base
/*
 * Any bytes as a protobuf message: fields lie inside the message, one behind the other, and a
 * reading that ends without a fault has seen every byte. Inner messages are entered to a depth
 * of 8.
 */
#include "collectors/wire/protobuf.h"

#include <stdlib.h>

#include "lib/base/err.h"

#define DEPTH 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct protobuf stack[DEPTH];
    size_t depth = 1;
    struct protobuf_field f;
    stack[0] = protobuf_of(data, size);
    while (depth > 0) {
        struct protobuf *m = &stack[depth - 1];
        const unsigned char *before = m->at;
        if (!protobuf_next(m, &f)) {
            BUG_ON(m->at != m->end);
            depth--;
            continue;
        }
        BUG_ON(m->is_bad || m->at <= before || m->at > m->end || f.number == 0);
        if (f.wire != PROTOBUF_BYTES)
            continue;
        BUG_ON((const unsigned char *)f.at < before ||
               (const unsigned char *)f.at + f.len != m->at);
        struct protobuf packed = protobuf_inside(&f);
        uint64_t v;
        while (protobuf_varint(&packed, &v))
            ;
        BUG_ON(packed.at != packed.end);
        if (depth < DEPTH)
            stack[depth++] = protobuf_inside(&f);
    }
    return 0;
}
