// rooms: model sketch base
/*
 * Any bytes as a verdict's JSON: what is taken is written and read back to the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct err err = {0};
    struct verdict v, back;
    struct buf json, again;
    arena_init(&a);
    buf_init(&json, (size_t)16 << 20);
    buf_init(&again, (size_t)16 << 20);
    struct node *n = node_read_json(&a, (const char *)data, size, &err);
    if (n && verdict_from_json(&v, n, &a, &err) == 0) {
        verdict_to_json(&v, &json);
        n = node_read_json(&a, json.data, json.len, &err);
        if (!n || verdict_from_json(&back, n, &a, &err) != 0)
            abort();
        verdict_to_json(&back, &again);
        if (strcmp(json.data, again.data) != 0 || verdict_differs(&v, &back))
            abort();
    } else if (err.message[0] == '\0') {
        abort();
    }
    buf_release(&json);
    buf_release(&again);
    arena_release(&a);
    return 0;
}
