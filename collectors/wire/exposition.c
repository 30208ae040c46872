#include "collectors/wire/exposition.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "collectors/wire/scan.h"
#include "lib/base/num.h"

struct family {
    const char *name;
    size_t len;
    enum exposition_type type;
};

struct reader {
    exposition_fn *fn;
    void *user;
    struct family family; /* of the last # TYPE line */
    struct exposition_label labels[SCRAPE_LABELS_MAX];
};

static const char *const type_names[] = {
    [EXPOSITION_UNTYPED] = "untyped",     [EXPOSITION_COUNTER] = "counter",
    [EXPOSITION_GAUGE] = "gauge",         [EXPOSITION_SUMMARY] = "summary",
    [EXPOSITION_HISTOGRAM] = "histogram",
};

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static const char *skip_word(const char *p, const char *end)
{
    while (p < end && *p != ' ' && *p != '\t')
        p++;
    return p;
}

static const char *skip_name(const char *p, const char *end, bool is_metric)
{
    const char *start = p;
    while (p < end) {
        char c = *p;
        bool is_letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
        if (!is_letter && !(p > start && scan_is_digit(c)) && !(is_metric && c == ':'))
            break;
        p++;
    }
    return p;
}

int exposition_number(const char *text, size_t len, double *out)
{
    const char *end = text + len;
    const char *p = text + (len > 0 && *text == '+');
    bool is_negative = p < end && *p == '-';
    if (is_negative && p > text)
        return -1; /* "+-1" */
    if (p < end && scan_number(p, end, out) == end)
        return 0;
    p += is_negative;
    size_t left = (size_t)(end - p);
    if ((left == 3 && strncasecmp(p, "inf", 3) == 0) ||
        (left == 8 && strncasecmp(p, "infinity", 8) == 0)) {
        *out = is_negative ? -INFINITY : INFINITY;
        return 0;
    }
    if (p == text && left == 3 && strncasecmp(p, "nan", 3) == 0) { /* no sign */
        *out = NAN;
        return 0;
    }
    /* "1." and ".5" are numbers in this format */
    char padded[72];
    const char *point = memchr(p, '.', left);
    if (!point || left + 2 >= sizeof(padded))
        return -1;
    size_t whole = (size_t)(point - p), at = 0;
    if (whole == 0)
        padded[at++] = '0';
    memcpy(padded + at, p, whole + 1);
    at += whole + 1;
    if (point + 1 == end || !scan_is_digit(point[1]))
        padded[at++] = '0';
    memcpy(padded + at, point + 1, left - whole - 1);
    at += left - whole - 1;
    if (left < 2 || scan_number(padded, padded + at, out) != padded + at)
        return -1;
    *out = is_negative ? -*out : *out;
    return 0;
}

static void type_read(struct reader *r, const char *p, const char *end)
{
    const char *stop = skip_word(p, end);
    struct family f = {p, (size_t)(stop - p), EXPOSITION_UNTYPED};
    p = skip_space(stop, end);
    size_t len = (size_t)(skip_word(p, end) - p);
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (len == strlen(type_names[i]) && memcmp(p, type_names[i], len) == 0)
            f.type = (enum exposition_type)i;
    }
    r->family = f;
}

/* HELP and comments are passed over. */
static void comment_read(struct reader *r, const char *p, const char *end)
{
    p = skip_space(p + 1, end);
    if (end - p > 5 && memcmp(p, "TYPE", 4) == 0 && (p[4] == ' ' || p[4] == '\t'))
        type_read(r, skip_space(p + 4, end), end);
}

/* The family of name: itself, or what it is the _bucket, _sum or _count of. */
static enum exposition_type type_of(const struct family *f, const char *name, size_t len)
{
    if (f->len == 0 || len < f->len || memcmp(name, f->name, f->len) != 0)
        return EXPOSITION_UNTYPED;
    if (len == f->len)
        return f->type;
    bool has_parts = f->type == EXPOSITION_HISTOGRAM || f->type == EXPOSITION_SUMMARY;
    return has_parts && name[f->len] == '_' ? f->type : EXPOSITION_UNTYPED;
}

