// rooms: base
/*
 * Any bytes as a configuration file, over a table with a row of every type: what is taken is
 * printed and read back to the same print; a refusal says something.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/node.h"
#include "lib/base/options.h"

struct config {
    const char *text;
    const char *choice;
    bool flag;
    int64_t whole, wait, size;
};

static const struct option_row rows[] = {
    {.name = "text", .type = OPTION_STRING, .offset = offsetof(struct config, text), .help = "t"},
    {.name = "choice",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, choice),
     .choices = "a|bc",
     .help = "c"},
    {.name = "flag", .type = OPTION_BOOL, .offset = offsetof(struct config, flag), .help = "f"},
    {.name = "whole", .type = OPTION_INT, .offset = offsetof(struct config, whole), .help = "w"},
    {.name = "wait", .type = OPTION_DURATION, .offset = offsetof(struct config, wait), .help = "d"},
    {.name = "size", .type = OPTION_BYTES, .offset = offsetof(struct config, size), .help = "s"},
};
static const struct options options = {rows, ARRAY_LEN(rows)};

static int read_config(struct config *c, const char *bytes, size_t len, struct arena *a)
{
    struct err err = {0};
    struct node *file = node_read(a, bytes, len, &err);
    int rc = file ? options_read(&options, c, file, 0, NULL, NULL, a, &err) : -1;
    BUG_ON(rc != 0 && (err.code == ERR_NONE || !err.message[0]));
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c, back;
    struct arena a;
    struct buf out, again;
    arena_init(&a);
    buf_init(&out, (size_t)16 << 20);
    buf_init(&again, (size_t)16 << 20);
    if (read_config(&c, (const char *)data, size, &a) == 0) {
        options_print(&options, &c, &out);
        BUG_ON(read_config(&back, out.data, out.len, &a) != 0);
        options_print(&options, &back, &again);
        BUG_ON(strcmp(out.data, again.data) != 0);
    }
    buf_release(&out);
    buf_release(&again);
    arena_release(&a);
    return 0;
}
