/*
 * What the tables give besides reading: canonical JSON, the words of complaints, JSON Schema.
 */
#include "lib/model/fields.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"

static void write_labels(struct writer *w, const struct labels *labels)
{
    writer_object(w);
    for (size_t i = 0; i < labels->n; i++)
        writer_kv_string(w, labels->items[i].name, labels->items[i].value);
    writer_end(w);
}

static void write_choice(struct writer *w, const char *choices, int index)
{
    const char *at = choices;
    while (index-- > 0)
        at += strcspn(at, "|") + 1;
    writer_string_n(w, at, strcspn(at, "|"));
}

/* Nothing was given and there is no default: the member is left out. */
static bool is_absent(const struct field *f, const void *at)
{
    const char *text;
    double number;
    int choice;
    int64_t integer;
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_NAME:
    case FIELD_URL:
        memcpy(&text, at, sizeof(text));
        return text == NULL;
    case FIELD_NUMBER:
    case FIELD_FRACTION:
        memcpy(&number, at, sizeof(number));
        return isnan(number);
    case FIELD_CHOICE:
        memcpy(&choice, at, sizeof(choice));
        return choice < 0;
    case FIELD_INT:
    case FIELD_DURATION:
        memcpy(&integer, at, sizeof(integer));
        return integer == 0 && !f->dflt;
    case FIELD_LABELS:
        return ((const struct labels *)at)->n == 0;
    case FIELD_COHORTS:
        return ((const struct cohort_labels *)at)->baseline.n == 0;
    case FIELD_BOOL:
        return false;
    case FIELD_PART:
        return true;
    }
    return true;
}

static void write_value(struct writer *w, const struct field *f, const void *at)
{
    char text[WALL_TEXT_BYTES];
    const struct cohort_labels *cohorts = at;
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_NAME:
    case FIELD_URL:
        writer_string(w, *(const char *const *)at);
        break;
    case FIELD_BOOL:
        writer_bool(w, *(const bool *)at);
        break;
    case FIELD_INT:
        writer_int(w, *(const int64_t *)at);
        break;
    case FIELD_NUMBER:
    case FIELD_FRACTION:
        writer_number(w, *(const double *)at);
        break;
    case FIELD_DURATION:
        writer_string(w, duration_format(*(const int64_t *)at, text));
        break;
    case FIELD_CHOICE:
        write_choice(w, f->choices, *(const int *)at);
        break;
    case FIELD_LABELS:
        write_labels(w, at);
        break;
    case FIELD_COHORTS:
        writer_object(w);
        writer_key(w, "baseline");
        write_labels(w, &cohorts->baseline);
        writer_key(w, "candidate");
        write_labels(w, &cohorts->candidate);
        writer_end(w);
        break;
    case FIELD_PART:
        break;
    }
}

void fields_write(struct writer *w, const struct field *fields, size_t n, const void *target)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        const void *at = f->type == FIELD_PART ? NULL : (const char *)target + f->offset;
        if (f->type == FIELD_PART || is_absent(f, at))
            continue;
        writer_key(w, f->name);
        write_value(w, f, at);
    }
}

void word_write(struct writer *w, const struct spec_word *word)
{
    if (word->connection)
        writer_kv_string(w, "connection", word->connection);
    fields_write(w, word->word->fields, word->word->n_fields, word->config);
}

/* ---- what would be right ---- */

static const char *duration_bound(struct arena *a, double seconds)
{
    char text[WALL_TEXT_BYTES];
    return arena_strdup(a, duration_format((int64_t)llround(seconds * 1e6), text));
}

static const char *range_words(struct arena *a, const struct field *f)
{
    if (f->min == 0 && f->max == 0)
        return "";
    switch (f->type) {
    case FIELD_FRACTION:
        /* Beyond 100000 % a bound is only there to keep numbers finite. */
        if (f->max > 1000)
            return arena_printf(a, " of at least %.6g", f->min);
        return arena_printf(a, " from %.6g %% to %.6g %%", f->min * 100, f->max * 100);
    case FIELD_DURATION:
        return arena_printf(a, " from %s to %s", duration_bound(a, f->min),
                            duration_bound(a, f->max));
    default:
        return arena_printf(a, " from %.15g to %.15g", f->min, f->max);
    }
}

static const char *choice_words(struct arena *a, const char *choices)
{
    struct buf out;
    buf_init(&out, 1024);
    for (const char *at = choices; *at; at++)
        if (*at == '|')
            buf_add_str(&out, ", ");
        else
            buf_add_char(&out, *at);
    const char *text = arena_printf(a, "%s%s", strchr(choices, '|') ? "one of: " : "`", out.data);
    buf_release(&out);
    return strchr(choices, '|') ? text : arena_printf(a, "%s`", text);
}

