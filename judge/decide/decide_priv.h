/* What the files of judge/decide share: the state, and the questions they ask of each other. */
#ifndef JUDGE_DECIDE_DECIDE_PRIV_H
#define JUDGE_DECIDE_DECIDE_PRIV_H

#include "judge/decide/decide.h"
#include "judge/decide/kinds.h"
#include "stats/anytime/sample_ratio.h"

/* The two phases in which something may be decided; each has its own part of alpha and its own
 * latches. */
enum stage { STAGE_JUDGING, STAGE_BAKING, STAGE_COUNT };

/* Harm shown: a record, written once at the block where the evidence crossed. */
struct harm_record {
    bool is_set;
    enum purpose by;
    double log_e, alpha;
    int64_t block;
    int segment;
    struct cohort_totals baseline, candidate;
};

struct metric_state {
    const struct spec_metric *spec;
    const struct kind *kind;
    int64_t mark;    /* last block taken */
    int64_t seen[2]; /* last block with data, by cohort */
    bool is_unsound; /* a block held values no test can take */
    struct kind_test test[PURPOSE_COUNT];
    uint64_t steps;       /* begun so far */
    double step_part;     /* of the steps' half of `fail`: what the open step may spend */
    double steps_left;    /* not given to any step yet */
    double steps_ended;   /* log of the sum of part times e-value over the ended steps */
    bool is_uncertain;    /* the whole release's dispersion is, after the last block */
    int step;             /* segment the step's test is about; 0: none */
    double asked;         /* the share its `pass` was built for */
    uint64_t step_blocks; /* blocks of the open step with traffic in both cohorts */
    int settling;         /* segment the coarse guard has last taken a block of */
    int bake;             /* segment the bake's test is about; 0: none */
    struct sample_ratio split;
    struct harm_record harm[STAGE_COUNT];
    int late_segment; /* late samples are counted from the first look at a segment */
    struct decision_late late_before;
};

struct latch {
    bool is_set;
    enum verdict_word word;
    enum cause cause;
    int segment;
    double share, advance_to;
    char reason[REASON_BYTES];
};

struct decision {
    const struct spec *spec; /* borrowed */
    size_t n_metrics;
    struct metric_state *metrics;
    struct latch latch[STAGE_COUNT];
};

static inline bool is_judged(const struct metric_state *m)
{
    return m->spec->role != ROLE_INFO;
}

/* Of a time that can be reckoned with; outside data is asked this first. */
bool is_block_index(const struct spec *spec, int64_t index);

/* The share a step asks for; where nothing is asked the margin itself is tested. */
double asked_share(const struct segment *seg);

/* `fail` of the judging: whole release and steps together. */
double harm_log_e(const struct metric_state *m);

#define SPLIT_MATTERS 1.1 /* odds of the observed split over those of the intended */

/* Is the observed split another than the intended one, beyond chance and beyond what could matter?
 */
bool split_is_broken(const struct metric_state *m);
/* Does it look so, though not beyond doubt? Nothing passes until that is settled. */
bool split_is_doubtful(const struct metric_state *m);

/* A step is too young to know how far its noise reaches: it is told what the whole release knows.
 */
void learn_noise(struct metric_state *m);

/* One look at a release: what decision_read() gathers first, read by evidence, health and words. */
struct look {
    struct decision *d;
    const struct decision_input *in;
    const struct segment *seg; /* the current one, or NULL */
    enum stage stage;
    struct arena *arena;
};

/* Is the step's accumulator about the segment that is open now? */
bool is_in_step(const struct look *k, const struct metric_state *m);

/* Blocks of the open step that count, of this metric. */
uint64_t step_blocks_of(const struct look *k, const struct metric_state *m);

enum silence { SILENT_NONE, SILENT_BASELINE, SILENT_CANDIDATE, SILENT_BOTH };
enum silence silence_of(const struct look *k, const struct metric_state *m);
bool is_stale(const struct look *k, const struct metric_state *m);
/* Could the late samples have changed what e says, or do they favour a cohort? */
bool is_conflicting(const struct look *k, const struct metric_state *m, const struct evidence *e);
/* The first reason why nothing may pass, HEALTH_OK when none; *who: the metric it is about. */
enum health health_of(const struct look *k, const struct evidence *evidence, size_t *who);

void evidence_fill(const struct look *k, const struct metric_state *m, struct evidence *e);
/* The sentence of a metric, and of a health state. */
void evidence_reason(const struct look *k, const struct metric_state *m, struct evidence *e);
void health_reason(const struct look *k, enum health health, size_t who, char out[REASON_BYTES]);

#endif
