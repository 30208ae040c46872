/*
 * The sources a spec may name, as tables (words.c), and the structs their fields fill.
 *
 * Checklist for a new source: its word and config here, its descriptor as `implementation`, one
 * line in judge/vocabulary/vocabulary.c, its section in docs/spec.md.
 */
#ifndef COLLECTORS_WORDS_H
#define COLLECTORS_WORDS_H

#include "collectors/source.h"
#include "lib/model/vocabulary.h"

/* Samples pushed to us. Counts: events are the sum of `metric`, exposure the sum of `of`. */
struct push_config {
    const char *metric;
    const char *of;               /* NULL for quantiles */
    struct labels where;          /* a sample counts when it carries all of these labels */
    struct labels of_where;       /* the same for `of`; see push_of_where */
    struct cohort_labels cohorts; /* labels that tell the cohorts apart; none: cohort or revision */
};

/* A Prometheus text exposition we read once a block. */
struct scrape_config {
    const char *target; /* URL; NULL while only a connection is named */
    const char *metric; /* counter; for quantiles the name of a histogram, without _bucket */
    const char *of;     /* exposure counter; NULL: `metric` itself, chosen by of_labels */
    struct labels labels, of_labels;
    struct cohort_labels cohorts; /* labels that tell the cohorts apart; both are given */
};

/* The labels of what it is counted against: of_where, else those of `where`; but when both sides
 * are one metric, `where` chooses among what of_where names, so nothing stands in for it. */
const struct labels *push_of_where(const struct push_config *c);

/* "latency_ms:count" is how many samples of latency_ms came: the length of the name itself, 0 when
 * the name is no such one. */
size_t push_name_counts(const char *name);
/* The same pairs, in any order? */
bool labels_equal(const struct labels *a, const struct labels *b);
/* Prometheus' rules for the labels that tell cohorts apart: names, no `le`, and that they differ.
 */
int cohort_labels_check(const struct cohort_labels *cohorts, struct err *err) WARN_UNUSED;

extern const struct word push_word;
extern const struct word scrape_word;
extern const struct source push_source, scrape_source; /* check_push.c, check_scrape.c */

#endif
