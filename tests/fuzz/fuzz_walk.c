// rooms: strategies store redis net crypto model sketch base
#include <string.h>

#include "strategies/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A saved walk read back from Redis: refused, or written again as something that reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct walk w, again;
    struct err err = {0};
    struct buf one, two;
    if (walk_read(&w, (const char *)data, size, &err)) {
        BUG_ON(err.code != ERR_CORRUPT);
        return 0;
    }
    buf_init(&one, 1 << 16);
    buf_init(&two, 1 << 16);
    walk_write(&w, &one);
    BUG_ON(walk_read(&again, one.data, one.len, &err) != 0);
    walk_write(&again, &two);
    BUG_ON(one.len != two.len || memcmp(one.data, two.data, one.len) != 0);
    (void)walk_phase(&w);
    buf_release(&one);
    buf_release(&two);
    return 0;
}
