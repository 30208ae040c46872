// rooms: aws net crypto base
/*
 * XML replies: a tree that was read and is written again reads as the same tree.
 */
#include "lib/aws/limits.h"
#include "lib/aws/xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    const struct xml *path[AWS_XML_DEPTH_MAX];
    size_t depth;
};

static void write_tree(const struct xml *root, struct buf *out)
{
    struct walk w = {.path = {root}, .depth = 1};
    buf_addf(out, "<%s>", root->name);
    xml_add_text(out, root->text, root->text_len);
    if (root->first)
        w.path[w.depth++] = root->first;
    while (w.depth > 1) {
        const struct xml *x = w.path[w.depth - 1];
        if (!x) { /* the last of its siblings was written: its parent ends */
            const struct xml *parent = w.path[--w.depth - 1];
            buf_addf(out, "</%s>", parent->name);
            w.path[w.depth - 1] = parent->next;
            continue;
        }
        buf_addf(out, "<%s>", x->name);
        xml_add_text(out, x->text, x->text_len);
        if (x->first) {
            w.path[w.depth++] = x->first;
        } else {
            buf_addf(out, "</%s>", x->name);
            w.path[w.depth - 1] = x->next;
        }
    }
    if (!root->first)
        buf_addf(out, "</%s>", root->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf first, second;
    const struct xml *x;
    arena_init(&a);
    buf_init(&first, 1 << 22);
    buf_init(&second, 1 << 22);
    x = xml_read(&a, (const char *)data, size, NULL);
    if (x) {
        write_tree(x, &first);
        x = xml_read(&a, first.data, first.len, NULL);
        if (buf_ok(&first) && !x)
            abort();
        if (x)
            write_tree(x, &second);
        if (buf_ok(&first) && strcmp(first.data, second.data) != 0)
            abort();
    }
    buf_release(&first);
    buf_release(&second);
    arena_release(&a);
    return 0;
}
