/*
 * The words a spec may use, as data: sources, patterns, platforms, methods, each with its fields.
 *
 * A word's table stands in the file it describes (collectors/scrape/scrape.c, strategies/canary.c,
 * strategies/platforms/haproxy.c ...); judge/vocabulary.c gathers them: that is the one line a new
 * word costs. Reading a spec, JSON Schema, `judgectl validate`, `judgectl platforms` and docs come
 * from them.
 */
#ifndef LIB_MODEL_VOCABULARY_H
#define LIB_MODEL_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/node.h"
#include "lib/model/nouns.h"

enum field_type {
    FIELD_STRING,   /* const char *; NULL when absent and without default */
    FIELD_NAME,     /* const char *; [a-z0-9-], at most MODEL_NAME_MAX */
    FIELD_URL,      /* const char *; http:// or https:// */
    FIELD_BOOL,     /* bool */
    FIELD_INT,      /* int64_t */
    FIELD_NUMBER,   /* double; NAN when absent and without default */
    FIELD_FRACTION, /* double; "1%" or 0.01 */
    FIELD_DURATION, /* int64_t microseconds; text with a unit */
    FIELD_CHOICE,   /* int; index into `choices` ("a|b|c") */
    FIELD_LABELS,   /* struct labels; an object of strings */
    FIELD_COHORTS,  /* struct cohort_labels; {baseline: {...}, candidate: {...}} */
    FIELD_PART, /* an object or list with a reader of its own (spec.c); never in a word's table */
};

struct label {
    const char *name;
    const char *value;
};
struct labels {
    const struct label *items;
    size_t n;
};
struct cohort_labels {
    struct labels baseline, candidate;
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset;       /* of the member in the word's config struct */
    bool is_required;    /* a target field: unless `connection` is given */
    double min, max;     /* INT, NUMBER, FRACTION, DURATION (in seconds); both 0: unbounded */
    const char *dflt;    /* as text, or NULL */
    const char *choices; /* FIELD_CHOICE */
    const char *unit;    /* for help and schema, or NULL */
    const char *help;    /* one line */
    bool is_target;      /* says where to act: allowed inline only where options say so */
    bool is_operators; /* as whom to act (a secret's name): a target that only a connection gives */
};

/* When the finished points of a source can be read (words with `timing`). */
struct source_timing {
    int64_t period_us; /* between two points: a block holds whole periods */
    int64_t delay_us;  /* after a block's end its points are final */
    int64_t tail;      /* blocks before the final one that are read again, to see late points */
};

struct word {
    const char *name;
    const char *help; /* one line */
    /* The kind of its connections where several words share one, as `aws`; NULL: its name. */
    const char *connection_kind;
    const struct field *fields;
    size_t n_fields;
    size_t config_size; /* of the struct the fields fill */
    int64_t period_us;  /* sources: its period; a block is never shorter. 0: none */
    /* What a table cannot say: 0, or -1 with the complaint in err. May be NULL. `config` is the
     * filled struct; it is called only when every field was read without complaint. */
    int (*check)(const void *config, const struct node *where, struct err *err);
    /* Sources: can it feed a metric of this kind? As `check`. May be NULL. */
    int (*check_metric)(const void *config, enum metric_kind kind, struct err *err);
    /* Sources: it feeds metrics of kind alarm, which no other source does. */
    bool is_alarm;
    /* Sources whose points we fetch: when they are there. NULL: its samples come by themselves and
     * wait for policy.lateness. */
    struct source_timing (*timing)(const void *config);
    const void
        *implementation; /* the room's descriptor: struct source, pattern, platform, or NULL */
};

struct vocabulary {
    const struct word *const *sources;
    size_t n_sources;
    const struct word *const *patterns;
    size_t n_patterns;
    const struct word *const *platforms;
    size_t n_platforms;
    const struct word *const *methods;
    size_t n_methods;
};

/* A copy of a config in an arena, texts and labels too. */
const void *word_config_dup(const struct word *word, const void *config, struct arena *a);
/* Mixes the config into a digest: the same for configs that are equal, field by field. */
uint64_t word_config_digest(const struct word *word, const void *config, uint64_t seed);

static inline const char *word_connection_kind(const struct word *word)
{
    return word->connection_kind ? word->connection_kind : word->name;
}

/* The word of that name in a list, or NULL. */
const struct word *word_find(const struct word *const *words, size_t n, const char *name);

#endif
