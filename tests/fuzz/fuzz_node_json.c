// rooms: base
/*
 * Any bytes as JSON: the reader ends, and what it took comes back the same from our own JSON and
 * YAML.
 */
#include <stdint.h>
#include <string.h>

#include "lib/base/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct err err = {0};
    struct node *n, *back;
    struct buf json, again, yaml;
    arena_init(&a);
    buf_init(&json, (size_t)64 << 20);
    buf_init(&again, (size_t)64 << 20);
    buf_init(&yaml, (size_t)64 << 20);
    n = node_read_json(&a, (const char *)data, size, &err);
    BUG_ON(!n && (err.code == ERR_NONE || !err.message[0]));
    if (n) {
        node_to_json(n, &json);
        back = node_read_json(&a, json.data, json.len, &err);
        BUG_ON(!back);
        node_to_json(back, &again);
        /* "-0" is an integer to jansson: the sign of a zero may go, once. */
        if (!strstr(json.data, "-0"))
            BUG_ON(strcmp(json.data, again.data) != 0);
        node_to_yaml(n, &yaml);
        back = node_read_yaml(&a, yaml.data, yaml.len, &err);
        BUG_ON(!back);
        buf_clear(&again);
        node_to_json(back, &again);
        BUG_ON(strcmp(json.data, again.data) != 0);
    }
    buf_release(&json);
    buf_release(&again);
    buf_release(&yaml);
    arena_release(&a);
    return 0;
}
