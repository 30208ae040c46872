/*
 * For the implementers of the aggregator: shards, and one run of a scanner over them.
 */
#ifndef COLLECTORS_AGGREGATOR_SHARD_H
#define COLLECTORS_AGGREGATOR_SHARD_H

#include <pthread.h>
#include <string.h>

#include "collectors/aggregator/samples.h"
#include "collectors/aggregator/series.h"
#include "collectors/aggregator/sums.h"

#define PACKED_MAX    (LINE_BYTES_MAX / 2) /* values of one line */
#define AHEAD_LINES   16 /* looked up together, so that their cache misses overlap */
#define SCRATCH_BYTES (AHEAD_LINES * WIRE_KEY_BYTES_MAX)

/* What one receiving thread adds to. All but the mutex is guarded by it. */
struct shard {
    pthread_mutex_t mutex;
    struct series_table series;
    struct sums_set open;  /* since the last flush */
    struct routes *routes; /* the snapshot this shard works with: a reference */
    uint64_t generation;
    double values[2 * PACKED_MAX + 1]; /* of the lines ahead */
    char scratch[SCRATCH_BYTES];       /* decoded strings of one NDJSON line; keys of lines ahead */
};

/* What a source summed up itself: the single values are gone. count >= 1, min <= max. */
struct statistic_set {
    uint64_t count;
    double sum, min, max;
};

/* A line that could be read; all pointers are borrowed. It brings values, or in their place a set
 * or a histogram. */
struct sample_line {
    struct series_key key;
    const double *values;
    size_t n;
    double weight;          /* samples each value stands for: 1 / sample rate, or `count` */
    const uint64_t *counts; /* the same for each value apart, or NULL */
    const struct statistic_set *set;
    const struct hist *hist; /* numbers of samples between edges */
    /* of cumulative series: values[0] is how far it stands (a histogram: its count) */
    const struct point_buckets *buckets;
    int64_t start_us; /* since when, as in struct cumulative_point */
    int64_t ts_us;
    int64_t
        period_us;   /* it is about so long, from ts_us on: a block must be as long; 0: a moment */
    uint64_t number; /* of the line, for a refusal */
    uint64_t hash;   /* of the key */
};

/* One request, batch or set of datagrams on its way into a shard. */
struct ingest {
    const struct ingest_options *options;
    struct ingest_answer *answer;
    struct shard *shard;   /* locked */
    struct sums_set *into; /* the shard's own, or a batch's */
    int64_t now_s;
    const char *line; /* being read */
    size_t line_len;
    uint64_t line_number; /* from 1, empty lines too */
    int64_t cached_ts, cached_block_us, cached_block;
    /* of formats that has_point_keys: takes over what a point adds */
    void (*keep)(void *user, struct sums_set *take, const char *key, const char *digest);
    void *keep_user;
    struct sample_line ahead[AHEAD_LINES];
    size_t n_ahead, n_values; /* lines and their values in shard->values */
    uint64_t n_shed;          /* lines dropped because too much waits for Redis */
};

static inline void ingest_init(struct ingest *in, const struct ingest_options *options,
                               struct ingest_answer *answer, struct shard *shard,
                               struct sums_set *into)
{
    in->options = options;
    in->answer = answer;
    in->shard = shard;
    in->into = into;
    in->now_s = options->now.us / US_PER_SECOND;
    in->line = "";
    in->line_len = 0;
    in->line_number = 0;
    in->cached_ts = INT64_MIN;
    in->cached_block_us = 0;
    in->keep = NULL;
    in->keep_user = NULL;
    in->n_ahead = in->n_values = 0;
    in->n_shed = 0;
}

/* Adds the line now. */
void ingest_line(struct ingest *in, struct sample_line *line);
/* Adds the line now, to a set of its own (uninitialised). false when nothing is in it; else the set
 * is the caller's, who gives it to in->keep. */
bool ingest_point(struct ingest *in, struct sample_line *line, struct sums_set *own);
/* Adds the line soon: its key and values must stay where they are until ingest_finish. */
void ingest_line_ahead(struct ingest *in, struct sample_line *line);
/* Where the next line ahead goes. One that is written there, every member of it, need not be
 * copied, which shows at ten million a second. */
static inline struct sample_line *ingest_line_place(struct ingest *in)
{
    return &in->ahead[in->n_ahead];
}
/* Adds what is still ahead and puts the refusals in order. */
void ingest_finish(struct ingest *in);
void ingest_refuse(struct ingest *in, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The next line that is not empty and not longer than max, without its end; NULL when there is
 * none. */
static inline const char *ingest_next_line(struct ingest *in, const char **at, const char *end,
                                           size_t max)
{
    while (*at < end) {
        const char *p = *at;
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        *at = newline ? newline + 1 : end;
        in->line_number++;
        if (stop > p && stop[-1] == '\r')
            stop--;
        if (stop == p)
            continue;
        in->answer->lines++;
        in->line = p;
        in->line_len = (size_t)(stop - p);
        if (in->line_len <= max)
            return p;
        ingest_refuse(in, "the line is longer than %zu bytes", max);
    }
    return NULL;
}
/* The calling thread's shard, locked and with the routes in force; shard_leave unlocks it. */
struct shard *shard_enter(struct aggregator *g);
void shard_leave(struct shard *s);
struct sums_budget *aggregator_budget(struct aggregator *g);
/* For formats that has_point_keys: `keep` takes every point that some release asks for. After -1
 * nothing of what it took may count. */
int ingest_kept(struct aggregator *g, const struct ingest_options *options,
                const struct ingest_piece *body,
                void (*keep)(void *user, struct sums_set *take, const char *key,
                             const char *digest),
                void *user, struct ingest_answer *answer, struct err *err) WARN_UNUSED;
/* ingest_body into sums of the caller's own instead of the shard's. */
int ingest_apart(struct aggregator *g, const struct ingest_options *options, const char *body,
                 size_t len, struct sums_set *apart, struct ingest_answer *answer,
                 struct err *err) WARN_UNUSED;

#endif
