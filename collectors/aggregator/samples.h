/*
 * Samples as they come: text lines (DogStatsD) and NDJSON, scanned by hand, no allocation a line.
 *
 *   http.errors:1|c|#service:checkout,cohort:candidate
 *   latency_ms:12.5:13:11.75|d|@0.5|#service:checkout,revision:4f2c9d1,region:eu
 *   {"service": "checkout", "cohort": "candidate", "metric": "latency_ms", "value": 12.5, "count":
 * 3}
 *
 * Good lines are kept, each refused line is counted and the first REFUSALS_LISTED_MAX are named
 * with their number (from 1) and the reason. A line that no running release asks for is `unrouted`:
 * fine, and nothing is kept of it. docs/collectors.md has the grammar.
 *
 * ingest_body() adds to the caller's shard and is done; ingest_batch() keeps the samples apart
 * until they are stored. Both may be called by any thread and never wait for the network or for
 * Redis.
 */
#ifndef COLLECTORS_AGGREGATOR_SAMPLES_H
#define COLLECTORS_AGGREGATOR_SAMPLES_H

#include "collectors/aggregator/aggregator.h"
#include "collectors/counters.h"
#include "collectors/limits.h"
#include "lib/base/buf.h"

struct ingest;

/*
 * How bodies are read: each format is defined beside its scanner. `read` hands every sample to
 * ingest_line or ingest_line_ahead, names what it refuses by ingest_refuse, and returns 0; or -1
 * when the body as a whole is not of this format.
 *
 * A format that can return -1 is_whole: what it read up to there must not count, so its bodies go
 * through ingest_batch only, which drops them.
 */
struct ingest_format {
    const char *name;
    int (*read)(struct ingest *in, const char *bytes, size_t len, struct err *err);
    bool is_whole;
    /* Each sample is a batch of its own under the key its reader gives (ingest_point): bodies go
     * through ingest_batch only, whose request needs no key. */
    bool has_point_keys;
    enum collector_counter refused;  /* counts ingest_answer.refused, however it came */
    enum collector_counter received; /* counts ingest_answer.lines of bodies over HTTP */
};

extern const struct ingest_format ingest_text, ingest_ndjson, ingest_emf, ingest_firehose;
extern const struct ingest_format ingest_otlp, ingest_otlp_json, ingest_remote_write;

/* Who sends. */
struct ingest_options {
    const struct ingest_format *format;
    bool is_authenticated;
    /* May the sender write samples of this service? NULL: of any. Not NUL-terminated. */
    bool (*may_service)(void *user, const char *service, size_t len);
    void *user;
    struct wall now; /* arrival: the time of samples that carry none */
};

struct refusal {
    uint64_t line;
    char reason[120];
};

struct ingest_answer {
    uint64_t lines;    /* not counting empty ones */
    uint64_t samples;  /* values taken (a packed line holds several) */
    uint64_t taken;    /* lines that reached a release */
    uint64_t unrouted; /* good lines no running release asks for */
    uint64_t late;     /* good lines whose block was sealed for every release that asks */
    uint64_t refused;
    struct refusal refusals[REFUSALS_LISTED_MAX];
    size_t n_refusals;
};

/* 0, also when every line was refused (answer says so); ERR_UNAVAILABLE past the memory limit, and
 * then nothing was taken. */
int ingest_body(struct aggregator *g, const struct ingest_options *options, const char *body,
                size_t len, struct ingest_answer *answer, struct err *err) WARN_UNUSED;

/* The same for a caller that already holds several bodies (datagrams that arrived together) and
 * counts their lines itself. */
struct ingest_piece {
    const char *bytes;
    size_t len;
};
int ingest_pieces(struct aggregator *g, const struct ingest_options *options,
                  const struct ingest_piece *pieces, size_t n, struct ingest_answer *answer,
                  struct err *err) WARN_UNUSED;

enum batch_result {
    BATCH_STORED,  /* in Redis, for every release that asked */
    BATCH_DUP,     /* this key had been stored before: nothing was added */
    BATCH_REUSED,  /* the key had been used with another digest: nothing was added (ERR_REUSED_KEY)
                    */
    BATCH_UNKNOWN, /* not known after batch_wait_ms: the caller may send it again with the same key
                    */
};
/* Runs once, on the flush thread, or before ingest_batch returns when nothing had to be stored.
 * Must not block and must not call back into the aggregator. */
typedef void batch_done(void *user, enum batch_result result);

struct batch_request {
    const char *key;    /* Idempotency-Key, at most 255 bytes, or NULL */
    const char *digest; /* of the body, with a key */
    batch_done *done;
    void *user;
};
/* 0: done() is or will be called. -1: it will not (ERR_UNAVAILABLE: too much is waiting; ERR_INPUT:
 * the key is too long, or the body is not of this format; ERR_TOO_LARGE: more totals than fit one
 * commit). A batch without a key that is sent twice counts twice. */
int ingest_batch(struct aggregator *g, const struct ingest_options *options, const char *body,
                 size_t len, const struct batch_request *request, struct ingest_answer *answer,
                 struct err *err) WARN_UNUSED;

/* {"lines": 3, "samples": 2, "taken": 2, "unrouted": 0, "late": 0, "refused": 1,
 *  "refusals": [{"line": 2, "reason": "..."}]} */
void ingest_answer_json(const struct ingest_answer *answer, struct buf *out);

#endif
