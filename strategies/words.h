/*
 * The patterns and platforms a spec may name, as tables (words.c), and the structs their fields
 * fill. Fields every pattern has (steps, settle, bake ...) stand in lib/model/spec_tables.c.
 *
 * Checklist for a new word: its table and config here, its descriptor as `implementation`, one line
 * in judge/vocabulary/vocabulary.c, its section in docs/spec.md.
 */
#ifndef STRATEGIES_WORDS_H
#define STRATEGIES_WORDS_H

#include "lib/model/vocabulary.h"

struct haproxy_config {
    const char *socket; /* path or host:port; NULL while only a connection is named */
    const char *backend;
    const char *stable; /* server names in the backend */
    const char *candidate;
};

struct webhook_config {
    const char *url;        /* NULL while only a connection is named */
    const char *secret_ref; /* name of the secret that signs the calls */
    int64_t timeout_us;     /* of one call */
};

extern const struct word canary_word;

extern const struct word haproxy_word;
extern const struct word webhook_word;
extern const struct word none_word;

#endif
