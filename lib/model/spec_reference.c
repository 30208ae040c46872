/*
 * The spec's reference as Markdown: the middle of docs/spec.md, held to this by a test.
 */
#include "lib/model/spec_priv.h"

#include <string.h>

/* In a table cell a | would end the cell. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_fields(struct buf *out, const struct field *fields, size_t n, struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        const char *dflt = f->is_target && f->is_required ? "required, or `connection`"
                           : f->is_required               ? "required"
                           : f->dflt                      ? arena_printf(a, "`%s`", f->dflt)
                                                          : "";
        buf_addf(out, "| `%s` | ", f->name);
        add_cell(out, f->type == FIELD_PART ? "see there" : field_wants(a, f));
        buf_addf(out, " | %s | ", dflt);
        add_cell(out, f->help);
        buf_add_str(out, " |\n");
    }
}

static void add_head(struct buf *out)
{
    buf_add_str(out, "| field | value | default | meaning |\n|---|---|---|---|\n");
}

static void add_word(struct buf *out, const char *path, const struct word *word, struct arena *a)
{
    buf_addf(out, "### %s `%s`\n\n%s.\n\n", path, word->name, word->help);
    bool has_targets = word_has_targets(word);
    if (word->n_fields == 0 && !has_targets) {
        buf_add_str(out, "No fields of its own.\n\n");
        return;
    }
    add_head(out);
    if (has_targets)
        add_fields(out, &connection_field, 1, a);
    add_fields(out, word->fields, word->n_fields, a);
    buf_add_char(out, '\n');
}

static void add_words(struct buf *out, const char *title, const char *path,
                      const struct word *const *words, size_t n, struct arena *a)
{
    buf_addf(out, "## %s\n\n", title);
    for (size_t i = 0; i < n; i++)
        add_word(out, path, words[i], a);
}

void spec_reference(const struct vocabulary *v, struct buf *out)
{
    struct arena a;
    arena_init(&a);
    buf_add_str(out, "## Parts\n\n");
    for (int i = 0; i < PART_COUNT; i++) {
        const struct spec_part *part = &spec_parts[i];
        buf_addf(out, "### %s\n\n%s\n\n", part->path[0] ? part->path : "the document", part->help);
        add_head(out);
        add_fields(out, part->fields, part->n, &a);
        buf_add_char(out, '\n');
    }
    add_words(out, "Sources", "source", v->sources, v->n_sources, &a);
    add_words(out, "Patterns", "type", v->patterns, v->n_patterns, &a);
    add_words(out, "Platforms", "platform", v->platforms, v->n_platforms, &a);
    add_words(out, "Methods", "method", v->methods, v->n_methods, &a);
    arena_release(&a);
}
