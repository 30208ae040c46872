#include "collectors/promql/promql_reply.h"

#include <math.h>
#include <string.h>

#include "collectors/wire/json_scan.h"
#include "collectors/limits.h"
#include "collectors/wire/scan.h"

#define INFO_PREFIX "PromQL info"

/* ---- JSON, as far as it is needed ---- */

struct cursor {
    const char *at, *end;
    struct arena *arena;
    struct err *err;
};

static int malformed(struct cursor *c, const char *want)
{
    return err_set(c->err, ERR_PROTOCOL, "the answer is no reply of Prometheus' API: want %s",
                   want);
}

static void skip_space(struct cursor *c)
{
    c->at = json_space(c->at, c->end);
}

/* Is the next character this one? Then it is taken. */
static bool take(struct cursor *c, char want)
{
    skip_space(c);
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    return true;
}

static char peek(struct cursor *c)
{
    skip_space(c);
    return c->at < c->end ? *c->at : '\0';
}

/* The raw text between the quotes. */
static int take_raw(struct cursor *c, const char **text, size_t *len)
{
    if (!take(c, '"'))
        return malformed(c, "a string");
    *text = c->at;
    for (; c->at < c->end && *c->at != '"'; c->at++) {
        if (*c->at == '\\' && ++c->at == c->end)
            break;
    }
    if (c->at >= c->end)
        return malformed(c, "the end of a string");
    *len = (size_t)(c->at++ - *text);
    return 0;
}

/* Decoded text of what stands between two quotes, NUL added. */
static const char *decode(struct cursor *c, const char *raw, size_t len)
{
    char *room = arena_alloc(c->arena, len + 4); /* as json_string wants it */
    struct json_scratch scratch = {room, room + len + 4};
    struct json_text text;
    if (!json_string(raw - 1, raw + len + 1, &scratch, &text)) {
        malformed(c, "text of valid escapes, without control characters");
        return NULL;
    }
    return arena_copy(c->arena, text.at, text.len);
}

static const char *take_text(struct cursor *c)
{
    const char *raw;
    size_t len;
    return take_raw(c, &raw, &len) == 0 ? decode(c, raw, len) : NULL;
}

/* Any value, unread. */
static int skip_value(struct cursor *c)
{
    skip_space(c);
    const char *behind = json_skip(c->at, c->end);
    if (!behind)
        return malformed(c, "a value, closed and not too deep");
    c->at = behind;
    return 0;
}

/*
 * The members of an object, one a call: 1 with the name, 0 at the end, -1.
 *   for (bool is_first = true; (rc = next_member(c, &is_first, &name, &len)) == 1;) ...
 */
static int next_member(struct cursor *c, bool *is_first, const char **name, size_t *len)
{
    if (*is_first && !take(c, '{'))
        return malformed(c, "an object");
    if (take(c, '}'))
        return 0;
    if (!*is_first && !take(c, ','))
        return malformed(c, "`,` or `}`");
    *is_first = false;
    if (take_raw(c, name, len) != 0)
        return -1;
    return take(c, ':') ? 1 : malformed(c, "`:`");
}

/* The same for an array; the value is the caller's to take. */
static int next_item(struct cursor *c, bool *is_first)
{
    if (*is_first && !take(c, '['))
        return malformed(c, "an array");
    if (take(c, ']'))
        return 0;
    if (!*is_first && !take(c, ','))
        return malformed(c, "`,` or `]`");
    *is_first = false;
    return 1;
}

static bool is_name(const char *name, size_t len, const char *want)
{
    return len == strlen(want) && memcmp(name, want, len) == 0;
}

/* ---- the reply ---- */

struct reading {
    struct cursor c;
    const struct promql_steps *steps;
    struct promql_reply *reply;
    struct promql_series *series; /* room for `cap` */
    size_t cap;
    const char *status, *error_type, *error, *result_type;
    bool is_partial, has_result;
};

