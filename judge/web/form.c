#include "judge/web/form.h"

#include <string.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "a+b%20c" into out; false as form_field says. */
static bool decode(const char *at, const char *stop, char *out, size_t cap)
{
    size_t len = 0;
    for (; at < stop; at++) {
        char c = *at == '+' ? ' ' : *at;
        if (c == '%') {
            const int high = stop - at > 2 ? hex_digit(at[1]) : -1;
            const int low = stop - at > 2 ? hex_digit(at[2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            at += 2;
        }
        if (c == 0 || len + 1 >= cap)
            return false;
        out[len++] = c;
    }
    out[len] = 0;
    return true;
}

bool form_field(const char *body, size_t len, const char *name, char *out, size_t cap)
{
    const size_t name_len = strlen(name);
    const char *at = body, *end = body + len;
    out[0] = 0;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (!stop)
            stop = end;
        if ((size_t)(stop - at) > name_len && memcmp(at, name, name_len) == 0 &&
            at[name_len] == '=') {
            if (decode(at + name_len + 1, stop, out, cap))
                return true;
            out[0] = 0;
            return false;
        }
        at = stop < end ? stop + 1 : end;
    }
    return false;
}

const char *form_cookie(const char *cookies, const char *name, size_t *len)
{
    const size_t name_len = strlen(name);
    for (const char *at = cookies; at && *at;) {
        at += strspn(at, " \t;");
        if (strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            at += name_len + 1;
            *len = strcspn(at, "; \t");
            return at;
        }
        at = strchr(at, ';');
    }
    return NULL;
}
