/*
 * For the implementers of patterns only: the steps every pattern that moves traffic shares.
 */
#ifndef STRATEGIES_PATTERN_PRIV_H
#define STRATEGIES_PATTERN_PRIV_H

#include "lib/base/num.h"
#include "strategies/pattern.h"

/* A candidate that is unhealthy before the first shift has this long to come up. */
#define CHECK_LIMIT_US (INT64_C(60) * US_PER_SECOND)

struct action action_make(enum action_kind kind, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct action action_note(const char *fmt, ...) PRINTF_LIKE(1, 2);

bool share_equal(double a, double b, double tolerance); /* NAN equals NAN */
/* "25 %", "an unknown share" */
const char *share_words(double share, char out[NUM_TEXT_BYTES]);

/* A person's pause; walk_pause_for: for another cause. */
void walk_pause(struct walk *w, const char *why);
void walk_pause_for(struct walk *w, enum cause cause, const char *why);
void walk_end(struct walk *w, enum outcome outcome, enum cause cause, struct wall now);

/* Index of the plan's step with this share, or -1. */
int plan_find(const struct plan *plan, double share);
/* The smallest share of the plan above `share`; the first when it is NAN or 0; NAN above 100 %. */
double plan_next(const struct plan *plan, double share);

/* May the traffic go to `target` on this verdict? It must be about the open segment, fresh and of
 * good health, and name that share or a larger one. */
bool verdict_allows(const struct pattern_input *in, double target);
/* A rollback verdict this stage must obey. */
bool verdict_condemns(const struct walk *w, const struct pattern_input *in);
/* policy.deadline has passed since judging began. */
bool deadline_passed(const struct walk *w, const struct pattern_input *in);

/* Takes in->order into account (orders.c). The answer is a note for the audit trail. */
struct action order_take(struct walk *w, const struct pattern_input *in);

/* The walk beside a platform we do not move: mode shadow, platform none (follow.c). */
struct action follow_next(struct walk *w, const struct pattern_input *in);

#endif
