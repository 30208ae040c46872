/*
 * What several handlers need.
 */
#ifndef JUDGE_API_COMMON_H
#define JUDGE_API_COMMON_H

#include "judge/api/api.h"
#include "lib/model/spec.h"

/* The view of the release in the path, with a reference to its board (board_unref when done). NULL
 * with ERR_NOT_FOUND or ERR_FORBIDDEN, and then no reference. */
const struct view *api_view(struct http_exchange *ex, const struct board **board, struct err *err);

/* How specs are read here: our vocabulary, the operator's connections and rules. */
struct spec_options api_spec_options(const struct service *s);

/* [blocking] Writes an audit entry of this request; a failure is logged, the request goes on: what
 * it did is in the store already. */
void api_audit(struct http_exchange *ex, const char *release, const char *what, const char *why,
               const char *detail);

/* [blocking] check.c: the member `check`, what each metric of the spec finds. The spec's
 * connections are filled in. */
struct writer;
int api_write_check(struct http_exchange *ex, const struct spec *spec, struct writer *w,
                    struct err *err) WARN_UNUSED;

#endif
