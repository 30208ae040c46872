/*
 * Two group sequential tests on one metric, look by look: is the harm shown, is it ruled out
 * (docs/stats/group-sequential.md).
 *
 *   fail  H0: effect <= tolerance   rejected: harmful
 *   pass  H0: effect >= margin      rejected: harmless (non-inferiority)
 *
 * Effects are "worse is larger". Each side is a one-sided Lan-DeMets design of its own with its own
 * level; the looks are whenever they are, as long as *when* does not depend on what was seen.
 * P(fail ever rejects | effect <= tolerance) <= its level, and the same for pass; the statistic is
 * taken as normal with independent increments, so at small counts use an exact method
 * (stats/anytime) instead.
 *
 * Unlike the anytime-valid tests of this project the horizon is binding: the level is whole at
 * information_max, or at the look that is declared the last, and nothing can be tested after it. In
 * exchange it needs less data when the horizon is known.
 *
 * The struct is a value: copy it, keep it, no memory behind it.
 */
#ifndef STATS_MONITOR_H
#define STATS_MONITOR_H

#include "stats/sequential/recursion.h"
#include "stats/sequential/spending.h"

struct monitor_plan {
    double information_max;   /* where the levels are spent whole, > 0 */
    double tolerance, margin; /* tolerance < margin */
    double fail_level, pass_level;
    struct spending fail_spending, pass_spending; /* a table is borrowed */
};

struct monitor_side {
    double z[LOOKS_MAX];     /* towards rejection */
    double upper[LOOKS_MAX]; /* reject at or above */
    double spent;            /* of the level, by the last look */
    size_t rejected_at;      /* the first look that rejected, from 1 on; 0: none */
};

struct monitor {
    struct monitor_plan plan;
    size_t looks;
    double t[LOOKS_MAX];     /* information, never falling */
    double error[LOOKS_MAX]; /* of the look's estimate: 1/sqrt of the information it came with */
    bool finished;           /* the levels are spent: no further look */
    struct monitor_side fail, pass;
};

int monitor_init(struct monitor *m, const struct monitor_plan *plan, struct err *err) WARN_UNUSED;

struct monitor_look {
    double information;    /* of the estimate: 1 / variance, all data so far */
    double z_fail, z_pass; /* (estimate - tolerance), (margin - estimate), over their errors */
    bool last;             /* a deadline: spend all that is left, whatever the information */
};
/* The two statistics from an estimate whose standard error is the same under both nulls. */
struct monitor_look monitor_look_of(const struct monitor_plan *plan, double estimate,
                                    double standard_error, bool last);

/*
 * Takes a look. A look that brings no new information (LOOK_REPEATED) and is not the last is
 * ignored: 0, nothing changed. The first look at or over information_max spends all (over-running)
 * and is the last. -1 with err, nothing changed: not finite, information not > 0, finished, or
 * LOOKS_MAX - 1 looks taken and this is not the last.
 */
int monitor_take(struct monitor *m, const struct monitor_look *look, struct err *err) WARN_UNUSED;

/* What the sides said so far; both may be true for an effect between tolerance and margin. */
bool monitor_is_harmful(const struct monitor *m);
bool monitor_is_harmless(const struct monitor *m);

/* Interval for the effect that holds at all looks: the two sides' repeated limits, one-sided levels
 * fail_level (below) and pass_level (above). Whole line before a look that spends. */
struct monitor_interval {
    double lower, upper;
};
struct monitor_interval monitor_interval(const struct monitor *m);

#endif
