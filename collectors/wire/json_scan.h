/*
 * Reading JSON by hand, for scanners that may not build a tree: strings where they stand, values
 * passed over. Nothing here recurses or allocates. A pointer moves from token to token; NULL says
 * that what was expected is not there.
 *
 *   p = json_space(p, end);
 *   p = json_string(p, end, &scratch, &text);
 */
#ifndef COLLECTORS_WIRE_JSON_SCAN_H
#define COLLECTORS_WIRE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes of a string, without its quotes; not NUL-terminated, and without a NUL in them. */
struct json_text {
    const char *at;
    size_t len;
};

/* Where decoded strings go, one behind the other. */
struct json_scratch {
    char *at, *end;
};

static inline const char *json_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/*
 * A string with its quotes begins at p. Taken where it stands unless it holds an escape; then it is
 * decoded into the scratch. A decoded string is never longer than it was written, and wants room
 * for three bytes more. Returns where it ends; NULL when it is none, is not closed, holds a control
 * character (\u0000 too), or the scratch is full.
 */
const char *json_string(const char *p, const char *end, struct json_scratch *scratch,
                        struct json_text *out);

/*
 * Passes over a value of any kind. Brackets must match, strings must be closed and literals be
 * spelled right; numbers are taken by their characters. NULL when it is none, or nests deeper than
 * JSON_DEPTH_MAX.
 */
const char *json_skip(const char *p, const char *end);

/*
 * A member of an object: *p stands behind "{" or behind the member before. 1 with *p at the value
 * and *name set; 0 with *p behind the "}"; -1 when it is malformed. The first call says is_first.
 */
int json_member(const char **p, const char *end, bool is_first, struct json_scratch *scratch,
                struct json_text *name);
/* The same for an element of an array, behind "[": 1 with *p at the element. */
int json_element(const char **p, const char *end, bool is_first);

static inline bool json_is(struct json_text t, const char *word, size_t len)
{
    return t.len == len && memcmp(t.at, word, len) == 0;
}
/* For "%.*s" in a message: the bytes of it that are shown. */
static inline int json_shown(struct json_text t)
{
    return (int)(t.len < 40 ? t.len : 40);
}
#define JSON_IS(text, word) json_is(text, word, sizeof(word) - 1)

#endif
