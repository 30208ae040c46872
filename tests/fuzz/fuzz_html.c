// rooms: report model sketch base
/*
 * Any text as an element's text and as an attribute: no byte of it may open or end anything.
 */
#include <stdint.h>
#include <string.h>

#include "judge/report/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const struct buf *b, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->data[i] == c;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text, out;
    struct html h;
    buf_init(&text, (size_t)1 << 20);
    buf_init(&out, (size_t)8 << 20);
    buf_add(&text, data, size);
    html_init(&h, &out);
    html_open(&h, "a");
    html_attr(&h, "href", text.data);
    html_text(&h, text.data);
    html_close(&h);
    if (buf_ok(&text) && buf_ok(&out)) {
        /* <a href="...">...</a> */
        BUG_ON(count(&out, '<') != 2 || count(&out, '>') != 2 || count(&out, '"') != 2 ||
               count(&out, '\'') != 0);
        for (size_t i = 0; i < out.len; i++)
            BUG_ON((unsigned char)out.data[i] < 0x20 && out.data[i] != '\n' && out.data[i] != '\t');
    }
    buf_release(&text);
    buf_release(&out);
    return 0;
}
