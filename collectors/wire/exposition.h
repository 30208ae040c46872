/*
 * The Prometheus text exposition (format 0.0.4), read line by line without copying.
 *
 *   # TYPE http_requests_total counter
 *   http_requests_total{code="200",path="/a\"b"} 1027 1395066363000
 */
#ifndef COLLECTORS_WIRE_EXPOSITION_H
#define COLLECTORS_WIRE_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/limits.h"

enum exposition_type {
    EXPOSITION_UNTYPED,
    EXPOSITION_COUNTER,
    EXPOSITION_GAUGE,
    EXPOSITION_HISTOGRAM,
    EXPOSITION_SUMMARY
};

struct exposition_label {
    const char *name;
    size_t name_len;
    const char *raw; /* the value as written, between the quotes */
    size_t raw_len;
};

struct exposition_sample {
    const char *series; /* name and labels as written: the same bytes are the same series */
    size_t series_len;
    const char *name;
    size_t name_len;
    const struct exposition_label *labels;
    size_t n_labels;
    double value; /* may be NaN or infinite */
    bool has_time;
    int64_t time_ms;
    enum exposition_type type; /* what # TYPE said of this family */
};

typedef void exposition_fn(void *user, const struct exposition_sample *sample);

/* Calls fn for every sample; returns how many lines could not be read. */
size_t exposition_read(const char *bytes, size_t len, exposition_fn *fn, void *user);

/* Is the label's value, unescaped, this text? */
bool exposition_value_is(const struct exposition_label *label, const char *text);
/* The label of that name, or NULL. */
const struct exposition_label *exposition_label(const struct exposition_sample *s,
                                                const char *name);
/* A number as the format writes it: also +Inf, -Inf, NaN in any case. 0 or -1. */
int exposition_number(const char *text, size_t len, double *out);

#endif
