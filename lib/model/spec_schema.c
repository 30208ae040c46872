/*
 * The JSON Schema (2020-12) of a release spec, from the tables that read it: what the schema takes
 * and what spec_read takes differ only in combinations (spec_check.c), which a schema cannot say.
 */
#include "lib/model/spec_priv.h"

#include <stdio.h>
#include <string.h>

static void write_words(struct writer *w, const struct word *const *words, size_t n)
{
    writer_kv_array(w, "enum");
    for (size_t i = 0; i < n; i++)
        writer_string(w, words[i]->name);
    writer_end(w);
}

static void write_ref(struct writer *w, const char *name)
{
    char ref[64];
    snprintf(ref, sizeof(ref), "#/$defs/%s", name);
    writer_object(w);
    writer_kv_string(w, "$ref", ref);
    writer_end(w);
}

static void write_const(struct writer *w, const char *text)
{
    writer_object(w);
    writer_kv_string(w, "const", text);
    writer_end(w);
}

static void write_share_or(struct writer *w, const struct field *share, const char *object)
{
    writer_object(w);
    writer_kv_array(w, "anyOf");
    field_schema(w, share);
    write_ref(w, object);
    writer_end(w);
    writer_end(w);
}

static void write_list(struct writer *w, const struct field *f, const char *items, size_t max)
{
    writer_object(w);
    writer_kv_string(w, "description", f->help);
    writer_kv_string(w, "type", "array");
    writer_kv_int(w, "minItems", strcmp(f->name, "notify") == 0 ? 0 : 1);
    writer_kv_int(w, "maxItems", (int64_t)max);
    writer_key(w, "items");
    if (strcmp(items, "step") == 0)
        write_share_or(w, &spec_parts[PART_STEP].fields[0], items);
    else
        write_ref(w, items);
    writer_end(w);
}

static void write_word_field(struct writer *w, const struct field *f,
                             const struct word *const *words, size_t n)
{
    writer_object(w);
    writer_kv_string(w, "description", f->help);
    write_words(w, words, n);
    writer_end(w);
}

static void write_told(struct writer *w, const struct field *f)
{
    static const struct field word = {.type = FIELD_CHOICE, .choices = SPEC_NOTIFY_WORDS};
    writer_object(w);
    writer_kv_string(w, "description", f->help);
    writer_kv_string(w, "type", "array");
    writer_kv_int(w, "minItems", 1);
    writer_kv_int(w, "maxItems", 5);
    writer_key(w, "items");
    field_schema(w, &word);
    writer_end(w);
}

/* Fields with readers of their own, by name: names of parts differ from part to part. */
static void write_part_field(struct writer *w, const struct field *f, const struct vocabulary *v)
{
    const char *name = f->name;
    if (strcmp(name, "apiVersion") == 0)
        write_const(w, SPEC_API_VERSION);
    else if (strcmp(name, "kind") == 0)
        write_const(w, SPEC_KIND);
    else if (strcmp(name, "type") == 0)
        write_word_field(w, f, v->patterns, v->n_patterns);
    else if (strcmp(name, "method") == 0)
        write_word_field(w, f, v->methods, v->n_methods);
    else if (strcmp(name, "steps") == 0)
        write_list(w, f, "step", MODEL_STEPS_MAX);
    else if (strcmp(name, "metrics") == 0)
        write_list(w, f, "metric", MODEL_METRICS_MAX);
    else if (strcmp(name, "notify") == 0)
        write_list(w, f, "notification", SPEC_NOTIFY_MAX);
    else if (strcmp(name, "on") == 0)
        write_told(w, f);
    else if (strcmp(name, "margin") == 0)
        write_share_or(w, &spec_parts[PART_MARGIN].fields[0], name);
    else if (strcmp(name, "tolerance") == 0)
        write_share_or(w, &spec_parts[PART_TOLERANCE].fields[0], name);
    else
        write_ref(w, name);
}

static void write_properties(struct writer *w, const struct field *fields, size_t n,
                             const struct vocabulary *v)
{
    for (size_t i = 0; i < n; i++) {
        writer_key(w, fields[i].name);
        if (fields[i].type == FIELD_PART)
            write_part_field(w, &fields[i], v);
        else
            field_schema(w, &fields[i]);
    }
}

static void write_required(struct writer *w, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fields[i].is_required && !fields[i].is_target)
            writer_string(w, fields[i].name);
}

