/*
 * One value of a spec: read as its field's type, or complained about with what would be right.
 */
#include "lib/model/fields.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"

const char *shown_value(struct arena *a, const struct node *n)
{
    if (n->type == NODE_ARRAY || n->type == NODE_OBJECT || n->type == NODE_NULL)
        return n->type == NODE_ARRAY ? "a list" : n->type == NODE_OBJECT ? "an object" : "null";
    const char *text = n->type == NODE_BOOL ? (n->boolean ? "true" : "false") : n->text;
    return arena_printf(a, "`%.60s%s`", text, strlen(text) > 60 ? "..." : "");
}

static bool wrong(struct reader *r, const struct node *v, const struct field *f)
{
    /* Somebody may have written the secret where its name belongs: not shown. */
    if (f->name && strstr(f->name, "secret")) {
        complain(r, v, NULL, "cannot be the name of a secret; write %s", field_wants(r->arena, f));
        return false;
    }
    complain(r, v, NULL, "is %s; write %s", shown_value(r->arena, v), field_wants(r->arena, f));
    return false;
}

/*
 * The text of a scalar that should be text. A plain YAML scalar that looks like a number (a
 * revision 1234567) is the text as written; JSON says itself what is text.
 */
static const char *text_of(const struct node *v)
{
    if (v->type == NODE_STRING || (v->line > 0 && v->type == NODE_NUMBER))
        return v->text;
    return NULL;
}

static bool is_plain_text(const char *text, size_t max)
{
    size_t n = 0;
    for (; text[n]; n++)
        if ((unsigned char)text[n] < 0x20 || text[n] == 0x7f)
            return false;
    return n > 0 && n <= max;
}

static bool is_name(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (!((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= '0' && text[n] <= '9') ||
              (text[n] == '-' && n > 0)))
            return false;
    return n > 0 && n <= MODEL_NAME_MAX && text[n - 1] != '-';
}

/* http(s)://host...: no white space, no user or password (a secret has no place in a spec). */
static bool is_url(const char *text)
{
    const char *host = NULL;
    if (strncmp(text, "http://", 7) == 0)
        host = text + 7;
    else if (strncmp(text, "https://", 8) == 0)
        host = text + 8;
    if (!host || !is_plain_text(text, FIELD_STRING_MAX) || strchr(text, ' '))
        return false;
    size_t n = strcspn(host, "/?#");
    return n > 0 && host[0] != ':' && !memchr(host, '@', n);
}

static bool read_text(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    const char *text = text_of(v);
    bool is_good = text && is_plain_text(text, FIELD_STRING_MAX) &&
                   (f->type != FIELD_NAME || is_name(text)) &&
                   (f->type != FIELD_URL || is_url(text));
    if (!is_good && f->type == FIELD_URL && text && strchr(text, '@')) {
        /* Not shown: what stands before the @ may be a password. */
        complain(r, v, NULL, "holds an @: a user or password has no place in a spec; write %s",
                 field_wants(r->arena, f));
        return false;
    }
    if (!is_good)
        return wrong(r, v, f);
    const char *copy = arena_strdup(r->arena, text);
    memcpy(at, &copy, sizeof(copy));
    return true;
}

static bool is_in_range(const struct field *f, double value)
{
    return (f->min == 0 && f->max == 0) || (value >= f->min && value <= f->max);
}

static bool read_int(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    int64_t value;
    if (v->type != NODE_NUMBER || num_parse_i64(v->text, strlen(v->text), &value) != 0 ||
        !is_in_range(f, (double)value))
        return wrong(r, v, f);
    memcpy(at, &value, sizeof(value));
    return true;
}

static bool read_number(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    if (v->type != NODE_NUMBER || !isfinite(v->number) || !is_in_range(f, v->number))
        return wrong(r, v, f);
    double value = v->number + 0.0; /* -0 is 0 */
    memcpy(at, &value, sizeof(value));
    return true;
}

static bool read_fraction(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    double value;
    bool has_percent = false;
    if (v->type == NODE_NUMBER)
        value = v->number;
    else if (v->type != NODE_STRING ||
             num_parse_fraction(v->text, strlen(v->text), &value, &has_percent) != 0)
        return wrong(r, v, f);
    if (!isfinite(value))
        return wrong(r, v, f);
    if (!is_in_range(f, value)) {
        /* `5` where 5 % was meant is the commonest slip of all. */
        if (!has_percent && value >= 1 && is_in_range(f, value / 100))
            complain(r, v, NULL, "is `%.40s`, which is %.6g %%; did you mean `%.40s%%`? Write %s",
                     v->text, value * 100, v->text, field_wants(r->arena, f));
        else
            wrong(r, v, f);
        return false;
    }
    value += 0.0; /* -0 is 0 */
    memcpy(at, &value, sizeof(value));
    return true;
}

