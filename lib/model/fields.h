/*
 * Reading an object against tables of fields: types, units, ranges, choices, required and unknown
 * names. Every complaint is kept, not only the first. Used for specs (spec.c) and for the
 * operator's connections; the spec's own parts and the vocabulary's words go through the same code.
 */
#ifndef LIB_MODEL_FIELDS_H
#define LIB_MODEL_FIELDS_H

#include "lib/base/arena.h"
#include "lib/base/node.h"
#include "lib/base/writer.h"
#include "lib/model/spec.h"

/* Collects complaints in an arena. */
struct reader {
    struct arena *arena;
    struct complaint *items; /* COMPLAINTS_MAX of them */
    size_t n;
    bool is_cut; /* more were found than are listed */
};

void reader_init(struct reader *r, struct arena *a);
/* About `child` of `at`, or about `at` itself when child is NULL. Message without a full stop. */
void complain(struct reader *r, const struct node *at, const char *child, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* "metrics[0].margin": the path of `at`, with `.child` when not NULL; in the arena. */
const char *field_path(struct arena *a, const struct node *at, const char *child);

/* Fields and the struct their offsets are of. */
struct field_table {
    const struct field *fields;
    size_t n;
    void *target;
};

/*
 * Fills the targets from an object. Unknown members, wrong values and missing required fields are
 * complained about; `what` names the object ("a push source"). Members that are null count as
 * absent. FIELD_PART members are only checked for presence. True when nothing was complained about.
 */
bool fields_read(struct reader *r, const struct node *object, const char *what,
                 const struct field_table *tables, size_t n);

/*
 * A word with its config: the members of `object` that `common` (the fields beside the word's own,
 * may be empty) does not hold. Applies the rules about targets and `connection`, then the word's
 * check.
 */
bool word_read(struct reader *r, const struct node *object, const char *what,
               const struct word *word, const struct spec_options *options,
               const struct field_table *common, struct spec_word *out);
bool word_has_targets(const struct word *word);
/* The field `connection` that words with targets have. */
extern const struct field connection_field;

/* The word of that name, or NULL with a complaint that names those there are. */
const struct word *reader_word(struct reader *r, const struct node *at, const char *what,
                               const struct word *const *words, size_t n);

/* One value into target (field_value.c). False with a complaint. */
bool field_read(struct reader *r, const struct node *value, const struct field *f, void *target);

/* What a user wrote, cut to a length fit for a message: `12`, a list, an object, null. */
const char *shown_value(struct arena *a, const struct node *n);

/* ---- writing (fields_write.c) ---- */

/* The members of one table, defaults written out, absent ones left out. */
void fields_write(struct writer *w, const struct field *fields, size_t n, const void *target);
void word_write(struct writer *w, const struct spec_word *word);
/* What would be right: "a duration from 100 ms to 1 h, as in 30s". */
const char *field_wants(struct arena *a, const struct field *f);
/* The schema of one field's value (not FIELD_PART). */
void field_schema(struct writer *w, const struct field *f);

/* The name in `names` closest to `text` (a slip of the hand away), or NULL. */
const char *nearest_name(const char *text, const char *const *names, size_t n);

#endif