/* The members of an object that is open for more tables: close with close_object(). */
static void write_object(struct writer *w, const char *help)
{
    if (help)
        writer_kv_string(w, "description", help);
    writer_kv_string(w, "type", "object");
    writer_kv_bool(w, "additionalProperties", false);
}

static void write_part(struct writer *w, enum spec_part_id id, const struct vocabulary *v)
{
    const struct spec_part *part = &spec_parts[id];
    write_object(w, part->help);
    if (id == PART_MARGIN || id == PART_TOLERANCE)
        writer_kv_int(w, "minProperties", 1);
    writer_kv_array(w, "required");
    write_required(w, part->fields, part->n);
    writer_end(w);
    writer_kv_object(w, "properties");
    write_properties(w, part->fields, part->n, v);
    /* Fields of a pattern and of a method stand beside the part's own; which of them fit together
     * is checked when the spec is read. */
    const struct word *const *beside = id == PART_STRATEGY ? v->patterns
                                       : id == PART_POLICY ? v->methods
                                                           : NULL;
    size_t n = id == PART_STRATEGY ? v->n_patterns : id == PART_POLICY ? v->n_methods : 0;
    for (size_t i = 0; i < n; i++)
        write_properties(w, beside[i]->fields, beside[i]->n_fields, v);
    writer_end(w);
}

/* The required target fields of a word, or `connection` in their place; never both. */
static void write_targets(struct writer *w, const struct word *word)
{
    writer_kv_array(w, "oneOf");
    writer_object(w);
    writer_kv_array(w, "required");
    writer_string(w, "connection");
    writer_end(w);
    writer_end(w);
    writer_object(w);
    writer_kv_array(w, "required");
    for (size_t i = 0; i < word->n_fields; i++)
        if (word->fields[i].is_target && word->fields[i].is_required)
            writer_string(w, word->fields[i].name);
    writer_end(w);
    writer_end(w);
    writer_end(w);
}

static void write_word(struct writer *w, const struct word *word, bool has_kind,
                       const struct vocabulary *v)
{
    writer_object(w);
    write_object(w, word->help);
    writer_kv_array(w, "required");
    if (has_kind)
        writer_string(w, "kind");
    write_required(w, word->fields, word->n_fields);
    writer_end(w);
    if (word_has_targets(word))
        write_targets(w, word);
    writer_kv_object(w, "properties");
    if (has_kind) {
        writer_key(w, "kind");
        write_const(w, word->name);
    }
    if (word_has_targets(word)) {
        writer_key(w, "connection");
        field_schema(w, &connection_field);
    }
    write_properties(w, word->fields, word->n_fields, v);
    writer_end(w);
    writer_end(w);
}

static void write_platform(struct writer *w, const struct vocabulary *v)
{
    writer_kv_array(w, "oneOf");
    for (size_t i = 0; i < v->n_platforms; i++)
        write_word(w, v->platforms[i], true, v);
    writer_end(w);
}

static void write_source(struct writer *w, const struct vocabulary *v)
{
    write_object(w, NULL);
    writer_kv_int(w, "minProperties", 1);
    writer_kv_int(w, "maxProperties", 1);
    writer_kv_object(w, "properties");
    for (size_t i = 0; i < v->n_sources; i++) {
        writer_key(w, v->sources[i]->name);
        write_word(w, v->sources[i], false, v);
    }
    writer_end(w);
}

void spec_schema(const struct vocabulary *v, struct buf *out)
{
    static const struct {
        const char *name;
        enum spec_part_id id;
    } defs[] = {
        {"metadata", PART_METADATA}, {"strategy", PART_STRATEGY},   {"step", PART_STEP},
        {"metric", PART_METRIC},     {"margin", PART_MARGIN},       {"tolerance", PART_TOLERANCE},
        {"policy", PART_POLICY},     {"notification", PART_NOTIFY},
    };
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    writer_kv_string(&w, "title", "Release Judge, " SPEC_API_VERSION " " SPEC_KIND);
    write_part(&w, PART_DOCUMENT, v);
    writer_kv_object(&w, "$defs");
    for (size_t i = 0; i < sizeof(defs) / sizeof(defs[0]); i++) {
        writer_kv_object(&w, defs[i].name);
        write_part(&w, defs[i].id, v);
        writer_end(&w);
    }
    writer_kv_object(&w, "platform");
    write_platform(&w, v);
    writer_end(&w);
    writer_kv_object(&w, "source");
    write_source(&w, v);
    writer_end(&w);
    writer_end(&w);
    writer_end(&w);
}