/* [1795400000.25, "12.5"] */
static int take_value(struct reading *r, struct promql_series *s)
{
    struct cursor *c = &r->c;
    double seconds, value = NAN;
    const char *raw;
    size_t len;
    if (!take(c, '['))
        return malformed(c, "[time, \"value\"]");
    skip_space(c);
    const char *after = scan_number(c->at, c->end, &seconds);
    if (!after || !(fabs(seconds) < 1e13))
        return malformed(c, "a time in seconds");
    c->at = after;
    if (!take(c, ',') || take_raw(c, &raw, &len) != 0 || !take(c, ']'))
        return malformed(c, "[time, \"value\"]");
    after = scan_number(raw, raw + len, &value);
    if (after != raw + len) {
        if (!is_name(raw, len, "NaN") && !is_name(raw, len, "+Inf") && !is_name(raw, len, "-Inf"))
            return malformed(c, "a number in quotes");
        value = NAN;
    }
    int64_t ms = llround(seconds * 1000) - r->steps->first_ms;
    bool is_step = r->steps->n == 1 || (ms % r->steps->step_ms == 0 && ms >= 0 &&
                                        ms / r->steps->step_ms < (int64_t)r->steps->n);
    if (!is_step)
        return err_set(c->err, ERR_PROTOCOL,
                       "the server answers for a time that was not asked for (it aligns steps, or "
                       "splits the query): %.3f",
                       seconds);
    s->values[r->steps->n == 1 ? 0 : ms / r->steps->step_ms] = value;
    return 0;
}

static int take_values(struct reading *r, struct promql_series *s)
{
    int rc;
    for (bool is_first = true; (rc = next_item(&r->c, &is_first)) == 1;)
        if (take_value(r, s) != 0)
            return -1;
    return rc;
}

static int take_metric(struct reading *r, struct promql_series *s)
{
    struct label labels[PROMQL_LABELS_MAX];
    const char *name;
    size_t len, n = 0;
    int rc;
    for (bool is_first = true; (rc = next_member(&r->c, &is_first, &name, &len)) == 1;) {
        const char *key = decode(&r->c, name, len), *value = key ? take_text(&r->c) : NULL;
        if (!value)
            return -1;
        if (strcmp(key, "__name__") == 0)
            s->name = value;
        else if (n == PROMQL_LABELS_MAX)
            return err_set(r->c.err, ERR_LIMIT, "a series has more than %d labels",
                           PROMQL_LABELS_MAX);
        else
            labels[n++] = (struct label){key, value};
    }
    s->labels.n = n;
    s->labels.items = n ? arena_copy(r->c.arena, labels, n * sizeof(*labels)) : NULL;
    return rc;
}

static int series_new(struct reading *r, struct promql_series **out)
{
    struct promql_reply *reply = r->reply;
    if (reply->n == PROMQL_SERIES_MAX)
        return err_set(r->c.err, ERR_LIMIT,
                       "the query gives more than %d series: choose fewer with labels",
                       PROMQL_SERIES_MAX);
    if (reply->n == r->cap) { /* what is left behind dies with the arena */
        size_t cap = r->cap ? 2 * r->cap : 16;
        struct promql_series *more = arena_array(r->c.arena, cap, sizeof(*more));
        if (reply->n)
            memcpy(more, r->series, reply->n * sizeof(*more));
        r->series = more;
        r->cap = cap;
    }
    struct promql_series *s = &r->series[reply->n++];
    *s = (struct promql_series){.values = arena_array(r->c.arena, r->steps->n, sizeof(*s->values))};
    for (size_t i = 0; i < r->steps->n; i++)
        s->values[i] = NAN;
    *out = s;
    return 0;
}

static int take_series(struct reading *r)
{
    struct promql_series *s;
    const char *name;
    size_t len;
    int rc;
    if (series_new(r, &s) != 0)
        return -1;
    for (bool is_first = true; (rc = next_member(&r->c, &is_first, &name, &len)) == 1;) {
        if (is_name(name, len, "metric"))
            rc = take_metric(r, s);
        else if (is_name(name, len, "values"))
            rc = take_values(r, s);
        else if (is_name(name, len, "value"))
            rc = take_value(r, s);
        else if (is_name(name, len, "histogram") || is_name(name, len, "histograms"))
            rc = err_set(r->c.err, ERR_INPUT,
                         "the query gives native histograms, which are not read: use the classic "
                         "_bucket series");
        else
            rc = skip_value(&r->c);
        if (rc != 0)
            return -1;
    }
    return rc;
}

/* A list of series, or one [time, "value"] of a scalar. */
static int take_result(struct reading *r)
{
    struct cursor *c = &r->c;
    const char *start;
    int rc;
    r->has_result = true;
    if (peek(c) != '[')
        return malformed(c, "a list of series");
    start = c->at++;
    char first = peek(c);
    c->at = start;
    if (first != '{' && first != ']') {
        struct promql_series *s;
        r->reply->is_scalar = true;
        return series_new(r, &s) == 0 ? take_value(r, s) : -1;
    }
    for (bool is_first = true; (rc = next_item(c, &is_first)) == 1;)
        if (take_series(r) != 0)
            return -1;
    return rc;
}

