/*
 * What a metric of an Embedded Metric Format document points at: a number, an array of them, or, as
 * the CloudWatch agent and the OpenTelemetry exporter write it, {Values, Counts} or a statistic
 * set.
 */
#include "collectors/wire/emf_priv.h"

#include <math.h>
#include <string.h>

#include "collectors/wire/scan.h"

/* The numbers of an array; -1 with the metric refused. */
static int numbers_read(struct document *d, struct json_text name, const char *p, const char *end,
                        double *out, size_t *n)
{
    int more;
    *n = 0;
    p++;
    for (bool is_first = true; (more = json_element(&p, end, is_first)) == 1; is_first = false) {
        if (*n == EMF_VALUES_MAX) {
            ingest_refuse(d->in, "%.*s has more than %d values", json_shown(name), name.at,
                          EMF_VALUES_MAX);
            return -1;
        }
        p = scan_number(p, end, &out[*n]);
        if (!p)
            break;
        ++*n;
    }
    if (more == 0 && *n)
        return 0;
    ingest_refuse(d->in, "%.*s must hold numbers, at least one", json_shown(name), name.at);
    return -1;
}

static int count_check(struct document *d, struct json_text name, double v, uint64_t *out)
{
    if (!(v >= 1 && v <= SAMPLE_COUNT_MAX && v == floor(v))) {
        ingest_refuse(d->in, "%.*s counts %g samples; it must be a whole number from 1",
                      json_shown(name), name.at, v);
        return -1;
    }
    *out = (uint64_t)v;
    return 0;
}

/* Where the members of a statistic set and of {Values, Counts} stand. */
enum part { PART_VALUES, PART_COUNTS, PART_COUNT, PART_SUM, PART_MIN, PART_MAX, PARTS };

static void parts_find(struct document *d, const struct member *m, struct member *parts)
{
    static const char *const words[PARTS] = {"Values", "Counts", "Count", "Sum", "Min", "Max"};
    const char *p = m->value + 1;
    struct json_text name;
    for (bool is_first = true; json_member(&p, m->end, is_first, &d->scratch, &name) == 1;
         is_first = false) {
        const char *value = p;
        p = json_skip(p, m->end);
        for (int i = 0; i < PARTS; i++)
            if (json_is(name, words[i], strlen(words[i])))
                parts[i] = (struct member){.name = name, .value = value, .end = p};
    }
}

static int pairs_read(struct document *d, struct json_text name, const struct member *parts,
                      struct emf_target *t)
{
    double counts[EMF_VALUES_MAX];
    size_t n = 0;
    const struct member *values = &parts[PART_VALUES], *given = &parts[PART_COUNTS];
    if (*values->value != '[' || (given->value && *given->value != '[')) {
        ingest_refuse(d->in, "Values and Counts of %.*s must be arrays", json_shown(name), name.at);
        return -1;
    }
    if (numbers_read(d, name, values->value, values->end, t->values, &t->n) != 0)
        return -1;
    if (!given->value)
        return 0;
    if (numbers_read(d, name, given->value, given->end, counts, &n) != 0)
        return -1;
    if (n != t->n) {
        ingest_refuse(d->in, "%.*s has %zu values and %zu counts", json_shown(name), name.at, t->n,
                      n);
        return -1;
    }
    t->has_counts = true;
    for (size_t i = 0; i < n; i++)
        if (count_check(d, name, counts[i], &t->counts[i]) != 0)
            return -1;
    return 0;
}

static int set_read(struct document *d, struct json_text name, const struct member *parts,
                    struct emf_target *t)
{
    double v[PARTS] = {0};
    for (int i = PART_COUNT; i < PARTS; i++) {
        if (!parts[i].value || !scan_number(parts[i].value, parts[i].end, &v[i])) {
            ingest_refuse(d->in,
                          "%.*s is an object: want numbers Count, Sum, Min and Max, or arrays "
                          "Values and Counts",
                          json_shown(name), name.at);
            return -1;
        }
    }
    if (count_check(d, name, v[PART_COUNT], &t->set.count) != 0)
        return -1;
    if (v[PART_MIN] > v[PART_MAX]) {
        ingest_refuse(d->in, "Min of %.*s is above its Max", json_shown(name), name.at);
        return -1;
    }
    t->set.sum = v[PART_SUM];
    t->set.min = v[PART_MIN];
    t->set.max = v[PART_MAX];
    t->has_set = true;
    return 0;
}

int emf_target_read(struct document *d, const struct member *m, struct emf_target *t)
{
    struct member parts[PARTS] = {{.value = NULL}};
    t->n = 0;
    t->has_counts = t->has_set = false;
    switch (*m->value) {
    case '[':
        return numbers_read(d, m->name, m->value, m->end, t->values, &t->n);
    case '{':
        parts_find(d, m, parts);
        return parts[PART_VALUES].value ? pairs_read(d, m->name, parts, t)
                                        : set_read(d, m->name, parts, t);
    default:
        t->n = 1;
        if (scan_number(m->value, m->end, &t->values[0]) == m->end)
            return 0;
        ingest_refuse(d->in, "%.*s must be a number, an array of numbers or a statistic set",
                      json_shown(m->name), m->name.at);
        return -1;
    }
}
