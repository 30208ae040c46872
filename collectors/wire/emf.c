/*
 * Embedded Metric Format: a JSON document a line, the CloudWatch agent's and CloudWatch Logs' way
 * to carry metrics in log events (docs/collectors/emf.md).
 *
 *   {"_aws": {"Timestamp": ms, "CloudWatchMetrics": [{"Namespace": "Shop", "Dimensions":
 * [["service"]], "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}]}]}, "service":
 * "checkout", "cohort": "candidate", "Latency": [12.5, 13]}
 *
 * A document is read in two passes over its members: first where each stands, then what the
 * directives point at. A value counts once under "Namespace.Name", however many dimension sets name
 * it. Of the properties only those identify a series that say whose the sample is or that some
 * release chooses by: request ids and the like would make every document a series of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/wire/emf_priv.h"
#include "collectors/wire/scan.h"

static int members_read(struct document *d, const char *p, const char *end)
{
    p = json_space(p, end);
    if (p == end || *p != '{')
        return ingest_refuse(d->in, "a JSON object was expected"), -1;
    p++;
    int more;
    for (bool is_first = true;; is_first = false) {
        struct member m = {.directives = 0};
        more = json_member(&p, end, is_first, &d->scratch, &m.name);
        if (more != 1)
            break;
        m.value = p;
        m.end = p = json_skip(p, end);
        if (!p) {
            ingest_refuse(d->in, "the value of \"%.*s\" is no JSON", json_shown(m.name), m.name.at);
            return -1;
        }
        if (d->n == EMF_MEMBERS_MAX)
            return ingest_refuse(d->in, "more than %d members", EMF_MEMBERS_MAX), -1;
        d->members[d->n++] = m;
    }
    if (more < 0)
        return ingest_refuse(d->in, "the document is no JSON after member %zu", d->n), -1;
    if (json_space(p, end) != end)
        return ingest_refuse(d->in, "something follows the document"), -1;
    return 0;
}

static struct member *member_find(struct document *d, const char *name, size_t len)
{
    for (size_t i = 0; i < d->n; i++)
        if (json_is(d->members[i].name, name, len))
            return &d->members[i];
    return NULL;
}

/* A property as text: a string without its quotes, anything else as it was written. */
static int member_text(struct document *d, const struct member *m, struct json_text *out)
{
    *out = (struct json_text){m->value, (size_t)(m->end - m->value)};
    if (*m->value != '"')
        return *m->value == '{' || *m->value == '[' ? -1 : 0;
    return json_string(m->value, m->end, &d->scratch, out) ? 0 : -1;
}

/* Does a property of this name identify the series? */
static bool is_label(const struct document *d, struct json_text name)
{
    return JSON_IS(name, "service") || JSON_IS(name, "cohort") || JSON_IS(name, "revision") ||
           routes_wants_label(d->in->shard->routes, name.at, name.len);
}

/* The series' identity, from the properties. -1 with the document refused. */
static int tags_build(struct document *d)
{
    static const char alias[] = "ServiceName"; /* what AWS' own libraries say */
    const bool has_service = member_find(d, "service", 7) != NULL;
    struct json_text parts[2 * (TAGS_MAX + 4)];
    size_t n = 0, len = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct json_text name = d->members[i].name, value;
        if (!has_service && json_is(name, alias, sizeof(alias) - 1))
            name = (struct json_text){"service", 7};
        if (!is_label(d, name))
            continue;
        if (n == ARRAY_LEN(parts))
            return ingest_refuse(d->in, "more than %d labels", TAGS_MAX), -1;
        if (member_text(d, &d->members[i], &value) != 0) {
            ingest_refuse(d->in, "\"%.*s\" must be a text", json_shown(name), name.at);
            return -1;
        }
        parts[n++] = name;
        parts[n++] = value;
        len += name.len + value.len + 2;
    }
    if (len > SERIES_KEY_BYTES_MAX || (size_t)(d->scratch.end - d->scratch.at) < len) {
        ingest_refuse(d->in, "the labels are longer than %d bytes", SERIES_KEY_BYTES_MAX);
        return -1;
    }
    char *at = d->scratch.at;
    for (size_t i = 0; i < n; i += 2)
        at = series_pair(at, parts[i].at, parts[i].len, parts[i + 1].at, parts[i + 1].len);
    d->tags = d->scratch.at;
    d->tags_len = len;
    d->scratch.at = at;
    return 0;
}

