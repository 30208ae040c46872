/*
 * The nouns all rooms share: enumerations with their names, limits, and the two records that pass
 * between judge and runner (segments and verdicts). Pure data; nothing here knows Redis or
 * statistics.
 *
 * Every enum has a name table; X_name() gives the word of the contract, X_parse() reads it back
 * (returns -1 when it is none).
 */
#ifndef LIB_MODEL_NOUNS_H
#define LIB_MODEL_NOUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/model/limits.h"

enum phase {
    PHASE_QUEUED,
    PHASE_CHECKING,
    PHASE_JUDGING,
    PHASE_FINISHING,
    PHASE_BAKING,
    PHASE_DONE,
    PHASE_COUNT
};
enum outcome {
    OUTCOME_NONE,
    OUTCOME_PROMOTED,
    OUTCOME_ROLLED_BACK,
    OUTCOME_STOPPED,
    OUTCOME_COUNT
};
enum verdict_word {
    VERDICT_CONTINUE,
    VERDICT_ADVANCE,
    VERDICT_HOLD,
    VERDICT_PROMOTE,
    VERDICT_ROLLBACK,
    VERDICT_INCONCLUSIVE,
    VERDICT_COUNT
};
enum health {
    HEALTH_OK,
    HEALTH_NO_DATA,
    HEALTH_STALE,
    HEALTH_SRM,
    HEALTH_CONFLICTING,
    HEALTH_COUNT
};
enum cause {
    CAUSE_NONE,
    CAUSE_HARM,
    CAUSE_DEADLINE,
    CAUSE_NO_DATA,
    CAUSE_UNHEALTHY,
    CAUSE_DRIFT,
    CAUSE_PERSON,
    CAUSE_PLATFORM,
    CAUSE_COUNT
};
enum guarantee {
    GUARANTEE_PROVEN,
    GUARANTEE_VETO,
    GUARANTEE_CHECKS,
    GUARANTEE_NONE,
    GUARANTEE_COUNT
};
enum metric_kind {
    METRIC_PROPORTION,
    METRIC_RATE,
    METRIC_QUANTILE,
    METRIC_MEAN,
    METRIC_RATIO,
    METRIC_SERIES,
    METRIC_ALARM, /* somebody else's judgement: it can object and proves nothing */
    METRIC_KIND_COUNT
};
enum metric_role { ROLE_GUARDRAIL, ROLE_SIGNAL, ROLE_INFO, ROLE_COUNT };
enum harm_direction { HARM_INCREASE, HARM_DECREASE, HARM_COUNT };
enum evidence_state {
    STATE_HARMLESS,
    STATE_HARMFUL,
    STATE_UNDECIDED,
    STATE_NO_DATA,
    STATE_INVALID,
    STATE_COUNT
};
enum cohort { COHORT_BASELINE, COHORT_CANDIDATE };
enum mode { MODE_ENFORCE, MODE_SHADOW, MODE_COUNT };
enum order_verb {
    ORDER_PROMOTE,
    ORDER_ROLLBACK,
    ORDER_PAUSE,
    ORDER_RESUME,
    ORDER_ABORT,
    ORDER_TRAFFIC,
    ORDER_COUNT
};

const char *phase_name(enum phase p);
const char *outcome_name(enum outcome o); /* "" for none */
const char *verdict_name(enum verdict_word v);
const char *health_name(enum health h);
const char *cause_name(enum cause c); /* "" for none */
const char *guarantee_name(enum guarantee g);
/* Is its value a mean, of values or of points? Its totals then hold mean and sd. */
static inline bool metric_has_mean(enum metric_kind k)
{
    return k == METRIC_MEAN || k == METRIC_SERIES;
}
const char *metric_kind_name(enum metric_kind k);
const char *metric_role_name(enum metric_role r);
const char *harm_name(enum harm_direction h);
const char *evidence_state_name(enum evidence_state s);
const char *mode_name(enum mode m);
const char *order_name(enum order_verb v);
int phase_parse(const char *text);
int outcome_parse(const char *text);
int verdict_parse(const char *text);
int health_parse(const char *text);
int cause_parse(const char *text);
int guarantee_parse(const char *text);
int metric_kind_parse(const char *text);
int metric_role_parse(const char *text);
int harm_parse(const char *text);
int evidence_state_parse(const char *text);
int mode_parse(const char *text);
int order_parse(const char *text);

/*
 * A segment: an interval of wall time with one traffic split. Written by the runner (or by a
 * reported shift); the judge reads it. Numbered from 1. `next_share` is what the runner wants to
 * know about: the share asked for after this step (1 at the last step below 100 %), NAN when
 * nothing is asked. A block counts for the segment when it lies wholly in [opened + settle,
 * closed).
 */
struct segment {
    int id;
    struct wall opened;
    struct wall closed; /* us == 0: open */
    double share;       /* candidate's share, 0..1; NAN: unknown, what is observed counts */
    double next_share;  /* NAN: none */
    int64_t settle_us;
    int64_t min_time_us; /* the step lasts at least this long */
    uint64_t min_samples;
    bool is_bake; /* after 100 %: compared with `before`, not concurrent */
    bool is_synthetic;
};

/* The exact bytes of a block's interval: index * length. */
static inline struct wall block_start(int64_t index, int64_t block_us)
{
    return (struct wall){index * block_us};
}
static inline int64_t block_of(struct wall t, int64_t block_us)
{
    return t.us / block_us - (t.us % block_us < 0);
}

#endif
