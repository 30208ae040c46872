/*
 * For the readers of Embedded Metric Format: a document taken apart, and what a metric points at.
 */
#ifndef COLLECTORS_WIRE_EMF_PRIV_H
#define COLLECTORS_WIRE_EMF_PRIV_H

#include "collectors/wire/json_scan.h"
#include "collectors/aggregator/shard.h"

struct member {
    struct json_text name;
    const char *value, *end;
    uint32_t directives; /* bits: took its value */
};

struct document {
    struct ingest *in;
    struct json_scratch scratch;
    struct member members[EMF_MEMBERS_MAX];
    size_t n;
    int64_t ts_us;
    const char *tags; /* in the scratch */
    size_t tags_len;
    struct json_text namespaces[EMF_DIRECTIVES_MAX];
};

/* What a metric points at. */
struct emf_target {
    double values[EMF_VALUES_MAX];
    uint64_t counts[EMF_VALUES_MAX];
    size_t n;
    bool has_counts, has_set;
    struct statistic_set set;
};

/* Reads a metric's value; -1 with the metric refused. */
int emf_target_read(struct document *d, const struct member *m, struct emf_target *t);

#endif