/* One `name="value"`; returns where it ends or NULL. */
static const char *label_read(const char *p, const char *end, struct exposition_label *out)
{
    const char *stop = skip_name(p, end, false);
    if (stop == p)
        return NULL;
    *out = (struct exposition_label){.name = p, .name_len = (size_t)(stop - p)};
    p = skip_space(stop, end);
    if (p == end || *p != '=')
        return NULL;
    p = skip_space(p + 1, end);
    if (p == end || *p != '"')
        return NULL;
    out->raw = ++p;
    while (p < end && *p != '"')
        p += *p == '\\' ? 2 : 1;
    if (p >= end)
        return NULL;
    out->raw_len = (size_t)(p - out->raw);
    return p + 1;
}

/* "{...}" at p; returns what follows or NULL. */
static const char *labels_read(struct reader *r, const char *p, const char *end, size_t *n)
{
    p = skip_space(p + 1, end);
    for (*n = 0; p < end && *p != '}';) {
        if (*n == SCRAPE_LABELS_MAX)
            return NULL;
        p = label_read(p, end, &r->labels[*n]);
        if (!p)
            return NULL;
        ++*n;
        p = skip_space(p, end);
        if (p < end && *p == ',')
            p = skip_space(p + 1, end);
        else if (p == end || *p != '}')
            return NULL;
    }
    return p < end ? p + 1 : NULL;
}

static int sample_read(struct reader *r, const char *p, const char *end)
{
    struct exposition_sample s = {.series = p, .name = p, .labels = r->labels};
    const char *q = skip_name(p, end, true);
    if (q == p)
        return -1;
    s.name_len = (size_t)(q - p);
    s.series_len = s.name_len;
    const char *brace = skip_space(q, end);
    if (brace < end && *brace == '{') {
        q = labels_read(r, brace, end, &s.n_labels);
        if (!q)
            return -1;
        s.series_len = (size_t)(q - p);
    }
    p = skip_space(q, end);
    q = skip_word(p, end);
    if (exposition_number(p, (size_t)(q - p), &s.value) != 0)
        return -1;
    p = skip_space(q, end);
    q = skip_word(p, end);
    if (p < q) {
        if (num_parse_i64(p, (size_t)(q - p), &s.time_ms) != 0)
            return -1;
        s.has_time = true;
    }
    if (skip_space(q, end) != end)
        return -1;
    s.type = type_of(&r->family, s.name, s.name_len);
    r->fn(r->user, &s);
    return 0;
}

size_t exposition_read(const char *bytes, size_t len, exposition_fn *fn, void *user)
{
    struct reader r = {.fn = fn, .user = user};
    size_t bad = 0;
    const char *end = bytes + len;
    for (const char *p = bytes; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        const char *next = newline ? newline + 1 : end;
        if (stop > p && stop[-1] == '\r')
            stop--;
        p = skip_space(p, stop);
        if (p < stop && *p == '#')
            comment_read(&r, p, stop);
        else if (p < stop && sample_read(&r, p, stop) != 0)
            bad++;
        p = next;
    }
    return bad;
}

bool exposition_value_is(const struct exposition_label *label, const char *text)
{
    const char *p = label->raw, *end = p + label->raw_len;
    while (p < end) {
        char c = *p++;
        if (c == '\\' && p < end) {
            char escaped = *p++;
            /* \\ \" \n; anything else stands for itself with its backslash */
            if (escaped != '\\' && escaped != '"' && escaped != 'n') {
                if (*text++ != '\\')
                    return false;
            }
            c = escaped == 'n' ? '\n' : escaped;
        }
        if (*text == '\0' || *text++ != c)
            return false;
    }
    return *text == '\0';
}

const struct exposition_label *exposition_label(const struct exposition_sample *s, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < s->n_labels; i++) {
        if (s->labels[i].name_len == len && memcmp(s->labels[i].name, name, len) == 0)
            return &s->labels[i];
    }
    return NULL;
}
