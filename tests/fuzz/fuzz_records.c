// rooms: store redis net crypto model sketch base
/*
 * Any bytes as a small record read back from Redis (the first byte says which kind): refused as
 * corrupt, or a record whose own bytes read back as the same.
 */
#include <stdint.h>
#include <string.h>

#include "lib/store/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes `in` as kind and encodes what it was; false when it is refused. */
static bool through(int kind, struct bytes in, struct arena *a, struct buf *out)
{
    struct err err = {.code = ERR_NONE};
    struct segment segment;
    struct order order;
    struct token_record token;
    struct audit_entry entry;
    int rc = kind == 0   ? segment_decode(&segment, in, &err)
             : kind == 1 ? order_decode(&order, in, a, &err)
             : kind == 2 ? token_decode(&token, in, a, &err)
                         : audit_decode(&entry, in, a, &err);
    if (rc != 0) {
        BUG_ON(err.code != ERR_CORRUPT);
        return false;
    }
    if (kind == 0)
        segment_encode(&segment, out);
    else if (kind == 1)
        order_encode(&order, out);
    else if (kind == 2)
        token_encode(&token, out);
    else
        audit_encode(&entry, out);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arena a;
    struct buf once, twice;
    int kind = data[0] % 4;
    arena_init(&a);
    buf_init(&once, size + 256);
    buf_init(&twice, size + 256);
    if (through(kind, bytes_of(data + 1, size - 1), &a, &once)) {
        BUG_ON(!buf_ok(&once));
        BUG_ON(!through(kind, bytes_of(once.data, once.len), &a, &twice));
        BUG_ON(once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0);
    }
    buf_release(&once);
    buf_release(&twice);
    arena_release(&a);
    return 0;
}
