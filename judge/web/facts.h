/*
 * The facts of a release for reports and pages: from the board (memory), and from the store.
 */
#ifndef JUDGE_WEB_FACTS_H
#define JUDGE_WEB_FACTS_H

#include "judge/daemon/service.h"
#include "judge/report/report.h"

/* What the board knows. Texts are borrowed from the view or live in the arena; what cannot be read
 * is left out. With `with_spec` the spec is read too: the list of releases does without. */
void facts_of_view(struct report_facts *f, const struct service *s, const struct view *v,
                   bool with_spec, struct arena *a, struct wall now);
/* [blocking] Adds segments, and the newest log entries, oldest first or newest first. What the
 * store does not give now is left out (has_segments, has_log). */
void facts_of_store(struct report_facts *f, const struct service *s, size_t log_max,
                    bool newest_first, struct arena *a);

#endif