/* ---- directives ---- */

struct directive {
    struct json_text namespace;
    const char *dimensions, *metrics, *end;
};

/* A unit is one of CloudWatch's; values are taken as they are. */
static bool unit_is_known(struct json_text unit)
{
    static const char *const units[] = {
        "Seconds",
        "Microseconds",
        "Milliseconds",
        "Bytes",
        "Kilobytes",
        "Megabytes",
        "Gigabytes",
        "Terabytes",
        "Bits",
        "Kilobits",
        "Megabits",
        "Gigabits",
        "Terabits",
        "Percent",
        "Count",
        "Bytes/Second",
        "Kilobytes/Second",
        "Megabytes/Second",
        "Gigabytes/Second",
        "Terabytes/Second",
        "Bits/Second",
        "Kilobits/Second",
        "Megabits/Second",
        "Gigabits/Second",
        "Terabits/Second",
        "Count/Second",
        "None",
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (json_is(unit, units[i], strlen(units[i])))
            return true;
    return false;
}

/* Was the value counted under this namespace already, by another directive? */
static bool is_counted(const struct document *d, const struct member *m, struct json_text namespace)
{
    for (uint32_t left = m->directives; left; left &= left - 1) {
        const struct json_text before = d->namespaces[__builtin_ctz(left)];
        if (json_is(before, namespace.at, namespace.len))
            return true;
    }
    return false;
}

static void metric_take(struct document *d, unsigned index, struct json_text namespace,
                        struct json_text name)
{
    struct member *m = member_find(d, name.at, name.len);
    struct emf_target t;
    if (!m) {
        ingest_refuse(d->in, "metric %.*s has no value in the document", json_shown(name), name.at);
        return;
    }
    if (is_counted(d, m, namespace) || emf_target_read(d, m, &t) != 0)
        return;
    m->directives |= 1u << index;
    const size_t name_len = namespace.len + 1 + name.len;
    char *key = d->scratch.at;
    if (name_len + d->tags_len > SERIES_KEY_BYTES_MAX ||
        (size_t)(d->scratch.end - key) < name_len) {
        ingest_refuse(d->in, "name and labels of %.*s are longer than %d bytes", json_shown(name),
                      name.at, SERIES_KEY_BYTES_MAX);
        return;
    }
    memcpy(key, namespace.at, namespace.len);
    key[namespace.len] = '.';
    memcpy(key + namespace.len + 1, name.at, name.len);
    struct sample_line line = {
        .key = {TYPE_ANY, key, name_len, d->tags, d->tags_len, TAGS_PAIRS},
        .values = t.values,
        .n = t.n,
        .weight = 1,
        .counts = t.has_counts ? t.counts : NULL,
        .set = t.has_set ? &t.set : NULL,
        .ts_us = d->ts_us,
    };
    ingest_line(d->in, &line);
}

/* An entry of Metrics; false when the directive cannot be read on. */
static bool metric_read(struct document *d, unsigned index, struct json_text namespace,
                        const char **p, const char *end)
{
    struct json_text name = {NULL, 0}, key, text;
    double resolution = 60;
    const char *refusal = NULL;
    int more;
    const struct json_scratch before = d->scratch;
    if (**p != '{')
        return false;
    ++*p;
    for (bool is_first = true; (more = json_member(p, end, is_first, &d->scratch, &key)) == 1;
         is_first = false) {
        const char *value = *p;
        *p = json_skip(value, end);
        if (JSON_IS(key, "Name"))
            json_string(value, end, &d->scratch, &name);
        else if (JSON_IS(key, "Unit") &&
                 (!json_string(value, end, &d->scratch, &text) || !unit_is_known(text)))
            refusal = "the unit is none of CloudWatch's";
        else if (JSON_IS(key, "StorageResolution") &&
                 (!scan_number(value, end, &resolution) || (resolution != 1 && resolution != 60)))
            refusal = "StorageResolution must be 1 or 60";
    }
    if (more < 0)
        return false;
    if (name.len == 0)
        ingest_refuse(d->in, "a metric has no Name");
    else if (refusal)
        ingest_refuse(d->in, "metric %.*s: %s", json_shown(name), name.at, refusal);
    else
        metric_take(d, index, namespace, name);
    d->scratch = before;
    return true;
}

/* One set of dimension names, *p at its "[". -1 with the document refused. */
static int dimension_set_check(struct document *d, const char **p, const char *end)
{
    struct json_text name, value;
    size_t n = 0;
    int more;
    ++*p;
    for (bool is_first = true; (more = json_element(p, end, is_first)) == 1; is_first = false) {
        *p = json_string(*p, end, &d->scratch, &name);
        if (!*p || ++n > EMF_DIMENSIONS_MAX)
            return ingest_refuse(d->in, "a dimension set must be a list of at most %d names",
                                 EMF_DIMENSIONS_MAX),
                   -1;
        const struct member *m = member_find(d, name.at, name.len);
        if (!m || *m->value != '"' || member_text(d, m, &value) != 0 ||
            value.len > EMF_DIMENSION_BYTES_MAX) {
            ingest_refuse(d->in, "dimension %.*s must be a text of the document, at most %d bytes",
                          json_shown(name), name.at, EMF_DIMENSION_BYTES_MAX);
            return -1;
        }
    }
    return more;
}

static int dimensions_check(struct document *d, const char *p, const char *end)
{
    const struct json_scratch before = d->scratch;
    int more = -1;
    if (p && *p == '[') {
        p++;
        for (bool is_first = true; (more = json_element(&p, end, is_first)) == 1;
             is_first = false) {
            if (*p != '[')
                break;
            if (dimension_set_check(d, &p, end) != 0)
                return -1;
        }
    }
    d->scratch = before;
    if (more == 0)
        return 0;
    return ingest_refuse(d->in, "Dimensions must be a list of lists of names"), -1;
}

static void directive_take(struct document *d, unsigned index, const struct directive *v)
{
    const char *p = v->metrics;
    size_t n = 0;
    int more = -1;
    d->namespaces[index] = v->namespace;
    if (v->namespace.len == 0) {
        ingest_refuse(d->in, "a directive has no Namespace");
        return;
    }
    if (dimensions_check(d, v->dimensions, v->end) != 0)
        return;
    if (p && *p == '[') {
        p++;
        for (bool is_first = true; (more = json_element(&p, v->end, is_first)) == 1;
             is_first = false) {
            if (++n > EMF_METRICS_MAX) {
                ingest_refuse(d->in, "a directive names more than %d metrics", EMF_METRICS_MAX);
                return;
            }
            if (!metric_read(d, index, v->namespace, &p, v->end))
                break;
        }
    }
    if (more != 0)
        ingest_refuse(d->in, "Metrics must be a list of objects with a Name");
}

/* The directive that begins at *p; -1 when it is none. */
static int directive_read(struct document *d, const char **p, const char *end,
                          struct directive *out)
{
    struct json_text key;
    int more;
    *out = (struct directive){.end = end};
    if (**p != '{')
        return -1;
    ++*p;
    for (bool is_first = true; (more = json_member(p, end, is_first, &d->scratch, &key)) == 1;
         is_first = false) {
        const char *value = *p;
        *p = json_skip(value, end);
        if (JSON_IS(key, "Namespace"))
            json_string(value, end, &d->scratch, &out->namespace);
        else if (JSON_IS(key, "Dimensions"))
            out->dimensions = value;
        else if (JSON_IS(key, "Metrics"))
            out->metrics = value;
    }
    return more;
}

static void directives_take(struct document *d, const char *p, const char *end)
{
    unsigned n = 0;
    int more = -1;
    if (p && *p == '[') {
        p++;
        for (bool is_first = true; (more = json_element(&p, end, is_first)) == 1;
             is_first = false) {
            struct directive v;
            if (n == EMF_DIRECTIVES_MAX) {
                ingest_refuse(d->in, "more than %d metric directives", EMF_DIRECTIVES_MAX);
                return;
            }
            if (directive_read(d, &p, end, &v) != 0) {
                more = -1;
                break;
            }
            directive_take(d, n++, &v);
        }
    }
    if (more != 0)
        ingest_refuse(d->in, "_aws.CloudWatchMetrics must be a list of objects");
}

/* ---- documents ---- */

static int time_check(struct document *d, double ms)
{
    if (!(ms >= 0 && ms <= 1e14)) {
        ingest_refuse(d->in, "_aws.Timestamp must be in milliseconds since 1970");
        return -1;
    }
    d->ts_us = (int64_t)(ms * 1e3);
    if (d->ts_us <= d->in->options->now.us + TS_AHEAD_MAX_US)
        return 0;
    ingest_refuse(d->in, "_aws.Timestamp lies %.3g s ahead; at most 5 s are allowed",
                  (double)(d->ts_us - d->in->options->now.us) / 1e6);
    return -1;
}

/* The members are known, and one is _aws. */
static void document_take(struct document *d, const struct member *aws)
{
    const char *p = aws->value, *directives = NULL;
    double ms = -1;
    struct json_text key;
    int more = -1;
    if (*p == '{') {
        p++;
        for (bool is_first = true;
             (more = json_member(&p, aws->end, is_first, &d->scratch, &key)) == 1;
             is_first = false) {
            if (JSON_IS(key, "Timestamp") && !scan_number(p, aws->end, &ms))
                ms = -1;
            else if (JSON_IS(key, "CloudWatchMetrics"))
                directives = p;
            p = json_skip(p, aws->end);
        }
    }
    if (more != 0)
        ingest_refuse(d->in, "_aws must be an object");
    else if (time_check(d, ms) == 0 && tags_build(d) == 0)
        directives_take(d, directives, aws->end);
}

static void document_open(struct document *d, struct ingest *in)
{
    d->in = in;
    d->scratch = (struct json_scratch){in->shard->scratch, in->shard->scratch + SCRATCH_BYTES};
    d->n = 0;
}

/* ---- what CloudWatch Logs wraps around them ---- */

/* A log event's message. One that is no document of ours is somebody's log line. */
static void message_take(struct ingest *in, const char *bytes, size_t len)
{
    struct document d;
    document_open(&d, in);
    const char *p = json_space(bytes, bytes + len);
    if (p == bytes + len || *p != '{' || json_skip(p, bytes + len) == NULL) {
        in->answer->unrouted++;
        return;
    }
    if (members_read(&d, p, bytes + len) != 0)
        return;
    const struct member *aws = member_find(&d, "_aws", 4);
    if (aws)
        document_take(&d, aws);
    else
        in->answer->unrouted++;
}

/* Its message, decoded; -1 when the event at *p is no object. */
static int event_read(const char **p, const char *end, struct json_scratch *scratch,
                      struct json_text *message)
{
    struct json_text key;
    int more;
    if (**p != '{')
        return -1;
    ++*p;
    for (bool is_first = true; (more = json_member(p, end, is_first, scratch, &key)) == 1;
         is_first = false) {
        if (JSON_IS(key, "message") && !json_string(*p, end, scratch, message))
            return -1;
        *p = json_skip(*p, end);
    }
    return more;
}

/* {"logEvents": [{"timestamp": ms, "message": "{...}"}]}: PutLogEvents and subscriptions. */
static void events_take(struct ingest *in, const char *p, const char *end)
{
    char *room = NULL;
    int more = -1;
    if (*p == '[') {
        room = mem_alloc((size_t)(end - p) + 4);
        p++;
        for (bool is_first = true; (more = json_element(&p, end, is_first)) == 1;
             is_first = false) {
            struct json_scratch scratch = {room, room + (end - p) + 4};
            struct json_text message = {NULL, 0};
            if (event_read(&p, end, &scratch, &message) != 0 || !message.at) {
                more = -1;
                break;
            }
            message_take(in, message.at, message.len);
        }
    }
    if (more != 0)
        ingest_refuse(in, "logEvents must be a list of objects with a message");
    free(room);
}

static void line_read(struct ingest *in, const char *p, const char *end)
{
    struct document d;
    document_open(&d, in);
    if (members_read(&d, p, end) != 0)
        return;
    const struct member *aws = member_find(&d, "_aws", 4);
    const struct member *events = aws ? NULL : member_find(&d, "logEvents", 9);
    if (aws)
        document_take(&d, aws);
    else if (events)
        events_take(in, events->value, events->end);
    else
        ingest_refuse(in, "no member _aws: this is no Embedded Metric Format document");
}

static int emf_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    const char *end = bytes + len;
    for (const char *p; (p = ingest_next_line(in, &bytes, end, EMF_DOCUMENT_BYTES_MAX));)
        line_read(in, p, p + in->line_len);
    return 0;
}

const struct ingest_format ingest_emf = {
    .name = "emf", .read = emf_read, .refused = COUNT_REFUSED_EMF, .received = COUNT_LINES_EMF};