static bool read_duration(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    int64_t us;
    if (v->type == NODE_NUMBER && v->number == 0) {
        us = 0;
    } else if (v->type == NODE_NUMBER) {
        complain(r, v, NULL, "is `%.40s` without a unit; did you mean `%.40ss`? Write %s", v->text,
                 v->text, field_wants(r->arena, f));
        return false;
    } else if (v->type != NODE_STRING || duration_parse(v->text, &us) != 0) {
        return wrong(r, v, f);
    }
    if (!is_in_range(f, (double)us / 1e6))
        return wrong(r, v, f);
    memcpy(at, &us, sizeof(us));
    return true;
}

/* The index of text[0..len) in "a|b|c", or -1. */
static int choice_find(const char *choices, const char *text, size_t len)
{
    int index = 0;
    for (const char *at = choices;; index++) {
        size_t n = strcspn(at, "|");
        if (n == len && strncmp(at, text, n) == 0)
            return index;
        if (at[n] == '\0')
            return -1;
        at += n + 1;
    }
}

static bool read_choice(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    int index = v->type == NODE_STRING ? choice_find(f->choices, v->text, strlen(v->text)) : -1;
    if (index < 0)
        return wrong(r, v, f);
    memcpy(at, &index, sizeof(index));
    return true;
}

static bool read_bool(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    if (v->type != NODE_BOOL)
        return wrong(r, v, f);
    memcpy(at, &v->boolean, sizeof(bool));
    return true;
}

static bool read_labels(struct reader *r, const struct node *v, const struct field *f,
                        struct labels *out)
{
    if (v->type != NODE_OBJECT)
        return wrong(r, v, f);
    if (v->len > FIELD_LABELS_MAX) {
        complain(r, v, NULL, "holds %zu labels; at most %d are taken", v->len, FIELD_LABELS_MAX);
        return false;
    }
    bool is_good = true;
    struct label *items = arena_array(r->arena, v->len, sizeof(*items));
    size_t n = 0;
    for (const struct node *i = v->first; i; i = i->next) {
        const char *value = text_of(i);
        if (!is_plain_text(i->key, LABEL_NAME_BYTES)) {
            complain(r, i, NULL, "is no label name: 1 to %d bytes, no control characters",
                     LABEL_NAME_BYTES);
            is_good = false;
        } else if (!value || !is_plain_text(value, LABEL_VALUE_BYTES)) {
            complain(r, i, NULL, "is %s; a label's value is text in quotes, 1 to %d bytes",
                     shown_value(r->arena, i), LABEL_VALUE_BYTES);
            is_good = false;
        } else {
            items[n++] =
                (struct label){arena_strdup(r->arena, i->key), arena_strdup(r->arena, value)};
        }
    }
    *out = (struct labels){items, n};
    return is_good;
}

static bool read_cohorts(struct reader *r, const struct node *v, const struct field *f, void *at)
{
    static const struct field sides[] = {
        {.name = "baseline",
         .type = FIELD_LABELS,
         .offset = offsetof(struct cohort_labels, baseline),
         .is_required = true},
        {.name = "candidate",
         .type = FIELD_LABELS,
         .offset = offsetof(struct cohort_labels, candidate),
         .is_required = true},
    };
    if (v->type != NODE_OBJECT)
        return wrong(r, v, f);
    struct cohort_labels value = {0};
    struct field_table table = {sides, 2, &value};
    if (!fields_read(r, v, "`cohorts`", &table, 1))
        return false;
    if (value.baseline.n == 0 || value.candidate.n == 0) {
        complain(r, v, NULL, "gives a cohort no label; write %s", field_wants(r->arena, f));
        return false;
    }
    memcpy(at, &value, sizeof(value));
    return true;
}

bool field_read(struct reader *r, const struct node *value, const struct field *f, void *target)
{
    if (f->type == FIELD_PART)
        return true;
    void *at = (char *)target + f->offset;
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_NAME:
    case FIELD_URL:
        return read_text(r, value, f, at);
    case FIELD_BOOL:
        return read_bool(r, value, f, at);
    case FIELD_INT:
        return read_int(r, value, f, at);
    case FIELD_NUMBER:
        return read_number(r, value, f, at);
    case FIELD_FRACTION:
        return read_fraction(r, value, f, at);
    case FIELD_DURATION:
        return read_duration(r, value, f, at);
    case FIELD_CHOICE:
        return read_choice(r, value, f, at);
    case FIELD_LABELS:
        return read_labels(r, value, f, at);
    case FIELD_COHORTS:
        return read_cohorts(r, value, f, at);
    case FIELD_PART:
        return true;
    }
    return true;
}
