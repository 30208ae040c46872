/*
 * Metric math as text: which ids it uses, and the same under other ids. It is not evaluated here:
 * CloudWatch does that. Many releases share a request, whose ids must differ, so an expression's
 * own ids are replaced before it is sent.
 */
#ifndef COLLECTORS_CLOUDWATCH_EXPRESSION_H
#define COLLECTORS_CLOUDWATCH_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/model/vocabulary.h"

/* A small letter, then letters, digits and _: what CloudWatch takes as the id of a query. */
bool expression_is_id(const char *text);
bool expression_uses(const char *text, const char *id);
/* Every id is a name in `ids`, at least one is used, and no function is called that gives several
 * series or looks at a request as a whole. ERR_SPEC says what is wrong. */
int expression_check(const char *text, const struct labels *ids, struct err *err) WARN_UNUSED;
/* Appends the expression with each id replaced by what id_of gives; ids that it gives NULL for
 * stay. */
void expression_rename(const char *text, const char *(*id_of)(void *user, const char *id),
                       void *user, struct buf *out);

#endif
