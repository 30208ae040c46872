/*
 * For the files that implement spec.h: the tables of a spec's own parts, and the passes over it.
 */
#ifndef LIB_MODEL_SPEC_PRIV_H
#define LIB_MODEL_SPEC_PRIV_H

#include "lib/model/fields.h"

#define SPEC_API_VERSION "judge/v1"
#define SPEC_KIND        "Release"

/* One of the spec's own parts: a table, and where it stands ("metrics[].margin"). */
struct spec_part {
    const char *path;
    const char *what; /* as complaints call it */
    const char *help;
    const struct field *fields;
    size_t n;
};

enum spec_part_id {
    PART_DOCUMENT,
    PART_METADATA,
    PART_STRATEGY,
    PART_STEP,
    PART_METRIC,
    PART_MARGIN,
    PART_TOLERANCE,
    PART_POLICY,
    PART_NOTIFY,
    PART_COUNT
};
extern const struct spec_part spec_parts[PART_COUNT];

/* Verdict words one may be notified of: a field_choice text. */
#define SPEC_NOTIFY_WORDS "advance|hold|promote|rollback|inconclusive"

/* What no table can say about one metric; called when all its fields could be read. */
void spec_check_metric(struct reader *r, const struct spec_metric *m, const struct node *n);
/* What no table can say about the whole; parts that could not be read are left out. */
void spec_check(struct reader *r, const struct spec *spec, const struct node *document);
/* Normalises the weights of the metrics. */
void spec_weigh(struct spec_metric *metrics, size_t n);
/* How long after its end a block of each metric is final; once the policy is read. */
void spec_set_lateness(struct spec *spec);
void spec_write_canonical(const struct spec *spec, struct buf *out);

#endif