static int take_data(struct reading *r)
{
    const char *name;
    size_t len;
    int rc;
    if (peek(&r->c) != '{')
        return skip_value(&r->c); /* of an error: null, or nothing of interest */
    for (bool is_first = true; (rc = next_member(&r->c, &is_first, &name, &len)) == 1;) {
        if (is_name(name, len, "resultType"))
            rc = (r->result_type = take_text(&r->c)) ? 0 : -1;
        else if (is_name(name, len, "result") && r->result_type &&
                 strcmp(r->result_type, "string") == 0)
            rc = err_set(r->c.err, ERR_INPUT, "the query gives text, not numbers");
        else if (is_name(name, len, "result"))
            rc = take_result(r);
        else
            rc = skip_value(&r->c);
        if (rc != 0)
            return -1;
    }
    return rc;
}

/* What is only advice about the query ("PromQL info: ...") says nothing of the values. */
static int take_warnings(struct reading *r)
{
    int rc;
    if (peek(&r->c) != '[')
        return skip_value(&r->c);
    for (bool is_first = true; (rc = next_item(&r->c, &is_first)) == 1;) {
        const char *text = take_text(&r->c);
        if (!text)
            return -1;
        if (!r->reply->warning && strncmp(text, INFO_PREFIX, strlen(INFO_PREFIX)) != 0)
            r->reply->warning = text;
    }
    return rc;
}

static int take_reply(struct reading *r)
{
    const char *name;
    size_t len;
    int rc;
    for (bool is_first = true; (rc = next_member(&r->c, &is_first, &name, &len)) == 1;) {
        if (is_name(name, len, "data"))
            rc = take_data(r);
        else if (is_name(name, len, "warnings"))
            rc = take_warnings(r);
        else if (is_name(name, len, "isPartial")) { /* VictoriaMetrics */
            r->is_partial = peek(&r->c) == 't';
            rc = skip_value(&r->c);
        } else if (peek(&r->c) != '"')
            rc = skip_value(&r->c);
        else if (is_name(name, len, "status"))
            rc = (r->status = take_text(&r->c)) ? 0 : -1;
        else if (is_name(name, len, "errorType"))
            rc = (r->error_type = take_text(&r->c)) ? 0 : -1;
        else if (is_name(name, len, "error"))
            rc = (r->error = take_text(&r->c)) ? 0 : -1;
        else
            rc = skip_value(&r->c);
        if (rc != 0)
            return -1;
    }
    return rc;
}

int promql_reply_read(struct promql_reply *reply, const char *body, size_t len,
                      const struct promql_steps *steps, struct arena *a, struct err *err)
{
    *reply = (struct promql_reply){0};
    struct reading r = {.c = {body, body + len, a, err}, .steps = steps, .reply = reply};
    if (take_reply(&r) != 0)
        return -1;
    if (r.status && strcmp(r.status, "error") == 0)
        return err_set(err, ERR_PLATFORM, "%.40s: %.300s", r.error_type ? r.error_type : "error",
                       r.error ? r.error : "no reason given");
    if (!r.status || strcmp(r.status, "success") != 0 || !r.has_result)
        return malformed(&r.c, "{\"status\": \"success\", \"data\": {\"result\": ...}}");
    if (r.is_partial && !reply->warning)
        reply->warning = "partial response";
    reply->series = r.series;
    return 0;
}

/* ---- series ---- */

const char *promql_series_label(const struct promql_series *s, const char *name)
{
    for (size_t i = 0; i < s->labels.n; i++) {
        if (strcmp(s->labels.items[i].name, name) == 0)
            return s->labels.items[i].value;
    }
    return "";
}

bool promql_series_has(const struct promql_series *s, const struct labels *labels)
{
    for (size_t i = 0; i < labels->n; i++) {
        if (strcmp(promql_series_label(s, labels->items[i].name), labels->items[i].value) != 0)
            return false;
    }
    return true;
}

void promql_series_words(const struct promql_series *s, struct buf *out)
{
    buf_add_str(out, s->name ? s->name : "");
    buf_add_char(out, '{');
    for (size_t i = 0; i < s->labels.n; i++)
        buf_addf(out, "%s%s=\"%s\"", i ? "," : "", s->labels.items[i].name,
                 s->labels.items[i].value);
    buf_add_char(out, '}');
}
