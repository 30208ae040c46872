/*
 * What a series says about itself, read once from its bytes: for the implementers of a form of tags
 * (enum tags_form). All spans point into the series' bytes or into `text`.
 */
#ifndef COLLECTORS_AGGREGATOR_IDENTITY_H
#define COLLECTORS_AGGREGATOR_IDENTITY_H

#include <string.h>

#include "collectors/aggregator/series.h"

struct span {
    const char *at;
    size_t len;
};

struct identity {
    struct span service, cohort, revision;
    struct span name; /* of the metric */
    struct tag {
        struct span name, value;
    } tags[ATTRIBUTES_MAX];
    size_t n_tags;
    uint64_t source;                /* of cumulative series: the process they come from */
    struct span edge;               /* of a histogram's bucket that is a series of its own: `le` */
    struct span of_edge;            /* and the histogram's name */
    char text[IDENTITY_TEXT_BYTES]; /* numbers written out */
    size_t text_len;
};

static inline bool span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* The first reason stands. */
void series_refuse(struct series *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A tag that may be asked for by `where`; -1 with the series refused. */
int identity_tag(struct series *s, struct identity *id, struct span name, struct span value);
/* Is it a cohort we know? Senders that did not have us in mind may call anything `cohort`. */
static inline bool span_is_cohort(struct span s)
{
    return span_is(s, "baseline") || span_is(s, "candidate");
}

/* By the series' form. -1 with the series refused. */
int identity_read(struct series *s, struct identity *id);
/* Fills in the points of a cumulative series' extra; the tags are put in order. */
void points_identify(struct series *s, struct identity *id);

/* Fills in the identity from the series' bytes; -1 with the series refused. */
int identity_of_otlp(struct series *s, struct identity *id);
int identity_of_labels(struct series *s, struct identity *id); /* remote write */

#endif
