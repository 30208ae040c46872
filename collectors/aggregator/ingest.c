/*
 * The ways in: a body or some datagrams into the calling thread's shard, or into sums kept apart.
 */
#include <stddef.h>
#include <string.h>

#include "collectors/aggregator/shard.h"
#include "lib/base/writer.h"

/* How many a refused body held: lines, or one when only its reader could tell. */
static int64_t count_lines(const struct ingest_format *format, const struct ingest_piece *piece)
{
    int64_t lines = 0;
    if (format->is_whole)
        return 1;
    for (size_t i = 0; i < piece->len; i++)
        lines += piece->bytes[i] == '\n';
    return lines + (piece->len && piece->bytes[piece->len - 1] != '\n');
}

/* Where samples go instead of into the shard's own sums. */
struct apart {
    struct sums_set *sums;
    void (*keep)(void *user, struct sums_set *take, const char *key, const char *digest);
    void *user;
};

static int ingest_run(struct aggregator *g, const struct ingest_options *options,
                      const struct ingest_piece *pieces, size_t n, const struct apart *apart,
                      struct ingest_answer *answer, struct err *err)
{
    memset(answer, 0, offsetof(struct ingest_answer, refusals));
    answer->n_refusals = 0;
    if (!sums_budget_left(aggregator_budget(g))) {
        int64_t lines = 0;
        for (size_t i = 0; i < n; i++)
            lines += count_lines(options->format, &pieces[i]);
        collectors_count(COUNT_SHED, lines);
        return err_set(err, ERR_UNAVAILABLE,
                       "too many samples wait for Redis: nothing was taken, send them again later");
    }
    struct shard *shard = shard_enter(g);
    struct ingest in; /* the lines ahead need no zeros */
    ingest_init(&in, options, answer, shard, apart && apart->sums ? apart->sums : &shard->open);
    in.keep = apart ? apart->keep : NULL;
    in.keep_user = apart ? apart->user : NULL;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = options->format->read(&in, pieces[i].bytes, pieces[i].len, err);
    ingest_finish(&in);
    shard_leave(shard);
    if (rc != 0) {
        collectors_count(COUNT_BODIES_REFUSED, 1);
        return -1;
    }
    if (apart && in.n_shed > 0) /* a batch is stored whole or not at all */
        return err_set(err, ERR_UNAVAILABLE,
                       "too many samples wait for Redis: nothing was taken, send them again later");
    collectors_count(COUNT_SAMPLES, (int64_t)answer->samples);
    collectors_count(COUNT_UNROUTED, (int64_t)answer->unrouted);
    collectors_count(COUNT_LATE, (int64_t)answer->late);
    collectors_count(COUNT_REFUSED, (int64_t)answer->refused);
    collectors_count(options->format->refused, (int64_t)answer->refused);
    return 0;
}

int ingest_body(struct aggregator *g, const struct ingest_options *options, const char *body,
                size_t len, struct ingest_answer *answer, struct err *err)
{
    struct ingest_piece piece = {body, len};
    BUG_ON(options->format->has_point_keys);
    BUG_ON(options->format->is_whole); /* what was read before a fault would stay */
    if (ingest_run(g, options, &piece, 1, NULL, answer, err) != 0)
        return -1;
    collectors_count(options->format->received, (int64_t)answer->lines);
    return 0;
}

int ingest_pieces(struct aggregator *g, const struct ingest_options *options,
                  const struct ingest_piece *pieces, size_t n, struct ingest_answer *answer,
                  struct err *err)
{
    BUG_ON(options->format->is_whole);
    return ingest_run(g, options, pieces, n, NULL, answer, err);
}

int ingest_apart(struct aggregator *g, const struct ingest_options *options, const char *body,
                 size_t len, struct sums_set *apart, struct ingest_answer *answer, struct err *err)
{
    struct ingest_piece piece = {body, len};
    if (ingest_run(g, options, &piece, 1, &(struct apart){.sums = apart}, answer, err) != 0)
        return -1;
    collectors_count(options->format->received, (int64_t)answer->lines);
    return 0;
}

int ingest_kept(struct aggregator *g, const struct ingest_options *options,
                const struct ingest_piece *body,
                void (*keep)(void *user, struct sums_set *take, const char *key,
                             const char *digest),
                void *user, struct ingest_answer *answer, struct err *err)
{
    const struct apart apart = {.keep = keep, .user = user};
    if (ingest_run(g, options, body, 1, &apart, answer, err) != 0)
        return -1;
    collectors_count(options->format->received, (int64_t)answer->lines);
    return 0;
}

void ingest_answer_json(const struct ingest_answer *answer, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_int(&w, "lines", (int64_t)answer->lines);
    writer_kv_int(&w, "samples", (int64_t)answer->samples);
    writer_kv_int(&w, "taken", (int64_t)answer->taken);
    writer_kv_int(&w, "unrouted", (int64_t)answer->unrouted);
    writer_kv_int(&w, "late", (int64_t)answer->late);
    writer_kv_int(&w, "refused", (int64_t)answer->refused);
    writer_kv_array(&w, "refusals");
    for (size_t i = 0; i < answer->n_refusals; i++) {
        writer_object(&w);
        writer_kv_int(&w, "line", (int64_t)answer->refusals[i].line);
        writer_kv_string(&w, "reason", answer->refusals[i].reason);
        writer_end(&w);
    }
    writer_end(&w);
    writer_end(&w);
}