const char *field_wants(struct arena *a, const struct field *f)
{
    switch (f->type) {
    case FIELD_STRING:
        return arena_printf(a, "text (1 to %d bytes, no control characters)", FIELD_STRING_MAX);
    case FIELD_NAME:
        return arena_printf(a, "a name of a-z, 0-9 and -, at most %d long, no - at its ends",
                            MODEL_NAME_MAX);
    case FIELD_URL:
        return "an address that begins with http:// or https://, without user or password";
    case FIELD_BOOL:
        return "true or false";
    case FIELD_INT:
        return arena_printf(a, "a whole number%s", range_words(a, f));
    case FIELD_NUMBER:
        return arena_printf(a, "a number%s", range_words(a, f));
    case FIELD_FRACTION:
        return arena_printf(a, "a fraction%s, as in `1%%` or 0.01", range_words(a, f));
    case FIELD_DURATION:
        return arena_printf(a, "a duration with its unit%s, as in `500ms`, `30s`, `1h30m`",
                            range_words(a, f));
    case FIELD_CHOICE:
        return choice_words(a, f->choices);
    case FIELD_LABELS:
        return "an object of labels, as in {code: \"5xx\"}";
    case FIELD_COHORTS:
        return "{baseline: {server: stable}, candidate: {server: candidate}}: labels for each";
    case FIELD_PART:
        return f->help;
    }
    return "";
}

/* ---- JSON Schema ---- */

static void schema_range(struct writer *w, const struct field *f)
{
    if (f->min == 0 && f->max == 0)
        return;
    writer_kv_number(w, "minimum", f->min);
    writer_kv_number(w, "maximum", f->max);
}

static void schema_labels(struct writer *w)
{
    writer_kv_string(w, "type", "object");
    writer_kv_int(w, "maxProperties", FIELD_LABELS_MAX);
    writer_kv_object(w, "additionalProperties");
    writer_kv_string(w, "type", "string");
    writer_kv_int(w, "minLength", 1);
    writer_kv_int(w, "maxLength", LABEL_VALUE_BYTES);
    writer_end(w);
}

static void schema_cohorts(struct writer *w)
{
    static const char *const sides[] = {"baseline", "candidate"};
    writer_kv_string(w, "type", "object");
    writer_kv_bool(w, "additionalProperties", false);
    writer_kv_array(w, "required");
    for (size_t i = 0; i < 2; i++)
        writer_string(w, sides[i]);
    writer_end(w);
    writer_kv_object(w, "properties");
    for (size_t i = 0; i < 2; i++) {
        writer_kv_object(w, sides[i]);
        schema_labels(w);
        writer_kv_int(w, "minProperties", 1);
        writer_end(w);
    }
    writer_end(w);
}

static void schema_string(struct writer *w, const char *pattern)
{
    writer_kv_string(w, "type", "string");
    if (pattern)
        writer_kv_string(w, "pattern", pattern);
}

static void schema_fraction(struct writer *w, const struct field *f)
{
    writer_kv_array(w, "anyOf");
    writer_object(w);
    writer_kv_string(w, "type", "number");
    schema_range(w, f);
    writer_end(w);
    writer_object(w);
    schema_string(w, "^[0-9]+(\\.[0-9]+)? ?%?$");
    writer_end(w);
    writer_end(w);
}

static void schema_choice(struct writer *w, const char *choices)
{
    writer_kv_array(w, "enum");
    for (const char *at = choices;; at++) {
        size_t n = strcspn(at, "|");
        writer_string_n(w, at, n);
        at += n;
        if (*at == '\0')
            break;
    }
    writer_end(w);
}

void field_schema(struct writer *w, const struct field *f)
{
    writer_object(w);
    if (f->help)
        writer_kv_string(w, "description", f->help);
    switch (f->type) {
    case FIELD_STRING:
        schema_string(w, NULL);
        writer_kv_int(w, "minLength", 1);
        writer_kv_int(w, "maxLength", FIELD_STRING_MAX);
        break;
    case FIELD_NAME:
        schema_string(w, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$");
        break;
    case FIELD_URL:
        schema_string(w, "^https?://[^ /?#@:][^ /?#@]*([/?#][^ ]*)?$");
        break;
    case FIELD_BOOL:
        writer_kv_string(w, "type", "boolean");
        break;
    case FIELD_INT:
        writer_kv_string(w, "type", "integer");
        schema_range(w, f);
        break;
    case FIELD_NUMBER:
        writer_kv_string(w, "type", "number");
        schema_range(w, f);
        break;
    case FIELD_FRACTION:
        schema_fraction(w, f);
        break;
    case FIELD_DURATION:
        schema_string(w, "^0$|^([0-9]+(\\.[0-9]+)?(d|h|m|s|ms|us))+$");
        break;
    case FIELD_CHOICE:
        schema_choice(w, f->choices);
        break;
    case FIELD_LABELS:
        schema_labels(w);
        break;
    case FIELD_COHORTS:
        schema_cohorts(w);
        break;
    case FIELD_PART:
        break;
    }
    writer_end(w);
}
