// rooms: net crypto base
/*
 * Any bytes as a query string and as an escaped text: what decodes, encodes and decodes to the
 * same; no pair reaches outside the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const char *text, size_t len, bool plus)
{
    char *out = malloc(len + 1), *back;
    size_t n, m;
    struct buf again;
    if (url_decode(text, len, plus, out, &n) == 0) {
        BUG_ON(n > len || strlen(out) != n);
        buf_init(&again, 3 * n + 1);
        url_encode(out, n, &again);
        back = malloc(again.len + 1);
        BUG_ON(!buf_ok(&again) || url_decode(again.data, again.len, plus, back, &m) < 0);
        BUG_ON(m != n || memcmp(out, back, n) != 0);
        free(back);
        buf_release(&again);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    const char *at = text, *end = text + size;
    struct url_pair p;
    if (size)
        memcpy(text, data, size);
    check_round_trip(text, size, true);
    check_round_trip(text, size, false);
    while (url_query_next(&at, end, &p)) {
        BUG_ON(p.name < text || p.name + p.name_len > end);
        BUG_ON(p.value < text || p.value + p.value_len > end);
        url_name_is(&p, "wait");
        check_round_trip(p.value, p.value_len, true);
    }
    free(text);
    return 0;
}
