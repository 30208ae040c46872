// rooms: vocabulary strategies collectors store redis aws net crypto model sketch base
/*
 * Any bytes as a release spec, YAML or JSON, with and without inline targets. What is taken has a
 * canonical form that reads back to the same bytes; what is refused says where and why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "judge/vocabulary/vocabulary.h"
#include "lib/model/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_taken(const struct spec *spec, const struct spec_options *options)
{
    struct arena a;
    struct err err = {0};
    struct spec again;
    arena_init(&a);
    struct node *n = node_read_json(&a, spec->canonical, spec->canonical_len, &err);
    if (!n || spec_read(&again, n, options, NULL, &a, &err) != 0)
        abort();
    if (strcmp(again.canonical, spec->canonical) != 0)
        abort();
    arena_release(&a);
}

static void check_refused(const struct complaints *list, const struct err *err)
{
    if (err->code == ERR_NONE || err->message[0] == '\0')
        abort();
    for (size_t i = 0; i < list->n; i++)
        if (!list->items[i].where[0] || !list->items[i].field[0] || !list->items[i].message[0])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int allow_inline = 0; allow_inline < 2; allow_inline++) {
        struct arena a;
        struct err err = {0};
        struct spec spec;
        struct complaints list;
        struct spec_options options = {vocabulary_all(), allow_inline};
        arena_init(&a);
        struct node *n = node_read(&a, (const char *)data, size, &err);
        if (n && spec_read(&spec, n, &options, &list, &a, &err) == 0)
            check_taken(&spec, &options);
        else if (n)
            check_refused(&list, &err);
        arena_release(&a);
    }
    return 0;
}
