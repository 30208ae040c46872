/*
 * A release spec (`judge/v1`, kind Release): read against a vocabulary, every complaint listed.
 *
 * The struct lives in the arena it was read into and is never changed after. `canonical` is the
 * spec as JSON with every default written out: what is stored, hashed and shown; reading it again
 * gives an equal spec. Vocabulary parts (source, strategy, platform) are a word plus its config
 * struct.
 */
#ifndef LIB_MODEL_SPEC_H
#define LIB_MODEL_SPEC_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/model/nouns.h"
#include "lib/model/vocabulary.h"

struct spec_word {
    const struct word *word; /* NULL: not given */
    const void *config;      /* word->config_size bytes */
    const char *connection;  /* the operator's connection that gives the target fields, or NULL */
};

struct spec_margin { /* NAN: not given */
    double relative;
    double absolute;
};

struct spec_metric {
    const char *name;
    enum metric_kind kind;
    enum harm_direction harm;
    enum metric_role role;
    double quantile;              /* METRIC_QUANTILE: 0.95 (field `quantile: 95%` or p95) */
    double cap;                   /* METRIC_MEAN: values beyond count as this; NAN: none */
    struct spec_margin margin;    /* at least one part for guardrails and signals */
    struct spec_margin tolerance; /* default relative 0 */
    double weight;       /* alpha's share; weights of judged metrics add to 1, info's is 0 */
    double weight_given; /* as written; 1 by default */
    const char *unit;    /* for display: "ms" */
    /* how long after its end a block is final: policy.lateness, or the source's delay if longer */
    int64_t lateness_us;
    struct spec_word source;
};

struct spec_step {
    double share;        /* (0, 1] rising; the last is 1 */
    int64_t min_time_us; /* 0: none */
    uint64_t min_samples;
    bool approval; /* waits for an order promote after the evidence */
};

enum on_deadline { ON_DEADLINE_HOLD, ON_DEADLINE_ROLLBACK };
enum on_no_data { ON_NO_DATA_HOLD, ON_NO_DATA_ROLLBACK };
enum trust { TRUST_ANY, TRUST_AUTHENTICATED };

struct spec_policy {
    const struct word *method; /* "anytime" */
    double alpha, beta;
    int64_t block_us;
    int64_t lateness_us; /* how long after its end a block waits for its samples */
    int64_t deadline_us; /* of the judging; 0: none */
    enum on_deadline on_deadline;
    enum on_no_data on_no_data;
    int64_t no_data_us; /* silence after which health is no_data */
    int64_t min_blocks; /* a step, default 20 */
    enum trust trust;
};

struct spec_notify {
    const char *to; /* connection or URL */
    unsigned on;    /* bits 1 << enum verdict_word */
};

struct spec {
    const char *name, *service, *environment, *revision;
    enum mode mode;
    /* strategy */
    struct spec_word pattern; /* type: canary + its own fields */
    const struct spec_step *steps;
    size_t n_steps;
    int64_t settle_us;
    int64_t bake_us;        /* 0: none */
    double first_share_max; /* 5 % by default: the first step may not exceed it */
    struct spec_word platform;
    const struct spec_metric *metrics;
    size_t n_metrics;
    struct spec_policy policy;
    const struct spec_notify *notify;
    size_t n_notify;
    const char *canonical; /* JSON */
    size_t canonical_len;
};

struct complaint {
    int line;            /* 0: JSON */
    const char *where;   /* "line 12" or "/metrics/0/margin" */
    const char *field;   /* "metrics[0].margin" */
    const char *message; /* what is wrong and what would be right */
};
struct complaints {
    struct complaint *items;
    size_t n;
};

struct spec_options {
    const struct vocabulary *vocabulary;
    bool allow_inline_targets;
};

/* 0, or -1 with err summing up ("3 complaints; line 4: ...") and *list (may be NULL) holding all.
 */
int spec_read(struct spec *spec, const struct node *document, const struct spec_options *options,
              struct complaints *list, struct arena *a, struct err *err) WARN_UNUSED;
/* The JSON Schema (2020-12) of kind Release for this vocabulary. */
void spec_schema(const struct vocabulary *v, struct buf *out);
/* The same as Markdown: a table for each part and each word (the middle of docs/spec.md). */
void spec_reference(const struct vocabulary *v, struct buf *out);

/*
 * Fills the target fields (socket, url, target ...) of a word that names a connection from what the
 * operator declared: an object {kind: haproxy, socket: ...}. w->config is replaced by a filled copy
 * in the arena. ERR_SPEC when the connection is of another kind or lacks a field.
 */
int spec_word_connect(struct spec_word *w, const struct node *connection, struct arena *a,
                      struct err *err) WARN_UNUSED;
/* The same for every word of a spec that names a connection; `connections` is the operator's object
 * of them by name, may be NULL. ERR_SPEC names the connection that does not exist. The canonical
 * form keeps the names. */
int spec_connect(struct spec *spec, const struct node *connections, struct arena *a,
                 struct err *err) WARN_UNUSED;

#endif
