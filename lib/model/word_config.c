/*
 * A word's config as a value: copied and compared by its table of fields, so that what passes a
 * config on (routes of the collectors) needs to know no word.
 */
#include <string.h>

#include "lib/base/map.h"
#include "lib/model/vocabulary.h"

static struct labels labels_dup(const struct labels *from, struct arena *a)
{
    struct label *items = arena_array(a, from->n ? from->n : 1, sizeof(*items));
    for (size_t i = 0; i < from->n; i++)
        items[i] = (struct label){arena_strdup(a, from->items[i].name),
                                  arena_strdup(a, from->items[i].value)};
    return (struct labels){items, from->n};
}

const void *word_config_dup(const struct word *word, const void *config, struct arena *a)
{
    if (!config)
        return NULL;
    char *copy = arena_copy(a, config, word->config_size);
    for (size_t i = 0; i < word->n_fields; i++) {
        void *at = copy + word->fields[i].offset;
        switch (word->fields[i].type) {
        case FIELD_STRING:
        case FIELD_NAME:
        case FIELD_URL: {
            const char **text = at;
            *text = *text ? arena_strdup(a, *text) : NULL;
            break;
        }
        case FIELD_LABELS: {
            struct labels *labels = at;
            *labels = labels_dup(labels, a);
            break;
        }
        case FIELD_COHORTS: {
            struct cohort_labels *cohorts = at;
            cohorts->baseline = labels_dup(&cohorts->baseline, a);
            cohorts->candidate = labels_dup(&cohorts->candidate, a);
            break;
        }
        default: /* a value */
            break;
        }
    }
    return copy;
}

/* The length keeps neighbours apart. */
static void mix(uint64_t *digest, const void *bytes, size_t len)
{
    uint64_t part[3] = {*digest, len, map_hash(bytes, len)};
    *digest = map_hash(part, sizeof(part));
}

static void mix_text(uint64_t *digest, const char *text)
{
    mix(digest, text ? text : "", text ? strlen(text) : 0);
}

static void mix_labels(uint64_t *digest, const struct labels *labels)
{
    mix(digest, &labels->n, sizeof(labels->n));
    for (size_t i = 0; i < labels->n; i++) {
        mix_text(digest, labels->items[i].name);
        mix_text(digest, labels->items[i].value);
    }
}

uint64_t word_config_digest(const struct word *word, const void *config, uint64_t seed)
{
    uint64_t digest = seed;
    mix_text(&digest, word->name);
    for (size_t i = 0; config && i < word->n_fields; i++) {
        const struct field *f = &word->fields[i];
        const void *at = (const char *)config + f->offset;
        const struct cohort_labels *cohorts = at;
        switch (f->type) {
        case FIELD_STRING:
        case FIELD_NAME:
        case FIELD_URL:
            mix_text(&digest, *(const char *const *)at);
            break;
        case FIELD_BOOL:
            mix(&digest, at, sizeof(bool));
            break;
        case FIELD_CHOICE:
            mix(&digest, at, sizeof(int));
            break;
        case FIELD_INT:
        case FIELD_DURATION:
            mix(&digest, at, sizeof(int64_t));
            break;
        case FIELD_NUMBER:
        case FIELD_FRACTION:
            mix(&digest, at, sizeof(double));
            break;
        case FIELD_LABELS:
            mix_labels(&digest, at);
            break;
        case FIELD_COHORTS:
            mix_labels(&digest, &cohorts->baseline);
            mix_labels(&digest, &cohorts->candidate);
            break;
        case FIELD_PART:
            break;
        }
    }
    return digest;
}
