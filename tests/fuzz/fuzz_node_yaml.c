// rooms: base
/*
 * Any bytes as YAML: the reader ends, stays inside its limits, and what it took comes back the same
 * from its own YAML and JSON.
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
    struct buf yaml, json, again;
    arena_init(&a);
    buf_init(&yaml, (size_t)64 << 20);
    buf_init(&json, (size_t)64 << 20);
    buf_init(&again, (size_t)64 << 20);
    n = node_read_yaml(&a, (const char *)data, size, &err);
    BUG_ON(!n && (err.code == ERR_NONE || !err.message[0]));
    if (n) {
        node_to_yaml(n, &yaml);
        back = node_read_yaml(&a, yaml.data, yaml.len, &err);
        BUG_ON(!back);
        node_to_json(n, &json);
        node_to_json(back, &again);
        BUG_ON(strcmp(json.data, again.data) != 0);
        BUG_ON(!node_read_json(&a, json.data, json.len, &err));
    }
    buf_release(&yaml);
    buf_release(&json);
    buf_release(&again);
    arena_release(&a);
    return 0;
}
