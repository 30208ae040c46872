/*
 * The two things a browser sends that are ours to read: a submitted form and cookies.
 */
#ifndef JUDGE_WEB_FORM_H
#define JUDGE_WEB_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* The first field of that name in an application/x-www-form-urlencoded body, decoded, as a
 * NUL-terminated text in out[0..cap). false, and out is empty: not there, does not fit, malformed,
 * or with a NUL in it. */
bool form_field(const char *body, size_t len, const char *name, char *out, size_t cap);
/* The value of a cookie in "a=1; name=value; b=2", borrowed from it, its length in *len; NULL when
 * it is not among them. cookies may be NULL. */
const char *form_cookie(const char *cookies, const char *name, size_t *len);

#endif
